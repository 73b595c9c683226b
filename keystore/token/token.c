/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/token/token.h"

#include "keystore/token/object.h"
#include "proto/base/log.h"

#include <string.h>

enum { SLOTS_MAX = 256 };

static const struct {
    const char *label;
    CK_OBJECT_CLASS class;
} key_table[LK_TOKEN_KEYS] = {
    [LK_TOKEN_KEK_SEALED] = {"latchkey-kek-sealed", CKO_SECRET_KEY},
    [LK_TOKEN_KEK_IN_TOKEN] = {"latchkey-kek-in-token", CKO_SECRET_KEY},
    [LK_TOKEN_INSTALLATION] = {"latchkey-installation", CKO_PRIVATE_KEY},
    [LK_TOKEN_INSTALLATION_PUBLIC] = {"latchkey-installation", CKO_PUBLIC_KEY},
    [LK_TOKEN_IMPORT] = {"latchkey-import", CKO_PRIVATE_KEY},
    [LK_TOKEN_IMPORT_PUBLIC] = {"latchkey-import", CKO_PUBLIC_KEY},
};

const char *lk_token_key_label(enum lk_token_key key)
{
    return key_table[key].label;
}

/* PKCS#11 v3.0, 3.2: the label is padded with blanks to 32 characters. */
static bool has_label(const CK_TOKEN_INFO *info, const char *label)
{
    size_t n = strlen(label);
    if (n > sizeof(info->label) || memcmp(info->label, label, n) != 0)
        return false;
    for (; n < sizeof(info->label); n++)
        if (info->label[n] != ' ')
            return false;
    return true;
}

static lk_result find_slot(struct lk_token *t)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG n = SLOTS_MAX;
    LK_TRY(lk_rv(t->module.f->C_GetSlotList(CK_TRUE, slots, &n), "C_GetSlotList"));
    size_t found = 0;
    for (CK_ULONG i = 0; i < n; i++) {
        CK_TOKEN_INFO info;
        if (t->module.f->C_GetTokenInfo(slots[i], &info) != CKR_OK || !has_label(&info, t->label))
            continue;
        t->slot = slots[i];
        found++;
    }
    if (found == 1)
        return LK_OK;
    lk_log(LK_LOG_ERROR, "token.slot", "label=%s found=%zu", lk_log_text(t->label), found);
    return found == 0 ? LK_FAIL(TOKEN_AWAY) : LK_FAIL(TOKEN_CONFIG);
}

lk_result lk_token_open(struct lk_token *t, const char *module, const char *label, struct lk_secret *pin)
{
    *t = (struct lk_token){.label = label, .pin = *pin, .epoch = 1};
    *pin = (struct lk_secret){0};
    pthread_rwlock_init(&t->life, NULL);
    pthread_mutex_init(&t->login, NULL);
    pthread_mutex_init(&t->head, NULL);
    LK_TRY(lk_module_load(&t->module, module));
    LK_TRY(lk_module_initialize(&t->module));
    lk_result r = find_slot(t);
    return r.code == LK_R_TOKEN_AWAY ? LK_FAIL(TOKEN_CONFIG) : r;
}

void lk_token_close(struct lk_token *t)
{
    if (t->module.f != NULL)
        t->module.f->C_Finalize(NULL);
    t->module.f = NULL; /* the library stays mapped: its exit handlers must not find themselves gone */
    lk_secret_free(&t->pin);
}

unsigned lk_token_sessions(struct lk_token *t, unsigned wanted)
{
    CK_TOKEN_INFO info;
    if (t->module.f->C_GetTokenInfo(t->slot, &info) != CKR_OK)
        return 1;
    CK_ULONG most = info.ulMaxRwSessionCount;
    if (most == CK_EFFECTIVELY_INFINITE || most == CK_UNAVAILABLE_INFORMATION || most >= wanted)
        return wanted;
    return most < 1 ? 1 : (unsigned)most;
}

/* A token that counts wrong PINs locks itself: what it says about the count is read before the PIN is spent. */
static lk_result pin_may_be_tried(struct lk_token *t)
{
    CK_TOKEN_INFO info;
    LK_TRY(lk_rv(t->module.f->C_GetTokenInfo(t->slot, &info), "C_GetTokenInfo"));
    if ((info.flags & (CKF_USER_PIN_LOCKED | CKF_USER_PIN_FINAL_TRY)) != 0) {
        lk_log(LK_LOG_ERROR, "token.pin", "state=%s",
               (info.flags & CKF_USER_PIN_LOCKED) != 0 ? "locked" : "final-try");
        return LK_FAIL(TOKEN_PIN);
    }
    if ((info.flags & CKF_USER_PIN_COUNT_LOW) != 0)
        lk_log(LK_LOG_WARN, "token.pin", "state=count-low");
    return LK_OK;
}

