/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EMULATORS_HCL_H
#define LK_EMULATORS_HCL_H
/* HCL reports as Azure's paravisor makes them, in which a test can make one thing wrong. Failures end the test program. */
#include "proto/base/buffer.h"

#include <openssl/types.h>

struct hcl {
    uint32_t signature, version, request, status, data_version, type, hash; /* as in a good report */
    int report_size_off, data_size_off, runtime_size_off;                  /* added to what is right */
    uint32_t reserved;                                                     /* word at byte 20 */
    size_t padding;                                                        /* zeros behind */
    uint8_t padding_end;                                                   /* instead of the last of them */
    const char *before, *between, *after; /* around `"keys":[...]` and behind the AK's JWK: the rest of the JSON */
    const char *kid;                      /* of the AK; NULL: HCLAkPub */
    const char *kty;                      /* NULL: RSA */
    const char *e;                        /* NULL: AQAB */
};

/* A report of an SNP VM that is affirmed. */
struct hcl hcl_good(void);

/* Appends the runtime data that names the key. */
void hcl_runtime_put(struct lk_buf *out, const struct hcl *h, EVP_PKEY *ak);

/* REPORT_DATA for runtime data: its digest by h->hash, then zeros. */
void hcl_report_data(const struct hcl *h, struct lk_bytes runtime, uint8_t out[static 64]);

/* Appends the whole report. hardware: 1184 bytes. */
void hcl_put(struct lk_buf *out, const struct hcl *h, struct lk_bytes hardware, struct lk_bytes runtime);

#endif
