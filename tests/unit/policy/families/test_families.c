/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy/families/test_families.h"
#include "proto/base/cursor.h"

#include <string.h>

int test_logs_read;

struct lk_item {
    struct test_board board;
    struct test_chip chip;
    struct lk_bytes log_digest, kernel, rest;
    struct lk_arena *arena;
};

/* Any codes of the right class do: the tests ask which rule failed by the finding's rule. */
#define SIGNATURE LK_R_SIGNATURE_INVALID
#define EXPIRED LK_R_CERT_EXPIRED
#define REFUSED LK_R_SECRET_POLICY

void test_board_put(const struct test_board *b, uint8_t out[static TEST_BOARD_LEN])
{
    uint8_t head[] = {'B', (uint8_t)b->root, b->vmpl, b->debug, b->product, b->svn, b->flags, b->tcb[0], b->tcb[1],
                      b->no_binding, b->no_serial};
    memcpy(out, head, sizeof(head));
    uint8_t *at = out + sizeof(head);
    memcpy(at, b->measurement, 4);
    memcpy(at + 4, b->key, 4);
    memcpy(at + 8, b->digest, 4);
    memcpy(at + 12, b->serial, 4);
    memcpy(at + 16, b->binding, 64);
    memcpy(at + 80, "end", 3);
}

void test_chip_put(const struct test_chip *c, uint8_t out[static TEST_CHIP_LEN])
{
    out[0] = (uint8_t)c->root;
    memcpy(out + 1, c->key, 4);
    memcpy(out + 5, c->pcr0, 4);
    memcpy(out + 9, c->pcr7, 4);
    memcpy(out + 13, c->log, 4);
    memcpy(out + 17, c->id, 4);
    memcpy(out + 21, c->binding, 32);
}

static lk_result new_item(const struct lk_family_input *in, struct lk_item **out)
{
    *out = LK_ARENA_NEW(in->arena, struct lk_item);
    LK_REQUIRE(*out != NULL, MEMORY);
    (*out)->arena = in->arena;
    return LK_OK;
}

static lk_result done(const struct lk_family_input *in, const struct lk_cursor *c, const char *item)
{
    lk_result r = lk_cursor_end(c);
    return lk_ok(r) ? r : lk_report_add(in->report, r.code, item, "", "", "");
}

static lk_result board_parse(const struct lk_family_input *in, struct lk_item **out)
{
    LK_TRY(new_item(in, out));
    struct test_board *b = &(*out)->board;
    struct lk_cursor c = lk_cursor(in->parts[0]);
    if (lk_u8(&c) != 'B')
        lk_cursor_fail(&c);
    b->root = (enum test_root)lk_u8(&c);
    uint8_t *fields[] = {&b->vmpl, &b->debug, &b->product, &b->svn, &b->flags, &b->tcb[0], &b->tcb[1], &b->no_binding, &b->no_serial};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        *fields[i] = lk_u8(&c);
    lk_copy(&c, b->measurement, 4);
    lk_copy(&c, b->key, 4);
    lk_copy(&c, b->digest, 4);
    lk_copy(&c, b->serial, 4);
    lk_copy(&c, b->binding, 64);
    (void)lk_take(&c, 3);
    return done(in, &c, "board");
}

static lk_result chip_parse(const struct lk_family_input *in, struct lk_item **out)
{
    LK_TRY(new_item(in, out));
    struct test_chip *t = &(*out)->chip;
    struct lk_cursor c = lk_cursor(in->parts[0]);
    t->root = (enum test_root)lk_u8(&c);
    lk_copy(&c, t->key, 4);
    lk_copy(&c, t->pcr0, 4);
    lk_copy(&c, t->pcr7, 4);
    lk_copy(&c, t->log, 4);
    lk_copy(&c, t->id, 4);
    lk_copy(&c, t->binding, 32);
    return done(in, &c, "chip");
}

