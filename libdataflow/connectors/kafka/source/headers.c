/* SPDX-License-Identifier: Apache-2.0
 * headers.c: the client's headers as those of a row: in their order, repeated ones too; a value may
 * be null, which is not the empty one. What a record is sent with is in address.c. */
#include "headers.h"

int df__kafka_headers_take(df__kafka_source *s, const rd_kafka_headers_t *headers, df_input *in)
{
    size_t count = rd_kafka_header_cnt(headers);
    if (count > s->fetched.header_cap) {
        size_t cap = count < 16 ? 16 : count * 2;
        s->fetched.headers = df_stage_alloc(s->st, cap * sizeof *s->fetched.headers);
        s->fetched.header_cap = !s->fetched.headers ? 0 : cap;
        if (!s->fetched.headers)
            return DF_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        df_header *h = &s->fetched.headers[i];
        if (rd_kafka_header_get_all(headers, i, &h->name, &h->value.data, &h->value.len) !=
            RD_KAFKA_RESP_ERR_NO_ERROR)
            count = i;
    }
    in->headers = s->fetched.headers;
    in->header_count = count;
    return DF_OK;
}
