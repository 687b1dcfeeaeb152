/* SPDX-License-Identifier: Apache-2.0
 * test_stuck.c: libraries that never return. Whichever call of a source, a sink, a store or a
 * transform it is, on a worker or on the pipeline's own thread, a stop ends within stopTimeout and
 * five seconds, nothing is counted as delivered that was not, and a thread that comes back later
 * harms nobody. */
#include "support/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataflow_ext.h"

enum {
    SOURCE_OPEN = 1,
    READ,
    ACK,
    SOURCE_CLOSE,
    SINK_OPEN,
    WRITE,
    POLL,
    FLUSH,
    SINK_CLOSE,
    LOAD,
    SAVE,
    APPLY,
    APPLY_ALONE,
    EXPAND,
    STEP_CLOSE
};
enum { STOP_MS = 200, LIMIT_MS = STOP_MS + 5000, RECORDS = 10 };

typedef struct stuck { /* one pipeline with one call that does not return */
    const char *name;
    int op;     /* which */
    int how;    /* to end it: DF_STOP_..., 0: it ends by itself */
    int status; /* of the run */
    uint64_t sent;
    _Atomic int reached;
    int given;
    df_partition *part;
    df_env *env;
    df_pipeline *p;
    int64_t stopped_ms;
} stuck;

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_opened = PTHREAD_COND_INITIALIZER;
static int gate_open;

static void pass(stuck *s, int op)
{
    if (s->op != op)
        return;
    atomic_store(&s->reached, 1);
    pthread_mutex_lock(&gate_lock);
    while (!gate_open)
        pthread_cond_wait(&gate_opened, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
}

static int source_open(void *self, df_stage *st)
{
    stuck *s = df_stage_user(st);
    (void)self;
    pass(s, SOURCE_OPEN);
    return df_partition_open(st, "only", &s->part);
}

static int source_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    stuck *s = df_stage_user(st);
    (void)self;
    pass(s, READ);
    for (; s->given < RECORDS && df_batch_room(into); s->given++) {
        df_input in = {.size = sizeof in, .payload = {"{}", 2}, .offset = s->given};
        in.partition = df_partition_number(s->part);
        assert_ok(df_batch_add(into, &in, NULL));
        assert_ok(df_batch_mark(into, s->part, (df_bytes){"mark", 4}));
    }
    if (s->given == RECORDS && !s->how)
        return DF_DONE;
    return s->given == RECORDS ? df_stage_wait(st, -1, 0, timeout_ms) : DF_OK;
}

static int source_ack(void *self, df_stage *st, const df_position *rows, size_t count)
{
    (void)self;
    (void)rows;
    (void)count;
    pass(df_stage_user(st), ACK);
    return DF_OK;
}

static void source_close(void *self, df_stage *st)
{
    (void)self;
    pass(df_stage_user(st), SOURCE_CLOSE);
}

static int sink_open(void *self, df_stage *st)
{
    (void)self;
    pass(df_stage_user(st), SINK_OPEN);
    return DF_OK;
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    stuck *s = df_stage_user(st);
    (void)self;
    (void)parcel;
    pass(s, WRITE);
    return s->op == POLL || s->op == FLUSH ? DF_PENDING : DF_OK;
}

static int sink_poll(void *self, df_stage *st, int timeout_ms)
{
    (void)self;
    pass(df_stage_user(st), POLL);
    return df_stage_wait(st, -1, 0, timeout_ms);
}

static int sink_flush(void *self, df_stage *st, int timeout_ms)
{
    (void)self;
    (void)timeout_ms;
    pass(df_stage_user(st), FLUSH);
    return DF_AGAIN;
}

static void sink_close(void *self, df_stage *st)
{
    (void)self;
    pass(df_stage_user(st), SINK_CLOSE);
}

static int store_load(void *user, const char *stage, const char *partition, df_answer *answer)
{
    (void)stage;
    (void)partition;
    (void)answer;
    pass(user, LOAD);
    return DF_ENOTFOUND;
}

static int store_save(void *user, const df_state *rows, size_t count)
{
    (void)rows;
    (void)count;
    pass(user, SAVE);
    return DF_OK;
}

static int apply(void *self, df_stage *st, df_batch *batch)
{
    (void)self;
    (void)batch;
    pass(df_stage_user(st), APPLY);
    pass(df_stage_user(st), APPLY_ALONE);
    return DF_OK;
}

