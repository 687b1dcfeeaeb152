/* SPDX-License-Identifier: Apache-2.0
 * env_file.c: --env-file: lines of NAME=VALUE that ${env:NAME} finds after the environment. */
#include <string.h>

#include "common/process.h"
#include "dfproc/dfproc.h"

enum { ENV_FILE_MAX = 1 << 20 };

typedef struct line {
    const char *name, *value;
    size_t name_len, value_len;
} line;

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **text, size_t *len)
{
    while (*len && is_blank(**text)) {
        (*text)++;
        (*len)--;
    }
    while (*len && is_blank((*text)[*len - 1]))
        (*len)--;
}

static int is_name(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || s[i] == '_' ||
              (i && s[i] >= '0' && s[i] <= '9')))
            return 0;
    return len > 0;
}

/* 1: a variable; 0: an empty line or a comment; -1: something else. */
static int read_line(const char *text, size_t len, line *ret)
{
    const char *equals;
    if (memchr(text, 0, len)) /* no variable of a process can hold it */
        return -1;
    trim(&text, &len);
    if (!len || *text == '#')
        return 0;
    if (len > 7 && !memcmp(text, "export ", 7)) {
        text += 7;
        len -= 7;
        trim(&text, &len);
    }
    equals = memchr(text, '=', len);
    if (!equals)
        return -1;
    ret->name = text;
    ret->name_len = (size_t)(equals - text);
    ret->value = equals + 1;
    ret->value_len = len - ret->name_len - 1;
    trim(&ret->name, &ret->name_len);
    trim(&ret->value, &ret->value_len);
    if (ret->value_len > 1 && strchr("\"'", *ret->value) &&
        ret->value[ret->value_len - 1] == *ret->value) {
        ret->value++;
        ret->value_len -= 2;
    }
    return is_name(ret->name, ret->name_len) ? 1 : -1;
}

static size_t line_length(const df__buf *b, size_t at)
{
    const char *end = memchr(b->data + at, '\n', b->len - at);
    return end ? (size_t)(end - b->data) - at : b->len - at;
}

int dfproc_env_file(dfproc_flow *flow, const char *file)
{
    df__buf *b = &flow->variables;
    char err[400];
    int number = 1;
    line l;
    if (app_file_read(file, ENV_FILE_MAX, b, err, sizeof err) < 0)
        return dfproc_fail("--env-file: %s", err);
    if (b->len >= 3 && !memcmp(b->data, "\xef\xbb\xbf", 3))
        memset(b->data, ' ', 3); /* a byte order mark is no part of the first name */
    for (size_t at = 0, len; at < b->len; at += len + 1, number++) {
        len = line_length(b, at);
        if (read_line(b->data + at, len, &l) < 0)
            return dfproc_fail("--env-file: %s:%d: expects NAME=VALUE%s", file, number,
                               memchr(b->data + at, 0, len) ? ", and there is a NUL character: "
                                                              "save the file as UTF-8"
                                                            : ""),
                   EXIT_USAGE;
    }
    return EXIT_DONE;
}

int dfproc_env_find(const dfproc_flow *flow, const char *name, const char **ret, size_t *ret_len)
{
    const df__buf *b = &flow->variables;
    int found = 0;
    line l;
    for (size_t at = 0, len; at < b->len; at += len + 1) {
        len = line_length(b, at);
        if (read_line(b->data + at, len, &l) != 1 || l.name_len != strlen(name) ||
            memcmp(l.name, name, l.name_len) != 0)
            continue;
        *ret = l.value;
        *ret_len = l.value_len;
        found = 1; /* the last one counts */
    }
    return found;
}
