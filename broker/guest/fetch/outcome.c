/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/fetch/outcome.h"

#include <stdio.h>
#include <string.h>

static void copy(char *out, size_t size, const char *text)
{
    size_t n = 0;
    for (; text[n] != '\0' && n + 1 < size; n++)
        out[n] = (unsigned char)text[n] < 0x20 || text[n] == 0x7f ? '?' : text[n];
    out[n] = '\0';
}

void lk_outcome_local(struct lk_fetch_outcome *o, lk_result r)
{
    const struct lk_reason *reason = lk_reason(r.code);
    *o = (struct lk_fetch_outcome){.cls = reason->cls, .is_own = true};
    snprintf(o->code, sizeof(o->code), "%s", reason->name);
    snprintf(o->message, sizeof(o->message), "%s %s", reason->text, reason->remedy);
}

void lk_outcome_failure(struct lk_fetch_outcome *o, const struct lk_failure *f)
{
    *o = (struct lk_fetch_outcome){.cls = f->cls, .has_retry = f->has_retry, .retry_ms = f->retry_ms};
    copy(o->code, sizeof(o->code), f->code[0] != '\0' ? f->code : "NO_CODE");
    copy(o->item, sizeof(o->item), f->item);
    copy(o->decision_id, sizeof(o->decision_id), f->decision_id);
    copy(o->message, sizeof(o->message), f->message);
}

static enum lk_class class_by_name(const char *name)
{
    for (int c = LK_CLASS_AFFIRMED; c < LK_CLASS_COUNT; c++)
        if (strcmp(name, lk_class_name((enum lk_class)c)) == 0)
            return (enum lk_class)c;
    return LK_CLASS_INTERNAL;
}

void lk_outcome_signed(struct lk_fetch_outcome *o, const Latchkey__V1__Answer *a, const Latchkey__V1__SecretAnswer *s)
{
    enum lk_reason_code known = lk_reason_by_name(s->code);
    o->cls = class_by_name(s->class_);
    o->is_signed = true;
    copy(o->code, sizeof(o->code), s->code);
    copy(o->decision_id, sizeof(o->decision_id), a->decision_id);
    copy(o->message, sizeof(o->message), known == LK_R_COUNT ? "The broker has a reason that this version does not know."
                                                             : lk_reason(known)->text);
    if (s->n_findings == 0)
        return;
    copy(o->item, sizeof(o->item), s->findings[0]->item);
    copy(o->rule, sizeof(o->rule), s->findings[0]->rule);
    copy(o->expected, sizeof(o->expected), s->findings[0]->expected);
    copy(o->actual, sizeof(o->actual), s->findings[0]->actual);
}

