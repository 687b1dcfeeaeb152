/* SPDX-License-Identifier: Apache-2.0
 * client.c: connects, sends statements, reads what came of them. A statement is sent once: see
 * net/http.h. */
#include "client.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "util/codec.h"

enum { KEEP_US = 3000000, REPLY_MAX = 16 << 20 }; /* a server may close an idle one after 3 s */

/* ---- connecting ------------------------------------------------------------------------------ */

int df__ch_client_check(const df__ch_client *c, df_stage *st)
{
    df__ch_dsn dsn;
    df_bytes text;
    const char *why = "no memory";
    if (!c->cert_file.len != !c->key_file.len) {
        return df_stage_problem(st, DF_ERROR, c->cert_file.len ? "certFile" : "keyFile",
                                "the certificate of the client and its key go together");
    }
    if (!c->string || df_secret_get(c->string, st, &text) != DF_OK)
        return DF_OK;
    int rc = df__ch_dsn_read(text, &dsn, &why);
    df__ch_dsn_free(&dsn);
    return rc == DF_OK ? rc : df_stage_problem(st, DF_ERROR, "connectionString", why);
}

static int take_file(df_stage *st, df_bytes path, const char **ret)
{
    *ret = path.data;
    return path.len > 0 ? df_stage_file(st, path.data) : DF_OK;
}

static int read_tls(const df__ch_client *c, df__http_tls *ret)
{
    int rc = take_file(c->stage, c->ca_file, &ret->ca_file);
    rc = rc == DF_OK ? take_file(c->stage, c->cert_file, &ret->cert_file) : rc;
    rc = rc == DF_OK ? take_file(c->stage, c->key_file, &ret->key_file) : rc;
    ret->insecure = c->dsn.insecure && !ret->ca_file;
    return rc;
}

static int read_string(df__ch_client *c)
{
    df_bytes text;
    const char *why = "no memory";
    int rc = df_secret_get(c->string, c->stage, &text);
    if (rc != DF_OK)
        return rc;
    rc = df__ch_dsn_read(text, &c->dsn, &why);
    if (rc != DF_OK)
        return df_stage_failf(c->stage, rc, "invalid_config", "connectionString: %s", why);
    c->host = c->host % c->dsn.host_count;
    return c->dsn.password.len > 0 ? df_stage_hide(c->stage, c->dsn.password) : DF_OK;
}

static int read_user(df__ch_client *c)
{
    df__buf out;
    if (!c->dsn.user.data && !c->dsn.password.data)
        return DF_OK;
    df_bytes user = c->dsn.user.len > 0 ? c->dsn.user : (df_bytes){"default", 7};
    df__buf_init(&out, &c->heap);
    df__buf_str(&out, "Basic ");
    df__basic_add(&out, user, c->dsn.password.data ? c->dsn.password : (df_bytes){"", 0});
    c->basic = df__buf_cstr(&out) ? df__strdup(&c->heap, out.data) : NULL;
    df__buf_wipe(&out);
    if (!c->basic)
        return df_stage_fail(c->stage, DF_ENOMEM, NULL, "no memory");
    return df_stage_hide(c->stage, (df_bytes){c->basic + 6, strlen(c->basic + 6)});
}

static int make_client(df__ch_client *c)
{
    char text[300];
    df__http_config config = {.connect_us = c->connect_timeout_us,
                              .first_us = c->query_timeout_us,
                              .idle_us = c->query_timeout_us,
                              .keep_us = KEEP_US,
                              .max_reply = REPLY_MAX,
                              .http1 = 1,
                              .user_agent = "dataflow"};
    int rc = read_tls(c, &config.tls);
    if (rc != DF_OK)
        return rc;
    c->net = df__net_open(text, sizeof text);
    if (!c->net)
        return df_stage_failf(c->stage, DF_ENOTSUP, "not_supported", "ClickHouse: %s", text);
    rc = c->net->new_client(&config, &c->http);
    return rc == DF_OK ? rc : df_stage_fail(c->stage, rc, NULL, "ClickHouse: no HTTP client");
}

/* "23.8.2.7" as 2308 */
static int read_version(const char *text)
{
    char *rest;
    long major = strtol(text, &rest, 10);
    long minor = *rest == '.' ? strtol(rest + 1, NULL, 10) : 0;
    return major > 0 && major < 1000 && minor >= 0 && minor < 100 ? (int)(major * 100 + minor) : 0;
}

