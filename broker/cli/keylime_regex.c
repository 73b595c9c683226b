/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/keylime_regex.h"

#include <string.h>

struct translating {
    const char *at, *end;
    char *glob;
    size_t n;
    bool open, wider; /* nothing says yet where a match ends; "." was taken for any byte */
};

static bool put(struct translating *t, const char *text)
{
    size_t n = strlen(text);
    if (t->n + n > LK_GLOB_MAX)
        return false;
    memcpy(t->glob + t->n, text, n + 1);
    t->n += n;
    return true;
}

/* A byte that stands for itself. */
static bool put_literal(struct translating *t, char c)
{
    char text[3] = {'\\', c, '\0'};
    return put(t, strchr("*?\\", c) != NULL ? text : text + 1);
}

static bool take(struct translating *t, const char *text)
{
    size_t n = strlen(text);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, text, n) != 0)
        return false;
    t->at += n;
    return true;
}

static bool quantified(const struct translating *t)
{
    return t->at < t->end && strchr("*+?{", *t->at) != NULL;
}

/* One element of the expression. */
static bool element(struct translating *t)
{
    if (take(t, "[^/]*"))
        return !quantified(t) && put(t, "*");
    if (take(t, "[^/]+"))
        return !quantified(t) && put(t, "?*");
    if (take(t, ".*")) {
        t->wider = t->wider || t->at < t->end; /* at the end any byte may follow anyway */
        return !quantified(t) && put(t, "**");
    }
    char c = *t->at++;
    bool escaped = c == '\\';
    if (escaped && (t->at == t->end || strchr(".*+?[](){}|^$\\/-_ ~@%&=:;,!#'\"<>", *t->at) == NULL))
        return false; /* classes and the like */
    if (escaped)
        c = *t->at++;
    else if (strchr(".*+?[](){}|^$", c) != NULL)
        return false;
    return c > 0x1f && c < 0x7f && !quantified(t) && put_literal(t, c);
}

enum lk_regex_fit lk_regex_to_glob(const char *regex, size_t len, char glob[static LK_GLOB_MAX + 1])
{
    struct translating t = {.at = regex, .end = regex + len, .glob = glob, .open = true};
    bool fine = true;
    glob[0] = '\0';
    (void)take(&t, "^");
    if (len > 0 && t.end > t.at && t.end[-1] == '$' && (t.end - 1 == t.at || t.end[-2] != '\\')) {
        t.end--;
        t.open = false;
        t.wider = t.end - t.at >= 2 && memcmp(t.end - 2, ".*", 2) == 0;
    }
    while (fine && t.at < t.end)
        fine = element(&t);
    if (fine && t.open && (t.n < 2 || strcmp(glob + t.n - 2, "**") != 0))
        fine = put(&t, "**");
    if (!fine || !lk_glob_ok(glob)) {
        glob[0] = '\0';
        return LK_REGEX_NONE;
    }
    return t.wider ? LK_REGEX_WIDER : LK_REGEX_EXACT;
}
