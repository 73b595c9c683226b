/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BASE_COLLATERAL_H
#define LK_BASE_COLLATERAL_H
/*
 * What vendors sign about their platforms, in named pieces (docs/collateral.md): what verifier, keeper and the
 * administrator's program agree on.
 */
#include "proto/base/report.h"

#define LK_COLLATERAL_NAME_MAX 192           /* bytes of a name */
#define LK_COLLATERAL_PIECES_MAX 256         /* of one request */
#define LK_COLLATERAL_PIECE_MAX (128u << 10) /* bytes of one */
#define LK_COLLATERAL_REQUEST_MAX (2u << 20) /* bytes of the pieces of one request */
#define LK_COLLATERAL_COUNT_MAX (1u << 17)   /* pieces that are kept */
#define LK_COLLATERAL_BYTES_MAX (UINT64_C(256) << 20)

/* Segments of a-z, 0-9 and "-", separated by single slashes; at least two, at most LK_COLLATERAL_NAME_MAX bytes. */
bool lk_collateral_name_ok(struct lk_bytes name);

enum lk_collateral_kind { LK_COLLATERAL_CERTIFICATE = 1, LK_COLLATERAL_CHAIN, LK_COLLATERAL_CRL, LK_COLLATERAL_DOCUMENT };
const char *lk_collateral_kind_name(enum lk_collateral_kind kind);

/* What is said of a piece beside its bytes. */
struct lk_collateral_facts {
    enum lk_collateral_kind kind;
    uint64_t number; /* tcbEvaluationDataNumber, CRL number; 0 for certificates */
    int64_t issued;  /* issueDate, thisUpdate, notBefore */
    int64_t until;   /* nextUpdate, notAfter: the last second */
};

/*
 * The result of using the broker's own piece of that name. What is wrong with it is no verdict about the evidence: a result that says
 * malformed or not authentic becomes COLLATERAL_BAD, and its findings since `before` one that names the piece. A result of
 * what is out of date stays, and the piece is noted as missing. CERT_REVOKED stays: only a list that holds says it.
 */
lk_result lk_collateral_blame(struct lk_report *report, size_t before, lk_result r, const char *item, const char *name);

struct lk_collateral_piece {
    struct lk_finding why;                 /* code OK: it is what follows; else why it is not */
    char name[LK_COLLATERAL_NAME_MAX + 1]; /* "": a certificate that serves as an issuer only; nothing is kept */
    struct lk_collateral_facts facts;
    struct lk_bytes bytes; /* as they are kept */
};

#endif
