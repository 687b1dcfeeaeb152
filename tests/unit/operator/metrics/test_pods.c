/* SPDX-License-Identifier: Apache-2.0
 * test_pods.c: which pods are asked for metrics. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/metrics/pods.h"

#define POD(meta, status)                                                                          \
    "{\"metadata\":{\"namespace\":\"n\",\"name\":\"p-1\"" meta "},\"status\":{" status "}}"
#define OWNED ",\"annotations\":{\"dataflow.dataflow.io/flow\":\"DataFlow/f\"}"
#define CRON ",\"annotations\":{\"dataflow.dataflow.io/flow\":\"DataFlowCron/f\"}"
#define RUNS "\"phase\":\"Running\",\"podIP\":"

static const struct {
    const char *pod, *flow, *url; /* flow NULL: it is not asked */
} rows[] = {
    {POD(OWNED, RUNS "\"10.1.2.3\""), "DataFlow/n/f", "http://10.1.2.3:9090/metrics"},
    {POD(CRON, RUNS "\"10.1.2.3\""), "DataFlowCron/n/f", "http://10.1.2.3:9090/metrics"},
    {POD(OWNED, RUNS "\"fd00::1\""), "DataFlow/n/f", "http://[fd00::1]:9090/metrics"},
    {POD(OWNED, "\"phase\":\"Pending\",\"podIP\":\"10.1.2.3\""), NULL, NULL},
    {POD(OWNED, "\"phase\":\"Running\""), NULL, NULL},
    {POD(OWNED, RUNS "\"evil.example/x?\""), NULL, NULL},
    {POD("", RUNS "\"10.1.2.3\""), NULL, NULL},
    {POD(CRON ",\"labels\":{\"dataflow.dataflow.io/run-id\":\"1a2b3c4d\"}", RUNS "\"10.1.2.3\""),
     NULL, NULL}, /* a trigger's */
    {"{", NULL, NULL},
};

static void test_targets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const kube_object pod = {.key = (char *)(uintptr_t) "n/p-1",
                                 .text = (char *)(uintptr_t)rows[i].pod,
                                 .text_len = strlen(rows[i].pod)};
        op_target t;
        int rc = op_pod_target(&pod, &t);
        if ((rc == 0) != (rows[i].flow != NULL))
            fail_msg("%s", rows[i].pod);
        if (rc < 0)
            continue;
        assert_string_equal(t.flow, rows[i].flow);
        assert_string_equal(t.url, rows[i].url);
        assert_string_equal(t.space, "n");
        assert_string_equal(t.name, "f");
        assert_string_equal(t.pod, "p-1");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_targets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
