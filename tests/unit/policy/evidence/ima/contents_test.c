/* SPDX-License-Identifier: Apache-2.0 */
/* What a list's entries say: files, whose signature counts and whose does not, buffers, dm-verity targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "policy/evidence/ima/contents.h"
#include "policy/evidence/ima/keys.h"
#include "policy/evidence/ima/signature.h"
#include "policy/evidence/ima/verity.h"
#include "tests/emulators/tpm/softtpm.h"

#define AT 1800000000

/* "release" is an RSA key in a certificate, "ca" issues `vendor`, `stray` has nothing to do with either. */
static EVP_PKEY *release_key, *ca_key, *vendor_key, *stray_key, *small_key;
static struct lk_buf release, ca, vendor, stray, small;
static const uint8_t digest[32] = {7}, other_digest[32] = {8};

static struct lk_buf issue(const char *subject, EVP_PKEY *key, const char *issuer, EVP_PKEY *signer, bool is_ca)
{
    struct lk_buf out = lk_buf(8192);
    struct soft_cert c = {.subject = subject, .key = key, .issuer = issuer, .signer = signer, .ca = is_ca,
                          .key_usage = is_ca ? "critical,keyCertSign" : "critical,digitalSignature",
                          .not_before = AT - 100, .not_after = AT + 100};
    soft_cert_put(&out, &c);
    return out;
}

static int setup(void **state)
{
    (void)state;
    release_key = soft_key("RSA2048");
    small_key = soft_key("RSA1024");
    ca_key = soft_key("P-256");
    vendor_key = soft_key("P-384");
    stray_key = soft_key("RSA2048");
    release = issue("Release", release_key, "Release", release_key, false);
    small = issue("Small", small_key, "Small", small_key, false);
    ca = issue("CA", ca_key, "CA", ca_key, true);
    vendor = issue("Vendor", vendor_key, "CA", ca_key, false);
    stray = issue("Stray", stray_key, "Stray", stray_key, false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    struct lk_buf *certs[] = {&release, &ca, &vendor, &stray, &small};
    EVP_PKEY *keys[] = {release_key, ca_key, vendor_key, stray_key, small_key};
    for (size_t i = 0; i < 5; i++) {
        lk_buf_free(certs[i]);
        EVP_PKEY_free(keys[i]);
    }
    return 0;
}

/* ---- lists ---- */

struct run {
    struct lk_buf list;
    size_t entries;
    struct lk_arena *arena;
    struct lk_trust *trust;
    struct lk_ima_contents contents;
};

static void put_pcr_entry(struct run *r, uint32_t pcr, const char *template, const char *alg, struct lk_bytes hash, const char *name,
                          struct lk_bytes blob)
{
    LK_BUF_AUTO data = lk_buf(1 << 16);
    lk_put_u32le(&data, (uint32_t)(strlen(alg) + 2 + hash.len));
    lk_put_fmt(&data, "%s:", alg);
    lk_put_u8(&data, 0);
    lk_put(&data, hash);
    lk_put_sized_u32le(&data, lk_bytes(name, strlen(name) + 1));
    if (strcmp(template, "ima-ng") != 0)
        lk_put_sized_u32le(&data, blob);
    lk_put_u32le(&r->list, pcr);
    lk_put(&r->list, lk_bytes("template hash is of no ", 20));
    lk_put_sized_u32le(&r->list, lk_bytes_str(template));
    lk_put_sized_u32le(&r->list, lk_buf_bytes(&data));
    r->entries++;
}

static void put_entry(struct run *r, const char *template, const char *alg, struct lk_bytes hash, const char *name,
                      struct lk_bytes blob)
{
    put_pcr_entry(r, 10, template, alg, hash, name, blob);
}

/* As the kernel does it: the digest is the buffer's. */
static void put_buffer(struct run *r, const char *name, struct lk_bytes blob)
{
    uint8_t hash[32];
    assert_int_equal(EVP_Digest(blob.data, blob.len, hash, NULL, EVP_sha256(), NULL), 1);
    put_entry(r, "ima-buf", "sha256", LK_BYTES(hash), name, blob);
}

static void add_anchor(struct run *r, const char *name, const struct lk_buf *der)
{
    assert_int_equal(lk_trust_add_anchor(r->trust, "ima", name, lk_buf_bytes(der)).code, LK_R_OK);
}

static void open_run(struct run *r)
{
    *r = (struct run){.list = lk_buf(8u << 20), .arena = lk_arena_new(16u << 20), .trust = lk_trust_new()};
    add_anchor(r, "release", &release);
    add_anchor(r, "ca", &ca);
    put_entry(r, "ima-ng", "sha256", LK_BYTES(digest), "boot_aggregate", LK_BYTES_NONE);
}

static void close_run(struct run *r)
{
    lk_buf_free(&r->list);
    lk_arena_free(r->arena);
    lk_trust_free(r->trust);
}

static enum lk_reason_code collect_at(struct run *r, int64_t at)
{
    struct lk_family_input in = {.arena = r->arena, .trust = r->trust, .at = at};
    return lk_ima_contents(&in, lk_buf_bytes(&r->list), r->entries, &r->contents).code;
}

static void collect(struct run *r)
{
    assert_int_equal(collect_at(r, AT), LK_R_OK);
}

/* ---- signatures ---- */

static uint32_t key_id(const struct lk_buf *cert)
{
    const uint8_t *p = cert->data;
    uint32_t ids[2];
    X509 *x = d2i_X509(NULL, &p, (long)cert->len);
    assert_non_null(x);
    lk_ima_key_ids(x, ids);
    X509_free(x);
    return ids[1];
}

/* security.ima: type, version, hash, key id, length, signature over the digest. */
static struct lk_buf xattr(EVP_PKEY *key, const struct lk_buf *cert, uint8_t hash, const char *md, struct lk_bytes over)
{
    struct lk_buf out = lk_buf(2048);
    uint8_t sig[512];
    size_t n = sizeof(sig);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    assert_true(ctx != NULL && EVP_PKEY_sign_init(ctx) == 1);
    assert_true(!EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1);
    assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(md)), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, sig, &n, over.data, over.len), 1);
    EVP_PKEY_CTX_free(ctx);
    lk_put_u8(&out, 3);
    lk_put_u8(&out, 2);
    lk_put_u8(&out, hash);
    lk_put_u32be(&out, key_id(cert));
    lk_put_sized_u16be(&out, lk_bytes(sig, n));
    return out;
}