static lk_result log_parse(const struct lk_family_input *in, struct lk_item **out)
{
    LK_TRY(new_item(in, out));
    struct lk_cursor c = lk_cursor(in->parts[0]);
    (*out)->log_digest = lk_take(&c, 4);
    (*out)->rest = lk_take(&c, 4);
    return done(in, &c, "log");
}

/* The part whose bytes are digest 4, text 4. */
static lk_result paper_parse(const struct lk_family_input *in, struct lk_item **out)
{
    return log_parse(in, out);
}

static lk_result rooted(const struct lk_family_input *in, enum test_root root, const char *item, struct lk_anchoring *how)
{
    if (root == TEST_FORGED)
        return lk_report_add(in->report, SIGNATURE, item, "", "", "");
    if (root == TEST_EXPIRED)
        return lk_report_add(in->report, EXPIRED, item, "", "", "");
    how->rooted = true;
    memcpy(how->anchor, "test root", 10);
    return LK_OK;
}

static lk_result linked(const struct lk_proofs *proofs, enum lk_proof_kind kind, struct lk_bytes value, struct lk_anchoring *how)
{
    for (size_t i = 0; i < proofs->n; i++)
        if (proofs->p[i].kind == kind && lk_bytes_eq(proofs->p[i].value, value)) {
            how->by = &proofs->p[i];
            return LK_OK;
        }
    return LK_FAIL(UNANCHORED);
}

static lk_result board_authenticate(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs,
                                    struct lk_anchoring *how)
{
    (void)proofs;
    return item->board.root == TEST_LINKED ? LK_FAIL(UNANCHORED) : rooted(in, item->board.root, "board", how);
}

static lk_result chip_authenticate(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs,
                                   struct lk_anchoring *how)
{
    if (item->chip.root != TEST_LINKED) {
        how->activated = true;
        memset(how->context, 0x5a, sizeof(how->context));
        return rooted(in, item->chip.root, "chip", how);
    }
    return linked(proofs, LK_PROOF_KEY, LK_BYTES(item->chip.key), how);
}

static lk_result log_authenticate(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs,
                                  struct lk_anchoring *how)
{
    (void)in;
    return linked(proofs, LK_PROOF_REGISTER, item->log_digest, how);
}

static lk_result paper_authenticate(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs,
                                    struct lk_anchoring *how)
{
    (void)in;
    return linked(proofs, LK_PROOF_DIGEST, item->log_digest, how);
}

static lk_result log_read(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs)
{
    (void)proofs;
    test_logs_read++;
    if (item->rest.data[0] == 0xee)
        return lk_report_add(in->report, LK_R_BAD_TEXT, "log", "kernel", "", "");
    item->kernel = item->rest;
    return LK_OK;
}

static const char *const products[] = {"milan", "genoa", NULL};
static const char *const parts[] = {"boot", "micro", NULL};

enum { B_MEASUREMENT, B_VMPL, B_DEBUG, B_PRODUCT, B_SVN, B_FLAGS, B_TCB, B_SERIAL, B_LABEL, B_NOTICES, B_FILES };
static const struct lk_claim board_claims[] = {
    {"measurement", LK_KIND_BYTES, NULL, REFUSED, "what runs", NULL, LK_CLAIM_PIN},
    {"vmpl", LK_KIND_UINT, "0", REFUSED, "level", NULL, 0},
    {"guest-policy.debug", LK_KIND_BOOL, "deny", REFUSED, "debugging", NULL, 0},
    {"product", LK_KIND_WORD, "skip", REFUSED, "product", products, 0},
    {"svn", LK_KIND_UINT, "at-least: 1", REFUSED, "version", NULL, 0},
    {"flags", LK_KIND_UINT, "skip", REFUSED, "bits", NULL, 0},
    {"reported-tcb", LK_KIND_VECTOR, "skip", REFUSED, "tcb", parts, 0},
    {"serial", LK_KIND_BYTES, "skip", REFUSED, "who", NULL, LK_CLAIM_PLACEHOLDER | LK_CLAIM_MACHINE},
    {"label", LK_KIND_TEXT, "skip", REFUSED, "text", NULL, 0},
    {"notices", LK_KIND_WORDS, "skip", REFUSED, "a list of words", NULL, 0},
    {"files", LK_KIND_FILES, "skip", REFUSED, "a list of files", NULL, 0},
};

