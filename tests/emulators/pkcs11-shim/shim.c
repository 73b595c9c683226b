/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SoftHSM with faults. What it does wrong is one word in the file that SHIM_CONTROL names, read at every call that
 * counts (C_WrapKey, C_UnwrapKey, C_Sign, C_CreateObject, C_GenerateKey):
 *
 *   hang         the call sleeps for an hour
 *   lose         all sessions are closed under the caller's feet, once (the file is removed)
 *   gone         CKR_DEVICE_REMOVED until C_Initialize is called again
 *   no-template  keys are made without their unwrap templates
 *   socket       the module opens a socket; the call fails when it may not
 *   fork         the module forks
 *   exec         the module starts a program
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REAL_MODULE "/usr/lib/softhsm/libsofthsm2.so"

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST mine;
static bool gone;

static bool control_is(const char *word)
{
    char text[32] = "";
    const char *path = getenv("SHIM_CONTROL");
    FILE *f = path == NULL ? NULL : fopen(path, "r");
    if (f == NULL)
        return false;
    if (fgets(text, sizeof(text), f) == NULL)
        text[0] = 0;
    fclose(f);
    return strcmp(text, word) == 0;
}

static CK_SLOT_ID slot_of(CK_SESSION_HANDLE s)
{
    CK_SESSION_INFO info;
    return real->C_GetSessionInfo(s, &info) == CKR_OK ? info.slotID : 0;
}

static CK_RV misbehave(CK_SESSION_HANDLE s)
{
    if (control_is("hang"))
        sleep(3600);
    if (control_is("lose")) {
        unlink(getenv("SHIM_CONTROL"));
        real->C_CloseAllSessions(slot_of(s));
    }
    if (control_is("gone")) {
        unlink(getenv("SHIM_CONTROL"));
        gone = true;
    }
    if (control_is("socket") && socket(AF_INET, SOCK_STREAM, 0) == -1)
        return CKR_FUNCTION_FAILED;
    if (control_is("fork") && fork() == 0)
        _exit(0);
    if (control_is("exec"))
        execl("/bin/true", "true", (char *)NULL);
    return gone ? CKR_DEVICE_REMOVED : CKR_OK;
}

static CK_RV shim_initialize(CK_VOID_PTR args)
{
    gone = false;
    return real->C_Initialize(args);
}

static CK_RV shim_open_session(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR app, CK_NOTIFY notify,
                               CK_SESSION_HANDLE *s)
{
    return gone ? CKR_DEVICE_REMOVED : real->C_OpenSession(slot, flags, app, notify, s);
}

static CK_RV shim_wrap(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE w, CK_OBJECT_HANDLE k, CK_BYTE *out,
                       CK_ULONG *len)
{
    CK_RV rv = misbehave(s);
    return rv != CKR_OK ? rv : real->C_WrapKey(s, m, w, k, out, len);
}

static CK_RV shim_unwrap(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE u, CK_BYTE *in, CK_ULONG len,
                         CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *out)
{
    CK_RV rv = misbehave(s);
    return rv != CKR_OK ? rv : real->C_UnwrapKey(s, m, u, in, len, t, n, out);
}

static CK_RV shim_sign(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
    CK_RV rv = misbehave(s);
    return rv != CKR_OK ? rv : real->C_Sign(s, in, len, out, out_len);
}

static CK_RV shim_create(CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *out)
{
    CK_RV rv = misbehave(s);
    return rv != CKR_OK ? rv : real->C_CreateObject(s, t, n, out);
}

static CK_RV shim_generate(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *out)
{
    CK_ATTRIBUTE kept[32];
    CK_ULONG k = 0;
    bool drop = control_is("no-template");
    for (CK_ULONG i = 0; i < n && k < 32; i++)
        if (!drop || t[i].type != CKA_UNWRAP_TEMPLATE)
            kept[k++] = t[i];
    return real->C_GenerateKey(s, m, kept, k, out);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list);
CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    void *library = dlopen(REAL_MODULE, RTLD_NOW | RTLD_LOCAL);
    CK_C_GetFunctionList get;
    void *p = library == NULL ? NULL : dlsym(library, "C_GetFunctionList");
    if (p == NULL)
        return CKR_GENERAL_ERROR;
    memcpy(&get, &p, sizeof(get));
    CK_RV rv = get(&real);
    if (rv != CKR_OK)
        return rv;
    mine = *real;
    mine.C_Initialize = shim_initialize;
    mine.C_OpenSession = shim_open_session;
    mine.C_WrapKey = shim_wrap;
    mine.C_UnwrapKey = shim_unwrap;
    mine.C_Sign = shim_sign;
    mine.C_CreateObject = shim_create;
    mine.C_GenerateKey = shim_generate;
    *list = &mine;
    return CKR_OK;
}
