/* SPDX-License-Identifier: Apache-2.0
 * test_memory.c: every allocation of a transform over a record fails once: it says so, or what it
 * leaves is right; never half of it. Each transform with its own example, and those that write a
 * record anew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/record_help.h"
#include "support/support.h"

#include "core/graph/option.h"
#include "core/pipeline/pipeline.h"

extern const df_transform *const df__builtin_transforms[];

typedef struct trial {
    df_pipeline *p;
    df_stage *stage;
    df_bytes input;
    df__buf right; /* what comes out when nothing fails */
} trial;

/* ---- one stage ------------------------------------------------------------------------------- */

static void make_stage(trial *t, df_env *env, const char *type, const char *config)
{
    const df__stage_spec *spec;
    char text[4096];
    df__fault why;
    t->p = df_pipeline_new(env, NULL);
    int len = snprintf(text, sizeof text,
                       "{\"source\":{\"type\":\"host\"},\"sink\":{\"type\":\"host\"},"
                       "\"transformations\":[{\"type\":\"%s\",\"config\":%s}]}",
                       type, config);
    df_text in = {sizeof in, "t", text, (size_t)len};
    assert_ok(df_pipeline_load(t->p, &in));
    assert_ok(df_pipeline_check(t->p));
    for (spec = t->p->graph.stages; spec->role != DF_TRANSFORM;)
        spec = spec->next;
    t->stage = df__stage_new(&t->p->graph, spec, t->p->secrets, DF__FILL_RUN, &why);
    assert_non_null(t->stage);
    t->stage->pipeline = t->p;
    t->stage->ports = t->p->ports;
    if (spec->transform->open)
        assert_ok(spec->transform->open(t->stage->self, t->stage));
}

static void free_stage(trial *t)
{
    df__buf_free(&t->right);
    df__transform_close(t->stage);
    df__stage_free(t->stage);
    df_pipeline_free(t->p);
}

/* ---- one try --------------------------------------------------------------------------------- */

static void tell(df_batch *b, df__buf *ret)
{
    for (size_t i = 0; i < b->count; i++) {
        df_record *r = df__batch_at(b, i);
        df__arena scratch;
        df_bytes text = {NULL, 0};
        if (r->state == DF__RECORD_MOVED || r->expanded)
            continue;
        df__arena_init(&scratch, &df__heap_libc, 1024);
        if (r->state == DF__RECORD_LIVE)
            assert_ok(df__record_write(r, &scratch, &text));
        df__buf_printf(ret, "%d %u %.*s|", r->state, (unsigned)r->op, (int)text.len,
                       text.data ? (const char *)text.data : "");
        df__arena_free(&scratch);
    }
}

/* A heap that counts and fails, and keeps the chunks of two arenas small: nearly every piece of
 * memory is asked of it. */
typedef struct small {
    counting c;
    df__heap heap;
    df_batch *in, *out;
} small;

static void *small_realloc(void *user, void *old, size_t len)
{
    small *s = user;
    if (s->in)
        s->in->arena.chunk_size = 16;
    if (s->out)
        s->out->arena.chunk_size = 16;
    return s->c.heap.realloc(s->c.heap.user, old, len);
}

static void make_batches(small *s)
{
    counting_init(&s->c, 0);
    s->heap = (df__heap){small_realloc, s};
    s->in = s->out = NULL;
    s->in = df__batch_new(&s->heap, 1 << 20);
    s->out = df__batch_new(&s->heap, 1 << 20);
    assert_true(s->in && s->out);
    s->in->now_us = 1;
    s->out->parent = s->in;
}

static void free_batches(small *s)
{
    df_batch *in = s->in, *out = s->out;
    s->in = s->out = NULL;
    df__batch_free(out);
    df__batch_free(in);
    assert_int_equal(s->c.live, 0);
}

/* A condition cannot fail, so the record that it could not look into is refused for that. */
static int refused_for_memory(df_batch *b)
{
    const df_record *r = df__batch_at(b, 0);
    return r->state == DF__RECORD_REJECTED && strcmp(r->reject->reason, "out_of_memory") == 0;
}

/* The status; what came out is appended to `ret`. *ret_calls: for memory, all of them. */
static int attempt(const trial *t, long fail_at, long *ret_calls, df__buf *ret)
{
    const df_transform *type = t->stage->spec->transform;
    small s;
    held h;
    int rc;
    make_batches(&s);
    held_init_in(&h, &df__heap_libc, t->input);
    h.r.key = bytes_of("{\"id\":1}");
    assert_ok(df_batch_pass(s.in, &h.r));
    s.c.fail_at = fail_at;
    rc = type->expand ? type->expand(t->stage->self, t->stage, s.in, s.out)
                      : type->apply(t->stage->self, t->stage, s.in);
    s.c.fail_at = 0;
    *ret_calls = s.c.calls;
    if (rc == DF_OK && refused_for_memory(s.in))
        rc = DF_ENOMEM;
    if (rc == DF_OK) {
        tell(s.in, ret);
        tell(s.out, ret);
    }
    held_free(&h);
    free_batches(&s);
    return rc;
}

static void compare(const trial *t, long n, const df__buf *got)
{
    if (got->len != t->right.len || memcmp(got->data, t->right.data, got->len) != 0)
        fail_msg("%s, call %ld fails: %.*s\ninstead of %.*s", t->stage->spec->kind, n,
                 (int)got->len, got->data, (int)t->right.len, t->right.data);
}

static void each_fails(trial *t)
{
    long calls;
    df__buf_init(&t->right, &df__heap_libc);
    assert_ok(attempt(t, 0, &calls, &t->right));
    for (long n = 1;; n++) {
        df__buf got;
        df__buf_init(&got, &df__heap_libc);
        int rc = attempt(t, n, &calls, &got);
        if (rc == DF_OK)
            compare(t, n, &got);
        else
            assert_status(rc, DF_ENOMEM);
        df__buf_free(&got);
        if (calls < n)
            break;
    }
}

static void try(const char *type, const char *config, df_bytes input)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    trial t = {.input = input};
    make_stage(&t, env, type, config);
    each_fails(&t);
    free_stage(&t);
    support_env_free(env, &host);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void test_examples(void **state)
{
    (void)state;
    for (size_t i = 0; df__builtin_transforms[i]; i++) {
        const df_transform *type = df__builtin_transforms[i];
        json_object *o = json_tokener_parse(type->example), *config = NULL, *input = NULL;
        df_bytes text;
        assert_non_null(o);
        (void)json_object_object_get_ex(o, "config", &config);
        assert_true(json_object_object_get_ex(o, "input", &input));
        text = case_json(input);
        if (strcmp(type->name, "router") != 0)
            try(type->name, config ? json_object_to_json_string(config) : "{}", text);
        json_object_put(o);
    }
}

/* {"someName0":{"someName0":0,...},...,"some_name0":1}: names that meet, so it is written anew. */
static void test_written_anew(void **state)
{
    static const char *const types[] = {"snakeCase", "camelCase", "structFlatten"};
    char text[8192] = "{";
    size_t len = 1;
    (void)state;
    for (int i = 0; i < 20; i++)
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "\"someName%d\":{\"someName\":%d,\"some_name\":\"%d\"},"
                                "\"some_name%d\":[{\"aB\":1,\"a_b\":2}],",
                                i, i, i, i);
    len += (size_t)snprintf(text + len, sizeof text - len, "\"someName1\":1}");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        try(types[i], i < 2 ? "{\"deep\":true}" : "{}", (df_bytes){text, len});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_written_anew),
    };
    return cmocka_run_group_tests_name("transform memory", tests, NULL, NULL);
}
