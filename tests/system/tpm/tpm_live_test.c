/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real TPMs in software, the real collector, the real verification: every kind of EK and AK through activation and
 * quote, and what an attacker who owns the machine can do with its TPM.
 */
#include "proto/tpm/attest.h"
#include "proto/tpm/credential.h"
#include "tests/system/tpm/live.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include <cmocka.h>

static struct live tpm;
static const uint32_t firmware[] = {0, 1, 2, 3, 4, 5, 6, 7};

/* A PCR each of the three banks has extended, as firmware would. */
static void boot(void)
{
    live_tool(&tpm, "for i in 0 1 2 3 4 5 6 7; do tpm2_pcrextend "
                    "$i:sha1=$(printf '%%040d' $i),sha256=$(printf '%%064d' $i),sha384=$(printf '%%096d' $i) || exit 1; done");
}

struct activation {
    uint8_t context[32];
};

/* MakeCredential here, ActivateCredential in the TPM: the same secret must come out. */
static void activate(struct session *s, struct activation *out)
{
    uint8_t secret[32];
    LK_BUF_AUTO blob = lk_buf(LK_TPM_CREDENTIAL_MAX);
    LK_BUF_AUTO encrypted = lk_buf(LK_TPM_ENCRYPTED_SECRET_MAX);
    memset(secret, 0x5e, sizeof(secret));
    const Latchkey__V1__CollectorIdentity *id = session_identify(s);
    assert_int_equal(lk_tpm_challenge(lk_bytes(id->ek_public.data, id->ek_public.len),
                                      lk_bytes(id->ak_public.data, id->ak_public.len), LK_BYTES(secret), &blob,
                                      &encrypted, out->context).code,
                     LK_R_OK);
    const Latchkey__V1__CollectorResponse *r = session_activate(s, lk_buf_bytes(&blob), lk_buf_bytes(&encrypted));
    if (r->result_case == LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ERROR)
        fail_msg("activation: %s", r->error->text);
    assert_int_equal(r->activated->s.len, 32);
    assert_memory_equal(r->activated->s.data, secret, 32);
}

static struct judgement judge(const struct evidence *e, const struct activation *a)
{
    return live_judge(&tpm, e, LK_ACTIVATION_TICKET, LK_BYTES(a->context));
}

static void expect_word(const struct judgement *j, const char *claim, const char *word)
{
    const struct lk_value *v = judgement_claim(j, claim);
    assert_true(v->present);
    assert_string_equal(v->word, word);
}

struct algorithm {
    const char *ek, *ak, *hash, *bank_a, *bank_b;
    const char *ek_word, *ak_word, *scheme;
};

