/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: a bundle that passes, and for each rule a bundle or a policy in which only that rule fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/chain/chain.h"
#include "policy/document/document.h"
#include "tests/unit/policy/families/test_families.h"

struct world {
    struct lk_arena *arena;
    struct lk_policyset *set;
    struct test_board board;
    struct test_chip chip;
    uint8_t board_bytes[TEST_BOARD_LEN + 1], chip_bytes[TEST_CHIP_LEN], log[8], paper[8], binding[64];
    size_t board_len;
    struct lk_chain_item items[LK_CHAIN_ITEMS_MAX + 1];
    size_t n_items;
    struct lk_bytes secret;
    bool any_binding;
    int64_t at;
    struct lk_appraisal out;
};

static void add(struct world *w, const char *family, const void *bytes, size_t len)
{
    struct lk_chain_item *item = &w->items[w->n_items++];
    *item = (struct lk_chain_item){.family = lk_family_by_name(lk_bytes_str(family))};
    item->parts[0] = lk_bytes(bytes, len);
}

static void set_up(struct world *w)
{
    memset(w, 0, sizeof(*w));
    w->arena = lk_arena_new(4u << 20);
    w->set = lk_policyset_new();
    assert_true(w->arena != NULL && w->set != NULL);
    memset(w->binding, 0xb1, sizeof(w->binding));
    w->board = (struct test_board){.root = TEST_ROOTED, .svn = 3, .flags = 5, .tcb = {7, 72}, .product = 1,
                                   .measurement = {0xaa, 0xbb, 0xcc, 0xdd}, .key = {1, 1, 1, 1}, .digest = {2, 2, 2, 2},
                                   .serial = {0, 0, 0, 9}};
    memcpy(w->board.binding, w->binding, 64);
    w->chip = (struct test_chip){.key = {1, 1, 1, 1}, .pcr0 = {0, 0, 0, 1}, .pcr7 = {0, 0, 0, 7}, .log = {3, 3, 3, 3},
                                 .id = {0xc, 0xc, 0xc, 0xc}};
    memcpy(w->chip.binding, w->binding, 32);
    memcpy(w->log, "\x03\x03\x03\x03\x11\x22\x33\x44", 8);
    memcpy(w->paper, "\x02\x02\x02\x02page", 8);
    w->board_len = TEST_BOARD_LEN;
    w->at = 1000;
    test_logs_read = 0;
}

static void tear_down(struct world *w)
{
    lk_arena_free(w->arena);
    lk_policyset_free(w->set);
}

static void fail_with(const struct lk_document_errors *errors)
{
    for (size_t i = 0; i < errors->n; i++)
        print_error("%d:%d: %s\n", errors->e[i].line, errors->e[i].column, errors->e[i].text);
    fail();
}

static void add_policy(struct world *w, const char *yaml)
{
    static struct lk_document_errors errors;
    LK_BUF_AUTO message = lk_buf(1 << 20);
    if (!lk_ok(lk_document_policy(lk_bytes_str(yaml), &message, &errors)))
        fail_with(&errors);
    assert_int_equal(lk_policyset_add_policy(w->set, 5, lk_buf_bytes(&message), NULL).code, LK_R_OK);
}

static lk_result put_record(void *context, const char *id, struct lk_bytes message)
{
    (void)id;
    return lk_policyset_add_reference(context, 1, message, NULL);
}

static void add_records(struct world *w, const char *yaml)
{
    static struct lk_document_errors errors;
    if (!lk_ok(lk_document_references(lk_bytes_str(yaml), put_record, w->set, &errors)))
        fail_with(&errors);
}

static void judge(struct world *w)
{
    struct lk_chain_input in = {.policies = w->set, .at = w->at, .arena = w->arena, .items = w->items, .n_items = w->n_items};
    if (!w->any_binding)
        in.binding = LK_BYTES(w->binding);
    if (w->secret.data != NULL) {
        in.secrets = &w->secret;
        in.n_secrets = 1;
    }
    lk_result r = lk_chain_appraise(&in, &w->out);
    assert_int_equal(r.code, LK_R_OK);
}

