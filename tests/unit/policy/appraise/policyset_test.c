/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that no compiler of ours would make: a verifier checks them all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "latchkey.pb-c.h"
#include "policy.pb-c.h"
#include "policy/appraise/policyset.h"
#include "proto/base/buffer.h"
#include "proto/msg/unpack.h"

#define S(text) ((char *)(uintptr_t)(text))

/* A policy that passes; tests change one thing. */
struct sample {
    Latchkey__V1__Policy policy;
    Latchkey__V1__Create create;
    Latchkey__V1__Accept accept;
    Latchkey__V1__FamilyRules block, chip, log;
    Latchkey__V1__Rule rule, pcr;
    Latchkey__V1__Operand operand, digest;
    Latchkey__V1__Operand *operands[2], *digests[1];
    Latchkey__V1__Rule *rules[2], *pcrs[1];
    Latchkey__V1__FamilyRules *blocks[3];
    Latchkey__V1__Accept *accepts[2];
    char *chain[3], *releases[2], *groups[1];
    char *board_13[13]; /* one family more than a chain may have */
};

static uint8_t measured[] = {0xaa, 0xbb}, digest[] = {1, 2};

static void set_up(struct sample *s)
{
    memset(s, 0, sizeof(*s));
    latchkey__v1__policy__init(&s->policy);
    latchkey__v1__create__init(&s->create);
    latchkey__v1__accept__init(&s->accept);
    latchkey__v1__family_rules__init(&s->block);
    latchkey__v1__family_rules__init(&s->chip);
    latchkey__v1__rule__init(&s->rule);
    latchkey__v1__rule__init(&s->pcr);
    latchkey__v1__operand__init(&s->operand);
    latchkey__v1__operand__init(&s->digest);
    s->operand.value_case = s->digest.value_case = LATCHKEY__V1__OPERAND__VALUE_DATA;
    s->operand.data = (ProtobufCBinaryData){sizeof(measured), measured};
    s->digest.data = (ProtobufCBinaryData){sizeof(digest), digest};
    s->operands[0] = s->operands[1] = &s->operand;
    s->digests[0] = &s->digest;
    s->rule.claim = S("measurement");
    s->rule.op = LATCHKEY__V1__RULE__OP__EQUALS;
    s->rule.operands = s->operands;
    s->rule.n_operands = 1;
    s->pcr.claim = S("pcr.sha256.7");
    s->pcr.op = LATCHKEY__V1__RULE__OP__EQUALS;
    s->pcr.operands = s->digests;
    s->pcr.n_operands = 1;
    s->rules[0] = s->rules[1] = &s->rule;
    s->pcrs[0] = &s->pcr;
    for (size_t i = 0; i < 13; i++)
        s->board_13[i] = i == 0 ? S("board") : S("chip");
    s->block.family = S("board");
    s->block.rules = s->rules;
    s->block.n_rules = 1;
    s->chip.family = S("chip");
    s->chip.rules = s->pcrs;
    s->chip.n_rules = 1;
    s->blocks[0] = &s->block;
    s->blocks[1] = &s->chip;
    s->chain[0] = S("board");
    s->chain[1] = S("chip");
    s->accept.name = S("one");
    s->accept.chain = s->chain;
    s->accept.n_chain = 2;
    s->accept.families = s->blocks;
    s->accept.n_families = 2;
    s->accepts[0] = s->accepts[1] = &s->accept;
    s->releases[0] = S("disk/{board.serial}");
    s->policy.schema = 1;
    s->policy.name = S("prod");
    s->policy.kek = S("sealed");
    s->policy.releases = s->releases;
    s->policy.n_releases = 1;
    s->policy.accept = s->accepts;
    s->policy.n_accept = 1;
}

static int add_to(struct lk_policyset *set, const struct sample *s, struct lk_report *report)
{
    uint8_t wire[4096];
    assert_true(latchkey__v1__policy__get_packed_size(&s->policy) <= sizeof(wire));
    size_t n = latchkey__v1__policy__pack(&s->policy, wire);
    uint8_t *exact = malloc(n);
    assert_non_null(exact);
    memcpy(exact, wire, n);
    lk_result r = lk_policyset_add_policy(set, 1, lk_bytes(exact, n), report);
    memset(exact, 0xdd, n); /* nothing of the message may be borrowed */
    free(exact);
    return (int)r.code;
}

static int add(const struct sample *s)
{
    struct lk_report report = {.n = 0};
    struct lk_policyset *set = lk_policyset_new();
    int code = add_to(set, s, &report);
    if (code != LK_R_OK && code != LK_R_REQUEST_UNKNOWN_FIELD)
        assert_int_equal(lk_report_first(&report)->code, code);
    lk_policyset_free(set);
    return code;
}

