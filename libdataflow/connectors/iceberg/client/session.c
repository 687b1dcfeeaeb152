/* SPDX-License-Identifier: Apache-2.0
 * session.c: see session.h. */
#include "client/session.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum {
    CONNECT_US = 10000000,
    FIRST_US = 60000000,
    IDLE_US = 60000000,
    SILENT_US = 5000000, /* until it is shown */
    REPLY_MOST = 512 << 20,
    TRIES = 6,
    PAUSE_US = 200000
};

static int make_client(df__ice_session *s)
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

int df__ice_session_open(df__ice_session *s, df_stage *st, const df__ice_place *place)
{
    memset(s, 0, sizeof *s);
    s->st = st;
    s->heap = df__tables_heap(st);
    s->place = place;
    s->is_open = 1;
    df__buf_init(&s->authorization, &s->heap);
    df__buf_init(&s->token_url, &s->heap);
    if (getrandom(&s->noise, sizeof s->noise, 0) != (ssize_t)sizeof s->noise)
        return df_stage_fail(st, DF_EIO, NULL, "the system gives no random bytes");
    return make_client(s);
}

void df__ice_session_close(df__ice_session *s)
{
    if (!s->is_open)
        return;
    s->is_open = 0;
    if (s->http)
        s->net->free_client(s->http);
    s->http = NULL;
    df__buf_wipe(&s->authorization);
    df__buf_free(&s->token_url);
}

/* splitmix64, seeded by the system. */
uint64_t df__ice_random(df__ice_session *s)
{
    uint64_t x = s->noise += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

void df__ice_uuid(df__ice_session *s, char ret[37])
{
    uint64_t a = df__ice_random(s), b = df__ice_random(s);
    snprintf(ret, 37, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
             (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
             (unsigned)(b >> 48 & 0x3fff) | 0x8000, (unsigned long long)(b & 0xffffffffffff));
}

/* ---- one request ----------------------------------------------------------------------------- */

void df__ice_asks(df__ice_session *s, const char *whom)
{
    s->asked = whom;
    s->asked_us = df_stage_clock_us(s->st);
    if (!whom)
        df_stage_waits(s->st, NULL);
}

int df__ice_wait(void *session, int fd, int timeout_ms)
{
    df__ice_session *s = session;
    int64_t left = (s->asked_us + SILENT_US - df_stage_clock_us(s->st)) / 1000;
    if (left <= 0)
        df_stage_waits(s->st, s->asked);
    else if (timeout_ms < 0 || left < timeout_ms)
        timeout_ms = (int)left + 1;
    int rc = df_stage_wait(s->st, fd, POLLIN, timeout_ms);
    return rc == DF_AGAIN ? DF_OK : rc;
}

int df__ice_pause(df__ice_session *s, int64_t us)
{
    int64_t until = df_stage_clock_us(s->st) + us, left;
    while ((left = until - df_stage_clock_us(s->st)) > 0) {
        int rc = df_stage_wait(s->st, -1, 0, (int)(left / 1000) + 1);
        if (rc < 0)
            return rc;
    }
    return DF_OK;
}

static int take(df__ice_session *s, const df__ice_ask *ask, const df__http_request *r,
                df__ice_answer *ret)
{
    const df__http_reply *reply = s->net->reply_of(r);
    const char *kept = ask->etag_of ? s->net->header_of(r, ask->etag_of, 0) : NULL;
    if (reply->rc == DF_ECANCELED)
        return DF_ECANCELED;
    if (reply->rc != DF_OK)
        return df_stage_fail(s->st, reply->rc,
                             reply->rc == DF_EAUTH      ? "tls_error"
                             : reply->rc == DF_ETIMEOUT ? "timeout"
                                                        : "connection_error",
                             reply->text ? reply->text : "no answer");
    ret->status = reply->status;
    ret->retry_after_us = reply->retry_after_us;
    df__text_set(ret->header, sizeof ret->header, kept ? kept : "", kept ? strlen(kept) : 0);
    df__buf_add(&ret->body, reply->body.data ? reply->body.data : "", reply->body.len);
    return df__buf_cstr(&ret->body) ? DF_OK : df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory");
}

static int send_once(df__ice_session *s, const df__ice_ask *ask, df__ice_answer *ret)
{
    df__http_request *r = NULL;
    df__http_call call = {.method = ask->method,
                          .url = ask->url,
                          .headers = ask->headers,
                          .header_count = ask->header_count,
                          .body = ask->body,
                          .repeatable = ask->repeat};
    df__buf_clear(&ret->body);
    int rc = s->net->start(s->http, &call, &r);
    if (rc != DF_OK)
        return df_stage_fail(s->st, rc, "invalid_config", s->net->errmsg(s->http));
    (void)s->net->wait(r, df__ice_wait, s);
    rc = take(s, ask, r, ret);
    s->net->end(r);
    return rc;
}

static int is_passing(int status)
{
    return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

static int send_some_times(df__ice_session *s, const df__ice_ask *ask, df__ice_answer *ret)
{
    for (int i = 1;; i++) {
        int rc = send_once(s, ask, ret);
        int passes = rc == DF_OK ? is_passing(ret->status)
                                 : rc == DF_EIO || rc == DF_ETIMEOUT || rc == DF_EUNKNOWN;
        if (!ask->repeat || !passes || i == TRIES)
            return rc == DF_EUNKNOWN && ask->repeat ? DF_EIO : rc;
        int64_t us = (int64_t)PAUSE_US << i;
        us = us / 2 + (int64_t)(df__ice_random(s) % (uint64_t)us) / 2;
        if (rc == DF_OK && ret->retry_after_us > us)
            us = ret->retry_after_us < 30000000 ? ret->retry_after_us : 30000000;
        rc = df__ice_pause(s, us);
        if (rc != DF_OK)
            return rc;
    }
}

int df__ice_send(df__ice_session *s, const df__ice_ask *ask, df__ice_answer *ret)
{
    memset(ret, 0, sizeof *ret);
    df__buf_init(&ret->body, &s->heap);
    df__ice_asks(s, ask->whom ? ask->whom : "the catalog");
    int rc = send_some_times(s, ask, ret);
    df__ice_asks(s, NULL);
    return rc;
}
