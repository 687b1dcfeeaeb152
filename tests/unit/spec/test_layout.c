/* SPDX-License-Identifier: Apache-2.0
 * test_layout.c: both spellings of a stage give the same graph. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/spec_bench.h"

/* The names, kinds and option fields of a graph's stages. */
static void load(const char *text, char *out, size_t len)
{
    const df__stage_spec *s;
    bench b;
    size_t n = 0;
    bench_open(&b, 0);
    bench_problems(&b, out, len);
    if (bench_load(&b, text, strlen(text), NULL) != DF_OK) {
        bench_problems(&b, out, len);
        fail_msg("%s", out);
    }
    out[0] = '\0';
    for (s = b.g.stages; s; s = s->next) {
        df__buf json;
        df__buf_init(&json, &df__heap_libc);
        if (s->config)
            df__doc_json(s->config, &json);
        n += df__text_printf(out + n, len - n, "%s|%s|%d|%s\n", s->name, s->kind, s->exit,
                             s->config && !strstr(s->kind, "fork") ? df__buf_cstr(&json) : "");
        df__buf_free(&json);
    }
    bench_close(&b);
}

static const char expected[] = "source|well|0|{\"topic\":\"a\",\"rate\":5}\n"
                               "0 plain|plain|0|\n"
                               "1 erase|erase|0|{\"fields\":[\"x\"]}\n"
                               "2 fork|fork|0|\n"
                               "2 fork/0|tank|1|{\"table\":\"r\"}\n"
                               "sink|tank|0|{\"table\":\"t\"}\n"
                               "errors|tank|0|{\"table\":\"e\"}\n";

static void test_new(void **state)
{
    char got[2048];
    (void)state;
    load("source: {type: well, config: {topic: a, rate: 5}}\n"
         "transformations:\n"
         "  - type: plain\n"
         "  - type: erase\n    config: {fields: [x]}\n"
         "  - type: fork\n    config:\n      routes:\n"
         "        - {condition: $.a, sink: {type: tank, config: {table: r}}}\n"
         "sink: {type: tank, config: {table: t}}\n"
         "errors: {type: tank, config: {table: e}, ackPolicy: afterWrite}\n",
         got, sizeof got);
    assert_string_equal(got, expected);
}

static void test_old(void **state)
{
    char got[2048];
    (void)state;
    load("source: {type: well, well: {topic: a, rate: 5}}\n"
         "transformations:\n"
         "  - type: plain\n    plain: {}\n"
         "  - type: erase\n    erase: {fields: [x]}\n"
         "  - type: fork\n    fork:\n      routes:\n"
         "        - {condition: $.a, sink: {type: tank, tank: {table: r}}}\n"
         "sink: {type: tank, tank: {table: t}}\n"
         "errors: {type: tank, tank: {table: e}}\n",
         got, sizeof got);
    assert_int_equal(strncmp(got, expected, 40), 0);
    assert_non_null(strstr(got, "0 plain|plain|0|{}\n"));
    assert_non_null(strstr(got, "2 fork/0|tank|1|{\"table\":\"r\"}\n"));
    assert_non_null(strstr(got, "errors|tank|0|{\"table\":\"e\"}\n"));
}

static void test_mixed(void **state)
{
    char got[2048];
    (void)state;
    load("{\"source\":{\"type\":\"well\",\"well\":{\"topic\":\"a\",\"rate\":5}},"
         "\"transformations\":[{\"type\":\"plain\"},"
         "{\"type\":\"erase\",\"erase\":{\"fields\":[\"x\"]}},"
         "{\"type\":\"fork\",\"config\":{\"routes\":[{\"condition\":\"$.a\",\"sink\":"
         "{\"type\":\"tank\",\"tank\":{\"table\":\"r\"}}}]}}],"
         "\"sink\":{\"type\":\"tank\",\"config\":{\"table\":\"t\"}},"
         "\"errors\":{\"type\":\"tank\",\"tank\":{\"table\":\"e\"}}}",
         got, sizeof got);
    assert_string_equal(got, expected);
}

static void test_one_of_them_null(void **state)
{
    char got[2048];
    (void)state;
    load("source: {type: well, config: , well: {topic: a, rate: 5}}\n"
         "sink: {type: tank, config: {table: t}, tank: null}\n",
         got, sizeof got);
    assert_string_equal(got, "source|well|0|{\"topic\":\"a\",\"rate\":5}\n"
                             "sink|tank|0|{\"table\":\"t\"}\n");
}

static void test_without_options(void **state)
{
    static const char *const texts[] = {
        "source: {type: pipe}\nsink: {type: pipe}\n",
        "source: {type: pipe, config: }\nsink: {type: pipe, config: {}}\n",
        "source: {type: pipe, pipe: {}}\nsink:\n  type: pipe\n  pipe:\n",
        "source: &p {type: pipe}\nsink: *p\n",
    };
    char got[512];
    size_t i;
    (void)state;
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        load(texts[i], got, sizeof got);
        assert_non_null(strstr(got, "source|pipe|0|"));
        assert_non_null(strstr(got, "sink|pipe|0|"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new),
        cmocka_unit_test(test_old),
        cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_one_of_them_null),
        cmocka_unit_test(test_without_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
