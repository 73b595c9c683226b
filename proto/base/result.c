/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/result.h"

#include <string.h>

static const struct lk_reason reasons[LK_R_COUNT] = {
#define LK_REASON(id, name, cls, text, remedy) [LK_R_##id] = {name, LK_CLASS_##cls, text, remedy},
#include "proto/base/reasons/all.def"
#undef LK_REASON
};

static const struct {
    const char *name;
    int exit;
} classes[LK_CLASS_COUNT] = {
    [LK_CLASS_AFFIRMED] = {"affirmed", 0},         [LK_CLASS_MALFORMED] = {"malformed", 4},
    [LK_CLASS_NOT_AUTHENTIC] = {"not-authentic", 2}, [LK_CLASS_REFUSED] = {"refused", 1},
    [LK_CLASS_CANNOT_JUDGE] = {"cannot-judge", 3}, [LK_CLASS_UNAVAILABLE] = {"unavailable", 3},
    [LK_CLASS_INTERNAL] = {"internal", 70},
};

const struct lk_reason *lk_reason(enum lk_reason_code code)
{
    unsigned i = (unsigned)code;
    return &reasons[i < LK_R_COUNT ? i : LK_R_INTERNAL];
}

enum lk_reason_code lk_reason_by_name(const char *name)
{
    for (unsigned i = 0; i < LK_R_COUNT; i++)
        if (strcmp(reasons[i].name, name) == 0)
            return (enum lk_reason_code)i;
    return LK_R_COUNT;
}

enum lk_class lk_class_of(lk_result r)
{
    return lk_reason(r.code)->cls;
}

const char *lk_class_name(enum lk_class cls)
{
    unsigned i = (unsigned)cls;
    return classes[i < LK_CLASS_COUNT ? i : LK_CLASS_INTERNAL].name;
}

int lk_class_exit(enum lk_class cls)
{
    unsigned i = (unsigned)cls;
    return classes[i < LK_CLASS_COUNT ? i : LK_CLASS_INTERNAL].exit;
}
