/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the corpus: eventlog_corpus FOLDER. */
#include "tests/unit/policy/evidence/eventlog/builder.h"

#include <stdio.h>

static void write_log(const char *folder, const char *name, bool agile, unsigned without)
{
    char path[512];
    struct log_builder b;
    builder_open(&b, agile);
    builder_good(&b, without);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (f != NULL) {
        fputc(0, f);
        fwrite(b.buf.data, 1, b.buf.len, f);
        fclose(f);
    }
    builder_close(&b);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 64;
    write_log(argv[1], "agile", true, 0);
    write_log(argv[1], "sha1", false, 0);
    write_log(argv[1], "insecure", true, WITHOUT_SECURE_BOOT);
    return 0;
}
