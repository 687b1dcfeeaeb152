/* SPDX-License-Identifier: Apache-2.0
 * test_probe.c: a look at each end of a flow before it runs, and the offsets of its source: what is
 * told, how long it may take, that nothing else is called. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "dataflow_manage.h"
#include "record/record.h"

typedef support_fixture fixture;

static struct {
    int (*probe)(df_stage *st);
    _Atomic int opens, probes; /* sinks have threads of their own */
    int64_t time_us;
    df_offset set[4];
    size_t set_count;
    int releases, decodes, closes;
    df_pipeline *stops; /* while it decodes */
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

static int any_reread(void *self, df_stage *st, const char *table)
{
    (void)self;
    return strcmp(table, "t") == 0 ? DF_OK
                                   : df_stage_fail(st, DF_EINVAL, "configuration", "no such table");
}

static int any_release(void *self, df_stage *st)
{
    (void)self;
    return does.releases++ ? df_stage_fail(st, DF_EIO, "busy", "somebody reads") : DF_OK;
}

static int any_leftovers(void *self, df_stage *st, int64_t age_us, df_leftover_fn each, void *user)
{
    const df_leftover row = {sizeof row, "s3://b/lost", 7, 1000};
    (void)self;
    if (age_us > 5)
        return df_stage_fail(st, DF_EIO, "busy", "no storage");
    each(user, &row);
    return DF_OK;
}

static int any_expire(void *self, df_stage *st, const df_expiry *how, df_expired_fn each,
                      void *user)
{
    const df_expired row = {sizeof row, how->apply ? "went" : "goes", 1, how->keep, 0};
    (void)self;
    if (how->age_us > 5)
        return df_stage_fail(st, DF_EIO, "busy", "no storage");
    each(user, &row);
    return DF_OK;
}

static int any_decode(void *self, df_stage *st, df_record *r)
{
    (void)self, (void)r;
    if (does.stops) {
        df_pipeline_stop(does.stops, DF_STOP_NOW);
        return df_stage_wait(st, -1, 0, -1);
    }
    return does.decodes++ ? df_stage_fail(st, DF_EIO, "busy", "no registry") : DF_OK;
}

static void any_close(void *self, df_stage *st)
{
    (void)self, (void)st;
    does.closes++;
}

static const df_source_ops source_ops = {.size = sizeof source_ops,
                                         .open = any_open,
                                         .read = any_read,
                                         .probe = any_probe,
                                         .offsets = any_offsets,
                                         .set_offsets = any_set,
                                         .release = any_release,
                                         .reread = any_reread,
                                         .close = any_close,
                                         .decode = any_decode};
/* A plug-in that was built before there was a look. */
static const df_sink_ops old_ops = {
    .size = offsetof(df_sink_ops, probe), .open = any_open, .write = any_write, .probe = any_probe};
static const df_sink_ops sink_ops = {.size = sizeof sink_ops,
                                     .open = any_open,
                                     .write = any_write,
                                     .probe = any_probe,
                                     .leftovers = any_leftovers,
                                     .expire = any_expire};
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

static void test_reread(void **state)
{
    fixture *f = *state;
    load(f, "source: {type: looker}\nsink: {type: old}\n", is_there);
    assert_ok(df_pipeline_reread(f->p, "t"));
    assert_status(df_pipeline_reread(f->p, "other"), DF_EINVAL);
    assert_string_equal(df_pipeline_errmsg(f->p), "no such table");
    assert_int_equal(does.opens, 0);
}

static void note_leftover(void *user, const df_leftover *row)
{
    seen *s = user;
    s->len += (size_t)snprintf(s->text + s->len, sizeof s->text - s->len, "%s %d\n", row->name,
                               (int)row->bytes);
}