static void add_all(struct world *w)
{
    test_board_put(&w->board, w->board_bytes);
    test_chip_put(&w->chip, w->chip_bytes);
    add(w, "log", w->log, 8); /* children first: the order of the bundle must not matter */
    add(w, "chip", w->chip_bytes, TEST_CHIP_LEN);
    add(w, "board", w->board_bytes, w->board_len);
}

static void expect(const struct world *w, enum lk_reason_code code, const char *rule)
{
    const struct lk_finding *f = lk_report_first(&w->out.report);
    if (code == LK_R_OK && f != NULL)
        fail_msg("unexpected %s %s", lk_reason(f->code)->name, f->rule);
    assert_int_equal(w->out.cls, lk_reason(code)->cls);
    if (code == LK_R_OK)
        return;
    assert_non_null(f);
    assert_string_equal(lk_reason(f->code)->name, lk_reason(code)->name);
    if (rule != NULL)
        assert_string_equal(f->rule, rule);
}

#define HEAD "schema: latchkey-policy/1\npolicy: prod\n"
#define ACCEPT "accept:\n  - name: one\n    chain: [board, chip, log]\n"
#define BOARD "    board: {measurement: aabbccdd}\n"
#define CHIP "    chip: {pcrs: {sha256: {0: '00000001', 7: '00000007'}}}\n"
#define LOG "    log: {kernel: '11223344'}\n"
#define A_FILE "'sha256:0a" ZEROS "'"
#define B_FILE "'sha256:0b" ZEROS " /run/b'"
#define ZEROS "00000000000000000000000000000000000000000000000000000000000000"
#define PROD HEAD "releases: ['disk/{board.serial}']\n" ACCEPT BOARD CHIP LOG

static void the_whole_chain_passes(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    add_policy(&w, PROD);
    add_all(&w);
    w.secret = lk_bytes_str("disk/00000009");
    judge(&w);
    expect(&w, LK_R_OK, NULL);
    assert_int_equal(w.out.n_secrets, 1);
    assert_string_equal(w.out.secrets[0].policy, "prod");
    assert_int_equal(w.out.secrets[0].policy_revision, 5);
    assert_string_equal(w.out.secrets[0].accept, "one");
    assert_int_equal(w.out.nodes[0].parent, 1);
    assert_int_equal(w.out.nodes[1].parent, 2);
    assert_int_equal(w.out.nodes[2].parent, -1);
    assert_int_equal(test_logs_read, 1);
    assert_false(w.out.needs_activation);
    tear_down(&w);
}

static void a_placeholder_in_the_name_is_expanded(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    add_policy(&w, PROD);
    add_all(&w);
    w.secret = lk_bytes_str("disk/{board.serial}");
    judge(&w);
    expect(&w, LK_R_OK, NULL);
    assert_string_equal(w.out.secrets[0].name, "disk/00000009");
    tear_down(&w);
}

/* What a mutation changes in a world that passes, and what must come of it. */
struct mutation {
    const char *what;
    void (*change)(struct world *w);
    enum lk_reason_code code;
    const char *rule; /* NULL: whatever */
};

#define CHANGE(name, statement)               \
    static void name(struct world *w)         \
    {                                         \
        statement;                            \
    }
CHANGE(nothing, (void)w)
CHANGE(board_forged, w->board.root = TEST_FORGED)
CHANGE(board_expired, w->board.root = TEST_EXPIRED)
CHANGE(board_unrooted, w->board.root = TEST_LINKED)
CHANGE(chip_key, w->chip.key[0] ^= 1)
CHANGE(chip_rooted, w->chip.root = TEST_ROOTED)
CHANGE(board_binding, w->board.binding[63] ^= 1)
CHANGE(chip_binding, w->chip.binding[31] ^= 1)
CHANGE(no_binding, w->board.no_binding = 1)
CHANGE(board_long, w->board_len = TEST_BOARD_LEN + 1)
CHANGE(measurement, w->board.measurement[0] ^= 1)
CHANGE(vmpl, w->board.vmpl = 1)
CHANGE(debug, w->board.debug = 1)
CHANGE(svn, w->board.svn = 0)
CHANGE(pcr7, w->chip.pcr7[0] ^= 1)
CHANGE(kernel, w->log[4] ^= 1)
CHANGE(log_digest, w->log[0] ^= 1)
CHANGE(log_malformed, w->log[4] = 0xee)
CHANGE(serial, w->board.serial[3] ^= 1)
CHANGE(no_serial, w->board.no_serial = 1)

