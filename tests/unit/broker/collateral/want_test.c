/* SPDX-License-Identifier: Apache-2.0 */
/* broker/collateral/want: names to URLs. */
#include "broker/collateral/want.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CHIP "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"

static struct lk_services services(const char *amd, const char *intel)
{
    struct lk_services s = {0};
    if (amd != NULL)
        assert_int_equal(lk_services_set(&s, LK_VENDOR_AMD, amd).code, LK_R_OK);
    if (intel != NULL)
        assert_int_equal(lk_services_set(&s, LK_VENDOR_INTEL, intel).code, LK_R_OK);
    return s;
}

static enum lk_reason_code want(const struct lk_services *s, const char *name, const char *product, struct lk_want *out)
{
    return lk_want(s, lk_bytes_str(name), product == NULL ? LK_BYTES_NONE : lk_bytes_str(product), out).code;
}

/* AMD publication 57230: numbers of two digits at least, Turin with its eight-byte chip id and fmcSPL. */
static const struct {
    const char *name, *product, *url, *file;
} rows[] = {
    {"sev-snp/chain/milan", NULL, "https://a/vcek/v1/Milan/cert_chain", "sev-snp_chain_milan.der"},
    {"sev-snp/chain/turin-vlek", NULL, "https://a/vlek/v1/Turin/cert_chain", "sev-snp_chain_turin-vlek.der"},
    {"sev-snp/crl/genoa", NULL, "https://a/vcek/v1/Genoa/crl", "sev-snp_crl_genoa.der"},
    {"sev-snp/vek/" CHIP "/04000000000018db", NULL,
     "https://a/vcek/v1/Milan/" CHIP "?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219", "sev-snp_vek_" CHIP "_04000000000018db.der"},
    {"sev-snp/vek/" CHIP "/04000000000018db", "genoa",
     "https://a/vcek/v1/Genoa/" CHIP "?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219", "sev-snp_vek_" CHIP "_04000000000018db.der"},
    {"sev-snp/vek/c0c1c2c3c4c5c6c7/0101010400000051", NULL,
     "https://a/vcek/v1/Turin/c0c1c2c3c4c5c6c7?fmcSPL=01&blSPL=01&teeSPL=01&snpSPL=04&ucodeSPL=81",
     "sev-snp_vek_c0c1c2c3c4c5c6c7_0101010400000051.der"},
    {"tdx/tcb-info/00806f050000", NULL, "https://i/tdx/certification/v4/tcb?fmspc=00806f050000", "tdx_tcb-info_00806f050000.json"},
    {"sgx/tcb-info/00906ed50000", NULL, "https://i/sgx/certification/v4/tcb?fmspc=00906ed50000", "sgx_tcb-info_00906ed50000.json"},
    {"tdx/qe-identity", NULL, "https://i/tdx/certification/v4/qe/identity", "tdx_qe-identity.json"},
    {"sgx/qe-identity", NULL, "https://i/sgx/certification/v4/qe/identity", "sgx_qe-identity.json"},
    {"sgx/tcb-chain", NULL, "https://i/sgx/certification/v4/qe/identity", "sgx_tcb-chain.der"},
    {"sgx/pck-crl/platform", NULL, "https://i/sgx/certification/v4/pckcrl?ca=platform&encoding=der", "sgx_pck-crl_platform.der"},
    {"sgx/pck-crl/processor", NULL, "https://i/sgx/certification/v4/pckcrl?ca=processor&encoding=der", "sgx_pck-crl_processor.der"},
    {"sgx/pck-chain/processor", NULL, "https://i/sgx/certification/v4/pckcrl?ca=processor&encoding=der", "sgx_pck-chain_processor.der"},
    {"sgx/root-crl", NULL, "https://i/sgx/certification/v4/rootcacrl", "sgx_root-crl.der"},
};

static void every_name_has_its_url(void **state)
{
    (void)state;
    struct lk_services s = services("https://a", "https://i/");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lk_want w;
        char file[256];
        assert_int_equal(want(&s, rows[i].name, rows[i].product, &w), LK_R_OK);
        assert_string_equal(w.url[0], rows[i].url);
        assert_string_equal(w.name, rows[i].name);
        assert_true(lk_want_file(&w, file, sizeof(file)));
        assert_string_equal(file, rows[i].file);
    }
}

static void milan_and_genoa_look_alike(void **state)
{
    (void)state;
    struct lk_services s = services("https://a", NULL);
    struct lk_want w;
    assert_int_equal(want(&s, "sev-snp/vek/" CHIP "/04000000000018db", NULL, &w), LK_R_OK);
    assert_int_equal(w.n_urls, 2);
    assert_non_null(strstr(w.url[1], "/Genoa/"));
    assert_int_equal(want(&s, "sev-snp/vek/" CHIP "/04000000000018db", "milan", &w), LK_R_OK);
    assert_int_equal(w.n_urls, 1);
}

