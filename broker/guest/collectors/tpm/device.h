/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLECTOR_TPM_DEVICE_H
#define LK_COLLECTOR_TPM_DEVICE_H
/* A TPM behind any TCTI of tpm2-tss: opening, errors, authorizations, NV. */
#include "broker/guest/collectors/serve.h"

#include <tss2/tss2_esys.h>

struct lk_device {
    TSS2_TCTI_CONTEXT *tcti;
    ESYS_CONTEXT *esys;
};

/* tcti as tpm2-tools take it ("device:/dev/tpmrm0", "swtpm:host=...,port=..."). NO_DEVICE. */
bool lk_device_open(struct lk_device *d, const char *tcti, struct lk_collector_failure *f);
void lk_device_close(struct lk_device *d);

/* True for success; else the failure is DEVICE or DEVICE_BUSY with what and the TPM's words. */
bool lk_device_ok(TSS2_RC rc, const char *what, struct lk_collector_failure *f);

/* Gives a transient object or session back and sets it to ESYS_TR_NONE. */
void lk_device_flush(struct lk_device *d, ESYS_TR *handle);

/*
 * An authorization for the user role of an EK: the empty password when userWithAuth is set (high-range templates), else a
 * fresh policy session with PolicySecret(endorsement) that the next command uses up. lk_device_flush it when that
 * command failed.
 */
bool lk_device_ek_session(struct lk_device *d, bool user_with_auth, ESYS_TR *session, struct lk_collector_failure *f);

/* Bytes of an NV index appended to out; false when there is none, or it cannot be read without a secret. */
bool lk_device_nv(struct lk_device *d, uint32_t index, struct lk_buf *out);

/* Defined NV indices in [first, last], ascending; returns how many. */
size_t lk_device_nv_list(struct lk_device *d, uint32_t first, uint32_t last, uint32_t *out, size_t max);

#endif
