/* SPDX-License-Identifier: Apache-2.0
 * jsontext.c: counts brackets and quotes of a JSON text. */
#include "util/jsontext.h"

int df__json_is_open(const char *text, size_t len)
{
    size_t depth = 0;
    int quoted = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = 1;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return 0; /* no JSON, however it goes on */
            depth--;
        }
    }
    return quoted || depth > 0;
}
