/* SPDX-License-Identifier: Apache-2.0
 * position.c: positions as JSON text: one flat object.
 *   lastReadChangeTime, lastReadOrderByValue   the row that was read last
 *   lastReadNullOrderByValue                   of the rows without a change time
 *   firstReadTo, firstReadLeft                 a first read in pieces: up to where, and what of it
 *                                              is left, each as what it comes after and goes up to
 *   lateXmin, lateFrom, lateSpan, lateAfter, lateSeen
 *                                              the last poll, see docs/postgresql.md
 * A value is a number or a string; several key columns are an array. Other members are passed over.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "spot.h"

/* ---- writing -------------------------------------------------------------------------------- */

static void put_name(df__buf *b, const char *name)
{
    if (b->len > 0 && b->data[b->len - 1] != '{')
        df__buf_char(b, ',');
    df__buf_json(b, name, strlen(name));
    df__buf_char(b, ':');
}

static void put_mark(df__buf *b, const df__pg_mark *m)
{
    if (!m->is_set)
        df__buf_str(b, "null");
    else if (m->is_number)
        df__buf_add(b, m->text.data, m->text.len);
    else
        df__buf_json(b, m->text.len ? m->text.data : "", m->text.len);
}

/* Keys [from, count): one alone, or an array; null: not set. */
static void put_values(df__buf *b, const df__pg_marks *m, size_t from, size_t count)
{
    if (count - from == 1 || !m->at[from].is_set) {
        put_mark(b, &m->at[from]);
        return;
    }
    for (size_t i = from; i < count; i++) {
        df__buf_char(b, i == from ? '[' : ',');
        put_mark(b, &m->at[i]);
    }
    df__buf_char(b, ']');
}

static void put_keys(df__buf *b, const char *name, const df__pg_marks *m, size_t from, size_t count)
{
    if (from >= count || !m->at[from].is_set)
        return;
    put_name(b, name);
    put_values(b, m, from, count);
}

static void put_pieces(df__buf *b, const df__pg_spot *p, size_t count)
{
    char between = '[';
    put_keys(b, "firstReadTo", &p->last, 0, count);
    put_name(b, "firstReadLeft");
    for (size_t i = 0; i < p->piece_count; i++) {
        const df__pg_piece *piece = &p->pieces[i];
        if (!piece->is_done) {
            df__buf_char(b, between);
            df__buf_char(b, '[');
            put_values(b, &piece->after, 0, count);
            df__buf_char(b, ',');
            put_values(b, &piece->to, 0, count);
            df__buf_char(b, ']');
            between = ',';
        }
    }
    df__buf_char(b, ']');
}

static void put_last(df__buf *b, const df__pg_spot *p, size_t count, int has_time)
{
    if (has_time && p->last.at[0].is_set) {
        put_name(b, "lastReadChangeTime");
        put_mark(b, &p->last.at[0]);
    }
    put_keys(b, "lastReadOrderByValue", &p->last, has_time ? 1 : 0, count);
}

enum { SEEN_STORED = 256 }; /* what more there is comes twice after a restart */

static void put_late(const df__pg_late *l, size_t from, size_t count, df__buf *b)
{
    df__buf_printf(b, "%s\"lateXmin\":%" PRIu32 ",\"lateFrom\":%" PRId64 ",\"lateSpan\":%" PRId64,
                   b->len > 1 ? "," : "", l->xmin, l->from_us, l->span_us);
    put_keys(b, "lateAfter", &l->floor, from, count);
    if (l->seen.count == 0 || l->seen.count > SEEN_STORED)
        return;
    put_name(b, "lateSeen");
    for (size_t i = 0; i < l->seen.count; i++)
        df__buf_printf(b, "%c%" PRIu32, i ? ',' : '[', l->seen.at[i]);
    df__buf_char(b, ']');
}

void df__pg_spot_print(const df__pg_spot *p, size_t count, int has_time, df__buf *b)
{
    size_t from = has_time ? 1 : 0;
    df__buf_char(b, '{');
    if (p->piece_count > 0)
        put_pieces(b, p, count);
    else
        put_last(b, p, count, has_time);
    put_keys(b, "lastReadNullOrderByValue", &p->nulls, from, count);
    if (p->late.is_set)
        put_late(&p->late, from, count, b);
    df__buf_char(b, '}');
}

/* ---- reading -------------------------------------------------------------------------------- */

typedef struct reader {
    const char *at, *end;
    df__buf text; /* the string at hand */
} reader;

