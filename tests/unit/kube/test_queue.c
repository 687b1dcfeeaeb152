/* SPDX-License-Identifier: Apache-2.0
 * test_queue.c: who is looked at when, with a clock that stands still: once at a time, once again
 * after a change, later and later after failures, until a deadline. */
#include "kube_fixture.h"

#include <stdio.h>

#include "kube/queue.h"
#include "support/net/play.h"

enum { MS = 1000, MAX_RUNNING = 8 };

typedef struct world {
    kube_access access;
    kube_client *client;
    kube_loop *loop;
    kube_queue *q;
    char heard[4096]; /* "a b !c ": begun, !: expired */
    kube_work *works[MAX_RUNNING];
    int holds;      /* work stays open */
    int answer;     /* else it ends with this */
    int64_t *begun; /* moments at which keys were begun */
    int count;
    int ended;       /* rc of the last work that did */
    int64_t took_us; /* and how long it took */
} world;

static void on_begin(void *user, kube_work *work, const char *key)
{
    world *w = user;
    size_t at = strlen(w->heard);
    if (w->begun)
        w->begun[w->count] = w->loop->now();
    else
        snprintf(w->heard + at, sizeof w->heard - at, "%s ", key);
    w->count++;
    if (!w->holds) {
        kube_queue_done(work, w->answer);
        return;
    }
    for (int i = 0; i < MAX_RUNNING; i++) {
        if (!w->works[i]) {
            w->works[i] = work;
            *kube_work_user(work) = &w->works[i];
            return;
        }
    }
}

static void on_expired(void *user, kube_work *work, const char *key)
{
    world *w = user;
    size_t at = strlen(w->heard);
    snprintf(w->heard + at, sizeof w->heard - at, "!%s ", key);
    *(kube_work **)*kube_work_user(work) = NULL;
}

static void on_ended(void *user, int rc, int64_t took_us)
{
    world *w = user;
    w->ended = rc;
    w->took_us = took_us;
}

static world *begin(int workers)
{
    world *w = calloc(1, sizeof *w);
    kube_queue_config config = {
        .begin = on_begin, .expired = on_expired, .ended = on_ended, .user = w, .workers = workers};
    char err[KUBE_TEXT];
    w->access.server = strdup("http://127.0.0.1:1");
    assert_ok(kube_client_new(&w->access, "test", &w->client, err));
    w->loop = kube_client_loop(w->client);
    kube_fixture_hold(w->loop);
    w->q = kube_queue_new(w->loop, &config);
    assert_non_null(w->q);
    return w;
}

static void end(world *w)
{
    kube_queue_free(w->q);
    kube_client_free(w->client);
    free(w);
}

/* Lets the time pass and does what is due. */
static void pass(world *w, int64_t us)
{
    kube_fixture_now_us += us;
    for (int i = 0; i < 4; i++)
        kube_loop_step(w->loop, 0);
}

static void heard(world *w, const char *want)
{
    assert_string_equal(w->heard, want);
    w->heard[0] = '\0';
}

static void finish(world *w, int i, int rc)
{
    kube_work *work = w->works[i];
    assert_non_null(work);
    w->works[i] = NULL;
    kube_queue_done(work, rc);
}

static void test_once_at_a_time(void **state)
{
    world *w = begin(1);
    (void)state;
    w->holds = 1;
    assert_ok(kube_queue_add(w->q, "a"));
    assert_ok(kube_queue_add(w->q, "b"));
    assert_ok(kube_queue_add(w->q, "a"));
    assert_int_equal(kube_queue_stats_of(w->q).depth, 2);
    pass(w, 0);
    heard(w, "a ");
    assert_ok(kube_queue_add(w->q, "a"));
    assert_ok(kube_queue_add(w->q, "a"));
    pass(w, 100 * MS);
    heard(w, "");
    assert_int_equal(kube_queue_stats_of(w->q).oldest_us, 100 * MS);
    finish(w, 0, DF_OK);
    pass(w, 0);
    heard(w, "b "); /* it came before the second a */
    finish(w, 0, DF_OK);
    pass(w, 0);
    heard(w, "a ");
    finish(w, 0, DF_OK);
    pass(w, 3600 * INT64_C(1000000));
    heard(w, "");
    assert_int_equal(kube_queue_stats_of(w->q).begun, 3);
    assert_int_equal(kube_queue_stats_of(w->q).running, 0);
    end(w);
}

/* 5 ms doubling to 5 minutes, at least half of it; a success begins anew. */
static void test_back_off(void **state)
{
    world *w = begin(1);
    int64_t begun[64], limit = 5 * MS;
    (void)state;
    w->begun = begun;
    w->answer = DF_EIO;
    kube_queue_add(w->q, "a");
    pass(w, 0);
    for (int i = 1; i < 24; i++) {
        int64_t step = limit / 50;
        while (w->count == i)
            pass(w, step);
        assert_in_range(begun[i] - begun[i - 1], limit / 2, limit + step);
        limit = limit * 2 < 60000000 ? limit * 2 : 60000000;
    }
    assert_int_equal(kube_queue_stats_of(w->q).retried, 24);
    w->answer = DF_OK;
    kube_queue_add(w->q, "a"); /* a change does not wait */
    pass(w, 0);
    assert_int_equal(w->count, 25);
    w->answer = DF_EIO;
    kube_queue_add(w->q, "a");
    pass(w, 0);
    pass(w, 5 * MS);
    assert_int_equal(w->count, 27);
    kube_queue_forget(w->q, "a");
    pass(w, 300000000);
    assert_int_equal(w->count, 27);
    end(w);
}