static int ask_version(df__ch_client *c)
{
    df__buf reply;
    df__buf_init(&reply, &c->heap);
    int rc = df__ch_run(c, "SELECT version() FORMAT TabSeparated", &reply);
    c->version = rc == DF_OK ? read_version(reply.data) : 0;
    if (rc == DF_OK && c->version == 0) {
        rc = df_stage_failf(c->stage, DF_EINVAL, "invalid_config",
                            "%s answers, but not as a ClickHouse server; the port of its HTTP "
                            "interface is wanted (8123, with TLS 8443)",
                            c->dsn.hosts[c->host]);
    }
    df__buf_free(&reply);
    return rc;
}

int df__ch_connect(df__ch_client *c, df_stage *st)
{
    df_stage_info info = {.size = sizeof info};
    c->stage = st;
    c->heap = df__tables_heap(st);
    c->version = 0;
    df__buf_init(&c->url, &c->heap);
    if (df_stage_describe(st, &info) == DF_OK)
        c->show_values = info.show_values;
    int rc = read_string(c);
    rc = rc == DF_OK ? read_user(c) : rc;
    rc = rc == DF_OK ? make_client(c) : rc;
    return rc == DF_OK ? ask_version(c) : rc;
}

void df__ch_disconnect(df__ch_client *c, int failed)
{
    if (c->http)
        c->net->free_client(c->http);
    if (c->basic) {
        explicit_bzero(c->basic, strlen(c->basic));
        df__free(&c->heap, c->basic);
    }
    c->http = NULL;
    c->basic = NULL;
    c->host += failed ? 1 : 0;
    df__buf_free(&c->url);
    df__ch_dsn_free(&c->dsn);
}

/* ---- statements ------------------------------------------------------------------------------ */

static void add_setting(df__buf *b, const char *name, const char *value)
{
    df__buf_char(b, b->len > 0 && b->data[b->len - 1] == '/' ? '?' : '&');
    df__percent_add(b, name);
    df__buf_char(b, '=');
    df__percent_add(b, value);
}

/* The statement is in the body: a URL of some KiB is refused on the way, and it is logged there. */
static const char *make_url(df__ch_client *c, const df__ch_ask *ask)
{
    df__buf_clear(&c->url);
    df__buf_str(&c->url, c->dsn.hosts[c->host]);
    df__buf_char(&c->url, '/');
    if (c->dsn.database)
        add_setting(&c->url, "database", c->dsn.database);
    for (size_t i = 0; i < c->dsn.setting_count; i++)
        add_setting(&c->url, c->dsn.settings[i].name, c->dsn.settings[i].value);
    for (size_t i = 0; i < ask->setting_count; i++)
        add_setting(&c->url, ask->settings[i].name, ask->settings[i].value);
    return df__buf_cstr(&c->url);
}

int df__ch_start(df__ch_client *c, const df__ch_ask *ask, df__http_request **ret)
{
    df__http_header headers[4] = {
        {"Content-Type", "application/octet-stream", DF__HTTP_OPEN},
    };
    size_t count = 1;
    const char *url = make_url(c, ask);
    memset(&c->fault, 0, sizeof c->fault);
    if (!url)
        return df_stage_fail(c->stage, DF_ENOMEM, NULL, "no memory");
    if (ask->encoding)
        headers[count++] = (df__http_header){"Content-Encoding", ask->encoding, DF__HTTP_OPEN};
    if (c->basic)
        headers[count++] = (df__http_header){"Authorization", c->basic, DF__HTTP_SECRET};
    df__http_call call = {.method = "POST",
                          .url = url,
                          .headers = headers,
                          .header_count = count,
                          .body = ask->body,
                          .receive = ask->receive,
                          .user = ask->user,
                          .max_reply = ask->receive ? -1 : 0,
                          .repeatable = ask->repeatable};
    int rc = c->net->start(c->http, &call, ret);
    return rc == DF_OK
               ? rc
               : df_stage_failf(c->stage, rc, NULL, "ClickHouse: %s", c->net->errmsg(c->http));
}

int df__ch_await(df__ch_client *c, df__http_request *r, int timeout_ms)
{
    int64_t end = df_stage_clock_us(c->stage) + (int64_t)timeout_ms * 1000;
    while (!c->net->done(r)) {
        int64_t left = (end - df_stage_clock_us(c->stage)) / 1000;
        int own = c->net->timeout_ms(c->http);
        if (timeout_ms >= 0 && left <= 0)
            return DF_AGAIN;
        int slice = timeout_ms < 0 || (own >= 0 && own < left) ? own : (int)left;
        int rc = df_stage_wait(c->stage, c->net->fd(c->http), POLLIN, slice);
        if (rc < 0)
            return rc;
        c->net->drive(c->http);
    }
    return DF_OK;
}