/* Of each sink that can tell, the error sink too. */
static void test_leftovers(void **state)
{
    fixture *f = *state;
    seen s = {.len = 0};
    load(f, "source: {type: looker}\nsink: {type: looker}\nerrors: {type: looker}\n", is_there);
    assert_ok(df_pipeline_leftovers(f->p, 5, note_leftover, &s));
    assert_string_equal(s.text, "s3://b/lost 7\ns3://b/lost 7\n");
    assert_int_equal(does.opens, 0);
    assert_status(df_pipeline_leftovers(f->p, 6, note_leftover, &s), DF_EIO);
    assert_string_equal(df_pipeline_errmsg(f->p), "stage sink: no storage");
    assert_status(df_pipeline_leftovers(f->p, 5, NULL, &s), DF_EINVAL);
    assert_status(df_pipeline_leftovers(f->p, -1, note_leftover, &s), DF_EINVAL);
    assert_status(df_pipeline_leftovers(NULL, 5, note_leftover, &s), DF_EINVAL);
    assert_ok(df_pipeline_run(f->p, NULL));
    assert_status(df_pipeline_leftovers(f->p, 5, note_leftover, &s), DF_ESTATE);
}

static void note_expired(void *user, const df_expired *row)
{
    seen *s = user;
    s->len += (size_t)snprintf(s->text + s->len, sizeof s->text - s->len, "%s %d\n", row->name,
                               (int)row->bytes);
}

static void test_expire(void **state)
{
    fixture *f = *state;
    seen s = {.len = 0};
    df_expiry how = DF_EXPIRY_INIT;
    load(f, "source: {type: looker}\nsink: {type: looker}\nerrors: {type: old}\n", is_there);
    assert_status(df_pipeline_expire(f->p, &how, note_expired, &s), DF_EIO);
    assert_string_equal(df_pipeline_errmsg(f->p), "stage sink: no storage");
    how.age_us = 5;
    how.keep = 2;
    assert_ok(df_pipeline_expire(f->p, &how, note_expired, &s));
    how.apply = 1;
    assert_ok(df_pipeline_expire(f->p, &how, note_expired, &s));
    assert_string_equal(s.text, "goes 2\nwent 2\n");
    assert_int_equal(does.opens, 0);
    assert_status(df_pipeline_expire(f->p, &how, NULL, &s), DF_EINVAL);
    assert_status(df_pipeline_expire(f->p, NULL, note_expired, &s), DF_EINVAL);
    assert_status(df_pipeline_expire(NULL, &how, note_expired, &s), DF_EINVAL);
    how.keep = 0;
    assert_status(df_pipeline_expire(f->p, &how, note_expired, &s), DF_EINVAL);
}

/* The codec alone: the source is never open, and closed once. */
static void test_decoder(void **state)
{
    fixture *f = *state;
    df_decoder *d = NULL;
    df_record r;
    memset(&r, 0, sizeof r);
    load(f, "source: {type: looker}\nsink: {type: old}\n", is_there);
    assert_ok(df_decoder_open(f->p, &d));
    assert_int_equal(does.decodes, 0);
    assert_ok(df_decoder_read(d, &r));
    assert_status(df_decoder_read(d, &r), DF_EIO);
    assert_string_equal(df_pipeline_errmsg(f->p), "no registry");
    assert_status(df_decoder_read(d, NULL), DF_EINVAL);
    does.stops = f->p;
    assert_status(df_decoder_read(d, &r), DF_ECANCELED);
    assert_string_equal(df_pipeline_errmsg(f->p), "stopped before there was an answer");
    df_decoder_close(d);
    assert_int_equal(does.opens, 0);
    assert_int_equal(does.closes, 1);
    df_decoder_close(NULL);
    assert_status(df_decoder_open(NULL, &d), DF_EINVAL);
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
    seen s = {.len = 0};
    assert_status(df_pipeline_leftovers(f->p, 0, note_leftover, &s), DF_ENOTSUP);
    df_expiry how = DF_EXPIRY_INIT;
    assert_status(df_pipeline_expire(f->p, &how, note_expired, &s), DF_ENOTSUP);
    df_decoder *d = NULL;
    assert_status(df_decoder_open(f->p, &d), DF_ENOTSUP);
    assert_null(d);
    assert_status(df_pipeline_release(NULL), DF_EINVAL);
    assert_status(df_pipeline_reread(f->p, "t"), DF_ENOTSUP);
    assert_status(df_pipeline_reread(f->p, NULL), DF_EINVAL);
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
        cmocka_unit_test_setup_teardown(test_reread, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_leftovers, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_expire, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_decoder, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_no_offsets, support_setup, support_teardown),
    };
    return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
