/* SPDX-License-Identifier: Apache-2.0
 * test_status_page.c: the status page made from a report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The programs' code is in no library. */
#include "../../../apps/common/json.c"
#include "../../../apps/common/process.c"
#include "../../../apps/common/progress.c"
#include "../../../apps/common/rates.c"
#include "../../../apps/common/status_page.c"

static char *page_of(const char *status, df__buf *out)
{
    df_stats stats = {.size = sizeof stats, .received = 1234, .sent = 1234, .lag_records = -1};
    app_page page = {.title = "default/<orders>", .version = "0.1.0", .stats = &stats, .live = 1};
    page.status = status;
    page.status_len = strlen(status);
    df__buf_init(out, &df__heap_libc);
    app_status_page(out, &page);
    assert_non_null(df__buf_cstr(out));
    return out->data;
}

static void shows_stages(void **state)
{
    df__buf out;
    char *html = page_of(
        "{\"state\":\"running\",\"guarantee\":\"at-least-once\",\"stages\":[{\"name\":\"sink\","
        "\"role\":\"sink\",\"kind\":\"postgresql\",\"state\":\"backoff\",\"in\":12345,\"out\":2,"
        "\"last_error\":\"<b>no & route\"}],\"partitions\":[{\"name\":\"orders/0\",\"lag\":-1,"
        "\"uncommitted\":7,\"held_by\":null}]}",
        &out);
    (void)state;
    assert_non_null(strstr(html, "<title>default/&lt;orders&gt;</title>"));
    assert_non_null(strstr(html, "<td>at-least-once</td>"));
    assert_non_null(strstr(html, "<td class=n>12,345</td>"));
    assert_non_null(strstr(html, "&lt;b&gt;no &amp; route"));
    assert_non_null(strstr(html, "<td class=bad>backoff</td>"));
    assert_non_null(strstr(html, "<tr><td>orders/0</td><td class=n></td><td class=n>7</td>"));
    assert_non_null(strstr(html, "received 1,234 + expanded 0 = sent 1,234"));
    assert_null(strstr(html, "<script"));
    assert_non_null(strstr(html, "<meta http-equiv=refresh content=3>"));
    assert_non_null(strstr(html, "<a href=\"/status\">"));
    df__buf_free(&out);
}

static void shows_what_is_waited_for(void **state)
{
    df__buf out;
    char *html = page_of("{\"state\":\"waiting\",\"stages\":[{\"name\":\"source\",\"state\":"
                         "\"waiting\",\"waits_for\":\"the group\"}],\"partitions\":[]}",
                         &out);
    (void)state;
    assert_non_null(strstr(html, "<th>state</th><td>waiting</td>"));
    assert_non_null(strstr(html, "<td>waiting for the group</td>"));
    df__buf_free(&out);
}

static void shows_all_counts(void **state)
{
    static const char *const rows[] = {
        "<th>errors</th><td>3,005</td>",
        "<th>left out</th><td>40</td>",
        "<th>lag</th><td>0</td>",
        "<th>retries</th><td>6</td>",
        "<th>rate</th><td>2,000 records/s in</td>",
        "<th>probes</th><td>ready, no progress</td>",
        "<th>running for</th><td>1:01</td>",
        "<th>memory budget</th><td>1.0 MiB of 64 MiB</td>",
        " + errored 3,000 + skipped 5 + abandoned 7 + in flight 8</td>"};
    df_stats stats = {.size = sizeof stats,
                      .errored = 3000,
                      .skipped = 5,
                      .left_out = 40,
                      .abandoned = 7,
                      .in_flight = 8,
                      .retries = 6,
                      .budget_used = 1 << 20,
                      .budget_limit = 64 << 20};
    app_page page = {.title = "t",
                     .version = "0.1.0",
                     .status = "{}",
                     .status_len = 2,
                     .stats = &stats,
                     .rate = 1999.6,
                     .uptime_s = 61,
                     .ready = 1};
    df__buf out;
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    app_status_page(&out, &page);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_non_null(strstr(df__buf_cstr(&out), rows[i]));
    df__buf_free(&out);
}

/* The status as it is served after `now_us`, when the counts of its two stages are these. */
static const char *rated(app_rates *r, int64_t now_us, int in, int out, df__buf *buf)
{
    char text[300], err[200];
    yyjson_doc *doc;
    snprintf(text, sizeof text,
             "{\"state\":\"running\",\"stages\":[{\"name\":\"a\",\"in\":%d,\"out\":%d},{}],"
             "\"partitions\":[]}",
             in, out);
    doc = app_json_read(text, strlen(text), err, sizeof err);
    df__buf_clear(buf);
    app_rates_status(r, now_us, yyjson_doc_get_root(doc), ",\"live\":true", buf);
    yyjson_doc_free(doc);
    return df__buf_cstr(buf);
}

static void rates_of_stages(void **state)
{
    static app_rates r;
    df__buf out;
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    app_rates_start(&r, 1000000);
    assert_string_equal(
        rated(&r, 3000000, 100, 50, &out), /* since the start */
        "{\"state\":\"running\",\"stages\":[{\"name\":\"a\",\"in\":100,\"out\":50,"
        "\"in_per_second\":50.0,\"out_per_second\":25.0},{\"in_per_second\":0.0,"
        "\"out_per_second\":0.0}],\"partitions\":[],\"rate_seconds\":2.0,\"live\":true}");
    rated(&r, 5000000, 120, 50, &out); /* since the look before */
    assert_non_null(strstr(out.data, "\"in_per_second\":10.0,\"out_per_second\":0.0"));
    rated(&r, 5100000, 130, 50, &out); /* too soon for a new base */
    assert_non_null(strstr(out.data, "\"in_per_second\":14.3"));
    assert_non_null(strstr(out.data, "\"rate_seconds\":2.1"));
    rated(&r, 7000000, 5, 50, &out); /* never below 0 */
    assert_non_null(strstr(out.data, "\"in_per_second\":0.0"));
    df__buf_free(&out);
}

static void damaged_report_still_gives_a_page(void **state)
{
    static const char *const reports[] = {"", "{", "[]", "{\"stages\":5}", "{\"stages\":[1,null]}"};
    (void)state;
    for (size_t i = 0; i < sizeof reports / sizeof reports[0]; i++) {
        df__buf out;
        char *html = page_of(reports[i], &out);
        assert_non_null(strstr(html, "</html>"));
        df__buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_stages),
        cmocka_unit_test(shows_what_is_waited_for),
        cmocka_unit_test(shows_all_counts),
        cmocka_unit_test(rates_of_stages),
        cmocka_unit_test(damaged_report_still_gives_a_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
