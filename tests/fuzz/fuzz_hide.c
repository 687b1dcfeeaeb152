/* SPDX-License-Identifier: Apache-2.0
 * The first line is a secret, the second another, the rest a text that repeats what it likes of
 * them: nothing of eight bytes and more, and no whole secret, is left of it, and it does not
 * grow. */
#include <stdlib.h>
#include <string.h>

#include "core/graph/secret.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

/* Stars may be ours, so pieces with one prove nothing. */
static void absent(const char *text, const char *piece, size_t len)
{
    if (!memchr(piece, '*', len) && !memchr(piece, 0, len))
        must(!memmem(text, strlen(text), piece, len));
}

static void check(const char *text, df_bytes secret)
{
    const char *s = secret.data;
    if (secret.len >= 4)
        absent(text, s, secret.len);
    for (size_t i = 0; i + 8 <= secret.len; i++)
        absent(text, s + i, 8);
}

static df_bytes take_line(const char **at, const char *end)
{
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    df_bytes line = {*at, (size_t)((stop ? stop : end) - *at)};
    *at = stop ? stop + 1 : end;
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;
    df_bytes first = take_line(&at, end), second = take_line(&at, end);
    df__secrets *s = df__secrets_new(&df__heap_libc, NULL, NULL);
    size_t len = (size_t)(end - at);
    char *text = malloc(len + 1), shown[48];
    must(s && text);
    memcpy(text, at, len);
    text[len] = 0;
    len = strlen(text);
    must(df__secrets_know(s, first) == DF_OK && df__secrets_know(s, second) == DF_OK);
    df__secrets_printf(s, shown, sizeof shown, "%s", text);
    df__secrets_scrub(s, text);
    must(strlen(text) <= len && strlen(shown) < sizeof shown);
    check(text, first);
    check(text, second);
    check(shown, first);
    check(shown, second);
    free(text);
    df__secrets_free(s);
    return 0;
}
