/* SPDX-License-Identifier: Apache-2.0
 * test_template.c: what the conformance suites cannot know: a line is read when its end is there,
 * and a record that holds a line end goes to the error sink. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>

static void expect(const char *path, const char *want)
{
    char *got = support_read_file(path);
    assert_string_equal(got, want);
    free(got);
}

static void test_half_a_line_waits(void **state)
{
    support_fixture *f = *state;
    char yaml[2048];
    snprintf(yaml, sizeof yaml,
             "source: {type: template, config: {path: %s}}\n"
             "sink: {type: template, config: {path: %s}}\n",
             f->in, f->out);
    support_write_file(f->in, "first\nsec");
    assert_ok(support_run(f->env, yaml, NULL));
    expect(f->out, "first\n");
}

static void test_line_end_in_a_record(void **state)
{
    support_fixture *f = *state;
    char yaml[2048];
    snprintf(yaml, sizeof yaml,
             "source: {type: memory, config: {records: [one, \"two\\nlines\", three]}}\n"
             "sink: {type: template, config: {path: %s}}\n"
             "errors: {type: stdio, config: {path: %s}}\n",
             f->out, f->errors);
    assert_ok(support_run(f->env, yaml, NULL));
    expect(f->out, "one\nthree\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_half_a_line_waits, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_line_end_in_a_record, support_setup, support_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
