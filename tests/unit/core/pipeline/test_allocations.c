/* SPDX-License-Identifier: Apache-2.0
 * Allocations grow with batches, not with records: the same flow over N and 4 N records, with an
 * allocator that counts. */
#include <stdio.h>

#include "support/support.h"

enum { RECORDS = 20000, PER_THOUSAND = 10 };

#define FLOW(steps)                                                                                \
    "source: {type: generate, config: {count: %d}}\n"                                              \
    "transformations:\n" steps "sink: {type: 'null'}\n"

static int64_t allocations(const char *manifest, int records)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    char text[2048];
    int64_t calls;
    snprintf(text, sizeof text, manifest, records);
    assert_ok(support_run(env, text, NULL));
    calls = host.calls;
    support_env_free(env, &host);
    return calls;
}

/* Allocations for a thousand records more, once the flow is warm. */
static double growth(const char *manifest)
{
    int64_t warm = allocations(manifest, RECORDS), longer = allocations(manifest, 4 * RECORDS);
    double each = (double)(longer - warm) / (3.0 * RECORDS / 1000);
    print_message("%.2f allocations for 1000 records more\n", each);
    return each;
}

static void test_read_only(void **state)
{
    (void)state;
    assert_true(growth(FLOW("  - {type: filter, config: {condition: \"$.status == 'paid' && "
                            "$.amount > 10\"}}\n")) <= PER_THOUSAND);
}

static void test_five_edits(void **state)
{
    (void)state;
    assert_true(growth(FLOW("  - {type: filter, config: {condition: \"$.status != 'new'\"}}\n"
                            "  - {type: mask, config: {fields: [$.user]}}\n"
                            "  - {type: timestamp, config: {fieldName: meta.at}}\n"
                            "  - {type: cast, config: {spec: {amount: string}}}\n"
                            "  - {type: replaceField, config: {renames: ['id:key']}}\n")) <=
                PER_THOUSAND);
}

static void test_whole_object(void **state)
{
    (void)state;
    assert_true(growth(FLOW("  - {type: insertField, config: {fields: {siteName: riga, a.b: x}}}\n"
                            "  - {type: structFlatten}\n"
                            "  - {type: snakeCase}\n"
                            "  - {type: select, config: {fields: [site_name, id, user]}}\n")) <=
                PER_THOUSAND);
}

static void test_rejects(void **state)
{
    (void)state;
    assert_true(growth("source: {type: generate, config: {count: %d}}\n"
                       "transformations:\n"
                       "  - {type: cast, config: {spec: {status: int64}}}\n"
                       "sink: {type: 'null'}\n"
                       "errors: {type: 'null'}\n") <= PER_THOUSAND * 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_only),
        cmocka_unit_test(test_five_edits),
        cmocka_unit_test(test_whole_object),
        cmocka_unit_test(test_rejects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
