/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/dcap/pck.h"

#include "policy/evidence/dcap/der.h"

#include <string.h>

/* Content octets of 1.2.840.113741.1.13.1; what follows numbers the member. */
static const uint8_t arc[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};
enum { M_PPID = 1, M_TCB = 2, M_PCE_ID = 3, M_FMSPC = 4, M_SGX_TYPE = 5, M_INSTANCE = 6, M_CONFIGURATION = 7 };
enum { TCB_PCESVN = 17, TCB_CPUSVN = 18, TCB_ENTRIES = 18 };
enum { CONFIGURATION_ENTRIES = 3 };

/* SEQUENCE { OID arc.prefix.n, value }: n, and c left at the value. 0 when it is anything else. */
static unsigned member(struct lk_cursor *in, unsigned prefix, struct lk_cursor *value)
{
    *value = lk_cursor(lk_der_take(in, LK_DER_SEQUENCE));
    struct lk_cursor oid = lk_cursor(lk_der_take(value, LK_DER_OID));
    bool ours = lk_bytes_eq(lk_take(&oid, sizeof(arc)), LK_BYTES(arc));
    bool under = prefix == 0 || lk_u8(&oid) == prefix;
    uint8_t n = lk_u8(&oid);
    return ours && under && !value->failed && n < 0x80 && lk_ok(lk_cursor_end(&oid)) ? n : 0;
}

static bool octets(struct lk_cursor *value, size_t len, struct lk_bytes *out)
{
    *out = lk_der_take(value, LK_DER_OCTET_STRING);
    return lk_ok(lk_cursor_end(value)) && out->len == len;
}

static bool number(struct lk_cursor *value, enum lk_der_tag tag, uint16_t max, uint16_t *out)
{
    struct lk_bytes content = lk_der_take(value, tag);
    return lk_ok(lk_cursor_end(value)) && lk_der_uint16(content, out) && *out <= max;
}

static bool flag(struct lk_cursor *value, bool *out)
{
    struct lk_bytes content = lk_der_take(value, LK_DER_BOOLEAN);
    if (!lk_ok(lk_cursor_end(value)) || content.len != 1 || (content.data[0] != 0 && content.data[0] != 0xff))
        return false;
    *out = content.data[0] != 0;
    return true;
}

static bool component(struct lk_cursor *value, uint8_t *out)
{
    uint16_t n;
    if (!number(value, LK_DER_INTEGER, UINT8_MAX, &n))
        return false;
    *out = (uint8_t)n;
    return true;
}

static bool tcb_member(struct lk_cursor *value, unsigned n, struct lk_pck *out)
{
    if (n == TCB_PCESVN)
        return number(value, LK_DER_INTEGER, UINT16_MAX, &out->pce_svn);
    if (n == TCB_CPUSVN)
        return octets(value, 16, &out->cpu_svn);
    return n >= 1 && n <= LK_TCB_COMPONENTS && component(value, &out->components[n - 1]);
}

/* Exactly the 18 members, in the order of their numbers. */
static bool tcb(struct lk_cursor *value, struct lk_pck *out)
{
    struct lk_cursor list = lk_cursor(lk_der_take(value, LK_DER_SEQUENCE)), one;
    for (unsigned i = 1; i <= TCB_ENTRIES; i++)
        if (member(&list, M_TCB, &one) != i || !tcb_member(&one, i, out))
            return false;
    return lk_ok(lk_cursor_end(value)) && lk_ok(lk_cursor_end(&list));
}

static bool configuration(struct lk_cursor *value, struct lk_pck *out)
{
    struct lk_cursor list = lk_cursor(lk_der_take(value, LK_DER_SEQUENCE)), one;
    bool *const flags[CONFIGURATION_ENTRIES] = {&out->dynamic_platform, &out->cached_keys, &out->smt};
    for (unsigned i = 1; i <= CONFIGURATION_ENTRIES; i++)
        if (member(&list, M_CONFIGURATION, &one) != i || !flag(&one, flags[i - 1]))
            return false;
    out->has_configuration = true;
    return lk_ok(lk_cursor_end(value)) && lk_ok(lk_cursor_end(&list));
}

static bool read_member(unsigned n, struct lk_cursor *value, struct lk_pck *out)
{
    switch (n) {
    case M_PPID:
        return octets(value, 16, &out->ppid);
    case M_TCB:
        return tcb(value, out);
    case M_PCE_ID:
        return octets(value, 2, &out->pce_id);
    case M_FMSPC:
        return octets(value, 6, &out->fmspc);
    case M_SGX_TYPE:
        return number(value, LK_DER_ENUMERATED, UINT8_MAX, &out->sgx_type);
    case M_INSTANCE:
        return octets(value, 16, &out->platform_instance);
    case M_CONFIGURATION:
        return configuration(value, out);
    default:
        return false;
    }
}

static bool read_all(struct lk_bytes extension, struct lk_pck *out)
{
    struct lk_cursor c = lk_cursor(extension), list, value;
    list = lk_cursor(lk_der_take(&c, LK_DER_SEQUENCE));
    unsigned seen = 0;
    if (!lk_ok(lk_cursor_end(&c)))
        return false;
    while (lk_left(&list) > 0 && !list.failed) {
        unsigned n = member(&list, 0, &value);
        if (n == 0 || n > M_CONFIGURATION || (seen >> n & 1) != 0 || !read_member(n, &value, out))
            return false;
        seen |= 1u << n;
    }
    const unsigned demanded = 1u << M_PPID | 1u << M_TCB | 1u << M_PCE_ID | 1u << M_FMSPC | 1u << M_SGX_TYPE;
    return !list.failed && (seen & demanded) == demanded;
}

lk_result lk_pck_read(struct lk_bytes extension, const struct lk_dcap_say *say, struct lk_pck *out)
{
    *out = (struct lk_pck){0};
    return read_all(extension, out) ? LK_OK : lk_dcap_fail(say, LK_R_DCAP_PCK_EXTENSION, "1.2.840.113741.1.13.1", NULL, NULL);
}
