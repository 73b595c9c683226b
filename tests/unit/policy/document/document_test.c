/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: each error with its code, line and column; what is compiled renders to what compiles to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "policy/document/document.h"

static struct lk_document_errors errors;

#define HEAD "schema: latchkey-policy/1\npolicy: prod\n"
#define CHAIN "accept:\n- name: one\n  chain: [board, chip]\n" /* lines 3 to 5 */
#define BOARD "  board: {measurement: aabb}\n"
#define LISTED(rule) "  board: {measurement: aabb, files: " rule "}\n"
#define CHIP "  chip:\n    pcrs: {sha256: {7: '0102'}}\n"

struct fault {
    const char *yaml;
    enum lk_reason_code code;
    int line, column;
};

static const struct fault faults[] = {
    {HEAD CHAIN BOARD CHIP, LK_R_OK, 0, 0},
    {HEAD "accept: [", LK_R_POLICY_SYNTAX, 4, 1},
    {"", LK_R_POLICY_SYNTAX, 0, 0},
    {HEAD "%YAML 1.2\n" CHAIN BOARD CHIP, LK_R_POLICY_SYNTAX, 3, 1},
    {"% \x87\xf5", LK_R_POLICY_SYNTAX, 1, 1},
    {HEAD CHAIN BOARD CHIP "# \xff\n", LK_R_POLICY_SYNTAX, 1, 1},
    {"[1, 2]", LK_R_POLICY_VALUE, 1, 1},
    {"schema: latchkey-policy/2\npolicy: prod\n" CHAIN BOARD CHIP, LK_R_POLICY_SCHEMA, 1, 9},
    {"policy: prod\n" CHAIN BOARD CHIP, LK_R_POLICY_FIELD, 1, 1},
    {HEAD "relases: [x]\n" CHAIN BOARD CHIP, LK_R_POLICY_FIELD, 3, 1},
    {HEAD HEAD CHAIN BOARD CHIP, LK_R_POLICY_SYNTAX, 3, 0},
    {HEAD CHAIN BOARD CHIP "  tdx: {}\n", LK_R_POLICY_FAMILY, 9, 8},
    {HEAD CHAIN BOARD CHIP "  paper: {}\n", LK_R_POLICY_FAMILY, 9, 10},
    {HEAD CHAIN "  board: {measurment: aabb}\n" CHIP, LK_R_POLICY_CLAIM, 6, 11},
    {HEAD CHAIN "  board: {measurement: aabb, guest-policy: {debgu: deny}}\n" CHIP, LK_R_POLICY_CLAIM, 6, 45},
    {HEAD CHAIN "  board: {measurement: aab}\n" CHIP, LK_R_POLICY_OPERAND, 6, 24},
    {HEAD CHAIN "  board: {measurement: aabb, vmpl: zero}\n" CHIP, LK_R_POLICY_OPERAND, 6, 36},
    {HEAD CHAIN "  board: {measurement: aabb, vmpl: -1}\n" CHIP, LK_R_POLICY_OPERAND, 6, 36},
    {HEAD CHAIN "  board: {measurement: aabb, product: rome}\n" CHIP, LK_R_POLICY_OPERAND, 6, 39},
    {HEAD CHAIN "  board: {measurement: aabb, guest-policy: {debug: no}}\n" CHIP, LK_R_POLICY_OPERAND, 6, 52},
    {HEAD CHAIN "  board: {measurement: aabb, tcb-floor: {genoa: {bot: 1}}}\n" CHIP, LK_R_POLICY_OPERAND, 6, 30},
    {HEAD CHAIN "  board: {measurement: aabb, tcb-floor: 7}\n" CHIP, LK_R_POLICY_OPERAND, 6, 41},
    {HEAD CHAIN "  board: {measurement: {at-least: aabb}}\n" CHIP, LK_R_POLICY_OPERATOR, 6, 11},
    {HEAD CHAIN BOARD "  chip:\n    pcrs: {sha256: {7: 'zz'}}\n", LK_R_POLICY_OPERAND, 8, 25},
    {HEAD CHAIN BOARD "  chip:\n    pcrs: {md5: {7: '00'}}\n", LK_R_POLICY_CLAIM, 8, 18},
    {HEAD CHAIN LISTED("none") CHIP, LK_R_OK, 0, 0},
    {HEAD CHAIN LISTED("[]") CHIP, LK_R_OK, 0, 0},
    {HEAD CHAIN LISTED("{in-set: a, exclude: [/run/**], signed-by: {v: ['/**'], v/.ima: [/a]}}") CHIP, LK_R_OK, 0, 0},
    {HEAD CHAIN LISTED("{in-set: a, in: []}") CHIP, LK_R_POLICY_OPERATOR, 6, 53},
    {HEAD CHAIN LISTED("{at-least: a}") CHIP, LK_R_POLICY_OPERAND, 6, 48},
    {HEAD CHAIN LISTED("{inset: a}") CHIP, LK_R_POLICY_OPERATOR, 6, 45},
    {HEAD CHAIN LISTED("{in-set: []}") CHIP, LK_R_POLICY_OPERATOR, 6, 30},
    {HEAD CHAIN LISTED("[/usr/bin/a]") CHIP, LK_R_POLICY_OPERAND, 6, 38},
    {HEAD CHAIN LISTED("['sha256:00']") CHIP, LK_R_POLICY_OPERAND, 6, 39},
    {HEAD CHAIN LISTED("{in-set: a, exclude: ['/**']}") CHIP, LK_R_POLICY_GLOB, 6, 30},
    {HEAD CHAIN LISTED("{in-set: a, exclude: ['/a\\']}") CHIP, LK_R_POLICY_GLOB, 6, 30},
    {HEAD CHAIN LISTED("{not-in: [], exclude: [/run/**]}") CHIP, LK_R_POLICY_OPERATOR, 6, 30},
    {HEAD CHAIN LISTED("{skip: {because: test}, exclude: [/run/**]}") CHIP, LK_R_POLICY_OPERATOR, 6, 30},
    {HEAD CHAIN LISTED("{skip: {because: ''}}") CHIP, LK_R_POLICY_BECAUSE, 6, 30},
    {HEAD CHAIN LISTED("{signed-by: {v: []}}") CHIP, LK_R_POLICY_VALUE, 6, 30},
    {HEAD CHAIN LISTED("{signed-by: {V: [/a]}}") CHIP, LK_R_POLICY_NAME, 6, 30},
    {HEAD CHAIN LISTED("{signed-by: {v/: [/a]}}") CHIP, LK_R_POLICY_NAME, 6, 30},
    {HEAD CHAIN "  board: {measurement: aabb, notices: {in: [SA-1], exclude: [SA-*]}}\n" CHIP, LK_R_POLICY_OPERATOR, 6, 30},
    {HEAD CHAIN "  board: {measurement: aabb, notices: {in-set: a}}\n" CHIP, LK_R_POLICY_OPERATOR, 6, 30},
    {HEAD CHAIN BOARD, LK_R_POLICY_OPEN_CLAIM, 4, 3},
    {HEAD CHAIN BOARD "  chip: {}\n", LK_R_POLICY_OPEN_CLAIM, 7, 9},
    {HEAD CHAIN BOARD "  chip: {pcr: skip}\n", LK_R_POLICY_BECAUSE, 7, 10},
    {HEAD CHAIN BOARD "  chip: {pcr: {skip: {because: ''}}}\n", LK_R_POLICY_BECAUSE, 7, 10},
    {HEAD CHAIN BOARD "  chip: {pcr: {skip: {because: test}}}\n", LK_R_OK, 0, 0},
    {HEAD CHAIN "  board: {measurement: {any-genuine: {because: test}}}\n" CHIP, LK_R_POLICY_UNPINNED, 6, 10},
    {HEAD CHAIN "  board: {measurement: aabb, vmpl: 1}\n" CHIP, LK_R_POLICY_UNPINNED, 6, 10},
    {HEAD "releases: ['a/{board.serial}', 'a//b']\n" CHAIN BOARD CHIP, LK_R_POLICY_PATTERN, 3, 33},
    {HEAD "releases: ['a/*']\n" CHAIN BOARD CHIP, LK_R_POLICY_FLEET_WIDE, 3, 13},
    {HEAD "releases: ['a/*']\nfleet-wide: {because: test}\n" CHAIN BOARD CHIP, LK_R_OK, 0, 0},
    {HEAD "fleet-wide: yes\n" CHAIN BOARD CHIP, LK_R_POLICY_BECAUSE, 3, 13},
    {HEAD "releases: ['a/{board.vmpl}']\n" CHAIN BOARD CHIP, LK_R_POLICY_PLACEHOLDER, 3, 13},
    {HEAD "kek: gold\n" CHAIN BOARD CHIP, LK_R_POLICY_VALUE, 3, 6},
    {HEAD "explain-to-guest: maybe\n" CHAIN BOARD CHIP, LK_R_POLICY_VALUE, 3, 19},
    {HEAD "budget: 0\n" CHAIN BOARD CHIP, LK_R_POLICY_VALUE, 3, 9},
    {HEAD "releases: ['a/{board.serial}/x']\ncreate-on-first-use: {bytes: 32}\n" CHAIN BOARD CHIP, LK_R_OK, 0, 0},
    {HEAD "create-on-first-use: {per-day: 3}\n" CHAIN BOARD CHIP, LK_R_POLICY_FIELD, 3, 22},
    {HEAD "create-on-first-use: {bytes: many}\n" CHAIN BOARD CHIP, LK_R_POLICY_VALUE, 3, 30},
    {HEAD "create-on-first-use: {bytes: 15}\n" CHAIN BOARD CHIP, LK_R_POLICY_VALUE, 3, 22},
    {HEAD "create-on-first-use: {bytes: 4097}\n" CHAIN BOARD CHIP, LK_R_POLICY_VALUE, 3, 22},
    {HEAD "create-on-first-use: {bytes: 32, per-day: 0}\n" CHAIN BOARD CHIP, LK_R_POLICY_VALUE, 3, 22},
    {HEAD "create-on-first-use: {bytes: 32, per-day: 1000001}\n" CHAIN BOARD CHIP, LK_R_POLICY_VALUE, 3, 22},
    {HEAD "create-on-first-use: {bytes: 32}\nreleases: ['a/{board.serial}', 'b']\n" CHAIN BOARD CHIP, LK_R_POLICY_CREATE, 3, 22},
    {"schema: latchkey-policy/1\npolicy: Prod\n" CHAIN BOARD CHIP, LK_R_POLICY_NAME, 1, 1},
    {HEAD "accept:\n- name: one\n  chain: [board, tdx]\n" BOARD, LK_R_POLICY_FAMILY, 5, 10},
    {HEAD CHAIN "  separately-rooted: {family: chip}\n" BOARD CHIP, LK_R_POLICY_FIELD, 6, 22},
    {HEAD CHAIN "  board: &b {measurement: aabb}\n  chip: *b\n", LK_R_POLICY_VALUE, 7, 10},
};

