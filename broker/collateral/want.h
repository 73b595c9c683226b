/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLATERAL_WANT_H
#define LK_COLLATERAL_WANT_H
/*
 * From a collateral name to the request that gets it: AMD's key service (AMD publication 57230) and Intel's Provisioning
 * Certification Service version 4 or a cache of it. Names and what they mean: docs/evidence-sev-snp.md, docs/evidence-tdx.md.
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

#define LK_WANT_NAME_MAX 192
#define LK_WANT_URL_MAX 640
#define LK_WANT_BASE_MAX 256

enum lk_vendor { LK_VENDOR_AMD, LK_VENDOR_INTEL, LK_VENDORS };

/* "amd", "intel". */
const char *lk_vendor_name(enum lk_vendor v);

enum lk_answer_form {
    LK_ANSWER_CERT,       /* one certificate, DER */
    LK_ANSWER_CHAIN,      /* certificates, PEM */
    LK_ANSWER_CRL,        /* DER, or its hex digits as PCCS 3.0 writes them */
    LK_ANSWER_TCB_INFO,   /* JSON */
    LK_ANSWER_QE_IDENTITY /* JSON */
};

/* How the services are asked. */
struct lk_services {
    char base[LK_VENDORS][LK_WANT_BASE_MAX]; /* "https://kdsintf.amd.com", no slash at the end; "" when not named */
    const char *update;                      /* "early" or "standard" for Intel's documents; NULL: as the service likes */
};

struct lk_want {
    char name[LK_WANT_NAME_MAX];
    enum lk_vendor vendor;
    enum lk_answer_form form;
    const char *chain; /* name of the issuer chain that comes in the answer's header: "sgx/tcb-chain"; NULL: none does */
    bool chain_only;   /* this name is that chain: of the answer nothing else is wanted */
    char url[2][LK_WANT_URL_MAX]; /* asked in turn: the second when the first is not found */
    size_t n_urls;
};

/* Takes a service's URL: https, a host, no user, query or fragment. USAGE. */
LK_MUST_USE lk_result lk_services_set(struct lk_services *s, enum lk_vendor v, const char *url);

/*
 * What to ask for this name. `product` is "milan", "genoa" or "turin" for a VCEK, or absent: then Milan and
 * Genoa, whose names look alike, are both asked. VENDOR_NAME, VENDOR_NOT_NAMED, VENDOR_VLEK: out->name is set then too
 * when it can be shown.
 */
LK_MUST_USE lk_result lk_want(const struct lk_services *s, struct lk_bytes name, struct lk_bytes product, struct lk_want *out);

/*
 * The file of a wanted name in a folder (docs/collateral.md): '/' as '_', and .json or .der: "sev-snp_crl_milan.der". False
 * when it does not fit.
 */
bool lk_want_file(const struct lk_want *w, char *out, size_t size);

#endif