/* Every board has these: two notices, and a file in each of three folders, of which one is signed. */
static const struct lk_member notices[] = {{.name = {(const uint8_t *)"SA-1", 4}}, {.name = {(const uint8_t *)"SA-2", 4}}};
const uint8_t test_digest_a[32] = {0xa}, test_digest_b[32] = {0xb}, test_digest_c[32] = {0xc};
const struct lk_member test_files[3] = {
    {{(const uint8_t *)"/usr/bin/a", 10}, 0x000b, {test_digest_a, 32}, NULL},
    {{(const uint8_t *)"/run/b", 6}, 0x000b, {test_digest_b, 32}, NULL},
    {{(const uint8_t *)"/opt/x/c", 8}, 0x000b, {test_digest_c, 32}, "vendor"},
};

static lk_result board_claim(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *v)
{
    const struct test_board *b = &item->board;
    struct lk_component *tcb = lk_arena_array(in->arena, 2, sizeof(*tcb));
    LK_REQUIRE(tcb != NULL, MEMORY);
    tcb[0] = (struct lk_component){"boot", b->tcb[0]};
    tcb[1] = (struct lk_component){"micro", b->tcb[1]};
    const char *product = products[b->product & 1];
    v[B_MEASUREMENT] = (struct lk_value){.kind = LK_KIND_BYTES, .present = true, .bytes = LK_BYTES(b->measurement)};
    v[B_VMPL] = (struct lk_value){.kind = LK_KIND_UINT, .present = true, .number = b->vmpl};
    v[B_DEBUG] = (struct lk_value){.kind = LK_KIND_BOOL, .present = true, .flag = b->debug != 0};
    v[B_PRODUCT] = (struct lk_value){.kind = LK_KIND_WORD, .present = true, .word = product};
    v[B_SVN] = (struct lk_value){.kind = LK_KIND_UINT, .present = true, .number = b->svn};
    v[B_FLAGS] = (struct lk_value){.kind = LK_KIND_UINT, .present = true, .number = b->flags};
    v[B_TCB] = (struct lk_value){.kind = LK_KIND_VECTOR, .present = true, .vector = {product, tcb, 2}};
    v[B_SERIAL] = (struct lk_value){.kind = LK_KIND_BYTES, .present = b->no_serial == 0, .bytes = LK_BYTES(b->serial)};
    v[B_NOTICES] = (struct lk_value){.kind = LK_KIND_WORDS, .present = true, .list = {notices, 2}};
    v[B_FILES] = (struct lk_value){.kind = LK_KIND_FILES, .present = true, .list = {test_files, 3}};
    v[B_LABEL] = (struct lk_value){.kind = LK_KIND_TEXT, .present = true, .word = "rack 7"};
    return LK_OK;
}

static void board_vouch(const struct lk_item *item, void (*put)(void *, const struct lk_proof *), void *to)
{
    const struct test_board *b = &item->board;
    put(to, &(struct lk_proof){.kind = LK_PROOF_KEY, .value = LK_BYTES(b->key), .guest_chosen = true});
    put(to, &(struct lk_proof){.kind = LK_PROOF_DIGEST, .value = LK_BYTES(b->digest)});
    if (b->no_binding == 0)
        put(to, &(struct lk_proof){.kind = LK_PROOF_BINDING, .value = LK_BYTES(b->binding)});
}

static const struct lk_claim chip_claims[] = {
    {"pcr", LK_KIND_REGISTERS, NULL, REFUSED, "registers", NULL, 0},
    {"id", LK_KIND_BYTES, "skip", REFUSED, "who", NULL, LK_CLAIM_PLACEHOLDER},
};

