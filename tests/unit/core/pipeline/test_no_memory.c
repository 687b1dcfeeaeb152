/* SPDX-License-Identifier: Apache-2.0
 * test_no_memory.c: each allocation of load, check and start fails once: the answer is DF_ENOMEM,
 * never a problem of a manifest that is right. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

static const char manifest[] =
    "source: {type: generate, config: {count: 10}}\n"
    "transformations:\n"
    "  - {type: filter, config: {condition: \"$.status == 'paid' && $.amount > 10\"}}\n"
    "  - {type: mask, config: {fields: [$.user, $.a.b]}, when: \"$.id > 3\"}\n"
    "  - {type: cast, config: {spec: {amount: string, a.b: int64}}}\n"
    "  - {type: insertField, config: {fields: {site: riga, a.b: x}}}\n"
    "  - {type: replaceField, config: {renames: ['id:key']}}\n"
    "  - {type: timestamp, config: {fieldName: meta.at}}\n"
    "  - {type: flatten, config: {field: $.list}}\n"
    "  - {type: router, config: {routes: [{condition: \"$.n == 1\", sink: {type: 'null'}}]}}\n"
    "sink: {type: 'null'}\n"
    "errors: {type: 'null'}\n"
    "transformWorkers: 2\n"
    "memoryLimit: 16Mi\n";

static int bad;

/* Load, check and start with the n-th allocation failing. 0: it was never reached. */
static int attempt(int64_t n)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    df_text text = {sizeof text, "t.yaml", manifest, strlen(manifest)};
    df_pipeline *p;
    int rc;
    host.fail_at = host.calls + n;
    p = df_pipeline_new(env, NULL);
    rc = p ? df_pipeline_load(p, &text) : DF_ENOMEM;
    if (rc == DF_OK)
        rc = df_pipeline_check(p);
    if (rc == DF_OK)
        rc = df_pipeline_start(p, NULL);
    if (rc != DF_OK && rc != DF_ENOMEM) {
        char *problems = support_problems(p);
        print_error("allocation %lld: %s: %s\n%s", (long long)n, df_status_name(rc),
                    df_pipeline_errmsg(p), problems);
    }
    bad += rc != DF_OK && rc != DF_ENOMEM;
    df_pipeline_free(p);
    support_env_free(env, &host);
    return host.failed > 0;
}

static void test_each_allocation(void **state)
{
    int64_t n = 1;
    (void)state;
    while (attempt(n) && n < 5000)
        n++;
    print_message("%lld allocations\n", (long long)n - 1);
    assert_int_equal(bad, 0);
    assert_in_range(n, 50, 4999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