static int expand(void *self, df_stage *st, df_batch *in, df_batch *out)
{
    size_t i, n = df_batch_count(in);
    (void)self;
    pass(df_stage_user(st), EXPAND);
    for (i = 0; i < n; i++)
        assert_ok(df_batch_pass(out, df_batch_at(in, i)));
    return DF_OK;
}

static void step_close(void *self, df_stage *st)
{
    (void)self;
    pass(df_stage_user(st), STEP_CLOSE);
}

static const df_source_ops source_ops = {.size = sizeof source_ops,
                                         .open = source_open,
                                         .read = source_read,
                                         .ack = source_ack,
                                         .close = source_close};
static const df_sink_ops sink_ops = {.size = sizeof sink_ops,
                                     .open = sink_open,
                                     .write = sink_write,
                                     .poll = sink_poll,
                                     .flush = sink_flush,
                                     .close = sink_close};

static void begin(stuck *s)
{
    const df_connector ends = {.size = sizeof ends,
                               .name = "ends",
                               .doc = "Both ends.",
                               .source_size = 1,
                               .sink_size = 1,
                               .source_flags = DF_CAN_REPLAY,
                               .source = &source_ops,
                               .sink = &sink_ops,
                               .user = s};
    const df_transform step = {.size = sizeof step,
                               .name = "step",
                               .doc = "One step.",
                               .self_size = 1,
                               .apply = apply,
                               .close = step_close,
                               .user = s};
    const df_transform wide = {.size = sizeof wide,
                               .name = "wide",
                               .doc = "One that expands.",
                               .self_size = 1,
                               .expand = expand,
                               .user = s};
    df_store store = {.size = sizeof store, .user = s, .load = store_load, .save = store_save};
    df_pipeline_options options = {.size = sizeof options, .store = &store};
    df_run_options run = {.size = sizeof run};
    char yaml[400];
    df_text text = {sizeof text, "stuck.yaml", yaml, 0};
    snprintf(yaml, sizeof yaml,
             "source: {type: ends}\nsink: {type: ends}\n"
             "transformations: [{type: step}, {type: wide}]\n%sstopTimeout: %s\n",
             s->op == APPLY_ALONE ? "" : "transformWorkers: 2\n",
             s->how == DF_STOP_NOW ? "1h" : "200ms");
    text.len = strlen(yaml);
    s->env = df_env_new(NULL);
    assert_non_null(s->env);
    assert_ok(df_connector_register(s->env, &ends));
    assert_ok(df_transform_register(s->env, &step));
    assert_ok(df_transform_register(s->env, &wide));
    s->p = df_pipeline_new(s->env, &options);
    assert_non_null(s->p);
    assert_ok(df_pipeline_load(s->p, &text));
    assert_ok(df_pipeline_start(s->p, &run));
}

static int comes_at_the_end(const stuck *s)
{
    return s->op == SOURCE_CLOSE || s->op == SINK_CLOSE || s->op == FLUSH || s->op == STEP_CLOSE;
}

/* It hangs in its call, or has nothing more to do before a stop: a stop that comes while records
 * are on their way may give them up. */
static int is_there(void *user)
{
    stuck *s = user;
    df_stats stats = {.size = sizeof stats};
    assert_ok(df_pipeline_stats(s->p, NULL, &stats));
    return comes_at_the_end(s) ? stats.received == RECORDS && stats.sent == s->sent
                               : atomic_load(&s->reached);
}

static int64_t late_ms, lost_ms; /* the last answer; what was waited for since the stop */

/* What a thread waited for is not told any more when it has ended: only growth counts. */
static void count_lost(void)
{
    int64_t now = support_late_ms();
    lost_ms += now > late_ms ? now - late_ms : 0;
    late_ms = now;
}

/* Time in which the machine had no processor for us does not count. */
static int wait_for_end(const stuck *s)
{
    for (;;) {
        int status = df_pipeline_wait(s->p, 20);
        count_lost();
        if (status != DF_AGAIN || support_now_ms() - s->stopped_ms > LIMIT_MS + lost_ms)
            return status;
    }
}