static lk_result chip_claim(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *v)
{
    struct lk_register *r = lk_arena_array(in->arena, 2, sizeof(*r));
    LK_REQUIRE(r != NULL, MEMORY);
    r[0] = (struct lk_register){0x000b, 0, LK_BYTES(item->chip.pcr0)};
    r[1] = (struct lk_register){0x000b, 7, LK_BYTES(item->chip.pcr7)};
    v[0] = (struct lk_value){.kind = LK_KIND_REGISTERS, .present = true, .registers = {r, 2}};
    v[1] = (struct lk_value){.kind = LK_KIND_BYTES, .present = true, .bytes = LK_BYTES(item->chip.id)};
    return LK_OK;
}

static void chip_vouch(const struct lk_item *item, void (*put)(void *, const struct lk_proof *), void *to)
{
    put(to, &(struct lk_proof){.kind = LK_PROOF_BINDING, .value = LK_BYTES(item->chip.binding)});
    put(to, &(struct lk_proof){.kind = LK_PROOF_REGISTER, .alg = 0x000b, .index = 9, .value = LK_BYTES(item->chip.log)});
}

static const struct lk_claim log_claims[] = {{"kernel", LK_KIND_BYTES, NULL, REFUSED, "kernel", NULL, LK_CLAIM_PCR(12)}};

static lk_result log_claim(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *v)
{
    (void)in;
    v[0] = (struct lk_value){.kind = LK_KIND_BYTES, .present = true, .bytes = item->kernel};
    return LK_OK;
}

static const struct lk_claim paper_claims[] = {{"text", LK_KIND_BYTES, "skip", REFUSED, "text", NULL, 0}};

static lk_result paper_claim(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *v)
{
    (void)in;
    v[0] = (struct lk_value){.kind = LK_KIND_BYTES, .present = true, .bytes = item->rest};
    return LK_OK;
}

#define N(a) (sizeof(a) / sizeof((a)[0]))
static const struct lk_part board_parts[] = {{"report", 128, true, "the report"}, {"note", 8, false, "nothing"}};
static const struct lk_part chip_parts[] = {{"quote", 128, true, "the quote"}};
static const struct lk_part log_parts[] = {{"log", 64, true, "the log"}};
static const struct lk_part paper_parts[] = {{"paper", 64, true, "the paper"}};

static const struct lk_family board = {
    .name = "board", .doc = "a board", .parts = board_parts, .n_parts = N(board_parts), .claims = board_claims, .n_claims = N(board_claims),
    .carries_binding = true, .parse = board_parse, .authenticate = board_authenticate, .claim = board_claim, .vouch = board_vouch,
};
static const struct lk_family chip = {
    .name = "chip", .doc = "a chip", .parts = chip_parts, .n_parts = N(chip_parts), .claims = chip_claims, .n_claims = N(chip_claims),
    .carries_binding = true, .parse = chip_parse, .authenticate = chip_authenticate, .claim = chip_claim, .vouch = chip_vouch,
};
static const struct lk_family log_family = {
    .name = "log", .doc = "a log", .parts = log_parts, .n_parts = N(log_parts), .claims = log_claims, .n_claims = N(log_claims),
    .pcrs = 1u << 9, .parse = log_parse, .authenticate = log_authenticate, .read_vouched = log_read, .claim = log_claim,
};
static const struct lk_family paper = {
    .name = "paper", .doc = "a paper", .parts = paper_parts, .n_parts = N(paper_parts), .claims = paper_claims, .n_claims = N(paper_claims),
    .parse = paper_parse, .authenticate = paper_authenticate, .claim = paper_claim,
};

static const struct lk_family *const all[] = {&board, &chip, &log_family, &paper};

const struct lk_family *const *lk_families(size_t *n)
{
    *n = N(all);
    return all;
}

const struct lk_family *lk_family_by_name(struct lk_bytes name)
{
    for (size_t i = 0; i < N(all); i++)
        if (lk_bytes_eq(lk_bytes_str(all[i]->name), name))
            return all[i];
    return NULL;
}
