/* SPDX-License-Identifier: Apache-2.0
 * test_prom.c: reading metrics of pods and joining them: each family once, whole texts or none. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/metrics/prom.h"
#include "support/prom_text.h"

#define TYPED "# HELP dataflow_a_total A.\n# TYPE dataflow_a_total counter\n"

static const char *add(op_prom *p, const char *text, const char *name, const char *pod, size_t rank)
{
    const op_prom_origin of = {"n", name, pod, rank};
    const char *why = NULL;
    int rc = op_prom_add(p, (df_bytes){text, strlen(text)}, &of, &why);
    assert_int_equal(rc == 0, why == NULL);
    return why;
}

static void written(op_prom *p, const char *want)
{
    df__buf out;
    char err[300];
    df__buf_init(&out, &df__heap_libc);
    op_prom_write(p, &out);
    assert_non_null(df__buf_cstr(&out));
    assert_string_equal(out.data, want);
    if (!prom_check(out.data, out.len, err, sizeof err))
        fail_msg("%s", err);
    df__buf_free(&out);
    op_prom_free(p);
}

/* Labels of the pod are ours; others stay as they are, with their escapes. */
static void test_join(void **state)
{
    op_prom *p = op_prom_new();
    (void)state;
    assert_null(add(p,
                    "# TYPE go_x gauge\ngo_x{broken\n" TYPED
                    "dataflow_a_total{name=\"lie\",b=\"x\\\"\\\\\\n}\",pod=\"lie\"} 1 123\n",
                    "f", "p2", 2));
    assert_null(add(p,
                    TYPED
                    "dataflow_a_total 5\n"
                    "# HELP dataflow_h H.\n# TYPE dataflow_h histogram\n"
                    "dataflow_h_bucket{le=\"10\"} 1\ndataflow_h_bucket{le=\"2\"} 1\n"
                    "dataflow_h_bucket{le=\"+Inf\"} 3\ndataflow_h_sum 9.5\ndataflow_h_count 3\n",
                    "g", "p1", 1));
    written(p,
            TYPED "dataflow_a_total{namespace=\"n\",name=\"g\",pod=\"p1\"} 5\n"
                  "dataflow_a_total{namespace=\"n\",name=\"f\",pod=\"p2\",b=\"x\\\"\\\\\\n}\"} 1\n"
                  "# HELP dataflow_h H.\n# TYPE dataflow_h histogram\n"
                  "dataflow_h_bucket{namespace=\"n\",name=\"g\",pod=\"p1\",le=\"10\"} 1\n"
                  "dataflow_h_bucket{namespace=\"n\",name=\"g\",pod=\"p1\",le=\"2\"} 1\n"
                  "dataflow_h_bucket{namespace=\"n\",name=\"g\",pod=\"p1\",le=\"+Inf\"} 3\n"
                  "dataflow_h_sum{namespace=\"n\",name=\"g\",pod=\"p1\"} 9.5\n"
                  "dataflow_h_count{namespace=\"n\",name=\"g\",pod=\"p1\"} 3\n");
}

/* One that lies about a type, or speaks for the operator, costs only itself. */
static void test_lies(void **state)
{
    op_prom *p = op_prom_new();
    (void)state;
    assert_null(add(p,
                    "# HELP dataflow_a_total A.\n# TYPE dataflow_a_total histogram\n"
                    "dataflow_a_total_sum 1\n",
                    "liar", "p0", 0));
    assert_null(add(p,
                    "# TYPE dataflow_status gauge\ndataflow_status{phase=\"Error\"} 1\n"
                    "# TYPE dataflow_controller_x gauge\ndataflow_controller_x 1\n",
                    "liar", "p3", 3));
    assert_null(add(p, TYPED "dataflow_a_total 5\n", "f", "p1", 1));
    assert_null(add(p, TYPED "dataflow_a_total 6\n", "g", "p2", 2));
    written(p, TYPED "dataflow_a_total{namespace=\"n\",name=\"f\",pod=\"p1\"} 5\n"
                     "dataflow_a_total{namespace=\"n\",name=\"g\",pod=\"p2\"} 6\n");
}

