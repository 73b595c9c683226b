/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BENCH_EVIDENCE_H
#define LK_BENCH_EVIDENCE_H
/*
 * Evidence for load: what a guest would send, signed in software by the emulators of tests/emulators.
 * Failures end the program.
 */
#include "latchkey.pb-c.h"
#include "proto/base/buffer.h"
#include "tests/emulators/intel_qe/intel_qe.h"

#include <openssl/types.h>

struct bench_maker {
    const char *family;      /* "sev-snp", "tpm" or "tdx" */
    EVP_PKEY *key;           /* VCEK or AK */
    struct qe_output *td;    /* tdx: a quote whose REPORTDATA is replaced, and the documents that go with it */
    bool cold;               /* tdx: all but the root anew for every guest, as of machines never seen */
    struct lk_buf report;    /* sev-snp: a signed report whose REPORT_DATA is replaced */
    struct lk_buf vek, chain; /* sev-snp */
    struct lk_buf public, certificate; /* tpm: TPMT_PUBLIC and certificate of the AK */
};

/* Writes keys, certificates and ca.der for the soft TPM into the folder. */
void bench_prepare_tpm(const char *dir);

/*
 * Reads what bench_prepare_tpm, `amd-sp-emulator make-root` and `report --out DIR/report`, or `intel-qe-emulator --dir DIR
 * documents`, wrote.
 */
void bench_load(struct bench_maker *m, const char *family, const char *dir, bool cold);

/* Room for one item and the bytes that it points to. */
struct bench_item {
    Latchkey__V1__EvidenceItem item;
    Latchkey__V1__EvidencePart parts[6];
    Latchkey__V1__EvidencePart *pointers[6];
    struct lk_buf made[2];
    uint8_t report[1184];
    struct qe_output *td;
};
void bench_item_make(const struct bench_maker *m, const uint8_t binding[static 64], struct bench_item *out);
void bench_item_free(struct bench_item *item);

#endif
