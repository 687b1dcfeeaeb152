/* SPDX-License-Identifier: Apache-2.0
 * The first line is a pattern, the rest a text: both are taken or refused as libc does, and match
 * as it says. Libc's time and memory have no bound, so what is compared is small. */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "record/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SMALL = 24 };

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

/* Libc reads bytes over 127 and the assertions about words in ways of its own. */
static int comparable(const char *pattern, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)pattern[i] > 126 || pattern[i] == '\0' ||
            (pattern[i] == '\\' && i + 1 < len && strchr("bB<>`'123456789", pattern[i + 1])))
            return 0;
    return len <= SMALL;
}

static void compare(const df__pattern *p, const char *pattern, const char *text, size_t len)
{
    regex_t theirs;
    regmatch_t range = {0, (regoff_t)len};
    if (regcomp(&theirs, pattern, REG_EXTENDED | REG_NOSUB) != 0) {
        must(!p);
        return;
    }
    if (p)
        must(df__pattern_matches(p, text, len) ==
             (regexec(&theirs, text, 0, &range, REG_STARTEND) == 0));
    regfree(&theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = memchr(data, '\n', size);
    size_t len = line ? (size_t)(line - data) : size, states = DF__PATTERN_STATES;
    const char *why = NULL;
    char *text = malloc(size + 2);
    df__pattern *p;
    must(text != NULL);
    memcpy(text, data, size);
    text[len] = text[size] = text[size + 1] = '\0';
    p = df__pattern_compile(&df__heap_libc, (df_bytes){text, len}, &states, &why);
    must(p ? states < DF__PATTERN_STATES : why != NULL);
    if (p && line) {
        int matched = df__pattern_matches(p, text + len + 1, size - len - 1);
        must(matched == 0 || matched == 1);
    }
    if (line && size - len - 1 <= SMALL && comparable(text, len))
        compare(p, text, text + len + 1, size - len - 1);
    df__pattern_free(p);
    free(text);
    return 0;
}
