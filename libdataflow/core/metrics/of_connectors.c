/* SPDX-License-Identifier: Apache-2.0
 * of_connectors.c: metrics of the source and of each sink. */
#include "core/metrics/family.h"

static void read_total(df__scrape *s)
{
    const char *labels[] = {"connector_type", df__source_kind(s), "connector_name",
                            df__source_name(s), NULL};
    df__scrape_sample(s, labels, (double)s->r->shown.source.out);
}

static void written_one(df__scrape *s, const df__sink *k, const df__counts *c)
{
    const char *labels[] = {
        "connector_type", k->spec->kind, "connector_name", df__connector_name(s, k), "route",
        df__route_of(k),  NULL};
    df__scrape_sample(s, labels, (double)c->out);
}

static void written(df__scrape *s)
{
    df__scrape_each_sink(s, written_one);
}

static void errors_of(df__scrape *s, const char *kind, const char *name, const df__counts *c)
{
    static const char *const operations[] = {"connect", "read", "write", "transform"};
    for (int i = 0; i < DF__ERROR_KINDS && c->kinds[i].count; i++) {
        const char *labels[] = {"connector_type",
                                kind,
                                "connector_name",
                                name,
                                "operation",
                                operations[c->kinds[i].during],
                                "error_type",
                                c->kinds[i].reason,
                                NULL};
        df__scrape_sample(s, labels, (double)c->kinds[i].count);
    }
}

static void errors_one(df__scrape *s, const df__sink *k, const df__counts *c)
{
    errors_of(s, k->spec->kind, df__connector_name(s, k), c);
}

static void connector_errors(df__scrape *s)
{
    errors_of(s, df__source_kind(s), df__source_name(s), &s->r->shown.source);
    df__scrape_each_sink(s, errors_one);
}

static void connected_one(df__scrape *s, const df__sink *k, const df__counts *c)
{
    const char *labels[] = {"connector_type", k->spec->kind, "connector_name",
                            df__connector_name(s, k), NULL};
    df__scrape_sample(s, labels, c->connected);
}

static void connected(df__scrape *s)
{
    const char *labels[] = {"connector_type", df__source_kind(s), "connector_name",
                            df__source_name(s), NULL};
    df__scrape_sample(s, labels, s->r->shown.source.connected);
    df__scrape_each_sink(s, connected_one);
}

static void waiting_one(df__scrape *s, const df__sink *k, const df__counts *c)
{
    const char *labels[] = {"connector_type", k->spec->kind, "connector_name",
                            df__connector_name(s, k), NULL};
    df__scrape_sample(s, labels, c->waits_for != NULL);
}

static void waiting(df__scrape *s)
{
    const char *labels[] = {"connector_type", df__source_kind(s), "connector_name",
                            df__source_name(s), NULL};
    df__scrape_sample(s, labels, s->r->shown.source.waits_for != NULL);
    df__scrape_each_sink(s, waiting_one);
}

static void poll_healthy(df__scrape *s)
{
    const char *labels[] = {"connector_type", df__source_kind(s), "connector_name",
                            df__source_name(s), NULL};
    df__scrape_sample(s, labels, s->r->shown.source.state == DF__STATE_READY);
}

const df__family df__families_connector[] = {
    {"dataflow_connector_messages_read_total", "counter", "Records read.", read_total},
    {"dataflow_connector_messages_written_total", "counter", "Records durable.", written},
    {"dataflow_connector_errors_total", "counter", "Failures of connectors and refused records.",
     connector_errors},
    {"dataflow_connector_connection_status", "gauge", "1: connected.", connected},
    {"dataflow_connector_waiting", "gauge",
     "1: it cannot work before others act, such as its consumer group.", waiting},
    {"dataflow_connector_source_poll_healthy", "gauge", "1: the source reads.", poll_healthy},
    {NULL, NULL, NULL, NULL},
};
