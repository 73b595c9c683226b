/* SPDX-License-Identifier: Apache-2.0 */
/* Writes what Intel's service would answer, as the emulated quoting enclave has it: collateral-documents FOLDER */
#include <stdio.h>
#include <stdlib.h>

#include "tests/emulators/intel_qe/intel_qe.h"

static void put(const char *folder, const char *name, const struct qe_blob *blob)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    QE_MUST(f != NULL && fwrite(blob->data, 1, blob->len, f) == blob->len);
    QE_MUST(fclose(f) == 0);
}

int main(int argc, char **argv)
{
    static struct qe_output out;
    struct qe_settings s;
    if (argc != 2)
        return 64;
    for (int tdx = 0; tdx < 2; tdx++) {
        qe_settings_init(&s, tdx == 1, tdx == 1 ? 3 : 1);
        if (tdx == 0)
            s.version = 3;
        qe_make(&s, &out);
        put(argv[1], tdx == 1 ? "tdx-tcb.json" : "sgx-tcb.json", &out.tcb_info);
        put(argv[1], tdx == 1 ? "tdx-qe.json" : "sgx-qe.json", &out.qe_identity);
    }
    put(argv[1], "tcb-chain.pem", &out.tcb_chain);
    put(argv[1], "pck-crl.der", &out.pck_crl);
    put(argv[1], "root-crl.der", &out.root_crl);
    return 0;
}
