/* SPDX-License-Identifier: Apache-2.0 */
/* A guest under an SVSM that passes, and for each rule a guest in which only that rule fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "tests/harness/vtpm_vm.h"

#define EIGHT "4d4d4d4d4d4d4d4d"
#define MEASURED "measurement: " EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT
#define POLICY(snp, svsm, ek)                                                                                           \
    "schema: latchkey-policy/1\npolicy: svsm\naccept:\n  - name: coconut\n    chain: [sev-snp, svsm-vtpm, tpm]\n"      \
    "    sev-snp:\n      tcb-floor: {milan: {bootloader: 0, tee: 0, snp: 0, microcode: 0}}\n"                          \
    "      platform-info: {alias-check: required}\n      " snp "\n    svsm-vtpm: {" svsm "}\n"                        \
    "    tpm: {ek: {" ek ": {because: test}}, rooted-by: linked-ek, pcr: {skip: {because: test}}}\n"
#define GOOD POLICY(MEASURED, "form: vtpm-service", "any-genuine")

static const char services_guid[] = "\xbb\x9e\x84\x63\x92\x3d\x70\x46\xa1\xff\x58\xf9\xc9\x4b\x87\xbb";
static const char vtpm_guid[] = "\xeb\xf1\x76\xc4\x23\x01\xa5\x45\x96\x41\xb4\xe7\xdd\xe5\xbf\xe3";
static const char mm_guid[] = "\x59\x3a\x45\xa4\x1b\x9e\x87\x47\xa0\x33\x19\x86\xd6\xad\xbe\x55";

enum form { FORM_VTPM, FORM_SERVICES, FORM_ALONE, FORM_ALONE_TPM2B, FORM_ALONE_DIGEST_WITH_NONCE };

struct svsm {
    struct vm vm;
    enum form form;
    struct soft_public told;        /* the EK of the manifest */
    uint8_t nonce[64];
    size_t nonce_len;
    int length_off, offset_off, first_off, count; /* of the manifest of all services */
    const char *second;             /* GUID of the second service */
    bool tpm2b, cut, other_manifest, host_data, without_quote, other_quote_binding;
    const char *policy;
};

static void open_guest(struct svsm *s)
{
    memset(s, 0, sizeof(*s));
    vm_open(&s->vm);
    s->told = s->vm.ek_area;
    memcpy(s->nonce, s->vm.binding, 64);
    s->nonce_len = 64;
    s->count = 2;
    s->second = vtpm_guid;
    s->policy = GOOD;
    s->vm.activation = LK_ACTIVATION_TICKET;
}

static void put_services(const struct svsm *s, struct lk_buf *out, struct lk_bytes ek)
{
    uint32_t head = 24 + 2 * 24, len = head + 8 + (uint32_t)ek.len;
    lk_put(out, lk_bytes(services_guid, 16));
    lk_put_u32le(out, len + (uint32_t)s->length_off);
    lk_put_u32le(out, (uint32_t)s->count);
    lk_put(out, lk_bytes(mm_guid, 16));
    lk_put_u32le(out, head + (uint32_t)s->first_off);
    lk_put_u32le(out, 8);
    lk_put(out, lk_bytes(s->second, 16));
    lk_put_u32le(out, head + 8 + (uint32_t)s->offset_off);
    lk_put_u32le(out, (uint32_t)ek.len);
    lk_put_u64le(out, 0);
    lk_put(out, ek);
}

static void make_manifest(const struct svsm *s, struct lk_buf *out)
{
    LK_BUF_AUTO ek = lk_buf(4096);
    if (s->tpm2b || s->form == FORM_ALONE_TPM2B)
        lk_put_u16be(&ek, 314);
    soft_public_put(&ek, &s->told);
    if (s->form == FORM_SERVICES)
        put_services(s, out, lk_buf_bytes(&ek));
    else
        lk_put(out, lk_bytes(ek.data, ek.len - s->cut));
}

static void make_report_data(struct svsm *s, struct lk_bytes nonce, struct lk_bytes manifest)
{
    uint8_t run[64 + 8192];
    uint8_t digest[64];
    memcpy(run, nonce.data, nonce.len);
    memcpy(run + nonce.len, manifest.data, manifest.len);
    assert_int_equal(EVP_Digest(run, nonce.len + manifest.len, digest, NULL, EVP_sha512(), NULL), 1);
    memcpy(s->vm.report.report_data, s->host_data ? s->vm.binding : digest, 64);
    memcpy(s->vm.report.host_data, digest, s->host_data ? 32 : 0);
}

