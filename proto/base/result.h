/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BASE_RESULT_H
#define LK_BASE_RESULT_H
/*
 * The one result type. A result is a reason code; the reason's class says what
 * the caller does about it, the code says what happened. One table
 * (reasons/X.def) makes the enum, the names, the texts and docs/reason-codes.md.
 */
#include <stdbool.h>
#include <stdint.h>

/* The six classes of failure, and affirmed. docs/protocol.md maps them to gRPC status and exit codes. */
enum lk_class {
    LK_CLASS_AFFIRMED = 0,
    LK_CLASS_MALFORMED,     /* bytes do not parse, sizes wrong */
    LK_CLASS_NOT_AUTHENTIC, /* signature, chain, binding, forged ticket */
    LK_CLASS_REFUSED,       /* authentic, but policy or reference values say no */
    LK_CLASS_CANNOT_JUDGE,  /* collateral or reference set missing or expired */
    LK_CLASS_UNAVAILABLE,   /* stale challenge, overload, worker lost, HSM away */
    LK_CLASS_INTERNAL,      /* our fault */
    LK_CLASS_COUNT
};

enum lk_reason_code {
#define LK_REASON(id, name, cls, text, remedy) LK_R_##id,
#include "proto/base/reasons/all.def"
#undef LK_REASON
    LK_R_COUNT
};

struct lk_reason {
    const char *name;   /* stable: "SNP_SIGNATURE" */
    enum lk_class cls;
    const char *text;   /* one sentence, what happened */
    const char *remedy; /* one sentence, what a person can do */
};

typedef struct lk_result {
    enum lk_reason_code code;
} lk_result;

#define LK_MUST_USE __attribute__((warn_unused_result))
#define LK_OK ((lk_result){LK_R_OK})
#define LK_FAIL(id) ((lk_result){LK_R_##id})
#define LK_TRY(expr)               \
    do {                           \
        lk_result lk_r_ = (expr);  \
        if (!lk_ok(lk_r_))         \
            return lk_r_;          \
    } while (0)
#define LK_REQUIRE(cond, id)       \
    do {                           \
        if (!(cond))               \
            return LK_FAIL(id);    \
    } while (0)

static inline bool lk_ok(lk_result r)
{
    return r.code == LK_R_OK;
}

/* The table's row. An out-of-range code gives the row of INTERNAL. Never NULL. */
const struct lk_reason *lk_reason(enum lk_reason_code code);

/* The code whose stable name this is, or LK_R_COUNT. */
enum lk_reason_code lk_reason_by_name(const char *name);

enum lk_class lk_class_of(lk_result r);

/* "affirmed", "malformed", "not-authentic", "refused", "cannot-judge", "unavailable", "internal". */
const char *lk_class_name(enum lk_class cls);

/* Exit code of `latchkey appraise` for the class: 0, 4, 2, 1, 3, 3, 70. */
int lk_class_exit(enum lk_class cls);

#endif