static const struct mutation mutations[] = {
    {"nothing", nothing, LK_R_OK, NULL},
    {"forged root", board_forged, LK_R_SIGNATURE_INVALID, ""},
    {"expired root", board_expired, LK_R_CERT_EXPIRED, ""},
    {"no root", board_unrooted, LK_R_UNANCHORED, "chain"},
    {"link broken", chip_key, LK_R_UNANCHORED, "chain"},
    {"second root", chip_rooted, LK_R_CHAIN_TWO_ROOTS, NULL},
    {"64-byte binding", board_binding, LK_R_BINDING_MISMATCH, "binding"},
    {"32-byte binding", chip_binding, LK_R_BINDING_MISMATCH, "binding"},
    {"binding missing", no_binding, LK_R_BINDING_MISSING, "binding"},
    {"trailing byte", board_long, LK_R_TRAILING_BYTES, NULL},
    {"written rule", measurement, LK_R_SECRET_POLICY, "prod/one/board.measurement"},
    {"default rule", debug, LK_R_SECRET_POLICY, "prod/one/board.guest-policy.debug"},
    {"default with operator", svn, LK_R_SECRET_POLICY, "prod/one/board.svn"},
    {"register", pcr7, LK_R_SECRET_POLICY, "prod/one/chip.pcr.sha256.7"},
    {"vouched item's rule", kernel, LK_R_SECRET_POLICY, "prod/one/log.kernel"},
    {"digest of the log", log_digest, LK_R_UNANCHORED, "chain"},
    {"malformed log", log_malformed, LK_R_BAD_TEXT, "kernel"},
    {"another machine", serial, LK_R_RELEASE_OTHER_MACHINE, "prod/releases"},
    {"placeholder absent", no_serial, LK_R_RELEASE_PLACEHOLDER, "prod/releases"},
};

static void each_departure_has_its_code_and_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mutations) / sizeof(mutations[0]); i++) {
        struct world w;
        set_up(&w);
        add_policy(&w, PROD);
        mutations[i].change(&w);
        add_all(&w);
        w.secret = lk_bytes_str("disk/00000009");
        judge(&w);
        print_message("%s\n", mutations[i].what);
        expect(&w, mutations[i].code, mutations[i].rule);
        tear_down(&w);
    }
}

/* A log is not read when the chip's rules, or the board's, failed: attackers' bytes stay unread. */
static void nothing_is_read_below_failed_rules(void **state)
{
    (void)state;
    void (*const changes[])(struct world *) = {measurement, pcr7, vmpl};
    for (size_t i = 0; i < 3; i++) {
        struct world w;
        set_up(&w);
        add_policy(&w, PROD);
        changes[i](&w);
        memcpy(w.log + 4, "\xee\xee\xee\xee", 4);
        add_all(&w);
        judge(&w);
        assert_int_equal(w.out.cls, LK_CLASS_REFUSED);
        assert_int_equal(test_logs_read, 0);
        assert_int_equal(w.out.nodes[0].state.code, LK_R_CHAIN_PARENT_REFUSED);
        assert_int_equal(lk_report_first(&w.out.report)->code, LK_R_SECRET_POLICY);
        tear_down(&w);
    }
}

static void judge_policy(struct world *w, const char *policy)
{
    add_policy(w, policy);
    add_all(w);
    judge(w);
}

#define SKIP_M "    board: {measurement: {any-genuine: {because: test}}}\n"

