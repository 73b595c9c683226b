/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/fetch/say.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool as_json;

void lk_say_setup(bool json)
{
    as_json = json;
}

/* A JSON string (RFC 8259, 7), also fit for a terminal: everything but printable ASCII is escaped. */
static void put_string(struct lk_buf *b, const char *text)
{
    lk_put_u8(b, '"');
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\')
            lk_put_fmt(b, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            lk_put_fmt(b, "\\u%04x", c);
        else
            lk_put_u8(b, c); /* UTF-8 goes through as it is */
    }
    lk_put_u8(b, '"');
}

static void put_member(struct lk_buf *b, const char *name, const char *text)
{
    lk_put_fmt(b, ",\"%s\":", name);
    put_string(b, text);
}

/* One line, at once, so that lines of several programs do not mix. */
static void write_line(struct lk_buf *b)
{
    lk_put_u8(b, '\n');
    if (lk_ok(lk_buf_ok(b)))
        fwrite(b->data, 1, b->len, stderr);
    fflush(stderr);
}

static void outcome_json(struct lk_buf *b, const struct lk_fetch_outcome *o, const char *broker, int64_t again_ms)
{
    lk_put_fmt(b, "{\"event\":\"%s\"", o->cls == LK_CLASS_AFFIRMED ? "done" : "failed");
    put_member(b, "broker", broker);
    put_member(b, "class", lk_class_name(o->cls));
    put_member(b, "code", o->code);
    put_member(b, "item", o->item);
    put_member(b, "decision", o->decision_id);
    put_member(b, "message", o->message);
    put_member(b, "rule", o->rule);
    put_member(b, "expected", o->expected);
    put_member(b, "actual", o->actual);
    lk_put_fmt(b, ",\"signed\":%s,\"exit\":%d", o->is_signed ? "true" : "false", lk_fetch_exit(o));
    if (again_ms >= 0)
        lk_put_fmt(b, ",\"again_ms\":%" PRId64, again_ms);
    lk_put_u8(b, '}');
}

static void outcome_text(struct lk_buf *b, const struct lk_fetch_outcome *o, const char *broker, int64_t again_ms)
{
    lk_put_fmt(b, "latchkey-fetch: %s: %s %s: %s", broker, lk_class_name(o->cls), o->code, o->message);
    if (o->rule[0] != '\0')
        lk_put_fmt(b, "\nlatchkey-fetch: rule %s: expected %s, actual %s", o->rule, o->expected, o->actual);
    if (o->is_signed)
        lk_put_fmt(b, "\nlatchkey-fetch: the answer's signature was checked: it is the pinned broker's");
    if (o->decision_id[0] != '\0')
        lk_put_fmt(b, "\nlatchkey-fetch: decision %s: ask your admin: latchkey explain %s", o->decision_id, o->decision_id);
    if (again_ms >= 0)
        lk_put_fmt(b, "\nlatchkey-fetch: next try in %" PRId64 ".%" PRId64 " s", again_ms / 1000, again_ms % 1000 / 100);
}

void lk_say_outcome(const struct lk_fetch_outcome *o, const char *broker, int64_t again_ms)
{
    LK_BUF_AUTO b = lk_buf(16u << 10);
    (as_json ? outcome_json : outcome_text)(&b, o, broker, again_ms);
    write_line(&b);
}

void lk_say_collector(const char *program, const char *code, const char *text)
{
    LK_BUF_AUTO b = lk_buf(16u << 10);
    if (as_json) {
        lk_put_fmt(&b, "{\"event\":\"collector\"");
        put_member(&b, "program", program);
        put_member(&b, "code", code);
        put_member(&b, "message", text);
        lk_put_u8(&b, '}');
    } else {
        lk_put_fmt(&b, "latchkey-fetch: collector %s: %s: ", program, code);
        put_string(&b, text);
    }
    write_line(&b);
}

void lk_say_alternative(const Latchkey__V1__EvidenceAlternative *a, const char *family, enum lk_alternative_fate fate)
{
    static const struct {
        const char *word, *text;
    } fates[] = {[LK_ALTERNATIVE_TAKEN] = {"taken", "taken"},
                 [LK_ALTERNATIVE_NO_COLLECTOR] = {"no-collector", "passed over, no collector for "},
                 [LK_ALTERNATIVE_FAILED] = {"failed", "passed over, see the collector's message"}};
    LK_BUF_AUTO b = lk_buf(16u << 10);
    if (as_json) {
        lk_put_fmt(&b, "{\"event\":\"evidence\"");
        put_member(&b, "policy", a->policy);
        put_member(&b, "alternative", a->name);
        put_member(&b, "fate", fates[fate].word);
        put_member(&b, "family", family);
        lk_put_u8(&b, '}');
    } else {
        lk_put_fmt(&b, "latchkey-fetch: evidence ");
        put_string(&b, a->name);
        lk_put_fmt(&b, " of policy ");
        put_string(&b, a->policy);
        lk_put_fmt(&b, ": %s", fates[fate].text);
        if (family[0] != '\0')
            put_string(&b, family);
    }
    write_line(&b);
}

void lk_say_released(const char *name, uint64_t version, const char *target, const char *decision_id, bool created)
{
    LK_BUF_AUTO b = lk_buf(16u << 10);
    if (as_json) {
        lk_put_fmt(&b, "{\"event\":\"released\"");
        put_member(&b, "secret", name);
        lk_put_fmt(&b, ",\"version\":%" PRIu64, version);
        put_member(&b, "target", target);
        put_member(&b, "decision", decision_id);
        lk_put_fmt(&b, ",\"created\":%s,\"signed\":true}", created ? "true" : "false");
    } else {
        lk_put_fmt(&b, "latchkey-fetch: %sreleased ", created ? "made and " : "");
        put_string(&b, name);
        lk_put_fmt(&b, " version %" PRIu64 " to ", version);
        put_string(&b, target);
        lk_put_fmt(&b, " (decision %s; the answer's signature was checked)", decision_id);
    }
    write_line(&b);
}
