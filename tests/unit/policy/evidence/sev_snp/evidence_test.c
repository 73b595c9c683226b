/* SPDX-License-Identifier: Apache-2.0 */
/* The family sev-snp on the emulator's evidence: each rule of path, certificate, list and binding broken alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "proto/base/clock.h"
#include "tests/unit/policy/evidence/sev_snp/world.h"

#define TWEAK(name) static void name(struct world *w)

static void set_extension(struct world *w, const char *suffix, const char *value, size_t n)
{
    struct amd_sp_extension *e = amd_sp_extension(&w->vek, suffix);
    assert_non_null(e);
    memcpy(e->value, value, n);
    e->len = n;
}

/* --- the path --- */
TWEAK(nothing) { (void)w; }
TWEAK(forged_chain) { w->ark_key = w->ark_signer = w->ask_signer = world_rsa(WORLD_ASVK); w->keep_ark = true; }
TWEAK(no_anchor) { w->anchor_ark = false; }
TWEAK(altered_ark_fields) { w->ark.serial = 7; w->keep_ark = true; }
TWEAK(corrupt_anchor_signature) { w->flip_ark_byte = 1; }
TWEAK(ark_not_self_signed) { w->ark_signer = world_rsa(WORLD_ASVK); }
TWEAK(ask_in_the_arks_place) { w->ark = w->ask; w->ark_key = w->ask_key; w->keep_ark = true; }
TWEAK(ask_of_another_ark) { w->ask_signer = world_rsa(WORLD_ASVK); }
TWEAK(asvk_issues_vcek) { w->vek_signer = w->asvk_key; snprintf(w->vek.issuer, 32, "%s", w->asvk.subject); }
TWEAK(ask_issues_vlek) { w->vek_signer = w->ask_key; snprintf(w->vek.issuer, 32, "%s", w->ask.subject); }
TWEAK(vek_of_another_ask) { w->vek_signer = world_rsa(WORLD_ASVK); }
TWEAK(vek_issues_vek) { w->vek_signer = world_vek_key(1); snprintf(w->vek.issuer, 32, "SEV-VCEK"); }
TWEAK(vek_with_a_foreign_name) { snprintf(w->vek.subject, 32, "SEV-OTHER"); }
TWEAK(ask_issuer_named_wrong) { snprintf(w->ask.issuer, 32, "ARK-Other"); }
TWEAK(ask_no_ca) { w->ask.basic_constraints = "critical,CA:FALSE"; }
TWEAK(ask_without_constraints) { w->ask.basic_constraints = NULL; }
TWEAK(ask_may_not_sign_certs) { w->ask.key_usage = "critical,cRLSign"; }
TWEAK(ark_path_length) { w->ark.basic_constraints = "critical,CA:TRUE,pathlen:0"; }
TWEAK(ark_no_ca) { w->ark.basic_constraints = NULL; }
TWEAK(extra_certificate) { w->send_vek_in_chain = true; }
TWEAK(missing_intermediate) { w->send_intermediate = false; }
TWEAK(missing_ark) { w->send_ark = false; w->anchor_ark = false; }
TWEAK(missing_vek) { w->send_vek = false; }
TWEAK(ark_from_the_anchor) { w->send_ark = false; }
TWEAK(other_intermediate_too) { w->send_other_intermediate = true; }
TWEAK(other_intermediate_bad) { w->send_other_intermediate = true; w->asvk_signer = world_rsa(WORLD_ASVK); }
TWEAK(vcek_expired) { w->vek.not_after = WORLD_NOW - 1; }
TWEAK(vek_future) { w->vek.not_before = WORLD_NOW + 1; }
TWEAK(ask_expired) { w->ask.not_after = WORLD_NOW - 1; }
TWEAK(ark_future) { w->ark.not_before = WORLD_NOW + 1; }
TWEAK(vek_pkcs1) { w->vek.signature = AMD_SP_PKCS1; }
TWEAK(vek_sha256) { w->vek.signature = AMD_SP_PSS_SHA256; }
TWEAK(vek_salt_32) { w->vek.signature = AMD_SP_PSS_SALT_32; }
TWEAK(ask_pkcs1) { w->ask.signature = AMD_SP_PKCS1; }
TWEAK(ask_sha256) { w->ask.signature = AMD_SP_PSS_SHA256; }
TWEAK(ask_salt_32) { w->ask.signature = AMD_SP_PSS_SALT_32; }
TWEAK(ark_salt_32) { w->ark.signature = AMD_SP_PSS_SALT_32; }
TWEAK(vek_p256)
{
    static EVP_PKEY *key;
    if (key == NULL)
        key = EVP_EC_gen("P-256");
    w->vek_key = key;
}
TWEAK(vek_rsa) { w->vek_key = world_rsa(WORLD_ASVK); }
TWEAK(ask_small_key)
{
    static EVP_PKEY *key;
    if (key == NULL)
        key = EVP_RSA_gen(2048);
    w->ask_key = w->vek_signer = key;
}
TWEAK(critical_extension) { amd_sp_extension_add(&w->vek, "1.2.3.4", "\x05\x00", 2)->critical = true; }
TWEAK(foreign_extension) { amd_sp_extension_add(&w->vek, "1.2.3.4", "\x05\x00", 2); }

