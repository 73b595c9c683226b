/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy/evidence/sev_snp/world.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

EVP_PKEY *world_rsa(enum world_rsa which)
{
    static const char *const files[WORLD_RSA_KEYS] = {
        [WORLD_ARK] = "tests/unit/policy/evidence/sev_snp/keys/ark.pem",
        [WORLD_ASK] = "tests/unit/policy/evidence/sev_snp/keys/ask.pem",
        [WORLD_ASVK] = "tests/unit/policy/evidence/sev_snp/keys/asvk.pem",
    };
    static EVP_PKEY *keys[WORLD_RSA_KEYS];
    if (keys[which] != NULL)
        return keys[which];
    FILE *f = fopen(files[which], "r");
    if (f != NULL)
        keys[which] = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    if (keys[which] == NULL) {
        fprintf(stderr, "run from the top of the source tree: no key in %s\n", files[which]);
        abort();
    }
    fclose(f);
    return keys[which];
}

EVP_PKEY *world_vek_key(int which)
{
    static EVP_PKEY *keys[2];
    if (keys[which] == NULL)
        keys[which] = amd_sp_vek_key();
    return keys[which];
}

void world_init(struct world *w, enum amd_sp_product product, enum amd_sp_key kind)
{
    *w = (struct world){.product = product, .kind = kind, .offered = kind, .at = WORLD_NOW};
    w->report = amd_sp_report_default(product);
    if (kind == AMD_SP_VLEK) {
        w->report.key_info = 1 << 2;
        memset(w->report.chip_id, 0, sizeof(w->report.chip_id));
    }
    w->ark = amd_sp_ark_profile(product);
    w->ask = amd_sp_intermediate_profile(product, AMD_SP_VCEK);
    w->asvk = amd_sp_intermediate_profile(product, AMD_SP_VLEK);
    w->vek = amd_sp_vek_profile(product, kind, w->report.reported_tcb, w->report.chip_id, "CN=cloud.test");
    w->ark_key = w->ark_signer = w->ask_signer = w->asvk_signer = w->crl_signer = world_rsa(WORLD_ARK);
    w->ask_key = world_rsa(WORLD_ASK);
    w->asvk_key = world_rsa(WORLD_ASVK);
    w->vek_signer = kind == AMD_SP_VLEK ? w->asvk_key : w->ask_key;
    w->vek_key = w->report_signer = world_vek_key(0);
    w->crl = (struct amd_sp_crl){.this_update = WORLD_NOW - 1000, .next_update = WORLD_NOW + 1000};
    snprintf(w->crl.issuer, sizeof(w->crl.issuer), "%s", w->ark.subject);
    w->send_vek = w->send_intermediate = w->send_ark = w->anchor_ark = true;
}

struct made {
    struct amd_sp_der ark, good_ark, ask, asvk, vek, other_vek, crl, kept;
    uint8_t report[AMD_SP_REPORT], chain[5 * AMD_SP_DER_MAX], table[8 * AMD_SP_DER_MAX];
};

/* Signing with RSA-4096 is what these tests spend their time on: what did not change is not signed again. */
static void issue(const struct amd_sp_profile *p, EVP_PKEY *key, EVP_PKEY *signer, struct amd_sp_der *out)
{
    enum { SLOTS = 16 };
    static struct slot {
        struct amd_sp_profile p;
        EVP_PKEY *key, *signer;
        struct amd_sp_der der;
    } slots[SLOTS];
    static size_t next;
    for (size_t i = 0; i < SLOTS; i++)
        if (slots[i].key == key && slots[i].signer == signer && memcmp(&slots[i].p, p, sizeof(*p)) == 0) {
            *out = slots[i].der;
            return;
        }
    amd_sp_issue(p, key, signer, out);
    struct slot *s = &slots[next++ % SLOTS];
    memcpy(&s->p, p, sizeof(*p));
    s->key = key;
    s->signer = signer;
    s->der = *out;
}

static void make_certs(const struct world *w, struct made *m)
{
    struct amd_sp_profile good = amd_sp_ark_profile(w->product);
    issue(&good, world_rsa(WORLD_ARK), world_rsa(WORLD_ARK), &m->good_ark);
    issue(&w->ark, w->ark_key, w->ark_signer, &m->ark);
    issue(&w->ask, w->ask_key, w->ask_signer, &m->ask);
    issue(&w->asvk, w->asvk_key, w->asvk_signer, &m->asvk);
    issue(&w->vek, w->vek_key, w->vek_signer, &m->vek);
    if (w->send_crl)
        amd_sp_revoke(&w->crl, w->crl_signer, &m->crl);
    if (w->keep_list)
        amd_sp_revoke(&w->kept, world_rsa(WORLD_ARK), &m->kept);
    if (w->flip_ark_byte != 0)
        m->ark.data[m->ark.len - (size_t)w->flip_ark_byte] ^= 1;
    if (w->both_veks) {
        enum amd_sp_key other = w->kind == AMD_SP_VLEK ? AMD_SP_VCEK : AMD_SP_VLEK;
        struct amd_sp_profile p = amd_sp_vek_profile(w->product, other, w->report.reported_tcb, w->report.chip_id, "CN=x");
        issue(&p, world_vek_key(1), other == AMD_SP_VLEK ? w->asvk_key : w->ask_key, &m->other_vek);
    }
}

static void make_report(const struct world *w, struct made *m)
{
    amd_sp_report_write(&w->report, m->report);
    if (w->before_signing.used)
        m->report[w->before_signing.offset] = w->before_signing.value;
    amd_sp_report_sign(m->report, w->report_signer);
    if (w->after_signing.used)
        m->report[w->after_signing.offset] = w->after_signing.value;
}

