/* SPDX-License-Identifier: Apache-2.0 */
/* Each rule of the families tdx and sgx fails alone, on evidence that is otherwise affirmed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "tests/unit/policy/evidence/dcap/world.h"

#define CHANGE(name) static void name(struct world *w)

/* Form: bytes of a version 5 quote (facts: header 48, type 48, size 50, body 54, length 702). */
CHANGE(version_2) { w->s.version = 2; }
CHANGE(version_6) { w->s.patch_at = 0, w->s.patch_by = 5 ^ 6; }
CHANGE(key_type) { w->s.patch_at = 2, w->s.patch_by = 1; }
CHANGE(other_tee) { w->as_other_tee = true; }
CHANGE(vendor) { w->s.patch_at = 12, w->s.patch_by = 1; }
CHANGE(body_type) { w->s.patch_at = 48, w->s.patch_by = 3 ^ 2; }
CHANGE(body_type_5) { w->s.patch_at = 48, w->s.patch_by = 3 ^ 5; }
CHANGE(body_size) { w->s.patch_at = 50, w->s.patch_by = 1; }
CHANGE(long_signature_data) { w->s.patch_at = 704, w->s.patch_by = 1; }
CHANGE(short_signature_data) { w->s.patch_at = 702, w->s.patch_by = 1, w->s.trailing_zeros = 2; }
CHANGE(outer_type) { w->s.patch_at = 834, w->s.patch_by = 1; }
CHANGE(outer_length) { w->s.patch_at = 836, w->s.patch_by = 1; }
CHANGE(auth_length) { w->s.patch_at = 1289, w->s.patch_by = 0x80; }
CHANGE(certification_7) { w->s.certification = 7; }
CHANGE(certification_0) { w->s.certification = 0; }
CHANGE(trailing) { w->s.trailing_zeros = 0; }

/* Signatures. */
CHANGE(mrtd) { w->s.patch_at = 54 + 136, w->s.patch_by = 1; }
CHANGE(quote_signer) { w->s.quote_signer = QE_STRANGER; }
CHANGE(attestation_key) { w->s.patch_at = 770, w->s.patch_by = 1; }
CHANGE(key_off_curve) { w->s.key_off_curve = true; }
CHANGE(auth_data) { w->s.patch_at = 1290, w->s.patch_by = 1; }
CHANGE(upper_half) { w->s.qe_upper_half = 1; }
CHANGE(qe_signer) { w->s.qe_signer = QE_STRANGER; }
CHANGE(qe_report) { w->s.patch_at = 840 + 64, w->s.patch_by = 1; }
CHANGE(qe_reserved) { w->s.patch_at = 840 + 20, w->s.patch_by = 1; }

/* Certificates. */
CHANGE(no_anchor) { w->no_anchor = true; }
CHANGE(pck_issuer) { w->s.pck_issuer = QE_STRANGER; }
CHANGE(ca_name) { w->s.ca_name = "Intel SGX PCK Other CA"; }
CHANGE(pck_name) { w->s.pck_name = "Intel SGX PCK"; }
CHANGE(signer_name) { w->s.signer_name = "Intel SGX Signing"; }
CHANGE(pck_expired) { w->s.pck_expired = true; }
CHANGE(signer_expired) { w->s.signer_expired = true; }
CHANGE(type_1) { w->s.certification = 1; }
CHANGE(type_2) { w->s.certification = 2; }
CHANGE(type_3) { w->s.certification = 3; }
CHANGE(type_4) { w->s.certification = 4; }
CHANGE(no_extension) { w->s.extension = (const uint8_t *)"", w->s.extension_len = 0; }

/* Lists. */
CHANGE(pck_revoked) { w->s.pck_revoked = true; }
CHANGE(ca_revoked) { w->s.ca_revoked = true; }
CHANGE(signer_revoked) { w->s.signer_revoked = true; }
CHANGE(crl_stale) { w->s.crl_stale = true; }
CHANGE(crl_signer) { w->s.crl_signer = QE_STRANGER; }
CHANGE(crl_number) { w->s.crl_without_number = true; }
CHANGE(no_root_crl) { w->omit = 1u << LK_DCAP_PART_ROOT_CRL; }
CHANGE(no_pck_crl) { w->omit = 1u << LK_DCAP_PART_PCK_CRL; }