/* --- from the table, from the collateral --- */
TWEAK(from_table) { w->form = WORLD_TABLE; }
TWEAK(table_both_veks) { w->form = WORLD_TABLE; w->both_veks = true; }
TWEAK(table_with_crl) { w->form = WORLD_TABLE; w->send_crl = true; }
TWEAK(table_other_kind) { w->form = WORLD_TABLE; w->offered = w->kind == AMD_SP_VCEK ? AMD_SP_VLEK : AMD_SP_VCEK; }
TWEAK(from_collateral) { w->collateral = true; w->send_crl = true; }
TWEAK(bad_crl_from_collateral) { w->collateral = true; w->send_crl = true; w->crl_signer = w->ask_key; }

/* --- lists --- */
TWEAK(crl_good) { w->send_crl = true; }
TWEAK(crl_of_the_ask) { w->send_crl = true; w->crl_signer = w->ask_key; }
TWEAK(crl_of_another_product) { w->send_crl = true; snprintf(w->crl.issuer, 32, "ARK-Genoa"); }
TWEAK(crl_stale) { w->send_crl = true; w->crl.next_update = WORLD_NOW; }
TWEAK(crl_future) { w->send_crl = true; w->crl.this_update = WORLD_NOW + 1; }
TWEAK(crl_is_none) { w->send_crl = true; w->crl_cut = 1; }
TWEAK(crl_pkcs1) { w->send_crl = true; w->crl.signature = AMD_SP_PKCS1; }
TWEAK(crl_names_ask) { w->send_crl = true; w->crl.serials[w->crl.n_serials++] = w->ask.serial; }
TWEAK(crl_names_asvk) { w->send_crl = true; w->crl.serials[w->crl.n_serials++] = w->asvk.serial; }
TWEAK(crl_names_ark) { w->send_crl = true; w->crl.serials[w->crl.n_serials++] = w->ark.serial; }
TWEAK(crl_names_zero) { w->send_crl = true; w->crl.serials[w->crl.n_serials++] = 0; }
static void keep_list(struct world *w, long serial)
{
    w->send_crl = w->keep_list = true;
    w->kept = w->crl;
    w->crl.this_update -= 100; /* the guest's is older, and in force */
    if (serial != 0)
        w->kept.serials[w->kept.n_serials++] = serial;
}
TWEAK(kept_list_good) { keep_list(w, 0); }
TWEAK(kept_list_names_ask) { keep_list(w, w->ask.serial); }
TWEAK(kept_list_stale) { keep_list(w, 0); w->kept.next_update = WORLD_NOW; }
TWEAK(kept_list_stale_alone) { kept_list_stale(w); w->send_crl = false; }
TWEAK(ark_may_not_sign_lists) { w->send_crl = true; w->ark.key_usage = "critical,keyCertSign"; }

