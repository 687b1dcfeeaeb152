/* SPDX-License-Identifier: Apache-2.0
 * encode.c: numbers, texts and containers as RowBinary. */
#include "encode.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "number.h"

int df__ch_refuse(df__ch_encoder *e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    df__text_vprintf(e->why, sizeof e->why, format, args);
    va_end(args);
    return DF_EDATA;
}

static int refuse_type(df__ch_encoder *e, const df__ch_type *t, const char *what)
{
    return df__ch_refuse(e, "%s, the column is %.*s", what, (int)t->text.len,
                         (const char *)t->text.data);
}

void df__ch_encode_length(df__buf *out, uint64_t length)
{
    while (length >= 0x80) {
        df__buf_char(out, (char)(length | 0x80));
        length >>= 7;
    }
    df__buf_char(out, (char)length);
}

void df__ch_encode_words(df__buf *out, const uint64_t words[CH_WORDS], int width)
{
    char bytes[CH_WORDS * 8];
    for (int i = 0; i < width; i++)
        bytes[i] = (char)(words[i / 8] >> i % 8 * 8);
    df__buf_add(out, bytes, (size_t)width);
}

static void put(df__buf *out, uint64_t value, int width)
{
    uint64_t words[CH_WORDS] = {value, 0, 0, 0};
    df__ch_encode_words(out, words, width);
}

