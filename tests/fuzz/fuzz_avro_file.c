/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as an Avro object container file: it ends, and every value that is read has JSON. */
#include <string.h>

#include "formats/avro/avro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    df__avro_error error = {""};
    df__avro_file *f = NULL;
    df_avro_program *p = NULL;
    df__arena a;
    df_value v;
    int rc = df__avro_file_open(&df__heap_libc, (df_bytes){data, size}, &f, &error);
    must(rc == DF_OK || ((rc == DF_EDATA || rc == DF_ESPEC) && error.text[0] && !f));
    df__arena_init(&a, &df__heap_libc, 1024);
    if (rc == DF_OK)
        rc = df__avro_compile(&df__heap_libc, &(df__avro_plan){df__avro_file_schema(f), NULL, 0},
                              &p, &error);
    for (int i = 0; p && i < 1000 && rc == DF_OK; i++) {
        rc = df__avro_file_next(f, p, &a, &v, &error);
        must(rc == DF_OK || rc == DF_DONE || (rc == DF_EDATA && error.text[0]));
        if (rc == DF_OK)
            must(df_value_json(&v, NULL, 0) > 0);
    }
    df_avro_program_free(p);
    df__avro_file_free(f);
    df__arena_free(&a);
    return 0;
}