static void add_quote(struct svsm *s)
{
    static const uint8_t another[32] = {9};
    struct lk_buf *ek = vm_blob(&s->vm);
    struct lk_tpm_public ek_area, ak_area;
    if (s->other_quote_binding)
        s->vm.quote.extra_data = LK_BYTES(another);
    vm_add_quote(&s->vm);
    soft_public_put(ek, &s->vm.ek_area);
    vm_part(&s->vm, "ek-public", lk_buf_bytes(ek));
    assert_true(lk_ok(lk_tpm_public_parse(lk_buf_bytes(ek), &ek_area)));
    assert_true(lk_ok(lk_tpm_public_parse(s->vm.items[s->vm.n_items - 1].parts[2], &ak_area)));
    if (lk_bytes_zero(LK_BYTES(s->vm.context)))
        assert_true(lk_ok(lk_tpm_activation_context(&ek_area, &ak_area, s->vm.context)));
}

static enum lk_reason_code judge(struct svsm *s)
{
    struct lk_buf *manifest = vm_blob(&s->vm), *sent = vm_blob(&s->vm);
    bool alone = s->form == FORM_ALONE || s->form == FORM_ALONE_TPM2B;
    make_manifest(s, manifest);
    bool without = alone || s->form == FORM_ALONE_DIGEST_WITH_NONCE;
    make_report_data(s, lk_bytes(s->nonce, without ? 0 : 64), lk_buf_bytes(manifest));
    vm_add_snp(&s->vm);
    if (s->other_manifest)
        s->told.key = s->vm.other;
    make_manifest(s, sent);
    vm_item(&s->vm, "svsm-vtpm");
    vm_part(&s->vm, "manifest", lk_buf_bytes(sent));
    if (!alone)
        vm_part(&s->vm, "nonce", lk_bytes(s->nonce, s->nonce_len));
    if (!s->without_quote)
        add_quote(s);
    return vm_judge(&s->vm, s->policy);
}

struct row {
    const char *what;
    void (*change)(struct svsm *s);
    enum lk_reason_code code;
};

#define ALL POLICY(MEASURED, "form: all-services", "any-genuine")
#define ALONE POLICY(MEASURED, "ek-alone: {skip: {because: test}}", "any-genuine")
#define CHANGE(name, statement)        \
    static void name(struct svsm *s)   \
    {                                  \
        statement;                     \
    }
CHANGE(nothing, (void)s)
CHANGE(services, (s->form = FORM_SERVICES, s->policy = ALL))
CHANGE(alone, (s->form = FORM_ALONE, s->policy = ALONE))
CHANGE(alone_tpm2b, (s->form = FORM_ALONE_TPM2B, s->policy = ALONE))
CHANGE(alone_by_default, (s->form = FORM_ALONE, s->policy = POLICY(MEASURED, "ek-key: rsa-2048", "any-genuine")))
CHANGE(form, s->policy = ALL)
CHANGE(alone_with_nonce, s->form = FORM_ALONE_DIGEST_WITH_NONCE)
CHANGE(alone_without_quote, (s->form = FORM_ALONE, s->policy = ALONE, s->without_quote = true))
CHANGE(alone_old_quote, (s->form = FORM_ALONE, s->policy = ALONE, s->other_quote_binding = true))
CHANGE(short_nonce, s->nonce_len = 63)
CHANGE(other_nonce, s->nonce[63] ^= 1)
CHANGE(tpm2b, s->tpm2b = true)
CHANGE(cut, s->cut = true)
CHANGE(length, (s->form = FORM_SERVICES, s->length_off = 1))
CHANGE(offset, (s->form = FORM_SERVICES, s->offset_off = 1))
CHANGE(first, (s->form = FORM_SERVICES, s->first_off = -1))
CHANGE(past_end, (s->form = FORM_SERVICES, s->count = 33))
CHANGE(one_fewer, (s->form = FORM_SERVICES, s->count = 1))
CHANGE(no_vtpm, (s->form = FORM_SERVICES, s->second = mm_guid))
CHANGE(no_ek, s->told = s->vm.ak_area)
CHANGE(unrestricted_ek, s->told.attributes &= ~UINT32_C(0x10000))
CHANGE(other_manifest, s->other_manifest = true)
CHANGE(through_host_data, s->host_data = true)
CHANGE(other_tpm, (s->vm.ek_area.key = s->vm.other, s->vm.activation = LK_ACTIVATION_TICKET))
CHANGE(plain_ticket, s->vm.activation = LK_ACTIVATION_NONE)
CHANGE(other_ticket, (s->vm.context[0] = 1))
CHANGE(old_quote, s->other_quote_binding = true)
CHANGE(vmpl_2, s->vm.report.vmpl = 2)
CHANGE(vmpl_1, s->vm.report.vmpl = 1)
CHANGE(vmpl_3, s->vm.report.vmpl = 3)
CHANGE(measurement, s->vm.report.measurement[47] ^= 1)
CHANGE(other_ek, s->policy = POLICY(MEASURED, "ek-sha256: '00'", "any-genuine"))
CHANGE(other_kind, s->policy = POLICY(MEASURED, "ek-key: p256", "any-genuine"))

