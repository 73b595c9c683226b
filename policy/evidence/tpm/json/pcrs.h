/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EVIDENCE_TPM_JSON_PCRS_H
#define LK_EVIDENCE_TPM_JSON_PCRS_H
/*
 * PCR files for the command line: JSON {"sha256": {"0": "hex", ...}, ...} into the raw values that the part `pcrs` of
 * family "tpm" has. Only command line tools link this: no JSON reaches a verifier.
 */
#include "proto/base/buffer.h"

/*
 * Appends to out the values that the quote selects, in its order. A file of exactly as many bytes as the
 * selection names is raw already and copied (JSON of the same values is more than twice as long); so is any file when attest
 * is no quote, for the family to refuse. Banks and PCRs that the quote does not select are ignored; members of an
 * object must be unique. TPM_PCRS_JSON; TOO_LARGE.
 */
LK_MUST_USE lk_result lk_tpm_pcrs_convert(struct lk_bytes attest, struct lk_bytes file, struct lk_buf *out);

#endif
