/* SPDX-License-Identifier: Apache-2.0
 * schedule.c: whether a schedule is one that a CronJob of Kubernetes takes: five fields, each a
 * list of values, ranges and steps. And whether a day of it ever comes. */
#include <string.h>
#include <strings.h>

#include "spec/inner.h"

#define FIELD "spec.schedule"

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

static const struct {
    const char *name;
    unsigned low, high;
    const char *words; /* of three letters each, for low and what follows */
    const char *expected;
} units[FIELDS] = {
    {"minute", 0, 59, "", "0 to 59"},
    {"hour", 0, 23, "", "0 to 23"},
    {"day", 1, 31, "", "1 to 31"},
    {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec", "1 to 12 or JAN to DEC"},
    {"weekday", 0, 6, "sunmontuewedthufrisat", "0 to 6 or SUN to SAT"},
};

typedef struct schedule {
    df_bytes text[FIELDS];
    uint64_t values[FIELDS]; /* a bit for each */
    int is_any[FIELDS];      /* written as *: of day and weekday only the other one counts */
} schedule;

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The fields of the text; how many there are. */
static size_t split(df_bytes text, schedule *s)
{
    const char *at = text.data, *end = at + text.len;
    size_t count = 0;
    for (;;) {
        const char *from;
        while (at < end && is_blank(*at))
            at++;
        from = at;
        while (at < end && !is_blank(*at))
            at++;
        if (from == at)
            return count;
        if (count < FIELDS)
            s->text[count] = (df_bytes){from, (size_t)(at - from)};
        count++;
    }
}

static int is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

/* Up to one of the characters `ends`; *at is left there. */
static df_bytes next_part(const char **at, const char *end, const char *ends)
{
    const char *from = *at;
    while (*at < end && !is_one_of(**at, ends))
        ++*at;
    return (df_bytes){from, (size_t)(*at - from)};
}

static int read_number(df_bytes text, unsigned *ret)
{
    const char *s = text.data;
    size_t i;
    *ret = 0;
    for (i = 0; i < text.len && s[i] >= '0' && s[i] <= '9' && *ret < 100000; i++)
        *ret = *ret * 10 + (unsigned)(s[i] - '0');
    return text.len > 0 && i == text.len;
}

static int read_value(int field, df_bytes text, unsigned *ret)
{
    const char *word = units[field].words;
    for (unsigned i = 0; text.len == 3 && *word; i++, word += 3) {
        if (strncasecmp(word, text.data, 3) == 0) {
            *ret = units[field].low + i;
            return 1;
        }
    }
    return read_number(text, ret) && *ret >= units[field].low && *ret <= units[field].high;
}

typedef struct range {
    unsigned low, high, step;
    int is_all, is_open; /* is_open: one value, with which a step goes on to the end */
} range;

/* "*", "5", "1-5". NULL, or what is wrong; "": a value is none of the field. */
static const char *read_range(int field, const char **at, const char *end, range *r)
{
    df_bytes first = next_part(at, end, "-/,");
    *r = (range){units[field].low, units[field].high, 1, 0, 0};
    r->is_all = first.len == 1 && is_one_of(*(const char *)first.data, "*?");
    if (!r->is_all && !read_value(field, first, &r->low))
        return "";
    r->is_open = *at == end || **at != '-';
    if (r->is_open)
        return NULL;
    ++*at;
    if (r->is_all || !read_value(field, next_part(at, end, "/,"), &r->high))
        return "";
    return r->high < r->low ? "the range ends before it begins" : NULL;
}

/* A range, with a step or without. */
static const char *read_item(schedule *s, int field, const char **at, const char *end)
{
    range r;
    const char *why = read_range(field, at, end, &r);
    if (why)
        return why;
    if (*at < end && **at == '/') {
        ++*at;
        if (!read_number(next_part(at, end, ","), &r.step) || r.step == 0)
            return "a step is a number from 1 on";
    } else if (r.is_open && !r.is_all) {
        r.high = r.low;
    }
    s->is_any[field] |= r.is_all && r.step == 1;
    for (; r.low <= r.high; r.low += r.step)
        s->values[field] |= (uint64_t)1 << r.low;
    return NULL;
}

static const char *read_field(schedule *s, int field)
{
    const char *at = s->text[field].data, *end = at + s->text[field].len, *why;
    for (;; at++) {
        why = read_item(s, field, &at, end);
        if (why || at == end)
            return why;
    }
}

/* A day and a weekday that are both given are two choices, of which a weekday comes each week. */
static int never_comes(const schedule *s)
{
    static const unsigned days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (!s->is_any[WEEKDAY])
        return 0;
    for (unsigned month = 1; month <= 12; month++) {
        uint64_t there = ((uint64_t)1 << (days[month - 1] + 1)) - 1;
        if (s->values[MONTH] >> month & 1 && s->values[DAY] & there)
            return 0;
    }
    return 1;
}

/* Points at the field. */
static void tell_field(df__graph *g, const df__doc *node, df_bytes text, int field, const char *why)
{
    df__doc place = *node;
    df__doc_inside(node, (size_t)((const char *)text.data - (const char *)node->text.data), &place);
    df__problem_addf(g->problems, DF_ERROR, &place, FIELD, "%s \"%.*s\": %s%s", units[field].name,
                     (int)(text.len < 32 ? text.len : 32), (const char *)text.data,
                     *why ? why : "expects ", *why ? "" : units[field].expected);
    if (field == WEEKDAY && !*why && memchr(text.data, '7', text.len))
        df__problem_hint(g->problems, "Sunday is 0 or SUN");
}

int df__schedule_check(df__graph *g, const df__doc *node)
{
    schedule s = {0};
    size_t count = split(node->text, &s);
    int rc = DF_OK;
    if (count != FIELDS) {
        df__problem_addf(g->problems, DF_ERROR, node, FIELD,
                         "expects 5 fields (minute, hour, day, month, weekday), got %zu", count);
        return DF_ESPEC;
    }
    for (int i = 0; i < FIELDS; i++) {
        const char *why = read_field(&s, i);
        if (!why)
            continue;
        tell_field(g, node, s.text[i], i, why);
        rc = DF_ESPEC;
    }
    if (rc == DF_OK && never_comes(&s)) {
        tell_field(g, node, s.text[DAY], DAY, "none of the months has this day: no run would come");
        rc = DF_ESPEC;
    }
    return rc;
}