/* --- the report and its key --- */
TWEAK(signing_key_says_vlek) { w->report.key_info = 1 << 2; }
TWEAK(signing_key_says_vcek) { w->report.key_info = 0; }
TWEAK(signing_key_none) { w->report.key_info = 7 << 2; }
TWEAK(signed_by_another) { w->report_signer = world_vek_key(1); }
TWEAK(altered_measurement) { w->after_signing = (struct world_patch){0x090, 1, true}; }
TWEAK(altered_report_data) { w->after_signing = (struct world_patch){0x08f, 1, true}; }
TWEAK(altered_signature) { w->after_signing = (struct world_patch){0x2b0, 0x77, true}; }
TWEAK(report_of_genoa) { w->report.cpuid[1] = 0x11; }
TWEAK(product_name_genoa) { set_extension(w, "2", "\x16\x05Genoa", 7); }
TWEAK(product_name_unknown) { set_extension(w, "2", "\x16\x05Venic", 7); }
TWEAK(product_name_without_stepping) { set_extension(w, "2", "\x16\x05Milan", 7); }
TWEAK(product_name_missing) { amd_sp_extension_remove(&w->vek, "2"); }
TWEAK(struct_version_other) { set_extension(w, "1", "\x02\x01\x07", 3); }
TWEAK(struct_version_missing) { amd_sp_extension_remove(&w->vek, "1"); }

/* --- hwID and cspID --- */
TWEAK(hwid_differs)
{
    struct amd_sp_extension *e = amd_sp_extension(&w->vek, "4");
    e->value[e->len - 1] ^= 1;
}
TWEAK(hwid_missing) { amd_sp_extension_remove(&w->vek, "4"); }
TWEAK(hwid_duplicate) { amd_sp_extension_add(&w->vek, "4", w->report.chip_id, 64); }
TWEAK(hwid_short) { amd_sp_extension(&w->vek, "4")->len = 63; }
TWEAK(hwid_of_turin) { amd_sp_extension(&w->vek, "4")->len = 8; }
TWEAK(hwid_wrapped)
{
    uint8_t der[66] = {0x04, 0x40};
    memcpy(der + 2, w->report.chip_id, 64);
    set_extension(w, "4", (const char *)der, sizeof(der));
}
TWEAK(hwid_wrapped_badly)
{
    hwid_wrapped(w);
    amd_sp_extension(&w->vek, "4")->value[1] = 0x3f;
}
static void chip_begins_with(struct world *w, uint8_t first, uint8_t second)
{
    w->report.chip_id[0] = first;
    w->report.chip_id[1] = second;
    memcpy(amd_sp_extension(&w->vek, "4")->value, w->report.chip_id, 2);
}
TWEAK(hwid_begins_02) { chip_begins_with(w, 0x02, 0x01); }
TWEAK(hwid_begins_04) { chip_begins_with(w, 0x04, 0x3e); }
TWEAK(vcek_with_csp) { amd_sp_extension_add(&w->vek, "5", "\x16\x01x", 3); }
TWEAK(vlek_with_hwid) { amd_sp_extension_add(&w->vek, "4", w->report.chip_id, 64); }
TWEAK(vlek_without_csp) { amd_sp_extension_remove(&w->vek, "5"); }
TWEAK(csp_unprintable) { set_extension(w, "5", "\x16\x01\x07", 3); }
TWEAK(csp_empty) { set_extension(w, "5", "\x16\x00", 2); }
TWEAK(chip_id_masked) { memset(w->report.chip_id, 0, 64); }

