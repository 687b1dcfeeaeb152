/* SPDX-License-Identifier: Apache-2.0
 * single.c: one value as Iceberg serializes it: in partitions, bounds and keys. */
#include "formats/parquet/scalar.h"

size_t df__pq_decimal_single(const df__pq_layout *layout, df_bytes plain, unsigned char *out)
{
    unsigned char wide[DF__PQ_DECIMAL];
    const unsigned char *p = plain.data;
    size_t n = plain.len, at = 0;
    for (size_t i = 0; i < n; i++)
        wide[i] = p[layout->physical == DF__PQ_FIXED ? i : n - 1 - i];
    while (at + 1 < n &&
           ((wide[at] == 0 && wide[at + 1] < 0x80) || (wide[at] == 0xff && wide[at + 1] >= 0x80)))
        at++;
    memcpy(out, wide + at, n - at);
    return n - at;
}

static df_bytes plain_of(const df__pq_scalar *s)
{
    size_t width = s->layout.width;
    if (s->layout.physical == DF__PQ_BOOLEAN)
        return (df_bytes){&s->bits, 1};
    return width && s->layout.physical != DF__PQ_FIXED ? (df_bytes){&s->bits, width} : s->bytes;
}

int df__parquet_single(const df__parquet_column *column, const df_value *v, df__buf *out)
{
    unsigned char decimal[DF__PQ_DECIMAL];
    df__buf text;
    df__pq_scalar s = {.column = column, .text = &text};
    if (v->type <= DF_V_NULL || df__pq_nested(column))
        return DF_EDATA;
    s.layout = df__pq_layout_of(column);
    df__buf_init(&text, out->heap);
    int rc = df__pq_scalar_make(&s, v);
    df_bytes plain = plain_of(&s);
    if (rc == DF_OK && column->kind == DF__PARQUET_DECIMAL)
        df__buf_add(out, decimal, df__pq_decimal_single(&s.layout, plain, decimal));
    else if (rc == DF_OK && plain.len)
        df__buf_add(out, plain.data, plain.len);
    df__buf_free(&text);
    return rc == DF_OK && out->failed ? DF_ENOMEM : rc;
}
