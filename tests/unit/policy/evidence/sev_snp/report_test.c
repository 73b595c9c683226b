/* SPDX-License-Identifier: Apache-2.0 */
/* policy/evidence/sev_snp/report: every rule of the report's form, each broken alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include <openssl/evp.h>

#include "policy/evidence/sev_snp/report.h"
#include "tests/emulators/amd_sp/amd_sp.h"

static EVP_PKEY *key;

static int make_key(void **state)
{
    (void)state;
    key = amd_sp_vek_key();
    return key == NULL;
}

static int free_key(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    return 0;
}

static int read_code(const uint8_t *bytes, size_t len, struct lk_snp_report *out)
{
    static struct lk_report report;
    memset(&report, 0, sizeof(report));
    lk_result r = lk_snp_report_read(lk_bytes(bytes, len), &report, out);
    if (!lk_ok(r) && r.code != LK_R_SHORT_INPUT)
        assert_int_equal(report.findings[0].code, r.code);
    return (int)r.code;
}

static void signed_report(enum amd_sp_product product, uint32_t version, uint8_t out[static AMD_SP_REPORT])
{
    struct amd_sp_report r = amd_sp_report_default(product);
    r.version = version;
    if (version < 5)
        r.launch_mitigations = r.current_mitigations = 0;
    if (version < 3)
        memset(r.cpuid, 0, sizeof(r.cpuid));
    amd_sp_report_write(&r, out);
    amd_sp_report_sign(out, key);
}

static void good_reports_are_read(void **state)
{
    (void)state;
    for (uint32_t version = 2; version <= 5; version++)
        for (int product = AMD_SP_MILAN; product <= AMD_SP_TURIN; product++) {
            uint8_t b[AMD_SP_REPORT];
            struct lk_snp_report r;
            signed_report((enum amd_sp_product)product, version, b);
            assert_int_equal(read_code(b, sizeof(b), &r), LK_R_OK);
            assert_int_equal(r.version, version);
            assert_int_equal(r.guest_svn, 3);
            assert_int_equal(r.policy, 0x30000);
            assert_int_equal(r.platform_info, 0x25);
            assert_int_equal(r.measurement.data[47], 0x4d);
            assert_int_equal(r.chip_id.data[7], 0xc7);
            assert_int_equal(r.current_firmware, 1 << 16 | 55 << 8 | 29);
            assert_int_equal(r.signing_key, LK_SNP_VCEK);
            assert_true((r.product == NULL) == (version == 2));
        }
}

static void the_size_is_exact(void **state)
{
    (void)state;
    uint8_t b[AMD_SP_REPORT + 1] = {0};
    struct lk_snp_report r;
    signed_report(AMD_SP_MILAN, 3, b);
    assert_int_equal(read_code(b, AMD_SP_REPORT - 1, &r), LK_R_SNP_SIZE);
    assert_int_equal(read_code(b, AMD_SP_REPORT + 1, &r), LK_R_SNP_SIZE);
    assert_int_equal(read_code(b, 0, &r), LK_R_SNP_SIZE);
}

/* One byte set to a value (with the bytes after it for `n`), in a report of the version and product. */
struct row {
    const char *what;
    uint32_t version;
    enum amd_sp_product product;
    size_t offset;
    uint8_t value;
    enum lk_reason_code code;
};