/* Documents. */
#define TCB(f, t) w->s.tcb_info = (struct qe_replace){f, t}
#define QE(f, t) w->s.qe_identity = (struct qe_replace){f, t}
CHANGE(no_tcb_info) { w->omit = 1u << LK_DCAP_PART_TCB_INFO; }
CHANGE(no_qe_identity) { w->omit = 1u << LK_DCAP_PART_QE_IDENTITY; }
CHANGE(no_tcb_chain) { w->omit = 1u << LK_DCAP_PART_TCB_CHAIN; }
CHANGE(tcb_id) { TCB("\"id\":\"TDX\"", "\"id\":\"TDY\""); }
CHANGE(tcb_sgx) { TCB("\"id\":\"TDX\"", "\"id\":\"SGX\""); }
CHANGE(tcb_version_4) { TCB("\"version\":3", "\"version\":4"); }
CHANGE(tcb_version_2) { TCB("\"version\":3", "\"version\":2"); }
CHANGE(tcb_type) { TCB("\"tcbType\":0", "\"tcbType\":1"); }
CHANGE(tcb_fmspc) { TCB("00806F050000", "00806F050001"); }
CHANGE(tcb_pce) { TCB("\"pceId\":\"0000\"", "\"pceId\":\"0001\""); }
CHANGE(tcb_late) { TCB("2026-01-19T00:00:00Z", "2025-12-31T23:59:59Z"); }
CHANGE(tcb_early) { TCB("2025-12-20T00:00:00Z", "2026-01-01T00:00:01Z"); }
CHANGE(tcb_status_unknown) { TCB("\"tcbStatus\":\"UpToDate\"", "\"tcbStatus\":\"Fine\""); }
CHANGE(tcb_twice) { TCB("\"tcbType\":0", "\"tcbType\":0,\"tcbType\":0"); }
CHANGE(tcb_missing) { TCB("\"tcbType\":0,", ""); }
CHANGE(tcb_flat_too) { TCB("\"pcesvn\":10", "\"pcesvn\":10,\"sgxtcbcomp01svn\":1"); }
CHANGE(tcb_svn_256) { TCB("{\"svn\":5,", "{\"svn\":256,"); }
CHANGE(tcb_duplicate_module_level) { TCB("{\"isvsvn\":2}", "{\"isvsvn\":5}"); }
CHANGE(tcb_module_configuration) { w->s.module_status[0] = "ConfigurationNeeded"; }
CHANGE(tcb_suffix) { w->s.body_suffix = "x"; }
CHANGE(tcb_member_after) { w->s.body_suffix = ",\"a\":1}"; }
CHANGE(document_signer) { w->s.document_signer = QE_STRANGER; }
CHANGE(qe_kind) { QE("\"TD_QE\"", "\"QE\""); }
CHANGE(qe_version) { QE("\"version\":2", "\"version\":1"); }
CHANGE(qe_late) { QE("2026-01-19T00:00:00Z", "2025-12-31T23:59:59Z"); }
CHANGE(qe_misc) { QE("\"miscselect\":\"00000000\"", "\"miscselect\":\"00000001\""); }
CHANGE(qe_attributes) { QE("\"11000000000000000000000000000000\"", "\"13000000000000000000000000000000\""); }
CHANGE(qe_product) { QE("\"isvprodid\":2", "\"isvprodid\":1"); }
CHANGE(qe_mrsigner) { w->s.qe_patch_at_mrsigner = 1; }

/* TCB. */
CHANGE(module_signer) { w->s.body_patch_at = 64, w->s.body_patch = 1; }
CHANGE(seam_attributes) { w->s.body_patch_at = 112, w->s.body_patch = 1; }
CHANGE(module_other) { w->s.tee_svn[1] = 2; }
CHANGE(module_current_other) { w->s.tee_svn2[1] = 2; }
CHANGE(module_low) { w->s.tee_svn[0] = 1; }
CHANGE(component_low) { w->s.components[15] = 1; }
CHANGE(pce_low) { w->s.pce_svn = 4; }
CHANGE(tdx_low) { w->s.tee_svn[15] = 1; }
CHANGE(tdx_current_low) { w->s.tee_svn2[2] = 1; }
CHANGE(qe_low) { w->s.qe_svn = 1; }

