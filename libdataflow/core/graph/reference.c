/* SPDX-License-Identifier: Apache-2.0
 * reference.c: see reference.h. */
#include "core/graph/reference.h"

#include <string.h>

#include "util/buf.h"

static int is_name_char(char c, int first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

static int check_name(const char *s, const df__reference *r, char *err, size_t errlen)
{
    for (size_t i = 0; i < r->name_len; i++) {
        if (r->kind == DF_REF_ENV && !is_name_char(s[r->name + i], i == 0)) {
            df__text_printf(err, errlen,
                            "${env:...} needs a name of letters, digits and _, with :- before a "
                            "default");
            return DF_ESPEC;
        }
    }
    if (r->name_len > 0)
        return DF_OK;
    df__text_printf(err, errlen, "the reference ${%s:} has no name",
                    r->kind == DF_REF_ENV ? "env" : "file");
    return DF_ESPEC;
}

/* What stands after "${" at s[at]. */
static int parse_reference(df_bytes text, size_t at, df__reference *ret, char *err, size_t errlen)
{
    const char *s = text.data, *close = memchr(s + at, '}', text.len - at);
    size_t body = at + 2;
    if (!close) {
        df__text_printf(err, errlen, "\"${\" without \"}\": write $${ for a plain ${");
        return DF_ESPEC;
    }
    ret->begin = at;
    ret->end = (size_t)(close - s) + 1;
    if (text.len - body > 4 && memcmp(s + body, "env:", 4) == 0) {
        ret->kind = DF_REF_ENV;
        ret->name = body + 4;
    } else if (text.len - body > 5 && memcmp(s + body, "file:", 5) == 0) {
        ret->kind = DF_REF_FILE;
        ret->name = body + 5;
    } else {
        df__text_printf(err, errlen,
                        "unknown reference: write ${env:NAME}, ${env:NAME:-default}, ${file:PATH}, "
                        "or $${ for a plain ${");
        return DF_ESPEC;
    }
    ret->name_len = ret->end - 1 - ret->name;
    ret->fallback = 0;
    if (ret->kind == DF_REF_ENV) {
        const char *mark = memmem(s + ret->name, ret->name_len, ":-", 2);
        ret->fallback = mark ? (size_t)(mark - s) + 2 : 0;
        ret->name_len = mark ? (size_t)(mark - s) - ret->name : ret->name_len;
    }
    if (ret->fallback && memmem(s + ret->fallback, ret->end - ret->fallback, "${", 2)) {
        df__text_printf(err, errlen, "a default cannot hold a reference");
        return DF_ESPEC;
    }
    return check_name(s, ret, err, errlen);
}

int df__reference_next(df_bytes text, size_t at, df__reference *ret, char *err, size_t errlen)
{
    const char *s = text.data;
    for (; at + 1 < text.len; at++) {
        if (s[at] != '$')
            continue;
        if (s[at + 1] == '{')
            return parse_reference(text, at, ret, err, errlen);
        if (s[at + 1] == '$' && at + 2 < text.len && s[at + 2] == '{') {
            memset(ret, 0, sizeof *ret);
            ret->begin = at;
            ret->end = at + 3;
            return DF_OK;
        }
    }
    return DF_DONE;
}

int df__reference_any(df_bytes text)
{
    return text.data && memmem(text.data, text.len, "${", 2) != NULL;
}
