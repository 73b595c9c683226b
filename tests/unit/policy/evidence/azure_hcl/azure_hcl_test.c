/* SPDX-License-Identifier: Apache-2.0 */
/* An Azure VM that passes, and for each rule a VM in which only that rule fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "tests/emulators/paravisor/hcl.h"
#include "tests/harness/vtpm_vm.h"

#define POLICY(snp, azure)                                                                                     \
    "schema: latchkey-policy/1\npolicy: azure\naccept:\n  - name: snp\n    chain: [sev-snp, azure-hcl, tpm]\n" \
    "    sev-snp:\n"                                                                                           \
    "      tcb-floor: {milan: {bootloader: 0, tee: 0, snp: 0, microcode: 0}}\n"                                \
    "      platform-info: {alias-check: required}\n" snp azure                                                 \
    "    tpm: {ek: {skip: {because: test}}, pcr: {skip: {because: test}}}\n"
#define EIGHT "4d4d4d4d4d4d4d4d"
#define MEASURED "      measurement: " EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT "\n"
#define PINNED POLICY(MEASURED, "")
#define AZURE(rules) POLICY(MEASURED, "    azure-hcl: {" rules "}\n")

struct azure {
    struct vm vm;
    struct hcl hcl;
    EVP_PKEY *named;      /* the key of the runtime data; the VM's AK */
    uint8_t tail;         /* last byte of REPORT_DATA when not 0 */
    bool host_data;       /* the digest is in HOST_DATA, and REPORT_DATA has the binding */
    bool other_runtime;   /* the HCL report is another VM's */
    bool bare, bare_bad;  /* the AK is sent as SubjectPublicKeyInfo; with a byte more */
    bool without_quote, without_snp;
    const char *policy;
};

static void open_vm(struct azure *a)
{
    memset(a, 0, sizeof(*a));
    vm_open(&a->vm);
    a->hcl = hcl_good();
    a->named = a->vm.ak;
    a->policy = PINNED;
}

static void make_hardware(struct azure *a, struct lk_bytes runtime)
{
    uint8_t data[64];
    hcl_report_data(&a->hcl, runtime, data);
    if (a->tail != 0)
        data[63] = a->tail;
    memcpy(a->vm.report.report_data, a->host_data ? a->vm.binding : data, 64);
    memcpy(a->vm.report.host_data, data, a->host_data ? 32 : 0);
    if (!a->without_snp)
        vm_add_snp(&a->vm);
}

static void send_bare_key(struct azure *a)
{
    struct lk_tpm_public p;
    struct lk_buf *area = vm_blob(&a->vm), *spki = vm_blob(&a->vm);
    soft_public_put(area, &a->vm.ak_area);
    assert_true(lk_ok(lk_tpm_public_parse(lk_buf_bytes(area), &p)));
    lk_tpm_spki_put(&p, spki);
    if (a->bare_bad)
        lk_put_u8(spki, 0);
    vm_part(&a->vm, "public", lk_buf_bytes(spki));
}

static enum lk_reason_code judge(struct azure *a)
{
    static const uint8_t hardware[1184];
    struct lk_buf *runtime = vm_blob(&a->vm), *report = vm_blob(&a->vm), *other = vm_blob(&a->vm);
    hcl_runtime_put(runtime, &a->hcl, a->named);
    make_hardware(a, lk_buf_bytes(runtime));
    hcl_runtime_put(other, &a->hcl, a->vm.other);
    hcl_put(report, &a->hcl, LK_BYTES(hardware), lk_buf_bytes(a->other_runtime ? other : runtime));
    vm_item(&a->vm, "azure-hcl");
    vm_part(&a->vm, "report", lk_buf_bytes(report));
    if (!a->without_quote)
        vm_add_quote(&a->vm);
    if (a->bare)
        send_bare_key(a);
    return vm_judge(&a->vm, a->policy);
}

struct row {
    const char *what;
    void (*change)(struct azure *a);
    enum lk_reason_code code;
};

