/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/token/module.h"

#include "proto/base/log.h"

#include <dlfcn.h>
#include <string.h>

/* PKCS#11 v3.0, 5.4.5; the header at hand is of version 2.40. A newer function list begins with the 2.40 one. */
struct interface {
    CK_UTF8CHAR *name;
    CK_VOID_PTR functions;
    CK_FLAGS flags;
};
typedef CK_RV (*get_interface_fn)(CK_UTF8CHAR *, CK_VERSION *, struct interface **, CK_FLAGS);

enum { FATE_KNOWN, FATE_AWAY, FATE_MEMORY };

static const struct {
    CK_RV rv;
    const char *name;
    int fate;
} values[] = {
    {CKR_HOST_MEMORY, "HOST_MEMORY", FATE_MEMORY},
    {CKR_DEVICE_MEMORY, "DEVICE_MEMORY", FATE_MEMORY},
    {CKR_SESSION_COUNT, "SESSION_COUNT", FATE_MEMORY},
    {CKR_DEVICE_ERROR, "DEVICE_ERROR", FATE_AWAY},
    {CKR_DEVICE_REMOVED, "DEVICE_REMOVED", FATE_AWAY},
    {CKR_TOKEN_NOT_PRESENT, "TOKEN_NOT_PRESENT", FATE_AWAY},
    {CKR_SESSION_CLOSED, "SESSION_CLOSED", FATE_AWAY},
    {CKR_SESSION_HANDLE_INVALID, "SESSION_HANDLE_INVALID", FATE_AWAY},
    {CKR_USER_NOT_LOGGED_IN, "USER_NOT_LOGGED_IN", FATE_AWAY},
    {CKR_CRYPTOKI_NOT_INITIALIZED, "CRYPTOKI_NOT_INITIALIZED", FATE_AWAY},
    {CKR_OBJECT_HANDLE_INVALID, "OBJECT_HANDLE_INVALID", FATE_AWAY},
    {CKR_KEY_HANDLE_INVALID, "KEY_HANDLE_INVALID", FATE_AWAY},
    {CKR_WRAPPING_KEY_HANDLE_INVALID, "WRAPPING_KEY_HANDLE_INVALID", FATE_AWAY},
    {CKR_UNWRAPPING_KEY_HANDLE_INVALID, "UNWRAPPING_KEY_HANDLE_INVALID", FATE_AWAY},
    {CKR_SLOT_ID_INVALID, "SLOT_ID_INVALID", FATE_AWAY},
    {CKR_GENERAL_ERROR, "GENERAL_ERROR", FATE_KNOWN},
    {CKR_FUNCTION_FAILED, "FUNCTION_FAILED", FATE_KNOWN},
    {CKR_ARGUMENTS_BAD, "ARGUMENTS_BAD", FATE_KNOWN},
    {CKR_ATTRIBUTE_SENSITIVE, "ATTRIBUTE_SENSITIVE", FATE_KNOWN},
    {CKR_ATTRIBUTE_TYPE_INVALID, "ATTRIBUTE_TYPE_INVALID", FATE_KNOWN},
    {CKR_ATTRIBUTE_VALUE_INVALID, "ATTRIBUTE_VALUE_INVALID", FATE_KNOWN},
    {CKR_ATTRIBUTE_READ_ONLY, "ATTRIBUTE_READ_ONLY", FATE_KNOWN},
    {CKR_MECHANISM_INVALID, "MECHANISM_INVALID", FATE_KNOWN},
    {CKR_MECHANISM_PARAM_INVALID, "MECHANISM_PARAM_INVALID", FATE_KNOWN},
    {CKR_TEMPLATE_INCOMPLETE, "TEMPLATE_INCOMPLETE", FATE_KNOWN},
    {CKR_TEMPLATE_INCONSISTENT, "TEMPLATE_INCONSISTENT", FATE_KNOWN},
    {CKR_PIN_INCORRECT, "PIN_INCORRECT", FATE_KNOWN},
    {CKR_PIN_LOCKED, "PIN_LOCKED", FATE_KNOWN},
    {CKR_PIN_EXPIRED, "PIN_EXPIRED", FATE_KNOWN},
    {CKR_USER_PIN_NOT_INITIALIZED, "USER_PIN_NOT_INITIALIZED", FATE_KNOWN},
    {CKR_WRAPPED_KEY_INVALID, "WRAPPED_KEY_INVALID", FATE_KNOWN},
    {CKR_WRAPPED_KEY_LEN_RANGE, "WRAPPED_KEY_LEN_RANGE", FATE_KNOWN},
    {CKR_KEY_UNEXTRACTABLE, "KEY_UNEXTRACTABLE", FATE_KNOWN},
    {CKR_KEY_NOT_WRAPPABLE, "KEY_NOT_WRAPPABLE", FATE_KNOWN},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, "KEY_FUNCTION_NOT_PERMITTED", FATE_KNOWN},
    {CKR_KEY_SIZE_RANGE, "KEY_SIZE_RANGE", FATE_KNOWN},
    {CKR_ENCRYPTED_DATA_INVALID, "ENCRYPTED_DATA_INVALID", FATE_KNOWN},
    {CKR_FUNCTION_NOT_SUPPORTED, "FUNCTION_NOT_SUPPORTED", FATE_KNOWN},
    {CKR_TOKEN_WRITE_PROTECTED, "TOKEN_WRITE_PROTECTED", FATE_KNOWN},
};

