/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TOKEN_MODULE_H
#define LK_TOKEN_MODULE_H
/*
 * A vendor's PKCS#11 module: loaded, initialised, its return values sorted into what the caller can do about them.
 * The module is not forked over (PKCS#11 v3.0, 5.4) and is left with C_Finalize and _exit: some modules' exit handlers
 * run after their libraries' own.
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

#include <p11-kit/pkcs11.h>

struct lk_module {
    void *library;
    CK_FUNCTION_LIST *f;
};

/* dlopen, C_GetInterface ("PKCS 11", any version) or else C_GetFunctionList. TOKEN_CONFIG, with the cause in the log. */
LK_MUST_USE lk_result lk_module_load(struct lk_module *m, const char *path);

/* C_Initialize with operating system locking; done already is as good. TOKEN_AWAY. */
LK_MUST_USE lk_result lk_module_initialize(const struct lk_module *m);

/* Return values by name for the log, where known; "" otherwise. */
const char *lk_rv_name(CK_RV rv);

/*
 * OK, or: TOKEN_AWAY (the session, the object handle or the device is gone: opening and finding again may help), MEMORY,
 * else TOKEN_CONFIG.
 */
LK_MUST_USE lk_result lk_rv_result(CK_RV rv);
/* The same, and what is not OK is logged with the function's name. */
LK_MUST_USE lk_result lk_rv(CK_RV rv, const char *function);

#endif