#define CHANGE(name, statement)            \
    static void name(struct sample *s)     \
    {                                      \
        statement;                         \
    }
CHANGE(nothing, (void)s)
CHANGE(schema, s->policy.schema = 2)
CHANGE(bad_name, s->policy.name = S("Prod"))
CHANGE(empty_name, s->policy.name = S(""))
CHANGE(kek, s->policy.kek = S("none"))
CHANGE(no_accept, s->policy.n_accept = 0)
CHANGE(accept_twice, s->policy.n_accept = 2)
CHANGE(no_chain, (s->accept.n_chain = 0, s->accept.n_families = 0))
CHANGE(long_chain, (s->accept.chain = s->board_13, s->accept.n_chain = 13))
CHANGE(unknown_family, s->chain[1] = S("tdx"))
CHANGE(family_twice, s->chain[1] = S("board"))
CHANGE(block_unlisted, s->accept.n_chain = 1)
CHANGE(unknown_claim, s->rule.claim = S("measurment"))
CHANGE(unknown_op, s->rule.op = (Latchkey__V1__Rule__Op)99)
CHANGE(op_of_other_kind, s->rule.op = LATCHKEY__V1__RULE__OP__AT_LEAST)
CHANGE(two_operands, s->rule.n_operands = 2)
CHANGE(no_operand, s->rule.n_operands = 0)
CHANGE(operand_kind, (s->operand.value_case = LATCHKEY__V1__OPERAND__VALUE_NUMBER, s->operand.number = 1))
CHANGE(operand_unset, s->operand.value_case = LATCHKEY__V1__OPERAND__VALUE__NOT_SET)
CHANGE(rule_twice, s->block.n_rules = 2)
CHANGE(open_claim, (s->chip.n_rules = 0))
CHANGE(open_with_group, (s->chip.n_rules = 0, s->groups[0] = S("fw"), s->accept.references = s->groups, s->accept.n_references = 1))
CHANGE(skip_without_reason, (s->pcr.op = LATCHKEY__V1__RULE__OP__SKIP, s->pcr.n_operands = 0))
CHANGE(skip_with_reason, (s->pcr.op = LATCHKEY__V1__RULE__OP__SKIP, s->pcr.n_operands = 0, s->pcr.because = S("test")))
CHANGE(unpinned, (s->rule.op = LATCHKEY__V1__RULE__OP__NOT_IN))
CHANGE(whole_registers, s->pcr.claim = S("pcr"))
CHANGE(pattern, s->releases[0] = S("disk//x"))
CHANGE(star, s->releases[0] = S("disk/*"))
CHANGE(star_with_reason, (s->releases[0] = S("disk/*"), s->policy.fleet_wide_because = S("test")))
CHANGE(placeholder_unknown, s->releases[0] = S("disk/{board.nothing}"))
CHANGE(placeholder_unflagged, s->releases[0] = S("disk/{board.vmpl}"))
#define CREATE(n, day) (s->create.bytes = (n), s->create.per_day = (day), s->policy.create = &s->create)
CHANGE(create_least, CREATE(16, 1))
CHANGE(create_most, CREATE(4096, 1000000))
CHANGE(create_too_short, CREATE(15, 1))
CHANGE(create_too_long, CREATE(4097, 1))
CHANGE(create_never, CREATE(32, 0))
CHANGE(create_always, CREATE(32, 1000001))
CHANGE(create_without_placeholder, (CREATE(32, 1), s->releases[0] = S("disk/all")))
CHANGE(create_no_machine, (CREATE(32, 1), s->releases[0] = S("disk/{chip.id}")))
CHANGE(create_machine_and_more, (CREATE(32, 1), s->releases[0] = S("disk/{chip.id}/{board.serial}")))
CHANGE(create_open, (CREATE(32, 1), s->releases[0] = S("disk/{board.serial}/*"), s->policy.fleet_wide_because = S("test")))
CHANGE(placeholder_not_in_chain, s->releases[0] = S("disk/{paper.text}"))

