/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/harness/vtpm_vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "policy/document/document.h"

#define MUST(x)                                                              \
    do {                                                                     \
        if (!(x)) {                                                          \
            fprintf(stderr, "vtpm_vm: %s:%d: %s\n", __FILE__, __LINE__, #x); \
            abort();                                                         \
        }                                                                    \
    } while (0)

/* Made once: RSA-4096 signatures and RSA keys take long. */
static struct pki {
    EVP_PKEY *ark, *ask, *vek, *ak, *ek, *other;
    struct amd_sp_der ark_der, ask_der, vek_der;
    uint8_t chain[2 * AMD_SP_DER_MAX];
    size_t chain_len;
} pki;

static EVP_PKEY *rsa_file(const char *path)
{
    FILE *f = fopen(path, "r");
    MUST(f != NULL);
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    MUST(key != NULL);
    return key;
}

static void make_pki(void)
{
    struct amd_sp_report r = amd_sp_report_default(AMD_SP_MILAN);
    struct amd_sp_profile ark = amd_sp_ark_profile(AMD_SP_MILAN), ask = amd_sp_intermediate_profile(AMD_SP_MILAN, AMD_SP_VCEK);
    struct amd_sp_profile vek = amd_sp_vek_profile(AMD_SP_MILAN, AMD_SP_VCEK, r.reported_tcb, r.chip_id, "");
    if (pki.ark != NULL)
        return;
    pki.ark = rsa_file("tests/unit/policy/evidence/sev_snp/keys/ark.pem");
    pki.ask = rsa_file("tests/unit/policy/evidence/sev_snp/keys/ask.pem");
    pki.vek = amd_sp_vek_key();
    pki.ak = soft_key("RSA2048");
    pki.ek = soft_key("RSA2048");
    pki.other = soft_key("RSA2048");
    amd_sp_issue(&ark, pki.ark, pki.ark, &pki.ark_der);
    amd_sp_issue(&ask, pki.ask, pki.ark, &pki.ask_der);
    amd_sp_issue(&vek, pki.vek, pki.ask, &pki.vek_der);
    memcpy(pki.chain, pki.ask_der.data, pki.ask_der.len);
    memcpy(pki.chain + pki.ask_der.len, pki.ark_der.data, pki.ark_der.len);
    pki.chain_len = pki.ask_der.len + pki.ark_der.len;
}

void vm_open(struct vm *vm)
{
    make_pki();
    memset(vm, 0, sizeof(*vm));
    vm->report = amd_sp_report_default(AMD_SP_MILAN);
    vm->ak = vm->signer = pki.ak;
    vm->ek = pki.ek;
    vm->other = pki.other;
    memset(vm->binding, 0xb1, sizeof(vm->binding));
    vm->ak_area = (struct soft_public){.key = vm->ak, .attributes = SOFT_AK, .scheme = LK_TPM_RSASSA, .scheme_hash = LK_TPM_SHA256};
    vm->ek_area = (struct soft_public){.key = vm->ek, .attributes = SOFT_EK, .storage = true};
    for (size_t i = 0; i < sizeof(vm->values); i++)
        vm->values[i] = (uint8_t)(i + 1);
    vm->quote = soft_quote(LK_BYTES(vm->values));
    vm->quote.scheme = LK_TPM_RSASSA;
    vm->quote.hash = LK_TPM_SHA256;
    vm->quote.extra_data = lk_bytes(vm->binding, 32);
    vm->arena = lk_arena_new(4u << 20);
    vm->set = lk_policyset_new();
    vm->trust = lk_trust_new();
    MUST(vm->arena != NULL && vm->set != NULL && vm->trust != NULL);
    MUST(lk_ok(lk_trust_add_anchor(vm->trust, "sev-snp", "test-root", lk_bytes(pki.ark_der.data, pki.ark_der.len))));
}

void vm_close(struct vm *vm)
{
    for (size_t i = 0; i < vm->n_blobs; i++)
        lk_buf_free(&vm->blobs[i]);
    lk_policyset_free(vm->set);
    lk_trust_free(vm->trust);
    lk_arena_free(vm->arena);
}

struct lk_buf *vm_blob(struct vm *vm)
{
    MUST(vm->n_blobs < VM_BLOBS);
    vm->blobs[vm->n_blobs] = lk_buf(1 << 16);
    return &vm->blobs[vm->n_blobs++];
}

struct lk_chain_item *vm_item(struct vm *vm, const char *family)
{
    MUST(vm->n_items < VM_ITEMS);
    struct lk_chain_item *item = &vm->items[vm->n_items++];
    *item = (struct lk_chain_item){.family = lk_family_by_name(lk_bytes_str(family))};
    MUST(item->family != NULL);
    return item;
}

void vm_part(struct vm *vm, const char *part, struct lk_bytes bytes)
{
    struct lk_chain_item *item = &vm->items[vm->n_items - 1];
    for (size_t i = 0; i < item->family->n_parts; i++)
        if (strcmp(item->family->parts[i].name, part) == 0) {
            item->parts[i] = bytes;
            return;
        }
    MUST(!"a part of that name");
}

void vm_add_snp(struct vm *vm)
{
    uint8_t report[AMD_SP_REPORT];
    struct lk_buf *blob = vm_blob(vm);
    amd_sp_report_write(&vm->report, report);
    amd_sp_report_sign(report, pki.vek);
    lk_put(blob, LK_BYTES(report));
    vm_item(vm, "sev-snp");
    vm_part(vm, "report", lk_buf_bytes(blob));
    vm_part(vm, "vek", lk_bytes(pki.vek_der.data, pki.vek_der.len));
    vm_part(vm, "chain", lk_bytes(pki.chain, pki.chain_len));
}

void vm_add_quote(struct vm *vm)
{
    struct lk_buf *attest = vm_blob(vm), *signature = vm_blob(vm), *area = vm_blob(vm);
    soft_public_put(area, &vm->ak_area);
    soft_attest_put(attest, &vm->quote);
    soft_signature_put(signature, &vm->quote, vm->signer, lk_buf_bytes(attest));
    vm_item(vm, "tpm");
    vm_part(vm, "attest", lk_buf_bytes(attest));
    vm_part(vm, "signature", lk_buf_bytes(signature));
    vm_part(vm, "public", lk_buf_bytes(area));
    vm_part(vm, "pcrs", LK_BYTES(vm->values));
}

static void add_policy(struct vm *vm, const char *yaml)
{
    static struct lk_document_errors errors;
    LK_BUF_AUTO message = lk_buf(1 << 20);
    lk_result r = lk_document_policy(lk_bytes_str(yaml), &message, &errors);
    for (size_t i = 0; i < errors.n; i++)
        fprintf(stderr, "%d:%d: %s\n", errors.e[i].line, errors.e[i].column, errors.e[i].text);
    MUST(lk_ok(r) && lk_ok(lk_policyset_add_policy(vm->set, 1, lk_buf_bytes(&message), NULL)));
}

enum lk_reason_code vm_judge(struct vm *vm, const char *yaml)
{
    add_policy(vm, yaml);
    struct lk_chain_input in = {.items = vm->items, .n_items = vm->n_items, .trust = vm->trust, .policies = vm->set,
                                .at = VM_AT, .activation = vm->activation, .activation_context = LK_BYTES(vm->context),
                                .arena = vm->arena};
    if (!vm->any_binding)
        in.binding = LK_BYTES(vm->binding);
    MUST(lk_ok(lk_chain_appraise(&in, &vm->out)));
    const struct lk_finding *f = lk_report_first(&vm->out.report);
    MUST((f == NULL) == (vm->out.cls == LK_CLASS_AFFIRMED));
    return f == NULL ? LK_R_OK : f->code;
}
