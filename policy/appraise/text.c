/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/appraise/text.h"
#include "policy/appraise/lists.h"
#include "proto/base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* TCG Algorithm Registry, TPM_ALG_ID */
static const struct {
    const char *name;
    uint16_t alg;
    uint8_t size;
} banks[] = {{"sha1", 0x0004, 20}, {"sha256", 0x000b, 32}, {"sha384", 0x000c, 48}, {"sha512", 0x000d, 64}};

uint16_t lk_bank_by_name(struct lk_bytes name)
{
    for (size_t i = 0; i < sizeof(banks) / sizeof(banks[0]); i++)
        if (lk_bytes_eq(lk_bytes_str(banks[i].name), name))
            return banks[i].alg;
    return 0;
}

size_t lk_bank_size(uint16_t alg)
{
    for (size_t i = 0; i < sizeof(banks) / sizeof(banks[0]); i++)
        if (banks[i].alg == alg)
            return banks[i].size;
    return 0;
}

bool lk_policy_name_ok(const char *name)
{
    size_t n = strlen(name);
    return n >= 1 && n <= 64 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == n &&
           strchr("._-", name[0]) == NULL;
}

const char *lk_bank_name(uint16_t alg)
{
    for (size_t i = 0; i < sizeof(banks) / sizeof(banks[0]); i++)
        if (banks[i].alg == alg)
            return banks[i].name;
    return NULL;
}

const struct lk_claim *lk_claim_of(const struct lk_claim_ref *ref)
{
    return &ref->family->claims[ref->claim];
}