static const struct {
    const char *what;
    void (*change)(struct world *w);
    enum lk_reason_code want;
} rules[] = {
    {"version 6", version_6, LK_R_DCAP_VERSION},
    {"key type", key_type, LK_R_DCAP_KEY_TYPE},
    {"other TEE", other_tee, LK_R_DCAP_TEE_TYPE},
    {"vendor", vendor, LK_R_DCAP_QE_VENDOR},
    {"body type of another size", body_type, LK_R_DCAP_BODY_TYPE},
    {"unknown body type", body_type_5, LK_R_DCAP_BODY_TYPE},
    {"body size", body_size, LK_R_DCAP_BODY_TYPE},
    {"signature data too long", long_signature_data, LK_R_DCAP_QUOTE_FORM},
    {"signature data one off", short_signature_data, LK_R_DCAP_QUOTE_FORM},
    {"outer certification type", outer_type, LK_R_DCAP_CERTIFICATION},
    {"outer length", outer_length, LK_R_DCAP_QUOTE_FORM},
    {"auth data length", auth_length, LK_R_DCAP_QUOTE_FORM},
    {"certification type 7", certification_7, LK_R_DCAP_CERTIFICATION},
    {"certification type 0", certification_0, LK_R_DCAP_CERTIFICATION},
    {"no trailing bytes", trailing, LK_R_OK},
    {"MRTD altered", mrtd, LK_R_DCAP_QUOTE_SIGNATURE},
    {"signed by another key", quote_signer, LK_R_DCAP_QUOTE_SIGNATURE},
    {"attestation key", attestation_key, LK_R_DCAP_QE_BINDING},
    {"attestation key off the curve", key_off_curve, LK_R_DCAP_ATTESTATION_KEY},
    {"auth data", auth_data, LK_R_DCAP_QE_BINDING},
    {"upper half of the binding", upper_half, LK_R_DCAP_QE_BINDING},
    {"QE report of another key", qe_signer, LK_R_DCAP_QE_REPORT_SIGNATURE},
    {"QE report altered", qe_report, LK_R_DCAP_QE_REPORT_SIGNATURE},
    {"QE report's reserved bytes", qe_reserved, LK_R_DCAP_RESERVED},
    {"no anchor", no_anchor, LK_R_DCAP_ROOT_UNTRUSTED},
    {"PCK certificate's signature", pck_issuer, LK_R_CERT_SIGNATURE},
    {"name of the CA", ca_name, LK_R_DCAP_CERT_PROFILE},
    {"name of the PCK certificate", pck_name, LK_R_DCAP_CHAIN},
    {"name of the TCB signer", signer_name, LK_R_DCAP_COLLATERAL_MISSING},
    {"PCK certificate expired", pck_expired, LK_R_CERT_EXPIRED},
    {"TCB signer expired", signer_expired, LK_R_CERT_EXPIRED},
    {"certification type 1", type_1, LK_R_DCAP_PCK_MISSING},
    {"certification type 2", type_2, LK_R_DCAP_PCK_MISSING},
    {"certification type 3", type_3, LK_R_DCAP_PCK_MISSING},
    {"certification type 4", type_4, LK_R_DCAP_PCK_MISSING},
    {"no PCK extension", no_extension, LK_R_DCAP_PCK_EXTENSION},
    {"PCK certificate revoked", pck_revoked, LK_R_CERT_REVOKED},
    {"CA revoked", ca_revoked, LK_R_CERT_REVOKED},
    {"TCB signer revoked", signer_revoked, LK_R_CERT_REVOKED},
    {"lists stale", crl_stale, LK_R_CRL_STALE},
    {"list of another key", crl_signer, LK_R_CRL_INVALID},
    {"list without number", crl_number, LK_R_CRL_INVALID},
    {"no root list", no_root_crl, LK_R_DCAP_COLLATERAL_MISSING},
    {"no PCK list", no_pck_crl, LK_R_DCAP_COLLATERAL_MISSING},
    {"no TCB Info", no_tcb_info, LK_R_DCAP_COLLATERAL_MISSING},
    {"no QE Identity", no_qe_identity, LK_R_DCAP_COLLATERAL_MISSING},
    {"no TCB chain", no_tcb_chain, LK_R_DCAP_COLLATERAL_MISSING},
    {"TCB Info: unknown id", tcb_id, LK_R_DCAP_COLLATERAL_FORM},
    {"TCB Info: TDX members under SGX", tcb_sgx, LK_R_DCAP_COLLATERAL_FORM},
    {"TCB Info: version 4", tcb_version_4, LK_R_DCAP_COLLATERAL_FORM},
    {"TCB Info: version 2 with version 3's members", tcb_version_2, LK_R_DCAP_COLLATERAL_FORM},
    {"TCB Info: type", tcb_type, LK_R_DCAP_COLLATERAL_FORM},
    {"TCB Info: FMSPC", tcb_fmspc, LK_R_DCAP_COLLATERAL_PLATFORM},
    {"TCB Info: PCE-ID", tcb_pce, LK_R_DCAP_COLLATERAL_PLATFORM},
    {"TCB Info: past", tcb_late, LK_R_DCAP_COLLATERAL_EXPIRED},
    {"TCB Info: future", tcb_early, LK_R_DCAP_COLLATERAL_NOT_YET_VALID},
    {"TCB Info: unknown status", tcb_status_unknown, LK_R_DCAP_COLLATERAL_FORM},
    {"TCB Info: a member twice", tcb_twice, LK_R_DCAP_COLLATERAL_FORM},
    {"TCB Info: a member missing", tcb_missing, LK_R_DCAP_COLLATERAL_FORM},
    {"TCB Info: a flat component in version 3", tcb_flat_too, LK_R_DCAP_COLLATERAL_FORM},
    {"TCB Info: SVN above 255", tcb_svn_256, LK_R_DCAP_COLLATERAL_FORM},
    {"TCB Info: a module's level twice", tcb_duplicate_module_level, LK_R_DCAP_COLLATERAL_FORM},
    {"TCB Info: status that no module has", tcb_module_configuration, LK_R_DCAP_COLLATERAL_FORM},
    {"TCB Info: bytes after it", tcb_suffix, LK_R_DCAP_COLLATERAL_FORM},
    {"TCB Info: a member after it", tcb_member_after, LK_R_DCAP_COLLATERAL_FORM},
    {"documents of another signer", document_signer, LK_R_DCAP_COLLATERAL_SIGNATURE},
    {"QE Identity: of SGX", qe_kind, LK_R_DCAP_COLLATERAL_KIND},
    {"QE Identity: version 1", qe_version, LK_R_DCAP_COLLATERAL_FORM},
    {"QE Identity: past", qe_late, LK_R_DCAP_COLLATERAL_EXPIRED},
    {"QE: MISCSELECT", qe_misc, LK_R_DCAP_QE_IDENTITY},
    {"QE: ATTRIBUTES", qe_attributes, LK_R_DCAP_QE_IDENTITY},
    {"QE: ISVPRODID", qe_product, LK_R_DCAP_QE_IDENTITY},
    {"QE: MRSIGNER", qe_mrsigner, LK_R_DCAP_QE_IDENTITY},
    {"module: MRSIGNERSEAM", module_signer, LK_R_DCAP_MODULE},
    {"module: SEAMATTRIBUTES", seam_attributes, LK_R_DCAP_MODULE},
    {"module: no identity", module_other, LK_R_DCAP_MODULE_UNKNOWN},
    {"module: no identity for what runs now", module_current_other, LK_R_DCAP_MODULE_UNKNOWN},
    {"module: below its levels", module_low, LK_R_DCAP_MODULE_UNKNOWN},
    {"SGX component below all levels", component_low, LK_R_DCAP_TCB_NOT_SUPPORTED},
    {"PCE SVN below all levels", pce_low, LK_R_DCAP_TCB_NOT_SUPPORTED},
    {"TDX component below all levels", tdx_low, LK_R_DCAP_TCB_NOT_SUPPORTED},
    {"current TDX component below all levels", tdx_current_low, LK_R_DCAP_TCB_NOT_SUPPORTED},
    {"QE below all levels", qe_low, LK_R_DCAP_QE_NOT_SUPPORTED},
};

