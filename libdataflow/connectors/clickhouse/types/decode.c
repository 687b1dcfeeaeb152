/* SPDX-License-Identifier: Apache-2.0
 * decode.c: RowBinary as values. */
#include "decode.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "number.h"
#include "util/rfc3339.h"

#define DAY INT64_C(86400)

static size_t left_of(const df__ch_reader *r)
{
    return (size_t)(r->end - r->at);
}

int df__ch_decode_length(df__ch_reader *r, uint64_t *ret)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 63; shift += 7) {
        if (r->at == r->end)
            return DF_MORE;
        unsigned char byte = *r->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = value;
            return DF_OK;
        }
    }
    return DF_EDATA;
}

/* Bytes of a value that has always as many; 0: it has a length of its own. */
static size_t width_of(const df__ch_type *t)
{
    static const unsigned char widths[] = {
        [CH_KIND_DATE] = 2,  [CH_KIND_DATE32] = 4, [CH_KIND_DATETIME] = 4, [CH_KIND_DATETIME64] = 8,
        [CH_KIND_TIME] = 4,  [CH_KIND_TIME64] = 8, [CH_KIND_UUID] = 16,    [CH_KIND_IPV4] = 4,
        [CH_KIND_IPV6] = 16, [CH_KIND_ENUM] = 0};
    if (t->width > 0)
        return (size_t)t->width;
    return t->kind < (int)sizeof widths ? widths[t->kind] : 0;
}

/* ---- past a value ---------------------------------------------------------------------------- */

static int skip_bytes(df__ch_reader *r, uint64_t count)
{
    if (count > left_of(r))
        return DF_MORE;
    r->at += count;
    return DF_OK;
}

static int skip_items(df__ch_reader *r, const df__ch_type *t, uint64_t count)
{
    int rc = DF_OK;
    for (uint64_t n = 0; n < count && rc == DF_OK; n++) {
        for (size_t i = 0; i < t->item_count && rc == DF_OK; i++) {
            const unsigned char *before = r->at;
            rc = df__ch_skip(r, &t->items[i]);
            /* Elements without bytes (an empty Tuple) could be any number. */
            rc = rc == DF_OK && r->at == before ? DF_EDATA : rc;
        }
    }
    return rc;
}

int df__ch_skip(df__ch_reader *r, const df__ch_type *t)
{
    uint64_t count = 1;
    int rc = DF_OK;
    if (t->nullable) {
        if (r->at == r->end)
            return DF_MORE;
        if (*r->at++ != 0)
            return DF_OK;
    }
    size_t width = width_of(t);
    if (width > 0)
        return skip_bytes(r, width);
    if (t->kind == CH_KIND_TUPLE)
        return skip_items(r, t, 1);
    rc = df__ch_decode_length(r, &count);
    if (rc != DF_OK)
        return rc;
    return t->kind == CH_KIND_ARRAY || t->kind == CH_KIND_MAP ? skip_items(r, t, count)
                                                              : skip_bytes(r, count);
}

/* ---- scalars --------------------------------------------------------------------------------- */

static uint64_t unsigned_at(const unsigned char *s, size_t width)
{
    uint64_t value = 0;
    for (size_t i = width < 8 ? width : 8; i-- > 0;)
        value = value << 8 | s[i];
    return value;
}

static int64_t signed_at(const unsigned char *s, size_t width)
{
    uint64_t value = unsigned_at(s, width);
    if (width < 8 && value >> (width * 8 - 1))
        value |= UINT64_MAX << width * 8;
    return (int64_t)value;
}

