/* SPDX-License-Identifier: Apache-2.0
 * test_registry.c: the operator's own metrics: their values, the format, and that docs/metrics.md
 * names them all. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/metrics/registry.h"
#include "dfoperator/metrics/scrape.h"
#include "support/prom_text.h"

#define C "dataflow_controller_"

static void check(const df__buf *text)
{
    char err[300];
    if (!prom_check(text->data, text->len, err, sizeof err))
        fail_msg("%s", err);
}

static void is(const df__buf *text, const char *series, double value)
{
    if (prom_value(text->data, series) < value - 1e-9 ||
        prom_value(text->data, series) > value + 1e-9)
        fail_msg("%s is %g, not %g", series, prom_value(text->data, series), value);
}

static void test_values(void **state)
{
    op_registry *r = op_registry_new();
    op_gauges g = {.leads = 1,
                   .synced = 1,
                   .flows = 7,
                   .crons = 3,
                   .inflight = 2,
                   .depth = 4,
                   .waiting = 5,
                   .oldest_us = 1500000,
                   .certificate_expires_s = 1900000000,
                   .reviews = {11, 12, 13}};
    df__buf text;
    (void)state;
    assert_non_null(r);
    for (op_kind k = 0; k < OP_KINDS; k++)
        g.heard_age_us[k] = -1;
    g.heard_age_us[OP_POD] = 2500000;
    g.scrape_failures[OP_SCRAPE_TOO_LARGE] = 9;
    op_registry_reconciled(r, OP_SUCCEEDED, 4000);
    op_registry_reconciled(r, OP_SUCCEEDED, 5000);
    op_registry_reconciled(r, OP_SUCCEEDED, 60000000);
    op_registry_reconciled(r, OP_EXPIRED, 180000000);
    op_registry_error(r, OP_STAGE_RESOURCES);
    op_registry_error(r, OP_STAGE_RESOURCES);
    op_registry_set(r, &g);
    df__buf_init(&text, &df__heap_libc);
    op_registry_write(r, &text);
    assert_non_null(df__buf_cstr(&text));
    check(&text);
    is(&text, C "reconcile_duration_seconds_bucket{result=\"success\",le=\"0.005\"}", 2);
    is(&text, C "reconcile_duration_seconds_bucket{result=\"success\",le=\"10\"}", 2);
    is(&text, C "reconcile_duration_seconds_bucket{result=\"success\",le=\"+Inf\"}", 3);
    is(&text, C "reconcile_duration_seconds_sum{result=\"success\"}", 60.009);
    is(&text, C "reconcile_duration_seconds_count{result=\"success\"}", 3);
    is(&text, C "reconcile_duration_seconds_count{result=\"error\"}", 0);
    is(&text, C "reconcile_duration_seconds_count{result=\"expired\"}", 1);
    is(&text, C "reconcile_errors_total{stage=\"reconcile_resources\"}", 2);
    is(&text, C "reconcile_errors_total{stage=\"deadline\"}", 0);
    is(&text, C "reconcile_inflight", 2);
    is(&text, C "reconcile_oldest_seconds", 1.5);
    is(&text, C "queue_depth", 4);
    is(&text, C "queue_waiting", 5);
    is(&text, C "watch_age_seconds{kind=\"Pod\"}", 2.5);
    assert_null(strstr(text.data, "kind=\"Job\""));
    is(&text, C "leader", 1);
    is(&text, C "synced", 1);
    is(&text, C "objects{kind=\"DataFlow\"}", 7);
    is(&text, C "objects{kind=\"DataFlowCron\"}", 3);
    is(&text, C "scrape_failures_total{reason=\"too_large\"}", 9);
    is(&text, C "scrape_failures_total{reason=\"timeout\"}", 0);
    is(&text, C "webhook_reviews_total{outcome=\"allowed\"}", 11);
    is(&text, C "webhook_reviews_total{outcome=\"denied\"}", 12);
    is(&text, C "webhook_reviews_total{outcome=\"refused\"}", 13);
    is(&text, C "webhook_certificate_expiry_timestamp_seconds", 1900000000);
    df__buf_free(&text);
    op_registry_free(r);
}

static void put(kube_objects *all, const char *key, const char *text)
{
    kube_objects_set_text(all, kube_objects_add(all, key), strdup(text), strlen(text));
}

/* One of all phases is 1, also that of Error; a flow without a status has none. */
static void test_phases(void **state)
{
    kube_objects flows = {0}, crons = {0};
    df__buf text;
    (void)state;
    put(&flows, "n/a", "{\"spec\":{\"phase\":\"Running\"},\"status\":{\"phase\":\"Error\"}}");
    put(&flows, "n/b", "{\"spec\":{}}");
    put(&flows, "n/c", "{\"status\":{\"phase\":\"New\"}}");
    put(&flows, "n/d", "{\"status\":{\"phase\":\"b\\\"ad\\n\"}}");
    put(&crons, "n/a", "{\"status\":{\"phase\":\"Completed\"}}");
    df__buf_init(&text, &df__heap_libc);
    op_registry_phases(&flows, &crons, &text);
    assert_non_null(df__buf_cstr(&text));
    check(&text);
#define S(name, kind, phase)                                                                       \
    "dataflow_status{namespace=\"n\",name=\"" name "\",kind=\"" kind "\",phase=\"" phase "\"}"
    is(&text, S("a", "DataFlow", "Error"), 1);
    is(&text, S("a", "DataFlow", "Running"), 0);
    is(&text, S("a", "DataFlow", "Pending"), 0);
    is(&text, S("a", "DataFlow", "Stopped"), 0);
    is(&text, S("b", "DataFlow", "Error"), 0);
    is(&text, S("b", "DataFlow", "Running"), 0);
    is(&text, S("c", "DataFlow", "New"), 1);
    is(&text, S("d", "DataFlow", "Error"), 0);
    is(&text, S("a", "DataFlowCron", "Completed"), 1);
    is(&text, S("a", "DataFlowCron", "RunningTriggers"), 0);
    df__buf_free(&text);
    kube_objects_free(&flows);
    kube_objects_free(&crons);
}

static void test_documented(void **state)
{
    char *doc = support_read_file(DF_TEST_DIR "/../docs/metrics.md"), row[300];
    op_registry *r = op_registry_new();
    kube_objects none = {0};
    op_gauges g = {.certificate_expires_s = 1};
    df__buf text;
    (void)state;
    df__buf_init(&text, &df__heap_libc);
    op_registry_set(r, &g);
    op_registry_write(r, &text);
    op_registry_phases(&none, &none, &text);
    for (char *at = text.data; (at = strstr(at, "# TYPE dataflow_")); at++) {
        char name[100], type[20];
        assert_int_equal(sscanf(at, "# TYPE %99s %19s", name, type), 2);
        snprintf(row, sizeof row, "| %s | %s |", name, type);
        if (!strstr(doc, row))
            fail_msg("docs/metrics.md has no row for the %s %s", type, name);
    }
    for (size_t i = 0; i < OP_SCRAPE_FAILURES; i++)
        assert_non_null(strstr(doc, op_scrape_failures[i]));
    free(doc);
    df__buf_free(&text);
    op_registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_phases),
        cmocka_unit_test(test_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