#define CHANGE(name, statement)         \
    static void name(struct azure *a)   \
    {                                   \
        statement;                      \
    }
CHANGE(nothing, (void)a)
CHANGE(version_1, a->hcl.version = 1)
CHANGE(sha384, a->hcl.hash = 2)
CHANGE(sha512, a->hcl.hash = 3)
CHANGE(no_padding, a->hcl.padding = 0)
CHANGE(bare, a->bare = true)
CHANGE(signature, a->hcl.signature ^= 1)
CHANGE(version_0, a->hcl.version = 0)
CHANGE(version_3, a->hcl.version = 3)
CHANGE(request, a->hcl.request = 1)
CHANGE(status, a->hcl.status = 1)
CHANGE(reserved, a->hcl.reserved = 1)
CHANGE(data_version, a->hcl.data_version = 2)
CHANGE(vbs, a->hcl.type = 1)
CHANGE(hash_0, a->hcl.hash = 0)
CHANGE(hash_4, a->hcl.hash = 4)
CHANGE(report_size, a->hcl.report_size_off = 1)
CHANGE(data_size, a->hcl.data_size_off = 1)
CHANGE(runtime_past_end, (a->hcl.runtime_size_off = 1, a->hcl.data_size_off = 1, a->hcl.report_size_off = 1, a->hcl.padding = 0))
CHANGE(padding, a->hcl.padding_end = 1)
CHANGE(too_long, a->hcl.padding = 4096)
CHANGE(no_json, a->hcl.before = "")
CHANGE(json_tail, a->hcl.after = ",\"vm-configuration\":{\"secure-boot\":true}}x")
CHANGE(no_configuration, a->hcl.after = "}")
CHANGE(bad_vm_id, a->hcl.after = ",\"vm-configuration\":{\"secure-boot\":true,\"vmUniqueId\":\"a/b\"}}")
CHANGE(short_user_data, a->hcl.after = ",\"vm-configuration\":{\"secure-boot\":true},\"user-data\":\"00\"}")
CHANGE(keys_twice, a->hcl.before = "{\"keys\":[],")
CHANGE(no_ak, a->hcl.kid = "Other")
CHANGE(two_aks, a->hcl.between = ",{\"kid\":\"HCLAkPub\",\"kty\":\"RSA\"}")
CHANGE(ec_ak, a->hcl.kty = "EC")
CHANGE(exponent, a->hcl.e = "Aw")
CHANGE(tail, a->tail = 1)
CHANGE(other_runtime, a->other_runtime = true)
CHANGE(through_host_data, a->host_data = true)
CHANGE(quote_by_another, (a->vm.signer = a->vm.other, a->vm.ak_area.key = a->vm.other))
CHANGE(public_of_another, a->vm.ak_area.key = a->vm.other)
CHANGE(unrestricted, a->vm.ak_area.attributes &= ~UINT32_C(0x10000))
CHANGE(bare_of_another, (a->bare = true, a->vm.signer = a->vm.other, a->vm.ak_area.key = a->vm.other))
CHANGE(bare_bad, (a->bare = true, a->bare_bad = true))
CHANGE(other_binding, a->vm.quote.extra_data = lk_bytes("0123456789abcdef0123456789abcdef", 32))
CHANGE(no_quote, a->without_quote = true)
CHANGE(no_report, a->without_snp = true)
CHANGE(measurement, a->vm.report.measurement[0] ^= 1)
CHANGE(vmpl_1, a->vm.report.vmpl = 1)
CHANGE(vmpl_3, a->vm.report.vmpl = 3)
CHANGE(debug, a->vm.report.policy |= UINT64_C(1) << 19)
CHANGE(secure_boot_off, a->hcl.after = ",\"vm-configuration\":{\"secure-boot\":false}}")
CHANGE(secure_boot_absent, a->hcl.after = ",\"vm-configuration\":{}}")