static void every_algorithm_attests(void **state)
{
    (void)state;
    static const struct algorithm rows[] = {
        {"rsa", "rsa", "sha256", "sha256", NULL, "rsa-2048", "rsa-2048", "rsassa"},
        {"rsa", "rsapss", "sha256", "sha256", "sha384", "rsa-2048", "rsa-2048", "rsapss"},
        {"ecc", "ecc", "sha256", "sha256", NULL, "p256", "p256", "ecdsa"},
        {"ecc384", "ecc384", "sha384", "sha384", NULL, "p384", "p384", "ecdsa"},
        {"ecc384", "rsa", "sha384", "sha256", "sha384", "p384", "rsa-2048", "rsassa"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char ek[32], ak[32], hash[32];
        const char *const options[] = {ek, ak, hash, NULL};
        snprintf(ek, sizeof(ek), "--ek=%s", rows[i].ek);
        snprintf(ak, sizeof(ak), "--ak=%s", rows[i].ak);
        snprintf(hash, sizeof(hash), "--hash=%s", rows[i].hash);
        struct session s;
        struct activation a;
        session_open(&s, &tpm, options);
        activate(&s, &a);
        struct evidence e = evidence_of(session_collect(&s, 7, rows[i].bank_a, rows[i].bank_b, firmware, 8));
        session_close(&s);
        struct judgement j = judge(&e, &a);
        assert_int_equal(j.code, LK_R_OK);
        assert_true(j.how.rooted && j.how.activated);
        expect_word(&j, "ek-key", rows[i].ek_word);
        expect_word(&j, "ak-key", rows[i].ak_word);
        expect_word(&j, "scheme", rows[i].scheme);
        expect_word(&j, "hash", rows[i].hash);
        expect_word(&j, "qualified-name", "under-ek");
        assert_int_equal(judgement_claim(&j, "pcr")->registers.n, rows[i].bank_b == NULL ? 8 : 16);
        assert_false(judgement_claim(&j, "reset-firmware-pcrs")->flag);
    }
}

static struct evidence simple(struct activation *a, const char *bank, const uint32_t *pcrs, size_t n)
{
    static const char *const options[] = {"--ek=ecc", NULL};
    struct session s;
    session_open(&s, &tpm, options);
    activate(&s, a);
    struct evidence e = evidence_of(session_collect(&s, 7, bank, NULL, pcrs, n));
    session_close(&s);
    return e;
}

static void auto_finds_the_key_that_has_a_certificate(void **state)
{
    (void)state;
    static const char *const options[] = {NULL};
    struct session s;
    struct activation a;
    session_open(&s, &tpm, options);
    activate(&s, &a);
    struct evidence e = evidence_of(session_collect(&s, 7, NULL, NULL, NULL, 0));
    session_close(&s);
    struct judgement j = judge(&e, &a);
    assert_int_equal(j.code, LK_R_OK);
    assert_int_equal(judgement_claim(&j, "pcr")->registers.n, 8);
}

static void the_binding_is_in_the_quote(void **state)
{
    (void)state;
    struct activation a;
    struct evidence e = simple(&a, "sha256", firmware, 8);
    struct lk_tpm_attest attest;
    uint8_t wanted[32];
    memset(wanted, 7, sizeof(wanted));
    assert_int_equal(lk_tpm_attest_parse(e.parts[P_ATTEST], &attest).code, LK_R_OK);
    assert_true(lk_bytes_eq(attest.extra_data, LK_BYTES(wanted)));
}

static void a_credential_for_another_ak_does_not_open(void **state)
{
    (void)state;
    static const char *const options[] = {"--ek=ecc", NULL};
    struct session s;
    struct activation a;
    struct evidence other = simple(&a, "sha256", firmware, 8);
    uint8_t secret[32] = {1}, context[32];
    LK_BUF_AUTO blob = lk_buf(LK_TPM_CREDENTIAL_MAX);
    LK_BUF_AUTO encrypted = lk_buf(LK_TPM_ENCRYPTED_SECRET_MAX);
    session_open(&s, &tpm, options);
    const Latchkey__V1__CollectorIdentity *id = session_identify(&s);
    assert_int_equal(lk_tpm_challenge(lk_bytes(id->ek_public.data, id->ek_public.len), other.parts[P_PUBLIC],
                                      LK_BYTES(secret), &blob, &encrypted, context).code,
                     LK_R_OK);
    const Latchkey__V1__CollectorResponse *r = session_activate(&s, lk_buf_bytes(&blob), lk_buf_bytes(&encrypted));
    assert_int_equal(r->result_case, LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ERROR);
    assert_string_equal(r->error->code, "CREDENTIAL");
    activate(&s, &a); /* the session still works */
    session_close(&s);
}

static void a_quote_of_another_ak_does_not_verify(void **state)
{
    (void)state;
    struct activation a, b;
    struct evidence mine = simple(&a, "sha256", firmware, 8), other = simple(&b, "sha256", firmware, 8);
    struct evidence mixed = mine;
    mixed.parts[P_ATTEST] = other.parts[P_ATTEST];
    mixed.parts[P_SIGNATURE] = other.parts[P_SIGNATURE];
    assert_int_equal(judge(&mixed, &a).code, LK_R_TPM_SIGNATURE);
    mixed = other; /* the other AK whole, under this one's activation */
    assert_int_equal(judge(&mixed, &a).code, LK_R_TPM_ACTIVATION);
    assert_int_equal(live_judge(&tpm, &mine, LK_ACTIVATION_NONE, LK_BYTES_NONE).code, LK_R_UNANCHORED);
}

/* PCR 23 can be reset and extended at will: its value must never pass as that of PCR 0. */
static void a_resettable_pcr_keeps_its_name(void **state)
{
    (void)state;
    static const uint32_t debug[] = {23}, zero[] = {0};
    struct activation a, b;
    live_tool(&tpm, "tpm2_pcrreset 23 && tpm2_pcrextend 23:sha256=$(printf '%%064d' 0)");
    struct evidence forged = simple(&a, "sha256", debug, 1), real = simple(&b, "sha256", zero, 1);
    assert_true(lk_bytes_eq(forged.parts[P_PCRS], real.parts[P_PCRS])); /* the very value of PCR 0 */
    struct judgement j = judge(&forged, &a);
    assert_int_equal(j.code, LK_R_OK);
    assert_int_equal(judgement_claim(&j, "pcr")->registers.n, 1);
    assert_int_equal(judgement_claim(&j, "pcr")->registers.r[0].index, 23);
}

static void values_of_another_selection_do_not_pass(void **state)
{
    (void)state;
    static const uint32_t few[] = {0, 1};
    struct activation a, b;
    struct evidence wide = simple(&a, "sha256", firmware, 8), narrow = simple(&b, "sha256", few, 2);
    wide.parts[P_PCRS] = narrow.parts[P_PCRS];
    assert_int_equal(judge(&wide, &a).code, LK_R_TPM_PCR_VALUES);
}

static void an_absent_bank_is_told(void **state)
{
    (void)state;
    static const char *const options[] = {"--ek=ecc", NULL};
    struct session s;
    session_open(&s, &tpm, options);
    const Latchkey__V1__CollectorResponse *r = session_collect(&s, 7, "sha512", NULL, firmware, 8);
    assert_int_equal(r->result_case, LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ERROR);
    assert_string_equal(r->error->code, "NO_BANK");
    session_close(&s);
}

#define FLUSH "tpm2_flushcontext -t; tpm2_flushcontext -l; tpm2_flushcontext -s; "

/* Evidence of files that tpm2-tools wrote. */
static struct evidence tool_evidence(const char *public, const char *attest, const char *signature, const char *pcrs)
{
    struct evidence e = {0};
    e.parts[P_PUBLIC] = live_file(&tpm, public);
    e.parts[P_ATTEST] = live_file(&tpm, attest);
    e.parts[P_SIGNATURE] = live_file(&tpm, signature);
    e.parts[P_PCRS] = live_file(&tpm, pcrs);
    return e;
}

static void sha1_quotes_do_not_count(void **state)
{
    (void)state;
    live_tool(&tpm, FLUSH "tpm2_createek -c ek.ctx -G ecc -u ek.pub && " FLUSH
                    "tpm2_createak -C ek.ctx -c ak.ctx -G rsa -g sha1 -s rsassa -u ak.pem -f pem -n ak.name && " FLUSH
                    "tpm2_readpublic -c ak.ctx -f tss -o ak.pub && " FLUSH
                    "tpm2_quote -c ak.ctx -l sha256:0 -q 00112233 -m a -s s -o p -F values -g sha1; " FLUSH "true");
    struct evidence e = tool_evidence("ak.pub", "a", "s", "p");
    assert_int_equal(live_judge(&tpm, &e, LK_ACTIVATION_NONE, LK_BYTES_NONE).code, LK_R_TPM_SCHEME);
}

/* An unrestricted key of the same TPM signs whatever its owner writes, the magic included. */
static void a_quote_made_up_under_an_unrestricted_key_does_not_count(void **state)
{
    (void)state;
    struct activation a;
    struct evidence e = simple(&a, "sha256", firmware, 8);
    FILE *f;
    char path[128];
    snprintf(path, sizeof(path), "%s/made-up", tpm.dir);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(e.parts[P_ATTEST].data, 1, e.parts[P_ATTEST].len, f), e.parts[P_ATTEST].len);
    fclose(f);
    live_tool(&tpm, FLUSH "tpm2_createprimary -C e -c p.ctx -G ecc && " FLUSH
                    "tpm2_create -C p.ctx -u k.tpm2b -r k.priv -G ecc:ecdsa-sha256 "
                    "-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign' && " FLUSH
                    "tpm2_load -C p.ctx -u k.tpm2b -r k.priv -c k.ctx && " FLUSH
                    "tpm2_sign -c k.ctx -g sha256 -s ecdsa -o k.sig made-up; " FLUSH "true");
    e.parts[P_PUBLIC] = live_file(&tpm, "k.tpm2b");
    e.parts[P_SIGNATURE] = live_file(&tpm, "k.sig");
    assert_int_equal(live_judge(&tpm, &e, LK_ACTIVATION_NONE, LK_BYTES_NONE).code, LK_R_TPM_AK_ATTRIBUTES);
}

