/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/collateral.h"

static bool name_byte(uint8_t b)
{
    return (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b == '-';
}

bool lk_collateral_name_ok(struct lk_bytes name)
{
    size_t segments = 1;
    if (name.len == 0 || name.len > LK_COLLATERAL_NAME_MAX || !name_byte(name.data[name.len - 1]))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        bool slash = name.data[i] == '/' && i > 0 && name.data[i - 1] != '/';
        segments += slash;
        if (!slash && !name_byte(name.data[i]))
            return false;
    }
    return segments >= 2;
}

const char *lk_collateral_kind_name(enum lk_collateral_kind kind)
{
    static const char *const names[] = {[LK_COLLATERAL_CERTIFICATE] = "certificate", [LK_COLLATERAL_CHAIN] = "chain",
                                        [LK_COLLATERAL_CRL] = "crl", [LK_COLLATERAL_DOCUMENT] = "document"};
    return kind >= LK_COLLATERAL_CERTIFICATE && kind <= LK_COLLATERAL_DOCUMENT ? names[kind] : "unknown";
}

lk_result lk_collateral_blame(struct lk_report *report, size_t before, lk_result r, const char *item, const char *name)
{
    enum lk_class cls = lk_class_of(r);
    if (cls == LK_CLASS_CANNOT_JUDGE)
        lk_report_missing(report, r.code, name, "");
    if ((cls != LK_CLASS_MALFORMED && cls != LK_CLASS_NOT_AUTHENTIC) || r.code == LK_R_CERT_REVOKED)
        return r;
    report->n = before;
    lk_report_missing(report, LK_R_COLLATERAL_BAD, name, "");
    return lk_report_add(report, LK_R_COLLATERAL_BAD, item, name, "a piece that verifies", lk_reason(r.code)->name);
}
