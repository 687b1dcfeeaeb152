/* SPDX-License-Identifier: Apache-2.0
 * statement.c: see statement.h. */
#include "client/statement.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "util/codec.h"

enum {
    PAUSE_US = 100000,
    PAUSE_MOST_US = 10000000,
    PATIENCE_US = 120000000, /* how long replies may fail in a row */
    CANCEL_US = 1000000
};

void df__trino_statement_init(df__trino_statement *t, df__trino_session *s)
{
    memset(t, 0, sizeof *t);
    t->session = s;
    df__buf_init(&t->sql, &s->heap);
    df__buf_init(&t->next, &s->heap);
    df__buf_init(&t->body, &s->heap);
}

static void drop_request(df__trino_statement *t)
{
    if (t->request)
        t->session->net->end(t->request);
    t->request = NULL;
}

void df__trino_statement_free(df__trino_statement *t)
{
    if (!t->session)
        return;
    df__trino_cancel(t);
    df__trino_page_free(&t->page);
    df__buf_free(&t->sql);
    df__buf_free(&t->next);
    df__buf_free(&t->body);
    t->session = NULL;
}

int df__trino_post(df__trino_statement *t, df_bytes sql, enum df__trino_effect effect,
                   int64_t timeout_us)
{
    df__trino_session *s = t->session;
    df__trino_cancel(t);
    df__trino_page_free(&t->page);
    df__buf_clear(&t->sql);
    df__buf_clear(&t->next);
    df__buf_add(&t->sql, sql.data, sql.len);
    t->effect = effect;
    t->id[0] = '\0';
    t->is_running = 1;
    t->is_posted = t->relogged = 0;
    t->tries = 0;
    t->due_us = t->since_us = 0;
    t->until_us = timeout_us > 0 ? df_stage_clock_us(s->st) + timeout_us : 0;
    t->word = NULL;
    snprintf(t->source, sizeof t->source, "dataflow/%s-%u", s->run, ++s->serial);
    return df__buf_cstr(&t->sql) ? DF_OK : df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory");
}

/* ---- asking ---------------------------------------------------------------------------------- */

static int receive(void *user, int status, df_bytes part)
{
    df__trino_statement *t = user;
    (void)status;
    df__buf_add(&t->body, part.data, part.len);
    return t->body.failed ? DF_ENOMEM : DF_OK;
}

static void add_header(df__http_header *list, size_t *count, const char *name, const char *value)
{
    if (value && *value)
        list[(*count)++] = (df__http_header){name, value, DF__HTTP_OPEN};
}

/* The header with the user; with a token or a password the server takes the user from there, unless
 * `user` is set. */
static void add_who(const df__trino_statement *t, df__http_header *list, size_t *count)
{
    const df__trino_session *s = t->session;
    const char *user = s->place->user.data;
    if ((!user || !*user) && !s->authorization.len)
        user = "dataflow-operator";
    add_header(list, count, "x-trino-user", user);
    if (s->authorization.len)
        list[(*count)++] =
            (df__http_header){"authorization", s->authorization.data, DF__HTTP_TOKEN};
}

static void add_about(const df__trino_statement *t, df__http_header *list, size_t *count)
{
    const df__trino_session *s = t->session;
    add_header(list, count, "x-trino-source", t->source);
    add_header(list, count, "x-trino-catalog", s->place->catalog.data);
    add_header(list, count, "x-trino-schema", s->place->schema.data);
    add_header(list, count, "x-trino-session", s->properties.data);
    add_header(list, count, "x-trino-client-tags", s->place->client_tags.data);
    add_header(list, count, "x-trino-client-capabilities", "PARAMETRIC_DATETIME");
    add_header(list, count, "x-trino-time-zone", "UTC");
    add_header(list, count, "content-type", "text/plain; charset=utf-8");
}

/* Scheme, host and port of a URL, the usual port left out. */
static df_bytes origin_of(const char *url, int *ret_tls)
{
    const char *host = strstr(url, "://");
    *ret_tls = strncasecmp(url, "https:", 6) == 0;
    host = host ? host + 3 : url;
    size_t len = strcspn(host, "/?#");
    const char *usual = *ret_tls ? ":443" : ":80";
    size_t cut = strlen(usual);
    if (len > cut && memcmp(host + len - cut, usual, cut) == 0)
        len -= cut;
    return (df_bytes){host, len};
}

