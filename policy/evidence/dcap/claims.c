/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/dcap/claims.h"

#include <time.h>

#define DAY 86400

const char *const lk_dcap_ca_words[] = {"processor", "platform", NULL};

static void word(struct lk_value *v, const char *value)
{
    *v = (struct lk_value){.kind = LK_KIND_WORD, .present = true, .word = value};
}

static void text(struct lk_value *v, const char *value)
{
    *v = (struct lk_value){.kind = LK_KIND_TEXT, .present = true, .word = value};
}

/* 20240313: as a person reads it, and in order. */
static uint64_t date_number(int64_t t)
{
    struct tm tm;
    time_t time = (time_t)t;
    if (gmtime_r(&time, &tm) == NULL)
        return 0;
    return (uint64_t)(tm.tm_year + 1900) * 10000 + (uint64_t)(tm.tm_mon + 1) * 100 + (uint64_t)tm.tm_mday;
}

static void claim_tcb(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *v)
{
    const struct lk_tcb_result *t = &item->tcb;
    uint32_t info = item->info.evaluation_number, qe = item->identity.evaluation_number;
    word(&v[LK_DCAP_CLAIM_TCB_STATUS], lk_tcb_status_words[t->status]);
    word(&v[LK_DCAP_CLAIM_TCB_PLATFORM], lk_tcb_status_words[t->platform]);
    if (t->has_module)
        word(&v[LK_DCAP_CLAIM_TCB_MODULE], lk_tcb_status_words[t->module]);
    word(&v[LK_DCAP_CLAIM_TCB_QE], lk_tcb_status_words[t->qe]);
    if (t->has_current)
        word(&v[LK_DCAP_CLAIM_TCB_CURRENT], lk_tcb_status_words[t->current]);
    text(&v[LK_DCAP_CLAIM_TCB_SHORTFALL], t->shortfall);
    v[LK_DCAP_CLAIM_ADVISORIES] = (struct lk_value){.kind = LK_KIND_WORDS, .present = true,
                                                    .list = {.m = t->advisories, .n = t->n_advisories}};
    lk_dcap_put_uint(&v[LK_DCAP_CLAIM_TCB_DATE], date_number(t->date));
    lk_dcap_put_uint(&v[LK_DCAP_CLAIM_TCB_AGE], in->at < t->date ? 0 : (uint64_t)(in->at - t->date) / DAY);
    lk_dcap_put_uint(&v[LK_DCAP_CLAIM_EVALUATION], info < qe ? info : qe);
}

static void claim_platform(const struct lk_item *item, struct lk_value *v)
{
    const struct lk_pck *p = &item->pck;
    word(&v[LK_DCAP_CLAIM_PCK_CA], lk_dcap_ca_words[item->path.platform ? 1 : 0]);
    lk_dcap_put_bytes(&v[LK_DCAP_CLAIM_FMSPC], p->fmspc);
    lk_dcap_put_bytes(&v[LK_DCAP_CLAIM_PCE_ID], p->pce_id);
    lk_dcap_put_uint(&v[LK_DCAP_CLAIM_PCE_SVN], p->pce_svn);
    lk_dcap_put_bytes(&v[LK_DCAP_CLAIM_CPU_SVN], p->cpu_svn);
    lk_dcap_put_bytes(&v[LK_DCAP_CLAIM_PPID], p->ppid);
    lk_dcap_put_bytes(&v[LK_DCAP_CLAIM_INSTANCE], p->platform_instance);
    lk_dcap_put_uint(&v[LK_DCAP_CLAIM_SGX_TYPE], p->sgx_type);
    if (!p->has_configuration)
        return;
    lk_dcap_put_flag(&v[LK_DCAP_CLAIM_DYNAMIC], p->dynamic_platform);
    lk_dcap_put_flag(&v[LK_DCAP_CLAIM_CACHED_KEYS], p->cached_keys);
    lk_dcap_put_flag(&v[LK_DCAP_CLAIM_SMT], p->smt);
}

void lk_dcap_claim(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *v)
{
    claim_tcb(in, item, v);
    claim_platform(item, v);
    lk_dcap_put_uint(&v[LK_DCAP_CLAIM_QE_SVN], item->quote.qe.isv_svn);
    lk_dcap_put_bytes(&v[LK_DCAP_CLAIM_QE_ENCLAVE], item->quote.qe.mr_enclave);
    lk_dcap_put_bytes(&v[LK_DCAP_CLAIM_QE_USER_DATA], item->quote.user_data);
    lk_dcap_put_uint(&v[LK_DCAP_CLAIM_QUOTE_VERSION], item->quote.version);
}
