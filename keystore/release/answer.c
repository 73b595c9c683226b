/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/release/answer.h"

#include "keystore/release/pack.h"
#include "latchkey.pb-c.h"
#include "rpc.pb-c.h"

#include <openssl/rand.h>
#include <string.h>

#define ANSWER_MAX (2u << 20) /* the ANSWER frame's limit */

/* proto/grpc has these for the front; the keeper must not link HTTP/2. */
enum { GRPC_OK = 0, GRPC_INVALID_ARGUMENT = 3, GRPC_PERMISSION_DENIED = 7, GRPC_RESOURCE_EXHAUSTED = 8,
       GRPC_FAILED_PRECONDITION = 9, GRPC_ABORTED = 10, GRPC_INTERNAL = 13, GRPC_UNAVAILABLE = 14,
       GRPC_UNAUTHENTICATED = 16 };

static const uint8_t status_of_class[LK_CLASS_COUNT] = {
    [LK_CLASS_AFFIRMED] = GRPC_OK,
    [LK_CLASS_MALFORMED] = GRPC_INVALID_ARGUMENT,
    [LK_CLASS_NOT_AUTHENTIC] = GRPC_UNAUTHENTICATED,
    [LK_CLASS_REFUSED] = GRPC_PERMISSION_DENIED,
    [LK_CLASS_CANNOT_JUDGE] = GRPC_FAILED_PRECONDITION,
    [LK_CLASS_UNAVAILABLE] = GRPC_UNAVAILABLE,
    [LK_CLASS_INTERNAL] = GRPC_INTERNAL,
};

/* Where the status is not the class's, or the wait is not the usual one. */
static const struct {
    enum lk_reason_code code;
    uint8_t status;
    uint32_t retry_ms;
} special[] = {
    {LK_R_TOO_LARGE, GRPC_RESOURCE_EXHAUSTED, 0},   {LK_R_REQUEST_LIMIT, GRPC_INVALID_ARGUMENT, 0},
    {LK_R_OVERLOAD, GRPC_RESOURCE_EXHAUSTED, 1000}, {LK_R_TICKET_SPENT, GRPC_ABORTED, 50},
    {LK_R_TICKET_EXHAUSTED, GRPC_ABORTED, 50},      {LK_R_TICKET_STALE, GRPC_UNAVAILABLE, 50},
    {LK_R_TICKET_EXPIRED, GRPC_UNAVAILABLE, 50},    {LK_R_STALE_REQUEST, GRPC_UNAVAILABLE, 50},
    {LK_R_TOKEN_AWAY, GRPC_UNAVAILABLE, 2000},      {LK_R_STORE_FULL, GRPC_RESOURCE_EXHAUSTED, 30000},
};
#define RETRY_USUAL 500

uint8_t lk_grpc_status_of(enum lk_reason_code code)
{
    for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
        if (special[i].code == code)
            return special[i].status;
    return status_of_class[lk_reason(code)->cls];
}

static uint32_t jitter(uint32_t base)
{
    uint32_t r = 0;
    if (RAND_bytes((unsigned char *)&r, sizeof(r)) != 1)
        r = 0;
    return base + r % (base + 1);
}

uint32_t lk_retry_after(enum lk_reason_code code)
{
    if (lk_reason(code)->cls != LK_CLASS_UNAVAILABLE)
        return 0;
    for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
        if (special[i].code == code)
            return jitter(special[i].retry_ms);
    return jitter(RETRY_USUAL);
}

lk_result lk_decision_id(char out[static LK_DECISION_ID])
{
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint8_t random[12];
    size_t o = 0;
    LK_REQUIRE(RAND_bytes(random, sizeof(random)) == 1, CRYPTO);
    for (size_t i = 0; i < sizeof(random); i++) {
        if (i > 0 && i % 4 == 0)
            out[o++] = '-';
        out[o++] = alphabet[random[i] & 31];
    }
    out[o] = '\0';
    return LK_OK;
}

static char *text(const char *s)
{
    return (char *)(uintptr_t)s;
}

