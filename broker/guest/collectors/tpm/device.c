/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/collectors/tpm/device.h"

#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#define NV_CHUNK 512 /* every TPM 2.0 gives at least so much at once (TPM_PT_NV_BUFFER_MAX) */

bool lk_device_open(struct lk_device *d, const char *tcti, struct lk_collector_failure *f)
{
    *d = (struct lk_device){0};
    TSS2_RC rc = Tss2_TctiLdr_Initialize(tcti, &d->tcti);
    if (rc != TSS2_RC_SUCCESS)
        return lk_collector_fail(f, LK_COLLECTOR_NO_DEVICE, "no TPM at %s: %s", tcti, Tss2_RC_Decode(rc));
    rc = Esys_Initialize(&d->esys, d->tcti, NULL);
    if (rc == TSS2_RC_SUCCESS)
        return true;
    lk_device_close(d);
    return lk_collector_fail(f, LK_COLLECTOR_NO_DEVICE, "no TPM 2.0 at %s: %s", tcti, Tss2_RC_Decode(rc));
}

void lk_device_close(struct lk_device *d)
{
    if (d->esys != NULL)
        Esys_Finalize(&d->esys);
    if (d->tcti != NULL)
        Tss2_TctiLdr_Finalize(&d->tcti);
}

/* What passes by itself, whoever says it: the TPM or a resource manager. */
static bool busy(TSS2_RC rc)
{
    static const TSS2_RC codes[] = {TPM2_RC_RETRY,   TPM2_RC_YIELDED,        TPM2_RC_TESTING,      TPM2_RC_NV_RATE,
                                    TPM2_RC_LOCKOUT, TPM2_RC_SESSION_MEMORY, TPM2_RC_OBJECT_MEMORY};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if ((rc & ~TSS2_RC_LAYER_MASK) == codes[i])
            return true;
    return false;
}

bool lk_device_ok(TSS2_RC rc, const char *what, struct lk_collector_failure *f)
{
    if (rc == TSS2_RC_SUCCESS)
        return true;
    return lk_collector_fail(f, busy(rc) ? LK_COLLECTOR_DEVICE_BUSY : LK_COLLECTOR_DEVICE, "%s: %s", what,
                             Tss2_RC_Decode(rc));
}

void lk_device_flush(struct lk_device *d, ESYS_TR *handle)
{
    if (*handle != ESYS_TR_NONE && *handle != ESYS_TR_PASSWORD)
        (void)Esys_FlushContext(d->esys, *handle);
    *handle = ESYS_TR_NONE;
}

bool lk_device_ek_session(struct lk_device *d, bool user_with_auth, ESYS_TR *session, struct lk_collector_failure *f)
{
    static const TPMT_SYM_DEF none = {.algorithm = TPM2_ALG_NULL};
    *session = ESYS_TR_PASSWORD;
    if (user_with_auth)
        return true;
    TSS2_RC rc = Esys_StartAuthSession(d->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                       NULL, TPM2_SE_POLICY, &none, TPM2_ALG_SHA256, session);
    if (!lk_device_ok(rc, "a policy session", f)) {
        *session = ESYS_TR_NONE;
        return false;
    }
    /* The TPM ends the session with the command that uses it. */
    (void)Esys_TRSess_SetAttributes(d->esys, *session, 0, TPMA_SESSION_CONTINUESESSION);
    rc = Esys_PolicySecret(d->esys, ESYS_TR_RH_ENDORSEMENT, *session, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                           NULL, NULL, NULL, 0, NULL, NULL);
    if (lk_device_ok(rc, "the endorsement hierarchy's authorization", f))
        return true;
    lk_device_flush(d, session);
    return false;
}

static bool read_index(struct lk_device *d, ESYS_TR index, const TPMS_NV_PUBLIC *nv, struct lk_buf *out)
{
    ESYS_TR auth = (nv->attributes & TPMA_NV_AUTHREAD) != 0 ? index : ESYS_TR_RH_OWNER;
    for (uint16_t at = 0; at < nv->dataSize;) {
        TPM2B_MAX_NV_BUFFER *chunk = NULL;
        uint16_t left = (uint16_t)(nv->dataSize - at), size = left < NV_CHUNK ? left : NV_CHUNK;
        if (Esys_NV_Read(d->esys, auth, index, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, size, at, &chunk) !=
            TSS2_RC_SUCCESS)
            return false;
        lk_put(out, lk_bytes(chunk->buffer, chunk->size));
        at = (uint16_t)(at + chunk->size);
        bool empty = chunk->size == 0;
        Esys_Free(chunk);
        if (empty)
            return false;
    }
    return lk_ok(lk_buf_ok(out));
}

bool lk_device_nv(struct lk_device *d, uint32_t index, struct lk_buf *out)
{
    ESYS_TR handle = ESYS_TR_NONE;
    TPM2B_NV_PUBLIC *nv = NULL;
    if (Esys_TR_FromTPMPublic(d->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &handle) != TSS2_RC_SUCCESS)
        return false;
    bool done = Esys_NV_ReadPublic(d->esys, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &nv, NULL) ==
                    TSS2_RC_SUCCESS &&
                read_index(d, handle, &nv->nvPublic, out);
    Esys_Free(nv);
    (void)Esys_TR_Close(d->esys, &handle);
    return done;
}

size_t lk_device_nv_list(struct lk_device *d, uint32_t first, uint32_t last, uint32_t *out, size_t max)
{
    TPMS_CAPABILITY_DATA *data = NULL;
    size_t n = 0;
    if (Esys_GetCapability(d->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES, first,
                           TPM2_MAX_CAP_HANDLES, NULL, &data) != TSS2_RC_SUCCESS)
        return 0;
    for (uint32_t i = 0; i < data->data.handles.count && n < max; i++)
        if (data->data.handles.handle[i] >= first && data->data.handles.handle[i] <= last)
            out[n++] = data->data.handles.handle[i];
    Esys_Free(data);
    return n;
}