/* A reply that sends us elsewhere is not followed: our token would go there. */
static int is_same_origin(const df__trino_session *s, const char *url)
{
    int tls, other_tls;
    df_bytes own = origin_of(s->origin.data, &tls), other = origin_of(url, &other_tls);
    return tls == other_tls && own.len == other.len &&
           strncasecmp(own.data, other.data, own.len) == 0;
}

static int start(df__trino_statement *t, df__http_call *call)
{
    df__trino_session *s = t->session;
    df__http_header headers[TRINO_HEADERS];
    df__buf url;
    int is_post = t->next.len == 0;
    call->headers = headers;
    add_who(t, headers, &call->header_count);
    df__buf_init(&url, &s->heap);
    if (is_post) {
        add_about(t, headers, &call->header_count);
        df__buf_add(&url, s->origin.data, s->origin.len);
        df__buf_str(&url, "/v1/statement");
        call->method = "POST";
        call->body = (df_bytes){t->sql.data, t->sql.len};
        call->repeatable = t->effect == TRINO_EFFECT_READS;
    }
    call->url = is_post ? df__buf_cstr(&url) : t->next.data;
    int rc = call->url ? s->net->start(s->http, call, &t->request) : DF_ENOMEM;
    df__buf_free(&url);
    return rc;
}

static int ask(df__trino_statement *t)
{
    df__trino_session *s = t->session;
    df__http_call call = {.receive = receive, .user = t, .compressed = 1};
    int rc = df__trino_authorize(s, t->next.len > 0);
    if (rc != DF_OK)
        return rc;
    df__trino_page_free(&t->page);
    df__buf_clear(&t->body);
    rc = start(t, &call);
    if (rc == DF_OK) {
        t->is_posted = 1;
        s->net->drive(s->http);
        return DF_AGAIN;
    }
    return df_stage_failf(s->st, rc == DF_ENOMEM ? rc : DF_EINVAL, "invalid_config",
                          "serverURL: %.300s", s->net->errmsg(s->http));
}

/* ---- what came ------------------------------------------------------------------------------- */

/* Ends it here: nothing more can be known of it. */
static int end(df__trino_statement *t, int status, const char *reason, const char *text)
{
    t->is_running = 0;
    return df_stage_failf(t->session->st, status, reason, "%s", text);
}

/* It may have been applied: the server has it, and we do not know what came of it. */
static int lost(df__trino_statement *t, const char *text)
{
    int unknown = t->effect == TRINO_EFFECT_WRITES && t->is_posted;
    return end(t, unknown ? DF_EUNKNOWN : DF_EIO, "connection_error", text);
}

/* Asked again later, unless it has failed for too long, or asking twice would write twice. */
static int later(df__trino_statement *t, int64_t after_us, int may_repeat, const char *text)
{
    int64_t now = df_stage_clock_us(t->session->st), pause = PAUSE_US;
    for (unsigned i = 0; i < t->tries && pause < PAUSE_MOST_US; i++)
        pause *= 2;
    t->since_us = t->tries++ ? t->since_us : now;
    if (!may_repeat || now - t->since_us > PATIENCE_US)
        return lost(t, text);
    t->due_us = now + (after_us > pause ? after_us : pause);
    return DF_AGAIN;
}

/* The first line of what a server or a gateway says beside a status. */
static void first_line(df_bytes body, char *out, size_t cap)
{
    const char *s = body.data;
    size_t len = 0;
    while (len < body.len && s[len] != '\n' && s[len] != '\r' && s[len] != '<')
        len++;
    df__text_set(out, cap, s ? s : "", len);
}

static int denied(df__trino_statement *t, const df__http_reply *reply)
{
    char text[500], line[240];
    first_line(reply->body, line, sizeof line);
    if (reply->status == 401 && !t->relogged && df__trino_token_refused(t->session)) {
        t->relogged = 1;
        return DF_AGAIN;
    }
    df__text_printf(text, sizeof text, "the server does not let us in (%d%s%s): check %s",
                    reply->status, line[0] ? ", " : "", line,
                    t->session->place->keycloak ? "keycloak, and `user` when it is set"
                    : t->session->place->password
                        ? "user and password"
                        : "user; the server may ask for keycloak or password");
    if (t->next.len > 0 && t->effect == TRINO_EFFECT_WRITES) { /* it runs on */
        t->relogged = 0;
        return later(t, 0, 1, text);
    }
    return end(t, DF_EAUTH, "auth_error", text);
}

