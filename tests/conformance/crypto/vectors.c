/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/crypto/vectors.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "../shared/vectors/crypto"

bool vectors_present(void)
{
    if (access(FOLDER, R_OK) == 0)
        return true;
    printf("SKIPPED: no vectors in %s\n", FOLDER);
    return false;
}

json_t *vectors_load(const char *name)
{
    char path[256];
    json_error_t error;
    snprintf(path, sizeof(path), "%s/%s", FOLDER, name);
    json_t *j = json_load_file(path, 0, &error);
    if (j == NULL)
        printf("%s: %s\n", path, error.text);
    return j;
}

const char *vector_text(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text == NULL ? "" : text;
}

struct lk_buf vector_bytes(const json_t *object, const char *member)
{
    const char *hex = vector_text(object, member);
    struct lk_buf b = lk_buf(1 << 16);
    size_t len = strlen(hex) / 2;
    uint8_t *room = len == 0 ? NULL : lk_put_room(&b, len);
    if (room != NULL && lk_unhex(hex, 2 * len, room, len) != (ptrdiff_t)len)
        b.len = 0;
    return b;
}