static struct lk_buf good_xattr(void)
{
    return xattr(release_key, &release, 4, "SHA256", LK_BYTES(digest));
}

static const char *signer_of(struct lk_bytes blob, const char *alg, struct lk_bytes hash)
{
    static char name[128];
    struct run r;
    open_run(&r);
    put_entry(&r, "ima-sig", alg, hash, "/usr/bin/x", blob);
    collect(&r);
    assert_int_equal(r.contents.n_files, 1);
    const char *signer = r.contents.files[0].signer;
    snprintf(name, sizeof(name), "%s", signer == NULL ? "nobody" : signer);
    close_run(&r);
    return name;
}

static void the_anchors_key_signs(void **state)
{
    (void)state;
    struct lk_buf x = good_xattr();
    assert_string_equal(signer_of(lk_buf_bytes(&x), "sha256", LK_BYTES(digest)), "release");
    assert_string_equal(signer_of(LK_BYTES_NONE, "sha256", LK_BYTES(digest)), "nobody");
    assert_string_equal(signer_of(lk_buf_bytes(&x), "sha256", LK_BYTES(other_digest)), "nobody");
    assert_string_equal(signer_of(lk_buf_bytes(&x), "sha384", LK_BYTES(digest)), "nobody");
    lk_buf_free(&x);
}

