/* SPDX-License-Identifier: Apache-2.0
 * jsontext.c: counts brackets and quotes of a JSON text. */
#include "util/jsontext.h"

typedef struct scan {
    const char *text;
    size_t len, at, depth;
    int quoted;
} scan;

/* Goes on after the next bracket that closes. 0: there is none, or it closes nothing: then the
 * text is no JSON, however it goes on. */
static int next_close(scan *s)
{
    while (s->at < s->len) {
        char c = s->text[s->at++];
        if (s->quoted) {
            s->at += c == '\\';
            s->quoted = c != '"';
        } else if (c == '"') {
            s->quoted = 1;
        } else if (c == '{' || c == '[') {
            s->depth++;
        } else if (c == '}' || c == ']') {
            return s->depth && s->depth--;
        }
    }
    return 0;
}

int df__json_is_open(const char *text, size_t len)
{
    scan s = {.text = text, .len = len};
    while (next_close(&s))
        ;
    return s.quoted || s.depth > 0;
}

size_t df__json_first_end(const char *text, size_t len)
{
    scan s = {.text = text, .len = len};
    while (next_close(&s))
        if (s.depth == 1)
            return s.at;
    return 0;
}