/* The mending of a spec may come while the work that fails for it still runs. */
static void test_change_in_failing_work(void **state)
{
    world *w = begin(1);
    (void)state;
    w->answer = DF_EIO;
    kube_queue_add(w->q, "a");
    for (int i = 0; i < 20; i++)
        pass(w, 300000000);
    w->heard[0] = '\0';
    w->holds = 1;
    pass(w, 300000000);
    heard(w, "a ");
    kube_queue_add(w->q, "a");
    finish(w, 0, DF_EIO);
    pass(w, 500 * MS);
    heard(w, "");
    pass(w, 501 * MS);
    heard(w, "a ");
    end(w);
}

static void test_moments(void **state)
{
    world *w = begin(1);
    (void)state;
    kube_queue_add_after(w->q, "a", 500 * MS);
    kube_queue_add_after(w->q, "b", 300 * MS);
    kube_queue_add_after(w->q, "a", 200 * MS);
    kube_queue_add_after(w->q, "a", 900 * MS);
    kube_queue_add_after(w->q, "c", 100 * MS);
    kube_queue_add(w->q, "c");
    kube_queue_add_after(w->q, "d", 50 * MS);
    kube_queue_forget(w->q, "d");
    assert_int_equal(kube_queue_stats_of(w->q).waiting, 2);
    pass(w, 0);
    heard(w, "c ");
    pass(w, 199 * MS);
    heard(w, "");
    pass(w, 1 * MS);
    heard(w, "a ");
    pass(w, 100 * MS);
    heard(w, "b ");
    pass(w, 10000 * MS);
    heard(w, "");
    w->holds = 1;
    kube_queue_add(w->q, "e");
    pass(w, 0);
    kube_queue_done_until(w->works[0], 700 * MS);
    w->works[0] = NULL;
    w->holds = 0;
    pass(w, 699 * MS);
    heard(w, "e ");
    pass(w, 1 * MS);
    heard(w, "e ");
    end(w);
}

/* One that hangs costs the others a worker, and that not for ever. */
static void test_deadline(void **state)
{
    world *w = begin(2);
    (void)state;
    w->holds = 1;
    kube_queue_add(w->q, "slow");
    kube_queue_add(w->q, "good");
    kube_queue_add(w->q, "next");
    pass(w, 0);
    heard(w, "slow good ");
    finish(w, 1, DF_OK);
    pass(w, 0);
    heard(w, "next ");
    finish(w, 1, DF_OK);
    kube_queue_add(w->q, "slow");
    pass(w, 179999 * MS);
    heard(w, "");
    pass(w, 1 * MS);
    heard(w, "!slow ");
    assert_int_equal(kube_queue_stats_of(w->q).expired, 1);
    assert_status(w->ended, DF_ETIMEOUT);
    assert_true(w->took_us >= INT64_C(180000000));
    assert_int_equal(kube_queue_stats_of(w->q).running, 0);
    pass(w, 5 * MS);
    heard(w, "slow ");
    end(w);
}

/* A key that makes itself ready does not keep the loop. */
static void on_begin_again(void *user, kube_work *work, const char *key)
{
    world *w = user;
    w->count++;
    kube_queue_add(w->q, key);
    kube_queue_done(work, DF_OK);
}

static void test_loop_goes_on(void **state)
{
    world *w = begin(1);
    kube_queue_config config = {.begin = on_begin_again, .user = w};
    (void)state;
    kube_queue_free(w->q);
    w->q = kube_queue_new(w->loop, &config);
    kube_queue_add(w->q, "a");
    kube_loop_step(w->loop, 0);
    assert_int_equal(w->count, 1);
    kube_loop_step(w->loop, 0);
    assert_int_equal(w->count, 2);
    end(w);
}

/* All that is remembered of 100,000 keys is found again, and nothing stays. */
static void test_many(void **state)
{
    enum { KEYS = 100000 };
    world *w = begin(1);
    char key[32];
    int64_t *begun = calloc(3 * KEYS, sizeof *begun);
    unsigned random = 1;
    (void)state;
    w->begun = begun;
    w->answer = DF_EIO;
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "shop/flow-%d", i);
        random = random * 1103515245u + 12345u;
        assert_ok(kube_queue_add_after(w->q, key, 1 + (random >> 16)));
        assert_ok(kube_queue_add_after(w->q, key, 1 + (random >> 20)));
    }
    assert_int_equal(kube_queue_stats_of(w->q).waiting, KEYS);
    pass(w, 4096);
    assert_int_equal(w->count, KEYS);
    w->answer = DF_OK;
    pass(w, 5 * MS);
    assert_int_equal(w->count, 2 * KEYS);
    pass(w, 300000000);
    assert_int_equal(w->count, 2 * KEYS);
    for (int i = 0; i < 2 * KEYS; i++)
        assert_true(i == 0 || begun[i] >= begun[i - 1]);
    free(begun);
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once_at_a_time),
        cmocka_unit_test(test_back_off),
        cmocka_unit_test(test_change_in_failing_work),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_loop_goes_on),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