static void the_root_list_of_intel_has_a_place_of_its_own(void **state)
{
    (void)state;
    struct lk_services s = services(NULL, "https://api.trustedservices.intel.com");
    struct lk_want w;
    assert_int_equal(want(&s, "sgx/root-crl", NULL, &w), LK_R_OK);
    assert_string_equal(w.url[0], "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der");
}

static void update_is_asked_for(void **state)
{
    (void)state;
    struct lk_services s = services(NULL, "https://i");
    struct lk_want w;
    s.update = "early";
    assert_int_equal(want(&s, "tdx/tcb-info/00806f050000", NULL, &w), LK_R_OK);
    assert_string_equal(w.url[0], "https://i/tdx/certification/v4/tcb?fmspc=00806f050000&update=early");
    assert_int_equal(want(&s, "tdx/qe-identity", NULL, &w), LK_R_OK);
    assert_string_equal(w.url[0], "https://i/tdx/certification/v4/qe/identity?update=early");
}

static void other_names_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *product;
        enum lk_reason_code code;
    } bad[] = {
        {"", NULL, LK_R_VENDOR_NAME},
        {"sev-snp", NULL, LK_R_VENDOR_NAME},
        {"sev-snp/chain/rome", NULL, LK_R_VENDOR_NAME},
        {"sev-snp/chain/-vlek", NULL, LK_R_VENDOR_NAME},
        {"sev-snp/chain/milan/x", NULL, LK_R_VENDOR_NAME},
        {"sev-snp/crl/Milan", NULL, LK_R_VENDOR_NAME},
        {"sev-snp/vek/" CHIP, NULL, LK_R_VENDOR_NAME},
        {"sev-snp/vek/" CHIP "/04000000000018", NULL, LK_R_VENDOR_NAME},
        {"sev-snp/vek/" CHIP "/04000000000018DB", NULL, LK_R_VENDOR_NAME},
        {"sev-snp/vek/" CHIP "/04000001000018db", NULL, LK_R_VENDOR_NAME}, /* a reserved byte */
        {"sev-snp/vek/" CHIP "/04000000000080db", NULL, LK_R_VENDOR_NAME}, /* above what firmware gives */
        {"sev-snp/vek/" CHIP "/04000000000018db", "turin", LK_R_VENDOR_NAME},
        {"sev-snp/vek/" CHIP "/04000000000018db", "rome", LK_R_VENDOR_NAME},
        {"sev-snp/vlek/milan/04000000000018db", NULL, LK_R_VENDOR_VLEK},
        {"tdx/tcb-info/00806F050000", NULL, LK_R_VENDOR_NAME},
        {"tdx/tcb-info/00806f0500", NULL, LK_R_VENDOR_NAME},
        {"tdx/tcb-info/00806f05000&", NULL, LK_R_VENDOR_NAME},
        {"tdx/pck-crl/platform", NULL, LK_R_VENDOR_NAME},
        {"sgx/pck-crl/root", NULL, LK_R_VENDOR_NAME},
        {"sgx/root-crl/", NULL, LK_R_VENDOR_NAME},
        {"sgx/root crl", NULL, LK_R_VENDOR_NAME},
    };
    struct lk_services s = services("https://a", "https://i"), none = {0};
    struct lk_want w;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(want(&s, bad[i].name, bad[i].product, &w), bad[i].code);
    assert_int_equal(want(&none, "sgx/root-crl", NULL, &w), LK_R_VENDOR_NOT_NAMED);
    assert_int_equal(want(&none, "sev-snp/crl/milan", NULL, &w), LK_R_VENDOR_NOT_NAMED);
}

static void only_https_is_a_service(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "https://", "http://kdsintf.amd.com", "HTTPS//x", "https://u@h", "https://h?x=1", "https://h/#f",
                                      "https://h/ x", "file:///etc/passwd", "kdsintf.amd.com"};
    struct lk_services s = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(lk_services_set(&s, LK_VENDOR_AMD, bad[i]).code, LK_R_USAGE);
    assert_string_equal(s.base[LK_VENDOR_AMD], "");
    assert_int_equal(lk_services_set(&s, LK_VENDOR_AMD, "https://[::1]:8081/cache//").code, LK_R_OK);
    assert_string_equal(s.base[LK_VENDOR_AMD], "https://[::1]:8081/cache");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_has_its_url),  cmocka_unit_test(milan_and_genoa_look_alike),
        cmocka_unit_test(the_root_list_of_intel_has_a_place_of_its_own), cmocka_unit_test(update_is_asked_for),
        cmocka_unit_test(other_names_are_refused), cmocka_unit_test(only_https_is_a_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
