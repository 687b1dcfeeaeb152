/* SPDX-License-Identifier: Apache-2.0
 * literal.c: see literal.h. Every literal of a column has the same type, so that the rows of a
 * VALUES agree; nested ones are cast as a whole. */
#include "types/literal.h"

#include <arpa/inet.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "util/rfc3339.h"
#include "util/scalar.h"

static int refuse(df__trino_writer *w, const char *why)
{
    w->why = why;
    return DF_EDATA;
}

static int give(df__trino_writer *w, const char *type, df_bytes text)
{
    df__buf_str(w->out, type);
    df__trino_quote_text(w->out, text);
    return w->out->failed ? DF_ENOMEM : DF_OK;
}

/* Through one of the snprintf-like writers, into the scratch buffer. */
static int print(df__trino_writer *w, const df_value *v,
                 size_t (*write)(const df_value *v, char *buf, size_t len), df_bytes *ret)
{
    size_t len = write(v, NULL, 0);
    df__buf_clear(&w->scratch);
    char *at = df__buf_reserve(&w->scratch, len + 1);
    if (!at)
        return DF_ENOMEM;
    *ret = (df_bytes){at, write(v, at, len)};
    return DF_OK;
}

/* ---- scalars --------------------------------------------------------------------------------- */

static int put_bool(df__trino_writer *w, const df__trino_type *type, const df_value *v)
{
    int value = v->type == DF_V_BOOL || (v->type == DF_V_INT && (v->u.i == 0 || v->u.i == 1))
                    ? v->u.i != 0
                    : -1;
    (void)type;
    if (v->type == DF_V_STRING && v->len == 4 && !strncasecmp(v->text, "true", 4))
        value = 1;
    if (v->type == DF_V_STRING && v->len == 5 && !strncasecmp(v->text, "false", 5))
        value = 0;
    if (value < 0)
        return refuse(w, "not true or false");
    df__buf_str(w->out, value ? "true" : "false");
    return DF_OK;
}

static int put_int(df__trino_writer *w, const df__trino_type *type, const df_value *v)
{
    static const struct {
        const char *name;
        int64_t high;
    } types[] = {[TRINO_KIND_TINYINT] = {"TINYINT", INT8_MAX},
                 [TRINO_KIND_SMALLINT] = {"SMALLINT", INT16_MAX},
                 [TRINO_KIND_INTEGER] = {"INTEGER", INT32_MAX},
                 [TRINO_KIND_BIGINT] = {"BIGINT", INT64_MAX}};
    int64_t value = 0, high = types[type->kind].high;
    if (v->type == DF_V_STRING) {
        if (!df__parse_int((df_bytes){v->text, v->len}, &value))
            return refuse(w, "not a whole number of 64 bits");
    } else if ((v->type != DF_V_INT && v->type != DF_V_NUMBER && v->type != DF_V_DOUBLE) ||
               df_value_int(v, &value) != DF_OK) {
        return refuse(w, v->type == DF_V_NUMBER || v->type == DF_V_DOUBLE
                             ? "not a whole number of 64 bits"
                             : "not a number");
    }
    if (value > high || value < -high - 1)
        return refuse(w, "out of range");
    df__buf_printf(w->out, "%s'%lld'", types[type->kind].name, (long long)value);
    return DF_OK;
}

/* The text of a number, and what it says. `exact` is set for finite ones. */
static int read_number(df__trino_writer *w, const df_value *v, df_bytes *text, df__exact *exact)
{
    if (v->type == DF_V_STRING || (v->type == DF_V_NUMBER && v->text)) {
        *text = (df_bytes){v->text, v->len};
    } else if (v->type == DF_V_INT || v->type == DF_V_DOUBLE) {
        int rc = print(w, v, df_value_text, text);
        if (rc != DF_OK)
            return rc;
    } else {
        return refuse(w, "not a number");
    }
    return df__exact_parse(*text, exact);
}

static int put_special(df__trino_writer *w, const char *name, df_bytes text)
{
    static const char *const known[] = {"NaN", "Infinity", "-Infinity"};
    for (size_t i = 0; i < 3; i++)
        if (text.len == strlen(known[i]) && !strncasecmp(text.data, known[i], text.len))
            return i == 0 && w->one_form ? refuse(w, "NaN, which is equal to no key")
                                         : give(w, name, (df_bytes){known[i], strlen(known[i])});
    return refuse(w, "not a number");
}

