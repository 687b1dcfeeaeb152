/* SPDX-License-Identifier: Apache-2.0
 * leaf.c: values and levels into the open page of a leaf. */
#include "formats/parquet/write.h"

static inline void put(df__buf *b, const void *data, size_t len)
{
    if (b->cap - b->len < len) {
        df__buf_add(b, data, len);
        return;
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

void df__pq_leaf_level(df__pq_leaf *l, int rep, int def)
{
    uint8_t r = (uint8_t)rep, d = (uint8_t)def;
    if (l->max_rep)
        put(&l->reps, &r, 1);
    if (l->max_def)
        put(&l->defs, &d, 1);
    l->level_count++;
}

static df_bytes plain_of(const df__pq_scalar *s)
{
    if (s->layout.width && s->layout.physical != DF__PQ_FIXED)
        return (df_bytes){&s->bits, s->layout.width};
    return s->bytes;
}

static int put_number(df__pq_leaf *l, df_bytes v)
{
    int64_t number = df__pq_dictionary_put(&l->dict, v, l->scalar.layout.width);
    uint32_t n = (uint32_t)number;
    if (number < 0)
        return DF_ENOMEM;
    put(&l->numbers, &n, sizeof n);
    return l->numbers.failed ? DF_ENOMEM : DF_OK;
}

int df__pq_leaf_add(df__pq_leaf *l, const df_value *v)
{
    uint32_t len;
    df_bytes plain;
    int rc;
    df__buf_clear(l->scalar.text);
    rc = df__pq_scalar_make(&l->scalar, v);
    if (rc != DF_OK)
        return rc;
    plain = plain_of(&l->scalar);
    if (l->dict.on) {
        rc = put_number(l, plain);
    } else {
        len = (uint32_t)plain.len;
        if (!l->scalar.layout.width)
            put(&l->values, &len, sizeof len);
        put(&l->values, plain.data, plain.len);
        rc = l->values.failed ? DF_ENOMEM : DF_OK;
    }
    l->value_count += rc == DF_OK;
    return rc;
}

void df__pq_leaf_free(df__pq_leaf *l, const df__heap *heap)
{
    while (l->first) {
        df__pq_page *page = l->first;
        l->first = page->next;
        df__free(heap, page);
    }
    df__buf_free(&l->defs);
    df__buf_free(&l->reps);
    df__buf_free(&l->values);
    df__buf_free(&l->numbers);
    df__pq_dictionary_free(&l->dict);
}
