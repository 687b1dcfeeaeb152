/* SPDX-License-Identifier: Apache-2.0
 * position.c: writes and reads positions: one flat object of JSON, whose members that are not known
 * are passed over. */
#include "position.h"

#include <inttypes.h>
#include <string.h>

#include "wal.h"

static void put_lsn(df__buf *b, const char *name, uint64_t lsn)
{
    char text[PG_LSN_TEXT];
    df__pg_lsn_print(lsn, text);
    df__buf_printf(b, "\"%s\":\"%s\"", name, text);
}

static void put_identity(const df__pg_place *p, df__buf *b)
{
    df__buf_printf(b, ",\"systemIdentifier\":\"%" PRIu64 "\",\"timeline\":%u,\"database\":%u,",
                   p->system, p->timeline, p->database);
    put_lsn(b, "slotLSN", p->slot_lsn);
}

static void put_array(df__buf *b, const char *name, df_bytes array)
{
    if (array.len) {
        df__buf_printf(b, ",\"%s\":", name);
        df__buf_add(b, array.data, array.len);
    }
}

static void put_index(df__buf *b, const char *name, uint64_t oid)
{
    if (oid)
        df__buf_printf(b, ",\"%s\":%" PRIu64, name, oid);
}

void df__pg_place_print(const df__pg_place *p, const df__pg_again *again, df__buf *b)
{
    df__buf_char(b, '{');
    put_lsn(b, "lastAckedLSN", p->lsn);
    df__buf_printf(b, ",\"ordinal\":%" PRIu64, p->ordinal);
    if (p->committed) {
        df__buf_char(b, ',');
        put_lsn(b, "committedLSN", p->committed);
    }
    if (again->tables.len) {
        put_array(b, "again", again->tables);
        put_array(b, "againAfter", again->after);
        df__buf_printf(b, ",\"againRows\":%" PRIu64, again->rows);
        put_index(b, "againIndex", again->key_oid);
    }
    put_identity(p, b);
    df__buf_char(b, '}');
}

void df__pg_progress_print(const df__pg_place *identity, const df__pg_progress *p, df__buf *b)
{
    df__buf_printf(b, "{\"phase\":\"snapshot\",\"done\":%s,\"rows\":%" PRIu64,
                   p->is_done ? "true" : "false", p->rows);
    put_array(b, "after", p->after);
    put_index(b, "index", p->key_oid);
    put_identity(identity, b);
    df__buf_char(b, '}');
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct scan {
    const char *at, *end;
} scan;

static int eat(scan *s, char c)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t'))
        s->at++;
    if (s->at == s->end || *s->at != c)
        return 0;
    s->at++;
    return 1;
}

/* What stands between two quotes, escapes as they are. */
static int quoted(scan *s, df_bytes *ret)
{
    if (!eat(s, '"'))
        return 0;
    const char *begin = s->at;
    while (s->at < s->end && *s->at != '"')
        s->at += *s->at == '\\' && s->end - s->at > 1 ? 2 : 1;
    *ret = (df_bytes){begin, (size_t)(s->at - begin)};
    return eat(s, '"');
}

static int array(scan *s, df_bytes *ret)
{
    const char *begin = s->at;
    df_bytes item;
    if (!eat(s, '['))
        return 0;
    do {
        if (!quoted(s, &item))
            return 0;
    } while (eat(s, ','));
    int closed = eat(s, ']');
    *ret = (df_bytes){begin, (size_t)(s->at - begin)};
    return closed;
}

static int word(scan *s, df_bytes *ret)
{
    const char *begin = s->at;
    while (s->at < s->end && *s->at != ',' && *s->at != '}' && *s->at != ' ')
        s->at++;
    *ret = (df_bytes){begin, (size_t)(s->at - begin)};
    return ret->len > 0;
}

static int value(scan *s, df_bytes *ret)
{
    while (s->at < s->end && *s->at == ' ')
        s->at++;
    if (s->at == s->end)
        return 0;
    return *s->at == '"' ? quoted(s, ret) : *s->at == '[' ? array(s, ret) : word(s, ret);
}

/* 1: the text is an object and has the member. */
static int member(df_bytes text, const char *name, df_bytes *ret)
{
    scan s = {text.data, text.data};
    df_bytes key, found = {NULL, 0};
    if (text.len == 0)
        return 0;
    s.end += text.len;
    if (!eat(&s, '{'))
        return 0;
    do {
        df_bytes v;
        if (!quoted(&s, &key) || !eat(&s, ':') || !value(&s, &v))
            return 0;
        if (key.len == strlen(name) && memcmp(key.data, name, key.len) == 0)
            found = v;
    } while (eat(&s, ','));
    *ret = found;
    return found.data && eat(&s, '}') && s.at == s.end;
}

