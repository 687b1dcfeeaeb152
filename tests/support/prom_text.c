/* SPDX-License-Identifier: Apache-2.0
 * prom_text.c: see prom_text.h. */
#include "prom_text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct family {
    const char *name;
    size_t len;
    char type; /* c, g, h */
} family;

typedef struct reader {
    const char *at, *end;
    family families[512];
    size_t family_count;
    struct {
        const char *text;
        size_t len;
    } * series;
    size_t series_count, series_cap;
    const char *bucket; /* labels of the running histogram, without le */
    size_t bucket_len;
    double buckets, last; /* its +Inf and the newest bucket */
    char *err;
    size_t errlen;
} reader;

static int wrong(reader *r, const char *what)
{
    const char *end = memchr(r->at, '\n', (size_t)(r->end - r->at));
    snprintf(r->err, r->errlen, "%s: %.*s", what, (int)((end ? end : r->end) - r->at), r->at);
    return 0;
}

static size_t name_len(const char *p, const char *end, int colon)
{
    const char *from = p;
    while (p < end && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' ||
                       (colon && *p == ':') || (p > from && *p >= '0' && *p <= '9')))
        p++;
    return (size_t)(p - from);
}

/* Length of the sequence at s; 0: none. */
static size_t utf8(const unsigned char *s, size_t left)
{
    static const struct {
        unsigned char first, last, low, high;
        size_t n;
    } rows[] = {
        {0x00, 0x7f, 0x80, 0xbf, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    size_t k = 0, i;
    while (k < 9 && (s[0] < rows[k].first || s[0] > rows[k].last))
        k++;
    if (k == 9 || rows[k].n > left)
        return 0;
    for (i = 1; i < rows[k].n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return i == 1 || (s[1] >= rows[k].low && s[1] <= rows[k].high) ? i : 0;
}

/* The value after its opening quote; the answer is after the closing one. NULL: wrong. */
static const char *label_value(const char *p, const char *end)
{
    while (p < end && *p != '"') {
        size_t n = utf8((const unsigned char *)p, (size_t)(end - p));
        if (!n || *p == '\n')
            return NULL;
        if (*p == '\\') {
            if (p + 1 >= end || (p[1] != '\\' && p[1] != '"' && p[1] != 'n'))
                return NULL;
            n = 2;
        }
        p += n;
    }
    return p < end ? p + 1 : NULL;
}

/* One a="b" and what follows: a comma is taken, a brace is left. NULL: wrong. */
static const char *label(const char *p, const char *end, const char **ret_le)
{
    size_t n = name_len(p, end, 0);
    if (!n || p + n + 2 > end || p[n] != '=' || p[n + 1] != '"')
        return NULL;
    if (n == 2 && memcmp(p, "le", 2) == 0)
        *ret_le = p;
    p = label_value(p + n + 2, end);
    if (!p || p >= end)
        return NULL;
    return *p == ',' ? p + 1 : *p == '}' ? p : NULL;
}

/* {a="b",...} at p; NULL: wrong. *ret_le: where the label le begins. */
static const char *labels(const char *p, const char *end, const char **ret_le)
{
    *ret_le = NULL;
    if (p >= end || *p++ != '{')
        return NULL;
    while (p && p < end && *p != '}')
        p = label(p, end, ret_le);
    return p && p < end ? p + 1 : NULL;
}

static int comment(reader *r, const char *end)
{
    int is_help = strncmp(r->at, "# HELP ", 7) == 0;
    const char *name = r->at + 7;
    size_t n = name_len(name, end, 1);
    family *f = &r->families[r->family_count];
    if (!n || name[n] != ' ')
        return wrong(r, "comment without a name");
    if (is_help) {
        for (size_t i = 0; i < r->family_count; i++)
            if (r->families[i].len == n && memcmp(r->families[i].name, name, n) == 0)
                return wrong(r, "a second HELP");
        if (r->family_count == sizeof r->families / sizeof *r->families)
            return wrong(r, "too many families");
        *f = (family){name, n, 0};
        r->family_count++;
        return 1;
    }
    f--;
    if (strncmp(r->at, "# TYPE ", 7) != 0 || !r->family_count || f->type || f->len != n ||
        memcmp(f->name, name, n) != 0)
        return wrong(r, "TYPE does not follow its HELP");
    f->type = name[n + 1];
    return strchr("cgh", f->type) ? 1 : wrong(r, "unknown type");
}

static int is_new(reader *r, const char *text, size_t len)
{
    for (size_t i = 0; i < r->series_count; i++)
        if (r->series[i].len == len && memcmp(r->series[i].text, text, len) == 0)
            return wrong(r, "a series twice");
    if (r->series_count == r->series_cap) {
        r->series_cap = r->series_cap * 2 + 64;
        r->series = realloc(r->series, r->series_cap * sizeof *r->series);
    }
    r->series[r->series_count].text = text;
    r->series[r->series_count++].len = len;
    return 1;
}

static int histogram(reader *r, const char *suffix, const char *open, const char *le, double v)
{
    size_t len = le ? (size_t)(le - open) : 0;
    if (strncmp(suffix, "_bucket{", 8) == 0) {
        if (!le)
            return wrong(r, "a bucket without le");
        if (!r->bucket || len != r->bucket_len || memcmp(r->bucket, open, len) != 0)
            r->last = 0;
        r->bucket = open;
        r->bucket_len = len;
        if (v < r->last)
            return wrong(r, "buckets are not cumulative");
        r->last = r->buckets = v;
        return 1;
    }
    if (strncmp(suffix, "_sum{", 5) == 0)
        return 1;
    if (strncmp(suffix, "_count{", 7) != 0)
        return wrong(r, "no part of a histogram");
    return v == r->buckets ? 1 : wrong(r, "+Inf is not the count");
}

/* The number between `from` and the end of the line. */
static int value(const char *from, const char *end, double *ret)
{
    char number[64], *rest;
    size_t n = (size_t)(end - from);
    if (n >= sizeof number)
        return 0;
    memcpy(number, from, n);
    number[n] = '\0';
    *ret = strtod(number, &rest);
    return rest != number && !*rest;
}

static int typed(reader *r, const family *f, const char *open, const char *le, double v)
{
    if (f->type == 'h')
        return histogram(r, r->at + f->len, open, le, v);
    if (f->type == 'c' && !(v >= 0 && v < 1e18))
        return wrong(r, "a counter out of range");
    return r->at + f->len == open ? 1 : wrong(r, "another name than the family's");
}

static int sample(reader *r, const char *end)
{
    const family *f = &r->families[r->family_count - (r->family_count > 0)];
    const char *open, *close, *le;
    double v;
    size_t n = name_len(r->at, end, 1);
    if (!r->family_count || !f->type || n < f->len || memcmp(r->at, f->name, f->len) != 0)
        return wrong(r, "a sample outside of its family");
    open = r->at + n;
    le = NULL;
    close = open < end && *open == ' ' ? open : labels(open, end, &le);
    if (!close || close >= end || *close != ' ')
        return wrong(r, "labels");
    if (!value(close + 1, end, &v))
        return wrong(r, "a value that is no number");
    return typed(r, f, open, le, v) && is_new(r, r->at, (size_t)(close - r->at));
}

int prom_check(const char *text, size_t len, char *err, size_t errlen)
{
    reader *r = calloc(1, sizeof *r);
    int ok = r != NULL;
    if (!r)
        return 0;
    *r = (reader){.at = text, .end = text + len, .err = err, .errlen = errlen};
    while (ok && r->at < r->end) {
        const char *end = memchr(r->at, '\n', (size_t)(r->end - r->at));
        if (!end)
            ok = wrong(r, "the last line does not end");
        else
            ok = *r->at == '#' ? comment(r, end) : sample(r, end);
        r->at = end ? end + 1 : r->end;
    }
    free(r->series);
    free(r);
    return ok;
}

double prom_value(const char *text, const char *series)
{
    size_t n = strlen(series);
    const char *at = text;
    while ((at = strstr(at, series))) {
        if ((at == text || at[-1] == '\n') && at[n] == ' ')
            return strtod(at + n + 1, NULL);
        at++;
    }
    return -1;
}