static void blanks(reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
}

static int eat(reader *r, char c)
{
    blanks(r);
    if (r->at == r->end || *r->at != c)
        return 0;
    r->at++;
    return 1;
}

static int read_hex(reader *r, uint32_t *ret)
{
    char digits[5] = {0};
    char *end;
    if (r->end - r->at < 4)
        return 0;
    memcpy(digits, r->at, 4);
    r->at += 4;
    *ret = (uint32_t)strtoul(digits, &end, 16);
    return end == digits + 4;
}

/* Positions are written by us: only what df__buf_json escapes so comes as \u. */
static int read_escape(reader *r)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    uint32_t code;
    if (r->at == r->end)
        return 0;
    char c = *r->at++;
    if (c == 'u') {
        if (!read_hex(r, &code) || code == 0 || code > 0x7F)
            return 0;
        df__buf_char(&r->text, (char)code);
        return 1;
    }
    const char *hit = c ? strchr(names, c) : NULL;
    if (hit)
        df__buf_char(&r->text, values[hit - names]);
    return hit != NULL;
}

static int read_string(reader *r)
{
    df__buf_clear(&r->text);
    if (!eat(r, '"'))
        return 0;
    while (r->at < r->end && *r->at != '"') {
        char c = *r->at++;
        if (c != '\\')
            df__buf_char(&r->text, c);
        else if (!read_escape(r))
            return 0;
    }
    return eat(r, '"');
}

/* A string, a number or null. */
static int read_mark(reader *r, df__pg_mark *ret)
{
    blanks(r);
    if (r->at < r->end && *r->at == '"') {
        return read_string(r) &&
               df__pg_mark_set(ret, r->text.len ? r->text.data : "", r->text.len, 0) == DF_OK;
    }
    const char *from = r->at;
    while (r->at < r->end && *r->at && strchr("0123456789+-.eEnul", *r->at))
        r->at++;
    if (r->at - from == 4 && memcmp(from, "null", 4) == 0) {
        ret->is_set = 0;
        return 1;
    }
    return r->at > from && strchr("-0123456789", *from) &&
           df__pg_mark_set(ret, from, (size_t)(r->at - from), 1) == DF_OK;
}

/* One value, or an array of values; those that do not fit go to a place of their own. */
static int read_keys(reader *r, df__pg_marks *m, size_t from, size_t count)
{
    if (!eat(r, '['))
        return from < count && read_mark(r, &m->at[from]);
    for (size_t i = from; i < count; i++) {
        if (i > from && !eat(r, ','))
            return 0;
        if (!read_mark(r, &m->at[i]))
            return 0;
    }
    return eat(r, ']');
}

static int read_number(reader *r, int64_t *ret)
{
    char digits[24];
    char *end;
    size_t len = 0;
    blanks(r);
    while (r->at < r->end && len + 1 < sizeof digits && *r->at && strchr("-0123456789", *r->at))
        digits[len++] = *r->at++;
    digits[len] = '\0';
    *ret = strtoll(digits, &end, 10);
    return len > 0 && *end == '\0';
}

static int read_seen(reader *r, df__pg_xids *x)
{
    int64_t xid;
    if (!eat(r, '['))
        return 0;
    do {
        if (!read_number(r, &xid) || xid < 0 || xid > UINT32_MAX)
            return 0;
        df__pg_xids_add(x, (uint32_t)xid);
    } while (eat(r, ','));
    return eat(r, ']');
}

/* true and false. */
static void skip_word(reader *r)
{
    while (r->at < r->end && *r->at >= 'a' && *r->at <= 'z')
        r->at++;
}

/* One step over a value that is not known: a bracket, what stands between values, or a scalar. */
static int skip_one(reader *r, size_t *depth, df__pg_mark *none)
{
    blanks(r);
    if (r->at == r->end)
        return 0;
    switch (*r->at) {
    case '[':
    case '{':
        ++*depth;
        break;
    case ']':
    case '}':
        if ((*depth)-- == 0)
            return 0;
        break;
    case 't':
    case 'f':
        skip_word(r);
        return 1;
    case ',':
    case ':':
        break;
    default:
        return read_mark(r, none);
    }
    r->at++;
    return 1;
}

static int skip_value(reader *r)
{
    df__pg_mark none = {.is_set = 0};
    size_t depth = 0;
    int good;
    df__buf_init(&none.text, &df__heap_libc);
    do {
        good = skip_one(r, &depth, &none);
    } while (good && depth > 0);
    df__buf_free(&none.text);
    return good;
}