/* Every byte before the signature decides, and every length but the right one is none. */
static void a_changed_xattr_is_no_signature(void **state)
{
    (void)state;
    struct lk_buf x = good_xattr();
    for (size_t i = 0; i < 9; i++) {
        x.data[i] ^= 0x10;
        assert_string_equal(signer_of(lk_buf_bytes(&x), "sha256", LK_BYTES(digest)), "nobody");
        x.data[i] ^= 0x10;
    }
    for (size_t n = 0; n < x.len; n += n < 12 ? 1 : 61)
        assert_string_equal(signer_of(lk_bytes(x.data, n), "sha256", LK_BYTES(digest)), "nobody");
    lk_put_u8(&x, 0);
    assert_string_equal(signer_of(lk_buf_bytes(&x), "sha256", LK_BYTES(digest)), "nobody");
    lk_buf_free(&x);
}

static void signatures_that_do_not_count(void **state)
{
    (void)state;
    static const uint8_t sha1[20] = {1};
    struct lk_buf rows[] = {
        xattr(stray_key, &stray, 4, "SHA256", LK_BYTES(digest)),         /* a key that is no anchor's */
        xattr(stray_key, &release, 4, "SHA256", LK_BYTES(digest)),       /* another key under the anchor's id */
        xattr(release_key, &release, 4, "SHA256", LK_BYTES(other_digest)), /* over another digest */
        xattr(vendor_key, &vendor, 4, "SHA256", LK_BYTES(digest)),       /* of a certificate that no keyring learned */
    };
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(signer_of(lk_buf_bytes(&rows[i]), "sha256", LK_BYTES(digest)), "nobody");
        lk_buf_free(&rows[i]);
    }
    struct lk_buf weak = xattr(release_key, &release, 2, "SHA1", LK_BYTES(sha1));
    assert_string_equal(signer_of(lk_buf_bytes(&weak), "sha1", LK_BYTES(sha1)), "nobody");
    lk_buf_free(&weak);
}

static void anchors_have_dates_and_strength(void **state)
{
    (void)state;
    struct run r;
    struct lk_buf good = good_xattr(), short_key = xattr(small_key, &small, 4, "SHA256", LK_BYTES(digest));
    open_run(&r);
    add_anchor(&r, "small", &small);
    put_entry(&r, "ima-sig", "sha256", LK_BYTES(digest), "/a", lk_buf_bytes(&short_key));
    put_entry(&r, "ima-sig", "sha256", LK_BYTES(digest), "/b", lk_buf_bytes(&good));
    collect(&r);
    assert_null(r.contents.files[0].signer);
    assert_string_equal(r.contents.files[1].signer, "release");
    assert_int_equal(collect_at(&r, AT + 101), LK_R_OK);
    assert_null(r.contents.files[1].signer);
    close_run(&r);
    lk_buf_free(&good);
    lk_buf_free(&short_key);
}

/* A certificate of a keyring counts from where it was loaded, under the name of keyring and anchor. */
static void keyrings_teach_what_an_anchor_issued(void **state)
{
    (void)state;
    struct run r;
    struct lk_buf by_vendor = xattr(vendor_key, &vendor, 4, "SHA256", LK_BYTES(digest));
    struct lk_buf by_stray = xattr(stray_key, &stray, 4, "SHA256", LK_BYTES(digest));
    open_run(&r);
    put_entry(&r, "ima-sig", "sha256", LK_BYTES(digest), "/before", lk_buf_bytes(&by_vendor));
    put_buffer(&r, ".ima", lk_buf_bytes(&vendor));
    put_buffer(&r, ".ima", lk_buf_bytes(&stray));
    put_buffer(&r, ".ima", lk_bytes("0 no certificate", 16));
    put_entry(&r, "ima-sig", "sha256", LK_BYTES(digest), "/after", lk_buf_bytes(&by_vendor));
    put_entry(&r, "ima-sig", "sha256", LK_BYTES(digest), "/stray", lk_buf_bytes(&by_stray));
    collect(&r);
    assert_int_equal(r.contents.n_files, 3);
    assert_int_equal(r.contents.n_buffers, 3);
    assert_null(r.contents.files[0].signer);
    assert_string_equal(r.contents.files[1].signer, "ca/.ima");
    assert_null(r.contents.files[2].signer);
    assert_true(lk_bytes_eq(r.contents.buffers[0].name, lk_bytes_str(".ima")));
    close_run(&r);
    lk_buf_free(&by_vendor);
    lk_buf_free(&by_stray);
}

