/* SPDX-License-Identifier: Apache-2.0
 * test_clock.c: the server's wall clock, which plans go by, while ours is set.
 * ctest: threaded */
#include "kube_fixture.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kube/moment.h"
#include "support/net/play.h"

enum { DAY_S = 86400, SECOND = 1000000 };

static _Atomic int64_t set_s; /* by how much our wall clock was set */

int clock_gettime(clockid_t id, struct timespec *t)
{
    int rc = (int)syscall(SYS_clock_gettime, id, t);
    if (!rc && id == CLOCK_REALTIME)
        t->tv_sec += set_s;
    return rc;
}

static void assert_near(int64_t a_us, int64_t b_us)
{
    assert_in_range(a_us - b_us + 10 * SECOND, 0, 20 * SECOND);
}

static void test_ours_is_set(void **state)
{
    static const int64_t rows[] = {DAY_S, -DAY_S, 0};
    kube_fixture f;
    int64_t began_us;
    (void)state;
    kube_fixture_begin(&f, NULL, 0);
    began_us = kube_wall_us();
    assert_near(kube_client_wall_us(f.client), began_us);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        set_s = rows[i];
        assert_near(kube_wall_us(), began_us + rows[i] * SECOND);
        assert_near(kube_client_wall_us(f.client), began_us);
    }
    kube_fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ours_is_set)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
