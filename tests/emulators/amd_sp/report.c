/* SPDX-License-Identifier: Apache-2.0 */
/* ATTESTATION_REPORT: offsets of SEV-SNP ABI (publication 56860). */
#include "tests/emulators/amd_sp/amd_sp.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct amd_sp_report amd_sp_report_default(enum amd_sp_product product)
{
    static const uint8_t tcbs[][8] = {{4, 0, 0, 0, 0, 0, 24, 219}, {10, 0, 0, 0, 0, 0, 23, 84}, {1, 1, 1, 4, 0, 0, 0, 81}};
    static const uint8_t cpuids[][3] = {{0x19, 0x01, 1}, {0x19, 0x11, 1}, {0x1a, 0x02, 1}};
    struct amd_sp_report r = {.version = product == AMD_SP_TURIN ? 5 : 3, .signature_algo = 1, .policy = 0x30000,
                              .platform_info = 0x25, .guest_svn = 3};
    memcpy(r.cpuid, cpuids[product], 3);
    memcpy(r.current_tcb, tcbs[product], 8);
    memcpy(r.reported_tcb, tcbs[product], 8);
    memcpy(r.committed_tcb, tcbs[product], 8);
    memcpy(r.launch_tcb, tcbs[product], 8);
    for (size_t i = 0; i < (product == AMD_SP_TURIN ? 8u : 64u); i++)
        r.chip_id[i] = (uint8_t)(0xc0 + i);
    memset(r.measurement, 0x4d, sizeof(r.measurement));
    memset(r.report_id, 0x1d, sizeof(r.report_id));
    memset(r.report_id_ma, 0xff, sizeof(r.report_id_ma));
    const uint8_t firmware[3] = {29, 55, 1};
    memcpy(r.current_firmware, firmware, 3);
    memcpy(r.committed_firmware, firmware, 3);
    if (product == AMD_SP_TURIN)
        r.launch_mitigations = r.current_mitigations = 0x3f;
    return r;
}

static void put(uint8_t *out, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(v >> 8 * i);
}

void amd_sp_report_write(const struct amd_sp_report *r, uint8_t out[static AMD_SP_REPORT])
{
    memset(out, 0, AMD_SP_REPORT);
    put(out + 0x000, r->version, 4);
    put(out + 0x004, r->guest_svn, 4);
    put(out + 0x008, r->policy, 8);
    memcpy(out + 0x010, r->family_id, 16);
    memcpy(out + 0x020, r->image_id, 16);
    put(out + 0x030, r->vmpl, 4);
    put(out + 0x034, r->signature_algo, 4);
    memcpy(out + 0x038, r->current_tcb, 8);
    put(out + 0x040, r->platform_info, 8);
    put(out + 0x048, r->key_info, 4);
    memcpy(out + 0x050, r->report_data, 64);
    memcpy(out + 0x090, r->measurement, 48);
    memcpy(out + 0x0c0, r->host_data, 32);
    memcpy(out + 0x0e0, r->id_key_digest, 48);
    memcpy(out + 0x110, r->author_key_digest, 48);
    memcpy(out + 0x140, r->report_id, 32);
    memcpy(out + 0x160, r->report_id_ma, 32);
    memcpy(out + 0x180, r->reported_tcb, 8);
    memcpy(out + 0x188, r->cpuid, 3);
    memcpy(out + 0x1a0, r->chip_id, 64);
    memcpy(out + 0x1e0, r->committed_tcb, 8);
    memcpy(out + 0x1e8, r->current_firmware, 3);
    memcpy(out + 0x1ec, r->committed_firmware, 3);
    memcpy(out + 0x1f0, r->launch_tcb, 8);
    put(out + 0x1f8, r->launch_mitigations, 8);
    put(out + 0x200, r->current_mitigations, 8);
}

void amd_sp_report_sign(uint8_t report[static AMD_SP_REPORT], EVP_PKEY *vek)
{
    uint8_t der[160];
    size_t n = sizeof(der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, vek) != 1 ||
        EVP_DigestSign(ctx, der, &n, report, 0x2a0) != 1)
        abort();
    const uint8_t *p = der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
    if (sig == NULL || BN_bn2lebinpad(ECDSA_SIG_get0_r(sig), report + 0x2a0, 72) != 72 ||
        BN_bn2lebinpad(ECDSA_SIG_get0_s(sig), report + 0x2e8, 72) != 72)
        abort();
    ECDSA_SIG_free(sig);
    EVP_MD_CTX_free(ctx);
}
