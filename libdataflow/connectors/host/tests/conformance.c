/* SPDX-License-Identifier: Apache-2.0
 * conformance.c: threads of the program on both sides of the flows of the conformance suites. */
#include "conformance/conform.h"

static void host_begin(conform *c)
{
    c->config[0] = '\0';
}

static void *host_push(void *user)
{
    conform *c = user;
    char text[64];
    size_t i = c->from;
    while (i < c->to) {
        df_input in = {.size = sizeof in, .payload = {text, conform_payload(text, sizeof text, i)}};
        size_t taken = 0;
        int rc = df_port_push(c->port, &in, 1, &taken);
        if (rc == DF_DONE)
            break;
        i += taken;
        if (rc == DF_AGAIN)
            support_sleep_ms(1);
    }
    df_port_close(c->port);
    return NULL;
}

static void *host_take(void *user)
{
    conform *c = user;
    df_parcel *parcel;
    int rc;
    while ((rc = df_port_take(c->port, 1000, &parcel)) != DF_DONE) {
        if (rc != DF_OK)
            continue;
        for (size_t i = 0; i < df_parcel_count(parcel); i++) {
            df_bytes payload;
            if (df_parcel_payload(parcel, i, &payload) == DF_OK)
                conform_keep_row(c, payload);
        }
        df_port_settle(c->port, parcel, DF_OK);
    }
    df_port_close(c->port);
    return NULL;
}

static void host_attach(conform *c, df_pipeline *p, int mode)
{
    df_port_options o = {.size = sizeof o, .mode = mode};
    o.stage = mode == DF_FEED ? "source" : "sink";
    assert_ok(df_port_open(p, &o, &c->port));
    conform_start_thread(c, mode == DF_FEED ? host_push : host_take);
}

static void host_source_attach(conform *c, df_pipeline *p)
{
    host_attach(c, p, DF_FEED);
}

static void host_sink_attach(conform *c, df_pipeline *p)
{
    host_attach(c, p, DF_TAKE);
}

static const char *const bad[] = {"path: x", NULL};

extern const conform_kind conform_source_host, conform_sink_host;

const conform_kind conform_source_host = {.name = "host",
                                          .type = "host",
                                          .bad_options = bad,
                                          .begin = host_begin,
                                          .fill = conform_span,
                                          .attach = host_source_attach,
                                          .detach = conform_join_thread};
const conform_kind conform_sink_host = {.name = "host",
                                        .type = "host",
                                        .bad_options = bad,
                                        .begin = host_begin,
                                        .attach = host_sink_attach,
                                        .detach = conform_join_thread,
                                        .read_back = conform_take_rows};