static void a_list_has_so_many_signatures_and_no_more(void **state)
{
    (void)state;
    struct run r;
    uint8_t none[10] = {3, 2, 4};
    struct lk_buf x = good_xattr();
    memcpy(none + 3, x.data + 3, 4); /* the key's id, and a signature of one byte */
    none[8] = 1;
    open_run(&r);
    for (size_t i = 0; i < LK_IMA_SIGNATURES_MAX; i++)
        put_entry(&r, "ima-sig", "sha256", LK_BYTES(digest), "/a", LK_BYTES(none));
    collect(&r);
    put_entry(&r, "ima-sig", "sha256", LK_BYTES(digest), "/a", LK_BYTES(none));
    assert_int_equal(collect_at(&r, AT), LK_R_IMA_LIMIT);
    close_run(&r);
    lk_buf_free(&x);
}

/* ---- what is a file ---- */

/* PCR 10 does not cover a template's name: a file of ima-sig has the fields of ima-buf. */
static void a_file_is_no_buffer_by_another_name(void **state)
{
    (void)state;
    struct lk_buf x = good_xattr();
    const struct lk_bytes blobs[] = {LK_BYTES_NONE, lk_buf_bytes(&x)};
    static const char *const algorithms[] = {"sha256", "wp512"};
    for (size_t i = 0; i < 4; i++) {
        struct run r;
        open_run(&r);
        put_entry(&r, "ima-buf", algorithms[i / 2], LK_BYTES(digest), "dm_evil", blobs[i % 2]);
        assert_int_equal(collect_at(&r, AT), LK_R_IMA_TEMPLATE_HASH);
        close_run(&r);
    }
    lk_buf_free(&x);
}

