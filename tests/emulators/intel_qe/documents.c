/* SPDX-License-Identifier: Apache-2.0 */
/* TCB Info and QE Identity, as Intel's provisioning service answers. */
#include "tests/emulators/intel_qe/intel_qe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct text {
    size_t len;
    char data[QE_TEXT_MAX];
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->data + t->len, sizeof(t->data) - t->len, format, args);
    va_end(args);
    QE_MUST(n >= 0 && (size_t)n < sizeof(t->data) - t->len);
    t->len += (size_t)n;
}

#define DAY 86400
#define EVALUATION "\"tcbEvaluationDataNumber\":20,"

/* In force from 12 days before to 18 days after. */
static void put_dates(struct text *t, const struct qe_settings *s)
{
    char issued[32], next[32];
    time_t from = (time_t)(s->now - 12 * DAY), to = (time_t)(s->now + 18 * DAY);
    struct tm tm;
    QE_MUST(gmtime_r(&from, &tm) != NULL && strftime(issued, sizeof(issued), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
    QE_MUST(gmtime_r(&to, &tm) != NULL && strftime(next, sizeof(next), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
    put(t, "\"issueDate\":\"%s\",\"nextUpdate\":\"%s\",", issued, next);
}

static void put_components(struct text *t, const char *name, unsigned svn)
{
    put(t, "\"%s\":[", name);
    for (int i = 0; i < 16; i++)
        put(t, "%s{\"svn\":%u,\"category\":\"BIOS\"}", i == 0 ? "" : ",", svn);
    put(t, "],");
}

static void put_level(struct text *t, const struct qe_settings *s, unsigned svn, unsigned pce, const char *status,
                      const char *date, const char *advisory)
{
    put(t, "{\"tcb\":{");
    for (int i = 1; i <= 16 && s->v2; i++)
        put(t, "\"sgxtcbcomp%02dsvn\":%u,", i, svn);
    if (!s->v2)
        put_components(t, "sgxtcbcomponents", svn);
    if (s->tdx)
        put_components(t, "tdxtcbcomponents", svn);
    put(t, "\"pcesvn\":%u},\"tcbDate\":\"%s\",\"tcbStatus\":\"%s\",\"advisoryIDs\":[%s]}", pce, date, status, advisory);
}

static void put_svn_levels(struct text *t, const char *const status[2], const char *date)
{
    put(t, "\"tcbLevels\":[{\"tcb\":{\"isvsvn\":5},\"tcbDate\":\"%s\",\"tcbStatus\":\"%s\"},"
           "{\"tcb\":{\"isvsvn\":2},\"tcbDate\":\"2023-01-01T00:00:00Z\",\"tcbStatus\":\"%s\","
           "\"advisoryIDs\":[\"INTEL-SA-00002\",\"INTEL-SA-00001\"]}]",
        date, status[0], status[1]);
}

static void put_module(struct text *t)
{
    put(t, "\"mrsigner\":\"%096d\",\"attributes\":\"0000000000000000\",\"attributesMask\":\"FFFFFFFFFFFFFFFF\"", 0);
}

static void put_modules(struct text *t, const struct qe_settings *s)
{
    put(t, "\"tdxModule\":{");
    put_module(t);
    put(t, "},\"tdxModuleIdentities\":[{\"id\":\"TDX_01\",");
    put_module(t);
    put(t, ",");
    put_svn_levels(t, s->module_status, "2024-11-13T00:00:00Z");
    put(t, "}],");
}

static void replace(struct text *t, const struct qe_replace *r)
{
    if (r->from == NULL)
        return;
    char *at = strstr(t->data, r->from);
    QE_MUST(at != NULL);
    struct text tail = {0};
    put(&tail, "%s", at + strlen(r->from));
    t->len = (size_t)(at - t->data);
    put(t, "%s%s", r->to, tail.data);
}

static void sign_document(const struct qe_settings *s, const char *member, const struct text *inner, struct qe_blob *out)
{
    struct text body = {0};
    uint8_t signature[64];
    qe_sign(s->document_signer, inner->data, inner->len, signature);
    put(&body, "{\"%s\":%s,\"signature\":\"", member, inner->data);
    for (size_t i = 0; i < sizeof(signature); i++)
        put(&body, "%02x", signature[i]);
    put(&body, "\"}%s", s->body_suffix);
    memcpy(out->data, body.data, body.len);
    out->len = body.len;
}

static void tcb_info(const struct qe_settings *s, struct qe_blob *out)
{
    struct text t = {0};
    put(&t, "{");
    if (!s->v2)
        put(&t, "\"id\":\"%s\",", s->tdx ? "TDX" : "SGX");
    put(&t, "\"version\":%d,", s->v2 ? 2 : 3);
    put_dates(&t, s);
    put(&t, "\"fmspc\":\"00806F050000\",\"pceId\":\"0000\",\"tcbType\":0," EVALUATION);
    if (s->tdx)
        put_modules(&t, s);
    put(&t, "\"tcbLevels\":[");
    put_level(&t, s, 5, 10, s->status[0], "2025-05-14T00:00:00Z", "");
    put(&t, ",");
    put_level(&t, s, 2, 5, s->status[1], "2024-03-13T00:00:00Z", "\"INTEL-SA-00003\",\"INTEL-SA-00001\"");
    put(&t, "]}");
    replace(&t, &s->tcb_info);
    sign_document(s, "tcbInfo", &t, out);
}

static void qe_identity(const struct qe_settings *s, struct qe_blob *out)
{
    struct text t = {0};
    put(&t, "{\"id\":\"%s\",\"version\":2,", s->tdx ? "TD_QE" : "QE");
    put_dates(&t, s);
    put(&t, EVALUATION "\"miscselect\":\"00000000\",\"miscselectMask\":\"FFFFFFFF\",");
    put(&t, "\"attributes\":\"11000000000000000000000000000000\",\"attributesMask\":\"FBFFFFFFFFFFFFFF0000000000000000\",");
    put(&t, "\"mrsigner\":\"%064d\",\"isvprodid\":%d,", 7, s->tdx ? 2 : 1);
    put_svn_levels(&t, s->qe_status, "2024-11-13T00:00:00Z");
    put(&t, "}");
    replace(&t, &s->qe_identity);
    sign_document(s, "enclaveIdentity", &t, out);
}

void qe_documents(const struct qe_settings *s, struct qe_output *out)
{
    tcb_info(s, &out->tcb_info);
    qe_identity(s, &out->qe_identity);
}
