/* SPDX-License-Identifier: Apache-2.0
 * The first line is a condition, the rest a payload: a condition compiles or names a column, and a
 * test answers the same twice and changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "record/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static void use(const df_condition *c, df_bytes payload)
{
    df_value topic = {0};
    df_record r;
    df__arena a;
    int first;
    memset(&r, 0, sizeof r);
    df__arena_init(&a, &df__heap_libc, 1024);
    r.arena = &a;
    r.payload = payload;
    topic.type = DF_V_STRING;
    topic.text = "t";
    topic.len = 1;
    must(df_record_set_meta(&r, "topic", &topic) == DF_OK);
    first = df_condition_test(c, &r);
    must(first == 0 || first == 1);
    must(df_condition_test(c, &r) == first);
    must(!r.changed && r.state == DF__RECORD_LIVE);
    df__arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = memchr(data, '\n', size);
    size_t len = line ? (size_t)(line - data) : size;
    char *text = malloc(size + 1);
    df__error err = {0, ""};
    df_condition *c;
    must(text != NULL);
    memcpy(text, data, size);
    c = df__condition_compile(&df__heap_libc, (df_bytes){text, len}, &err);
    must(c || (err.column > 0 && err.text[0]));
    if (c && line)
        use(c, (df_bytes){text + len + 1, size - len - 1});
    df__condition_free(c);
    free(text);
    return 0;
}