/* --- SPLs --- */
TWEAK(bl_off_by_one) { amd_sp_extension(&w->vek, "3.1")->value[2]++; }
TWEAK(tee_off_by_one) { amd_sp_extension(&w->vek, "3.2")->value[2]++; }
TWEAK(snp_off_by_one) { amd_sp_extension(&w->vek, "3.3")->value[2]--; }
TWEAK(ucode_off_by_one) { amd_sp_extension(&w->vek, "3.8")->value[3]--; }
TWEAK(fmc_off_by_one) { amd_sp_extension(&w->vek, "3.9")->value[2]++; }
TWEAK(spl_4_set) { amd_sp_extension(&w->vek, "3.4")->value[2] = 1; }
TWEAK(spl_7_set) { amd_sp_extension(&w->vek, "3.7")->value[2] = 1; }
TWEAK(bl_missing) { amd_sp_extension_remove(&w->vek, "3.1"); }
TWEAK(spl_5_missing) { amd_sp_extension_remove(&w->vek, "3.5"); }
TWEAK(ucode_missing) { amd_sp_extension_remove(&w->vek, "3.8"); }
TWEAK(fmc_missing) { amd_sp_extension_remove(&w->vek, "3.9"); }
TWEAK(fmc_on_milan) { amd_sp_extension_add(&w->vek, "3.9", "\x02\x01\x00", 3); }
TWEAK(spl_4_on_turin) { amd_sp_extension_add(&w->vek, "3.4", "\x02\x01\x00", 3); }
TWEAK(unknown_amd_extension) { amd_sp_extension_add(&w->vek, "6", "\x02\x01\x00", 3); }
TWEAK(spl_duplicate) { amd_sp_extension_add(&w->vek, "3.1", "\x02\x01\x04", 3); }
TWEAK(integer_padded) { set_extension(w, "3.1", "\x02\x02\x00\x04", 4); }
TWEAK(integer_padded_7f) { set_extension(w, "3.1", "\x02\x02\x00\x7f", 4); }
TWEAK(integer_negative) { set_extension(w, "3.8", "\x02\x01\xdb", 3); }
TWEAK(integer_long) { set_extension(w, "3.8", "\x02\x03\x00\x00\xdb", 5); }
TWEAK(integer_256) { set_extension(w, "3.8", "\x02\x02\x01\x00", 4); }
TWEAK(integer_trailing) { set_extension(w, "3.1", "\x02\x01\x04\x00", 4); }
TWEAK(integer_cut) { set_extension(w, "3.1", "\x02\x01", 2); }
TWEAK(integer_empty) { set_extension(w, "3.1", "\x02\x00", 2); }
TWEAK(integer_other_tag) { set_extension(w, "3.1", "\x04\x01\x04", 3); }
TWEAK(bl_above_127)
{
    w->report.reported_tcb[0] = w->report.current_tcb[0] = 0x80;
    set_extension(w, "3.1", "\x02\x02\x00\x80", 4);
}
/* A Turin TCB {fmc 1, bl 1, tee 1, snp 4} read with Milan's extensions. */
TWEAK(milan_layout_on_turin)
{
    w->vek = amd_sp_vek_profile(AMD_SP_MILAN, AMD_SP_VCEK, w->report.reported_tcb, w->report.chip_id, "");
    snprintf(w->vek.issuer, 32, "SEV-Turin");
    set_extension(w, "1", "\x02\x01\x01", 3);
    set_extension(w, "2", "\x16\x05Turin", 7);
    amd_sp_extension(&w->vek, "4")->len = 8;
}
TWEAK(version_2)
{
    w->report.version = 2;
    memset(w->report.cpuid, 0, 3);
}
TWEAK(version_2_turin_tail)
{
    version_2(w);
    w->report.launch_mitigations = w->report.current_mitigations = 0;
    w->report.chip_id[8] = 1;
}
TWEAK(version_2_without_vek)
{
    version_2(w);
    w->send_vek = false;
}

#define VCEK AMD_SP_MILAN, AMD_SP_VCEK
#define VLEK AMD_SP_MILAN, AMD_SP_VLEK
#define TURIN AMD_SP_TURIN, AMD_SP_VCEK