static int fate(CK_RV rv)
{
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        if (values[i].rv == rv)
            return values[i].fate;
    return FATE_KNOWN;
}

const char *lk_rv_name(CK_RV rv)
{
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        if (values[i].rv == rv)
            return values[i].name;
    return "";
}

static void log_rv(CK_RV rv, const char *function)
{
    lk_log(LK_LOG_WARN, "token.call-failed", "function=%s rv=0x%lx name=%s", function, rv, lk_rv_name(rv));
}

lk_result lk_rv_result(CK_RV rv)
{
    if (rv == CKR_OK)
        return LK_OK;
    if (fate(rv) == FATE_MEMORY)
        return LK_FAIL(MEMORY);
    return fate(rv) == FATE_AWAY ? LK_FAIL(TOKEN_AWAY) : LK_FAIL(TOKEN_CONFIG);
}

lk_result lk_rv(CK_RV rv, const char *function)
{
    if (rv != CKR_OK)
        log_rv(rv, function);
    return lk_rv_result(rv);
}

/* A data pointer and a function pointer are converted through memory: ISO C has no cast between them. */
static bool symbol(void *library, const char *name, void *function, size_t size)
{
    void *p = dlsym(library, name);
    if (p == NULL)
        return false;
    memcpy(function, &p, size);
    return true;
}

static CK_FUNCTION_LIST *functions_of(void *library)
{
    get_interface_fn get_interface;
    CK_UTF8CHAR name[] = "PKCS 11";
    struct interface *i = NULL;
    if (symbol(library, "C_GetInterface", &get_interface, sizeof(get_interface)) &&
        get_interface(name, NULL, &i, 0) == CKR_OK && i != NULL && i->functions != NULL)
        return i->functions;
    CK_C_GetFunctionList get_list;
    CK_FUNCTION_LIST *list = NULL;
    if (symbol(library, "C_GetFunctionList", &get_list, sizeof(get_list)) && get_list(&list) == CKR_OK)
        return list;
    return NULL;
}

lk_result lk_module_load(struct lk_module *m, const char *path)
{
    m->f = NULL;
    m->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (m->library == NULL) {
        lk_log(LK_LOG_ERROR, "token.module", "error=%s", lk_log_text(dlerror()));
        return LK_FAIL(TOKEN_CONFIG);
    }
    m->f = functions_of(m->library);
    if (m->f == NULL)
        lk_log(LK_LOG_ERROR, "token.module", "error=no-function-list path=%s", lk_log_text(path));
    return m->f == NULL ? LK_FAIL(TOKEN_CONFIG) : LK_OK;
}

lk_result lk_module_initialize(const struct lk_module *m)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    CK_RV rv = m->f->C_Initialize(&args);
    if (rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
        return LK_OK;
    log_rv(rv, "C_Initialize");
    return LK_FAIL(TOKEN_AWAY);
}
