/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/fetch/sources.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "latchkey."
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyz-"

bool lk_source_fail(struct lk_source_error *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    return false;
}

/* Texts that are shown on a console and put into arguments: no control characters. UTF-8 goes through as it is. */
static bool prints(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
            return false;
    return true;
}

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t", text[len - 1]) != NULL)
        text[--len] = '\0';
    return text;
}

static bool read_line(char *line, lk_source_put *put, void *to, struct lk_source_error *e)
{
    char *name = trim(line);
    if (*name == '\0' || *name == '#')
        return true;
    size_t len = strspn(name, NAME_CHARS);
    char *equals = name + len + strspn(name + len, " \t");
    if (len == 0 || *equals != '=')
        return lk_source_fail(e, "a line is NAME = VALUE");
    char *value = trim(equals + 1);
    if (*value == '\0')
        return lk_source_fail(e, "there is no value");
    name[len] = '\0';
    return put(to, name, value, e);
}

bool lk_source_file(char *text, size_t len, lk_source_put *put, void *to, struct lk_source_error *e)
{
    *e = (struct lk_source_error){0};
    if (len > LK_SOURCE_MAX)
        return lk_source_fail(e, "it has more than %d bytes", LK_SOURCE_MAX);
    text[len] = '\0';
    for (size_t at = 0; at < len;) {
        char *line = text + at, *end = memchr(line, '\n', len - at);
        size_t n = end == NULL ? len - at : (size_t)(end - line);
        e->line++;
        line[n] = '\0';
        if (!prints(line, n))
            return lk_source_fail(e, "it has a control character");
        if (!read_line(line, put, to, e))
            return false;
        at += n + 1;
    }
    return true;
}

/* Cuts the next word off, its quotes taken out; NULL at the end. */
static char *next_word(char **rest)
{
    char *in = *rest + strspn(*rest, " \t\n"), *word = in, *out = in;
    bool quoted = false;
    if (*in == '\0')
        return NULL;
    for (; *in != '\0' && (quoted || strchr(" \t\n", *in) == NULL); in++) {
        if (*in == '"')
            quoted = !quoted;
        else
            *out++ = *in;
    }
    *rest = *in == '\0' ? in : in + 1;
    *out = '\0';
    return word;
}

static bool read_word(char *word, lk_source_put *put, void *to, struct lk_source_error *e)
{
    if (strncmp(word, PREFIX, sizeof(PREFIX) - 1) != 0)
        return true;
    char *name = word + sizeof(PREFIX) - 1, *equals = strchr(name, '=');
    if (!prints(word, strlen(word)) || (equals != NULL && equals[1] == '\0'))
        return lk_source_fail(e, "a word is " PREFIX "NAME=VALUE");
    if (equals != NULL)
        *equals = '\0';
    return put(to, name, equals == NULL ? NULL : equals + 1, e);
}

bool lk_source_kernel(char *text, size_t len, lk_source_put *put, void *to, struct lk_source_error *e)
{
    *e = (struct lk_source_error){0};
    if (len > LK_SOURCE_MAX || memchr(text, '\0', len) != NULL)
        return lk_source_fail(e, "it is no command line of at most %d bytes", LK_SOURCE_MAX);
    text[len] = '\0';
    for (char *word; (word = next_word(&text)) != NULL && strcmp(word, "--") != 0;)
        if (!read_word(word, put, to, e))
            return false;
    return true;
}
