/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/report.h"
#include "proto/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put_text(char *out, size_t size, const char *text)
{
    size_t o = 0;
    for (const unsigned char *p = (const unsigned char *)(text == NULL ? "" : text); *p != '\0'; p++) {
        bool plain = *p >= 0x20 && *p < 0x7f && *p != '\\';
        if (o + (plain ? 1 : 4) >= size)
            break;
        if (plain)
            out[o++] = (char)*p;
        else
            o += (size_t)snprintf(out + o, 5, "\\x%02x", *p);
    }
    out[o] = '\0';
}

lk_result lk_report_add(struct lk_report *r, enum lk_reason_code code, const char *item, const char *rule,
                        const char *expected, const char *actual)
{
    lk_result result = {code};
    if (r == NULL)
        return result;
    if (r->n == LK_FINDINGS_MAX) {
        r->truncated = true;
        return result;
    }
    struct lk_finding *f = &r->findings[r->n++];
    f->code = code;
    put_text(f->item, sizeof(f->item), item);
    put_text(f->rule, sizeof(f->rule), rule);
    put_text(f->expected, sizeof(f->expected), expected);
    put_text(f->actual, sizeof(f->actual), actual);
    f->absent = false;
    return result;
}

lk_result lk_report_add_absent(struct lk_report *r, enum lk_reason_code code, const char *item, const char *rule,
                               const char *expected)
{
    size_t before = r == NULL ? 0 : r->n;
    lk_result result = lk_report_add(r, code, item, rule, expected, "absent");
    if (r != NULL && r->n > before)
        r->findings[before].absent = true;
    return result;
}

lk_result lk_report_add_hex(struct lk_report *r, enum lk_reason_code code, const char *item, const char *rule,
                            struct lk_bytes expected, struct lk_bytes actual)
{
    char want[LK_FINDING_TEXT + 1], got[LK_FINDING_TEXT + 1];
    lk_hex(expected, want, sizeof(want));
    lk_hex(actual, got, sizeof(got));
    return lk_report_add(r, code, item, rule, want, got);
}

lk_result lk_report_add_uint(struct lk_report *r, enum lk_reason_code code, const char *item, const char *rule,
                             uint64_t expected, uint64_t actual)
{
    char want[24], got[24];
    snprintf(want, sizeof(want), "%" PRIu64, expected);
    snprintf(got, sizeof(got), "%" PRIu64, actual);
    return lk_report_add(r, code, item, rule, want, got);
}

#define TIME_TEXT sizeof("9999-12-31T23:59:59Z")

lk_result lk_report_add_time(struct lk_report *r, enum lk_reason_code code, const char *item, const char *rule,
                             int64_t from, int64_t until, int64_t at)
{
    char first[TIME_TEXT], last[TIME_TEXT], now[TIME_TEXT], want[2 * TIME_TEXT + 2];
    lk_time_format(from, first, sizeof(first));
    lk_time_format(until, last, sizeof(last));
    lk_time_format(at, now, sizeof(now));
    snprintf(want, sizeof(want), "%s..%s", first, last);
    return lk_report_add(r, code, item, rule, want, now);
}

/* Rank of a class: a fault must never be dressed as a verdict, nor a forgery as a refusal. */
static int rank(enum lk_class cls)
{
    static const int ranks[LK_CLASS_COUNT] = {
        [LK_CLASS_INTERNAL] = 6,    [LK_CLASS_MALFORMED] = 5,    [LK_CLASS_NOT_AUTHENTIC] = 4,
        [LK_CLASS_UNAVAILABLE] = 3, [LK_CLASS_CANNOT_JUDGE] = 2, [LK_CLASS_REFUSED] = 1,
    };
    return ranks[cls];
}

const struct lk_finding *lk_report_first(const struct lk_report *r)
{
    const struct lk_finding *worst = NULL;
    for (size_t i = 0; i < r->n; i++) {
        const struct lk_finding *f = &r->findings[i];
        if (worst == NULL || rank(lk_reason(f->code)->cls) > rank(lk_reason(worst->code)->cls))
            worst = f;
    }
    return worst;
}

void lk_report_missing(struct lk_report *r, enum lk_reason_code code, const char *name, const char *note)
{
    for (size_t i = 0; i < r->n_missing; i++)
        if (r->missing[i].code == code && strcmp(r->missing[i].name, name) == 0)
            return;
    if (r->n_missing == LK_REPORT_MISSING_MAX)
        return;
    struct lk_missing *m = &r->missing[r->n_missing++];
    m->code = code;
    put_text(m->name, sizeof(m->name), name);
    put_text(m->note, sizeof(m->note), note);
}

bool lk_report_lacks(const struct lk_report *r, const struct lk_missing *m)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->findings[i].code == m->code)
            return true;
    return false;
}

enum lk_class lk_report_class(const struct lk_report *r)
{
    const struct lk_finding *worst = lk_report_first(r);
    return worst == NULL ? LK_CLASS_AFFIRMED : lk_reason(worst->code)->cls;
}