struct findings {
    Latchkey__V1__Finding rows[LK_FINDINGS_MAX];
    Latchkey__V1__Finding *list[LK_FINDINGS_MAX];
    size_t n;
};

static void fill_findings(struct findings *f, const struct lk_report *report)
{
    f->n = report->n;
    for (size_t i = 0; i < report->n; i++) {
        const struct lk_finding *from = &report->findings[i];
        Latchkey__V1__Finding *to = &f->rows[i];
        latchkey__v1__finding__init(to);
        to->code = text(lk_reason(from->code)->name);
        to->class_ = text(lk_class_name(lk_reason(from->code)->cls));
        to->item = text(from->item);
        to->rule = text(from->rule);
        to->expected = text(from->expected);
        to->actual = text(from->actual);
        f->list[i] = to;
    }
}

static void fill_secret(Latchkey__V1__SecretAnswer *to, const struct lk_verdict_secret *asked,
                        const struct lk_ruling_secret *s, const struct lk_sealed *sealed, struct findings *findings)
{
    latchkey__v1__secret_answer__init(to);
    to->name = text(asked->name);
    to->version = s->version;
    to->class_ = text(lk_class_name(lk_reason(s->told)->cls));
    to->code = text(lk_reason(s->told)->name);
    if (findings != NULL) {
        to->n_findings = findings->n;
        to->findings = findings->list;
    }
    to->created = lk_ok(s->result) && s->created;
    if (!lk_ok(s->result) || sealed == NULL)
        return;
    to->enc = lk_pack_bytes(lk_buf_bytes(&sealed->enc));
    to->ciphertext = lk_pack_bytes(lk_buf_bytes(&sealed->ciphertext));
}

static lk_result pack_answer(const struct lk_verdict *v, const struct lk_ruling *r, const struct lk_sealed *sealed,
                             const char *decision, int64_t now, struct lk_buf *out)
{
    Latchkey__V1__Answer a = LATCHKEY__V1__ANSWER__INIT;
    Latchkey__V1__SecretAnswer rows[LK_VERDICT_SECRETS_MAX], *list[LK_VERDICT_SECRETS_MAX];
    struct findings findings;
    fill_findings(&findings, &v->report);
    for (size_t i = 0; i < r->n; i++) {
        fill_secret(&rows[i], &v->secrets[i], &r->secrets[i], sealed == NULL ? NULL : &sealed[i],
                    r->explain ? &findings : NULL);
        list[i] = &rows[i];
    }
    a.statement_hash = lk_pack_bytes(LK_BYTES(v->statement_hash));
    a.decision_id = text(decision);
    a.time = now;
    a.n_secrets = r->n;
    a.secrets = list;
    return lk_pack(out, &a.base);
}

lk_result lk_answer_signed(const struct lk_verdict *v, const struct lk_ruling *r, const struct lk_sealed *sealed,
                           const char *decision, int64_t now, const struct lk_signing *by, struct lk_buf *out)
{
    LK_BUF_AUTO answer = lk_buf(ANSWER_MAX);
    LK_BUF_AUTO signature = lk_buf(LK_SIGNATURE_MAX);
    LK_TRY(pack_answer(v, r, sealed, decision, now, &answer));
    LK_TRY(lk_answer_sign(by->key, lk_buf_bytes(&answer), &signature));
    Latchkey__V1__SignedAnswer s = LATCHKEY__V1__SIGNED_ANSWER__INIT;
    s.answer = lk_pack_bytes(lk_buf_bytes(&answer));
    s.signature = lk_pack_bytes(lk_buf_bytes(&signature));
    s.answer_key = lk_pack_bytes(by->answer_key);
    s.installation_key = lk_pack_bytes(by->installation_key);
    s.certification = lk_pack_bytes(by->certification);
    s.start_id = lk_pack_bytes(by->start_id);
    return lk_pack(out, &s.base);
}

