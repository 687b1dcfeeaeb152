/* SPDX-License-Identifier: Apache-2.0
 * session.c: see session.h. */
#include "client/session.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/codec.h"

enum { CONNECT_US = 10000000, FIRST_US = 60000000, IDLE_US = 60000000, REPLY_MOST = 256 << 20 };

static int make_client(df__trino_session *s)
{
    char text[300];
    df__http_config config = {.connect_us = CONNECT_US,
                              .first_us = FIRST_US,
                              .idle_us = IDLE_US,
                              .max_reply = REPLY_MOST,
                              .user_agent = "dataflow"};
    int rc = df__tls_block_http(s->st, "tls", s->place->tls, &config.tls);
    if (rc != DF_OK)
        return rc;
    s->net = df__net_open(text, sizeof text);
    if (!s->net)
        return df_stage_failf(s->st, DF_ENOTSUP, "not_supported", "%s", text);
    rc = s->net->new_client(&config, &s->http);
    return rc == DF_OK ? rc : df_stage_fail(s->st, rc, NULL, "no HTTP client");
}

/* "name=value,…", values percent-encoded, as the header X-Trino-Session has it. */
static void add_properties(df__trino_session *s)
{
    const df_pair *pairs = s->place->session.items;
    for (size_t i = 0; i < s->place->session.count; i++) {
        df__buf_str(&s->properties, i ? "," : "");
        df__percent_add(&s->properties, pairs[i].name.data);
        df__buf_char(&s->properties, '=');
        df__percent_add(&s->properties, pairs[i].value.data);
    }
}

static int make_texts(df__trino_session *s)
{
    df_bytes url = s->place->server_url;
    while (url.len && ((const char *)url.data)[url.len - 1] == '/')
        url.len--;
    df__buf_add(&s->origin, url.data, url.len);
    add_properties(s);
    if (!df__buf_cstr(&s->origin) || !df__buf_cstr(&s->properties))
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory");
    uint64_t noise = (uint64_t)df_stage_now(s->st) * UINT64_C(0x9E3779B97F4A7C15) ^
                     (uint64_t)getpid() << 32 ^ (uint64_t)(uintptr_t)s;
    snprintf(s->run, sizeof s->run, "%016llx", (unsigned long long)noise);
    return DF_OK;
}

int df__trino_session_open(df__trino_session *s, df_stage *st, const df__trino_place *place)
{
    df_stage_info info = {.size = sizeof info};
    memset(s, 0, sizeof *s);
    s->st = st;
    s->heap = df__tables_heap(st);
    s->place = place;
    s->is_open = 1;
    df__buf_init(&s->origin, &s->heap);
    df__buf_init(&s->authorization, &s->heap);
    df__buf_init(&s->refresh, &s->heap);
    df__buf_init(&s->properties, &s->heap);
    if (df_stage_describe(st, &info) == DF_OK)
        s->show_values = info.show_values;
    int rc = make_texts(s);
    return rc == DF_OK ? make_client(s) : rc;
}

void df__trino_session_close(df__trino_session *s)
{
    if (!s->is_open)
        return;
    s->is_open = 0;
    if (s->http)
        s->net->free_client(s->http);
    s->http = NULL;
    df__buf_free(&s->origin);
    df__buf_free(&s->properties);
    df__buf_wipe(&s->authorization);
    df__buf_wipe(&s->refresh);
}