static const struct row rows[] = {
    {"nothing", nothing, LK_R_OK},
    {"manifest of all services", services, LK_R_OK},
    {"digest of the EK, TPMT_PUBLIC", alone, LK_R_OK},
    {"digest of the EK, TPM2B_PUBLIC", alone_tpm2b, LK_R_OK},
    {"digest of the EK, not accepted", alone_by_default, LK_R_SVSM_EK_ALONE},
    {"another form than the policy's", form, LK_R_SVSM_FORM},
    {"digest without the nonce that is sent", alone_with_nonce, LK_R_UNANCHORED},
    {"digest of the EK, nothing fresh", alone_without_quote, LK_R_BINDING_MISSING},
    {"digest of the EK, quote of another request", alone_old_quote, LK_R_BINDING_MISMATCH},
    {"63 bytes of nonce", short_nonce, LK_R_SVSM_NONCE},
    {"nonce of another request", other_nonce, LK_R_BINDING_MISMATCH},
    {"a length before the EK", tpm2b, LK_R_SVSM_MANIFEST},
    {"an EK cut short", cut, LK_R_TPM_PUBLIC},
    {"length of the manifest", length, LK_R_SVSM_MANIFEST},
    {"offset of a service", offset, LK_R_SVSM_MANIFEST},
    {"a service inside the table", first, LK_R_SVSM_MANIFEST},
    {"more services than there is room", past_end, LK_R_SVSM_MANIFEST},
    {"bytes of no service", one_fewer, LK_R_SVSM_MANIFEST},
    {"no vTPM", no_vtpm, LK_R_SVSM_NO_VTPM},
    {"an AK in the EK's place", no_ek, LK_R_SVSM_NO_EK},
    {"an unrestricted EK", unrestricted_ek, LK_R_SVSM_NO_EK},
    {"another manifest than the report's", other_manifest, LK_R_UNANCHORED},
    {"the digest is in HOST_DATA", through_host_data, LK_R_UNANCHORED},
    {"TPM of another machine", other_tpm, LK_R_UNANCHORED},
    {"a plain ticket", plain_ticket, LK_R_UNANCHORED},
    {"a ticket of another TPM", other_ticket, LK_R_TPM_ACTIVATION},
    {"quote of another request", old_quote, LK_R_BINDING_MISMATCH},
    {"report at VMPL 1", vmpl_1, LK_R_SNP_VMPL},
    {"report at VMPL 2, where the guest runs", vmpl_2, LK_R_SNP_VMPL},
    {"report at VMPL 3", vmpl_3, LK_R_SNP_VMPL},
    {"another SVSM", measurement, LK_R_SNP_MEASUREMENT},
    {"another EK than the policy's", other_ek, LK_R_SVSM_EK},
    {"another kind of EK", other_kind, LK_R_SVSM_EK},
};

static void each_departure_has_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct svsm s;
        open_guest(&s);
        rows[i].change(&s);
        enum lk_reason_code code = judge(&s);
        if (code != rows[i].code)
            fail_msg("%s: %s, not %s", rows[i].what, lk_reason(code)->name, lk_reason(rows[i].code)->name);
        vm_close(&s.vm);
    }
}

/* The verdict tells the keeper which ticket the evidence is for. */
static void the_context_is_told(void **state)
{
    (void)state;
    struct svsm s;
    open_guest(&s);
    assert_int_equal(judge(&s), LK_R_OK);
    assert_true(s.vm.out.needs_activation);
    assert_memory_equal(s.vm.out.activation_context, s.vm.context, 32);
    vm_close(&s.vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_departure_has_its_code), cmocka_unit_test(the_context_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
