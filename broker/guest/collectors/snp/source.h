/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EVIDENCE_SNP_SOURCE_H
#define LK_EVIDENCE_SNP_SOURCE_H
/*
 * Where SEV-SNP evidence comes from: configfs-tsm (Linux 6.7 and later, Documentation/ABI/testing/configfs-tsm), else
 * /dev/sev-guest (Documentation/virt/coco/sev-guest.rst).
 */
#include "broker/guest/collectors/device.h"
#include "proto/base/buffer.h"

#define LK_SNP_REPORT_LEN 1184
#define LK_SNP_CERTS_MAX (128u << 10)
#define LK_SNP_MANIFEST_MAX (16u << 10)

struct lk_snp_request {
    const uint8_t *user_data; /* 64 bytes: REPORT_DATA */
    const uint32_t *vmpl;     /* VMPLs that the policy allows; the least that this kernel may ask for is taken */
    size_t n_vmpl;            /* 0: the kernel's default */
    bool svsm;                /* the module at VMPL 0 is asked, for its virtual TPM's manifest too (Linux 6.11) */
};

struct lk_snp_evidence {
    struct lk_buf report; /* 1184 bytes */
    struct lk_buf certs;  /* certificate table of the host, may be empty */
    struct lk_buf manifest; /* of the module's virtual TPM; empty unless it was asked */
};
void lk_snp_evidence_free(struct lk_snp_evidence *e);

/* root: "/sys/kernel/config/tsm". NONE when it is not there or another kind of machine provides it. */
enum lk_device_status lk_snp_from_tsm(const char *root, const struct lk_snp_request *r, struct lk_snp_evidence *out,
                                      struct lk_device_error *e);

/* device: "/dev/sev-guest". */
enum lk_device_status lk_snp_from_device(const char *device, const struct lk_snp_request *r, struct lk_snp_evidence *out,
                                         struct lk_device_error *e);

#endif
