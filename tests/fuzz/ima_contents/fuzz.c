/* SPDX-License-Identifier: Apache-2.0 */
/* What entries say once a quote vouches for them: files, signatures, certificates of keyrings, device mapper tables. */
#include "policy/evidence/ima/contents.h"
#include "policy/evidence/ima/list.h"
#include "policy/evidence/ima/verity.h"
#include "tests/emulators/tpm/softtpm.h"

#include <openssl/evp.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An anchor, so that signatures and certificates are looked at. */
static struct lk_trust *trust(void)
{
    static struct lk_trust *t;
    if (t != NULL)
        return t;
    LK_BUF_AUTO der = lk_buf(8192);
    EVP_PKEY *key = soft_key("P-256");
    soft_cert_put(&der, &(struct soft_cert){.subject = "CA", .key = key, .issuer = "CA", .signer = key, .ca = true,
                                            .key_usage = "critical,keyCertSign", .not_after = 2000000000});
    EVP_PKEY_free(key);
    t = lk_trust_new();
    if (t == NULL || !lk_ok(lk_trust_add_anchor(t, "ima", "ca", lk_buf_bytes(&der))))
        __builtin_trap();
    return t;
}

static size_t entries(struct lk_bytes bytes)
{
    struct lk_ima_list list;
    struct lk_ima_entry e;
    bool more = true;
    lk_ima_open(bytes, &list);
    while (more && lk_ok(lk_ima_next(&list, &e, &more)))
        continue;
    size_t n = list.n_entries;
    lk_ima_close(&list);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_bytes bytes = lk_bytes(data, size);
    struct lk_arena *arena = lk_arena_new(4u << 20);
    struct lk_family_input in = {.arena = arena, .trust = trust(), .at = 1000000000};
    struct lk_ima_contents contents;
    struct lk_member targets[8];
    size_t n = 0, covered = entries(bytes);
    if (arena == NULL)
        return 0;
    lk_result r = lk_ima_contents(&in, bytes, covered, &contents);
    if (lk_ok(r) && contents.n_files + contents.n_buffers > covered)
        __builtin_trap();
    r = lk_ima_verity(bytes, arena, targets, 8, &n);
    if (n > 8)
        __builtin_trap();
    (void)r;
    lk_arena_free(arena);
    return 0;
}