static lk_result pack_any(struct lk_buf *body, Google__Rpc__Any *any, const char *type, const ProtobufCMessage *m)
{
    google__rpc__any__init(any);
    LK_TRY(lk_pack(body, m));
    any->type_url = text(type);
    any->value = lk_pack_bytes(lk_buf_bytes(body));
    return LK_OK;
}

static lk_result pack_error_info(struct lk_buf *body, Google__Rpc__Any *any, enum lk_reason_code code,
                                 const char *decision, const char *detail)
{
    Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;
    Google__Rpc__ErrorInfo__Entry rows[3], *list[3];
    const char *pairs[3][2] = {{"class", lk_class_name(lk_reason(code)->cls)}, {"decision_id", decision}, {"detail", detail}};
    for (size_t i = 0; i < 3; i++) {
        if (pairs[i][1] == NULL || pairs[i][1][0] == '\0')
            continue;
        Google__Rpc__ErrorInfo__Entry *e = &rows[info.n_metadata];
        google__rpc__error_info__entry__init(e);
        e->key = text(pairs[i][0]);
        e->value = text(pairs[i][1]);
        list[info.n_metadata++] = e;
    }
    info.reason = text(lk_reason(code)->name);
    info.domain = text("latchkey");
    info.metadata = list;
    return pack_any(body, any, "type.googleapis.com/google.rpc.ErrorInfo", &info.base);
}

static lk_result pack_retry(struct lk_buf *body, Google__Rpc__Any *any, uint32_t ms)
{
    Google__Rpc__Duration delay = GOOGLE__RPC__DURATION__INIT;
    Google__Rpc__RetryInfo retry = GOOGLE__RPC__RETRY_INFO__INIT;
    delay.seconds = ms / 1000;
    delay.nanos = (int32_t)(ms % 1000 * 1000000);
    retry.retry_delay = &delay;
    return pack_any(body, any, "type.googleapis.com/google.rpc.RetryInfo", &retry.base);
}

static lk_result pack_status(enum lk_reason_code code, const char *decision, const char *detail, uint32_t retry_ms,
                             struct lk_bytes signed_answer, struct lk_buf *out)
{
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    Google__Rpc__Any anys[3], *list[3];
    LK_BUF_AUTO info = lk_buf(2048);
    LK_BUF_AUTO retry = lk_buf(64);
    size_t n = 0;
    LK_TRY(pack_error_info(&info, &anys[n++], code, decision, detail));
    if (retry_ms != 0)
        LK_TRY(pack_retry(&retry, &anys[n++], retry_ms));
    if (signed_answer.len > 0) {
        google__rpc__any__init(&anys[n]);
        anys[n].type_url = text("type.googleapis.com/latchkey.v1.SignedAnswer");
        anys[n++].value = lk_pack_bytes(signed_answer);
    }
    for (size_t i = 0; i < n; i++)
        list[i] = &anys[i];
    status.code = lk_grpc_status_of(code);
    status.message = text(lk_reason(code)->text);
    status.n_details = n;
    status.details = list;
    return lk_pack(out, &status.base);
}

static lk_result put_refusal(enum lk_reason_code code, const char *decision, const char *detail,
                             struct lk_bytes signed_answer, struct lk_buf *out)
{
    LK_BUF_AUTO status = lk_buf(ANSWER_MAX);
    uint32_t retry_ms = lk_retry_after(code);
    LK_TRY(pack_status(code, decision, detail, retry_ms, signed_answer, &status));
    LK_BUF_AUTO message = lk_buf(1024);
    bool more = detail != NULL && detail[0] != '\0';
    lk_put_fmt(&message, "%s%s%s", lk_reason(code)->text, more ? " " : "", more ? detail : "");
    LK_TRY(lk_buf_ok(&message));
    const struct lk_msg_answer m = {
        .grpc_status = lk_grpc_status_of(code),
        .retry_ms = retry_ms,
        .message = lk_buf_bytes(&message),
        .details = lk_buf_bytes(&status),
    };
    lk_msg_answer_put(out, &m);
    return lk_buf_ok(out);
}

