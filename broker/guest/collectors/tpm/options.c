/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/collectors/tpm/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/guest/collectors/tpm/azure.h"
#include "proto/tpm/algs.h"

static const char help[] =
    "usage: latchkey-evidence-tpm [OPTION]...\n"
    "Collects TPM 2.0 evidence for latchkey-fetch, which starts it and talks to it over standard input and output.\n"
    "\n"
    "  --tcti=TCTI         the TPM, as tpm2-tools name it (default device:/dev/tpmrm0)\n"
    "  --ek=KIND           auto, rsa, ecc or ecc384: the endorsement key (default auto: the first with a certificate)\n"
    "  --ek-cert=FILE      its certificate, when it is not in the TPM's NV (with --ek; auto means rsa)\n"
    "  --ek-chain=FILE     certificates between it and the broker's anchor, PEM or DER\n"
    "  --ak=KIND           ecc, ecc384, rsa or rsapss: a fresh attestation key (default ecc)\n"
    "  --hash=HASH         sha256 or sha384: of its signatures (default sha384 for ecc384, else sha256)\n"
    "  --ak-handle=HANDLE  a persistent attestation key instead, as 0x81010002\n"
    "  --ak-cert=FILE      the attestation key's certificate\n"
    "  --hcl-index=INDEX   NV index of an Azure VM's HCL report (default 0x01400001)\n"
    "  --hcl-ak=HANDLE     the attestation key that the report names (default 0x81000003)\n"
    "  --hcl-certs=FILE    certificates for the SEV-SNP report in it: the VCEK, then its chain\n"
    "  --help, --version\n";

enum { O_TCTI = 256, O_EK, O_EK_CERT, O_EK_CHAIN, O_AK, O_HASH, O_AK_HANDLE, O_AK_CERT, O_HCL_CERTS, O_HCL_INDEX, O_HCL_AK, O_HELP, O_VERSION };

static const struct option table[] = {
    {"tcti", required_argument, NULL, O_TCTI},         {"ek", required_argument, NULL, O_EK},
    {"ek-cert", required_argument, NULL, O_EK_CERT},   {"ek-chain", required_argument, NULL, O_EK_CHAIN},
    {"ak", required_argument, NULL, O_AK},             {"hash", required_argument, NULL, O_HASH},
    {"ak-handle", required_argument, NULL, O_AK_HANDLE}, {"ak-cert", required_argument, NULL, O_AK_CERT},
    {"hcl-index", required_argument, NULL, O_HCL_INDEX}, {"hcl-ak", required_argument, NULL, O_HCL_AK},
    {"hcl-certs", required_argument, NULL, O_HCL_CERTS},
    {"help", no_argument, NULL, O_HELP},               {"version", no_argument, NULL, O_VERSION},
    {0},
};

static bool wrong(const char *what, const char *value)
{
    fprintf(stderr, "latchkey-evidence-tpm: %s %s is not known; see --help\n", what, value);
    return false;
}

/* A handle whose first byte (TPM 2.0 Library, part 2, section 7.2) is this. */
static bool read_handle(const char *text, uint8_t type, uint32_t *out)
{
    char *end;
    unsigned long v = strtoul(text, &end, 16);
    *out = (uint32_t)v;
    return *text != '\0' && *end == '\0' && v >> 24 == type;
}

/* Sets taken to whether the option is one of those with a handle; false when its value is none. */
static bool set_handle(int which, const char *value, struct lk_tpm_options *o, bool *taken)
{
    *taken = which == O_AK_HANDLE || which == O_HCL_INDEX || which == O_HCL_AK;
    if (which == O_HCL_INDEX)
        return read_handle(value, TPM2_HT_NV_INDEX, &o->hcl_index) || wrong("NV index", value);
    if (which == O_AK_HANDLE || which == O_HCL_AK)
        return read_handle(value, TPM2_HT_PERSISTENT, which == O_HCL_AK ? &o->hcl_ak : &o->ak_handle) ||
               wrong("persistent handle", value);
    return true;
}

static void set(int which, const char *value, struct lk_tpm_options *o)
{
    const char **const fields[] = {
        [O_TCTI - O_TCTI] = &o->tcti,         [O_EK - O_TCTI] = &o->ek,     [O_EK_CERT - O_TCTI] = &o->ek_cert,
        [O_EK_CHAIN - O_TCTI] = &o->ek_chain, [O_AK - O_TCTI] = &o->ak,     [O_HASH - O_TCTI] = &o->hash,
        [O_AK_HANDLE - O_TCTI] = NULL,        [O_AK_CERT - O_TCTI] = &o->ak_cert,
        [O_HCL_CERTS - O_TCTI] = &o->hcl_certs,
    };
    *fields[which - O_TCTI] = value;
}

static bool check(const struct lk_tpm_options *o)
{
    if (strcmp(o->ek, "auto") != 0 && lk_ek_kind(o->ek) == NULL)
        return wrong("EK", o->ek);
    if (lk_ak_kind(o->ak) == NULL)
        return wrong("AK", o->ak);
    if (o->hash != NULL && strcmp(o->hash, "sha256") != 0 && strcmp(o->hash, "sha384") != 0)
        return wrong("hash", o->hash);
    return true;
}

bool lk_tpm_options_read(int argc, char **argv, struct lk_tpm_options *o, const char **tell)
{
    *o = (struct lk_tpm_options){.tcti = "device:/dev/tpmrm0", .ek = "auto", .ak = "ecc", .hcl_index = LK_AZURE_INDEX, .hcl_ak = LK_AZURE_AK};
    bool taken;
    *tell = NULL;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (c == '?')
            return false;
        if (c == O_HELP)
            *tell = help;
        else if (c == O_VERSION)
            *tell = "latchkey-evidence-tpm " LK_VERSION "\n";
        else if (!set_handle(c, optarg, o, &taken))
            return false;
        else if (!taken)
            set(c, optarg, o);
    }
    if (optind < argc)
        return wrong("argument", argv[optind]);
    return check(o);
}