static int number(df_bytes text, const char *name, uint64_t *ret)
{
    df_bytes digits;
    *ret = 0;
    if (!member(text, name, &digits) || digits.len > 20)
        return 0;
    const char *s = digits.data;
    for (size_t i = 0; i < digits.len; i++) {
        uint64_t digit = (uint64_t)(s[i] - '0');
        if (s[i] < '0' || s[i] > '9' || *ret > (UINT64_MAX - digit) / 10)
            return 0;
        *ret = *ret * 10 + digit;
    }
    return digits.len > 0;
}

static int lsn(df_bytes text, const char *name, uint64_t *ret)
{
    df_bytes v;
    return member(text, name, &v) && df__pg_lsn_scan(v, ret);
}

/* Older versions stored the LSN alone: what is missing is 0 and agrees with everything. */
static void read_identity(df_bytes text, df__pg_place *ret)
{
    uint64_t n;
    number(text, "systemIdentifier", &ret->system);
    number(text, "timeline", &n);
    ret->timeline = (uint32_t)n;
    number(text, "database", &n);
    ret->database = (uint32_t)n;
    if (!lsn(text, "slotLSN", &ret->slot_lsn))
        ret->slot_lsn = 0;
}

int df__pg_place_read(df_bytes text, df__pg_place *ret)
{
    memset(ret, 0, sizeof *ret);
    if (!lsn(text, "lastAckedLSN", &ret->lsn))
        return DF_EDATA;
    number(text, "ordinal", &ret->ordinal);
    if (!lsn(text, "committedLSN", &ret->committed))
        ret->committed = 0;
    read_identity(text, ret);
    return DF_OK;
}

/* A value that is no array is none. */
static df_bytes array_of(df_bytes text, const char *name)
{
    df_bytes v = {NULL, 0};
    int is_array = member(text, name, &v) && v.len > 0 && *(const char *)v.data == '[';
    return is_array ? v : (df_bytes){NULL, 0};
}

void df__pg_again_read(df_bytes text, df__pg_again *ret)
{
    ret->tables = array_of(text, "again");
    ret->after = array_of(text, "againAfter");
    number(text, "againRows", &ret->rows);
    number(text, "againIndex", &ret->key_oid);
}

int df__pg_progress_read(df_bytes text, df__pg_place *ret_identity, df__pg_progress *ret)
{
    df_bytes phase, done;
    memset(ret, 0, sizeof *ret);
    memset(ret_identity, 0, sizeof *ret_identity);
    if (!member(text, "phase", &phase) || !member(text, "done", &done))
        return DF_EDATA;
    ret->is_done = done.len == 4 && memcmp(done.data, "true", 4) == 0;
    number(text, "rows", &ret->rows);
    ret->after = array_of(text, "after");
    number(text, "index", &ret->key_oid);
    read_identity(text, ret_identity);
    return DF_OK;
}

/* ---- texts of an array ----------------------------------------------------------------------- */

static int hex4(const char *s, const char *end, unsigned *ret)
{
    static const char digits[] = "0123456789abcdef";
    *ret = 0;
    for (int i = 0; i < 4; i++, s++) {
        const char *digit = s < end ? memchr(digits, *s | 0x20, 16) : NULL;
        if (!digit)
            return 0;
        *ret = *ret << 4 | (unsigned)(digit - digits);
    }
    return 1;
}

/* df__buf_json escapes no letter above the control characters by its number. */
static int unescape(const char **at, const char *end, df__buf *b)
{
    static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    const char *s = *at;
    unsigned code;
    const char *letter = s < end && *s ? strchr(letters, *s) : NULL;
    if (letter) {
        df__buf_char(b, bytes[letter - letters]);
        *at = s + 1;
        return DF_OK;
    }
    if (s == end || *s != 'u' || !hex4(s + 1, end, &code) || code == 0 || code > 0x7F)
        return DF_EDATA;
    df__buf_char(b, (char)code);
    *at = s + 5;
    return DF_OK;
}

int df__pg_array_next(df_bytes text, size_t *at, df__buf *b)
{
    scan s = {(const char *)text.data, (const char *)text.data};
    df_bytes item;
    df__buf_clear(b);
    if (text.len == 0)
        return DF_DONE;
    s.at += *at;
    s.end += text.len;
    if (eat(&s, ']'))
        return DF_DONE;
    if (!eat(&s, *at ? ',' : '[') || !quoted(&s, &item))
        return DF_EDATA;
    *at = (size_t)(s.at - (const char *)text.data);
    const char *c = item.data, *end = c + item.len;
    while (c < end) {
        if (*c != '\\') {
            df__buf_char(b, *c++);
            continue;
        }
        c++;
        if (unescape(&c, end, b) != DF_OK)
            return DF_EDATA;
    }
    return b->failed ? DF_ENOMEM : DF_OK;
}
