/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BENCH_FLOOR_H
#define LK_BENCH_FLOOR_H
/*
 * What the signatures alone cost, bare OpenSSL on this machine in this run: the figure that releases are
 * divided by. Times are CPU seconds of the calling thread.
 */
struct bench_floor {
    double p384_verify;    /* seconds for one ECDSA P-384 SHA-384 verification, key parsed */
    double rsa2048_verify; /* RSASSA SHA-256, key parsed */
    double tdx_warm;       /* the two signatures of a TD's quote (P-256), keys parsed */
    double tdx_cold;       /* parse PCK chain and TCB signer, verify their signatures, two lists', two documents', the quote's two */
    double snp_cold;       /* parse VEK, ASK and ARK, verify their three PSS signatures and the report's */
};

/* cert_chain.pem and report/vek.der of the emulator's folder serve for the cold figure. */
struct bench_floor bench_floor(const char *snp_dir);

#endif
