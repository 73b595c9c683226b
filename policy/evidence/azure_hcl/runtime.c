/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/azure_hcl/runtime.h"

#define AK "HCLAkPub"
#define GUID_CHARS 36

struct jwk {
    struct lk_bytes kid, kty, n, e;
};

struct configuration {
    uint8_t secure_boot, tpm_enabled, tpm_persisted, console;
    struct lk_bytes id, thumbprint;
};

struct document {
    struct lk_json_array keys;
    struct configuration vm;
    struct lk_bytes user_data;
};

static const struct lk_json_member jwk_members[] = {
    LK_JSON_MEMBER("kid", lk_json_text, struct jwk, kid),
    LK_JSON_MEMBER("kty", lk_json_text, struct jwk, kty),
    LK_JSON_OPTIONAL("n", lk_json_base64url, struct jwk, n),
    LK_JSON_OPTIONAL("e", lk_json_base64url, struct jwk, e),
};

static const struct lk_json_member vm_members[] = {
    LK_JSON_OPTIONAL("secure-boot", lk_json_flag, struct configuration, secure_boot),
    LK_JSON_OPTIONAL("tpm-enabled", lk_json_flag, struct configuration, tpm_enabled),
    LK_JSON_OPTIONAL("tpm-persisted", lk_json_flag, struct configuration, tpm_persisted),
    LK_JSON_OPTIONAL("console-enabled", lk_json_flag, struct configuration, console),
    LK_JSON_OPTIONAL("vmUniqueId", lk_json_text, struct configuration, id),
    LK_JSON_OPTIONAL("root-cert-thumbprint", lk_json_text, struct configuration, thumbprint),
};

static void read_jwk(struct lk_json *j, void *field, size_t size)
{
    (void)size;
    lk_json_object(j, jwk_members, sizeof(jwk_members) / sizeof(jwk_members[0]), field);
}

static void read_keys(struct lk_json *j, void *field, size_t size)
{
    (void)size;
    lk_json_array(j, field, LK_HCL_KEYS_MAX, sizeof(struct jwk), read_jwk);
}

static void read_vm(struct lk_json *j, void *field, size_t size)
{
    (void)size;
    lk_json_object(j, vm_members, sizeof(vm_members) / sizeof(vm_members[0]), field);
}

/* In the arena, so that what is absent is told from zeros. */
static void read_user_data(struct lk_json *j, void *field, size_t size)
{
    struct lk_bytes out = {lk_arena_alloc(j->arena, 64), 64};
    if (out.data == NULL || size != sizeof(out))
        lk_cursor_fail(&j->c);
    else
        lk_json_hex(j, (void *)(uintptr_t)out.data, out.len);
    if (!j->c.failed)
        *(struct lk_bytes *)field = out;
}

static const struct lk_json_member members[] = {
    LK_JSON_MEMBER("keys", read_keys, struct document, keys),
    LK_JSON_MEMBER("vm-configuration", read_vm, struct document, vm),
    LK_JSON_OPTIONAL("user-data", read_user_data, struct document, user_data),
};

static bool is_guid(struct lk_bytes s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (dash ? c != '-' : !digit)
            return false;
    }
    return s.len == GUID_CHARS;
}

static bool is_ak(const struct jwk *k)
{
    return lk_bytes_eq(k->kid, lk_bytes_str(AK));
}

static lk_result take_ak(const struct document *d, struct lk_tpm_public *ak)
{
    const struct jwk *found = NULL;
    const struct jwk *keys = d->keys.elements;
    for (size_t i = 0; i < d->keys.n; i++) {
        LK_REQUIRE(!is_ak(&keys[i]) || found == NULL, AZURE_AK_MISSING);
        found = is_ak(&keys[i]) ? &keys[i] : found;
    }
    LK_REQUIRE(found != NULL && lk_bytes_eq(found->kty, lk_bytes_str("RSA")), AZURE_AK_MISSING);
    LK_REQUIRE(lk_bytes_eq(found->e, lk_bytes("\x01\x00\x01", 3)), AZURE_AK_MISSING);
    LK_REQUIRE(found->n.len <= 512 && found->n.len > 0 && (found->n.data[0] & 0x80) != 0, AZURE_AK_MISSING);
    *ak = (struct lk_tpm_public){.type = LK_TPM_RSA, .n = found->n, .rsa_bits = (uint16_t)(8 * found->n.len), .rsa_exponent = 65537};
    return lk_tpm_public_word(ak) != NULL ? LK_OK : LK_FAIL(AZURE_AK_MISSING);
}

lk_result lk_hcl_runtime_read(struct lk_bytes text, struct lk_arena *arena, struct lk_hcl_runtime *out)
{
    struct document d = {.keys = {NULL, 0}};
    struct lk_json j = lk_json(text, arena);
    lk_json_object(&j, members, sizeof(members) / sizeof(members[0]), &d);
    LK_REQUIRE(lk_ok(lk_json_end(&j)), AZURE_RUNTIME);
    LK_REQUIRE(d.vm.id.data == NULL || is_guid(d.vm.id), AZURE_RUNTIME);
    *out = (struct lk_hcl_runtime){
        .secure_boot = d.vm.secure_boot,
        .tpm_enabled = d.vm.tpm_enabled,
        .tpm_persisted = d.vm.tpm_persisted,
        .console = d.vm.console,
        .vm_unique_id = d.vm.id,
        .root_cert_thumbprint = d.vm.thumbprint,
        .user_data = d.user_data,
    };
    return take_ak(&d, &out->ak);
}
