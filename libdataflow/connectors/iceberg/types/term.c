/* SPDX-License-Identifier: Apache-2.0
 * term.c: see term.h. */
#include "types/term.h"

#include <string.h>
#include <strings.h>

#include "util/list.h"

enum { NUMBER_MAX = 1000000 };

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static df_bytes trim(df_bytes text)
{
    const char *p = text.data;
    while (text.len && is_blank(*p)) {
        p++;
        text.len--;
    }
    while (text.len && is_blank(p[text.len - 1]))
        text.len--;
    return (df_bytes){p, text.len};
}

/* Up to a comma that is in no parentheses. */
static df_bytes next_part(df_bytes *rest)
{
    const char *p = rest->data;
    size_t at = 0;
    int depth = 0;
    for (; at < rest->len && (depth > 0 || p[at] != ','); at++)
        depth += (p[at] == '(') - (p[at] == ')');
    df_bytes part = {p, at};
    *rest = at < rest->len ? (df_bytes){p + at + 1, rest->len - at - 1} : (df_bytes){NULL, 0};
    return trim(part);
}

/* -1: it is none. */
static int64_t number_of(df_bytes text)
{
    const char *p = text.data;
    int64_t n = text.len ? 0 : -1;
    for (size_t i = 0; i < text.len && n >= 0 && n <= NUMBER_MAX; i++)
        n = p[i] >= '0' && p[i] <= '9' ? n * 10 + (p[i] - '0') : -1;
    return n <= NUMBER_MAX ? n : -1;
}

static int find(df_bytes name)
{
    int kind = df__ice_transform_find(name);
    const char *p = name.data;
    if (kind < 0 && name.len > 1 && p[name.len - 1] == 's')
        kind = df__ice_transform_find((df_bytes){p, name.len - 1});
    return kind == ICE_VOID ? -1 : kind;
}

static int read_arguments(df_bytes text, df__ice_term *ret, const char **why)
{
    df_bytes first = df__list_item(&text);
    int is_two = text.data != NULL;
    df_bytes second = df__list_item(&text);
    int wants = ret->transform.kind == ICE_BUCKET || ret->transform.kind == ICE_TRUNCATE;
    *why = wants ? "takes a number from 1 to 1000000 and a column" : "takes one column";
    if (is_two != wants || text.data)
        return DF_EDATA;
    int64_t number = wants ? number_of(first) : 0;
    ret->column = wants && number >= 0 ? second : first;
    if (number < 0)
        number = number_of(second);
    ret->transform.number = (int32_t)number;
    return ret->column.len && number >= wants ? DF_OK : DF_EDATA;
}

int df__ice_term_next(df_bytes *rest, df__ice_term *ret, const char **why)
{
    memset(ret, 0, sizeof *ret);
    if (!rest->data)
        return DF_DONE;
    df_bytes part = next_part(rest);
    const char *p = part.data, *open = part.len ? memchr(p, '(', part.len) : NULL;
    *why = "has an empty part";
    if (!part.len)
        return DF_EDATA;
    ret->column = part;
    if (!open)
        return DF_OK;
    ret->transform.kind = find(trim((df_bytes){p, (size_t)(open - p)}));
    *why = "has a transform that is none of bucket, truncate, year, month, day, hour and identity";
    if (ret->transform.kind < 0)
        return DF_EDATA;
    *why = "has a parenthesis without its other one";
    if (p[part.len - 1] != ')')
        return DF_EDATA;
    size_t len = part.len - 1 - (size_t)(open + 1 - p);
    return read_arguments((df_bytes){open + 1, len}, ret, why);
}

/* Takes a last word off, whatever its case. 1: it was there. */
static int take_word(df_bytes *part, const char *word)
{
    size_t len = strlen(word);
    const char *p = part->data;
    if (part->len <= len || !is_blank(p[part->len - len - 1]) ||
        strncasecmp(p + part->len - len, word, len) != 0)
        return 0;
    *part = trim((df_bytes){p, part->len - len});
    return 1;
}

/* Nulls are first of an ascending order and last of another one when it is not said. */
int df__ice_sort_next(df_bytes *rest, df__ice_sort_term *ret, const char **why)
{
    memset(ret, 0, sizeof *ret);
    if (!rest->data)
        return DF_DONE;
    df_bytes part = next_part(rest);
    int last = take_word(&part, "last"), first = !last && take_word(&part, "first");
    *why = "says first or last without nulls before it";
    if ((last || first) && !take_word(&part, "nulls"))
        return DF_EDATA;
    ret->falls = take_word(&part, "desc");
    if (!ret->falls)
        (void)take_word(&part, "asc");
    ret->nulls_last = last || (ret->falls && !first);
    return df__ice_term_next(&part, &ret->term, why);
}

void df__ice_term_name(const df__ice_term *t, df__buf *out)
{
    int kind = t->transform.kind;
    df__buf_add(out, t->column.data, t->column.len);
    if (kind != ICE_IDENTITY)
        df__buf_printf(out, "_%s", kind == ICE_TRUNCATE ? "trunc" : df__ice_transform_name(kind));
}

void df__ice_term_transform(const df__ice_term *t, df__buf *out)
{
    df__buf_str(out, df__ice_transform_name(t->transform.kind));
    if (t->transform.number)
        df__buf_printf(out, "[%d]", (int)t->transform.number);
}
