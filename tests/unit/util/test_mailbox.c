/* SPDX-License-Identifier: Apache-2.0
 * test_mailbox.c: mailboxes: order, wake-ups, many senders. */
#include "support/support.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "util/mailbox.h"

enum { SENDERS = 4, EACH = 20000 };

static int readable(const df__mailbox *m)
{
    struct pollfd p = {m->fd, POLLIN, 0};
    return poll(&p, 1, 0) == 1;
}

static void test_order(void **state)
{
    df__mailbox m;
    df__msg msgs[3], *at;
    (void)state;
    memset(msgs, 0, sizeof msgs);
    assert_ok(df__mailbox_init(&m));
    assert_null(df__mailbox_take(&m));
    for (int i = 0; i < 3; i++) {
        msgs[i].type = i;
        df__mailbox_send(&m, &msgs[i]);
        assert_true(msgs[i].busy);
    }
    assert_true(readable(&m));
    at = df__mailbox_take(&m);
    for (int i = 0; i < 3; i++, at = at->next)
        assert_ptr_equal(at, &msgs[i]);
    assert_null(at);
    assert_false(readable(&m));
    assert_null(df__mailbox_take(&m));
    df__mailbox_send(&m, &msgs[1]); /* a message may go again */
    assert_true(readable(&m));
    assert_ptr_equal(df__mailbox_take(&m), &msgs[1]);
    assert_null(msgs[1].next);
    df__mailbox_free(&m);
    df__mailbox_free(&m); /* twice is once */
}

static void test_poke(void **state)
{
    df__mailbox m;
    int64_t begun;
    (void)state;
    assert_ok(df__mailbox_init(&m));
    begun = support_now_ms();
    df__mailbox_wait(&m, 30);
    assert_true(support_now_ms() - begun >= 25);
    for (int i = 0; i < 3; i++)
        df__mailbox_poke(&m);
    begun = support_now_ms();
    df__mailbox_wait(&m, 10000);
    assert_true(support_now_ms() - begun < 5000);
    assert_null(df__mailbox_take(&m)); /* woken without a message */
    assert_false(readable(&m));
    df__mailbox_free(&m);
}

static void test_no_descriptor(void **state)
{
    struct rlimit old, none;
    df__mailbox m;
    int rc;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    rc = df__mailbox_init(&m);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_status(rc, DF_EIO);
    df__mailbox_free(&m);
}

typedef struct sender {
    df__mailbox *to;
    int number;
    df__msg *msgs;
} sender;

static void *send_all(void *user)
{
    sender *s = user;
    for (int i = 0; i < EACH; i++) {
        s->msgs[i].type = s->number;
        s->msgs[i].status = i;
        df__mailbox_send(s->to, &s->msgs[i]);
    }
    return NULL;
}

/* Nothing is lost, each sender's order is kept, and the reader never sleeps on a message. */
static void test_many_senders(void **state)
{
    df__mailbox m;
    sender senders[SENDERS];
    pthread_t threads[SENDERS];
    int next[SENDERS] = {0}, got = 0;
    (void)state;
    assert_ok(df__mailbox_init(&m));
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (sender){&m, i, calloc(EACH, sizeof(df__msg))};
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
    }
    while (got < SENDERS * EACH) {
        int64_t begun = support_now_ms();
        df__mailbox_wait(&m, 10000);
        assert_true(support_now_ms() - begun < 9000);
        for (df__msg *at = df__mailbox_take(&m); at; at = at->next) {
            assert_int_equal(at->status, next[at->type]);
            next[at->type]++;
            got++;
        }
    }
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
        free(senders[i].msgs);
    }
    assert_null(df__mailbox_take(&m));
    df__mailbox_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_poke),
        cmocka_unit_test(test_no_descriptor),
        cmocka_unit_test(test_many_senders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
