/* SPDX-License-Identifier: Apache-2.0
 * test_progress.c: texts about a running flow: progress line, equation, summary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The programs' code is in no library. */
#include "../../../apps/common/process.c"
#include "../../../apps/common/progress.c"

static void counts_and_sizes(void **state)
{
    char buf[32];
    (void)state;
    assert_string_equal(app_text_count(buf, sizeof buf, 0), "0");
    assert_string_equal(app_text_count(buf, sizeof buf, 999), "999");
    assert_string_equal(app_text_count(buf, sizeof buf, 1000), "1,000");
    assert_string_equal(app_text_count(buf, sizeof buf, UINT64_MAX), "18,446,744,073,709,551,615");
    assert_string_equal(app_text_count(buf, 4, 1234567), "1,2");
    assert_string_equal(app_text_bytes(buf, sizeof buf, 0), "0 B");
    assert_string_equal(app_text_bytes(buf, sizeof buf, 8 << 20), "8.0 MiB");
    assert_string_equal(app_text_bytes(buf, sizeof buf, 64 << 20), "64 MiB");
    assert_string_equal(app_text_seconds(buf, sizeof buf, 61), "1:01");
    assert_string_equal(app_text_seconds(buf, sizeof buf, 3661), "1:01:01");
    assert_string_equal(app_text_seconds(buf, sizeof buf, -4), "0:00");
}

static void rate_and_eta(void **state)
{
    app_progress p;
    df_stats st = {.size = sizeof st, .lag_records = -1};
    (void)state;
    app_progress_start(&p, 0, 1000, 0);
    assert_true(app_progress_eta(&p, &st) < 0);
    st.received = 100;
    app_progress_sample(&p, 1000000, &st);
    assert_true(p.rate > 99.9 && p.rate < 100.1);
    assert_true(app_progress_eta(&p, &st) > 8.9 && app_progress_eta(&p, &st) < 9.1);
    st.received = 1000;
    assert_true(app_progress_eta(&p, &st) >= 0 && app_progress_eta(&p, &st) < 0.1);
    app_progress_start(&p, 0, 0, 0);
    st.lag_records = 500;
    p.rate = 100;
    assert_true(app_progress_eta(&p, &st) < 0); /* the end is not known */
    p.bounded = 1;
    assert_true(app_progress_eta(&p, &st) > 4.9 && app_progress_eta(&p, &st) < 5.1);
}

/* The lag comes once a second; in between it falls with what is read. */
static void lag_between_two_reports(void **state)
{
    app_progress p;
    df_stats st = {.size = sizeof st, .received = 100, .lag_records = 900, .connected = 1};
    df__buf out;
    (void)state;
    app_progress_start(&p, 0, 0, 1);
    app_progress_sample(&p, 1000000, &st);
    df__buf_init(&out, &df__heap_libc);
    st.received = 400;
    app_progress_sample(&p, 1500000, &st);
    app_progress_line(&out, &p, &st, 200);
    assert_non_null(df__buf_cstr(&out));
    assert_non_null(strstr(out.data, "lag 600"));
    st.received = 1400; /* more came meanwhile */
    df__buf_clear(&out);
    app_progress_line(&out, &p, &st, 200);
    assert_non_null(strstr(df__buf_cstr(&out), "lag 0"));
    st.lag_records = 0; /* a lag of nothing is shown, an unknown one is not */
    df__buf_clear(&out);
    app_progress_line(&out, &p, &st, 200);
    assert_non_null(strstr(df__buf_cstr(&out), "  lag 0  "));
    st.lag_records = -1;
    df__buf_clear(&out);
    app_progress_line(&out, &p, &st, 200);
    assert_null(strstr(df__buf_cstr(&out), "lag"));
    st.lag_records = 50;
    p.stopping = 1;
    df__buf_clear(&out);
    app_progress_line(&out, &p, &st, 200);
    assert_non_null(strstr(df__buf_cstr(&out), "lag 50"));
    assert_non_null(strstr(out.data, "stopping"));
    df__buf_free(&out);
}

static void line_fits(void **state)
{
    app_progress p;
    df_stats st = {.size = sizeof st, .received = 1234567, .sent = 1234000, .lag_records = 5};
    df__buf out;
    (void)state;
    st.connected = 1;
    app_progress_start(&p, 0, 0, 0);
    df__buf_init(&out, &df__heap_libc);
    app_progress_line(&out, &p, &st, 200);
    assert_non_null(df__buf_cstr(&out));
    assert_non_null(strstr(out.data, "1,234,567 in"));
    assert_non_null(strstr(out.data, "1,234,000 out"));
    assert_non_null(strstr(out.data, "lag 5"));
    assert_null(strstr(out.data, "ETA"));
    df__buf_clear(&out);
    app_progress_line(&out, &p, &st, 20);
    assert_int_equal(out.len, 19);
    df__buf_free(&out);
}

static void equation(void **state)
{
    df_stats st = {.size = sizeof st,
                   .received = 10,
                   .expanded = 2,
                   .sent = 4,
                   .left_out = 2,
                   .filtered = 1,
                   .errored = 2,
                   .skipped = 1,
                   .abandoned = 1,
                   .in_flight = 1,
                   .lag_records = -1};
    df__buf out;
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    app_progress_equation(&out, &st);
    assert_string_equal(df__buf_cstr(&out),
                        "received 10 + expanded 2 = sent 4 + left out 2 + filtered 1 + errored 2 + "
                        "skipped 1 + abandoned 1 + in flight 1");
    df__buf_clear(&out);
    app_stats_members(&out, &st);
    assert_non_null(
        strstr(df__buf_cstr(&out), "\"received\":10,\"expanded\":2,\"sent\":4,\"left_out\":2"));
    assert_non_null(strstr(out.data, "\"lag_records\":-1"));
    df__buf_free(&out);
}

static void usage_is_real(void **state)
{
    app_usage u;
    df__buf out;
    (void)state;
    app_process_usage(&u);
    assert_true(u.rss > 100000 && u.peak_rss >= u.rss);
    assert_true(u.fds >= 3 && u.start_s > 1.6e9);
    df__buf_init(&out, &df__heap_libc);
    app_process_metrics(&out);
    assert_non_null(strstr(df__buf_cstr(&out), "# TYPE process_cpu_seconds_total counter\n"));
    df__buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_sizes),
        cmocka_unit_test(rate_and_eta),
        cmocka_unit_test(lag_between_two_reports),
        cmocka_unit_test(line_fits),
        cmocka_unit_test(equation),
        cmocka_unit_test(usage_is_real),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