static void expect(const struct world *w, const char *what, enum lk_reason_code want)
{
    static struct lk_family_run run;
    lk_result r = world_run(w, &run);
    if (r.code != want)
        fail_msg("%s: %s, not %s", what, lk_reason(r.code)->name, lk_reason(want)->name);
    if (want != LK_R_OK && (run.report.n != 1 || run.report.findings[0].code != want))
        fail_msg("%s: the finding is not the result", what);
}

static void each_rule_fails_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct world w;
        world_init(&w, true, 3);
        rules[i].change(&w);
        expect(&w, rules[i].what, rules[i].want);
    }
}

static void a_stale_list_tells_its_dates(void **state)
{
    (void)state;
    struct world w;
    static struct lk_family_run run;
    world_init(&w, true, 3);
    crl_stale(&w);
    assert_int_equal(world_run(&w, &run).code, LK_R_CRL_STALE);
    const struct lk_finding *f = &run.report.findings[0];
    const char *until = strstr(f->expected, "..");
    assert_non_null(until);
    assert_true(strcmp(until + 2, f->actual) < 0);
}

static void every_kind_of_quote_is_affirmed(void **state)
{
    static const struct {
        bool tdx;
        uint16_t body, version;
    } kinds[] = {{false, 1, 3}, {false, 1, 4}, {false, 1, 5}, {true, 2, 4}, {true, 2, 5}, {true, 3, 5}, {true, 4, 5}};
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct world w;
        static struct lk_family_run run;
        world_init(&w, kinds[i].tdx, kinds[i].body);
        w.s.version = kinds[i].version;
        w.s.trailing_zeros = 100;
        w.as_collateral = i % 2 == 1;
        assert_int_equal(world_run(&w, &run).code, LK_R_OK);
        assert_string_equal(run.how.anchor, "test root");
        assert_true(run.how.rooted);
    }
}

