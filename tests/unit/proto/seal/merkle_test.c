/* SPDX-License-Identifier: Apache-2.0 */
/* proto/seal/merkle: the hashes and proofs of RFC 9162, section 2.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "proto/seal/hash.h"
#include "proto/seal/merkle.h"

#define CODE(r) ((int)(r).code)
enum { LEAVES = 40 };

static lk_result leaf_at(void *arg, uint64_t i, uint8_t out[static 32])
{
    (void)arg;
    uint8_t data = (uint8_t)i;
    return lk_merkle_leaf(lk_bytes(&data, 1), out);
}

static void root_of(uint64_t size, uint8_t out[static 32])
{
    struct lk_merkle m = {0};
    for (uint64_t i = 0; i < size; i++) {
        uint8_t leaf[32];
        assert_int_equal(CODE(leaf_at(NULL, i, leaf)), LK_R_OK);
        assert_int_equal(CODE(lk_merkle_append(&m, leaf)), LK_R_OK);
    }
    assert_int_equal(CODE(lk_merkle_root(&m, out)), LK_R_OK);
}

/* Roots of the test trees that Certificate Transparency implementations share (leaves "", 00, 10, 2021, ...). */
static void known_roots(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t len;
        const char *root;
    } rows[] = {
        {"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {"\x00", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
        {"\x40\x41\x42\x43", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
        {"\x50\x51\x52\x53\x54\x55\x56\x57", 8, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
        {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
    };
    struct lk_merkle m = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t leaf[32], root[32];
        char hex[65];
        assert_int_equal(CODE(lk_merkle_leaf(lk_bytes(rows[i].data, rows[i].len), leaf)), LK_R_OK);
        assert_int_equal(CODE(lk_merkle_append(&m, leaf)), LK_R_OK);
        assert_int_equal(CODE(lk_merkle_root(&m, root)), LK_R_OK);
        lk_hex(LK_BYTES(root), hex, sizeof(hex));
        assert_string_equal(hex, rows[i].root);
    }
}

static void the_empty_root_is_the_hash_of_nothing(void **state)
{
    (void)state;
    uint8_t root[32], expected[32];
    root_of(0, root);
    assert_int_equal(CODE(lk_sha256(NULL, 0, expected)), LK_R_OK);
    assert_memory_equal(root, expected, 32);
}

static void inclusion_holds_for_every_leaf_and_no_other(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= LEAVES; size++) {
        uint8_t root[32], leaf[32];
        root_of(size, root);
        for (uint64_t i = 0; i < size; i++) {
            struct lk_merkle_proof p;
            assert_int_equal(CODE(lk_merkle_prove_inclusion(i, size, leaf_at, NULL, &p)), LK_R_OK);
            assert_int_equal(CODE(leaf_at(NULL, i, leaf)), LK_R_OK);
            assert_int_equal(CODE(lk_merkle_check_inclusion(leaf, i, size, &p, root)), LK_R_OK);
            leaf[0] ^= 1;
            assert_int_equal(CODE(lk_merkle_check_inclusion(leaf, i, size, &p, root)), LK_R_AUDIT_PROOF);
            leaf[0] ^= 1;
            assert_int_equal(CODE(lk_merkle_check_inclusion(leaf, size, size, &p, root)), LK_R_AUDIT_PROOF);
            if (p.n > 0) {
                p.n--;
                assert_int_equal(CODE(lk_merkle_check_inclusion(leaf, i, size, &p, root)), LK_R_AUDIT_PROOF);
            }
        }
    }
}

static void consistency_holds_and_shows_every_change(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= LEAVES; size++) {
        uint8_t root[32], first_root[32];
        root_of(size, root);
        for (uint64_t first = 1; first <= size; first++) {
            struct lk_merkle_proof p;
            root_of(first, first_root);
            assert_int_equal(CODE(lk_merkle_prove_consistency(first, size, leaf_at, NULL, &p)), LK_R_OK);
            assert_int_equal(CODE(lk_merkle_check_consistency(first, size, first_root, root, &p)), LK_R_OK);
            first_root[3] ^= 1;
            assert_int_equal(CODE(lk_merkle_check_consistency(first, size, first_root, root, &p)), LK_R_AUDIT_PROOF);
            first_root[3] ^= 1;
            for (size_t at = 0; at < p.n; at++) {
                p.path[at].bytes[5] ^= 1;
                assert_int_equal(CODE(lk_merkle_check_consistency(first, size, first_root, root, &p)),
                                 LK_R_AUDIT_PROOF);
                p.path[at].bytes[5] ^= 1;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_roots),
        cmocka_unit_test(the_empty_root_is_the_hash_of_nothing),
        cmocka_unit_test(inclusion_holds_for_every_leaf_and_no_other),
        cmocka_unit_test(consistency_holds_and_shows_every_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
