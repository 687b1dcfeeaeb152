/* SPDX-License-Identifier: Apache-2.0
 * The first line is a path, the rest a payload: compiling, finding, setting and removing keep the
 * payload a JSON document; what was set is found, what was removed is gone. */
#include <stdlib.h>
#include <string.h>

#include "record/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static void still_json(df_record *r)
{
    df_bytes out;
    df__tree *t;
    must(df_record_payload(r, &out) == DF_OK);
    must(df__tree_parse(r->arena, out, &t, NULL, 0) == DF_OK);
}

static void walk_all(const df_path *p, df_record *r)
{
    df_walk walk = {0};
    df_value v = {0};
    int n = 0, rc;
    v.type = DF_V_BOOL;
    while ((rc = df_path_each(p, r, &walk)) == DF_OK && n < 200) {
        v.u.i = n++ & 1;
        rc = df_walk_set(r, &walk, &v);
        must(rc == DF_OK || rc == DF_ENOTFOUND);
    }
    must(rc == DF_DONE || n == 200);
    still_json(r);
}

static void use(const df_path *p, df_bytes payload)
{
    df_value v = {0}, got;
    df_record r;
    df__arena a;
    int rc;
    memset(&r, 0, sizeof r);
    df__arena_init(&a, &df__heap_libc, 1024);
    r.arena = &a;
    r.payload = payload;
    rc = df_record_get(&r, p, &got);
    must(rc == DF_OK || rc == DF_EDATA);
    if (rc == DF_OK) {
        walk_all(p, &r);
        v.type = DF_V_INT;
        v.u.i = 4711;
        rc = df_record_set(&r, p, &v);
        must(rc == DF_OK || rc == DF_EDATA);
        if (rc == DF_OK && df_path_is_single(p)) {
            must(df_record_get(&r, p, &got) == DF_OK);
            must(got.type == DF_V_INT && got.u.i == 4711);
        }
        still_json(&r);
        v.type = DF_V_ABSENT;
        rc = df_record_set(&r, p, &v);
        if (rc == DF_OK && df_path_leaf(p).data) {
            must(df_record_get(&r, p, &got) == DF_OK);
            must(got.type == DF_V_ABSENT || df_path_leaf(p).len > 0);
        }
        still_json(&r);
    }
    df__arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = memchr(data, '\n', size);
    size_t len = line ? (size_t)(line - data) : size;
    char *text = malloc(size + 1);
    df__error err = {0, ""};
    df_path *p;
    must(text != NULL);
    memcpy(text, data, size);
    p = df__path_compile(&df__heap_libc, (df_bytes){text, len}, &err);
    must(p || (err.column > 0 && err.text[0]));
    if (p && line)
        use(p, (df_bytes){text + len + 1, size - len - 1});
    df_path_free(p);
    free(text);
    return 0;
}
