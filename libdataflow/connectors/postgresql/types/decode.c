/* SPDX-License-Identifier: Apache-2.0
 * decode.c: values by their kind; here truth values, integers, texts, uuids and JSON. */
#include "decode_kinds.h"

#include <string.h>

#include "scan.h"

void df__pg_decode_init(df__pg_decode *d, const df__heap *heap)
{
    memset(d, 0, sizeof *d);
    df__arena_init(&d->memory, heap, 1024);
}

void df__pg_decode_free(df__pg_decode *d)
{
    df__arena_free(&d->memory);
}

static int give_text(df_bytes in, df_value *ret)
{
    ret->type = DF_V_STRING;
    ret->text = in.data;
    ret->len = in.len;
    return DF_OK;
}

static int give_int(int64_t value, df_value *ret)
{
    ret->type = DF_V_INT;
    ret->u.i = value;
    return DF_OK;
}

static int read_text(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    (void)d;
    (void)t;
    return give_text(in, ret);
}

static int read_bool(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    const char *s = in.data;
    (void)t;
    if (in.len != 1 || (*s != 't' && *s != 'f'))
        return df__pg_decode_fail(d, PG_WHY_BYTES);
    ret->type = DF_V_BOOL;
    ret->u.i = *s == 't';
    return DF_OK;
}

static int read_int(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    int64_t value;
    (void)t;
    return df__pg_scan_int(in.data, in.len, &value) ? give_int(value, ret)
                                                    : df__pg_decode_fail(d, PG_WHY_BYTES);
}

static int read_json(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    (void)t;
    int rc = df_value_parse(d->record, in, ret);
    return rc == DF_EDATA ? df__pg_decode_fail(d, "JSON that cannot be taken apart") : rc;
}

/* ---- binary --------------------------------------------------------------------------------- */

static int bin_bool(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    const char *s = in.data;
    (void)t;
    if (in.len != 1 || *s < 0 || *s > 1)
        return df__pg_decode_fail(d, PG_WHY_BYTES);
    ret->type = DF_V_BOOL;
    ret->u.i = *s;
    return DF_OK;
}

static int bin_int(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    if (t->kind == PG_KIND_INT4 && in.len == 4)
        return give_int((int32_t)df__pg_u32(in.data), ret);
    if (t->kind == PG_KIND_INT8 && in.len == 8)
        return give_int((int64_t)df__pg_u64(in.data), ret);
    if (t->kind == PG_KIND_INT2 && in.len == 2)
        return give_int((int16_t)df__pg_u16(in.data), ret);
    return df__pg_decode_fail(d, PG_WHY_BYTES);
}

static int bin_uuid(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *s = in.data;
    (void)t;
    if (in.len != 16)
        return df__pg_decode_fail(d, PG_WHY_BYTES);
    char *text = df__arena_bytes(&d->memory, "00000000-0000-0000-0000-000000000000", 36);
    if (!text)
        return DF_ENOMEM;
    for (size_t i = 0, at = 0; i < 16; i++) {
        at += text[at] == '-';
        text[at++] = digits[s[i] >> 4];
        text[at++] = digits[s[i] & 15];
    }
    return give_text((df_bytes){text, 36}, ret);
}

/* The text of jsonb stands after a version. */
static int bin_jsonb(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    const char *s = in.data;
    if (in.len < 1 || s[0] != 1)
        return df__pg_decode_fail(d, PG_WHY_BYTES);
    return read_json(d, t, (df_bytes){s + 1, in.len - 1}, ret);
}

static int bin_bytea(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    (void)d;
    (void)t;
    give_text(in, ret);
    ret->type = DF_V_BYTES;
    return DF_OK;
}

/* ---- what each kind is ---------------------------------------------------------------------- */

static const struct {
    df__pg_decode_fn text, binary;
    int type; /* for the schema */
} kinds[PG_KINDS] = {
    [PG_KIND_OTHER] = {read_text, read_text, DF_V_STRING},
    [PG_KIND_TEXT] = {read_text, read_text, DF_V_STRING},
    [PG_KIND_BOOL] = {read_bool, bin_bool, DF_V_BOOL},
    [PG_KIND_INT2] = {read_int, bin_int, DF_V_INT},
    [PG_KIND_INT4] = {read_int, bin_int, DF_V_INT},
    [PG_KIND_INT8] = {read_int, bin_int, DF_V_INT},
    [PG_KIND_FLOAT4] = {df__pg_text_float, df__pg_bin_float4, DF_V_DOUBLE},
    [PG_KIND_FLOAT8] = {df__pg_text_float, df__pg_bin_float8, DF_V_DOUBLE},
    [PG_KIND_NUMERIC] = {df__pg_text_numeric, df__pg_bin_numeric, DF_V_NUMBER},
    [PG_KIND_UUID] = {read_text, bin_uuid, DF_V_STRING},
    [PG_KIND_DATE] = {df__pg_text_date, df__pg_bin_date, DF_V_DATE},
    [PG_KIND_TIME] = {df__pg_text_time, df__pg_bin_time, DF_V_TIME},
    [PG_KIND_TIMETZ] = {read_text, df__pg_bin_timetz, DF_V_STRING},
    [PG_KIND_TIMESTAMP] = {df__pg_text_stamp, df__pg_bin_stamp, DF_V_TIMESTAMP},
    [PG_KIND_TIMESTAMPTZ] = {df__pg_text_stamp, df__pg_bin_stamp, DF_V_TIMESTAMP},
    [PG_KIND_JSON] = {read_json, read_json, DF_V_ABSENT},
    [PG_KIND_JSONB] = {read_json, bin_jsonb, DF_V_ABSENT},
    [PG_KIND_BYTEA] = {df__pg_text_bytea, bin_bytea, DF_V_BYTES},
    [PG_KIND_ENUM] = {read_text, read_text, DF_V_STRING},
    [PG_KIND_SHORT] = {read_text, NULL, DF_V_STRING},
};

int df__pg_decode_text(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    memset(ret, 0, sizeof *ret);
    return t->array ? df__pg_text_array(d, t, in, ret) : kinds[t->kind].text(d, t, in, ret);
}

int df__pg_reads_binary(const df__pg_type *t)
{
    return !t->array && kinds[t->kind].binary && (t->kind != PG_KIND_OTHER || t->oid != 0);
}

int df__pg_decode_binary(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    memset(ret, 0, sizeof *ret);
    if (!df__pg_reads_binary(t))
        return df__pg_decode_fail(d, "a type whose binary form is not read");
    return kinds[t->kind].binary(d, t, in, ret);
}

void df__pg_field_of(const df__pg_type *t, df_field *ret)
{
    int type = kinds[t->kind].type;
    ret->type = t->array ? DF_V_ARRAY : type;
    ret->item = t->array ? type : DF_V_ABSENT;
    ret->zone = t->kind == PG_KIND_TIMESTAMP ? DF_ZONE_NONE : 0;
    if (t->kind == PG_KIND_NUMERIC) {
        ret->precision = t->limit;
        ret->scale = t->limit ? t->scale : 0;
    }
}
