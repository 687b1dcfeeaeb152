/* SPDX-License-Identifier: Apache-2.0
 * test_probe.c: a look at each end of a flow before it runs, and the offsets of its source: what is
 * told, how long it may take, that nothing else is called. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "dataflow_ext.h"

typedef support_fixture fixture;

static struct {
    int (*probe)(df_stage *st);
    _Atomic int opens, probes; /* sinks have threads of their own */
    int64_t time_us;
    df_offset set[4];
    size_t set_count;
    int releases;
} does;

static int any_open(void *self, df_stage *st)
{
    (void)self, (void)st;
    does.opens++;
    return DF_OK;
}

static int any_probe(void *self, df_stage *st)
{
    (void)self;
    does.probes++;
    return does.probe(st);
}

static int any_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    (void)self, (void)st, (void)into, (void)timeout_ms;
    return DF_DONE;
}

static int any_write(void *self, df_stage *st, df_parcel *parcel)
{
    (void)self, (void)st, (void)parcel;
    return DF_OK;
}

static int any_offsets(void *self, df_stage *st, int64_t time_us, df_offset_fn each, void *user)
{
    df_offset row = {sizeof row, "t/0", 5, 0, 9, time_us < 0 ? -1 : 7};
    (void)self, (void)st;
    each(user, &row);
    return DF_OK;
}

static int any_set(void *self, df_stage *st, const df_offset *rows, size_t count)
{
    (void)self;
    for (size_t i = 0; i < count; i++)
        does.set[does.set_count++] = *DF_ROW(df_offset, rows, i);
    return count > 1 ? df_stage_fail(st, DF_ESTATE, NULL, "in use") : DF_OK;
}

static int any_release(void *self, df_stage *st)
{
    (void)self;
    return does.releases++ ? df_stage_fail(st, DF_EIO, "busy", "somebody reads") : DF_OK;
}

static const df_source_ops source_ops = {.size = sizeof source_ops,
                                         .open = any_open,
                                         .read = any_read,
                                         .probe = any_probe,
                                         .offsets = any_offsets,
                                         .set_offsets = any_set,
                                         .release = any_release};
/* A plug-in that was built before there was a look. */
static const df_sink_ops old_ops = {
    .size = offsetof(df_sink_ops, probe), .open = any_open, .write = any_write, .probe = any_probe};
static const df_sink_ops sink_ops = {
    .size = sizeof sink_ops, .open = any_open, .write = any_write, .probe = any_probe};
static const df_connector looker = {.size = sizeof(df_connector),
                                    .name = "looker",
                                    .doc = "Offers a look.",
                                    .source_flags = DF_HOLDS_POSITION,
                                    .source = &source_ops,
                                    .sink = &sink_ops};
static const df_connector old = {
    .size = sizeof(df_connector), .name = "old", .doc = "Offers none.", .sink = &old_ops};

static void load(fixture *f, const char *yaml, int (*probe)(df_stage *st))
{
    memset(&does, 0, sizeof does);
    does.probe = probe;
    assert_ok(df_connector_register(f->env, &looker));
    assert_ok(df_connector_register(f->env, &old));
    f->p = support_load(f->env, yaml);
}

typedef struct seen {
    char text[600];
    size_t len;
} seen;

static void note(void *user, const df_probe *row)
{
    seen *s = user;
    s->len += (size_t)snprintf(s->text + s->len, sizeof s->text - s->len, "%s %s %d %s %s %s\n",
                               row->stage, row->kind, row->role, df_status_name(row->status),
                               row->reason, row->text);
}

static int is_there(df_stage *st)
{
    df_stage_foundf(st, "%d rows", 12);
    return DF_OK;
}

static void test_what_is_told(void **state)
{
    fixture *f = *state;
    seen s = {.len = 0};
    load(f, "source: {type: looker}\nsink: {type: old}\nerrors: {type: looker}\n", is_there);
    assert_ok(df_pipeline_probe(f->p, 0, note, &s));
    assert_non_null(strstr(s.text, "source looker 1 DF_OK  12 rows\n"));
    assert_non_null(strstr(s.text, "sink old 3 DF_ENOTSUP  offers no look before a run\n"));
    assert_non_null(strstr(s.text, "errors looker 4 DF_OK  12 rows\n"));
    assert_int_equal(does.opens, 0);
    assert_int_equal(does.probes, 2);
    assert_ok(df_pipeline_run(f->p, NULL)); /* the look was instead of nothing */
    assert_status(df_pipeline_probe(f->p, 0, note, &s), DF_ESTATE);
}