static void sgx_has_rules_of_its_own(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, false, 1);
    w.s.v2 = true;
    expect(&w, "version 2", LK_R_OK);
    version_2(&w);
    expect(&w, "quote version 2", LK_R_DCAP_VERSION);
    world_init(&w, false, 1);
    w.s.body_patch_at = 20, w.s.body_patch = 1;
    expect(&w, "reserved bytes", LK_R_DCAP_RESERVED);
    world_init(&w, false, 1);
    w.s.ca_name = "Intel SGX PCK Processor CA";
    expect(&w, "Processor CA", LK_R_OK);
    w.as_collateral = true;
    expect(&w, "list of the other CA", LK_R_DCAP_COLLATERAL_MISSING);
}

/* A bad piece of the broker's own is no verdict about the evidence; a list that holds and revokes is. */
static void the_brokers_own_collateral_is_no_verdict(void **state)
{
    (void)state;
    struct world w;
    static struct lk_family_run run;
    world_init(&w, true, 3);
    w.as_collateral = true;
    w.s.crl_signer = QE_STRANGER;
    expect(&w, "list of a stranger", LK_R_COLLATERAL_BAD);
    world_init(&w, true, 3);
    w.as_collateral = true;
    w.s.body_suffix = "x";
    expect(&w, "documents with a tail", LK_R_COLLATERAL_BAD);
    world_init(&w, true, 3);
    w.as_collateral = true;
    w.s.signer_name = "Somebody";
    assert_int_equal(world_run(&w, &run).code, LK_R_DCAP_COLLATERAL_MISSING);
    world_init(&w, true, 3);
    w.as_collateral = true;
    w.s.pck_revoked = true;
    expect(&w, "revoked", LK_R_CERT_REVOKED);
    world_init(&w, true, 3);
    w.as_collateral = true;
    w.s.crl_stale = true;
    expect(&w, "stale", LK_R_CRL_STALE);
}

/* A flip anywhere in the extension is noticed: by its form, or because the platform is another. */
static void the_pck_extension_is_read_strictly(void **state)
{
    static uint8_t made[2048];
    (void)state;
    struct world w;
    world_init(&w, true, 3);
    size_t n = qe_pck_extension(&w.s, made);
    for (size_t i = 0; i < n; i++) {
        static struct lk_family_run run;
        w.s.extension_patch = (int)i;
        lk_result r = world_run(&w, &run);
        bool value = r.code == LK_R_OK || r.code == LK_R_DCAP_COLLATERAL_PLATFORM;
        assert_true(value || r.code == LK_R_DCAP_PCK_EXTENSION);
        /* Values that are claims and not compared: PPID, CPUSVN, SVNs, type, instance id. */
        assert_true(r.code != LK_R_OK || i > 10);
    }
    w.s.extension_patch = -1;
    w.s.extension = made;
    for (size_t len = 0; len < n; len++) {
        w.s.extension_len = len;
        expect(&w, "cut", LK_R_DCAP_PCK_EXTENSION);
    }
    made[n] = 0;
    w.s.extension_len = n + 1;
    expect(&w, "longer", LK_R_DCAP_PCK_EXTENSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_fails_alone),
        cmocka_unit_test(a_stale_list_tells_its_dates),
        cmocka_unit_test(every_kind_of_quote_is_affirmed),
        cmocka_unit_test(sgx_has_rules_of_its_own),
        cmocka_unit_test(the_brokers_own_collateral_is_no_verdict),
        cmocka_unit_test(the_pck_extension_is_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