static void each_fault_has_its_code_and_place(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        const struct fault *f = &faults[i];
        LK_BUF_AUTO message = lk_buf(LK_DOCUMENT_MAX);
        lk_result r = lk_document_policy(lk_bytes_str(f->yaml), &message, &errors);
        const struct lk_document_error *e = &errors.e[0];
        bool placed = f->code == LK_R_OK || ((f->line == 0 || e->line == f->line) && (f->column == 0 || e->column == f->column));
        if (r.code != f->code || !placed) {
            print_error("row %zu: %s at %d:%d: %s\n%s", i, lk_reason(r.code)->name, e->line, e->column, e->text, f->yaml);
            wrong++;
        }
        assert_int_equal(message.len > 0, r.code == LK_R_OK);
    }
    assert_int_equal(wrong, 0);
}

static void all_errors_are_told_at_once(void **state)
{
    (void)state;
    LK_BUF_AUTO message = lk_buf(LK_DOCUMENT_MAX);
    lk_result r = lk_document_policy(
        lk_bytes_str(HEAD CHAIN "  board: {measurement: aab, vmpl: x, what: 1}\n" CHIP), &message, &errors);
    assert_int_equal(r.code, LK_R_POLICY_OPERAND);
    assert_int_equal(errors.n, 3);
    assert_int_equal(errors.e[2].code, LK_R_POLICY_CLAIM);
}

