/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_SIGN_H
#define LK_CLI_SIGN_H
#include "proto/base/buffer.h"

/*
 * Signs with ssh-keygen -Y sign (namespace "latchkey"): key is what its -f takes, so files, keys in an agent
 * (name the .pub file), FIDO and, through the agent, PKCS#11 all work. A passphrase or a touch is asked for by
 * ssh-keygen itself. Appends the SSHSIG blob (PROTOCOL.sshsig) to out. SIGN_FAILED.
 */
LK_MUST_USE lk_result lk_cli_sign(const char *key, struct lk_bytes message, struct lk_buf *out);

/* The blob inside "-----BEGIN SSH SIGNATURE-----" armour. SIGN_FAILED when it is none. */
LK_MUST_USE lk_result lk_sshsig_dearmor(struct lk_bytes text, struct lk_buf *out);

#endif
