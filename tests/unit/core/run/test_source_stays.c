/* SPDX-License-Identifier: Apache-2.0
 * test_source_stays.c: a read that fails so ends the run. What was read before and becomes durable
 * after it is acknowledged all the same, before the source is closed. ctest: threaded */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "dataflow_ext.h"
#include "support/support.h"

enum { RECORDS = 5 };

static _Atomic int failed; /* the read */
static _Atomic int acked;  /* position that the source was told */
static _Atomic int reads_after, closes, acks_after_close;
static int fail_status;

typedef struct well {
    df_partition *part;
    int added;
} well;

static int well_open(void *self, df_stage *st)
{
    well *w = self;
    return df_partition_open(st, "p", &w->part);
}

static int well_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    well *w = self;
    df_input in = {.size = sizeof in, .payload = {"{}", 2}, .partition = 0};
    (void)timeout_ms;
    if (failed)
        reads_after++;
    if (w->added == RECORDS) {
        failed = 1;
        return df_stage_fail(st, fail_status, NULL, "cannot be read any more");
    }
    if (df_batch_room(into) == 0)
        return DF_AGAIN;
    for (; w->added < RECORDS; w->added++) {
        in.offset = w->added;
        assert_ok(df_batch_add(into, &in, NULL));
    }
    return df_batch_mark(into, w->part, (df_bytes){"5", 1});
}

static int well_ack(void *self, df_stage *st, const df_position *rows, size_t count)
{
    (void)self;
    (void)st;
    acks_after_close += closes > 0;
    if (count == 1 && rows[0].data.len == 1)
        acked = *(const char *)rows[0].data.data - '0';
    return DF_OK;
}

static void well_close(void *self, df_stage *st)
{
    (void)self;
    (void)st;
    closes++;
}

/* Nothing is durable before the read has failed. */
static int tank_write(void *self, df_stage *st, df_parcel *parcel)
{
    (void)self;
    (void)parcel;
    while (!failed)
        if (df_stage_wait(st, -1, 0, 5) == DF_ECANCELED)
            return DF_ECANCELED;
    return df_stage_wait(st, -1, 0, 50) == DF_ECANCELED ? DF_ECANCELED : DF_OK;
}

static const df_source_ops source_ops = {.size = sizeof source_ops,
                                         .open = well_open,
                                         .read = well_read,
                                         .ack = well_ack,
                                         .close = well_close};
static const df_sink_ops sink_ops = {.size = sizeof sink_ops, .write = tank_write};
static const df_connector kinds[] = {
    {.size = sizeof(df_connector),
     .name = "well",
     .doc = "Gives.",
     .source_size = sizeof(well),
     .source = &source_ops},
    {.size = sizeof(df_connector),
     .name = "tank",
     .doc = "Takes.",
     .sink_size = 1,
     .sink = &sink_ops},
};

static void run_with(int status)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    char message[512];
    failed = acked = reads_after = closes = acks_after_close = 0;
    fail_status = status;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        assert_ok(df_connector_register(env, &kinds[i]));
    assert_status(support_run(env, "source: {type: well}\nsink: {type: tank}\n", message), status);
    assert_non_null(strstr(message, "cannot be read any more"));
    assert_int_equal(acked, RECORDS);
    assert_int_equal(reads_after, 0);
    assert_int_equal(closes, 1);
    assert_int_equal(acks_after_close, 0);
    support_env_free(env, &host);
}

static void test_states(void **state)
{
    (void)state;
    run_with(DF_ESTATE);
    run_with(DF_EINTERNAL);
    run_with(DF_EDATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),
    };
    return cmocka_run_group_tests_name("source stays", tests, NULL, NULL);
}