static lk_result log_in(struct lk_token *t, CK_SESSION_HANDLE h)
{
    CK_SESSION_INFO info;
    LK_TRY(lk_rv(t->module.f->C_GetSessionInfo(h, &info), "C_GetSessionInfo"));
    if (info.state == CKS_RW_USER_FUNCTIONS)
        return LK_OK;
    LK_REQUIRE(t->pin.data != NULL, TOKEN_PIN);
    LK_TRY(pin_may_be_tried(t));
    CK_RV rv = t->module.f->C_Login(h, CKU_USER, t->pin.data, t->pin.len);
    if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
        return LK_OK;
    lk_result r = lk_rv(rv, "C_Login");
    if (r.code != LK_R_TOKEN_CONFIG)
        return r;
    lk_secret_free(&t->pin); /* it was refused: it must not be spent a second time */
    return LK_FAIL(TOKEN_PIN);
}

lk_result lk_session_rv(struct lk_session *s, CK_RV rv, const char *function)
{
    if (rv != CKR_OK) {
        s->fault = rv;
        s->fault_of = function;
    }
    return lk_rv_result(rv);
}

lk_result lk_session_open(struct lk_session *s, struct lk_token *t)
{
    *s = (struct lk_session){.token = t, .epoch = t->epoch};
    LK_TRY(lk_rv(t->module.f->C_OpenSession(t->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s->handle),
                 "C_OpenSession"));
    pthread_mutex_lock(&t->login);
    lk_result r = log_in(t, s->handle);
    pthread_mutex_unlock(&t->login);
    if (!lk_ok(r))
        lk_session_close(s);
    return r;
}

void lk_session_close(struct lk_session *s)
{
    if (s->handle != CK_INVALID_HANDLE && s->epoch == s->token->epoch && s->token->module.f != NULL)
        s->token->module.f->C_CloseSession(s->handle);
    s->handle = CK_INVALID_HANDLE;
}

/* A session from before the module was initialised again is not this module's. */
static lk_result ready(struct lk_session *s)
{
    if (s->handle != CK_INVALID_HANDLE && s->epoch == s->token->epoch)
        return LK_OK;
    return lk_session_open(s, s->token);
}

static lk_result attempt(struct lk_session *s, lk_session_fn call, void *arg, bool fresh)
{
    pthread_rwlock_rdlock(&s->token->life);
    if (fresh)
        lk_session_close(s);
    lk_result r = ready(s);
    if (lk_ok(r))
        r = call(s, arg);
    pthread_rwlock_unlock(&s->token->life);
    return r;
}

/* Waits until no thread is inside the module. seen: the epoch in which the caller failed; another may have been here. */
static lk_result initialize_again(struct lk_token *t, uint64_t seen)
{
    lk_result r = LK_OK;
    pthread_rwlock_wrlock(&t->life);
    if (t->epoch == seen) {
        lk_log(LK_LOG_WARN, "token.reconnect", "epoch=%llu", (unsigned long long)t->epoch);
        t->module.f->C_Finalize(NULL);
        t->epoch++;
        r = lk_module_initialize(&t->module);
        if (lk_ok(r))
            r = find_slot(t);
    }
    pthread_rwlock_unlock(&t->life);
    return r;
}

lk_result lk_session_run(struct lk_session *s, lk_session_fn call, void *arg)
{
    lk_result r = attempt(s, call, arg, false);
    if (r.code != LK_R_TOKEN_AWAY)
        return r;
    uint64_t seen = s->epoch;
    r = attempt(s, call, arg, true);
    if (r.code != LK_R_TOKEN_AWAY)
        return r;
    LK_TRY(initialize_again(s->token, seen));
    return attempt(s, call, arg, true);
}

static lk_result find_key(struct lk_session *s, enum lk_token_key key, size_t *n, CK_OBJECT_HANDLE *out)
{
    CK_OBJECT_CLASS class = key_table[key].class;
    const char *label = key_table[key].label;
    const CK_ATTRIBUTE match[] = {
        LK_ATTR(CKA_CLASS, class),
        LK_ATTR_TEXT(CKA_LABEL, label),
        LK_ATTR_TEXT(CKA_ID, label),
    };
    CK_OBJECT_HANDLE found[2] = {CK_INVALID_HANDLE};
    LK_TRY(lk_object_find(s, match, 3, found, 2, n));
    *out = found[0];
    return LK_OK;
}

lk_result lk_session_has_key(struct lk_session *s, enum lk_token_key key, bool *present)
{
    size_t n = 0;
    CK_OBJECT_HANDLE h;
    LK_TRY(find_key(s, key, &n, &h));
    *present = n > 0;
    return LK_OK;
}

lk_result lk_session_key(struct lk_session *s, enum lk_token_key key, CK_OBJECT_HANDLE *out)
{
    if (s->keys[key] == CK_INVALID_HANDLE) {
        size_t n = 0;
        CK_OBJECT_HANDLE h;
        LK_TRY(find_key(s, key, &n, &h));
        if (n != 1) {
            lk_log(LK_LOG_ERROR, "token.key", "label=%s found=%zu", key_table[key].label, n);
            return LK_FAIL(TOKEN_CONFIG);
        }
        s->keys[key] = h;
    }
    *out = s->keys[key];
    return LK_OK;
}