static const char everything[] =
    "schema: latchkey-policy/1\npolicy: prod-disk.keys_1\nreleases: ['tenant-a/disk/{board.serial}', 'x/{board.serial}']\n"
    "fleet-wide: {because: 'a \"quoted\" \\ reason'}\nkek: in-token\nexplain-to-guest: true\nbudget: 12\n"
    "create-on-first-use: {bytes: 32, per-day: 7}\n"
    "accept:\n"
    "- name: first\n  chain: [board, chip, log, paper]\n  separately-rooted: {family: chip, because: two machines}\n"
    "  reference: [fw, kernels]\n"
    "  board:\n"
    "    measurement: [aabb, CCDD]\n    vmpl: 0\n    guest-policy: {debug: allow}\n    product: {not-in: [milan]}\n"
    "    svn: {at-least: 0x10}\n    flags: {none-set: 3}\n    tcb-floor: {genoa: {boot: 1, micro: 2}, milan: {micro: 3}}\n"
    "    serial: {in-set: serials}\n    label: 'rack: 7'\n    notices: {not-in: [SA-9]}\n"
    "    files: {in-set: [a, b], exclude: [/run/**, '\\*'], signed-by: {v: ['/**'], v/.ima: [/a, /b]}}\n"
    "  chip:\n    pcrs: {sha256: {0: '01', 7: ['02', '03']}, sha384: {1: '04'}}\n    id: {any-genuine: {because: test}}\n"
    "  log: {kernel: {skip: {because: test}}}\n"
    "- name: second\n  chain: [board]\n  board: {measurement: aabb}\n";