static const struct row rows[] = {
    {"version 0", 3, AMD_SP_MILAN, 0x000, 0, LK_R_SNP_VERSION},
    {"version 1", 3, AMD_SP_MILAN, 0x000, 1, LK_R_SNP_VERSION},
    {"version 6", 5, AMD_SP_MILAN, 0x000, 6, LK_R_SNP_VERSION},
    {"version 0xff000003", 3, AMD_SP_MILAN, 0x003, 0xff, LK_R_SNP_VERSION},
    {"SIGNATURE_ALGO 0", 3, AMD_SP_MILAN, 0x034, 0, LK_R_SNP_SIGNATURE_ALGO},
    {"SIGNATURE_ALGO 2", 3, AMD_SP_MILAN, 0x034, 2, LK_R_SNP_SIGNATURE_ALGO},
    {"POLICY bit 17 clear", 3, AMD_SP_MILAN, 0x00a, 0x01, LK_R_SNP_POLICY_RESERVED},
    {"POLICY bit 26", 3, AMD_SP_MILAN, 0x00b, 0x04, LK_R_SNP_POLICY_RESERVED},
    {"POLICY bit 63", 3, AMD_SP_MILAN, 0x00f, 0x80, LK_R_SNP_POLICY_RESERVED},
    {"POLICY bit 25 is known", 5, AMD_SP_MILAN, 0x00b, 0x02, LK_R_OK},
    {"KEY_INFO bit 5", 3, AMD_SP_MILAN, 0x048, 0x20, LK_R_SNP_KEY_INFO_RESERVED},
    {"KEY_INFO bit 31", 3, AMD_SP_MILAN, 0x04b, 0x80, LK_R_SNP_KEY_INFO_RESERVED},
    {"SIGNING_KEY 2", 3, AMD_SP_MILAN, 0x048, 2 << 2, LK_R_SNP_SIGNING_KEY_RESERVED},
    {"SIGNING_KEY 3", 3, AMD_SP_MILAN, 0x048, 3 << 2, LK_R_SNP_SIGNING_KEY_RESERVED},
    {"SIGNING_KEY 4", 3, AMD_SP_MILAN, 0x048, 4 << 2, LK_R_SNP_SIGNING_KEY_RESERVED},
    {"SIGNING_KEY 5", 3, AMD_SP_MILAN, 0x048, 5 << 2, LK_R_SNP_SIGNING_KEY_RESERVED},
    {"SIGNING_KEY 6", 3, AMD_SP_MILAN, 0x048, 6 << 2, LK_R_SNP_SIGNING_KEY_RESERVED},
    {"SIGNING_KEY 7", 3, AMD_SP_MILAN, 0x048, 7 << 2, LK_R_SNP_UNSIGNED},
    {"VMPL 4", 3, AMD_SP_MILAN, 0x030, 4, LK_R_SNP_VMPL_RESERVED},
    {"VMPL 3", 3, AMD_SP_MILAN, 0x030, 3, LK_R_OK},
    {"reserved 04c", 3, AMD_SP_MILAN, 0x04c, 1, LK_R_SNP_RESERVED},
    {"reserved 04f", 3, AMD_SP_MILAN, 0x04f, 1, LK_R_SNP_RESERVED},
    {"reserved 188 in version 2", 2, AMD_SP_MILAN, 0x188, 0x19, LK_R_SNP_CPUID_RESERVED},
    {"reserved 18a in version 2", 2, AMD_SP_MILAN, 0x18a, 1, LK_R_SNP_CPUID_RESERVED},
    {"reserved 18b", 3, AMD_SP_MILAN, 0x18b, 1, LK_R_SNP_RESERVED},
    {"reserved 19f", 3, AMD_SP_MILAN, 0x19f, 1, LK_R_SNP_RESERVED},
    {"reserved 1eb", 3, AMD_SP_MILAN, 0x1eb, 1, LK_R_SNP_RESERVED},
    {"reserved 1ef", 3, AMD_SP_MILAN, 0x1ef, 1, LK_R_SNP_RESERVED},
    {"reserved 1f8 in version 2", 2, AMD_SP_MILAN, 0x1f8, 1, LK_R_SNP_MITIGATION_RESERVED},
    {"reserved 1f8 in version 4", 4, AMD_SP_MILAN, 0x1f8, 1, LK_R_SNP_MITIGATION_RESERVED},
    {"reserved 207 in version 3", 3, AMD_SP_MILAN, 0x207, 1, LK_R_SNP_MITIGATION_RESERVED},
    {"vectors in version 5", 5, AMD_SP_MILAN, 0x207, 1, LK_R_OK},
    {"reserved 208", 5, AMD_SP_MILAN, 0x208, 1, LK_R_SNP_RESERVED},
    {"reserved 29f", 5, AMD_SP_MILAN, 0x29f, 1, LK_R_SNP_RESERVED},
    {"unknown family", 3, AMD_SP_MILAN, 0x188, 0x18, LK_R_SNP_PRODUCT_UNKNOWN},
    {"unknown model", 3, AMD_SP_MILAN, 0x189, 0x20, LK_R_SNP_PRODUCT_UNKNOWN},
    {"Venice", 5, AMD_SP_TURIN, 0x189, 0x50, LK_R_SNP_PRODUCT_UNKNOWN},
    {"Siena is Genoa's", 5, AMD_SP_GENOA, 0x189, 0xa0, LK_R_OK},
    {"Turin Dense", 5, AMD_SP_TURIN, 0x189, 0x11, LK_R_OK},
    {"Milan REPORTED_TCB byte 2", 3, AMD_SP_MILAN, 0x182, 1, LK_R_SNP_TCB_RESERVED},
    {"Milan CURRENT_TCB byte 5", 3, AMD_SP_MILAN, 0x03d, 1, LK_R_SNP_TCB_RESERVED},
    {"Milan COMMITTED_TCB byte 3", 3, AMD_SP_MILAN, 0x1e3, 1, LK_R_SNP_TCB_RESERVED},
    {"Milan LAUNCH_TCB byte 4", 3, AMD_SP_MILAN, 0x1f4, 1, LK_R_SNP_TCB_RESERVED},
    {"Turin REPORTED_TCB byte 6", 5, AMD_SP_TURIN, 0x186, 1, LK_R_SNP_TCB_RESERVED},
    {"Turin CHIP_ID byte 8", 5, AMD_SP_TURIN, 0x1a8, 1, LK_R_SNP_CHIP_ID_TAIL},
    {"Turin CHIP_ID byte 63", 5, AMD_SP_TURIN, 0x1df, 1, LK_R_SNP_CHIP_ID_TAIL},
    {"R byte 48", 3, AMD_SP_MILAN, 0x2d0, 1, LK_R_SNP_SIGNATURE_FORM},
    {"R byte 71", 3, AMD_SP_MILAN, 0x2e7, 1, LK_R_SNP_SIGNATURE_FORM},
    {"S byte 48", 3, AMD_SP_MILAN, 0x318, 1, LK_R_SNP_SIGNATURE_FORM},
    {"S byte 71", 3, AMD_SP_MILAN, 0x32f, 1, LK_R_SNP_SIGNATURE_FORM},
    {"tail 330", 3, AMD_SP_MILAN, 0x330, 1, LK_R_SNP_SIGNATURE_TAIL},
    {"tail 49f", 3, AMD_SP_MILAN, 0x49f, 1, LK_R_SNP_SIGNATURE_TAIL},
};