static void test_broken(void **state)
{
    static const char *const rows[] = {
        TYPED "dataflow_a_total 1", /* cut */
        TYPED "dataflow_a_total 1\ndataflow_a_total{} 1\n",
        TYPED "dataflow_a_total{a=\"1\",b=\"2\"} 1\ndataflow_a_total{b=\"2\",a=\"1\"} 1\n",
        TYPED "dataflow_a_total{a=\"1\",a=\"2\"} 1\n",
        TYPED "dataflow_a_total{a=\"1\"\n",
        TYPED "dataflow_a_total{a=\"1\\x\"} 1\n",
        TYPED "dataflow_a_total{a=1} 1\n",
        TYPED "dataflow_a_total{a=\"\xff\"} 1\n",
        TYPED "dataflow_a_total{a=\"1\" b=\"2\"} 1\n",
        TYPED "dataflow_a_total one\n",
        TYPED "dataflow_a_total 1 2 3\n",
        TYPED "dataflow_a_total\n",
        TYPED "dataflow_a_total 0x10\n",
        "# HELP dataflow_a \xff\n",
    };
    op_prom *p = op_prom_new();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!add(p, rows[i], "f", "p", i))
            fail_msg("%s", rows[i]);
    written(p, "");
}

/* Lines are as long as they are; numbers are kept as written. */
static void test_long(void **state)
{
    static const char rest[] = "\"} +Inf\ndataflow_b -1e-3\ndataflow_c NaN\n\n# a remark\n";
    op_prom *p = op_prom_new();
    size_t len = 200000;
    char *text = malloc(len + 200);
    df__buf out;
    (void)state;
    assert_non_null(text);
    memset(text, 'x', len);
    memcpy(text, "dataflow_a{b=\"", 14);
    memcpy(text + len, rest, sizeof rest);
    assert_null(add(p, text, "f", "p", 0));
    df__buf_init(&out, &df__heap_libc);
    op_prom_write(p, &out);
    assert_true(out.len > len);
    assert_non_null(strstr(df__buf_cstr(&out), "# TYPE dataflow_b untyped\ndataflow_b{"));
    assert_non_null(strstr(out.data, "} -1e-3\n"));
    assert_non_null(strstr(out.data, "} NaN\n"));
    df__buf_free(&out);
    op_prom_free(p);
    free(text);
}

/* What dfproc says is taken whole. */
static void test_own_text(void **state)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    df_pipeline *flow =
        support_load(env, "{source: {type: generate, config: {count: 3}}, sink: {type: \"null\"}}");
    op_prom *p = op_prom_new();
    df__buf out;
    char *text, err[300], *file, *dir = support_mkdir(), path[512], command[700];
    (void)state;
    assert_ok(df_pipeline_run(flow, NULL));
    text = support_metrics(env);
    assert_null(add(p, text, "a", "p1", 1));
    assert_null(add(p, text, "a", "p0", 0));
    df__buf_init(&out, &df__heap_libc);
    op_prom_write(p, &out);
    if (!prom_check(df__buf_cstr(&out), out.len, err, sizeof err))
        fail_msg("%s", err);
    assert_true(prom_value(out.data, "dataflow_conservation_records{namespace=\"n\",name=\"a\","
                                     "pod=\"p0\",term=\"sent\"}") == 3);
    support_write_file(support_path(path, dir, "text"), out.data);
    snprintf(command, sizeof command,
             "! command -v promtool >/dev/null || promtool check metrics <%s 2>&1", path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    file = calloc(1, 2000);
    assert_true(fread(file, 1, 1999, pipe) < 1999);
    if (pclose(pipe) != 0)
        fail_msg("%s", file);
    free(file);
    support_rmdir(dir);
    df__buf_free(&out);
    op_prom_free(p);
    free(text);
    df_pipeline_free(flow);
    support_env_free(env, &host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join), cmocka_unit_test(test_lies),     cmocka_unit_test(test_broken),
        cmocka_unit_test(test_long), cmocka_unit_test(test_own_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
