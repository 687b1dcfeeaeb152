/* SPDX-License-Identifier: Apache-2.0
 * template.c: compiles and writes templates, see template.h. */
#include "connectors/generate/template.h"
#include "util/buf.h"

#include <stdio.h>
#include <string.h>

enum { LITERAL, SEQ, INT, FLOAT, CHOICE, UUID, NOW, STRING };
enum { MAX_DIGITS = 9, MAX_STRING = 65536 };

typedef struct words { /* of one placeholder, split at colons */
    const char *at[4];
    size_t len[4], count;
} words;

/* ---- compile --------------------------------------------------------------------------------- */

static int parse_int(const char *s, size_t len, int64_t *ret)
{
    int negative = len && *s == '-';
    uint64_t n = 0;
    if (len <= (size_t)negative || len - (size_t)negative > 18)
        return -1;
    for (size_t i = (size_t)negative; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -1;
        n = n * 10 + (uint64_t)(s[i] - '0');
    }
    *ret = negative ? -(int64_t)n : (int64_t)n;
    return 0;
}

/* A decimal text as an integer scaled by 10^digits. */
static int parse_scaled(const char *s, size_t len, int digits, int64_t *ret)
{
    const char *dot = memchr(s, '.', len);
    size_t whole = dot ? (size_t)(dot - s) : len, fraction = dot ? len - whole - 1 : 0;
    char text[40];
    if (whole + (size_t)digits >= sizeof text || fraction > (size_t)digits)
        return -1;
    memcpy(text, s, whole);
    memset(text + whole, '0', (size_t)digits);
    if (fraction)
        memcpy(text + whole, dot + 1, fraction);
    return parse_int(text, whole + (size_t)digits, ret);
}

static int make_plain(df__template_op *op, const words *w)
{
    (void)op;
    return w->count == 1 ? 0 : -1;
}

static int make_int(df__template_op *op, const words *w)
{
    if (w->count != 3 || parse_int(w->at[1], w->len[1], &op->low) < 0 ||
        parse_int(w->at[2], w->len[2], &op->high) < 0)
        return -1;
    return op->low <= op->high ? 0 : -1;
}

static int make_float(df__template_op *op, const words *w)
{
    int64_t digits = 2;
    if (w->count < 3 || (w->count == 4 && parse_int(w->at[3], w->len[3], &digits) < 0))
        return -1;
    if (digits < 1 || digits > MAX_DIGITS)
        return -1;
    op->digits = (int)digits;
    if (parse_scaled(w->at[1], w->len[1], op->digits, &op->low) < 0 ||
        parse_scaled(w->at[2], w->len[2], op->digits, &op->high) < 0)
        return -1;
    return op->low <= op->high ? 0 : -1;
}

static int make_choice(df__template_op *op, const words *w)
{
    if (w->count < 2)
        return -1;
    op->text = w->at[1]; /* colons belong to the alternatives */
    op->len = (size_t)(w->at[w->count - 1] + w->len[w->count - 1] - w->at[1]);
    op->count = 1;
    for (size_t i = 0; i < op->len; i++)
        op->count += op->text[i] == '|';
    return 0;
}

static int make_string(df__template_op *op, const words *w)
{
    if (w->count != 2 || parse_int(w->at[1], w->len[1], &op->low) < 0)
        return -1;
    return op->low >= 0 && op->low <= MAX_STRING ? 0 : -1;
}

static const struct placeholder {
    const char *name, *form;
    int kind;
    size_t max_len; /* 0: the length in `low`, or of the text */
    int (*make)(df__template_op *op, const words *w);
} placeholders[] = {
    {"seq", "${seq}", SEQ, 20, make_plain},
    {"int", "${int:LOW:HIGH}", INT, 21, make_int},
    {"float", "${float:LOW:HIGH} or ${float:LOW:HIGH:DECIMALS}", FLOAT, 24, make_float},
    {"choice", "${choice:a|b|c}", CHOICE, 0, make_choice},
    {"uuid", "${uuid}", UUID, 36, make_plain},
    {"now", "${now}", NOW, 27, make_plain},
    {"string", "${string:LENGTH}", STRING, 0, make_string},
};