static const struct {
    const char *what;
    void (*change)(struct sample *s);
    enum lk_reason_code code;
} rows[] = {
    {"nothing", nothing, LK_R_OK},
    {"schema", schema, LK_R_POLICY_SCHEMA},
    {"name", bad_name, LK_R_POLICY_NAME},
    {"empty name", empty_name, LK_R_POLICY_NAME},
    {"kek", kek, LK_R_POLICY_VALUE},
    {"no alternative", no_accept, LK_R_POLICY_FIELD},
    {"alternative twice", accept_twice, LK_R_POLICY_DUPLICATE},
    {"no chain", no_chain, LK_R_POLICY_FIELD},
    {"chain of 13 families", long_chain, LK_R_POLICY_LIMIT},
    {"unknown family", unknown_family, LK_R_POLICY_FAMILY},
    {"family twice", family_twice, LK_R_POLICY_FAMILY},
    {"rules outside of the chain", block_unlisted, LK_R_POLICY_FAMILY},
    {"unknown claim", unknown_claim, LK_R_POLICY_CLAIM},
    {"unknown operator", unknown_op, LK_R_POLICY_OPERATOR},
    {"operator of another kind", op_of_other_kind, LK_R_POLICY_OPERATOR},
    {"two operands", two_operands, LK_R_POLICY_OPERATOR},
    {"no operand", no_operand, LK_R_POLICY_OPERATOR},
    {"operand of another kind", operand_kind, LK_R_POLICY_OPERAND},
    {"operand unset", operand_unset, LK_R_POLICY_OPERAND},
    {"rule twice", rule_twice, LK_R_POLICY_DUPLICATE},
    {"claim left open", open_claim, LK_R_POLICY_OPEN_CLAIM},
    {"claim left to records", open_with_group, LK_R_OK},
    {"skip without a reason", skip_without_reason, LK_R_POLICY_BECAUSE},
    {"skip with a reason", skip_with_reason, LK_R_OK},
    {"nothing pins the writer", unpinned, LK_R_POLICY_UNPINNED},
    {"all registers equal one", whole_registers, LK_R_POLICY_OPERATOR},
    {"pattern", pattern, LK_R_POLICY_PATTERN},
    {"star", star, LK_R_POLICY_FLEET_WIDE},
    {"star with a reason", star_with_reason, LK_R_OK},
    {"unknown placeholder", placeholder_unknown, LK_R_POLICY_PLACEHOLDER},
    {"placeholder that names no machine", placeholder_unflagged, LK_R_POLICY_PLACEHOLDER},
    {"placeholder of a family outside of the chain", placeholder_not_in_chain, LK_R_POLICY_PLACEHOLDER},
    {"create: fewest bytes and secrets", create_least, LK_R_OK},
    {"create: most bytes and secrets", create_most, LK_R_OK},
    {"create: too short a secret", create_too_short, LK_R_POLICY_VALUE},
    {"create: too long a secret", create_too_long, LK_R_POLICY_VALUE},
    {"create: none a day", create_never, LK_R_POLICY_VALUE},
    {"create: no limit a day", create_always, LK_R_POLICY_VALUE},
    {"create: one name for all machines", create_without_placeholder, LK_R_POLICY_CREATE},
    {"create: a placeholder that names no machine", create_no_machine, LK_R_POLICY_CREATE},
    {"create: one placeholder of two names the machine", create_machine_and_more, LK_R_OK},
    {"create: any number of names of one machine", create_open, LK_R_POLICY_CREATE},
};

static void each_fault_of_a_message_has_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sample s;
        set_up(&s);
        rows[i].change(&s);
        int code = add(&s);
        if (code != (int)rows[i].code)
            fail_msg("%s: %s", rows[i].what, lk_reason((enum lk_reason_code)code)->name);
    }
}

static void policies_must_not_share_names_or_secrets(void **state)
{
    (void)state;
    struct lk_report report = {.n = 0};
    struct lk_policyset *set = lk_policyset_new();
    struct sample s;
    set_up(&s);
    assert_int_equal(add_to(set, &s, &report), LK_R_OK);
    assert_int_equal(add_to(set, &s, &report), LK_R_POLICY_DUPLICATE);
    s.policy.name = S("other");
    s.releases[0] = S("disk/00ff");
    assert_int_equal(add_to(set, &s, &report), LK_R_OK);
    assert_int_equal(lk_policyset_finish(set, &report).code, LK_R_POLICY_OVERLAP);
    lk_policyset_free(set);
}

static void a_group_without_records_is_told_not_refused(void **state)
{
    (void)state;
    struct lk_report report = {.n = 0};
    struct lk_policyset *set = lk_policyset_new();
    struct sample s;
    set_up(&s);
    open_with_group(&s);
    assert_int_equal(add_to(set, &s, &report), LK_R_OK);
    assert_int_equal(lk_policyset_finish(set, &report).code, LK_R_OK);
    assert_int_equal(report.findings[0].code, LK_R_REFERENCE_MISSING);
    assert_string_equal(report.findings[0].rule, "prod/one/reference");
    lk_policyset_free(set);
}

