/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_AMD_SP_STATE_H
#define LK_AMD_SP_STATE_H
/* The emulator program's folder: keys as PEM, certificates as DER, chains as PEM, the product's name. */
#include "tests/emulators/amd_sp/amd_sp.h"

enum amd_sp_held { AMD_SP_HELD_ARK, AMD_SP_HELD_ASK, AMD_SP_HELD_ASVK, AMD_SP_HELD_VCEK, AMD_SP_HELD_VLEK,
                   AMD_SP_HELD_KEYS };

struct amd_sp_state {
    enum amd_sp_product product;
    EVP_PKEY *keys[AMD_SP_HELD_KEYS];
    struct amd_sp_der ark, ask, asvk;
};

/*
 * Makes keys and certificates in the folder, which is created. Keys that are there already are kept: RSA-4096 keys
 * take seconds. Ends the process on failure.
 */
void amd_sp_state_make(const char *dir, enum amd_sp_product product, struct amd_sp_state *out);

/* Reads what amd_sp_state_make wrote. Ends the process on failure. */
void amd_sp_state_load(const char *dir, struct amd_sp_state *out);

void amd_sp_state_free(struct amd_sp_state *s);

/* Writes dir/name. Ends the process on failure. */
void amd_sp_write(const char *dir, const char *name, const void *data, size_t len);

#endif