/* The lint refuses such a policy for a chain that hangs on the board; a record may still leave the pin out. */
static void a_link_through_guest_bytes_needs_a_pin(void **state)
{
    (void)state;
    static const char policy[] = HEAD ACCEPT SKIP_M CHIP LOG "    reference: [fw]\n";
    static const struct {
        const char *match;
        enum lk_reason_code code;
    } rows[] = {{"board.measurement: aabbccdd", LK_R_OK}, {"board.svn: 3", LK_R_CHAIN_UNPINNED_WRITER}};
    for (size_t i = 0; i < 2; i++) {
        char yaml[256];
        struct world w;
        set_up(&w);
        snprintf(yaml, sizeof(yaml), "schema: latchkey-reference/1\nid: r1\ngroup: fw\nstate: active\nmatch: {%s}\n",
                 rows[i].match);
        add_records(&w, yaml);
        judge_policy(&w, policy);
        expect(&w, rows[i].code, rows[i].code == LK_R_OK ? NULL : "prod/one/chip");
        tear_down(&w);
    }
}

static void only_vmpl_0_writes_for_the_guest(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    w.board.vmpl = 2;
    judge_policy(&w, HEAD "accept:\n  - name: one\n    chain: [board, chip, log]\n"
                          "    board: {measurement: aabbccdd, vmpl: 0}\n" CHIP LOG);
    assert_string_equal(w.out.report.findings[0].rule, "prod/one/board.vmpl");
    assert_string_equal(w.out.report.findings[0].expected, "0");
    assert_string_equal(w.out.report.findings[0].actual, "2");
    tear_down(&w);
}

static void a_second_root_passes_only_when_it_is_written_out(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    w.chip.root = TEST_ROOTED;
    judge_policy(&w, HEAD ACCEPT "    separately-rooted: {family: chip, because: a test}\n" BOARD CHIP LOG);
    expect(&w, LK_R_OK, NULL);
    assert_true(w.out.needs_activation);
    assert_int_equal(w.out.activation_context[0], 0x5a);
    tear_down(&w);
}

static void missing_unlisted_and_misplaced_items_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *chain;
        enum lk_reason_code code;
        const char *rule;
    } rows[] = {
        {"accept:\n  - name: one\n    chain: [board, chip, log, paper]\n", LK_R_CHAIN_MISSING_ITEM, "prod/one/paper"},
        {"accept:\n  - name: one\n    chain: [board, chip]\n", LK_R_CHAIN_UNLISTED_ITEM, "prod/one/log"},
        {"accept:\n  - name: one\n    chain: [chip, board, log]\n", LK_R_CHAIN_ROOT_FAMILY, "prod/one/board"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char yaml[512];
        struct world w;
        set_up(&w);
        snprintf(yaml, sizeof(yaml), HEAD "%s" BOARD CHIP "%s", rows[i].chain, i == 1 ? "" : LOG);
        judge_policy(&w, yaml);
        expect(&w, rows[i].code, rows[i].rule);
        tear_down(&w);
    }
}

static void an_unlisted_item_that_nothing_vouches_for_is_not_ignored(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    w.paper[0] ^= 1;
    add_policy(&w, PROD);
    add_all(&w);
    add(&w, "paper", w.paper, 8);
    judge(&w);
    expect(&w, LK_R_UNANCHORED, "chain");
    tear_down(&w);
}

static void the_alternative_that_got_furthest_is_told(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    w.log[4] ^= 1;
    judge_policy(&w, HEAD "accept:\n"
                          "  - {name: bare, chain: [paper]}\n"
                          "  - {name: old, chain: [board, chip, log], board: {measurement: '00000000'},\n"
                          "     chip: {pcr: {skip: {because: test}}}, log: {kernel: '11223344'}}\n"
                          "  - {name: new, chain: [board, chip, log], board: {measurement: aabbccdd},\n"
                          "     chip: {pcr: {skip: {because: test}}}, log: {kernel: '11223344'}}\n");
    expect(&w, LK_R_SECRET_POLICY, "prod/new/log.kernel");
    assert_int_equal(w.out.report.n, 1);
    assert_string_equal(w.out.report.findings[0].expected, "11223344");
    assert_string_equal(w.out.report.findings[0].actual, "10223344");
    tear_down(&w);
}

