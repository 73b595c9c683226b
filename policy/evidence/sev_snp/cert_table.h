/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEV_SNP_CERT_TABLE_H
#define LK_SEV_SNP_CERT_TABLE_H
/*
 * The certificate table of the extended report (GHCB specification, SNP Extended
 * Guest Request; configfs-tsm's auxblob): entries {guid[16], u32 offset, u32
 * length}, ended by 24 zero bytes, then the blobs. The host wrote it: untrusted.
 */
#include "proto/base/report.h"

#define LK_SNP_TABLE_ENTRIES_MAX 16

enum lk_snp_entry { LK_SNP_ENTRY_VCEK, LK_SNP_ENTRY_VLEK, LK_SNP_ENTRY_ASK, LK_SNP_ENTRY_ARK, LK_SNP_ENTRY_CRL,
                    LK_SNP_ENTRIES };

/*
 * out[entry] is the blob (PEM or DER), absent when the table has none; entries of unknown GUIDs are
 * checked for their place and otherwise ignored. SNP_TABLE_END, SNP_TABLE_LENGTH, SNP_TABLE_ENTRY,
 * SNP_TABLE_DUPLICATE, SNP_TABLE_OVERLAP.
 */
LK_MUST_USE lk_result lk_snp_cert_table_read(struct lk_bytes in, struct lk_report *report,
                                             struct lk_bytes out[static LK_SNP_ENTRIES]);

/* The GUID as the table holds it: text order, RFC 4122. */
const uint8_t *lk_snp_entry_guid(enum lk_snp_entry entry);

#endif
