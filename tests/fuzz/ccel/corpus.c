/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the corpus: ccel_corpus FOLDER. */
#include "tests/unit/policy/evidence/eventlog/builder.h"

#include <stdio.h>

static void write_log(const char *folder, const char *name, unsigned without, bool runtime)
{
    char path[512];
    struct log_builder b;
    builder_open_ccel(&b);
    builder_good_ccel(&b, without);
    if (runtime)
        builder_text(&b, BUILDER_RUNTIME, LK_TCG_EVENT_TAG, "image sha256:1234");
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (f != NULL) {
        fwrite(b.buf.data, 1, b.buf.len, f);
        fclose(f);
    }
    builder_close(&b);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 64;
    write_log(argv[1], "grub", 0, false);
    write_log(argv[1], "insecure", WITHOUT_SECURE_BOOT, false);
    write_log(argv[1], "runtime", 0, true);
    return 0;
}
