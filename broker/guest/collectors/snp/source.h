/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EVIDENCE_SNP_SOURCE_H
#define LK_EVIDENCE_SNP_SOURCE_H
/*
 * Where SEV-SNP evidence comes from: configfs-tsm (Linux 6.7 and later, Documentation/ABI/testing/configfs-tsm), else
 * /dev/sev-guest (Documentation/virt/coco/sev-guest.rst).
 */
#include "proto/base/buffer.h"

#define LK_SNP_REPORT_LEN 1184
#define LK_SNP_CERTS_MAX (128u << 10)

struct lk_snp_request {
    const uint8_t *user_data; /* 64 bytes: REPORT_DATA */
    const uint32_t *vmpl;     /* VMPLs that the policy allows; the least that this kernel may ask for is taken */
    size_t n_vmpl;            /* 0: the kernel's default */
};

struct lk_snp_evidence {
    struct lk_buf report; /* 1184 bytes */
    struct lk_buf certs;  /* certificate table of the host, may be empty */
};
void lk_snp_evidence_free(struct lk_snp_evidence *e);

/* How it went; text says the system's error. */
enum lk_snp_status { LK_SNP_OK, LK_SNP_NO_DEVICE, LK_SNP_FAILED, LK_SNP_BUSY };

struct lk_snp_error {
    char text[256];
};

/* root: "/sys/kernel/config/tsm". NO_DEVICE when it is not there or another kind of machine provides it. */
enum lk_snp_status lk_snp_from_tsm(const char *root, const struct lk_snp_request *r, struct lk_snp_evidence *out,
                                   struct lk_snp_error *e);

/* device: "/dev/sev-guest". */
enum lk_snp_status lk_snp_from_device(const char *device, const struct lk_snp_request *r, struct lk_snp_evidence *out,
                                      struct lk_snp_error *e);

/* Writes "TEXT: system's error" and returns the status. */
enum lk_snp_status lk_snp_error_set(struct lk_snp_error *e, enum lk_snp_status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