static void what_is_rendered_compiles_to_the_same_bytes(void **state)
{
    (void)state;
    LK_BUF_AUTO first = lk_buf(LK_DOCUMENT_MAX), again = lk_buf(LK_DOCUMENT_MAX), text = lk_buf(LK_DOCUMENT_MAX);
    lk_result r = lk_document_policy(lk_bytes_str(everything), &first, &errors);
    if (!lk_ok(r))
        fail_msg("%d:%d: %s", errors.e[0].line, errors.e[0].column, errors.e[0].text);
    assert_int_equal(lk_document_render_policy(lk_buf_bytes(&first), &text).code, LK_R_OK);
    r = lk_document_policy(lk_buf_bytes(&text), &again, &errors);
    if (!lk_ok(r))
        fail_msg("%d:%d: %s\n%.*s", errors.e[0].line, errors.e[0].column, errors.e[0].text, (int)text.len,
                 (const char *)text.data);
    assert_true(lk_bytes_eq(lk_buf_bytes(&first), lk_buf_bytes(&again)));
}

struct kept {
    char ids[8][65];
    size_t n;
    struct lk_buf last;
};

static lk_result keep(void *context, const char *id, struct lk_bytes message)
{
    struct kept *k = context;
    snprintf(k->ids[k->n++], sizeof(k->ids[0]), "%s", id);
    lk_buf_free(&k->last);
    k->last = lk_buf(LK_DOCUMENT_MAX);
    lk_put(&k->last, message);
    return lk_buf_ok(&k->last);
}

#define RECORD "schema: latchkey-reference/1\nid: r1\ngroup: fw\nstate: active\n"