static void nothing_is_left_in_the_tpm(void **state)
{
    (void)state;
    struct activation a;
    (void)simple(&a, "sha256", firmware, 8);
    live_tool(&tpm, "test -z \"$(tpm2_getcap handles-transient)\" && test -z \"$(tpm2_getcap handles-loaded-session)\"");
}

/* latchkey-fetch kills collectors that are late; a signal that can be caught leaves the TPM as it was. */
static void a_signal_gives_the_keys_back(void **state)
{
    (void)state;
    static const char *const options[] = {"--ek=ecc384", NULL};
    struct session s;
    session_open(&s, &tpm, options);
    (void)session_identify(&s);
    assert_int_equal(kill(s.pid, SIGTERM), 0);
    session_close(&s);
    live_tool(&tpm, "test -z \"$(tpm2_getcap handles-transient)\" && test -z \"$(tpm2_getcap handles-loaded-session)\"");
}

/* Last: the TPM starts anew. */
static void a_reset_shows(void **state)
{
    (void)state;
    struct activation a;
    struct evidence before = simple(&a, "sha256", firmware, 8);
    struct judgement first = judge(&before, &a);
    live_tool(&tpm, "port=$(sed 's/.*port=//' tcti); swtpm_ioctl --tcp 127.0.0.1:$((port + 1)) -i && tpm2_startup -c");
    struct evidence after = simple(&a, "sha256", firmware, 8);
    struct judgement second = judge(&after, &a);
    assert_int_equal(second.code, LK_R_OK);
    assert_int_equal(judgement_claim(&second, "reset-count")->number,
                     judgement_claim(&first, "reset-count")->number + 1);
    assert_false(judgement_claim(&second, "safe")->flag);
    assert_true(judgement_claim(&second, "reset-firmware-pcrs")->flag);
    assert_true(lk_bytes_eq(judgement_claim(&first, "ek")->bytes, judgement_claim(&second, "ek")->bytes));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_attests),
        cmocka_unit_test(auto_finds_the_key_that_has_a_certificate),
        cmocka_unit_test(the_binding_is_in_the_quote),
        cmocka_unit_test(a_credential_for_another_ak_does_not_open),
        cmocka_unit_test(a_quote_of_another_ak_does_not_verify),
        cmocka_unit_test(a_resettable_pcr_keeps_its_name),
        cmocka_unit_test(values_of_another_selection_do_not_pass),
        cmocka_unit_test(an_absent_bank_is_told),
        cmocka_unit_test(sha1_quotes_do_not_count),
        cmocka_unit_test(a_quote_made_up_under_an_unrestricted_key_does_not_count),
        cmocka_unit_test(nothing_is_left_in_the_tpm),
        cmocka_unit_test(a_signal_gives_the_keys_back),
        cmocka_unit_test(a_reset_shows),
    };
    if (argc != 3)
        return 64;
    live_start(&tpm, argv[1], argv[2]);
    boot();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    live_stop(&tpm);
    return failed;
}
