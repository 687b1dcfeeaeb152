/* SPDX-License-Identifier: Apache-2.0
 * record_help.h: what the tests of libdataflow/record share: a record around a text, a heap that
 * counts and fails, and the vector files. */
#ifndef TESTS_UNIT_RECORD_HELP_H
#define TESTS_UNIT_RECORD_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "record/record.h"

static inline df_bytes bytes_of(const char *s)
{
    df_bytes b = {s, s ? strlen(s) : 0};
    return b;
}

/* ---- a heap that counts, and fails the n-th call --------------------------------------------- */

typedef struct counting {
    df__heap heap;
    long calls, fail_at, live; /* fail_at 0: never */
} counting;

static inline void *counting_realloc(void *user, void *old, size_t len)
{
    counting *c = user;
    void *p;
    if (len == 0) {
        c->live -= old != NULL;
        free(old);
        return NULL;
    }
    if (c->fail_at && ++c->calls == c->fail_at)
        return NULL;
    p = realloc(old, len);
    c->live += p && !old;
    return p;
}

static inline void counting_init(counting *c, long fail_at)
{
    memset(c, 0, sizeof *c);
    c->heap.realloc = counting_realloc;
    c->heap.user = c;
    c->fail_at = fail_at;
}

/* Runs a scenario with the first, second, ... call for memory failing until none fails. */
static inline void each_failure(int (*scenario)(const df__heap *heap))
{
    long n;
    for (n = 1; n < 100000; n++) {
        counting c;
        int rc;
        counting_init(&c, n);
        rc = scenario(&c.heap);
        assert_int_equal(c.live, 0);
        if (c.calls < n) {
            assert_int_equal(rc, DF_OK);
            return;
        }
        assert_true(rc == DF_OK || rc == DF_ENOMEM);
    }
    fail();
}

/* ---- a record -------------------------------------------------------------------------------- */

typedef struct held {
    df__arena arena;
    df_record r;
} held;

static inline void held_init_in(held *h, const df__heap *heap, df_bytes payload)
{
    memset(h, 0, sizeof *h);
    df__arena_init(&h->arena, heap, 1024);
    h->r.arena = &h->arena;
    h->r.payload = payload;
    h->r.offset = -1;
}

static inline void held_init(held *h, const char *payload)
{
    held_init_in(h, &df__heap_libc, bytes_of(payload));
}

static inline void held_free(held *h)
{
    df__arena_free(&h->arena);
}

static inline void assert_text(df_bytes got, const char *want)
{
    if (got.len != strlen(want) || memcmp(got.data, want, got.len) != 0)
        fail_msg("got  %.*s\nwant %s", (int)got.len, (const char *)got.data, want);
}

static inline void assert_payload(df_record *r, const char *want)
{
    df_bytes got;
    assert_int_equal(df_record_payload(r, &got), DF_OK);
    assert_text(got, want);
}

static inline void assert_json(const df_value *v, const char *want)
{
    static char buf[65536];
    df_bytes got = {buf, df_value_json(v, buf, sizeof buf)};
    assert_text(got, want);
}

static inline df_path *path_of(const char *text)
{
    df__error err;
    df_path *p = df__path_compile(&df__heap_libc, bytes_of(text), &err);
    if (!p)
        fail_msg("path %s: column %zu: %s", text, err.column, err.text);
    return p;
}

static inline int get(df_record *r, const char *path, df_value *ret)
{
    df_path *p = path_of(path);
    int rc = df_record_get(r, p, ret);
    df_path_free(p);
    return rc;
}

static inline int set(df_record *r, const char *path, const df_value *value)
{
    df_path *p = path_of(path);
    int rc = df_record_set(r, p, value);
    df_path_free(p);
    return rc;
}

static inline df_value string_value(const char *s)
{
    df_value v = {0};
    v.type = DF_V_STRING;
    v.text = s;
    v.len = strlen(s);
    return v;
}

static inline df_value int_value(int64_t i)
{
    df_value v = {0};
    v.type = DF_V_INT;
    v.u.i = i;
    return v;
}

static inline df_value typed_value(int type)
{
    df_value v = {0};
    v.type = type;
    return v;
}

/* ---- vectors --------------------------------------------------------------------------------- */

static inline json_object *vectors(const char *name)
{
    const char *root = getenv("DF_SOURCE_DIR");
    char file[1024];
    json_object *o;
    snprintf(file, sizeof file, "%s/tests/vectors/%s", root ? root : ".", name);
    o = json_object_from_file(file);
    if (!o)
        fail_msg("%s: %s", file, json_util_get_last_err());
    return o;
}

static inline const char *case_text(json_object *c, const char *key)
{
    json_object *o = NULL;
    return json_object_object_get_ex(c, key, &o) ? json_object_get_string(o) : NULL;
}

/* JSON of a member, or the raw text of {"text": ...}; borrowed from the object. */
static inline df_bytes case_json(json_object *o)
{
    json_object *raw = NULL;
    df_bytes b;
    if (json_object_is_type(o, json_type_object) && json_object_object_length(o) == 1 &&
        json_object_object_get_ex(o, "text", &raw)) {
        b.data = json_object_get_string(raw);
        b.len = (size_t)json_object_get_string_len(raw);
        return b;
    }
    return bytes_of(
        json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

#endif
