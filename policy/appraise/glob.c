/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/appraise/glob.h"

#include <string.h>

bool lk_glob_form_ok(const char *glob)
{
    size_t n = strlen(glob);
    if (n == 0 || n > LK_GLOB_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (glob[i] < 0x20 || glob[i] > 0x7e)
            return false;
        if (glob[i] == '\\' && glob[++i] == '\0')
            return false;
    }
    return true;
}

bool lk_glob_ok(const char *glob)
{
    return lk_glob_form_ok(glob) && glob[strspn(glob, "*?/")] != '\0';
}

/* A star that was passed, and the name's byte from which to try again. */
struct again {
    const char *glob; /* behind the star; NULL: none was passed */
    size_t at;
};

/* The glob's next element against one byte; its length, or 0. */
static size_t one(const char *glob, uint8_t byte)
{
    if (*glob == '?')
        return byte != '/' ? 1 : 0;
    if (*glob == '\\')
        return (uint8_t)glob[1] == byte ? 2 : 0;
    return (uint8_t)*glob == byte ? 1 : 0;
}

/*
 * The last star of each kind is enough to come back to: what stands before it matched as early as it could, and a later
 * match of it would leave less of the name for the rest. A "*" gives up at "/", and then the last "**" goes on.
 */
bool lk_glob_match(const char *glob, struct lk_bytes name)
{
    struct again star = {NULL, 0}, stars = {NULL, 0};
    size_t i = 0;
    for (;;) {
        if (glob[0] == '*' && glob[1] == '*') {
            stars = (struct again){glob += 2, i};
            star.glob = NULL;
            continue;
        }
        if (glob[0] == '*') {
            star = (struct again){++glob, i};
            continue;
        }
        size_t n = *glob != '\0' && i < name.len ? one(glob, name.data[i]) : 0;
        if (n > 0) {
            glob += n;
            i++;
        } else if (*glob == '\0' && i == name.len) {
            return true;
        } else if (star.glob != NULL && star.at < name.len && name.data[star.at] != '/') {
            glob = star.glob;
            i = ++star.at;
        } else if (stars.glob != NULL && stars.at < name.len) {
            glob = stars.glob;
            i = ++stars.at;
            star.glob = NULL;
        } else {
            return false;
        }
    }
}

bool lk_globs_match(const char *const *globs, size_t n, struct lk_bytes name)
{
    for (size_t i = 0; i < n; i++)
        if (lk_glob_match(globs[i], name))
            return true;
    return false;
}