int df__ch_outcome(df__ch_client *c, const df__http_request *r)
{
    const df__http_reply *reply = c->net->reply_of(r);
    memset(&c->fault, 0, sizeof c->fault);
    if (reply->rc != DF_OK)
        return reply->rc;
    df__ch_fault_read(reply->status, c->net->header_of(r, "X-ClickHouse-Exception-Code", 0),
                      reply->body, 1, &c->fault);
    if (c->fault.fate == CH_FATE_NONE && reply->unframed)
        return DF_EUNKNOWN; /* whether the answer was whole cannot be told */
    return df__ch_fault_status(&c->fault);
}

/* What to do about it, where the server's words do not say. */
static const char *remedy(const df__ch_fault *f)
{
    switch (f->fate) {
    case CH_FATE_AUTH:
        return f->code == 497 || f->code == 291
                   ? "; grant it to the user"
                   : "; look at the user and the password of connectionString";
    case CH_FATE_MISSING:
        return f->code == 81 ? "; name another database in connectionString, or make this one" : "";
    case CH_FATE_PEOPLE:
        return f->code == 164   ? "; the user's profile is read-only, it needs one that may write"
               : f->code == 115 ? "; take the setting out of connectionString"
               : f->code == 89  ? "; the server does not know it: take the option compression out"
               : f->code == 0   ? "; is this the port of ClickHouse's HTTP interface (8123, with "
                                  "TLS 8443)?"
                                : "";
    default:
        return f->code == 252 ? "; fewer and larger inserts: leave batchSize out" : "";
    }
}

int df__ch_fail(df__ch_client *c, const df__http_request *r, int status)
{
    const df__ch_fault *f = &c->fault;
    const df__http_reply *reply = c->net->reply_of(r);
    if (f->fate == CH_FATE_NONE) {
        const char *reason = status == DF_EIO ? "connection_error" : NULL;
        const char *text = reply->text ? reply->text : "the answer was cut off";
        return df_stage_failf(c->stage, status, reason, "ClickHouse: %s%s", text,
                              status == DF_EUNKNOWN ? "; what was sent may be written" : "");
    }
    if (reply->retry_after_us > 0)
        df_stage_retry_after(c->stage, (int)(reply->retry_after_us / 1000));
    int about_rows = f->fate == CH_FATE_ROW || f->fate == CH_FATE_DOUBT;
    const char *text = about_rows && !c->show_values ? "" : f->text;
    if (f->code == 0) {
        return df_stage_failf(c->stage, status, df__ch_fault_reason(f),
                              "ClickHouse: HTTP status %d%s%.200s%s", f->http, text[0] ? ": " : "",
                              text, remedy(f));
    }
    return df_stage_failf(c->stage, status, df__ch_fault_reason(f), "ClickHouse: code %d%s%s%s%s%s",
                          f->code, f->name[0] ? " " : "", f->name, text[0] ? ": " : "", text,
                          remedy(f));
}

int df__ch_do(df__ch_client *c, const df__ch_ask *ask, df__buf *ret)
{
    df__http_request *r = NULL;
    int rc = df__ch_start(c, ask, &r);
    if (rc != DF_OK)
        return rc;
    rc = df__ch_await(c, r, -1);
    if (rc == DF_OK) {
        rc = df__ch_outcome(c, r);
        if (rc == DF_EUNKNOWN) /* nothing that is run here does harm twice */
            rc = DF_EIO;
        rc = rc == DF_OK ? rc : df__ch_fail(c, r, rc);
    } else {
        rc = df_stage_failf(c->stage, rc, NULL, "waiting for %s", c->dsn.hosts[c->host]);
    }
    if (rc == DF_OK && ret) {
        df_bytes body = c->net->reply_of(r)->body;
        df__buf_clear(ret);
        df__buf_add(ret, body.data ? body.data : "", body.len);
        rc = df__buf_cstr(ret) ? DF_OK : df_stage_fail(c->stage, DF_ENOMEM, NULL, "no memory");
    }
    c->net->end(r);
    return rc;
}

int df__ch_run(df__ch_client *c, const char *sql, df__buf *ret)
{
    df__ch_ask ask = {.body = {sql, strlen(sql)}, .repeatable = strncmp(sql, "SELECT", 6) == 0};
    return df__ch_do(c, &ask, ret);
}