static const struct row rows[] = {
    {"nothing", nothing, LK_R_OK},
    {"version 1", version_1, LK_R_OK},
    {"SHA-384", sha384, LK_R_OK},
    {"SHA-512", sha512, LK_R_OK},
    {"no padding", no_padding, LK_R_OK},
    {"the AK as a bare key", bare, LK_R_OK},
    {"signature", signature, LK_R_AZURE_REPORT},
    {"version 0", version_0, LK_R_AZURE_REPORT},
    {"version 3", version_3, LK_R_AZURE_REPORT},
    {"request type", request, LK_R_AZURE_REPORT},
    {"status", status, LK_R_AZURE_REPORT},
    {"reserved", reserved, LK_R_AZURE_REPORT},
    {"data version", data_version, LK_R_AZURE_REPORT},
    {"report type 1", vbs, LK_R_AZURE_REPORT},
    {"hash type 0", hash_0, LK_R_AZURE_REPORT},
    {"hash type 4", hash_4, LK_R_AZURE_REPORT},
    {"report_size", report_size, LK_R_AZURE_REPORT},
    {"data_size", data_size, LK_R_AZURE_REPORT},
    {"runtime data past the end", runtime_past_end, LK_R_AZURE_REPORT},
    {"bytes behind", padding, LK_R_AZURE_REPORT},
    {"longer than the part may be", too_long, LK_R_CHAIN_PART_SIZE},
    {"no JSON", no_json, LK_R_AZURE_RUNTIME},
    {"bytes after the JSON", json_tail, LK_R_AZURE_RUNTIME},
    {"no configuration", no_configuration, LK_R_AZURE_RUNTIME},
    {"an id that is no GUID", bad_vm_id, LK_R_AZURE_RUNTIME},
    {"short user data", short_user_data, LK_R_AZURE_RUNTIME},
    {"a member twice", keys_twice, LK_R_AZURE_RUNTIME},
    {"no AK", no_ak, LK_R_AZURE_AK_MISSING},
    {"two AKs", two_aks, LK_R_AZURE_AK_MISSING},
    {"AK of another type", ec_ak, LK_R_AZURE_AK_MISSING},
    {"AK with exponent 3", exponent, LK_R_AZURE_AK_MISSING},
    {"REPORT_DATA goes on after the digest", tail, LK_R_UNANCHORED},
    {"runtime data of another VM", other_runtime, LK_R_UNANCHORED},
    {"the digest is in HOST_DATA", through_host_data, LK_R_UNANCHORED},
    {"quote of another VM", quote_by_another, LK_R_UNANCHORED},
    {"public area of another key", public_of_another, LK_R_TPM_SIGNATURE},
    {"unrestricted AK", unrestricted, LK_R_TPM_AK_ATTRIBUTES},
    {"bare key of another VM", bare_of_another, LK_R_UNANCHORED},
    {"bytes after a bare key", bare_bad, LK_R_TPM_PUBLIC},
    {"quote of another request", other_binding, LK_R_BINDING_MISMATCH},
    {"nothing carries the binding", no_quote, LK_R_BINDING_MISSING},
    {"no hardware report", no_report, LK_R_UNANCHORED},
    {"another measurement", measurement, LK_R_SNP_MEASUREMENT},
    {"report at VMPL 1", vmpl_1, LK_R_SNP_VMPL},
    {"report at VMPL 3", vmpl_3, LK_R_SNP_VMPL},
    {"debug", debug, LK_R_SNP_POLICY_DEBUG},
    {"Secure Boot off", secure_boot_off, LK_R_AZURE_CONFIGURATION},
    {"Secure Boot not told", secure_boot_absent, LK_R_AZURE_CONFIGURATION},
};

static void each_departure_has_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct azure a;
        open_vm(&a);
        rows[i].change(&a);
        enum lk_reason_code code = judge(&a);
        if (code != rows[i].code)
            fail_msg("%s: %s, not %s", rows[i].what, lk_reason(code)->name, lk_reason(rows[i].code)->name);
        vm_close(&a.vm);
    }
}