static void reference_faults_have_their_code_and_place(void **state)
{
    (void)state;
    static const struct fault rows[] = {
        {RECORD "match: {board.measurement: aabb}\n", LK_R_OK, 0, 0},
        {RECORD "match: {board: {measurement: [aabb, '01'], vmpl: 0}, chip: {pcrs: {sha256: {7: '01'}}}}\n", LK_R_OK, 0, 0},
        {RECORD "match: {}\n", LK_R_POLICY_FIELD, 1, 1},
        {RECORD, LK_R_POLICY_FIELD, 1, 1},
        {RECORD "match: {tdx.mrtd: aabb}\n", LK_R_POLICY_FAMILY, 5, 19},
        {RECORD "match: {board.measurment: aabb}\n", LK_R_POLICY_CLAIM, 5, 27},
        {RECORD "match: {board.measurement: xx}\n", LK_R_POLICY_OPERAND, 5, 28},
        {RECORD "match: {board.svn: {at-least: 1}}\n", LK_R_POLICY_OPERATOR, 5, 20},
        {RECORD "match: {board.notices: [SA-1]}\n", LK_R_POLICY_OPERATOR, 5, 24},
        {RECORD "match: {board.vmpl: 0}\nvalid: {from: yesterday}\n", LK_R_POLICY_VALUE, 6, 15},
        {RECORD "match: {board.vmpl: 0}\nvalid: {from: '2026-01-02T00:00:00Z', until: '2026-01-01T00:00:00Z'}\n",
         LK_R_POLICY_VALUE, 1, 1},
        {"schema: latchkey-reference/1\nid: r1\ngroup: fw\nstate: live\nmatch: {board.vmpl: 0}\n", LK_R_POLICY_VALUE, 4, 8},
        {"- {schema: latchkey-reference/1, id: r1, group: g, state: active, match: {board.vmpl: 0}}\n"
         "- {schema: latchkey-reference/1, id: r1, group: g, state: active, match: {board.vmpl: 0}}\n",
         LK_R_POLICY_DUPLICATE, 1, 3},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct kept k = {.n = 0};
        lk_result r = lk_document_references(lk_bytes_str(rows[i].yaml), keep, &k, &errors);
        const struct lk_document_error *e = &errors.e[0];
        bool placed = rows[i].code == LK_R_OK || ((rows[i].line == 0 || e->line == rows[i].line) &&
                                                  (rows[i].column == 0 || e->column == rows[i].column));
        if (r.code != rows[i].code || !placed)
            fail_msg("row %zu: %s at %d:%d: %s", i, lk_reason(r.code)->name, e->line, e->column, e->text);
        assert_int_equal(k.n, rows[i].code == LK_R_OK ? 1 : 0);
        lk_buf_free(&k.last);
    }
}

static void a_reference_renders_to_what_compiles_to_it(void **state)
{
    (void)state;
    struct kept first = {.n = 0}, again = {.n = 0};
    LK_BUF_AUTO text = lk_buf(LK_DOCUMENT_MAX);
    static const char yaml[] = RECORD "match: {board: {measurement: [aabb, '01'], tcb-floor: {genoa: {boot: 1}}}}\n";
    lk_result r = lk_document_references(lk_bytes_str(yaml), keep, &first, &errors);
    assert_int_equal(r.code, LK_R_POLICY_OPERATOR); /* a floor is no value */
    static const char good[] = RECORD "match: {board: {measurement: [aabb, '01'], reported-tcb: {genoa: {boot: 1}}, guest-policy.debug: deny}}\n"
                                      "from: build 7\napproved-by: a 'person'\nvalid: {until: '2027-01-01T00:00:00Z'}\n";
    assert_int_equal(lk_document_references(lk_bytes_str(good), keep, &first, &errors).code, LK_R_OK);
    assert_int_equal(lk_document_render_reference(lk_buf_bytes(&first.last), &text).code, LK_R_OK);
    assert_int_equal(lk_document_references(lk_buf_bytes(&text), keep, &again, &errors).code, LK_R_OK);
    assert_true(lk_bytes_eq(lk_buf_bytes(&first.last), lk_buf_bytes(&again.last)));
    lk_buf_free(&first.last);
    lk_buf_free(&again.last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_has_its_code_and_place),
        cmocka_unit_test(all_errors_are_told_at_once),
        cmocka_unit_test(what_is_rendered_compiles_to_the_same_bytes),
        cmocka_unit_test(reference_faults_have_their_code_and_place),
        cmocka_unit_test(a_reference_renders_to_what_compiles_to_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