static void any_alternative_is_enough(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    judge_policy(&w, HEAD "accept:\n"
                          "  - {name: old, chain: [board, chip, log], board: {measurement: '00000000'},\n"
                          "     chip: {pcr: {skip: {because: test}}}, log: {kernel: '11223344'}}\n"
                          "  - {name: new, chain: [board, chip, log], board: {measurement: [aabbccdd, '00000000']},\n"
                          "     chip: {pcr: {skip: {because: test}}}, log: {kernel: '11223344'}}\n");
    expect(&w, LK_R_OK, NULL);
    assert_string_equal(w.out.secrets[0].accept, "new");
    tear_down(&w);
}

/* Every operator of every kind on the board: the operand that holds, and the one next to it that does not. */
static void each_operator_holds_and_fails(void **state)
{
    (void)state;
    static const struct {
        const char *holds, *fails, *expected;
    } rows[] = {
        {"svn: 3", "svn: 4", "4"},
        {"svn: [1, 3]", "svn: [1, 2]", "1, 2"},
        {"svn: {not-in: [4]}", "svn: {not-in: [3, 4]}", "not 3, 4"},
        {"svn: {at-least: 3}", "svn: {at-least: 4}", ">= 4"},
        {"svn: {at-most: 3}", "svn: {at-most: 2}", "<= 2"},
        {"flags: {all-set: 0x5}", "flags: {all-set: 7}", "all bits of 7"},
        {"flags: {none-set: 2}", "flags: {none-set: 4}", "no bit of 4"},
        {"guest-policy: {debug: deny}", "guest-policy: {debug: required}", "true"},
        {"guest-policy.debug: allow", "guest-policy.debug: true", "true"},
        {"product: genoa", "product: milan", "milan"},
        {"product: [milan, genoa]", "product: {not-in: [genoa]}", "not genoa"},
        {"serial: '00000009'", "serial: '0000000909'", "0000000909"},
        {"serial: {in: ['01', '00000009']}", "serial: {not-in: ['00000009']}", "not 00000009"},
        {"serial: {in-set: serials}", "serial: {in-set: others}", "in others"},
        {"label: rack 7", "label: rack 8", "rack 8"},
        {"tcb-floor: {genoa: {boot: 7, micro: 72}}", "tcb-floor: {genoa: {boot: 7, micro: 73}}", "genoa micro >= 73"},
        {"tcb-floor: {milan: {boot: 9}, genoa: {boot: 6}}", "tcb-floor: {milan: {boot: 1}}", "a rule for genoa"},
        {"reported-tcb: {at-most: {boot: 7}}", "reported-tcb: {at-most: {boot: 6}}", "genoa boot <= 6"},
        {"reported-tcb: {genoa: {boot: 7}}", "reported-tcb: {genoa: {boot: 8}}", "genoa boot 8"},
        {"notices: [SA-1, SA-2, SA-3]", "notices: [SA-1]", "SA-1"},
        {"notices: {not-in: [SA-3]}", "notices: {not-in: [SA-2]}", "not SA-2"},
        {"notices: {skip: {because: test}}", "notices: none", "none"},
        {"notices: [SA-1, SA-2]", "notices: []", "none"},
        {"files: {in: [" A_FILE "], exclude: ['/run/**', '/opt/*/c']}", "files: {in: [" A_FILE "], exclude: ['/run/**', '/opt/*']}",
         "sha256:0a" ZEROS},
        {"files: {in: [" A_FILE ", " B_FILE "], signed-by: {vendor: [/opt/**]}}",
         "files: {in: [" A_FILE ", " B_FILE "], signed-by: {vendor: [/usr/**]}}", "signed by vendor, or sha256:0a" ZEROS ", "},
        {"files: {signed-by: {vendor: ['/**']}, exclude: ['/usr/**', '/run/b']}",
         "files: {signed-by: {other: ['/**']}, exclude: ['/usr/**', '/run/b']}", "signed by other"},
        {"files: {not-in: ['sha256:0d" ZEROS "']}", "files: {not-in: [" A_FILE "]}", "not sha256:0a" ZEROS},
        {"files: {not-in: ['sha256:0b" ZEROS " /run/a']}", "files: {not-in: [" B_FILE "]}", "not /run/b sha256:0b" ZEROS},
        {"files: {not-in: ['verity:sha256:0b" ZEROS "']}", "files: [" B_FILE "]", "/run/b sha256:0b" ZEROS},
        {"serial: {any-genuine: {because: test}}", "serial: {not-in: ['00000009', '0a']}", "not 00000009, 0a"},
    };
    static const char records[] = "- {schema: latchkey-reference/1, id: s1, group: serials, state: active, match: {board: {serial: '00000009'}}}\n"
                                  "- {schema: latchkey-reference/1, id: s2, group: others, state: active, match: {board: {serial: '0000000a'}}}\n"
                                  "- {schema: latchkey-reference/1, id: s3, group: others, state: staged, match: {board: {serial: '00000009'}}}\n"
                                  "- {schema: latchkey-reference/1, id: s4, group: others, state: active, match: {board: {serial: '00000009'}}, valid: {until: '1970-01-01T00:16:39Z'}}\n";
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        bool holds = i % 2 == 0;
        char yaml[1024];
        struct world w;
        set_up(&w);
        add_records(&w, records);
        snprintf(yaml, sizeof(yaml), HEAD ACCEPT "    board: {measurement: aabbccdd, %s}\n" CHIP LOG,
                 holds ? rows[i / 2].holds : rows[i / 2].fails);
        judge_policy(&w, yaml);
        print_message("%s\n", holds ? rows[i / 2].holds : rows[i / 2].fails);
        expect(&w, holds ? LK_R_OK : LK_R_SECRET_POLICY, NULL);
        if (!holds)
            assert_memory_equal(w.out.report.findings[0].expected, rows[i / 2].expected, strlen(rows[i / 2].expected));
        tear_down(&w);
    }
}