/* Each claim under a rule that holds, and under one that does not. */
static void each_claim_is_judged(void **state)
{
    static const struct {
        const char *policy;
        enum lk_reason_code code;
    } cases[] = {
        {AZURE("vm-unique-id: 0a1b2c3d-0000-4000-8000-00000000000f"), LK_R_OK},
        {AZURE("vm-unique-id: 0a1b2c3d-0000-4000-8000-00000000000e"), LK_R_AZURE_VM},
        {AZURE("tpm-enabled: required, console-enabled: required, tpm-persisted: deny"), LK_R_OK},
        {AZURE("tpm-persisted: required"), LK_R_AZURE_CONFIGURATION},
        {AZURE("console-enabled: deny"), LK_R_AZURE_CONFIGURATION},
        {AZURE("tpm-enabled: deny"), LK_R_AZURE_CONFIGURATION},
        {AZURE("secure-boot: deny"), LK_R_AZURE_CONFIGURATION},
        {AZURE("root-cert-thumbprint: 6nZZ"), LK_R_OK},
        {AZURE("root-cert-thumbprint: 6nZz"), LK_R_AZURE_CONFIGURATION},
        {AZURE("user-data: a1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
               "0000000000000000000000b2"), LK_R_OK},
        {AZURE("user-data: 'b2'"), LK_R_AZURE_USER_DATA},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct azure a;
        open_vm(&a);
        a.policy = cases[i].policy;
        assert_string_equal(lk_reason(judge(&a))->name, lk_reason(cases[i].code)->name);
        vm_close(&a.vm);
    }
}

/* A rented VM runs what its tenant likes: without a pin its REPORT_DATA would vouch for any software TPM. */
static void nothing_links_without_a_pin_on_the_writer(void **state)
{
    (void)state;
    struct azure a;
    open_vm(&a);
    lk_policyset_free(a.vm.set);
    a.vm.set = lk_policyset_defaults();
    struct lk_buf *runtime = vm_blob(&a.vm), *report = vm_blob(&a.vm);
    static const uint8_t hardware[1184];
    hcl_runtime_put(runtime, &a.hcl, a.named);
    make_hardware(&a, lk_buf_bytes(runtime));
    hcl_put(report, &a.hcl, LK_BYTES(hardware), lk_buf_bytes(runtime));
    vm_item(&a.vm, "azure-hcl");
    vm_part(&a.vm, "report", lk_buf_bytes(report));
    vm_add_quote(&a.vm);
    struct lk_chain_input in = {.items = a.vm.items, .n_items = a.vm.n_items, .trust = a.vm.trust, .policies = a.vm.set,
                                .at = VM_AT, .binding = LK_BYTES(a.vm.binding), .arena = a.vm.arena};
    assert_true(lk_ok(lk_chain_appraise(&in, &a.vm.out)));
    assert_int_equal(lk_report_first(&a.vm.out.report)->code, LK_R_CHAIN_UNPINNED_WRITER);
    vm_close(&a.vm);
}

/* A key whose attributes nobody told has no name, and no place that it was made at. */
static void a_bare_key_claims_nothing_of_itself(void **state)
{
    static const char *const absent[] = {"ak-name", "ak-attributes", "qualified-name"};
    (void)state;
    struct azure a;
    open_vm(&a);
    a.bare = true;
    assert_int_equal(judge(&a), LK_R_OK);
    const struct lk_chain_node *node = &a.vm.out.nodes[2];
    for (size_t i = 0; i < 3; i++)
        for (size_t c = 0; c < node->item->family->n_claims; c++)
            if (strcmp(node->item->family->claims[c].name, absent[i]) == 0)
                assert_false(node->values[c].present);
    vm_close(&a.vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_departure_has_its_code),
        cmocka_unit_test(each_claim_is_judged),
        cmocka_unit_test(nothing_links_without_a_pin_on_the_writer),
        cmocka_unit_test(a_bare_key_claims_nothing_of_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
