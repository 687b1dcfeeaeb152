/* SPDX-License-Identifier: Apache-2.0
 * binary.c: the frame of COPY in binary format, and values of all kinds but numbers. A value that
 * our own reading might understand otherwise than the server's is left to the server, as text. */
#include "binary.h"

void df__pg_binary_head(df__buf *b)
{
    df__buf_add(b, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
}

void df__pg_binary_tail(df__buf *b)
{
    df__pg_binary_u16(b, UINT16_MAX);
}

int df__pg_binary_value(df__pg_convert *c, const df__pg_type *type, const df_value *v, df__buf *b)
{
    size_t at = df__pg_binary_open(b);
    int rc = df__pg_codecs[type->kind].binary(c, type, v, b);
    return rc == DF_OK ? df__pg_binary_close(b, at) : rc;
}

/* ---- what looks alike in both formats ------------------------------------------------------- */

int df__pg_binary_bool(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b)
{
    df__pg_plain plain;
    int rc = df__pg_plain_bool(c, t, v, &plain);
    if (rc == DF_OK)
        df__pg_binary_put(b, plain.text[0] == 't' ? "\1" : "\0", 1);
    return rc;
}

int df__pg_binary_text(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b)
{
    df__pg_plain plain;
    int rc = df__pg_plain_value(c, t, v, &plain);
    if (rc != DF_OK)
        return rc;
    if (!plain.safe && plain.len > 0 && memchr(plain.text, '\0', plain.len))
        return df__pg_refuse_value(c, PG_WHY_NUL);
    df__buf_add(b, plain.text, plain.len);
    return DF_OK;
}

int df__pg_binary_json(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b)
{
    size_t len;
    if (t->kind == PG_KIND_JSONB)
        df__buf_char(b, 1); /* version */
    int rc = df__pg_print_json(c, t, v, b, &len);
    b->len += rc == DF_OK ? len : 0;
    return rc;
}

/* Two digits for each byte; hyphens and braces were checked. */
int df__pg_binary_uuid(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b)
{
    df__pg_plain plain;
    int rc = df__pg_plain_uuid(c, t, v, &plain);
    unsigned value = 0, digits = 0;
    for (size_t i = 0; rc == DF_OK && i < plain.len; i++) {
        unsigned char d = (unsigned char)plain.text[i];
        if (d == '-' || d == '{' || d == '}')
            continue;
        value = value << 4 | ((d & 15U) + (d > '9' ? 9U : 0U));
        if (++digits % 2 == 0)
            df__buf_char(b, (char)(value & 0xFF));
    }
    return rc;
}

int df__pg_binary_bytea(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b)
{
    df_bytes bytes;
    int rc = df__pg_read_bytea(c, v, &bytes);
    (void)t;
    if (rc == DF_OK)
        df__buf_add(b, bytes.data, bytes.len);
    return rc;
}

/* ---- times ---------------------------------------------------------------------------------- */

/* The server counts from 2000-01-01. */
#define EPOCH_DAYS 10957
#define EPOCH_MICROS INT64_C(946684800000000)
#define DAY_MICROS INT64_C(86400000000)
/* Its calendar, counted from 1970, begins 4714-11-24 BC; dates end 5874897-12-31, and µs of 64
 * bits end before its timestamps do. */
#define DAYS_MIN INT64_C(-2440588)
#define DAYS_MAX INT64_C(2145042541)
#define MICROS_MIN INT64_C(-210866803200000000)

int df__pg_binary_date(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b)
{
    df__pg_moment m = {0};
    int rc = df__pg_read_date(c, v, &m);
    (void)t;
    if (rc != DF_OK)
        return rc;
    if (!m.known || m.value < DAYS_MIN || m.value >= DAYS_MAX)
        return DF_MORE;
    int32_t ends[] = {INT32_MIN, (int32_t)(m.value - EPOCH_DAYS), INT32_MAX};
    df__pg_binary_u32(b, (uint32_t)ends[m.infinite + 1]);
    return DF_OK;
}

int df__pg_binary_time(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b)
{
    df__pg_moment m = {0};
    int rc = df__pg_read_time(c, t, v, &m);
    if (rc != DF_OK)
        return rc;
    if (!m.known || m.value > DAY_MICROS)
        return DF_MORE;
    df__pg_binary_u64(b, (uint64_t)m.value);
    return DF_OK;
}

int df__pg_binary_stamp(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b)
{
    df__pg_moment m = {0};
    int rc = df__pg_read_stamp(c, t, v, &m);
    if (rc != DF_OK)
        return rc;
    if (!m.known || m.value < MICROS_MIN)
        return DF_MORE;
    int64_t ends[] = {INT64_MIN, m.value - EPOCH_MICROS, INT64_MAX};
    df__pg_binary_u64(b, (uint64_t)ends[m.infinite + 1]);
    return DF_OK;
}
