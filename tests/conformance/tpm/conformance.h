/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TPM_CONFORMANCE_H
#define TPM_CONFORMANCE_H
/* Public TPM evidence, each with the outcome that its source documents. Paths are relative to VECTORS. */
#include "policy/chain/chain.h"

#define VECTORS "../shared/vectors/tpm/"

/* A file's bytes in the arena; absent for a NULL name. A file that is not there ends the program. */
struct lk_bytes read_vector(struct lk_arena *arena, const char *name);

/* Adds the one certificate of a PEM or DER file. */
void add_certificate(struct lk_trust *trust, struct lk_arena *arena, const char *name, bool anchor);

/* Tells and counts an outcome that is not the wanted one. */
void expect_code(const char *what, enum lk_reason_code got, enum lk_reason_code wanted);
void expect_true(const char *what, bool holds);

/* Each runs its table and returns how many rows it had. */
int run_bundles(void);
int run_certificates(void);

#endif
