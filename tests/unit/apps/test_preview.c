/* SPDX-License-Identifier: Apache-2.0
 * test_preview.c: what `dfproc preview` shows of a record with headers of any bytes. */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "dfproc/preview.h"

static const df_header hostile[] = {
    {"trace", {"x\nb", 3}},     {"cut", {"v\0w", 3}}, {"a:b", {"1: 2", 4}},
    {"line\nkey", {"\r\n", 2}}, {"empty", {"", 0}},   {"null", {NULL, 0}},
    {"", {"nameless", 8}},      {"colon", {":", 1}},  {"bytes", {"\xff\x1b[31m", 6}},
};

/* One record with these headers through a pipeline, seen at its source. */
static void capture(dfproc_capture *c, const df_header *headers, size_t count)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    df_pipeline *p = support_load(env, "source: {type: host}\nsink: {type: 'null'}\n");
    df_port_options o = {.size = sizeof o, .stage = "source", .mode = DF_FEED};
    df_input in = {.size = sizeof in, .payload = {"{\"a\":1}", 7}, .key = {"k\ny", 3}};
    df_port *feed = NULL;
    char err[200];
    const char plan[] = "{\"stages\":[{\"name\":\"source\",\"role\":\"source\"}]}";
    yyjson_doc *doc = app_json_read(plan, sizeof plan - 1, err, sizeof err);
    size_t taken = 0;
    in.headers = headers;
    in.header_count = count;
    assert_int_equal(dfproc_capture_open(c, doc, DFPROC_SINKS | DFPROC_OTHERS), EXIT_DONE);
    assert_int_equal(dfproc_capture_ports(c, p, DF_TAP), EXIT_DONE);
    assert_ok(df_port_open(p, &o, &feed));
    assert_ok(df_pipeline_start(p, NULL));
    assert_ok(df_port_push(feed, &in, 1, &taken));
    df_port_close(feed);
    assert_ok(df_pipeline_wait(p, 20000));
    assert_int_equal(dfproc_capture_take(c), 1);
    dfproc_capture_close(c);
    yyjson_doc_free(doc);
    df_pipeline_free(p);
    support_env_free(env, &host);
}

static void assert_shown(const df_header *headers, size_t count, int json, const char *want)
{
    dfproc_capture c = {0};
    dfproc_preview_how how = {json, 0, 0};
    df__buf out;
    df__buf_init(&out, &df__heap_libc);
    capture(&c, headers, count);
    dfproc_preview_show(&out, &c, &how);
    assert_non_null(df__buf_cstr(&out));
    assert_string_equal(out.data, want);
    df__buf_free(&out);
    dfproc_capture_free(&c);
}

static void json_keeps_headers_as_they_are(void **state)
{
    (void)state;
    assert_shown(
        hostile, sizeof hostile / sizeof hostile[0], 1,
        "{\"record\":1,\"partition\":\"host\",\"offset\":0,\"stages\":[{\"stage\":\"source\","
        "\"role\":\"source\",\"out\":[{\"payload\":{\"a\":1},\"key\":\"k\\ny\",\"headers\":["
        "{\"name\":\"trace\",\"value\":\"x\\nb\"},{\"name\":\"cut\",\"value\":\"v\\u0000w\"},"
        "{\"name\":\"a:b\",\"value\":\"1: 2\"},{\"name\":\"line\\nkey\",\"value\":\"\\r\\n\"},"
        "{\"name\":\"empty\",\"value\":\"\"},{\"name\":\"null\",\"value\":null},"
        "{\"name\":\"\",\"value\":\"nameless\"},{\"name\":\"colon\",\"value\":\":\"},"
        "{\"name\":\"bytes\",\"value\":\"\xef\xbf\xbd\\u001b[31m\"}]}]}]}\n");
}

static void json_of_no_headers_has_none(void **state)
{
    (void)state;
    assert_shown(
        NULL, 0, 1,
        "{\"record\":1,\"partition\":\"host\",\"offset\":0,\"stages\":[{\"stage\":\"source\","
        "\"role\":\"source\",\"out\":[{\"payload\":{\"a\":1},\"key\":\"k\\ny\"}]}]}\n");
}

/* No byte of a header is lost, and none looks like another header. */
static void text_keeps_a_header_on_its_line(void **state)
{
    (void)state;
    assert_shown(hostile, sizeof hostile / sizeof hostile[0], 0,
                 "record 1 (host offset 0)\n"
                 "  source\n"
                 "      key: k\\x0ay\n"
                 "      trace: x\\x0ab\n"
                 "      cut: v\\x00w\n"
                 "      a:b: 1: 2\n"
                 "      line\\x0akey: \\x0d\\x0a\n"
                 "      empty: \n"
                 "      null: null\n"
                 "      : nameless\n"
                 "      colon: :\n"
                 "      bytes: \\xff\\x1b[31m\n"
                 "      {\n"
                 "        \"a\": 1\n"
                 "      }\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(json_keeps_headers_as_they_are),
                                       cmocka_unit_test(json_of_no_headers_has_none),
                                       cmocka_unit_test(text_keeps_a_header_on_its_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
