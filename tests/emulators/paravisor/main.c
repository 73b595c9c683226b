/* SPDX-License-Identifier: Apache-2.0 */
/* paravisor-emulator: the HCL report that an Azure paravisor would leave in the NV of a test's software TPM. */
#include "tests/emulators/paravisor/hcl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#define HARDWARE 1184

static const char usage[] =
    "usage: paravisor-emulator AK.pem                    prints REPORT_DATA for the runtime data that name this AK, as hex\n"
    "       paravisor-emulator AK.pem HARDWARE TYPE OUT  writes the HCL report; HARDWARE: the report, TYPE: 2 SNP, 4 TDX\n";

static _Noreturn void wrong(const char *what)
{
    fprintf(stderr, "paravisor-emulator: %s\n%s", what, usage);
    exit(64);
}

static EVP_PKEY *read_key(const char *path)
{
    FILE *f = fopen(path, "r");
    EVP_PKEY *key = f == NULL ? NULL : PEM_read_PUBKEY(f, NULL, NULL, NULL);
    if (key == NULL)
        wrong("the AK cannot be read");
    fclose(f);
    return key;
}

static void print_report_data(const struct hcl *h, struct lk_bytes runtime)
{
    uint8_t data[64];
    hcl_report_data(h, runtime, data);
    for (size_t i = 0; i < sizeof(data); i++)
        printf("%02x", data[i]);
    putchar('\n');
}

static void write_report(const struct hcl *h, struct lk_bytes runtime, const char *from, const char *to)
{
    uint8_t hardware[HARDWARE] = {0};
    LK_BUF_AUTO out = lk_buf(4096);
    FILE *f = fopen(from, "rb");
    if (f == NULL || fread(hardware, 1, sizeof(hardware), f) == 0)
        wrong("the hardware report cannot be read");
    fclose(f);
    hcl_put(&out, h, LK_BYTES(hardware), runtime);
    f = fopen(to, "wb");
    if (f == NULL || fwrite(out.data, 1, out.len, f) != out.len || fclose(f) != 0)
        wrong("the HCL report cannot be written");
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 5)
        wrong("an AK, or four arguments");
    struct hcl h = hcl_good();
    /* Without user-data, as older reports: swtpm has no NV index over 2048 bytes. */
    h.after = ",\"vm-configuration\":{\"secure-boot\":true,\"tpm-enabled\":true,\"vmUniqueId\":\"0A1B2C3D-0000-4000-8000-00000000000F\"}}";
    if (argc == 5)
        h.type = (uint32_t)strtoul(argv[3], NULL, 10);
    LK_BUF_AUTO runtime = lk_buf(2048);
    EVP_PKEY *ak = read_key(argv[1]);
    hcl_runtime_put(&runtime, &h, ak);
    EVP_PKEY_free(ak);
    if (argc == 2)
        print_report_data(&h, lk_buf_bytes(&runtime));
    else
        write_report(&h, lk_buf_bytes(&runtime), argv[2], argv[4]);
    return 0;
}