static int is_refused(df_stage *st)
{
    return df_stage_fail(st, DF_EAUTH, "auth_error", "who are you");
}

/* Every stage is looked at; the first failure is the answer. */
static void test_failure(void **state)
{
    fixture *f = *state;
    seen s = {.len = 0};
    load(f, "source: {type: looker}\nsink: {type: looker}\n", is_refused);
    assert_status(df_pipeline_probe(f->p, 0, note, &s), DF_EAUTH);
    assert_string_equal(df_pipeline_errmsg(f->p), "stage source: who are you");
    assert_non_null(strstr(s.text, "sink looker 3 DF_EAUTH auth_error who are you\n"));
}

static int waits(df_stage *st)
{
    while (!df_stage_stopping(st))
        if (df_stage_wait(st, -1, 0, -1) == DF_ECANCELED)
            break;
    return DF_ECANCELED;
}

static void test_time_is_over(void **state)
{
    fixture *f = *state;
    seen s = {.len = 0};
    load(f, "source: {type: looker}\nsink: {type: old}\n", waits);
    assert_status(df_pipeline_probe(f->p, 50, note, &s), DF_ETIMEOUT);
    assert_non_null(strstr(s.text, "source looker 1 DF_ETIMEOUT timeout no answer within 50 ms\n"));
}

static void note_offset(void *user, const df_offset *row)
{
    assert_string_equal(row->partition, "t/0");
    *(df_offset *)user = *row;
}

static void test_offsets(void **state)
{
    fixture *f = *state;
    df_offset at, rows[2] = {{.size = sizeof *rows, .partition = "t/0", .stored = 3},
                             {.size = sizeof *rows, .partition = "t/1", .stored = 4}};
    load(f, "source: {type: looker}\nsink: {type: old}\n", is_there);
    assert_ok(df_pipeline_offsets(f->p, -1, note_offset, &at));
    assert_int_equal(at.stored, 5);
    assert_int_equal(at.at_time, -1);
    assert_ok(df_pipeline_offsets(f->p, 0, note_offset, &at));
    assert_int_equal(at.at_time, 7);
    assert_ok(df_pipeline_set_offsets(f->p, rows, 1));
    assert_int_equal(does.set_count, 1);
    assert_int_equal(does.set[0].stored, 3);
    assert_status(df_pipeline_set_offsets(f->p, rows, 2), DF_ESTATE);
    assert_string_equal(df_pipeline_errmsg(f->p), "in use");
}

static void test_release(void **state)
{
    fixture *f = *state;
    load(f, "source: {type: looker}\nsink: {type: old}\n", is_there);
    assert_ok(df_pipeline_release(f->p));
    assert_status(df_pipeline_release(f->p), DF_EIO);
    assert_string_equal(df_pipeline_errmsg(f->p), "somebody reads");
    assert_int_equal(does.opens, 0);
}

static void test_no_offsets(void **state)
{
    fixture *f = *state;
    df_offset at;
    load(f, "source: {type: generate, config: {count: 1}}\nsink: {type: old}\n", is_there);
    assert_status(df_pipeline_offsets(f->p, -1, note_offset, &at), DF_ENOTSUP);
    assert_status(df_pipeline_offsets(f->p, -1, NULL, &at), DF_EINVAL);
    assert_status(df_pipeline_set_offsets(f->p, NULL, 0), DF_EINVAL);
    assert_status(df_pipeline_release(f->p), DF_ENOTSUP);
    assert_status(df_pipeline_release(NULL), DF_EINVAL);
    assert_status(df_pipeline_probe(NULL, 0, NULL, NULL), DF_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_told, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_failure, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_time_is_over, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_offsets, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_release, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_no_offsets, support_setup, support_teardown),
    };
    return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