static void put_text(df__buf *out, const void *text, size_t len)
{
    df__ch_encode_length(out, len);
    if (len > 0)
        df__buf_add(out, text, len);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* The size of the value times 10^scale, and its sign. */
static int read_exact(df__ch_encoder *e, const df_value *v, int scale, uint64_t words[CH_WORDS],
                      int *ret_negative)
{
    char text[400];
    df__exact number;
    df_bytes digits = {v->text, v->len};
    memset(words, 0, CH_WORDS * sizeof *words);
    if (v->type == DF_V_INT || v->type == DF_V_BOOL) {
        *ret_negative = v->u.i < 0;
        words[0] = v->u.i < 0 ? 0 - (uint64_t)v->u.i : (uint64_t)v->u.i;
        int over = 0;
        for (; scale > 0; scale--)
            over |= df__ch_multiply(words, 10, 0);
        return over ? DF_ETOOBIG : DF_OK;
    }
    if (v->type == DF_V_DOUBLE && isfinite(v->u.d))
        digits = (df_bytes){text, df_value_text(v, text, sizeof text)};
    else if (v->type != DF_V_NUMBER && v->type != DF_V_STRING)
        return df__ch_refuse(e, "not a number");
    if (digits.len > 0 && df__exact_parse(digits, &number) == DF_OK) {
        *ret_negative = number.negative;
        int rc = df__ch_exact(&number, scale, words);
        return rc == DF_EDATA ? DF_DROP : rc;
    }
    return df__ch_refuse(e, "not a number");
}

static int encode_int(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    uint64_t words[CH_WORDS];
    int negative = 0;
    int rc = read_exact(e, v, 0, words, &negative);
    if (rc == DF_EDATA)
        return refuse_type(e, t, "not a number");
    if (rc == DF_DROP)
        return refuse_type(e, t, "has decimals");
    if (rc != DF_OK || !df__ch_fits(words, negative, t->width, t->kind == CH_KIND_INT))
        return refuse_type(e, t, "out of range");
    if (negative)
        df__ch_negate(words);
    df__ch_encode_words(e->out, words, t->width);
    return DF_OK;
}

static int encode_decimal(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    uint64_t words[CH_WORDS];
    int negative = 0;
    int rc = v->type == DF_V_BOOL ? DF_EDATA : read_exact(e, v, t->scale, words, &negative);
    if (rc == DF_EDATA)
        return refuse_type(e, t, "not a number");
    if (rc == DF_DROP)
        return refuse_type(e, t, "has more decimals");
    if (rc != DF_OK || df__ch_compare(words, t->limit) >= 0)
        return refuse_type(e, t, "has more digits");
    if (negative)
        df__ch_negate(words);
    df__ch_encode_words(e->out, words, t->width);
    return DF_OK;
}

static int read_double(const df_value *v, double *ret)
{
    static const struct {
        const char *name;
        double value;
    } names[] = {{"NaN", NAN},        {"nan", NAN},           {"Infinity", INFINITY},
                 {"inf", INFINITY},   {"+inf", INFINITY},     {"-Infinity", -INFINITY},
                 {"-inf", -INFINITY}, {"+Infinity", INFINITY}};
    df_value number = *v;
    df__exact exact;
    for (size_t i = 0; v->type == DF_V_STRING && i < sizeof names / sizeof names[0]; i++) {
        if (v->len == strlen(names[i].name) && memcmp(v->text, names[i].name, v->len) == 0) {
            *ret = names[i].value;
            return DF_OK;
        }
    }
    if (v->type == DF_V_STRING && v->len > 0 &&
        df__exact_parse((df_bytes){v->text, v->len}, &exact) == DF_OK)
        number.type = DF_V_NUMBER;
    int rc = number.type == DF_V_STRING ? DF_EDATA : df_value_double(&number, ret);
    return rc == DF_OK && number.type != DF_V_DOUBLE && isinf(*ret) ? DF_ETOOBIG : rc;
}

static int encode_float(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    double wide;
    int rc = read_double(v, &wide);
    if (rc == DF_EDATA)
        return refuse_type(e, t, "not a number");
    if (rc == DF_OK && t->kind == CH_KIND_FLOAT64) {
        uint64_t bits;
        memcpy(&bits, &wide, sizeof bits);
        put(e->out, bits, 8);
        return DF_OK;
    }
    float narrow = (float)wide;
    if (rc != DF_OK || (isinf(narrow) && !isinf(wide)))
        return refuse_type(e, t, "out of range");
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    put(e->out, bits, 4);
    return DF_OK;
}

static int encode_bool(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    int64_t value = -1;
    if (v->type == DF_V_BOOL) {
        value = v->u.i;
    } else if (v->type == DF_V_STRING) {
        value = v->len == 4 && memcmp(v->text, "true", 4) == 0    ? 1
                : v->len == 5 && memcmp(v->text, "false", 5) == 0 ? 0
                                                                  : -1;
    } else if (df_value_int(v, &value) != DF_OK) {
        value = -1;
    }
    if (value != 0 && value != 1)
        return refuse_type(e, t, "not true or false");
    df__buf_char(e->out, (char)value);
    return DF_OK;
}

/* ---- texts ----------------------------------------------------------------------------------- */

static int encode_string(df__ch_encoder *e, const df_value *v)
{
    if (v->type == DF_V_STRING || v->type == DF_V_BYTES) {
        put_text(e->out, v->text, v->len);
        return DF_OK;
    }
    size_t len = df_value_text(v, NULL, 0);
    df__ch_encode_length(e->out, len);
    char *at = df__buf_reserve(e->out, len);
    if (!at)
        return DF_ENOMEM;
    e->out->len += df_value_text(v, at, len);
    return DF_OK;
}

static int encode_fixed(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    if (v->type != DF_V_STRING && v->type != DF_V_BYTES)
        return refuse_type(e, t, "not a text");
    if (v->len > (size_t)t->width)
        return refuse_type(e, t, "longer than the column");
    char *at = df__buf_reserve(e->out, (size_t)t->width);
    if (!at)
        return DF_ENOMEM;
    memset(at, 0, (size_t)t->width);
    if (v->len > 0)
        memcpy(at, v->text, v->len);
    e->out->len += (size_t)t->width;
    return DF_OK;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* 32 hexadecimal digits, with hyphens in their places or without. */
static int read_uuid(const df_value *v, unsigned char bytes[16])
{
    size_t count = 0;
    if (v->type == DF_V_BYTES && v->len == 16) {
        memcpy(bytes, v->text, 16);
        return 1;
    }
    if (v->type != DF_V_STRING || (v->len != 36 && v->len != 32))
        return 0;
    for (size_t i = 0; i < v->len; i++) {
        if (v->len == 36 && (i == 8 || i == 13 || i == 18 || i == 23)) {
            if (v->text[i] != '-')
                return 0;
            continue;
        }
        int digit = hex_digit(v->text[i]);
        if (digit < 0)
            return 0;
        bytes[count / 2] = (unsigned char)(count % 2 ? bytes[count / 2] | digit : digit << 4);
        count++;
    }
    return count == 32;
}

/* Two words of eight bytes, each with its lowest byte first. */
static int encode_uuid(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    unsigned char bytes[16];
    char out[16];
    if (!read_uuid(v, bytes))
        return refuse_type(e, t, "not a UUID");
    for (size_t i = 0; i < 16; i++)
        out[i] = (char)bytes[i < 8 ? 7 - i : 23 - i];
    df__buf_add(e->out, out, sizeof out);
    return DF_OK;
}

static int encode_ip(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char text[INET6_ADDRSTRLEN + 1];
    unsigned char four[4], six[16];
    if (v->type != DF_V_STRING || v->len == 0 || v->len >= sizeof text)
        return refuse_type(e, t, "not an address");
    memcpy(text, v->text, v->len);
    text[v->len] = '\0';
    if (strlen(text) == v->len && inet_pton(AF_INET, text, four) == 1) {
        memcpy(six, mapped, sizeof mapped);
        memcpy(six + 12, four, 4);
    } else if (t->kind == CH_KIND_IPV4 || strlen(text) != v->len ||
               inet_pton(AF_INET6, text, six) != 1) {
        return refuse_type(e, t, "not an address");
    }
    if (t->kind == CH_KIND_IPV4) {
        put(e->out,
            (uint64_t)four[0] << 24 | (uint64_t)four[1] << 16 | (uint64_t)four[2] << 8 | four[3],
            4);
    } else {
        df__buf_add(e->out, six, sizeof six);
    }
    return DF_OK;
}

static int encode_enum(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    int64_t number = 0;
    int is_number = v->type != DF_V_STRING && df_value_int(v, &number) == DF_OK;
    for (size_t i = 0; i < t->name_count; i++) {
        const df__ch_name *n = &t->names[i];
        int hit = is_number ? n->value == number
                            : v->type == DF_V_STRING && n->name.len == v->len &&
                                  (v->len == 0 || memcmp(n->name.data, v->text, v->len) == 0);
        if (hit) {
            put(e->out, (uint64_t)(int64_t)n->value, t->width);
            return DF_OK;
        }
    }
    return df__ch_refuse(e, "none of the names of the column's Enum");
}

/* ---- containers ------------------------------------------------------------------------------ */

static int encode_array(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    df_walk walk;
    int rc = DF_OK;
    if (v->type != DF_V_ARRAY)
        return refuse_type(e, t, "not an array");
    memset(&walk, 0, sizeof walk);
    df__ch_encode_length(e->out, v->len);
    while (rc == DF_OK && df_value_walk(v, &walk) == DF_OK)
        rc = df__ch_encode(e, &t->items[0], &walk.value);
    return rc;
}

static int encode_map(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    df_walk walk;
    int rc = DF_OK;
    if (v->type != DF_V_OBJECT)
        return refuse_type(e, t, "not an object");
    memset(&walk, 0, sizeof walk);
    df__ch_encode_length(e->out, v->len);
    while (rc == DF_OK && df_value_walk(v, &walk) == DF_OK) {
        df_value key = {.type = DF_V_STRING, .text = walk.name.data, .len = walk.name.len};
        rc = df__ch_encode(e, &t->items[0], &key);
        rc = rc == DF_OK ? df__ch_encode(e, &t->items[1], &walk.value) : rc;
    }
    return rc;
}

static int encode_named(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    size_t found = 0;
    int rc = DF_OK;
    for (size_t i = 0; i < t->item_count && rc == DF_OK; i++) {
        df_value item;
        rc = df_value_member(v, t->labels[i], &item);
        found += item.type != DF_V_ABSENT;
        if (item.type == DF_V_ABSENT && t->items[i].nullable)
            item.type = DF_V_NULL;
        rc = rc == DF_OK ? df__ch_encode(e, &t->items[i], &item) : rc;
    }
    if (rc == DF_OK && found != v->len)
        return refuse_type(e, t, "has a member that the column has not");
    return rc;
}

static int encode_tuple(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    df_walk walk;
    int rc = DF_OK;
    if (v->type == DF_V_OBJECT && t->labels)
        return encode_named(e, t, v);
    if (v->type != DF_V_ARRAY || v->len != t->item_count)
        return refuse_type(e, t, "not as many elements");
    memset(&walk, 0, sizeof walk);
    for (size_t i = 0; rc == DF_OK && df_value_walk(v, &walk) == DF_OK; i++)
        rc = df__ch_encode(e, &t->items[i], &walk.value);
    return rc;
}

static int encode_other(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    (void)v;
    return refuse_type(e, t, "cannot be written here");
}

/* ---- all ------------------------------------------------------------------------------------- */

static int encode_text(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    (void)t;
    return encode_string(e, v);
}

typedef int (*encode_fn)(df__ch_encoder *e, const df__ch_type *t, const df_value *v);
static const encode_fn encoders[] = {
    [CH_KIND_OTHER] = encode_other,
    [CH_KIND_INT] = encode_int,
    [CH_KIND_UINT] = encode_int,
    [CH_KIND_BOOL] = encode_bool,
    [CH_KIND_FLOAT32] = encode_float,
    [CH_KIND_FLOAT64] = encode_float,
    [CH_KIND_DECIMAL] = encode_decimal,
    [CH_KIND_STRING] = encode_text,
    [CH_KIND_FIXED] = encode_fixed,
    [CH_KIND_JSON] = encode_text,
    [CH_KIND_DATE] = df__ch_encode_time,
    [CH_KIND_DATE32] = df__ch_encode_time,
    [CH_KIND_DATETIME] = df__ch_encode_time,
    [CH_KIND_DATETIME64] = df__ch_encode_time,
    [CH_KIND_TIME] = df__ch_encode_time,
    [CH_KIND_TIME64] = df__ch_encode_time,
    [CH_KIND_UUID] = encode_uuid,
    [CH_KIND_IPV4] = encode_ip,
    [CH_KIND_IPV6] = encode_ip,
    [CH_KIND_ENUM] = encode_enum,
    [CH_KIND_ARRAY] = encode_array,
    [CH_KIND_TUPLE] = encode_tuple,
    [CH_KIND_MAP] = encode_map,
};

int df__ch_encode(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    int is_null = v->type == DF_V_NULL || v->type == DF_V_ABSENT || v->type == DF_V_UNCHANGED;
    if (t->nullable && t->kind != CH_KIND_OTHER)
        df__buf_char(e->out, (char)is_null);
    if (is_null) {
        return t->nullable && t->kind != CH_KIND_OTHER
                   ? DF_OK
                   : refuse_type(e, t, "null, which it cannot keep");
    }
    int rc = encoders[t->kind](e, t, v);
    return rc == DF_OK && e->out->failed ? DF_ENOMEM : rc;
}

/* The lowest value of an Enum is what the server takes as its default. */
static int lowest(const df__ch_type *t)
{
    int low = t->name_count > 0 ? t->names[0].value : 0;
    for (size_t i = 1; i < t->name_count; i++)
        low = t->names[i].value < low ? t->names[i].value : low;
    return low;
}

/* Bytes of a zero of a type that has always as many. */
static int zero_width(const df__ch_type *t)
{
    static const int widths[] = {
        [CH_KIND_DATE] = 2,  [CH_KIND_DATE32] = 4, [CH_KIND_DATETIME] = 4, [CH_KIND_DATETIME64] = 8,
        [CH_KIND_TIME] = 4,  [CH_KIND_TIME64] = 8, [CH_KIND_UUID] = 16,    [CH_KIND_IPV4] = 4,
        [CH_KIND_IPV6] = 16, [CH_KIND_STRING] = 1, [CH_KIND_ARRAY] = 1,    [CH_KIND_MAP] = 1};
    if (t->width > 0)
        return t->width;
    return t->kind < (int)(sizeof widths / sizeof widths[0]) ? widths[t->kind] : 0;
}

void df__ch_encode_default(df__ch_encoder *e, const df__ch_type *t)
{
    if (t->nullable)
        df__buf_char(e->out, 1);
    else if (t->kind == CH_KIND_TUPLE)
        for (size_t i = 0; i < t->item_count; i++)
            df__ch_encode_default(e, &t->items[i]);
    else if (t->kind == CH_KIND_ENUM)
        put(e->out, (uint64_t)(int64_t)lowest(t), t->width);
    else if (t->kind == CH_KIND_JSON)
        put_text(e->out, "{}", 2);
    else
        for (int i = zero_width(t); i > 0; i--)
            df__buf_char(e->out, 0);
}
