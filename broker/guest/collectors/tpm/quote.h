/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLECTOR_TPM_QUOTE_H
#define LK_COLLECTOR_TPM_QUOTE_H
/* A quote and the PCR values that it covers. */
#include "broker/guest/collectors/tpm/keys.h"

#define LK_QUOTE_VALUES_MAX 8192 /* bytes: 32 PCRs of four banks at most */

/*
 * The selection that a broker asks for; an empty one is sha256, PCR 0 to 7. BAD_REQUEST for a bank that is not
 * known or twice, or an index over 31.
 */
bool lk_quote_selection(const Latchkey__V1__EvidenceItemRequest *request, TPML_PCR_SELECTION *out,
                        struct lk_collector_failure *f);

/*
 * Quotes the selection with nonce (32 bytes) as extraData. Appends the TPMS_ATTEST, the TPMT_SIGNATURE and the values
 * in the order of the selection. The values are read after the quote; when a PCR changed in between, both are
 * repeated, up to five times: DEVICE_BUSY after that. NO_BANK when the TPM did not quote all that was asked for.
 */
bool lk_quote(struct lk_device *d, const struct lk_tpm_key *ak, const TPML_PCR_SELECTION *selection,
              struct lk_bytes nonce, struct lk_buf *attest, struct lk_buf *signature, struct lk_buf *values,
              struct lk_collector_failure *f);

#endif