static void split(const char *s, size_t len, words *w)
{
    memset(w, 0, sizeof *w);
    w->at[0] = s;
    w->count = 1;
    for (size_t i = 0; i < len; i++) {
        size_t *last = &w->len[w->count - 1];
        if (s[i] == ':' && w->count < 4)
            w->at[w->count++] = s + i + 1;
        else
            (*last)++;
    }
}

static int compile_placeholder(df__template_op *op, const char *s, size_t len, char *err,
                               size_t errlen)
{
    words w;
    split(s, len, &w);
    for (size_t i = 0; i < sizeof placeholders / sizeof placeholders[0]; i++) {
        const struct placeholder *p = &placeholders[i];
        if (strlen(p->name) != w.len[0] || memcmp(p->name, s, w.len[0]) != 0)
            continue;
        op->kind = p->kind;
        if (p->make(op, &w) < 0) {
            snprintf(err, errlen, "${%.*s} should look like %s", (int)(len < 60 ? len : 60), s,
                     p->form);
            return DF_ESPEC;
        }
        return DF_OK;
    }
    snprintf(err, errlen,
             "unknown placeholder ${%.*s}; there are seq, int, float, choice, uuid, now, string",
             (int)(len < 60 ? len : 60), s);
    return DF_ESPEC;
}

static size_t max_len(const df__template_op *op)
{
    if (op->kind == LITERAL || op->kind == CHOICE)
        return op->len;
    for (size_t i = 0; i < sizeof placeholders / sizeof placeholders[0]; i++)
        if (placeholders[i].kind == op->kind && placeholders[i].max_len)
            return placeholders[i].max_len;
    return (size_t)op->low;
}

int df__template_compile(df__template *t, df_bytes text, char *err, size_t errlen)
{
    const char *at = text.data, *end = at + text.len;
    memset(t, 0, sizeof *t);
    while (at < end) {
        const char *open = memmem(at, (size_t)(end - at), "${", 2), *close;
        df__template_op *op = &t->op[t->count];
        int rc;
        if (t->count + 2 > DF__TEMPLATE_OPS) {
            snprintf(err, errlen, "more than %d placeholders", DF__TEMPLATE_OPS / 2 - 1);
            return DF_ESPEC;
        }
        if (open != at) {
            *op++ = (df__template_op){
                .kind = LITERAL, .text = at, .len = (size_t)((open ? open : end) - at)};
            t->count++;
            at = open ? open : end;
            continue;
        }
        close = memchr(at, '}', (size_t)(end - at));
        if (!close) {
            snprintf(err, errlen, "a placeholder is not closed with }");
            return DF_ESPEC;
        }
        rc = compile_placeholder(op, at + 2, (size_t)(close - at - 2), err, errlen);
        if (rc != DF_OK)
            return rc;
        t->count++;
        at = close + 1;
    }
    for (size_t i = 0; i < t->count; i++)
        t->max_len += max_len(&t->op[i]);
    if (t->max_len <= DF__TEMPLATE_MAX)
        return DF_OK;
    snprintf(err, errlen, "a record could be longer than %d bytes", DF__TEMPLATE_MAX);
    return DF_ESPEC;
}

/* ---- write ----------------------------------------------------------------------------------- */

/* splitmix64: good enough and without state besides its counter. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Uniform in [low, high] but for a bias below 2^-32. */
static int64_t between(uint64_t *state, int64_t low, int64_t high)
{
    uint64_t span = (uint64_t)high - (uint64_t)low + 1, r = next_random(state);
    if (span == 0)
        return (int64_t)r;
    if (span <= UINT32_MAX)
        return low + (int64_t)(((r >> 32) * span) >> 32);
    return (int64_t)((uint64_t)low + r % span);
}

static char *put_u64(char *at, uint64_t n)
{
    return at + df__digits(at, n);
}

