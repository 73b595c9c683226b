/* SPDX-License-Identifier: Apache-2.0 */
/* broker/cli/fleet: lines to the pieces that they demand. */
#include "broker/cli/fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CHIP "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"

static void gather(void *context, const struct lk_fleet_piece *p)
{
    size_t n = strlen(context);
    snprintf((char *)context + n, 4096 - n, "%s%s%s;", p->name, p->product == NULL ? "" : " ", p->product == NULL ? "" : p->product);
}

static void lines_demand_their_pieces(void **state)
{
    (void)state;
    static const struct {
        const char *text, *pieces;
    } rows[] = {
        {"", ""},
        {"# nothing\n\n \t\n", ""},
        {"sev-snp genoa " CHIP " 04000000000018db", "sev-snp/vek/" CHIP "/04000000000018db genoa;sev-snp/chain/genoa genoa;sev-snp/crl/genoa genoa;"},
        {"SEV-SNP Turin C0C1C2C3C4C5C6C7 0101010400000051\r\n",
         "sev-snp/vek/c0c1c2c3c4c5c6c7/0101010400000051 turin;sev-snp/chain/turin turin;sev-snp/crl/turin turin;"},
        {"sev-vlek\tmilan\t04000000000018db#x", "sev-snp/vlek/milan/04000000000018db milan;sev-snp/chain/milan-vlek milan;sev-snp/crl/milan milan;"},
        {"tdx 00806F050000 platform\nsgx 00906ed50000 processor\n",
         "tdx/tcb-info/00806f050000;tdx/qe-identity;sgx/tcb-chain;sgx/pck-crl/platform;sgx/root-crl;"
         "sgx/tcb-info/00906ed50000;sgx/qe-identity;sgx/tcb-chain;sgx/pck-crl/processor;sgx/root-crl;"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char pieces[4096] = "";
        struct lk_fleet_flaw flaw;
        assert_int_equal(lk_fleet_read(lk_bytes_str(rows[i].text), gather, pieces, &flaw).code, LK_R_OK);
        assert_string_equal(pieces, rows[i].pieces);
    }
}

static void wrong_lines_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *line, *what;
    } rows[] = {
        {"nitro x", "the family is sev-snp, sev-vlek, tdx or sgx"},
        {"sev-snp rome " CHIP " 04000000000018db", "the product is milan, genoa or turin"},
        {"sev-vlek rome 04000000000018db", "the product is milan, genoa or turin"},
        {"sev-snp milan c0c1c2c3c4c5c6c7 04000000000018db", "the chip id has 128 hex digits"},
        {"sev-snp turin " CHIP " 04000000000018db", "the chip id of this product has 16 hex digits"},
        {"sev-snp milan " CHIP " 04000000000018", "the TCB has 16 hex digits"},
        {"sev-vlek milan 04000000000018zz", "the TCB has 16 hex digits"},
        {"tdx 00806f0500 platform", "the FMSPC has 12 hex digits"},
        {"sgx 00806f050000 root", "the CA is platform or processor"},
        {"tdx 00806f050000", "a word is missing or too many"},
        {"tdx 00806f050000 platform x", "a word is missing or too many"},
        {"a b c d e f", "too many words"},
        {"sev-snp milan " CHIP "f 04000000000018db", "a word is too long"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[512], pieces[4096] = "";
        struct lk_fleet_flaw flaw;
        snprintf(text, sizeof(text), "tdx 00806f050000 platform\n%s\n", rows[i].line);
        assert_int_equal(lk_fleet_read(lk_bytes_str(text), gather, pieces, &flaw).code, LK_R_FLEET);
        assert_int_equal(flaw.line, 2);
        assert_string_equal(flaw.what, rows[i].what);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_demand_their_pieces), cmocka_unit_test(wrong_lines_are_named)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
