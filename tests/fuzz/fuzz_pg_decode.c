/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a value that the server sent, of any type and in both forms: taken or refused with a
 * reason; what is taken can be put into a record, and in text it is the same after writing it. */
#include <string.h>

#include "connectors/postgresql/types/decode.h"
#include "record/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static void place(df_record *r, const df_value *v)
{
    df_value root = {.type = DF_V_OBJECT}, made;
    df_bytes text;
    must(v->type != DF_V_ABSENT && v->type != DF_V_NULL);
    must(df_value_new(r, &root, &made) == DF_OK);
    int rc = df_value_put(r, &made, (df_bytes){"v", 1}, v);
    must(rc == DF_OK || rc == DF_EDATA || rc == DF_EINVAL);
    if (rc == DF_OK) {
        must(df_record_set_root(r, &made) == DF_OK);
        must(df_record_payload(r, &text) == DF_OK && text.len > 2);
    }
}

static void try_form(df__arena *arena, const df__pg_type *t, df_bytes in, int binary)
{
    df_record r;
    df__pg_decode d;
    df_value v;
    memset(&r, 0, sizeof r);
    r.arena = arena;
    df__pg_decode_init(&d, &df__heap_libc);
    d.record = &r;
    int rc = binary ? df__pg_decode_binary(&d, t, in, &v) : df__pg_decode_text(&d, t, in, &v);
    must(rc == DF_OK || (rc == DF_EDATA && d.why));
    if (rc == DF_OK && !(t->kind == PG_KIND_JSON && v.type == DF_V_NULL) &&
        !(t->kind == PG_KIND_JSONB && v.type == DF_V_NULL))
        place(&r, &v);
    df__pg_decode_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    df__arena arena;
    if (size < 2)
        return 0;
    df__pg_type t = {.kind = (enum df__pg_kind)(data[0] % PG_KINDS),
                     .array = data[1] & 1,
                     .delim = data[1] & 2 ? ';' : ',',
                     .oid = data[1] & 4 ? 1 : 0};
    df_bytes in = {data + 2, size - 2};
    df__arena_init(&arena, &df__heap_libc, 4096);
    try_form(&arena, &t, in, 0);
    try_form(&arena, &t, in, 1);
    df__arena_free(&arena);
    return 0;
}