static char *put_i64(char *at, int64_t n)
{
    if (n < 0)
        *at++ = '-';
    return put_u64(at, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

static char *put_scaled(char *at, int64_t n, int digits)
{
    uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n, unit = 1;
    for (int i = 0; i < digits; i++)
        unit *= 10;
    if (n < 0)
        *at++ = '-';
    at = put_u64(at, u / unit);
    *at++ = '.';
    for (u %= unit; digits > 0; digits--) {
        unit /= 10;
        *at++ = (char)('0' + u / unit);
        u %= unit;
    }
    return at;
}

static char *put_choice(char *at, const df__template_op *op, uint64_t *random)
{
    int64_t skip = between(random, 0, (int64_t)op->count - 1);
    const char *s = op->text, *end = s + op->len, *bar;
    for (; skip > 0; skip--)
        s = (const char *)memchr(s, '|', (size_t)(end - s)) + 1;
    bar = memchr(s, '|', (size_t)(end - s));
    end = bar ? bar : end;
    memcpy(at, s, (size_t)(end - s));
    return at + (end - s);
}

/* Version 4 by its bits. */
static char *put_uuid(char *at, uint64_t *random)
{
    static const char hex[] = "0123456789abcdef";
    uint64_t high = next_random(random), low = next_random(random);
    high = (high & 0xffffffffffff0fffu) | 0x4000u;
    low = (low & 0x3fffffffffffffffu) | 0x8000000000000000u;
    for (int i = 0; i < 32; i++) {
        uint64_t half = i < 16 ? high : low;
        if (i == 8 || i == 12 || i == 16 || i == 20)
            *at++ = '-';
        *at++ = hex[(half >> (60 - 4 * (i & 15))) & 15];
    }
    return at;
}

static char *put_string(char *at, size_t len, uint64_t *random)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    uint64_t bits = 0;
    for (size_t i = 0; i < len; i++) {
        if (i % 10 == 0)
            bits = next_random(random);
        *at++ = letters[bits & 63];
        bits >>= 6;
    }
    return at;
}

size_t df__template_write(const df__template *t, const df__template_in *in, char *buf)
{
    uint64_t random = in->seed ^ (in->seq * 0xd1342543de82ef95u + 0x2545f4914f6cdd1du);
    char *at = buf;
    for (const df__template_op *op = t->op, *end = op + t->count; op < end; op++) {
        switch (op->kind) {
        case LITERAL:
            memcpy(at, op->text, op->len);
            at += op->len;
            break;
        case SEQ:
            at = put_u64(at, in->seq);
            break;
        case INT:
            at = put_i64(at, between(&random, op->low, op->high));
            break;
        case FLOAT:
            at = put_scaled(at, between(&random, op->low, op->high), op->digits);
            break;
        case CHOICE:
            at = put_choice(at, op, &random);
            break;
        case UUID:
            at = put_uuid(at, &random);
            break;
        case NOW:
            memcpy(at, in->now, in->now_len);
            at += in->now_len;
            break;
        default:
            at = put_string(at, (size_t)op->low, &random);
            break;
        }
    }
    return (size_t)(at - buf);
}

/* Days since 1970 to year, month, day (proleptic Gregorian). */
static void civil(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = yoe + era * 400 + (*month <= 2);
}

int df__template_has_now(const df__template *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->op[i].kind == NOW)
            return 1;
    return 0;
}

size_t df__template_now(int64_t us, char *buf)
{
    int64_t days = us / 86400000000, rest = us % 86400000000, year, month, day;
    char text[64];
    if (rest < 0) {
        rest += 86400000000;
        days--;
    }
    civil(days, &year, &month, &day);
    if (year < 0 || year > 9999)
        year = 0;
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", (int)year, (int)month,
             (int)day, (int)(rest / 3600000000), (int)(rest / 60000000 % 60),
             (int)(rest / 1000000 % 60), (int)(rest % 1000000));
    memcpy(buf, text, 27);
    return 27;
}
