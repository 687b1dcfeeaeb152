/* SPDX-License-Identifier: Apache-2.0
 * test_many_partitions.c: what a source with many partitions costs: a name is found without looking
 * at the others, the sum of lags without a walk, and saves of many rows are made less often. */
#include "support/support.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/flow/flow.h"
#include "core/stage/stage.h"

enum { PARTS = 1000, ROUNDS = 200 };

typedef struct fixture {
    support_host host;
    df__heap heap;
    df_stage stage;
    df__sums sums;
    _Atomic int published;
} fixture;

static int opened(df_stage *st, df_partition *part)
{
    fixture *f = st->owner;
    part->sums = &f->sums;
    part->open = 1;
    df__partition_recount(part);
    return DF_OK;
}

static void published(df_stage *st)
{
    fixture *f = st->owner;
    atomic_fetch_add(&f->published, 1);
}

static int setup(void **state)
{
    static fixture f;
    memset(&f, 0, sizeof f);
    f.heap = (df__heap){support_realloc, &f.host};
    f.stage.heap = &f.heap;
    f.stage.owner = &f;
    f.stage.open_partition = opened;
    f.stage.publish = published;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < f->stage.partition_count; i++)
        df__partition_free(f->stage.partitions[i]);
    df__free(&f->heap, f->stage.partitions);
    df__free(&f->heap, f->stage.partition_slots);
    assert_int_equal(atomic_load(&f->host.live), 0);
    return 0;
}

static df_partition *part(fixture *f, int n)
{
    char name[32];
    df_partition *p = NULL;
    snprintf(name, sizeof name, "orders/%d", n);
    assert_ok(df_partition_open(&f->stage, name, &p));
    return p;
}

static void tell(df_partition *p, int64_t records)
{
    df_lag lag = {.size = sizeof lag, .records = records, .newest_us = -1};
    df_partition_lag(p, &lag);
}

static void test_names(void **state)
{
    fixture *f = *state;
    df_partition *all[PARTS];
    for (int i = 0; i < PARTS; i++)
        all[i] = part(f, i);
    for (int i = 0; i < PARTS; i++) {
        assert_ptr_equal(part(f, i), all[i]);
        assert_int_equal(df_partition_number(all[i]), i);
    }
    assert_int_equal(f->stage.partition_count, PARTS);
    assert_true(f->stage.partition_slot_count >= 2 * PARTS);
}

/* Whichever allocation fails, a partition is there whole or not at all. */
static void test_names_without_memory(void **state)
{
    fixture *f = *state;
    df_partition *p;
    for (int i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof name, "orders/%d", i);
        for (int n = 1;; n++) {
            atomic_store(&f->host.fail_at, atomic_load(&f->host.calls) + n);
            atomic_store(&f->host.fail_count, 1);
            atomic_store(&f->host.failed, 0);
            if (df_partition_open(&f->stage, name, &p) == DF_OK)
                break;
            assert_true(atomic_load(&f->host.failed));
            assert_int_equal(f->stage.partition_count, i);
        }
        atomic_store(&f->host.fail_at, 0);
        assert_ptr_equal(part(f, i), p);
    }
}

/* Closed partitions and those that told none are left out. */
static void test_lags(void **state)
{
    fixture *f = *state;
    df_partition *a = part(f, 0), *b = part(f, 1), *silent = part(f, 2);
    df__partition_lags(&f->stage);
    assert_int_equal(f->sums.lag_known, 0);
    tell(a, 5);
    tell(b, 7);
    tell(a, 6);
    assert_int_equal(atomic_load(&f->published), 1); /* the pipeline thread is awake already */
    df__partition_lags(&f->stage);
    assert_int_equal(f->sums.lag, 13);
    assert_int_equal(f->sums.lag_known, 2);
    tell(b, 7); /* nothing new */
    assert_int_equal(atomic_load(&f->published), 1);
    tell(b, 0);
    assert_int_equal(atomic_load(&f->published), 2);
    a->open = 0;
    df__partition_recount(a);
    df__partition_lags(&f->stage);
    assert_int_equal(f->sums.lag, 0);
    assert_int_equal(f->sums.lag_known, 1);
    tell(b, -1); /* it does not know any more */
    df__partition_lags(&f->stage);
    assert_int_equal(f->sums.lag_known, 0);
    assert_int_equal(silent->lag.counted, -1);
}

static void *tell_all(void *arg)
{
    fixture *f = arg;
    for (int round = 1; round <= ROUNDS; round++)
        for (int i = 0; i < 16; i++)
            tell(f->stage.partitions[i], round * 16 + i);
    return NULL;
}

static void test_lags_from_another_thread(void **state)
{
    fixture *f = *state;
    pthread_t source;
    int64_t want = 0;
    for (int i = 0; i < 16; i++) {
        part(f, i);
        want += ROUNDS * 16 + i;
    }
    assert_int_equal(pthread_create(&source, NULL, tell_all, f), 0);
    for (int i = 0; i < ROUNDS; i++)
        df__partition_lags(&f->stage);
    pthread_join(source, NULL);
    df__partition_lags(&f->stage);
    assert_int_equal(f->sums.lag, want);
    assert_int_equal(f->sums.lag_known, 16);
}

/* When positions are saved next, after a save of so many rows at time 0. */
static int64_t due_after(size_t rows, int64_t interval_us)
{
    static df__flow f;
    memset(&f, 0, sizeof f);
    f.settings.max_uncommitted = 1000;
    f.phase = DF__PHASE_RUNNING;
    f.sums.unsaved = 1;
    f.saving.rows = rows;
    f.saving.interval_us = interval_us;
    return df__flow_save_due(&f);
}

static void test_saves(void **state)
{
    (void)state;
    assert_int_equal(due_after(1, 50000), 50000);
    assert_int_equal(due_after(100, 50000), 50000);
    assert_int_equal(due_after(400, 50000), 200000);
    assert_int_equal(due_after(1000, 50000), 500000);
    assert_int_equal(due_after(100000, 50000), 500000); /* docs/delivery.md: within a second */
    assert_int_equal(due_after(1000, 30000000), 30000000);
    assert_int_equal(due_after(1000, 0), 0); /* checkpointSyncOnAck */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_without_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lags, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lags_from_another_thread, setup, teardown),
        cmocka_unit_test(test_saves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