static void each_rule_of_the_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        uint8_t b[AMD_SP_REPORT];
        struct lk_snp_report r;
        signed_report(rows[i].product, rows[i].version, b);
        b[rows[i].offset] = rows[i].value;
        int code = read_code(b, sizeof(b), &r);
        if (code != (int)rows[i].code)
            print_error("%s: %s\n", rows[i].what, lk_reason((enum lk_reason_code)code)->name);
        assert_int_equal(code, rows[i].code);
    }
}

static void the_host_may_ask_for_a_report(void **state)
{
    (void)state;
    uint8_t b[AMD_SP_REPORT];
    struct lk_snp_report r;
    signed_report(AMD_SP_MILAN, 3, b);
    memset(b + 0x030, 0xff, 4);
    assert_int_equal(read_code(b, sizeof(b), &r), LK_R_OK);
    assert_int_equal(r.vmpl, LK_SNP_VMPL_HOST);
}

static void scalars_are_in_range(void **state)
{
    (void)state;
    static const uint8_t order[48] = {
        0x73, 0x29, 0xc5, 0xcc, 0x6a, 0x19, 0xec, 0xec, 0x7a, 0xa7, 0xb0, 0x48, 0xb2, 0x0d, 0x1a, 0x58,
        0xdf, 0x2d, 0x37, 0xf4, 0x81, 0x4d, 0x63, 0xc7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    };
    static const uint8_t zero[48];
    static const size_t at[] = {0x2a0, 0x2e8};
    for (size_t i = 0; i < 2; i++) {
        uint8_t b[AMD_SP_REPORT];
        struct lk_snp_report r;
        signed_report(AMD_SP_MILAN, 3, b);
        memcpy(b + at[i], zero, 48);
        assert_int_equal(read_code(b, sizeof(b), &r), LK_R_SNP_SIGNATURE_RANGE);
        memcpy(b + at[i], order, 48);
        assert_int_equal(read_code(b, sizeof(b), &r), LK_R_SNP_SIGNATURE_RANGE);
        b[at[i]]--; /* n - 1 */
        assert_int_equal(read_code(b, sizeof(b), &r), LK_R_OK);
    }
}

/* R right-aligned in its field, as a big-endian writer would put it. */
static void big_endian_scalars_are_malformed(void **state)
{
    (void)state;
    uint8_t b[AMD_SP_REPORT], turned[72];
    struct lk_snp_report r;
    signed_report(AMD_SP_MILAN, 3, b);
    for (size_t i = 0; i < 72; i++)
        turned[i] = b[0x2a0 + 71 - i];
    memcpy(b + 0x2a0, turned, 72);
    assert_int_equal(read_code(b, sizeof(b), &r), LK_R_SNP_SIGNATURE_FORM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_reports_are_read),
        cmocka_unit_test(the_size_is_exact),
        cmocka_unit_test(each_rule_of_the_form),
        cmocka_unit_test(the_host_may_ask_for_a_report),
        cmocka_unit_test(scalars_are_in_range),
        cmocka_unit_test(big_endian_scalars_are_malformed),
    };
    return cmocka_run_group_tests(tests, make_key, free_key);
}