static void expect_end(stuck *s)
{
    df_stats stats = {.size = sizeof stats};
    int status = wait_for_end(s);
    print_message("%s: %s after %lld ms\n", s->name, df_status_name(status),
                  (long long)(support_now_ms() - s->stopped_ms));
    assert_status(status, s->status);
    assert_true(atomic_load(&s->reached));
    assert_ok(df_pipeline_stats(s->p, NULL, &stats));
    support_assert_conserved(s->p);
    assert_int_equal(stats.in_flight, 0);
    assert_int_equal(stats.sent, s->sent);
    assert_int_equal(stats.left, 1);
}

static void free_at_once(stuck *s)
{
    int64_t begun = support_now_ms(), lost = lost_ms;
    df_pipeline_free(s->p);
    df_env_free(s->env);
    count_lost();
    assert_true(support_now_ms() - begun < 2000 + lost_ms - lost);
}

static int threads_are(void *user)
{
    return support_threads() <= *(int *)user;
}

#define CASE(text, call, stop, result, count)                                                      \
    {                                                                                              \
        .name = (text), .op = (call), .how = (stop), .status = (result), .sent = (count)           \
    }

static void every_call_has_an_end(void **state)
{
    static stuck all[] = {
        CASE("source open", SOURCE_OPEN, DF_STOP_DRAIN, DF_OK, 0),
        CASE("read", READ, DF_STOP_DRAIN, DF_OK, 0),
        CASE("ack", ACK, DF_STOP_DRAIN, DF_OK, RECORDS),
        CASE("source close", SOURCE_CLOSE, DF_STOP_DRAIN, DF_OK, RECORDS),
        CASE("sink open", SINK_OPEN, DF_STOP_DRAIN, DF_OK, 0),
        CASE("write", WRITE, DF_STOP_DRAIN, DF_OK, 0),
        CASE("write, stopped at once", WRITE, DF_STOP_NOW, DF_OK, 0),
        CASE("poll", POLL, DF_STOP_DRAIN, DF_OK, 0),
        CASE("flush", FLUSH, DF_STOP_DRAIN, DF_OK, 0),
        CASE("sink close", SINK_CLOSE, DF_STOP_DRAIN, DF_OK, RECORDS),
        CASE("sink close, at the end of the input", SINK_CLOSE, 0, DF_OK, RECORDS),
        CASE("source close, at the end of the input", SOURCE_CLOSE, 0, DF_OK, RECORDS),
        CASE("load", LOAD, DF_STOP_DRAIN, DF_OK, 0),
        CASE("save", SAVE, DF_STOP_DRAIN, DF_ETIMEOUT, RECORDS),
        CASE("apply on a worker", APPLY, DF_STOP_DRAIN, DF_OK, 0),
        CASE("apply", APPLY_ALONE, DF_STOP_DRAIN, DF_ETIMEOUT, 0),
        CASE("apply, stopped at once", APPLY_ALONE, DF_STOP_NOW, DF_ETIMEOUT, 0),
        CASE("expand", EXPAND, DF_STOP_DRAIN, DF_ETIMEOUT, 0),
        CASE("close of a transform", STEP_CLOSE, DF_STOP_DRAIN, DF_OK, RECORDS),
        CASE("close of a transform, at the end of the input", STEP_CLOSE, 0, DF_OK, RECORDS),
    };
    int threads = support_threads();
    size_t i, n = sizeof all / sizeof *all;
    (void)state;
    for (i = 0; i < n; i++)
        begin(&all[i]);
    for (i = 0; i < n; i++)
        assert_true(support_wait(is_there, &all[i], 30000));
    late_ms = support_late_ms();
    for (i = 0; i < n; i++) {
        all[i].stopped_ms = support_now_ms();
        if (all[i].how)
            df_pipeline_stop(all[i].p, all[i].how);
    }
    for (i = 0; i < n; i++)
        expect_end(&all[i]);
    for (i = 0; i < n; i++)
        free_at_once(&all[i]);
    assert_true(support_threads() >= threads + (int)n);
    pthread_mutex_lock(&gate_lock);
    gate_open = 1;
    pthread_cond_broadcast(&gate_opened);
    pthread_mutex_unlock(&gate_lock);
    assert_true(support_wait(threads_are, &threads, 10000));
}

/* What is left behind is found through spans, too, and the ledger hides those it keeps. */
__attribute__((visibility("default"))) const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "use_poisoned=1";
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_call_has_an_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