static const struct {
    const char *code;
    int exit;
    enum lk_retry retry;
} own[] = {
    {"ANSWER_UNSIGNED", LK_FETCH_EXIT_BAD_BROKER, LK_RETRY_OTHER},
    {"ANSWER_BROKER", LK_FETCH_EXIT_BAD_BROKER, LK_RETRY_OTHER},
    {"ANSWER_CERTIFICATION", LK_FETCH_EXIT_BAD_BROKER, LK_RETRY_OTHER},
    {"ANSWER_SIGNATURE", LK_FETCH_EXIT_BAD_BROKER, LK_RETRY_OTHER},
    {"ANSWER_STATEMENT", LK_FETCH_EXIT_BAD_BROKER, LK_RETRY_OTHER},
    {"ANSWER_CONTENT", LK_FETCH_EXIT_BAD_BROKER, LK_RETRY_OTHER},
    {"HPKE_OPEN", LK_FETCH_EXIT_BAD_BROKER, LK_RETRY_OTHER},
    {"RSA_UNWRAP", LK_FETCH_EXIT_BAD_BROKER, LK_RETRY_OTHER},
    {"BROKER_PROTOCOL", LK_FETCH_EXIT_BAD_BROKER, LK_RETRY_OTHER},
    {"BROKER_TLS", LK_FETCH_EXIT_BAD_BROKER, LK_RETRY_OTHER},
    {"COLLECTOR_MISSING", LK_FETCH_EXIT_NO_EVIDENCE, LK_RETRY_NEVER},
    {"COLLECTOR_START", LK_FETCH_EXIT_NO_EVIDENCE, LK_RETRY_NEVER},
    {"COLLECTOR_FAILED", LK_FETCH_EXIT_NO_EVIDENCE, LK_RETRY_NEVER},
    {"COLLECTOR_PROTOCOL", LK_FETCH_EXIT_NO_EVIDENCE, LK_RETRY_NEVER},
    {"EVIDENCE_TOO_LARGE", LK_FETCH_EXIT_NO_EVIDENCE, LK_RETRY_NEVER},
    {"COLLECTOR_BUSY", LK_FETCH_EXIT_NO_EVIDENCE, LK_RETRY_SOON},
    {"OUTPUT", LK_FETCH_EXIT_OUTPUT, LK_RETRY_NEVER},
    {"LUKS_HEADER", LK_FETCH_EXIT_OUTPUT, LK_RETRY_NEVER},
    {"LUKS_CIPHER", LK_FETCH_EXIT_OUTPUT, LK_RETRY_NEVER},
    {"LUKS_UUID", LK_FETCH_EXIT_OUTPUT, LK_RETRY_NEVER},
    {"LUKS_OPEN", LK_FETCH_EXIT_OUTPUT, LK_RETRY_NEVER},
    {"LUKS_KEY", LK_FETCH_EXIT_OUTPUT, LK_RETRY_NEVER},
    {"LUKS_NOT_BLANK", LK_FETCH_EXIT_OUTPUT, LK_RETRY_NEVER},
    {"LUKS_NOT_FORMATTED", LK_FETCH_EXIT_OUTPUT, LK_RETRY_NEVER},
};
#define OWN (sizeof(own) / sizeof(*own))

static const struct {
    int exit;
    enum lk_retry retry;
} by_class[LK_CLASS_COUNT] = {
    [LK_CLASS_AFFIRMED] = {0, LK_RETRY_NEVER},
    [LK_CLASS_MALFORMED] = {LK_FETCH_EXIT_MALFORMED, LK_RETRY_OTHER},
    [LK_CLASS_NOT_AUTHENTIC] = {LK_FETCH_EXIT_NOT_AUTHENTIC, LK_RETRY_NEVER},
    [LK_CLASS_REFUSED] = {LK_FETCH_EXIT_REFUSED, LK_RETRY_LATER},
    [LK_CLASS_CANNOT_JUDGE] = {LK_FETCH_EXIT_CANNOT_JUDGE, LK_RETRY_LATER},
    [LK_CLASS_UNAVAILABLE] = {LK_FETCH_EXIT_UNAVAILABLE, LK_RETRY_SOON},
    [LK_CLASS_INTERNAL] = {LK_FETCH_EXIT_INTERNAL, LK_RETRY_ONCE},
};

/* A broker that sends a code of ours must not make us give up the other addresses. */
static size_t own_row(const struct lk_fetch_outcome *o)
{
    size_t i = 0;
    while (i < OWN && (!o->is_own || o->is_signed || strcmp(o->code, own[i].code) != 0))
        i++;
    return i;
}

int lk_fetch_exit(const struct lk_fetch_outcome *o)
{
    size_t i = own_row(o);
    return i < OWN ? own[i].exit : by_class[o->cls].exit;
}

enum lk_retry lk_fetch_retry(const struct lk_fetch_outcome *o)
{
    size_t i = own_row(o);
    return i < OWN ? own[i].retry : by_class[o->cls].retry;
}

uint64_t lk_fetch_delay(const struct lk_fetch_outcome *o, unsigned n, uint32_t random)
{
    bool later = lk_fetch_retry(o) == LK_RETRY_LATER;
    uint64_t first = later ? 5000 : 500, most = later ? 60000 : 30000;
    uint64_t base = n > 7 ? most : first << (n > 0 ? n - 1 : 0);
    if (base > most)
        base = most;
    uint64_t delay = base / 2 + (uint64_t)(((unsigned __int128)base * random) >> 32);
    if (!o->has_retry || delay >= o->retry_ms)
        return delay;
    return o->retry_ms + (uint64_t)(((unsigned __int128)(o->retry_ms / 4) * random) >> 32);
}