static const Latchkey__V1__EvidenceRequest *request(struct lk_policyset *set, struct lk_arena *arena, const char *secret)
{
    LK_BUF_AUTO out = lk_buf(8192);
    struct lk_bytes name = lk_bytes_str(secret);
    void *m = NULL;
    assert_int_equal(lk_policyset_evidence_request(set, &name, 1, &out).code, LK_R_OK);
    struct lk_msg_limits limits = {8192, 5, 4096};
    assert_int_equal(lk_msg_unpack(&latchkey__v1__evidence_request__descriptor, lk_buf_bytes(&out), arena, &limits, &m).code,
                     LK_R_OK);
    return m;
}

static void a_request_names_chains_and_registers(void **state)
{
    (void)state;
    struct lk_policyset *set = lk_policyset_new();
    struct lk_arena *arena = lk_arena_new(1 << 20);
    struct sample s;
    set_up(&s);
    assert_int_equal(add_to(set, &s, NULL), LK_R_OK);
    const Latchkey__V1__EvidenceRequest *r = request(set, arena, "disk/{board.serial}");
    assert_int_equal(r->n_alternatives, 1);
    assert_string_equal(r->alternatives[0]->policy, "prod");
    assert_int_equal(r->alternatives[0]->n_items, 2);
    assert_string_equal(r->alternatives[0]->items[0]->family, "board");
    assert_int_equal(r->alternatives[0]->items[0]->vmpl[0], 0);
    const Latchkey__V1__PcrSelection *pcrs = r->alternatives[0]->items[1]->pcrs[0];
    assert_string_equal(pcrs->bank, "sha256");
    assert_int_equal(pcrs->n_indexes, 1);
    assert_int_equal(pcrs->indexes[0], 7);
    lk_arena_free(arena);
    lk_policyset_free(set);
}

/* A log means nothing without its registers: the quote of its chain is asked for them. */
static void a_log_has_its_registers_quoted(void **state)
{
    (void)state;
    struct lk_policyset *set = lk_policyset_new();
    struct lk_arena *arena = lk_arena_new(1 << 20);
    struct sample s;
    set_up(&s);
    latchkey__v1__family_rules__init(&s.log);
    Latchkey__V1__Rule kernel = s.pcr, *kernels[] = {&kernel};
    kernel.claim = S("kernel");
    s.log.family = S("log");
    s.log.rules = kernels;
    s.log.n_rules = 1;
    s.blocks[2] = &s.log;
    s.chain[2] = S("log");
    s.accept.n_chain = s.accept.n_families = 3;
    assert_int_equal(add_to(set, &s, NULL), LK_R_OK);
    const Latchkey__V1__EvidenceAlternative *alt = request(set, arena, "disk/{board.serial}")->alternatives[0];
    const Latchkey__V1__PcrSelection *pcrs = alt->items[1]->pcrs[0];
    assert_int_equal(alt->items[1]->n_pcrs, 1);
    assert_int_equal(pcrs->n_indexes, 3); /* the rule's, the family's, the claim's */
    assert_int_equal(pcrs->indexes[0] << 16 | pcrs->indexes[1] << 8 | pcrs->indexes[2], 7 << 16 | 9 << 8 | 12);
    assert_string_equal(alt->items[2]->family, "log");
    assert_int_equal(alt->items[2]->n_pcrs, 0);
    lk_arena_free(arena);
    lk_policyset_free(set);
}

static void a_name_that_no_policy_covers_gets_a_default_request(void **state)
{
    (void)state;
    struct lk_policyset *set = lk_policyset_new();
    struct lk_arena *arena = lk_arena_new(1 << 20);
    const Latchkey__V1__EvidenceRequest *r = request(set, arena, "nobody/knows");
    assert_int_equal(r->n_alternatives, 4);
    assert_string_equal(r->alternatives[1]->items[0]->family, "chip");
    assert_int_equal(r->alternatives[1]->items[0]->pcrs[0]->n_indexes, 8);
    lk_arena_free(arena);
    lk_policyset_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_of_a_message_has_its_code),
        cmocka_unit_test(policies_must_not_share_names_or_secrets),
        cmocka_unit_test(a_group_without_records_is_told_not_refused),
        cmocka_unit_test(a_request_names_chains_and_registers),
        cmocka_unit_test(a_log_has_its_registers_quoted),
        cmocka_unit_test(a_name_that_no_policy_covers_gets_a_default_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
