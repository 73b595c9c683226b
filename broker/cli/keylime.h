/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_KEYLIME_H
#define LK_CLI_KEYLIME_H
/*
 * A Keylime runtime policy, version 1, plain or in a DSSE envelope (docs/reference-sets.md). The JSON is the
 * administrator's own file: jansson reads it, with duplicate keys refused.
 */
#include "broker/cli/set_file.h"

#include <jansson.h>
#include <openssl/types.h>

/*
 * The policy inside the file. With a key the file must be an envelope that the key signed (ECDSA with SHA-256 over DSSE's
 * pre-authentication encoding); without one an envelope is refused, for nothing would be checked. *out is the caller's.
 * POLICY_SYNTAX, POLICY_FIELD, SIGNATURE_INVALID, MEMORY; why goes to standard error.
 */
LK_MUST_USE lk_result lk_keylime_open(struct lk_bytes file, EVP_PKEY *key, json_t **out);

/* Adds digests, keyrings and buffers to the set. POLICY_FIELD, POLICY_VALUE with a line on standard error, MEMORY. */
LK_MUST_USE lk_result lk_keylime_members(json_t *policy, struct lk_set_making *set);

/* What a policy document says for the rest: a block for `ima:` with exclusions, and comments on what is left to decide. */
LK_MUST_USE lk_result lk_keylime_rules(json_t *policy, const char *set, struct lk_buf *out);

#endif