static const struct row {
    const char *what;
    enum amd_sp_product product;
    enum amd_sp_key kind;
    void (*tweak)(struct world *w);
    enum lk_reason_code code;
} rows[] = {
    {"Milan VCEK", VCEK, nothing, LK_R_OK},
    {"Genoa VCEK", AMD_SP_GENOA, AMD_SP_VCEK, nothing, LK_R_OK},
    {"Turin VCEK", TURIN, nothing, LK_R_OK},
    {"Milan VLEK", VLEK, nothing, LK_R_OK},
    {"Genoa VLEK", AMD_SP_GENOA, AMD_SP_VLEK, nothing, LK_R_OK},
    {"Turin VLEK", AMD_SP_TURIN, AMD_SP_VLEK, nothing, LK_R_OK},
    {"version 2", VCEK, version_2, LK_R_OK},
    {"version 2 of a VLEK", VLEK, version_2, LK_R_OK},
    {"version 2, Turin's chip id too long", TURIN, version_2_turin_tail, LK_R_SNP_CHIP_ID_TAIL},

    {"forged chain with AMD's names", VCEK, forged_chain, LK_R_SNP_ARK_UNTRUSTED},
    {"root that no one trusts", VCEK, no_anchor, LK_R_SNP_ARK_UNTRUSTED},
    {"real key, altered fields", VCEK, altered_ark_fields, LK_R_SNP_ARK_UNTRUSTED},
    {"anchor with a corrupt signature", VCEK, corrupt_anchor_signature, LK_R_CERT_SIGNATURE},
    {"anchor that another key signed", VCEK, ark_not_self_signed, LK_R_CERT_SIGNATURE},
    {"ASK in the ARK's place", VCEK, ask_in_the_arks_place, LK_R_SNP_CHAIN_EXTRA},
    {"ASK of another ARK", VCEK, ask_of_another_ark, LK_R_CERT_SIGNATURE},
    {"ASVK issues a VCEK", VCEK, asvk_issues_vcek, LK_R_SNP_CERT_NAME},
    {"ASK issues a VLEK", VLEK, ask_issues_vlek, LK_R_SNP_CERT_NAME},
    {"VCEK of another ASK", VCEK, vek_of_another_ask, LK_R_CERT_SIGNATURE},
    {"VCEK issues a VCEK", VCEK, vek_issues_vek, LK_R_SNP_CERT_NAME},
    {"VCEK with a foreign name", VCEK, vek_with_a_foreign_name, LK_R_SNP_CERT_NAME},
    {"ASK names another issuer", VCEK, ask_issuer_named_wrong, LK_R_CERT_ISSUER_NAME},
    {"ASK with CA false", VCEK, ask_no_ca, LK_R_CERT_NOT_CA},
    {"ASK without basic constraints", VCEK, ask_without_constraints, LK_R_CERT_NOT_CA},
    {"ASK without keyCertSign", VCEK, ask_may_not_sign_certs, LK_R_CERT_NOT_CA},
    {"ARK with path length 0", VCEK, ark_path_length, LK_R_CERT_PATH_LENGTH},
    {"ARK that is no CA", VCEK, ark_no_ca, LK_R_CERT_NOT_CA},
    {"certificate too many", VCEK, extra_certificate, LK_R_SNP_CHAIN_EXTRA},
    {"no ASK", VCEK, missing_intermediate, LK_R_SNP_CHAIN_MISSING},
    {"no ASVK", VLEK, missing_intermediate, LK_R_SNP_CHAIN_MISSING},
    {"no ARK", VCEK, missing_ark, LK_R_SNP_CHAIN_MISSING},
    {"no VCEK", VCEK, missing_vek, LK_R_SNP_VEK_MISSING},
    {"no VLEK", VLEK, missing_vek, LK_R_SNP_VEK_MISSING},
    {"no VCEK for version 2", VCEK, version_2_without_vek, LK_R_SNP_VEK_MISSING},
    {"ARK from the anchors", VCEK, ark_from_the_anchor, LK_R_OK},
    {"ASVK beside the ASK", VCEK, other_intermediate_too, LK_R_OK},
    {"bad ASVK beside the ASK", VCEK, other_intermediate_bad, LK_R_CERT_SIGNATURE},
    {"expired VCEK", VCEK, vcek_expired, LK_R_CERT_EXPIRED},
    {"expired VLEK", VLEK, vcek_expired, LK_R_CERT_EXPIRED},
    {"VCEK of the future", VCEK, vek_future, LK_R_CERT_NOT_YET_VALID},
    {"VLEK of the future", VLEK, vek_future, LK_R_CERT_NOT_YET_VALID},
    {"expired ASK", VCEK, ask_expired, LK_R_CERT_EXPIRED},
    {"ARK of the future", VCEK, ark_future, LK_R_CERT_NOT_YET_VALID},
    {"VCEK signed with PKCS#1 v1.5", VCEK, vek_pkcs1, LK_R_SNP_CERT_PSS},
    {"VCEK signed with SHA-256", VCEK, vek_sha256, LK_R_SNP_CERT_PSS},
    {"VCEK signed with salt 32", VCEK, vek_salt_32, LK_R_SNP_CERT_PSS},
    {"ASK signed with PKCS#1 v1.5", VCEK, ask_pkcs1, LK_R_SNP_CERT_PSS},
    {"ASK signed with SHA-256", VCEK, ask_sha256, LK_R_SNP_CERT_PSS},
    {"ASK signed with salt 32", VCEK, ask_salt_32, LK_R_SNP_CERT_PSS},
    {"ARK signed with salt 32", VCEK, ark_salt_32, LK_R_SNP_CERT_PSS},
    {"VCEK on P-256", VCEK, vek_p256, LK_R_SNP_VEK_KEY},
    {"VCEK of RSA", VCEK, vek_rsa, LK_R_SNP_VEK_KEY},
    {"ASK of RSA-2048", VCEK, ask_small_key, LK_R_SNP_CERT_KEY},
    {"unknown critical extension", VCEK, critical_extension, LK_R_SNP_VEK_CRITICAL},
    {"unknown extension of others", VCEK, foreign_extension, LK_R_OK},

    {"all from the table", VCEK, from_table, LK_R_OK},
    {"table of a VLEK", VLEK, from_table, LK_R_OK},
    {"table with both, VCEK signed", VCEK, table_both_veks, LK_R_OK},
    {"table with both, VLEK signed", VLEK, table_both_veks, LK_R_OK},
    {"table with a list", VCEK, table_with_crl, LK_R_OK},
    {"table with the other key only", VCEK, table_other_kind, LK_R_SNP_VEK_KIND},
    {"all from the collateral", VCEK, from_collateral, LK_R_OK},
    {"VLEK from the collateral", VLEK, from_collateral, LK_R_OK},
    {"Turin from the collateral", TURIN, from_collateral, LK_R_OK},

    {"a list of another's key among the collateral", VCEK, bad_crl_from_collateral, LK_R_COLLATERAL_BAD},

    {"good list", VCEK, crl_good, LK_R_OK},
    {"list of the ASK", VCEK, crl_of_the_ask, LK_R_CRL_INVALID},
    {"list of another product", VCEK, crl_of_another_product, LK_R_CRL_INVALID},
    {"list at its nextUpdate", VCEK, crl_stale, LK_R_CRL_STALE},
    {"list of the future", VCEK, crl_future, LK_R_CRL_NOT_YET_VALID},
    {"list cut short", VCEK, crl_is_none, LK_R_CRL_MALFORMED},
    {"list signed with PKCS#1 v1.5", VCEK, crl_pkcs1, LK_R_CRL_INVALID},
    {"revoked ASK", VCEK, crl_names_ask, LK_R_CERT_REVOKED},
    {"the guest's list beside ours", VCEK, kept_list_good, LK_R_OK},
    {"revoked ASK, and an older list of the guest's", VCEK, kept_list_names_ask, LK_R_CERT_REVOKED},
    {"the guest's list where ours is out of date", VCEK, kept_list_stale, LK_R_OK},
    {"ours is out of date", VCEK, kept_list_stale_alone, LK_R_CRL_STALE},
    {"revoked ASVK", VLEK, crl_names_asvk, LK_R_CERT_REVOKED},
    {"revoked ASVK of a VCEK", VCEK, crl_names_asvk, LK_R_OK},
    {"revoked ARK", VCEK, crl_names_ark, LK_R_CERT_REVOKED},
    {"serial 0 revokes nothing", VCEK, crl_names_zero, LK_R_OK},
    {"ARK without cRLSign", VCEK, ark_may_not_sign_lists, LK_R_CRL_INVALID},

    {"SIGNING_KEY VLEK with a VCEK", VCEK, signing_key_says_vlek, LK_R_SNP_VEK_KIND},
    {"SIGNING_KEY VCEK with a VLEK", VLEK, signing_key_says_vcek, LK_R_SNP_VEK_KIND},
    {"SIGNING_KEY none", VCEK, signing_key_none, LK_R_SNP_UNSIGNED},
    {"signed by another key", VCEK, signed_by_another, LK_R_SNP_SIGNATURE},
    {"altered measurement", VCEK, altered_measurement, LK_R_SNP_SIGNATURE},
    {"altered last byte of REPORT_DATA", VCEK, altered_report_data, LK_R_SNP_SIGNATURE},
    {"altered signature", VCEK, altered_signature, LK_R_SNP_SIGNATURE},
    {"Milan's chain, Genoa's report", VCEK, report_of_genoa, LK_R_SNP_PRODUCT_MISMATCH},
    {"productName of Genoa", VCEK, product_name_genoa, LK_R_SNP_PRODUCT_MISMATCH},
    {"productName unknown", VCEK, product_name_unknown, LK_R_SNP_PRODUCT_MISMATCH},
    {"productName without stepping", VCEK, product_name_without_stepping, LK_R_OK},
    {"productName missing", VCEK, product_name_missing, LK_R_SNP_VEK_EXTENSION_MISSING},
    {"structVersion of another product", VCEK, struct_version_other, LK_R_SNP_VEK_STRUCT},
    {"structVersion missing", VCEK, struct_version_missing, LK_R_SNP_VEK_EXTENSION_MISSING},

    {"hwID differs", VCEK, hwid_differs, LK_R_SNP_CHIP_ID_MISMATCH},
    {"hwID differs, Turin", TURIN, hwid_differs, LK_R_SNP_CHIP_ID_MISMATCH},
    {"hwID missing", VCEK, hwid_missing, LK_R_SNP_VEK_EXTENSION_MISSING},
    {"hwID twice", VCEK, hwid_duplicate, LK_R_SNP_VEK_DUPLICATE},
    {"hwID of 63 bytes", VCEK, hwid_short, LK_R_SNP_VEK_ENCODING},
    {"hwID of Turin's length", VCEK, hwid_of_turin, LK_R_SNP_VEK_ENCODING},
    {"hwID as OCTET STRING", VCEK, hwid_wrapped, LK_R_OK},
    {"hwID as OCTET STRING of a wrong length", VCEK, hwid_wrapped_badly, LK_R_SNP_VEK_ENCODING},
    {"hwID that begins with 02", VCEK, hwid_begins_02, LK_R_OK},
    {"hwID that begins with 04", VCEK, hwid_begins_04, LK_R_OK},
    {"VCEK with a cspID", VCEK, vcek_with_csp, LK_R_SNP_VEK_EXTENSION_EXTRA},
    {"VLEK with a hwID", VLEK, vlek_with_hwid, LK_R_SNP_VEK_EXTENSION_EXTRA},
    {"VLEK without a cspID", VLEK, vlek_without_csp, LK_R_SNP_VEK_EXTENSION_MISSING},
    {"cspID that does not print", VLEK, csp_unprintable, LK_R_SNP_VEK_ENCODING},
    {"cspID empty", VLEK, csp_empty, LK_R_SNP_VEK_ENCODING},
    {"CHIP_ID masked, for the policy", VCEK, chip_id_masked, LK_R_OK},

    {"blSPL + 1", VCEK, bl_off_by_one, LK_R_SNP_TCB_MISMATCH},
    {"teeSPL + 1", VCEK, tee_off_by_one, LK_R_SNP_TCB_MISMATCH},
    {"snpSPL - 1", VCEK, snp_off_by_one, LK_R_SNP_TCB_MISMATCH},
    {"ucodeSPL - 1", VCEK, ucode_off_by_one, LK_R_SNP_TCB_MISMATCH},
    {"fmcSPL + 1", TURIN, fmc_off_by_one, LK_R_SNP_TCB_MISMATCH},
    {"blSPL + 1 on Turin", TURIN, bl_off_by_one, LK_R_SNP_TCB_MISMATCH},
    {"blSPL + 1 on a VLEK", VLEK, bl_off_by_one, LK_R_SNP_TCB_MISMATCH},
    {"spl_4 not zero", VCEK, spl_4_set, LK_R_SNP_VEK_ENCODING},
    {"spl_7 not zero", VCEK, spl_7_set, LK_R_SNP_VEK_ENCODING},
    {"blSPL missing", VCEK, bl_missing, LK_R_SNP_VEK_EXTENSION_MISSING},
    {"spl_5 missing", VCEK, spl_5_missing, LK_R_SNP_VEK_EXTENSION_MISSING},
    {"ucodeSPL missing", VCEK, ucode_missing, LK_R_SNP_VEK_EXTENSION_MISSING},
    {"fmcSPL missing on Turin", TURIN, fmc_missing, LK_R_SNP_VEK_EXTENSION_MISSING},
    {"fmcSPL on Milan", VCEK, fmc_on_milan, LK_R_SNP_VEK_EXTENSION_EXTRA},
    {"spl_4 on Turin", TURIN, spl_4_on_turin, LK_R_SNP_VEK_EXTENSION_EXTRA},
    {"Milan's layout on Turin", TURIN, milan_layout_on_turin, LK_R_SNP_VEK_EXTENSION_MISSING},
    {"unknown AMD extension", VCEK, unknown_amd_extension, LK_R_SNP_VEK_EXTENSION_EXTRA},
    {"blSPL twice", VCEK, spl_duplicate, LK_R_SNP_VEK_DUPLICATE},
    {"INTEGER 02 02 00 04", VCEK, integer_padded, LK_R_SNP_VEK_ENCODING},
    {"INTEGER 02 02 00 7f", VCEK, integer_padded_7f, LK_R_SNP_VEK_ENCODING},
    {"INTEGER 02 01 db", VCEK, integer_negative, LK_R_SNP_VEK_ENCODING},
    {"INTEGER 02 03 00 00 db", VCEK, integer_long, LK_R_SNP_VEK_ENCODING},
    {"INTEGER 256", VCEK, integer_256, LK_R_SNP_VEK_ENCODING},
    {"INTEGER and a byte more", VCEK, integer_trailing, LK_R_SNP_VEK_ENCODING},
    {"INTEGER cut short", VCEK, integer_cut, LK_R_SNP_VEK_ENCODING},
    {"INTEGER without content", VCEK, integer_empty, LK_R_SNP_VEK_ENCODING},
    {"OCTET STRING for an INTEGER", VCEK, integer_other_tag, LK_R_SNP_VEK_ENCODING},
    {"blSPL above 127", VCEK, bl_above_127, LK_R_SNP_VEK_ENCODING},
};

