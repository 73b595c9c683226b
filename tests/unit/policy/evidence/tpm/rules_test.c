/* SPDX-License-Identifier: Apache-2.0 */
/* Each claim of family tpm under a rule of its own: the value that was attested holds, another one refuses with the claim's code. */
#include "policy/appraise/judge.h"
#include "policy/appraise/text.h"
#include "tests/unit/policy/evidence/tpm/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *claim;
    enum lk_reason_code refusal;
};

static const struct row rows[] = {
    {"ek", LK_R_TPM_EK},
    {"ek-sha256", LK_R_TPM_EK},
    {"ek-name", LK_R_TPM_EK},
    {"ek-key", LK_R_TPM_ALGORITHM},
    {"manufacturer", LK_R_TPM_EK_IDENTITY},
    {"model", LK_R_TPM_EK_IDENTITY},
    {"version", LK_R_TPM_EK_IDENTITY},
    {"ak-name", LK_R_TPM_AK},
    {"ak-sha256", LK_R_TPM_AK},
    {"ak-key", LK_R_TPM_ALGORITHM},
    {"ak-attributes", LK_R_TPM_AK},
    {"scheme", LK_R_TPM_ALGORITHM},
    {"hash", LK_R_TPM_ALGORITHM},
    {"rooted-by", LK_R_TPM_ROOT},
    {"anchor", LK_R_TPM_ROOT},
    {"built-in-anchor", LK_R_TPM_ROOT},
    {"sha1-certificate", LK_R_TPM_ALGORITHM},
    {"pcr.sha256.7", LK_R_TPM_PCR},
    {"sha1-bank", LK_R_TPM_SHA1_BANK},
    {"reset-firmware-pcrs", LK_R_TPM_PCR_RESET},
    {"qualified-name", LK_R_TPM_QUALIFIED_NAME},
    {"reset-count", LK_R_TPM_COUNTER},
    {"restart-count", LK_R_TPM_COUNTER},
    {"clock", LK_R_TPM_COUNTER},
    {"safe", LK_R_TPM_COUNTER},
    {"firmware-version", LK_R_TPM_FIRMWARE_VERSION},
    {"gce-test-instance", LK_R_TPM_GCE},
};

/* Absent from what the soft TPM shows: a rule on them refuses whatever it demands. */
static const char *const absent[] = {"gce-zone", "gce-project", "gce-project-number", "gce-instance-id", "gce-instance-name",
                                     "gce-security-version"};

static struct fixture f;

static int open_item(void **state)
{
    (void)state;
    fixture_open(&f, "P-256", "RSA2048");
    return fixture_run(&f) == LK_R_OK ? 0 : -1;
}

static int close_item(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

/* The code of the first finding when the policy is this one rule; OK when it holds. */
static enum lk_reason_code judge(const struct lk_claim_ref *ref, const char *name, const struct lk_value *operand)
{
    static const struct lk_policyset none;
    const struct lk_rule rule = {.name = name, .ref = *ref, .op = LK_OP_EQUALS, .operands = operand, .n = 1};
    const struct lk_family_rules family = {.family = &lk_family_tpm, .rules = &rule, .n = 1};
    const struct lk_accept accept = {.name = "one", .families = &family, .n = 1};
    const struct lk_policy policy = {.name = "policy", .accepts = &accept, .n_accepts = 1};
    const struct lk_judged item = {.family = &lk_family_tpm, .values = f.values_out, .parent = -1};
    struct lk_report report = {.n = 0};
    size_t score;
    bool holds = lk_accept_judge(&none, &policy, &accept, &item, 1, f.at, LK_JUDGE_BUNDLE, &report, &score);
    assert_int_equal(holds, report.n == 0);
    assert_true(report.n <= 1);
    return holds ? LK_R_OK : report.findings[0].code;
}

static struct lk_value another(const struct lk_value *v)
{
    static uint8_t bytes[64];
    if (v->kind == LK_KIND_BOOL)
        return (struct lk_value){.kind = v->kind, .present = true, .flag = !v->flag};
    if (v->kind == LK_KIND_UINT)
        return (struct lk_value){.kind = v->kind, .present = true, .number = v->number + 1};
    if (v->kind != LK_KIND_BYTES)
        return (struct lk_value){.kind = v->kind, .present = true, .word = "another"};
    assert_in_range(v->bytes.len, 1, sizeof(bytes));
    memcpy(bytes, v->bytes.data, v->bytes.len);
    bytes[v->bytes.len - 1] ^= 1;
    return (struct lk_value){.kind = v->kind, .present = true, .bytes = lk_bytes(bytes, v->bytes.len)};
}

static void each_claim_refuses_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct lk_claim_ref ref;
        assert_true(lk_ok(lk_claim_find(&lk_family_tpm, rows[i].claim, &ref)));
        struct lk_value there = lk_value_at(f.values_out, &ref), other = another(&there);
        enum lk_reason_code same = judge(&ref, rows[i].claim, &there), refused = judge(&ref, rows[i].claim, &other);
        if (same != LK_R_OK || refused != rows[i].refusal)
            fail_msg("%s: %s, %s", rows[i].claim, lk_reason(same)->name, lk_reason(refused)->name);
    }
}

static void what_is_absent_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++) {
        struct lk_claim_ref ref;
        assert_true(lk_ok(lk_claim_find(&lk_family_tpm, absent[i], &ref)));
        struct lk_value there = lk_value_at(f.values_out, &ref);
        assert_false(there.present);
        assert_int_equal(judge(&ref, absent[i], &there), LK_R_TPM_GCE);
    }
}

static void every_claim_is_in_a_table(void **state)
{
    (void)state;
    assert_int_equal(sizeof(rows) / sizeof(*rows) + sizeof(absent) / sizeof(*absent), lk_family_tpm.n_claims);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_claim_refuses_alone),
        cmocka_unit_test(what_is_absent_is_refused),
        cmocka_unit_test(every_claim_is_in_a_table),
    };
    return cmocka_run_group_tests(tests, open_item, close_item);
}