/* Whether the same may be asked again: a statement that writes only when it was not taken. */
static int may_repeat(const df__trino_statement *t, int status)
{
    int posting = t->next.len == 0;
    return status == 429 || status == 503 || !posting || t->effect == TRINO_EFFECT_READS;
}

/* What no later try would change. */
static int refused(df__trino_statement *t, int status, const char *line)
{
    char text[400];
    if (t->next.len > 0 && (status == 404 || status == 410))
        return lost(t,
                    "the server does not know the query any more; it was restarted, or gave it up");
    df__text_printf(text, sizeof text,
                    "serverURL: what is there answers with status %d%s%s; is it a Trino "
                    "coordinator?",
                    status, line[0] ? ": " : "", line);
    return status == 413 ? end(t, DF_ETOOBIG, "too_large", text)
                         : end(t, DF_EINVAL, "invalid_config", text);
}

static int by_status(df__trino_statement *t, const df__http_reply *reply)
{
    char text[400], line[240];
    int status = reply->status;
    first_line(reply->body, line, sizeof line);
    df__text_printf(text, sizeof text, "the server answers with status %d%s%s", status,
                    line[0] ? ": " : "", line);
    if (status == 401 || status == 403)
        return denied(t, reply);
    if (status == 429 || (status >= 502 && status <= 504))
        return later(t, reply->retry_after_us, may_repeat(t, status), text);
    return status >= 500 ? later(t, 0, may_repeat(t, status), text) : refused(t, status, line);
}

/* No whole reply came. */
static int no_reply(df__trino_statement *t, const df__http_reply *reply)
{
    const char *text = reply->text ? reply->text : "no answer";
    int posting = t->next.len == 0;
    switch (reply->rc) {
    case DF_EAUTH:
        return end(t, DF_EAUTH, "tls_error", text);
    case DF_EINVAL:
        return end(t, DF_EINVAL, "invalid_config", text);
    case DF_ETOOBIG:
    case DF_ENOMEM:
    case DF_ECANCELED:
        return end(t, reply->rc, NULL, text);
    case DF_EUNKNOWN:
        return later(t, 0, !posting || t->effect == TRINO_EFFECT_READS, text);
    default: /* nothing was applied */
        t->is_posted = !posting;
        return posting ? end(t, DF_EIO, "connection_error", text) : later(t, 0, 1, text);
    }
}

static int by_error(df__trino_statement *t)
{
    static const struct {
        int status;
        const char *reason;
    } fates[] = {
        [TRINO_FATE_AGAIN] = {DF_EIO, "transient"},
        [TRINO_FATE_ROW] = {DF_EDATA, "constraint_violation"},
        [TRINO_FATE_COLUMNS] = {DF_EDATA, "schema_changed"},
        [TRINO_FATE_MISSING] = {DF_ENOTFOUND, "configuration"},
        [TRINO_FATE_DENIED] = {DF_EAUTH, "auth_error"},
        [TRINO_FATE_LARGE] = {DF_ETOOBIG, "too_large"},
        [TRINO_FATE_NEVER] = {DF_EINVAL, "configuration"},
    };
    const df__trino_page *p = &t->page;
    char text[700];
    t->word = df__trino_word_of(p->error_name, p->error_type, p->error_text);
    int shown = t->word->open || t->effect == TRINO_EFFECT_READS || t->session->show_values;
    df__text_printf(text, sizeof text, "%s%s%.400s%s%s (query %.60s)", p->error_name,
                    shown ? ": "
                          : ", an error whose text may hold values of records and is not shown",
                    shown ? p->error_text : "", t->word->hint ? "; " : "",
                    t->word->hint ? t->word->hint : "", p->id);
    return end(t, fates[t->word->fate].status, fates[t->word->fate].reason, text);
}