/* Bytes of a character that begins with this one; 0: none does. */
static size_t sequence(unsigned char c)
{
    if (c < 0x80)
        return 1;
    return c < 0xc2 || c > 0xf4 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static int is_utf8(const unsigned char *s, size_t len)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n;
    for (size_t i = 0; i < len; i += n) {
        n = sequence(s[i]);
        if (n == 0 || i + n > len)
            return 0;
        uint32_t code = n == 1 ? s[i] : s[i] & (0x7fU >> n);
        for (size_t k = 1; k < n; k++) {
            if ((s[i + k] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (s[i + k] & 0x3f);
        }
        if (code < lowest[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return 0;
    }
    return 1;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t ticks_of(int scale)
{
    int64_t ticks = 1;
    for (int i = 0; i < scale; i++)
        ticks *= 10;
    return ticks;
}

enum { TEXT_MAX = 96 };

/* "2024-01-02 03:04:05.123" in UTC; mid is what stands between day and time. Returns the length. */
static size_t print_moment(int64_t sec, int64_t fraction, int scale, char mid, char *out)
{
    df__civil c;
    df__civil_from_sec(sec, &c);
    size_t len = df__text_printf(out, TEXT_MAX, "%04" PRId64 "-%02d-%02d%c%02d:%02d:%02d", c.year,
                                 c.month, c.day, mid, c.hour, c.minute, c.second);
    if (scale > 0)
        len += df__text_printf(out + len, TEXT_MAX - len, ".%0*" PRId64, scale, fraction);
    return len;
}

static void split(const df__ch_type *t, const unsigned char *s, int64_t *sec, int64_t *fraction)
{
    int64_t value = signed_at(s, 8), ticks = ticks_of(t->scale);
    *sec = floor_div(value, ticks);
    *fraction = value - *sec * ticks;
}

/* The value as a text of the arena. */
static int give_text(df__arena *arena, int type, const char *text, size_t len, df_value *ret)
{
    df_bytes copy = {NULL, 0};
    if (df__arena_copy(arena, (df_bytes){text, len}, &copy) != DF_OK)
        return DF_ENOMEM;
    *ret = (df_value){.type = type, .text = copy.data, .len = copy.len};
    return DF_OK;
}

static int give_int(int type, int64_t value, df_value *ret)
{
    *ret = (df_value){.type = type, .u.i = value};
    return DF_OK;
}

/* Finer than microseconds is text. */
static int decode_moment(const df__ch_type *t, const unsigned char *s, df__arena *arena,
                         df_value *ret)
{
    char text[TEXT_MAX];
    int64_t sec, fraction, unit = ticks_of(t->scale);
    if (t->kind == CH_KIND_DATETIME)
        return give_int(DF_V_TIMESTAMP, (int64_t)unsigned_at(s, 4) * 1000000, ret);
    split(t, s, &sec, &fraction);
    if (t->scale > 6 && fraction % (unit / 1000000) != 0) {
        size_t len = print_moment(sec, fraction, t->scale, 'T', text);
        text[len++] = 'Z';
        return give_text(arena, DF_V_STRING, text, len, ret);
    }
    fraction = t->scale > 6 ? fraction / (unit / 1000000) : fraction * (1000000 / unit);
    return give_int(DF_V_TIMESTAMP, sec * 1000000 + fraction, ret);
}

static int decode_clock(const df__ch_type *t, const unsigned char *s, df__arena *arena,
                        df_value *ret)
{
    char text[TEXT_MAX];
    int64_t sec = signed_at(s, 4), fraction = 0, unit = ticks_of(t->scale);
    if (t->kind == CH_KIND_TIME64)
        split(t, s, &sec, &fraction);
    if (sec >= 0 && sec < DAY && fraction % (unit > 1000000 ? unit / 1000000 : 1) == 0) {
        fraction = unit > 1000000 ? fraction / (unit / 1000000) : fraction * (1000000 / unit);
        return give_int(DF_V_TIME, sec * 1000000 + fraction, ret);
    }
    size_t len =
        df__text_printf(text, sizeof text, "%" PRId64 ".%0*" PRId64, sec, t->scale, fraction);
    return give_text(arena, DF_V_STRING, text, len, ret);
}

/* The forms that are the same in values and in keys. Returns the length. */
static size_t print_scalar(const df__ch_type *t, const unsigned char *s, char out[TEXT_MAX])
{
    unsigned char b[16];
    switch (t->kind) {
    case CH_KIND_INT:
    case CH_KIND_UINT:
    case CH_KIND_DECIMAL:
        return df__ch_print(s, t->width, t->kind != CH_KIND_UINT, t->scale, out);
    case CH_KIND_UUID:
        for (size_t i = 0; i < 16; i++)
            b[i] = s[i < 8 ? 7 - i : 23 - i];
        return df__text_printf(out, TEXT_MAX,
                               "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
                               "%02x%02x%02x%02x%02x%02x",
                               b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
                               b[11], b[12], b[13], b[14], b[15]);
    case CH_KIND_IPV4:
        return df__text_printf(out, TEXT_MAX, "%d.%d.%d.%d", s[3], s[2], s[1], s[0]);
    case CH_KIND_IPV6:
        inet_ntop(AF_INET6, s, out, TEXT_MAX);
        return strlen(out);
    default:
        return 0;
    }
}

static const df__ch_name *name_of(const df__ch_type *t, const unsigned char *s)
{
    int64_t value = signed_at(s, (size_t)t->width);
    for (size_t i = 0; i < t->name_count; i++)
        if (t->names[i].value == value)
            return &t->names[i];
    return NULL;
}

static int decode_float(const df__ch_type *t, const unsigned char *s, df_value *ret)
{
    uint64_t bits = unsigned_at(s, (size_t)t->width);
    uint32_t few = (uint32_t)bits;
    float narrow;
    *ret = (df_value){.type = DF_V_DOUBLE};
    memcpy(&ret->u.d, &bits, sizeof bits);
    if (t->kind == CH_KIND_FLOAT32) {
        memcpy(&narrow, &few, sizeof few);
        ret->u.d = (double)narrow;
    }
    return DF_OK;
}

static int64_t day_at(const df__ch_type *t, const unsigned char *s)
{
    return t->kind == CH_KIND_DATE ? (int64_t)unsigned_at(s, 2) : signed_at(s, 4);
}

static int decode_enum(const df__ch_type *t, const unsigned char *s, df__arena *arena,
                       df_value *ret)
{
    const df__ch_name *n = name_of(t, s);
    return n ? give_text(arena, DF_V_STRING, n->name.data, n->name.len, ret)
             : give_int(DF_V_INT, signed_at(s, (size_t)t->width), ret);
}

/* Whole numbers that are INT in any case; see value_type. */
static int is_short(const df__ch_type *t)
{
    return (t->kind == CH_KIND_INT && t->width <= 8) || (t->kind == CH_KIND_UINT && t->width < 8);
}

static int decode_scalar(const df__ch_type *t, const unsigned char *s, df__arena *arena,
                         df_value *ret)
{
    char text[TEXT_MAX];
    if (is_short(t)) {
        size_t width = (size_t)t->width;
        int64_t value =
            t->kind == CH_KIND_INT ? signed_at(s, width) : (int64_t)unsigned_at(s, width);
        return give_int(DF_V_INT, value, ret);
    }
    switch (t->kind) {
    case CH_KIND_BOOL:
        return give_int(DF_V_BOOL, *s != 0, ret);
    case CH_KIND_FLOAT32:
    case CH_KIND_FLOAT64:
        return decode_float(t, s, ret);
    case CH_KIND_DATE:
    case CH_KIND_DATE32:
        return give_int(DF_V_DATE, day_at(t, s), ret);
    case CH_KIND_DATETIME:
    case CH_KIND_DATETIME64:
        return decode_moment(t, s, arena, ret);
    case CH_KIND_TIME:
    case CH_KIND_TIME64:
        return decode_clock(t, s, arena, ret);
    case CH_KIND_ENUM:
        return decode_enum(t, s, arena, ret);
    default:
        break;
    }
    size_t len = print_scalar(t, s, text);
    int is_text = t->kind >= CH_KIND_UUID && t->kind <= CH_KIND_IPV6;
    return give_text(arena, is_text ? DF_V_STRING : DF_V_NUMBER, text, len, ret);
}

/* ---- texts and containers -------------------------------------------------------------------- */

static int decode_text(df__ch_decoder *d, const df__ch_type *t, df_bytes text, df_value *ret)
{
    int good = is_utf8(text.data, text.len);
    *ret = (df_value){.type = good ? DF_V_STRING : DF_V_BYTES, .text = text.data, .len = text.len};
    d->has_bytes |= !good;
    if (t->kind != CH_KIND_JSON || text.len == 0)
        return DF_OK;
    df_value parsed;
    int rc = df_value_parse(d->record, text, &parsed);
    if (rc == DF_OK)
        *ret = parsed;
    return rc == DF_EDATA ? DF_OK : rc;
}

static int decode_list(df__ch_decoder *d, df__ch_reader *r, const df__ch_type *t, df_value *ret)
{
    int named = t->kind == CH_KIND_TUPLE && t->labels;
    df_value like = {.type = named ? DF_V_OBJECT : DF_V_ARRAY}, item;
    df_bytes none = {NULL, 0};
    uint64_t count = t->item_count;
    int rc = t->kind == CH_KIND_ARRAY ? df__ch_decode_length(r, &count) : DF_OK;
    rc = rc == DF_OK ? df_value_new(d->record, &like, ret) : rc;
    for (uint64_t i = 0; i < count && rc == DF_OK; i++) {
        rc = df__ch_decode(d, r, &t->items[t->kind == CH_KIND_ARRAY ? 0 : i], &item);
        rc = rc == DF_OK ? df_value_put(d->record, ret, named ? t->labels[i] : none, &item) : rc;
    }
    return rc;
}

/* A key as text. */
static int decode_name(df__ch_decoder *d, df__ch_reader *r, const df__ch_type *t, df_bytes *ret)
{
    df_value key;
    int rc = df__ch_decode(d, r, t, &key);
    size_t len = rc == DF_OK ? df_value_text(&key, NULL, 0) : 0;
    char *name = rc == DF_OK ? df__arena_alloc(d->arena, len + 1) : NULL;
    if (!name)
        return rc == DF_OK ? DF_ENOMEM : rc;
    df_value_text(&key, name, len);
    *ret = (df_bytes){name, len};
    return DF_OK;
}

static int decode_map(df__ch_decoder *d, df__ch_reader *r, const df__ch_type *t, df_value *ret)
{
    df_value like = {.type = DF_V_OBJECT}, item;
    df_bytes name = {NULL, 0};
    uint64_t count = 0;
    int rc = df__ch_decode_length(r, &count);
    rc = rc == DF_OK ? df_value_new(d->record, &like, ret) : rc;
    for (uint64_t i = 0; i < count && rc == DF_OK; i++) {
        rc = decode_name(d, r, &t->items[0], &name);
        rc = rc == DF_OK ? df__ch_decode(d, r, &t->items[1], &item) : rc;
        rc = rc == DF_OK ? df_value_put(d->record, ret, name, &item) : rc;
    }
    return rc;
}

int df__ch_decode(df__ch_decoder *d, df__ch_reader *r, const df__ch_type *t, df_value *ret)
{
    uint64_t len = 0;
    *ret = (df_value){.type = DF_V_NULL};
    if (t->nullable && *r->at++ != 0)
        return DF_OK;
    if (t->kind == CH_KIND_ARRAY || t->kind == CH_KIND_TUPLE)
        return decode_list(d, r, t, ret);
    if (t->kind == CH_KIND_MAP)
        return decode_map(d, r, t, ret);
    const unsigned char *at = r->at;
    size_t width = width_of(t);
    r->at += width;
    if (t->kind == CH_KIND_FIXED) { /* zeros at its end fill the column */
        while (width > 0 && at[width - 1] == 0)
            width--;
        return decode_text(d, t, (df_bytes){at, width}, ret);
    }
    if (width > 0)
        return decode_scalar(t, at, d->arena, ret);
    int rc = df__ch_decode_length(r, &len);
    at = r->at;
    r->at += rc == DF_OK ? len : 0;
    return rc == DF_OK ? decode_text(d, t, (df_bytes){at, (size_t)len}, ret) : rc;
}

/* ---- schema ---------------------------------------------------------------------------------- */

static int value_type(const df__ch_type *t)
{
    static const int types[] = {
        [CH_KIND_OTHER] = DF_V_STRING,       [CH_KIND_INT] = DF_V_INT,
        [CH_KIND_UINT] = DF_V_INT,           [CH_KIND_BOOL] = DF_V_BOOL,
        [CH_KIND_FLOAT32] = DF_V_DOUBLE,     [CH_KIND_FLOAT64] = DF_V_DOUBLE,
        [CH_KIND_DECIMAL] = DF_V_NUMBER,     [CH_KIND_STRING] = DF_V_STRING,
        [CH_KIND_FIXED] = DF_V_STRING,       [CH_KIND_JSON] = DF_V_ABSENT,
        [CH_KIND_DATE] = DF_V_DATE,          [CH_KIND_DATE32] = DF_V_DATE,
        [CH_KIND_DATETIME] = DF_V_TIMESTAMP, [CH_KIND_DATETIME64] = DF_V_TIMESTAMP,
        [CH_KIND_TIME] = DF_V_ABSENT,        [CH_KIND_TIME64] = DF_V_ABSENT,
        [CH_KIND_UUID] = DF_V_STRING,        [CH_KIND_IPV4] = DF_V_STRING,
        [CH_KIND_IPV6] = DF_V_STRING,        [CH_KIND_ENUM] = DF_V_ABSENT,
        [CH_KIND_ARRAY] = DF_V_ARRAY,        [CH_KIND_TUPLE] = DF_V_ARRAY,
        [CH_KIND_MAP] = DF_V_OBJECT};
    if ((t->kind == CH_KIND_UINT && t->width >= 8) || (t->kind == CH_KIND_INT && t->width > 8))
        return DF_V_NUMBER;
    if (t->kind == CH_KIND_TUPLE && t->labels)
        return DF_V_OBJECT;
    return t->kind == CH_KIND_DATETIME64 && t->scale > 6 ? DF_V_ABSENT : types[t->kind];
}

void df__ch_describe(const df__ch_type *t, df_field *ret)
{
    static const int digits[] = {[8] = 20, [16] = 39, [32] = 78};
    ret->type = value_type(t);
    ret->flags = t->nullable ? 0 : DF_FIELD_NOT_NULL;
    if (ret->type == DF_V_NUMBER) {
        ret->precision = t->kind == CH_KIND_DECIMAL ? t->precision : digits[t->width];
        ret->scale = t->scale;
    }
    if (t->kind == CH_KIND_ARRAY)
        ret->item = value_type(&t->items[0]);
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* Days and moments, in UTC. */
static size_t print_time(const df__ch_type *t, const unsigned char *s, char out[TEXT_MAX])
{
    int64_t sec, fraction = 0;
    if (t->kind == CH_KIND_DATETIME64) {
        split(t, s, &sec, &fraction);
        return print_moment(sec, fraction, t->scale, ' ', out);
    }
    if (t->kind == CH_KIND_DATETIME)
        return print_moment((int64_t)unsigned_at(s, 4), 0, 0, ' ', out);
    print_moment(day_at(t, s) * DAY, 0, 0, '\0', out);
    return strlen(out);
}

int df__ch_key_text(df__ch_reader *r, const df__ch_type *t, df__buf *ret)
{
    char text[TEXT_MAX];
    uint64_t len = 0;
    if (t->nullable && *r->at++ != 0)
        return DF_DROP;
    if (t->kind == CH_KIND_STRING) {
        int rc = df__ch_decode_length(r, &len);
        df__buf_add(ret, r->at, rc == DF_OK ? (size_t)len : 0);
        return rc;
    }
    if (t->kind == CH_KIND_ENUM) {
        const df__ch_name *n = name_of(t, r->at);
        df__buf_add(ret, n ? n->name.data : "", n ? n->name.len : 0);
        return n ? DF_OK : DF_ENOTSUP;
    }
    if (t->kind == CH_KIND_BOOL) {
        df__buf_str(ret, *r->at ? "1" : "0");
        return DF_OK;
    }
    len = t->kind >= CH_KIND_DATE && t->kind <= CH_KIND_DATETIME64 ? print_time(t, r->at, text)
                                                                   : print_scalar(t, r->at, text);
    df__buf_add(ret, text, (size_t)len);
    return len > 0 ? DF_OK : DF_ENOTSUP;
}

void df__ch_key_type(const df__ch_type *t, df__buf *ret)
{
    df_bytes text = t->text;
    const char *s = text.data;
    if (t->kind == CH_KIND_DATETIME) {
        df__buf_str(ret, "DateTime('UTC')");
        return;
    }
    if (t->kind == CH_KIND_DATETIME64) {
        df__buf_printf(ret, "DateTime64(%d, 'UTC')", t->scale);
        return;
    }
    /* What is around it says nothing of how it is compared. */
    static const char *const around[] = {"LowCardinality(", "Nullable("};
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(around[i]);
        if (text.len > len && memcmp(s, around[i], len) == 0) {
            s += len;
            text = (df_bytes){s, text.len - len - 1};
        }
    }
    df__buf_add(ret, text.data, text.len);
}
