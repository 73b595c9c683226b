/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_IMA_REPLAY_H
#define LK_IMA_REPLAY_H
/*
 * Which entries of an IMA list a value of PCR 10 covers. Quote and list are read at different times, so the value is that
 * after some prefix; what follows is not attested. Banks other than sha1 are extended with H(template data) since Linux 5.8,
 * before with the SHA-1 template hash padded with zeros.
 */
#include "policy/evidence/ima/list.h"
#include "proto/tpm/algs.h"

struct lk_ima_replay {
    bool matched;
    bool padded;           /* ...by padded SHA-1 hashes */
    size_t covered;        /* entries in the prefix */
    size_t tail;           /* entries after it, as far as they parse */
    size_t violations;     /* in the prefix */
    size_t mismatch;       /* number, from 1, of the prefix's first entry whose template hash is not that of its data; 0: none */
    /* The first entry. */
    bool first_is_aggregate;
    const struct lk_tpm_hash *aggregate_hash; /* NULL: of none that is known */
    uint8_t aggregate[LK_TPM_DIGEST_MAX];
};

/*
 * Replays until PCR 10 has the value. With an absent value: the whole list, matched stays false and covered is all.
 * An entry of another PCR than 10 extends nothing here. last: the value after the covered prefix (or the whole list).
 * IMA_* and MEMORY of list.h, as long as the value was not met; CRYPTO.
 */
LK_MUST_USE lk_result lk_ima_replay(struct lk_bytes list, const struct lk_tpm_hash *hash, struct lk_bytes value,
                                    struct lk_ima_replay *out, uint8_t last[static LK_TPM_DIGEST_MAX]);

#endif
