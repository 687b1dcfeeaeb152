/* SPDX-License-Identifier: Apache-2.0
 * test_loop.c: a flow that writes where it reads is warned of. */
#include <stdio.h>
#include <string.h>

#include "support/support.h"

static void expect(const char *yaml, const char *fields)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    df_pipeline *p = df_pipeline_new(env, NULL);
    df_text text = {sizeof text, "loop.yaml", yaml, strlen(yaml)};
    char seen[200] = "";
    size_t at = 0;
    df_problem one = {.size = sizeof one};
    assert_ok(df_pipeline_load(p, &text));
    assert_ok(df_pipeline_check(p));
    assert_ok(df_pipeline_check(p)); /* told once */
    for (size_t i = 0; df_pipeline_problem_at(p, i, &one) == DF_OK; i++) {
        assert_int_equal(one.severity, DF_WARNING);
        assert_string_equal(one.text, "writes where the source reads: what it writes comes back, "
                                      "without an end");
        at += (size_t)snprintf(seen + at, sizeof seen - at, "%s ", one.field);
    }
    assert_string_equal(seen, fields);
    df_pipeline_free(p);
    support_env_free(env, &host);
}

#define FILE_SOURCE "source: {type: stdio, config: {path: a.jsonl}}\n"

static void warned(void **state)
{
    (void)state;
    expect(FILE_SOURCE "sink: {type: stdio, config: {path: a.jsonl, format: text}}\n",
           "spec.sink ");
    expect(FILE_SOURCE "sink: {type: stdio}\nerrors: {type: stdio, config: {path: a.jsonl}}\n",
           "spec.errors ");
    expect(FILE_SOURCE "sink: {type: stdio}\ntransformations: [{type: router, config: {routes: "
                       "[{condition: $.a, sink: {type: stdio, stdio: {path: a.jsonl}}}]}}]\n",
           "spec.transformations[0].config.routes[0].sink ");
    expect("source: {type: stdio, config: {path: \"${env:A}\"}}\n"
           "sink: {type: stdio, config: {path: \"${env:A}\"}}\n",
           "spec.sink ");
}

static void not_warned(void **state)
{
    (void)state;
    expect(FILE_SOURCE "sink: {type: stdio, config: {path: b.jsonl}}\n", "");
    expect(FILE_SOURCE "sink: {type: stdio}\n", "");
    expect("source: {type: stdio}\nsink: {type: stdio}\n", "");
    expect("source: {type: stdio, config: {path: '-'}}\nsink: {type: stdio, config: {path: '-'}}\n",
           "");
    expect("source: {type: stdio, config: {path: null}}\nsink: {type: stdio, config: {path: ~}}\n",
           "");
    expect("source: {type: generate}\nsink: {type: 'null'}\n", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(warned), cmocka_unit_test(not_warned)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
