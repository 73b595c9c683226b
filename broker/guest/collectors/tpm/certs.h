/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLECTOR_TPM_CERTS_H
#define LK_COLLECTOR_TPM_CERTS_H
/* Certificates from files and from the TPM's NV, as DER. */
#include "broker/guest/collectors/tpm/device.h"

#define LK_CHAIN_BYTES_MAX 65536

/* All certificates of the file, PEM or DER, appended as DER. BAD_REQUEST when it cannot be read or holds none. */
bool lk_certs_file(const char *path, struct lk_buf *out, struct lk_collector_failure *f);

/* Length of the first certificate of a run of DER certificates; 0 when there is none. */
size_t lk_certs_first(struct lk_bytes run);

/*
 * The chain that the TPM's maker left in NV 01c00100 to 01c001ff, DER certificates one after another over all
 * indices (TCG EK Credential Profile 2.6, section 2.2.1.5.5); what follows the last is padding. None is no failure.
 */
void lk_certs_nv_chain(struct lk_device *d, struct lk_buf *out);

#endif