/* A value that is nearer to infinity than to any float. */
static int is_past_real(const df__exact *e)
{
    int64_t high = (int64_t)e->digit_count + e->exponent; /* 10^high is above it */
    return e->digit_count > 0 && high > 39;
}

/* One text for all that reads as the same float: 1, 1.0 and 1e0; 0 and -0. */
static int put_float_key(df__trino_writer *w, const df__trino_type *type, double value)
{
    df_bytes text;
    if (type->kind == TRINO_KIND_REAL)
        value = (double)(float)value;
    df_value v = {.type = DF_V_DOUBLE, .u.d = fpclassify(value) == FP_ZERO ? 0.0 : value};
    int rc = print(w, &v, df_value_text, &text);
    return rc == DF_OK ? give(w, type->kind == TRINO_KIND_REAL ? "REAL" : "DOUBLE", text) : rc;
}

static int put_float(df__trino_writer *w, const df__trino_type *type, const df_value *v)
{
    const char *name = type->kind == TRINO_KIND_REAL ? "REAL" : "DOUBLE";
    df_bytes text = {NULL, 0};
    df__exact exact;
    int rc = read_number(w, v, &text, &exact);
    if (rc == DF_EDATA)
        return text.data ? put_special(w, name, text) : rc;
    if (rc != DF_OK)
        return rc;
    double value = 0;
    df_value number = {.type = DF_V_NUMBER, .text = text.data, .len = text.len};
    if (df__exact_is_huge(&exact) || (type->kind == TRINO_KIND_REAL && is_past_real(&exact)))
        return refuse(w, "out of range");
    if (type->kind == TRINO_KIND_REAL && df_value_double(&number, &value) == DF_OK &&
        fabs(value) > 3.4028235677973366e38)
        return refuse(w, "out of range");
    if (w->one_form && df_value_double(&number, &value) == DF_OK)
        return put_float_key(w, type, value);
    return give(w, name, text);
}

static int put_decimal(df__trino_writer *w, const df__trino_type *type, const df_value *v)
{
    df_bytes text;
    df__exact exact;
    __int128 value = 0, limit = 1;
    char digits[48];
    size_t n = sizeof digits, scale = (size_t)type->scale;
    int rc = read_number(w, v, &text, &exact);
    if (rc != DF_OK)
        return rc == DF_EDATA ? refuse(w, "not a number that a decimal can be") : rc;
    rc = df__exact_int(&exact, type->scale, 0, &value);
    if (rc == DF_EDATA)
        return refuse(w, "more decimals than the column keeps");
    for (int i = 0; i < type->precision && i < 38; i++)
        limit *= 10;
    if (rc != DF_OK || value >= limit || value <= -limit)
        return refuse(w, "more digits before the point than the column keeps");
    unsigned __int128 rest = value < 0 ? (unsigned __int128)-value : (unsigned __int128)value;
    for (size_t i = 0; rest > 0 || i <= scale; i++, rest /= 10) {
        if (i == scale && scale > 0)
            digits[--n] = '.';
        digits[--n] = (char)('0' + (int)(rest % 10));
    }
    if (value < 0)
        digits[--n] = '-';
    return give(w, "DECIMAL", (df_bytes){digits + n, sizeof digits - n});
}

static size_t count_characters(df_bytes text)
{
    const unsigned char *s = text.data;
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += (s[i] & 0xC0) != 0x80;
    return count;
}

static int put_text(df__trino_writer *w, const df__trino_type *type, const df_value *v)
{
    df_bytes text = {v->text, v->len};
    int rc = DF_OK;
    if (v->type == DF_V_BYTES)
        return refuse(w, "bytes, which a text column cannot hold");
    if (v->type != DF_V_STRING && !(v->type == DF_V_NUMBER && v->text))
        rc = print(w, v,
                   v->type == DF_V_OBJECT || v->type == DF_V_ARRAY ? df_value_json : df_value_text,
                   &text);
    if (rc != DF_OK)
        return rc;
    if (type->precision > 0 && count_characters(text) > (size_t)type->precision)
        return refuse(w, "too long");
    if (type->kind != TRINO_KIND_CHAR)
        return give(w, "", text);
    while (w->one_form && text.len > 0 && ((const char *)text.data)[text.len - 1] == ' ')
        text.len--; /* the server fills it up with them */
    df__buf_str(w->out, "CAST(");
    df__trino_quote_text(w->out, text);
    df__buf_printf(w->out, " AS char(%d))", type->precision);
    return DF_OK;
}

