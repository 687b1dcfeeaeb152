/* SPDX-License-Identifier: Apache-2.0
 * test_transforms.c: what the vectors cannot say: the tables, arrays of a million elements within
 * the memory budget, and every allocation failing once.
 * ctest: threaded timeout=600 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataflow_ext.h"
#include "support/support.h"

extern const df_transform *const df__builtin_transforms[];

/* ---- tables ---------------------------------------------------------------------------------- */

static void check_rows(const char *name, const df_options *options)
{
    for (size_t i = 0; options && i < options->count; i++) {
        const df_option *row = &options->rows[i];
        if (!row->name || !row->doc || row->doc[strlen(row->doc) - 1] != '.')
            fail_msg("%s: option %zu needs a name and a sentence", name, i);
        if (row->type == DF_OPT_TEXT || row->type == DF_OPT_MAP || row->of == DF_OPT_TEXT)
            assert_true(row->flags & DF_OPT_LITERAL);
        check_rows(name, row->block);
    }
}

static void test_tables(void **state)
{
    size_t count = 0;
    (void)state;
    for (; df__builtin_transforms[count]; count++) {
        const df_transform *t = df__builtin_transforms[count];
        assert_int_equal(t->size, sizeof *t);
        assert_non_null(t->doc);
        assert_non_null(t->example);
        assert_true(!t->options || t->options->struct_size <= t->self_size);
        assert_int_not_equal(!t->apply, !t->expand);
        check_rows(t->name, t->options);
        for (size_t i = 0; i < count; i++)
            assert_string_not_equal(df__builtin_transforms[i]->name, t->name);
    }
    assert_true(count > 0);
}

/* ---- one record through a chain -------------------------------------------------------------- */

typedef struct seen {
    size_t count, bytes;
    int in_order;
    df_bytes want; /* of the one record; without: {"id":1,"a":count} */
} seen;

static df_port *open_port(df_pipeline *p, const char *stage, int mode)
{
    df_port_options o = {.size = sizeof o, .stage = stage, .mode = mode};
    df_port *port = NULL;
    assert_ok(df_port_open(p, &o, &port));
    return port;
}

static void look(seen *s, df_parcel *parcel)
{
    for (size_t i = 0; i < df_parcel_count(parcel); i++) {
        df_bytes payload;
        char text[64];
        df_bytes want = {text, 0};
        want.len = (size_t)snprintf(text, sizeof text, "{\"id\":1,\"a\":%zu}", s->count);
        if (s->want.data)
            want = s->want;
        assert_ok(df_parcel_payload(parcel, i, &payload));
        if (payload.len != want.len || memcmp(payload.data, want.data, want.len) != 0)
            s->in_order = 0;
        s->count++;
        s->bytes += payload.len;
    }
}

/* Feeds one record, takes all that comes out; the status of the run. */
static int run_one(df_env *env, const char *yaml, df_bytes payload, seen *ret)
{
    df_pipeline *p = support_load(env, yaml);
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    df_port *in = open_port(p, "source", DF_FEED), *out = open_port(p, "sink", DF_TAKE);
    df_input row = {.size = sizeof row, .payload = payload, .offset = -1};
    size_t taken = 0;
    int rc;
    assert_ok(df_pipeline_start(p, &run));
    assert_ok(df_port_push(in, &row, 1, &taken));
    assert_int_equal(taken, 1);
    df_port_close(in);
    do {
        df_parcel *parcel;
        while (df_port_take(out, 1, &parcel) == DF_OK) {
            look(ret, parcel);
            assert_ok(df_port_settle(out, parcel, DF_OK));
        }
        rc = df_pipeline_wait(p, 0);
    } while (rc == DF_AGAIN);
    if (rc == DF_OK)
        support_assert_conserved(p);
    df_port_close(out);
    df_pipeline_free(p);
    return rc;
}

static void test_million_scalars(void **state)
{
    enum { COUNT = 1000000 };
    support_host host = {0};
    df_env *env = support_env(&host);
    seen s = {.in_order = 1};
    df_bytes payload = {NULL, 0};
    char *text = malloc(COUNT * 8 + 64);
    (void)state;
    payload.len = (size_t)snprintf(text, 64, "{\"id\":1,\"a\":[0");
    for (int i = 1; i < COUNT; i++)
        payload.len += (size_t)snprintf(text + payload.len, 16, ",%d", i);
    payload.len += (size_t)snprintf(text + payload.len, 4, "]}");
    payload.data = text;
    assert_ok(run_one(env,
                      "source: {type: host}\nsink: {type: host}\n"
                      "transformations:\n- {type: flatten, config: {field: a}}\n",
                      payload, &s));
    print_message("  peak %lld KiB\n", (long long)host.peak_bytes / 1024);
    assert_int_equal(s.count, COUNT);
    assert_true(s.in_order);
    assert_true(host.peak_bytes < 80 << 20);
    free(text);
    support_env_free(env, &host);
}

/* So many members that the object is written as text and not built. */
static void test_wide_object(void **state)
{
    enum { COUNT = 10000 };
    support_host host = {0};
    df_env *env = support_env(&host);
    char *in = malloc(COUNT * 32), *out = malloc(COUNT * 32);
    seen s = {.in_order = 1};
    df_bytes payload = {in, 0};
    size_t len;
    (void)state;
    assert_true(in && out);
    payload.len = (size_t)snprintf(in, 64, "{\"a\":{\"\\\"\":[1.0]");
    len = (size_t)snprintf(out, 64, "{\"a.\\\"\":[1.0]");
    for (int i = 0; i < COUNT; i++) {
        payload.len += (size_t)snprintf(in + payload.len, 32, ",\"n%d\":%d", i, i);
        len += (size_t)snprintf(out + len, 32, ",\"a.n%d\":%d", i, i);
    }
    payload.len += (size_t)snprintf(in + payload.len, 32, "},\"a.n7\":\"beaten\"}");
    len += (size_t)snprintf(out + len, 4, "}");
    s.want = (df_bytes){out, len};
    assert_ok(run_one(env,
                      "source: {type: host}\nsink: {type: host}\n"
                      "transformations:\n- {type: structFlatten}\n",
                      payload, &s));
    assert_int_equal(s.count, 1);
    assert_true(s.in_order);
    free(in);
    free(out);
    support_env_free(env, &host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_million_scalars),
        cmocka_unit_test(test_wide_object),
    };
    return cmocka_run_group_tests_name("transforms", tests, NULL, NULL);
}