static const struct amd_sp_der *intermediate(const struct world *w, const struct made *m, bool other)
{
    return (w->kind == AMD_SP_VLEK) != other ? &m->asvk : &m->ask;
}

static void append(struct made *m, size_t *n, bool wanted, const struct amd_sp_der *der)
{
    if (!wanted)
        return;
    memcpy(m->chain + *n, der->data, der->len);
    *n += der->len;
}

static struct lk_bytes make_chain(const struct world *w, struct made *m)
{
    size_t n = 0;
    append(m, &n, w->send_intermediate, intermediate(w, m, false));
    append(m, &n, w->send_other_intermediate, intermediate(w, m, true));
    append(m, &n, w->send_ark, &m->ark);
    append(m, &n, w->send_vek_in_chain, &m->vek);
    return n == 0 ? LK_BYTES_NONE : lk_bytes(m->chain, n);
}

static struct lk_bytes make_table(const struct world *w, struct made *m)
{
    struct amd_sp_blob blobs[5];
    size_t n = 0;
    const char *guid = w->offered == AMD_SP_VLEK ? AMD_SP_GUID_VLEK : AMD_SP_GUID_VCEK;
    if (w->both_veks)
        blobs[n++] = (struct amd_sp_blob){w->kind == AMD_SP_VLEK ? AMD_SP_GUID_VCEK : AMD_SP_GUID_VLEK,
                                          m->other_vek.data, m->other_vek.len};
    blobs[n++] = (struct amd_sp_blob){guid, m->vek.data, m->vek.len};
    blobs[n++] = (struct amd_sp_blob){AMD_SP_GUID_ASK, intermediate(w, m, false)->data, intermediate(w, m, false)->len};
    blobs[n++] = (struct amd_sp_blob){AMD_SP_GUID_ARK, m->ark.data, m->ark.len};
    if (w->send_crl)
        blobs[n++] = (struct amd_sp_blob){AMD_SP_GUID_CRL, m->crl.data, m->crl.len};
    return lk_bytes(m->table, amd_sp_cert_table(blobs, n, m->table, sizeof(m->table)));
}

static struct lk_bytes der(const struct amd_sp_der *d)
{
    return lk_bytes(d->data, d->len);
}

static void add_collateral(const struct world *w, struct made *m, struct lk_trust *trust)
{
    static const char *const words[] = {"milan", "genoa", "turin"};
    char chip[129], tcb[17], name[256];
    const char *word = words[w->product];
    lk_hex(lk_bytes(w->report.chip_id, w->product == AMD_SP_TURIN ? 8 : 64), chip, sizeof(chip));
    lk_hex(LK_BYTES(w->report.reported_tcb), tcb, sizeof(tcb));
    if (w->kind == AMD_SP_VLEK)
        snprintf(name, sizeof(name), "sev-snp/vlek/%s/%s", word, tcb);
    else
        snprintf(name, sizeof(name), "sev-snp/vek/%s/%s", chip, tcb);
    (void)!lk_ok(lk_trust_add_collateral(trust, name, der(&m->vek)));
    snprintf(name, sizeof(name), "sev-snp/chain/%s%s", word, w->kind == AMD_SP_VLEK ? "-vlek" : "");
    (void)!lk_ok(lk_trust_add_collateral(trust, name, make_chain(w, m)));
    snprintf(name, sizeof(name), "sev-snp/crl/%s", word);
    if (w->send_crl)
        (void)!lk_ok(lk_trust_add_collateral(trust, name, der(&m->crl)));
}

static void add_list(const struct world *w, struct made *m, struct lk_trust *trust)
{
    static const char *const names[] = {"sev-snp/crl/milan", "sev-snp/crl/genoa", "sev-snp/crl/turin"};
    (void)!lk_ok(lk_trust_add_collateral(trust, names[w->product], der(&m->kept)));
}

static void make_parts(const struct world *w, struct made *m, struct lk_bytes parts[static LK_SNP_PARTS])
{
    parts[LK_SNP_PART_REPORT] = LK_BYTES(m->report);
    if (w->collateral)
        return;
    if (w->form == WORLD_TABLE) {
        parts[LK_SNP_PART_CERTS] = make_table(w, m);
        return;
    }
    if (w->send_vek)
        parts[LK_SNP_PART_VEK] = der(&m->vek);
    if (w->send_crl)
        parts[LK_SNP_PART_CRL] = lk_bytes(m->crl.data, m->crl.len - w->crl_cut);
    parts[LK_SNP_PART_CHAIN] = make_chain(w, m);
}

void world_run(struct world *w, struct lk_family_run *out)
{
    static struct made m;
    static struct lk_arena *arena;
    struct lk_trust *trust = lk_trust_new();
    struct lk_bytes parts[LK_SNP_PARTS] = {0};
    lk_arena_free(arena);
    arena = lk_arena_new(1 << 20);
    make_certs(w, &m);
    make_report(w, &m);
    if (w->anchor_ark)
        (void)!lk_ok(lk_trust_add_anchor(trust, "sev-snp", "test-root", der(w->keep_ark ? &m.good_ark : &m.ark)));
    if (w->anchor_ask)
        (void)!lk_ok(lk_trust_add_intermediate(trust, "sev-snp", der(intermediate(w, &m, false))));
    if (w->collateral)
        add_collateral(w, &m, trust);
    if (w->keep_list)
        add_list(w, &m, trust);
    make_parts(w, &m, parts);
    (void)!lk_ok(lk_family_run(&lk_family_sev_snp, parts, trust, w->at, arena, out));
    lk_trust_free(trust);
}