static int put_bytes(df__trino_writer *w, const df__trino_type *type, const df_value *v)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *s = (const unsigned char *)v->text;
    (void)type;
    if (v->type != DF_V_BYTES && v->type != DF_V_STRING)
        return refuse(w, "neither bytes nor text");
    df__buf_str(w->out, "X'");
    char *at = df__buf_reserve(w->out, 2 * v->len + 1);
    if (!at)
        return DF_ENOMEM;
    for (size_t i = 0; i < v->len; i++) {
        at[2 * i] = hex[s[i] >> 4];
        at[2 * i + 1] = hex[s[i] & 15];
    }
    w->out->len += 2 * v->len;
    df__buf_char(w->out, '\'');
    return DF_OK;
}

static int put_json(df__trino_writer *w, const df__trino_type *type, const df_value *v)
{
    df_bytes text;
    (void)type;
    int rc = print(w, v, df_value_json, &text);
    return rc == DF_OK ? give(w, "JSON", text) : rc;
}

static int put_uuid(df__trino_writer *w, const df__trino_type *type, const df_value *v)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    (void)type;
    if (v->type != DF_V_STRING || v->len != 36)
        return refuse(w, "not a uuid");
    for (size_t i = 0; i < 36; i++) {
        int dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? v->text[i] != '-' : !v->text[i] || !strchr(hex, v->text[i]))
            return refuse(w, "not a uuid");
    }
    char text[36]; /* in one form, since keys are compared as they are written */
    for (size_t i = 0; i < 36; i++)
        text[i] = (char)(v->text[i] >= 'A' && v->text[i] <= 'F' ? v->text[i] + 32 : v->text[i]);
    return give(w, "UUID", (df_bytes){text, 36});
}

static int put_address(df__trino_writer *w, const df__trino_type *type, const df_value *v)
{
    unsigned char bytes[16];
    char text[64] = "";
    (void)type;
    if (v->type == DF_V_STRING && v->len < sizeof text)
        memcpy(text, v->text, v->len);
    int is_old = inet_pton(AF_INET, text, bytes) == 1;
    if (!is_old && inet_pton(AF_INET6, text, bytes) != 1)
        return refuse(w, "not an IP address");
    if (!w->one_form)
        return give(w, "IPADDRESS", (df_bytes){v->text, v->len});
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    int is_mapped = !is_old && memcmp(bytes, mapped, sizeof mapped) == 0;
    inet_ntop(is_old || is_mapped ? AF_INET : AF_INET6, bytes + (is_mapped ? 12 : 0), text,
              sizeof text);
    return give(w, "IPADDRESS", (df_bytes){text, strlen(text)});
}

/* ---- nested ---------------------------------------------------------------------------------- */

static void begin_cast(df__trino_writer *w)
{
    df__buf_str(w->out, "CAST(");
}

static int end_cast(df__trino_writer *w, const df__trino_type *type)
{
    df__buf_str(w->out, " AS ");
    df__buf_add(w->out, type->name.data, type->name.len);
    df__buf_char(w->out, ')');
    return w->out->failed ? DF_ENOMEM : DF_OK;
}

static int put_array(df__trino_writer *w, const df__trino_type *type, const df_value *v)
{
    df_walk walk;
    int first = 1, rc = DF_OK;
    if (v->type != DF_V_ARRAY)
        return refuse(w, "not an array");
    begin_cast(w);
    df__buf_str(w->out, "ARRAY[");
    memset(&walk, 0, sizeof walk);
    while (rc == DF_OK && df_value_walk(v, &walk) == DF_OK) {
        df__buf_str(w->out, first ? "" : ",");
        first = 0;
        rc = df__trino_literal(w, &type->parts[0], &walk.value);
    }
    df__buf_char(w->out, ']');
    return rc == DF_OK ? end_cast(w, type) : rc;
}