/* Decimal without sign and leading zeros, or 0x and hex. */
static bool parse_number(const char *text, uint64_t *out)
{
    bool hex = text[0] == '0' && text[1] == 'x';
    const char *digits = hex ? text + 2 : text;
    size_t n = strlen(digits);
    if (n == 0 || n > 20 || strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") != n)
        return false;
    if (!hex && n > 1 && digits[0] == '0')
        return false;
    if (hex ? n > 16 : (n == 20 && strcmp(digits, "18446744073709551615") > 0))
        return false;
    *out = strtoull(digits, NULL, hex ? 16 : 10);
    return true;
}

/* "sha256.7" */
static bool parse_register(const char *text, struct lk_claim_ref *ref)
{
    const char *dot = strchr(text, '.');
    uint64_t index = 0;
    if (dot == NULL || !parse_number(dot + 1, &index) || index > 255)
        return false;
    ref->alg = lk_bank_by_name(lk_bytes(text, (size_t)(dot - text)));
    ref->index = (uint32_t)index;
    return ref->alg != 0;
}

lk_result lk_claim_find(const struct lk_family *family, const char *name, struct lk_claim_ref *out)
{
    for (size_t i = 0; i < family->n_claims; i++) {
        const struct lk_claim *c = &family->claims[i];
        size_t n = strlen(c->name);
        *out = (struct lk_claim_ref){.family = family, .claim = i};
        if (strcmp(c->name, name) == 0)
            return LK_OK;
        bool addressed = c->kind == LK_KIND_REGISTERS && strncmp(c->name, name, n) == 0 && name[n] == '.';
        if (addressed && parse_register(name + n + 1, out))
            return LK_OK;
    }
    *out = (struct lk_claim_ref){.family = NULL};
    return LK_FAIL(POLICY_CLAIM);
}

static const char *own_word(const char *const *words, const char *text)
{
    for (; words != NULL && *words != NULL; words++)
        if (strcmp(*words, text) == 0)
            return *words;
    return NULL;
}

static lk_result parse_bytes(const char *text, struct lk_arena *arena, struct lk_value *out)
{
    size_t n = strlen(text);
    LK_REQUIRE(n > 0 && n <= 2048, POLICY_OPERAND);
    uint8_t *data = lk_arena_alloc(arena, n / 2 + 1);
    LK_REQUIRE(data != NULL, MEMORY);
    ptrdiff_t got = lk_unhex(text, n, data, n / 2 + 1);
    LK_REQUIRE(got > 0, POLICY_OPERAND);
    out->kind = LK_KIND_BYTES;
    out->bytes = lk_bytes(data, (size_t)got);
    return LK_OK;
}

static lk_result parse_flag(const char *text, struct lk_value *out)
{
    out->flag = strcmp(text, "required") == 0 || strcmp(text, "true") == 0;
    bool no = strcmp(text, "deny") == 0 || strcmp(text, "false") == 0;
    LK_REQUIRE(out->flag || no, POLICY_OPERAND);
    return LK_OK;
}

static lk_result one_member(struct lk_arena *arena, struct lk_member m, struct lk_value *out)
{
    struct lk_member *copy = LK_ARENA_NEW(arena, struct lk_member);
    LK_REQUIRE(copy != NULL, MEMORY);
    *copy = m;
    out->list.m = copy;
    out->list.n = 1;
    return LK_OK;
}

static lk_result parse_member_word(const char *text, struct lk_arena *arena, struct lk_value *out)
{
    size_t n = strlen(text);
    LK_REQUIRE(n > 0 && n <= 64 && lk_text_prints(lk_bytes_str(text)), POLICY_OPERAND);
    const char *copy = lk_arena_str(arena, text, n);
    LK_REQUIRE(copy != NULL, MEMORY);
    return one_member(arena, (struct lk_member){.name = lk_bytes_str(copy)}, out);
}

/* "sha256:HEX", "verity:sha256:HEX", either with " PATH" behind it. */
static lk_result parse_file(const char *text, struct lk_arena *arena, struct lk_value *out)
{
    struct lk_member m = {.name = LK_BYTES_NONE};
    bool verity = strncmp(text, "verity:", 7) == 0;
    const char *name = verity ? text + 7 : text, *colon = strchr(name, ':');
    LK_REQUIRE(colon != NULL, POLICY_OPERAND);
    uint16_t alg = lk_bank_by_name(lk_bytes(name, (size_t)(colon - name)));
    size_t size = lk_bank_size(alg), hex = strcspn(colon + 1, " ");
    uint8_t *digest = lk_arena_alloc(arena, size);
    LK_REQUIRE(digest != NULL, MEMORY);
    LK_REQUIRE(size > 0 && lk_unhex(colon + 1, hex, digest, size) == (ptrdiff_t)size, POLICY_OPERAND);
    m.alg = (uint16_t)(alg | (verity ? LK_DIGEST_VERITY : 0));
    m.digest = lk_bytes(digest, size);
    const char *path = colon + 1 + hex;
    if (*path != '\0') {
        size_t n = strlen(path + 1);
        const char *copy = lk_arena_str(arena, path + 1, n);
        LK_REQUIRE(copy != NULL, MEMORY);
        LK_REQUIRE(n > 0 && n <= 1024, POLICY_OPERAND);
        m.name = lk_bytes(copy, n);
    }
    return one_member(arena, m, out);
}

lk_result lk_value_parse(const struct lk_claim *claim, const char *text, struct lk_arena *arena, struct lk_value *out)
{
    *out = (struct lk_value){.kind = claim->kind, .present = true};
    switch (claim->kind) {
    case LK_KIND_BOOL:
        return parse_flag(text, out);
    case LK_KIND_UINT:
        return parse_number(text, &out->number) ? LK_OK : LK_FAIL(POLICY_OPERAND);
    case LK_KIND_BYTES:
    case LK_KIND_REGISTERS:
        return parse_bytes(text, arena, out);
    case LK_KIND_WORD:
        out->word = own_word(claim->words, text);
        return out->word != NULL ? LK_OK : LK_FAIL(POLICY_OPERAND);
    case LK_KIND_TEXT:
        out->word = lk_arena_str(arena, text, strlen(text));
        return out->word != NULL ? LK_OK : LK_FAIL(MEMORY);
    case LK_KIND_WORDS:
        return parse_member_word(text, arena, out);
    case LK_KIND_FILES:
        return parse_file(text, arena, out);
    case LK_KIND_VECTOR:
        break;
    }
    return LK_FAIL(POLICY_OPERAND);
}

void lk_value_form(const struct lk_claim *claim, struct lk_buf *out)
{
    static const char *const forms[] = {
        [LK_KIND_BOOL] = "required or deny", [LK_KIND_UINT] = "a number",
        [LK_KIND_BYTES] = "hex",             [LK_KIND_WORD] = "one of",
        [LK_KIND_TEXT] = "text",             [LK_KIND_VECTOR] = "{selector: {part: number}} with parts",
        [LK_KIND_REGISTERS] = "hex",         [LK_KIND_WORDS] = "a word",
        [LK_KIND_FILES] = "sha256:HEX, or sha256:HEX and a path",
    };
    lk_put_fmt(out, "%s", forms[claim->kind]);
    for (size_t i = 0; claim->words != NULL && claim->words[i] != NULL; i++)
        lk_put_fmt(out, "%s%s", i == 0 ? " " : ", ", claim->words[i]);
}

static void put_hex(struct lk_buf *out, struct lk_bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        lk_put_fmt(out, "%02x", b.data[i]);
}

static void put_vector(struct lk_buf *out, const struct lk_value *v)
{
    lk_put_fmt(out, "%s", v->vector.selector == NULL ? "" : v->vector.selector);
    for (size_t i = 0; i < v->vector.n; i++)
        lk_put_fmt(out, " %s=%" PRIu64, v->vector.parts[i].name, v->vector.parts[i].value);
}

static void put_registers(struct lk_buf *out, const struct lk_value *v)
{
    for (size_t i = 0; i < v->registers.n; i++) {
        const struct lk_register *r = &v->registers.r[i];
        const char *bank = lk_bank_name(r->alg);
        lk_put_fmt(out, "%s%s:%" PRIu32 "=", i == 0 ? "" : " ", bank == NULL ? "?" : bank, r->index);
        put_hex(out, r->digest);
    }
}

static void put_list(struct lk_buf *out, const struct lk_value *v)
{
    for (size_t i = 0; i < v->list.n; i++) {
        lk_put_fmt(out, "%s", i == 0 ? "" : ", ");
        lk_member_put(out, &v->list.m[i]);
    }
}

void lk_value_put(struct lk_buf *out, const struct lk_value *v)
{
    if (!v->present) {
        lk_put_fmt(out, "absent");
        return;
    }
    switch (v->kind) {
    case LK_KIND_BOOL:
        lk_put_fmt(out, "%s", v->flag ? "true" : "false");
        return;
    case LK_KIND_UINT:
        lk_put_fmt(out, "%" PRIu64, v->number);
        return;
    case LK_KIND_BYTES:
        put_hex(out, v->bytes);
        return;
    case LK_KIND_WORD:
    case LK_KIND_TEXT:
        lk_put_fmt(out, "%s", v->word);
        return;
    case LK_KIND_VECTOR:
        put_vector(out, v);
        return;
    case LK_KIND_REGISTERS:
        put_registers(out, v);
        return;
    case LK_KIND_WORDS:
    case LK_KIND_FILES:
        put_list(out, v);
        return;
    }
}

const char *lk_buf_text(const struct lk_buf *b, char out[static LK_FINDING_TEXT + 1])
{
    size_t n = b->len < LK_FINDING_TEXT ? b->len : LK_FINDING_TEXT;
    if (n > 0)
        memcpy(out, b->data, n);
    out[n] = '\0';
    return out;
}

#define CUT "..."
#define CUT_LEN (sizeof(CUT) - 1)
#define BEFORE 24 /* bytes that are shown before the difference */

static void cut_text(const struct lk_buf *b, size_t from, char out[static LK_FINDING_TEXT + 1])
{
    if (b->len <= LK_FINDING_TEXT) {
        lk_buf_text(b, out);
        return;
    }
    size_t head = from > 0 ? CUT_LEN : 0, n = b->len - from;
    bool more = n > LK_FINDING_TEXT - head;
    if (more)
        n = LK_FINDING_TEXT - head - CUT_LEN;
    memcpy(out, CUT, head);
    memcpy(out + head, b->data + from, n);
    memcpy(out + head + n, CUT, more ? CUT_LEN : 0);
    out[head + n + (more ? CUT_LEN : 0)] = '\0';
}

void lk_texts_fit(const struct lk_buf *want, const struct lk_buf *got, char expected[static LK_FINDING_TEXT + 1],
                  char actual[static LK_FINDING_TEXT + 1])
{
    size_t common = 0;
    while (common < want->len && common < got->len && want->data[common] == got->data[common])
        common++;
    size_t from = common > BEFORE ? common - BEFORE : 0;
    cut_text(want, from, expected);
    cut_text(got, from, actual);
}

struct lk_value lk_value_at(const struct lk_value *values, const struct lk_claim_ref *ref)
{
    struct lk_value v = values[ref->claim];
    if (ref->alg == 0 || !v.present)
        return v;
    struct lk_value one = {.kind = LK_KIND_BYTES, .present = false};
    for (size_t i = 0; i < v.registers.n; i++) {
        const struct lk_register *r = &v.registers.r[i];
        if (r->alg == ref->alg && r->index == ref->index) {
            one.present = true;
            one.bytes = r->digest;
        }
    }
    return one;
}

static bool vector_eq(const struct lk_value *a, const struct lk_value *b)
{
    if (strcmp(a->vector.selector, b->vector.selector) != 0 || a->vector.n != b->vector.n)
        return false;
    for (size_t i = 0; i < a->vector.n; i++)
        if (a->vector.parts[i].value != b->vector.parts[i].value ||
            strcmp(a->vector.parts[i].name, b->vector.parts[i].name) != 0)
            return false;
    return true;
}

bool lk_value_eq(const struct lk_value *a, const struct lk_value *b)
{
    if (a->kind != b->kind || !a->present || !b->present)
        return false;
    switch (a->kind) {
    case LK_KIND_BOOL:
        return a->flag == b->flag;
    case LK_KIND_UINT:
        return a->number == b->number;
    case LK_KIND_BYTES:
        return lk_bytes_eq(a->bytes, b->bytes);
    case LK_KIND_WORD:
    case LK_KIND_TEXT:
        return strcmp(a->word, b->word) == 0;
    case LK_KIND_VECTOR:
        return vector_eq(a, b);
    case LK_KIND_REGISTERS:
    case LK_KIND_WORDS:
    case LK_KIND_FILES:
        return false; /* compared one by one */
    }
    return false;
}

static const char *const op_words[LK_OP_COUNT] = {
    [LK_OP_EQUALS] = "equals",   [LK_OP_IN] = "in",           [LK_OP_NOT_IN] = "not-in",
    [LK_OP_AT_LEAST] = "at-least", [LK_OP_AT_MOST] = "at-most", [LK_OP_ALL_SET] = "all-set",
    [LK_OP_NONE_SET] = "none-set", [LK_OP_SKIP] = "skip",       [LK_OP_ANY_GENUINE] = "any-genuine",
    [LK_OP_IN_SET] = "in-set",
};

enum lk_op lk_op_by_word(const char *word)
{
    for (int i = 1; i < LK_OP_COUNT; i++)
        if (strcmp(op_words[i], word) == 0)
            return (enum lk_op)i;
    return (enum lk_op)0;
}

const char *lk_op_word(enum lk_op op)
{
    return op > 0 && op < LK_OP_COUNT ? op_words[op] : "?";
}

bool lk_op_fits(enum lk_op op, enum lk_kind kind, bool one_register)
{
#define BIT(x) (1u << LK_OP_##x)
    static const unsigned always = BIT(SKIP) | BIT(ANY_GENUINE), sets = BIT(EQUALS) | BIT(IN) | BIT(NOT_IN) | BIT(IN_SET);
    static const unsigned fits[] = {
        [LK_KIND_BOOL] = BIT(EQUALS),
        [LK_KIND_UINT] = BIT(EQUALS) | BIT(IN) | BIT(NOT_IN) | BIT(AT_LEAST) | BIT(AT_MOST) | BIT(ALL_SET) | BIT(NONE_SET),
        [LK_KIND_BYTES] = BIT(EQUALS) | BIT(IN) | BIT(NOT_IN) | BIT(IN_SET),
        [LK_KIND_WORD] = BIT(EQUALS) | BIT(IN) | BIT(NOT_IN),
        [LK_KIND_TEXT] = BIT(EQUALS) | BIT(IN) | BIT(NOT_IN) | BIT(IN_SET),
        [LK_KIND_VECTOR] = BIT(EQUALS) | BIT(IN) | BIT(AT_LEAST) | BIT(AT_MOST),
        [LK_KIND_REGISTERS] = 0,
        [LK_KIND_WORDS] = BIT(IN) | BIT(NOT_IN),
        [LK_KIND_FILES] = BIT(IN) | BIT(NOT_IN) | BIT(IN_SET),
    };
#undef BIT
    if (op <= 0 || op >= LK_OP_COUNT)
        return false;
    unsigned allowed = always | (one_register ? sets : fits[kind]);
    return (allowed >> op & 1) != 0;
}