static void each_rule_alone(void **state)
{
    (void)state;
    static struct lk_family_run run;
    int wrong = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        static struct world w;
        world_init(&w, rows[i].product, rows[i].kind);
        rows[i].tweak(&w);
        world_run(&w, &run);
        const struct lk_finding *f = lk_report_first(&run.report);
        if (run.result.code != rows[i].code || (f != NULL ? f->code : LK_R_OK) != rows[i].code) {
            print_error("%s: %s (%s), not %s\n", rows[i].what, lk_reason(run.result.code)->name,
                        f == NULL ? "" : f->rule, lk_reason(rows[i].code)->name);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

/* What is missing is named in the words of AMD's key service. */
static void what_is_missing_is_named(void **state)
{
    (void)state;
    static struct lk_family_run run;
    static struct world w;
    world_init(&w, VCEK);
    w.send_vek = false;
    world_run(&w, &run);
    assert_string_equal(run.report.findings[0].expected, "Milan VCEK blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219");
    assert_memory_equal(run.report.findings[0].actual, "c0c1c2c3", 8);
    world_init(&w, TURIN);
    w.send_vek = false;
    world_run(&w, &run);
    assert_string_equal(run.report.findings[0].expected, "Turin VCEK fmcSPL=01&blSPL=01&teeSPL=01&snpSPL=04&ucodeSPL=81");
    assert_string_equal(run.report.findings[0].actual, "c0c1c2c3c4c5c6c7");
    world_init(&w, VLEK);
    w.send_intermediate = false;
    world_run(&w, &run);
    assert_string_equal(run.report.findings[0].expected, "sev-snp/chain/milan-vlek");
}

static void what_is_out_of_date_tells_its_time(void **state)
{
    (void)state;
    static const struct {
        void (*tweak)(struct world *);
        const char *rule;
    } cases[] = {{vcek_expired, "VCEK"}, {ask_expired, "ASK"}, {ark_future, "ARK"}, {crl_stale, "crl"}, {crl_future, "crl"}};
    static struct lk_family_run run;
    static struct world w;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        world_init(&w, VCEK);
        cases[i].tweak(&w);
        world_run(&w, &run);
        const struct lk_finding *f = lk_report_first(&run.report);
        int64_t from, until, at;
        char first[21] = "", last[21] = "";
        assert_string_equal(f->rule, cases[i].rule);
        assert_int_equal(sscanf(f->expected, "%20[^.]..%20s", first, last), 2);
        assert_true(lk_time_parse(first, &from) && lk_time_parse(last, &until) && lk_time_parse(f->actual, &at));
        assert_true(from < until && (at < from || at >= until));
    }
}

static void the_anchor_and_the_path_are_told(void **state)
{
    (void)state;
    static struct lk_family_run run;
    static struct world w;
    world_init(&w, VCEK);
    world_run(&w, &run);
    assert_true(run.how.rooted);
    assert_string_equal(run.how.anchor, "test-root");
    assert_int_equal(run.how.n_path, 3);
    assert_string_equal(run.how.path[0], "ARK-Milan, added by an admin");
    assert_string_equal(run.how.path[1], "SEV-Milan");
    assert_string_equal(run.how.path[2], "SEV-VCEK of chip c0c1c2c3c4c5c6c7...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_alone),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(what_is_out_of_date_tells_its_time),
        cmocka_unit_test(the_anchor_and_the_path_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