static void only_what_pcr_10_covers_is_a_file(void **state)
{
    (void)state;
    struct run r;
    open_run(&r);
    put_entry(&r, "ima-ng", "sha256", LK_BYTES(digest), "/a", LK_BYTES_NONE);
    put_pcr_entry(&r, 11, "ima-ng", "sha256", LK_BYTES(digest), "/other-pcr", LK_BYTES_NONE);
    size_t violation = r.list.len + 4;
    put_entry(&r, "ima-ng", "sha256", LK_BYTES(digest), "/violation", LK_BYTES_NONE);
    memset(r.list.data + violation, 0, 20);
    put_entry(&r, "ima-ng", "verity:sha256", LK_BYTES(digest), "/verity", LK_BYTES_NONE);
    put_entry(&r, "ima-ng", "wp512", LK_BYTES(digest), "/unknown", LK_BYTES_NONE);
    put_entry(&r, "ima-ng", "sha384", LK_BYTES(digest), "/short", LK_BYTES_NONE);
    put_entry(&r, "ima-ng", "sha256", LK_BYTES(digest), "/not covered", LK_BYTES_NONE);
    r.entries--;
    collect(&r);
    static const uint16_t algs[] = {0x000b, 0x800b, 0, 0};
    assert_int_equal(r.contents.n_files, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(r.contents.files[i].alg, algs[i]);
    assert_true(lk_bytes_eq(r.contents.files[1].name, lk_bytes_str("/verity")));
    close_run(&r);
}

static void an_ascii_list_gives_the_same_files(void **state)
{
    (void)state;
    struct run r = {.list = lk_buf(4096), .arena = lk_arena_new(1 << 20), .trust = lk_trust_new(), .entries = 3};
#define LINE(path) "10 0123456789012345678901234567890123456789 ima-ng sha256:07%062d " path "\n"
    lk_put_fmt(&r.list, LINE("boot_aggregate") LINE("/a") LINE("/usr/bin/b"), 0, 0, 0);
    collect(&r);
    assert_int_equal(r.contents.n_files, 2);
    assert_true(lk_bytes_eq(r.contents.files[0].name, lk_bytes_str("/a")));
    assert_true(lk_bytes_eq(r.contents.files[1].name, lk_bytes_str("/usr/bin/b")));
    assert_true(lk_bytes_eq(r.contents.files[0].digest, LK_BYTES(digest)));
    close_run(&r);
}

/* ---- dm-verity ---- */

/* The example of dm-ima.rst, with the root digest and what stands around it left out where it plays no role. */
#define TABLE(name, target) "dm_version=4.45.0;name=" name ",uuid=CRYPT-VERITY-1,major=253,minor=2,minor_count=1,num_targets=1;" target
#define ROOT "29cb87e60ce7b12b443ba6008266f3e41e93e403d7f298f8e3f316b29ff89c5e"
#define VERITY(alg, root)                                                                                              \
    "target_index=0,target_begin=0,target_len=1953120,target_name=verity,target_version=1.8.0,hash_failed=V,"          \
    "verity_version=1,data_device_name=253:1,hash_device_name=253:0,verity_algorithm=" alg ",root_digest=" root        \
    ",salt=e48d,ignore_zero_blocks=n,check_at_most_once=n;"

static void verity_targets(void **state)
{
    (void)state;
    static const struct {
        const char *table, *name;
        size_t n;
        bool known;
    } rows[] = {
        {TABLE("root", VERITY("sha256", ROOT)), "root", 1, true},
        {TABLE("root", VERITY("sha256", ROOT) VERITY("sha256", ROOT)), "root", 2, true},
        {TABLE("a\\,name=b\\;target_name=verity", VERITY("sha256", ROOT)), "a\\,name=b\\;target_name=verity", 1, true},
        {TABLE("root", "target_index=0,target_name=linear,device_name=7:0,root_digest=" ROOT ";"), NULL, 0, false},
        {TABLE("root", VERITY("blake2b-256", ROOT)), "root", 1, false},
        {TABLE("root", VERITY("sha256", "29cb")), "root", 1, false},
        {TABLE("root", VERITY("sha384", ROOT)), "root", 1, false},
        {TABLE("root", "target_name=verity,verity_algorithm=sha256"), "root", 1, false}, /* cut off */
        {"", NULL, 0, false},
        {"0 a certificate on a keyring named so;name=root;" VERITY("sha256", ROOT), NULL, 0, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lk_arena *arena = lk_arena_new(1 << 16);
        struct lk_member m[4];
        size_t n = 0;
        assert_int_equal(lk_ima_verity(lk_bytes_str(rows[i].table), arena, m, 4, &n).code, LK_R_OK);
        assert_int_equal(n, rows[i].n);
        if (n > 0) {
            assert_true(lk_bytes_eq(m[0].name, lk_bytes_str(rows[i].name)));
            assert_true((m[0].alg == 0x000b && m[0].digest.len == 32) == rows[i].known);
            assert_true((m[0].alg == 0 && m[0].digest.data == NULL) != rows[i].known);
        }
        lk_arena_free(arena);
    }
}

static void tables_are_buffers_and_targets(void **state)
{
    (void)state;
    struct run r;
    open_run(&r);
    struct lk_bytes table = lk_bytes_str(TABLE("root", VERITY("sha256", ROOT)));
    put_buffer(&r, "dm_table_load", table);
    put_buffer(&r, "dm_table_clear", table);
    collect(&r);
    assert_int_equal(r.contents.n_buffers, 2);
    assert_int_equal(r.contents.n_verity, 1);
    for (size_t i = 0; i < LK_IMA_VERITY_MAX; i++)
        put_buffer(&r, "dm_table_load", table);
    assert_int_equal(collect_at(&r, AT), LK_R_IMA_LIMIT);
    close_run(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_anchors_key_signs),
        cmocka_unit_test(a_changed_xattr_is_no_signature),
        cmocka_unit_test(signatures_that_do_not_count),
        cmocka_unit_test(anchors_have_dates_and_strength),
        cmocka_unit_test(keyrings_teach_what_an_anchor_issued),
        cmocka_unit_test(a_list_has_so_many_signatures_and_no_more),
        cmocka_unit_test(a_file_is_no_buffer_by_another_name),
        cmocka_unit_test(only_what_pcr_10_covers_is_a_file),
        cmocka_unit_test(an_ascii_list_gives_the_same_files),
        cmocka_unit_test(verity_targets),
        cmocka_unit_test(tables_are_buffers_and_targets),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