/* Keys, or values, of a map, as an array. */
static int put_side(df__trino_writer *w, const df__trino_type *type, const df_value *v, int keys)
{
    df_walk walk;
    int first = 1, rc = DF_OK;
    df__buf_str(w->out, "ARRAY[");
    memset(&walk, 0, sizeof walk);
    while (rc == DF_OK && df_value_walk(v, &walk) == DF_OK) {
        df_value key = {.type = DF_V_STRING, .text = walk.name.data, .len = walk.name.len};
        df__buf_str(w->out, first ? "" : ",");
        first = 0;
        rc = df__trino_literal(w, &type->parts[keys ? 0 : 1], keys ? &key : &walk.value);
    }
    df__buf_char(w->out, ']');
    return rc;
}

static int put_map(df__trino_writer *w, const df__trino_type *type, const df_value *v)
{
    if (v->type != DF_V_OBJECT)
        return refuse(w, "not an object, which a map is made of");
    begin_cast(w);
    df__buf_str(w->out, "MAP(");
    int rc = put_side(w, type, v, 1);
    df__buf_char(w->out, ',');
    rc = rc == DF_OK ? put_side(w, type, v, 0) : rc;
    df__buf_char(w->out, ')');
    return rc == DF_OK ? end_cast(w, type) : rc;
}

static int put_row(df__trino_writer *w, const df__trino_type *type, const df_value *v)
{
    static const df_value null = {.type = DF_V_NULL};
    size_t known = 0;
    int rc = DF_OK;
    if (v->type != DF_V_OBJECT)
        return refuse(w, "not an object, which a row is made of");
    begin_cast(w);
    df__buf_str(w->out, "ROW(");
    for (size_t i = 0; i < type->part_count && rc == DF_OK; i++) {
        char own[32];
        df_bytes name = type->names[i];
        df_value field = {.type = DF_V_ABSENT};
        if (!name.data) /* as the source calls it */
            name = (df_bytes){own, df__text_printf(own, sizeof own, "field%zu", i)};
        (void)df_value_member(v, name, &field);
        known += field.type != DF_V_ABSENT;
        df__buf_str(w->out, i ? "," : "");
        rc = df__trino_literal(w, &type->parts[i], field.type == DF_V_ABSENT ? &null : &field);
    }
    if (rc == DF_OK && known < v->len && !w->ignore_unknown)
        return refuse(w, "has a member that the row type does not have");
    df__buf_char(w->out, ')');
    return rc == DF_OK ? end_cast(w, type) : rc;
}

static int put_other(df__trino_writer *w, const df__trino_type *type, const df_value *v)
{
    (void)type;
    (void)v;
    return refuse(w, "of a type that cannot be written");
}

typedef int (*put)(df__trino_writer *w, const df__trino_type *type, const df_value *v);

int df__trino_literal(df__trino_writer *w, const df__trino_type *type, const df_value *v)
{
    static const put puts[] = {
        [TRINO_KIND_OTHER] = put_other,
        [TRINO_KIND_BOOLEAN] = put_bool,
        [TRINO_KIND_TINYINT] = put_int,
        [TRINO_KIND_SMALLINT] = put_int,
        [TRINO_KIND_INTEGER] = put_int,
        [TRINO_KIND_BIGINT] = put_int,
        [TRINO_KIND_REAL] = put_float,
        [TRINO_KIND_DOUBLE] = put_float,
        [TRINO_KIND_DECIMAL] = put_decimal,
        [TRINO_KIND_VARCHAR] = put_text,
        [TRINO_KIND_CHAR] = put_text,
        [TRINO_KIND_VARBINARY] = put_bytes,
        [TRINO_KIND_JSON] = put_json,
        [TRINO_KIND_DATE] = df__trino_literal_date,
        [TRINO_KIND_TIME] = df__trino_literal_time,
        [TRINO_KIND_TIME_ZONE] = df__trino_literal_time,
        [TRINO_KIND_TIMESTAMP] = df__trino_literal_stamp,
        [TRINO_KIND_TIMESTAMP_ZONE] = df__trino_literal_stamp,
        [TRINO_KIND_UUID] = put_uuid,
        [TRINO_KIND_IPADDRESS] = put_address,
        [TRINO_KIND_ARRAY] = put_array,
        [TRINO_KIND_MAP] = put_map,
        [TRINO_KIND_ROW] = put_row,
    };
    w->why = NULL;
    if (v->type == DF_V_NULL || v->type == DF_V_UNCHANGED) {
        df__buf_str(w->out, "NULL");
        return w->out->failed ? DF_ENOMEM : DF_OK;
    }
    int rc = puts[type->kind](w, type, v);
    return rc == DF_OK && w->out->failed ? DF_ENOMEM : rc;
}