static int take_page(df__trino_statement *t)
{
    df__trino_page *p = &t->page;
    int rc = df__trino_page_read(&t->body, p);
    if (rc == DF_ENOMEM)
        return df_stage_fail(t->session->st, rc, NULL, "no memory for a page of rows");
    if (rc != DF_OK)
        return t->id[0] ? lost(t, "an answer of the server is none of Trino's statement protocol")
                        : end(t, DF_EINVAL, "invalid_config",
                              "serverURL: what answers there is no Trino coordinator");
    df__text_set(t->id, sizeof t->id, p->id, strlen(p->id));
    t->tries = 0;
    t->relogged = 0;
    if (p->error_name)
        return by_error(t);
    df__buf_clear(&t->next);
    df__buf_str(&t->next, p->next_uri ? p->next_uri : "");
    t->is_running = p->next_uri != NULL;
    if (!df__buf_cstr(&t->next))
        return df_stage_fail(t->session->st, DF_ENOMEM, NULL, "no memory");
    if (p->next_uri && !is_same_origin(t->session, p->next_uri))
        return end(
            t, t->effect == TRINO_EFFECT_WRITES ? DF_EUNKNOWN : DF_EINVAL, "invalid_config",
            "serverURL: the server's replies lead to another address than this one; behind a "
            "proxy it needs http-server.process-forwarded=true");
    return DF_OK;
}

static int take_reply(df__trino_statement *t)
{
    const df__http_reply *reply = t->session->net->reply_of(t->request);
    int rc;
    if (reply->rc != DF_OK)
        rc = no_reply(t, reply);
    else if (reply->status / 100 != 2)
        rc = by_status(t, reply);
    else
        rc = take_page(t);
    drop_request(t);
    return rc;
}

int df__trino_step(df__trino_statement *t)
{
    const df__trino_session *s = t->session;
    int64_t now = df_stage_clock_us(s->st);
    if (!t->is_running && !t->request)
        return DF_DONE;
    if (t->until_us && now >= t->until_us) {
        int unknown = t->effect == TRINO_EFFECT_WRITES && t->is_posted;
        df__trino_cancel(t);
        return df_stage_failf(s->st, unknown ? DF_EUNKNOWN : DF_ETIMEOUT, "timeout",
                              "a statement took longer than queryTimeoutSeconds and was canceled");
    }
    if (!t->request)
        return now < t->due_us ? DF_AGAIN : ask(t);
    s->net->drive(s->http);
    return s->net->done(t->request) ? take_reply(t) : DF_AGAIN;
}

/* ---- waiting --------------------------------------------------------------------------------- */

int df__trino_wait(df__trino_statement *t, int timeout_ms)
{
    const df__trino_session *s = t->session;
    int most = t->request ? s->net->timeout_ms(s->http) : -1;
    if (!t->request) {
        int64_t left = (t->due_us - df_stage_clock_us(s->st) + 999) / 1000;
        most = left > 0 ? (int)left : 0;
    }
    if (most >= 0 && most < timeout_ms)
        timeout_ms = most;
    int rc = df_stage_wait(s->st, t->request ? s->net->fd(s->http) : -1, POLLIN, timeout_ms);
    return rc == DF_AGAIN ? DF_OK : rc;
}

int df__trino_next(df__trino_statement *t)
{
    int rc;
    while ((rc = df__trino_step(t)) == DF_AGAIN) {
        int waited = df__trino_wait(t, 1000);
        if (waited != DF_OK) {
            df__trino_cancel(t);
            return waited;
        }
    }
    return rc;
}

int df__trino_finish(df__trino_statement *t)
{
    int rc;
    while ((rc = df__trino_next(t)) == DF_OK)
        ;
    return rc == DF_DONE ? DF_OK : rc;
}

void df__trino_cancel(df__trino_statement *t)
{
    df__trino_session *s = t->session;
    df__http_header headers[TRINO_HEADERS];
    df__http_call call = {.method = "DELETE", .headers = headers, .total_us = CANCEL_US};
    int runs = t->is_running && t->next.len > 0;
    drop_request(t);
    t->is_running = 0;
    if (!runs || !s->http)
        return;
    add_who(t, headers, &call.header_count);
    call.url = t->next.data;
    if (s->net->start(s->http, &call, &t->request) == DF_OK)
        (void)s->net->wait(t->request, NULL, NULL);
    drop_request(t);
}