lk_result lk_answer_refusal(enum lk_reason_code code, const char *decision, const char *detail, struct lk_buf *out)
{
    return put_refusal(code, decision, detail, LK_BYTES_NONE, out);
}

lk_result lk_answer_body(struct lk_bytes body, struct lk_buf *out)
{
    const struct lk_msg_answer m = {.grpc_status = GRPC_OK, .body = body};
    lk_msg_answer_put(out, &m);
    return lk_buf_ok(out);
}

lk_result lk_answer_frame(const struct lk_ruling *r, struct lk_bytes signed_answer, const char *decision,
                          struct lk_buf *out)
{
    if (!lk_ok(r->result))
        return put_refusal(r->told, decision, NULL, signed_answer, out);
    LK_BUF_AUTO body = lk_buf(ANSWER_MAX);
    lk_pack_field(&body, 1, signed_answer); /* ReleaseResponse and AppraiseResponse are this one field */
    LK_TRY(lk_buf_ok(&body));
    return lk_answer_body(lk_buf_bytes(&body), out);
}

static void fill_decision(Latchkey__V1__SecretDecision *to, const struct lk_verdict_secret *asked,
                          const struct lk_ruling_secret *s)
{
    latchkey__v1__secret_decision__init(to);
    to->name = text(asked->name);
    to->version = s->version;
    to->policy = text(asked->policy);
    to->policy_revision = asked->policy_revision;
    to->class_ = text(lk_class_name(lk_class_of(s->result)));
    to->code = text(lk_reason(s->result.code)->name);
}

lk_result lk_answer_record(const struct lk_verdict *v, const struct lk_ruling *r, const char *kind,
                           const char *decision, int64_t now, struct lk_buf *out)
{
    Latchkey__V1__AuditRecord a = LATCHKEY__V1__AUDIT_RECORD__INIT;
    Latchkey__V1__SecretDecision rows[LK_VERDICT_SECRETS_MAX], *list[LK_VERDICT_SECRETS_MAX];
    struct findings findings;
    fill_findings(&findings, &v->report);
    for (size_t i = 0; i < r->n; i++) {
        fill_decision(&rows[i], &v->secrets[i], &r->secrets[i]);
        list[i] = &rows[i];
    }
    a.time = now;
    a.kind = text(kind);
    a.decision_id = text(decision);
    a.class_ = text(lk_class_name(lk_class_of(r->result)));
    a.code = text(lk_reason(r->result.code)->name);
    if (v->kind != LK_VERDICT_MALFORMED)
        a.statement_hash = lk_pack_bytes(LK_BYTES(v->statement_hash));
    a.n_secrets = r->n;
    a.secrets = list;
    a.n_findings = findings.n;
    a.findings = findings.list;
    a.generation = v->generation;
    if (!lk_bytes_zero(LK_BYTES(v->caller)))
        a.caller = lk_pack_bytes(LK_BYTES(v->caller));
    return lk_pack(out, &a.base);
}

lk_result lk_answer_create_record(const struct lk_verdict *v, size_t i, const char *decision, int64_t now, struct lk_buf *out)
{
    const struct lk_ruling_secret made = {.version = 1, .result = LK_OK};
    Latchkey__V1__AuditRecord a = LATCHKEY__V1__AUDIT_RECORD__INIT;
    Latchkey__V1__SecretDecision row, *list[1] = {&row};
    fill_decision(&row, &v->secrets[i], &made);
    a.time = now;
    a.kind = text("create");
    a.decision_id = text(decision);
    a.class_ = text(lk_class_name(LK_CLASS_AFFIRMED));
    a.code = text(lk_reason(LK_R_OK)->name);
    a.statement_hash = lk_pack_bytes(LK_BYTES(v->statement_hash));
    a.n_secrets = 1;
    a.secrets = list;
    a.generation = v->generation;
    if (!lk_bytes_zero(LK_BYTES(v->caller)))
        a.caller = lk_pack_bytes(LK_BYTES(v->caller));
    return lk_pack(out, &a.base);
}
