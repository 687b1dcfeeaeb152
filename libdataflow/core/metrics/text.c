/* SPDX-License-Identifier: Apache-2.0
 * text.c: see metrics.h. Values come from manifests, hosts and plug-ins, so nothing is taken
 * as it is: what had to be changed gets a checksum, so that two values never become one. */
#include "core/metrics/metrics.h"

#include <math.h>
#include <string.h>

#include "record/number.h"
#include "record/record.h"
#include "util/codec.h"

enum { MARK = 9 }; /* ~ and a checksum */

static int has_control(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < ' ' && s[i] != '\n')
            return 1;
    return 0;
}

/* JSON's escapes of a text without control characters are those of the format. */
static void label_value(df__buf *out, const char *value)
{
    char text[DF__LABEL + 1];
    size_t len = strlen(value), i, n;
    int plain;
    if (len <= DF__LABEL && df__utf8_check(value, len, &plain) && !has_control(value, len)) {
        df__buf_json(out, value, len);
        return;
    }
    n = df__text_set(text, DF__LABEL - MARK + 1, value, len);
    for (i = 0; i < n; i++)
        if ((unsigned char)text[i] < ' ')
            text[i] = ' ';
    df__text_printf(text + n, MARK + 1, "~%08x", (unsigned)df__crc32c(0, value, len));
    df__buf_json(out, text, n + MARK);
}

static void label(df__buf *out, const char *name, const char *value)
{
    if (out->len && out->data[out->len - 1] != '{')
        df__buf_char(out, ',');
    df__buf_str(out, name);
    df__buf_char(out, '=');
    label_value(out, value);
}

static void pipeline_label(const df__sample *s)
{
    char text[1024];
    if (!s->rank) {
        label(s->out, "name", s->name);
        return;
    }
    df__text_printf(text, sizeof text, "%.1000s#%d", s->name, s->rank + 1);
    label(s->out, "name", text);
}

static void begin(const df__sample *s, const char *suffix, const char *const *labels)
{
    df__buf_str(s->out, s->family);
    df__buf_str(s->out, suffix);
    df__buf_char(s->out, '{');
    label(s->out, "namespace", s->space);
    pipeline_label(s);
    for (; labels && *labels; labels += 2)
        label(s->out, labels[0], labels[1]);
}

/* The C locale's digits whatever the host has set. */
static void number(df__buf *out, double v)
{
    char text[DF__NUMBER_MAX];
    if (isnan(v))
        df__buf_str(out, "NaN");
    else if (isinf(v))
        df__buf_str(out, v > 0 ? "+Inf" : "-Inf");
    else
        df__buf_add(out, text, df__number_double(v, text));
}

static void end_double(const df__sample *s, double v)
{
    df__buf_str(s->out, "} ");
    number(s->out, v);
    df__buf_char(s->out, '\n');
}

static void end_count(const df__sample *s, uint64_t n)
{
    df__buf_str(s->out, "} ");
    df__buf_u64(s->out, n);
    df__buf_char(s->out, '\n');
}

void df__sample_add(const df__sample *s, const char *const *labels, double value)
{
    begin(s, "", labels);
    if (value >= 0 && value < 9e15 && value == floor(value))
        end_count(s, (uint64_t)value);
    else
        end_double(s, value);
}

static void bucket(const df__sample *s, const char *const *labels, const char *le, uint64_t n)
{
    begin(s, "_bucket", labels);
    label(s->out, "le", le);
    end_count(s, n);
}

void df__sample_histogram(const df__sample *s, const char *const *labels, const df__histogram *h,
                          double start, int buckets)
{
    uint64_t sum = 0;
    for (int k = 0; k < buckets && k < DF__BUCKETS - 1; k++) {
        char text[DF__NUMBER_MAX + 1];
        double edge = start * (double)(1 << k);
        size_t n = start < 1 ? df__number_double(edge, text) : df__number_int((int64_t)edge, text);
        text[n] = '\0';
        sum += h->bucket[k];
        bucket(s, labels, text, sum);
    }
    bucket(s, labels, "+Inf", h->count);
    begin(s, "_sum", labels);
    end_double(s, h->sum);
    begin(s, "_count", labels);
    end_count(s, h->count);
}

/* ---- families ----------------------------------------------------------------------------- */

int df__family_valid(const char *name)
{
    const char *p;
    for (p = name; *p; p++) {
        int letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' || *p == ':';
        if (!letter && (p == name || *p < '0' || *p > '9'))
            return 0;
    }
    return p > name && p - name <= DF__LABEL;
}

static void help_text(df__buf *out, const char *help)
{
    int plain;
    if (!df__utf8_check(help, strlen(help), &plain))
        return;
    for (size_t i = 0; help[i]; i++)
        if (help[i] == '\n')
            df__buf_str(out, "\\n");
        else if (help[i] == '\\')
            df__buf_str(out, "\\\\");
        else
            df__buf_char(out, (unsigned char)help[i] < ' ' ? ' ' : help[i]);
}

void df__family_head(df__buf *out, const char *name, const char *type, const char *help)
{
    df__buf_str(out, "# HELP ");
    df__buf_str(out, name);
    df__buf_char(out, ' ');
    help_text(out, help);
    df__buf_str(out, "\n# TYPE ");
    df__buf_str(out, name);
    df__buf_char(out, ' ');
    df__buf_str(out, type);
    df__buf_char(out, '\n');
}
