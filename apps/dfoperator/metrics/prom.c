/* SPDX-License-Identifier: Apache-2.0
 * prom.c: reads the Prometheus text format, see prom.h. */
#include "dfoperator/metrics/prom.h"

#include <stdlib.h>
#include <string.h>

#include "util/unicase.h"

enum { NUMBER_MAX = 64 };

static const char prefix[] = "dataflow_";

int op_bytes_are(df_bytes bytes, const char *text)
{
    return bytes.len == strlen(text) && !memcmp(bytes.data, text, bytes.len);
}

/* What is left of a line. */
typedef struct cursor {
    const char *at, *end;
} cursor;

static void blanks(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
}

/* Up to the next blank. */
static df_bytes word(cursor *c)
{
    const char *from = c->at;
    while (c->at < c->end && *c->at != ' ' && *c->at != '\t')
        c->at++;
    return (df_bytes){from, (size_t)(c->at - from)};
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static df_bytes name(cursor *c, int colon)
{
    const char *from = c->at;
    while (c->at < c->end && (is_letter(*c->at) || (colon && *c->at == ':') ||
                              (c->at > from && *c->at >= '0' && *c->at <= '9')))
        c->at++;
    return (df_bytes){from, (size_t)(c->at - from)};
}

static int is_utf8(df_bytes text)
{
    size_t at = 0;
    while (at < text.len) {
        size_t before = at;
        uint32_t c = df__utf8_next(text.data, text.len, &at);
        if ((c >= 0x80 && at - before == 1) || at == before)
            return 0;
    }
    return 1;
}

/* ---- labels ---------------------------------------------------------------------------------- */

/* The text between quotes; -1: it does not end, or has an escape that there is not. */
static int quoted(cursor *c, df_bytes *ret)
{
    const char *from;
    if (c->at >= c->end || *c->at != '"')
        return -1;
    for (from = ++c->at; c->at < c->end && *c->at != '"'; c->at++)
        if (*c->at == '\\' && (++c->at >= c->end || !strchr("\\\"n", *c->at)))
            return -1;
    *ret = (df_bytes){from, (size_t)(c->at - from)};
    return c->at++ < c->end ? 0 : -1;
}

static int label(cursor *c, df_bytes *ret_name, df_bytes *ret_value)
{
    blanks(c);
    *ret_name = name(c, 0);
    blanks(c);
    if (!ret_name->len || c->at >= c->end || *c->at++ != '=')
        return -1;
    blanks(c);
    if (quoted(c, ret_value) < 0)
        return -1;
    blanks(c);
    return 0;
}

int op_prom_label(df_bytes *labels, df_bytes *ret_name, df_bytes *ret_value)
{
    const char *text = labels->data;
    cursor c = {text, text + labels->len};
    if (!labels->len || label(&c, ret_name, ret_value) < 0)
        return 0;
    c.at += c.at < c.end && *c.at == ',';
    blanks(&c);
    *labels = (df_bytes){c.at, (size_t)(c.end - c.at)};
    return 1;
}

static int is_new(const df_bytes *names, size_t count, df_bytes one)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].len == one.len && !memcmp(names[i].data, one.data, one.len))
            return 0;
    return 1;
}

/* {a="b",c="d"}, or nothing. */
static int labels(cursor *c, df_bytes *ret)
{
    df_bytes names[OP_PROM_LABELS], value;
    size_t count = 0;
    const char *from;
    *ret = (df_bytes){"", 0};
    if (c->at >= c->end || *c->at != '{')
        return 0;
    from = ++c->at;
    blanks(c);
    while (c->at < c->end && *c->at != '}') {
        if (count == OP_PROM_LABELS || label(c, &names[count], &value) < 0 || !is_utf8(value) ||
            !is_new(names, count, names[count]))
            return -1;
        count++;
        if (c->at < c->end && *c->at == ',')
            c->at++;
        else if (c->at < c->end && *c->at != '}')
            return -1;
        blanks(c);
    }
    *ret = (df_bytes){from, (size_t)(c->at - from)};
    return c->at++ < c->end ? 0 : -1;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static int number(df_bytes text, double *ret)
{
    char copy[NUMBER_MAX], *end;
    if (!text.len || text.len >= sizeof copy)
        return -1;
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    if (copy[strspn(copy, "+-.0123456789eEInfNa")])
        return -1;
    *ret = strtod(copy, &end);
    return *end ? -1 : 0;
}

static int sample(cursor *c, const op_prom_reader *reader)
{
    op_sample s;
    double at;
    df_bytes time;
    s.name = name(c, 1);
    blanks(c);
    if (labels(c, &s.labels) < 0)
        return -1;
    blanks(c);
    s.number = word(c);
    blanks(c);
    time = word(c);
    blanks(c);
    if (number(s.number, &s.value) < 0 || (time.len && number(time, &at) < 0) || c->at < c->end)
        return -1;
    return reader->sample ? reader->sample(reader->user, &s) : 0;
}

static int is_ours(const char *text, size_t len)
{
    return len > sizeof prefix - 1 && !memcmp(text, prefix, sizeof prefix - 1);
}

/* # HELP name text, # TYPE name word, or a remark. */
static int comment(cursor *c, const op_prom_reader *reader)
{
    df_bytes what, family, text;
    c->at++;
    blanks(c);
    what = word(c);
    blanks(c);
    if (!op_bytes_are(what, "HELP") && !op_bytes_are(what, "TYPE"))
        return 0;
    family = name(c, 1);
    if (!is_ours(family.data, family.len))
        return 0;
    blanks(c);
    text = (df_bytes){c->at, (size_t)(c->end - c->at)};
    if (op_bytes_are(what, "HELP"))
        return !is_utf8(text) ? -1 : reader->help ? reader->help(reader->user, family, text) : 0;
    text = word(c);
    return reader->type ? reader->type(reader->user, family, text) : 0;
}

static int line(cursor c, const op_prom_reader *reader)
{
    blanks(&c);
    if (c.at < c.end && *c.at == '#')
        return comment(&c, reader);
    return is_ours(c.at, (size_t)(c.end - c.at)) ? sample(&c, reader) : 0;
}

int op_prom_read(df_bytes text, const op_prom_reader *reader)
{
    const char *at = text.data, *end = at + text.len;
    int rc = 0;
    while (at < end && rc == 0) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop)
            return -1;
        rc = line((cursor){at, stop}, reader);
        at = stop + 1;
    }
    return rc;
}