/* An absent claim passes no rule but skip. */
static void an_absent_claim_is_not_genuine(void **state)
{
    (void)state;
    static const char *const rules[] = {"skip: {because: test}", "any-genuine: {because: test}", "not-in: ['0a']"};
    for (size_t i = 0; i < 3; i++) {
        char yaml[512];
        struct world w;
        set_up(&w);
        w.board.no_serial = 1;
        snprintf(yaml, sizeof(yaml), HEAD ACCEPT "    board: {measurement: aabbccdd, serial: {%s}}\n" CHIP LOG, rules[i]);
        judge_policy(&w, yaml);
        expect(&w, i == 0 ? LK_R_OK : LK_R_SECRET_POLICY, i == 0 ? NULL : "prod/one/board.serial");
        tear_down(&w);
    }
}

#define BY_RECORD HEAD ACCEPT CHIP "    reference: fw\n"
#define RECORD(id, state, m, k, more)                                                                               \
    "- {schema: latchkey-reference/1, id: " id ", group: fw, state: " state ", match: {board.measurement: " m         \
    ", log.kernel: '" k "'}" more "}\n"

static void records_tie_values_together(void **state)
{
    (void)state;
    static const struct {
        const char *what, *records;
        enum lk_reason_code code;
        const char *rule;
    } rows[] = {
        {"matches", RECORD("r1", "active", "aabbccdd", "11223344", ""), LK_R_OK, NULL},
        {"one of many", RECORD("r0", "active", "aabbccdd", "00000000", "") RECORD("r1", "active", "aabbccdd", "11223344", ""),
         LK_R_OK, NULL},
        {"mixed releases",
         RECORD("r0", "active", "aabbccdd", "00000000", "") RECORD("r1", "active", "00000000", "11223344", ""),
         LK_R_REFERENCE_MISMATCH, "r0/log.kernel"},
        {"no record", RECORD("r1", "active", "aabbccdd", "11223344", ""), LK_R_REFERENCE_MISSING, "other"},
        {"staged", RECORD("r1", "staged", "aabbccdd", "11223344", ""), LK_R_REFERENCE_STAGED, "r1"},
        {"retired", RECORD("r1", "retired", "aabbccdd", "11223344", ""), LK_R_REFERENCE_RETIRED, "r1"},
        {"expired", RECORD("r1", "active", "aabbccdd", "11223344", ", valid: {until: '1970-01-01T00:16:39Z'}"),
         LK_R_REFERENCE_EXPIRED, "r1"},
        {"last second", RECORD("r1", "active", "aabbccdd", "11223344", ", valid: {until: '1970-01-01T00:16:40Z'}"), LK_R_OK, NULL},
        {"not yet", RECORD("r1", "active", "aabbccdd", "11223344", ", valid: {from: '1970-01-01T00:16:41Z'}"),
         LK_R_REFERENCE_EXPIRED, "r1"},
        {"claim left open",
         "{schema: latchkey-reference/1, id: r1, group: fw, state: active, match: {board.measurement: aabbccdd}}\n",
         LK_R_POLICY_CLAIM_UNJUDGED, "prod/one/log.kernel"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world w;
        set_up(&w);
        add_records(&w, rows[i].records);
        print_message("%s\n", rows[i].what);
        judge_policy(&w, rows[i].code == LK_R_REFERENCE_MISSING ? HEAD ACCEPT CHIP "    reference: other\n" : BY_RECORD);
        expect(&w, rows[i].code, rows[i].rule);
        tear_down(&w);
    }
}

static void names_are_judged_by_the_policy_that_covers_them(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum lk_reason_code code;
    } rows[] = {
        {"disk/00000009", LK_R_OK},          {"disk/00000008", LK_R_RELEASE_OTHER_MACHINE},
        {"other/00000009", LK_R_SECRET_UNKNOWN}, {"disk/{chip.id}", LK_R_SECRET_UNKNOWN},
        {"disk//x", LK_R_SECRET_NAME},       {"disk/*", LK_R_SECRET_NAME},
        {"shared/a", LK_R_OK},               {"shared/a/b", LK_R_SECRET_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world w;
        set_up(&w);
        add_policy(&w, PROD);
        add_policy(&w, "schema: latchkey-policy/1\npolicy: fleet\nreleases: ['shared/*']\n"
                       "fleet-wide: {because: a test}\n" ACCEPT BOARD CHIP LOG);
        add_all(&w);
        w.secret = lk_bytes_str(rows[i].name);
        judge(&w);
        print_message("%s\n", rows[i].name);
        expect(&w, rows[i].code, NULL);
        tear_down(&w);
    }
}

static void without_a_policy_the_safe_defaults_hold(void **state)
{
    (void)state;
    static const struct {
        void (*change)(struct world *);
        enum lk_reason_code code;
        const char *rule;
    } rows[] = {{nothing, LK_R_OK, NULL},
                {debug, LK_R_SECRET_POLICY, "default/safe-defaults/board.guest-policy.debug"},
                {board_forged, LK_R_SIGNATURE_INVALID, ""}};
    for (size_t i = 0; i < 3; i++) {
        struct world w;
        set_up(&w);
        lk_policyset_free(w.set);
        w.set = lk_policyset_defaults();
        rows[i].change(&w);
        test_board_put(&w.board, w.board_bytes);
        add(&w, "board", w.board_bytes, w.board_len);
        add(&w, "paper", w.paper, 8);
        judge(&w);
        expect(&w, rows[i].code, rows[i].rule);
        tear_down(&w);
    }
}

static void without_a_policy_a_guest_chosen_link_does_not_count(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    lk_policyset_free(w.set);
    w.set = lk_policyset_defaults();
    add_all(&w);
    judge(&w);
    expect(&w, LK_R_CHAIN_UNPINNED_WRITER, "default/safe-defaults/chip");
    tear_down(&w);
}

static void bundles_have_limits(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    add_policy(&w, PROD);
    judge(&w);
    expect(&w, LK_R_CHAIN_NO_ITEMS, NULL);
    add_all(&w);
    add(&w, "log", w.log, 8);
    judge(&w);
    expect(&w, LK_R_CHAIN_DUPLICATE_ITEM, NULL);
    w.n_items = 3;
    w.items[0].parts[0] = LK_BYTES_NONE;
    judge(&w);
    expect(&w, LK_R_CHAIN_MISSING_PART, "log");
    static uint8_t large[65];
    w.items[0].parts[0] = LK_BYTES(large);
    judge(&w);
    expect(&w, LK_R_CHAIN_PART_SIZE, "log");
    w.n_items = LK_CHAIN_ITEMS_MAX + 1;
    judge(&w);
    expect(&w, LK_R_CHAIN_TOO_MANY_ITEMS, NULL);
    tear_down(&w);
}

static void a_binding_of_32_bytes_fills_64_with_zeros(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    add_policy(&w, PROD);
    memset(w.board.binding + 32, 0, 32);
    add_all(&w);
    struct lk_chain_input in = {.policies = w.set, .at = w.at, .arena = w.arena, .items = w.items, .n_items = w.n_items,
                                .binding = lk_bytes(w.binding, 32)};
    assert_int_equal(lk_chain_appraise(&in, &w.out).code, LK_R_OK);
    expect(&w, LK_R_OK, NULL);
    judge(&w);
    expect(&w, LK_R_BINDING_MISMATCH, "binding");
    w.any_binding = true;
    judge(&w);
    expect(&w, LK_R_OK, NULL);
    tear_down(&w);
}

static void little_memory_is_unavailable_never_affirmed(void **state)
{
    (void)state;
    for (size_t cap = 64; cap < (64u << 10); cap = cap * 5 / 4) {
        struct world w;
        set_up(&w);
        add_policy(&w, PROD);
        add_all(&w);
        struct lk_arena *small = lk_arena_new(cap);
        struct lk_chain_input in = {.policies = w.set, .at = w.at, .arena = small, .items = w.items, .n_items = w.n_items,
                                    .binding = LK_BYTES(w.binding)};
        lk_result r = lk_chain_appraise(&in, &w.out);
        assert_true(lk_ok(r) ? w.out.cls == LK_CLASS_AFFIRMED : w.out.cls == LK_CLASS_UNAVAILABLE);
        lk_arena_free(small);
        tear_down(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_chain_passes),
        cmocka_unit_test(a_placeholder_in_the_name_is_expanded),
        cmocka_unit_test(each_departure_has_its_code_and_rule),
        cmocka_unit_test(nothing_is_read_below_failed_rules),
        cmocka_unit_test(a_link_through_guest_bytes_needs_a_pin),
        cmocka_unit_test(only_vmpl_0_writes_for_the_guest),
        cmocka_unit_test(a_second_root_passes_only_when_it_is_written_out),
        cmocka_unit_test(missing_unlisted_and_misplaced_items_are_refused),
        cmocka_unit_test(an_unlisted_item_that_nothing_vouches_for_is_not_ignored),
        cmocka_unit_test(the_alternative_that_got_furthest_is_told),
        cmocka_unit_test(any_alternative_is_enough),
        cmocka_unit_test(each_operator_holds_and_fails),
        cmocka_unit_test(an_absent_claim_is_not_genuine),
        cmocka_unit_test(records_tie_values_together),
        cmocka_unit_test(names_are_judged_by_the_policy_that_covers_them),
        cmocka_unit_test(without_a_policy_the_safe_defaults_hold),
        cmocka_unit_test(without_a_policy_a_guest_chosen_link_does_not_count),
        cmocka_unit_test(bundles_have_limits),
        cmocka_unit_test(a_binding_of_32_bytes_fills_64_with_zeros),
        cmocka_unit_test(little_memory_is_unavailable_never_affirmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