typedef struct form {
    size_t from, count;
    int has_time;
} form;

static int read_time(reader *r, const form *f, df__pg_spot *p)
{
    return f->has_time ? read_mark(r, &p->last.at[0]) : skip_value(r);
}

static int read_some(reader *r, const form *f, df__pg_marks *m)
{
    return f->from < f->count ? read_keys(r, m, f->from, f->count) : skip_value(r);
}

static int read_last(reader *r, const form *f, df__pg_spot *p)
{
    return read_some(r, f, &p->last);
}

static int read_first_to(reader *r, const form *f, df__pg_spot *p)
{
    return f->count > 0 ? read_keys(r, &p->last, 0, f->count) : skip_value(r);
}

/* Pieces that are too many are none that we have written. */
static int read_first_left(reader *r, const form *f, df__pg_spot *p)
{
    size_t count = 0;
    if (f->count == 0)
        return skip_value(r);
    if (!eat(r, '[') || df__pg_spot_cut(p, PG_PIECES) != DF_OK)
        return 0;
    do {
        df__pg_piece *piece = &p->pieces[count];
        if (count++ == PG_PIECES || !eat(r, '[') || !read_keys(r, &piece->after, 0, f->count) ||
            !eat(r, ',') || !read_keys(r, &piece->to, 0, f->count) || !eat(r, ']') ||
            !piece->to.at[0].is_set)
            return 0;
    } while (eat(r, ','));
    for (size_t i = count; i < PG_PIECES; i++)
        p->pieces[i].is_done = 1;
    return eat(r, ']');
}

static int read_nulls(reader *r, const form *f, df__pg_spot *p)
{
    return read_some(r, f, &p->nulls);
}

static int read_floor(reader *r, const form *f, df__pg_spot *p)
{
    return read_some(r, f, &p->late.floor);
}

static int read_xmin(reader *r, const form *f, df__pg_spot *p)
{
    int64_t number = 0;
    (void)f;
    p->late.is_set = read_number(r, &number) && number >= 0 && number <= UINT32_MAX;
    p->late.xmin = (uint32_t)number;
    return p->late.is_set;
}

static int read_from(reader *r, const form *f, df__pg_spot *p)
{
    (void)f;
    return read_number(r, &p->late.from_us);
}

static int read_span(reader *r, const form *f, df__pg_spot *p)
{
    (void)f;
    return read_number(r, &p->late.span_us);
}

static int read_seen_list(reader *r, const form *f, df__pg_spot *p)
{
    (void)f;
    return read_seen(r, &p->late.seen);
}

static const struct {
    const char *name;
    int (*read)(reader *r, const form *f, df__pg_spot *p);
} members[] = {
    {"lastReadChangeTime", read_time},
    {"lastReadTime", read_time},
    {"lastReadOrderByValue", read_last},
    {"lastReadID", read_last},
    {"firstReadTo", read_first_to},
    {"firstReadLeft", read_first_left},
    {"lastReadNullOrderByValue", read_nulls},
    {"lateAfter", read_floor},
    {"lateXmin", read_xmin},
    {"lateFrom", read_from},
    {"lateSpan", read_span},
    {"lateSeen", read_seen_list},
};

static int read_member(reader *r, const form *f, df__pg_spot *ret)
{
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (r->text.len == strlen(members[i].name) &&
            memcmp(r->text.data, members[i].name, r->text.len) == 0)
            return members[i].read(r, f, ret);
    return skip_value(r);
}

int df__pg_spot_read(df_bytes text, size_t count, int has_time, df__pg_spot *ret)
{
    reader r = {.at = text.data, .end = (const char *)text.data + text.len};
    form f = {has_time ? 1 : 0, count, has_time};
    df__buf_init(&r.text, &df__heap_libc);
    df__pg_spot_clear(ret);
    int good = eat(&r, '{');
    if (good && !eat(&r, '}')) {
        do {
            good = read_string(&r) && eat(&r, ':') && read_member(&r, &f, ret);
        } while (good && eat(&r, ','));
        good = good && eat(&r, '}');
    }
    blanks(&r);
    good = good && r.at == r.end && !r.text.failed &&
           (ret->piece_count == 0 || df__pg_marks_any(&ret->last));
    df__buf_free(&r.text);
    if (!good)
        df__pg_spot_clear(ret);
    return good ? DF_OK : DF_EDATA;
}
