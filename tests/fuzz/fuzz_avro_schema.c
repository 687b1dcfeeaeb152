/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the text of an Avro schema. What is taken can be compiled, alone and as its own
 * reader, and an empty body of it is read or refused. */
#include <string.h>

#include "formats/avro/avro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static void try_body(const df_avro_program *p)
{
    df_record r;
    df__arena a;
    df__avro_error error = {""};
    int rc;
    memset(&r, 0, sizeof r);
    df__arena_init(&a, &df__heap_libc, 1024);
    r.arena = &a;
    rc = df__avro_decode(p, &r, (df_bytes){"", 0}, &error);
    must(rc == DF_OK || (rc == DF_EDATA && error.text[0]));
    df__arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    df__avro_source from = {{data, size}, NULL, 0};
    df__avro_error error = {""};
    df_avro_schema *s;
    df_avro_program *p;
    int rc = df__avro_parse(&df__heap_libc, &from, &s, &error);
    must(rc == DF_OK || (rc == DF_ESPEC && error.text[0] && !s));
    for (unsigned flags = 0; rc == DF_OK && flags < 4; flags++) {
        df__avro_plan plan = {s, flags & 1 ? s : NULL, flags};
        if (df__avro_compile(&df__heap_libc, &plan, &p, &error) != DF_OK)
            continue;
        try_body(p);
        df_avro_program_free(p);
    }
    df_avro_schema_free(s);
    return 0;
}
