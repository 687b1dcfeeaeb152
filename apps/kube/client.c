/* SPDX-License-Identifier: Apache-2.0
 * client.c: see client.h. */
#include "kube/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kube/moment.h"
#include "util/codec.h"

enum { MAX_TOKEN = 65536, MAX_HEADERS = 4 };

struct kube_client {
    kube_access access;
    kube_loop loop;
    df__http *http;
    df__buf authorization; /* value of the header; empty: none */
    struct stat token_seen;
    kube_request *first;
    int (*may)(void *user);
    void *may_user;
    int64_t ahead_us; /* the server's wall clock of the loop's, which nobody sets */
};

struct kube_request {
    kube_client *client;
    kube_request *next, **back;
    kube_call call;
    char *method, *url, *content_type, *body;
    df__http_request *http;
    kube_timer timer; /* tells a failure to start */
    int asked_again;  /* after a 401 */
    int64_t asked_us; /* by the loop's clock; -1: what the reply says of the server's is known */
    int is_write;
    kube_reply reply;
};

/* ---- who asks -------------------------------------------------------------------------------- */

static int set_authorization(kube_client *c, const char *scheme, const char *value, size_t len)
{
    if (c->authorization.data)
        explicit_bzero(c->authorization.data, c->authorization.cap);
    df__buf_clear(&c->authorization);
    df__buf_str(&c->authorization, scheme);
    df__buf_add(&c->authorization, value, len);
    return df__buf_cstr(&c->authorization) ? DF_OK : DF_ENOMEM;
}

/* The kubelet writes a token anew long before it runs out; a file that did not change is not read.
 */
static int read_token(kube_client *c, int again, char *err)
{
    static char text[MAX_TOKEN];
    const char *path = c->access.token_file;
    struct stat now;
    ssize_t len;
    int fd, rc;
    if (!stat(path, &now) && !again && now.st_ino == c->token_seen.st_ino &&
        now.st_mtim.tv_sec == c->token_seen.st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == c->token_seen.st_mtim.tv_nsec)
        return DF_OK;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    len = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (fd >= 0)
        close(fd);
    while (len > 0 && strchr("\r\n \t", text[len - 1]))
        len--;
    if (len <= 0) {
        snprintf(err, KUBE_TEXT, "%s: the token cannot be read: %s", path,
                 len ? strerror(errno) : "it is empty");
        return DF_EIO;
    }
    rc = set_authorization(c, "Bearer ", text, (size_t)len);
    explicit_bzero(text, sizeof text);
    c->token_seen = now;
    return rc;
}

static int basic(kube_client *c)
{
    const char *user = c->access.user, *password = c->access.password;
    df__buf code;
    int rc;
    df__buf_init(&code, &df__heap_libc);
    df__basic_add(&code, (df_bytes){user, strlen(user)},
                  (df_bytes){password, password ? strlen(password) : 0});
    rc = df__buf_cstr(&code) ? set_authorization(c, "Basic ", code.data, code.len) : DF_ENOMEM;
    df__buf_wipe(&code);
    return rc;
}

static int identify(kube_client *c, int again, char *err)
{
    if (c->access.token)
        return c->authorization.len
                   ? DF_OK
                   : set_authorization(c, "Bearer ", c->access.token, strlen(c->access.token));
    if (c->access.token_file)
        return read_token(c, again, err);
    return c->access.user && !c->authorization.len ? basic(c) : DF_OK;
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Takes over the access, so that there is one copy of its secrets. */
int kube_client_new(const kube_access *access, const char *user_agent, kube_client **ret, char *err)
{
    kube_client *c = calloc(1, sizeof *c);
    /* A connection to each request that runs: one that died without a word takes no other request
     * with it, and is closed when its request is given up. In HTTP/2 all would share it. */
    df__http_config config = {
        .user_agent = user_agent, .proxy = access->proxy, .idle_us = 30000000, .http1 = 1};
    int rc;
    if (!c)
        return DF_ENOMEM;
    config.tls = (df__http_tls){.ca_file = access->ca_file,
                                .cert_file = access->cert_file,
                                .key_file = access->key_file,
                                .ca = access->ca,
                                .cert = access->cert,
                                .key = access->key,
                                .insecure = access->insecure};
    c->access = *access;
    df__buf_init(&c->authorization, &df__heap_libc);
    c->loop.wake = -1;
    rc = df__http_new(&config, &c->http);
    if (rc == DF_OK)
        rc = kube_loop_init(&c->loop, c->http);
    if (rc == DF_OK) { /* until the server has said what its time is */
        c->ahead_us = kube_wall_us() - c->loop.now();
        *ret = c;
        return DF_OK;
    }
    snprintf(err, KUBE_TEXT, "the HTTP client cannot start: %s", df_status_name(rc));
    memset(&c->access, 0, sizeof c->access); /* stays the caller's */
    kube_client_free(c);
    return rc;
}

void kube_client_free(kube_client *c)
{
    if (!c)
        return;
    while (c->first)
        kube_client_cancel(c->first);
    df__http_free(c->http);
    kube_loop_free(&c->loop);
    df__buf_wipe(&c->authorization);
    kube_access_free(&c->access);
    free(c);
}

void kube_client_guard(kube_client *c, int (*may)(void *user), void *user)
{
    c->may = may;
    c->may_user = user;
}

kube_loop *kube_client_loop(kube_client *c)
{
    return &c->loop;
}

static void end(kube_request *r)
{
    kube_timer_clear(&r->timer);
    df__http_end(r->http);
    *r->back = r->next;
    if (r->next)
        r->next->back = r->back;
    free(r->method);
    free(r->url);
    free(r->content_type);
    free(r->body);
    free(r);
}

void kube_client_cancel(kube_request *r)
{
    if (r)
        end(r);
}

static void tell(kube_request *r)
{
    r->call.done(r->call.user, &r->reply);
    end(r);
}

static void on_timer(kube_timer *t)
{
    tell(t->user);
}

/* ---- replies --------------------------------------------------------------------------------- */

static int by_status(const kube_request *r, int status, const char *reason)
{
    if (status == 409)
        return strcmp(reason, "AlreadyExists") ? DF_EFENCED : DF_EEXISTS;
    if (status == 401 || status == 403)
        return DF_EAUTH;
    if (status == 404)
        return DF_ENOTFOUND;
    if (status == 410)
        return DF_EREWIND;
    if (status == 408 || status >= 500)
        return r->is_write ? DF_EUNKNOWN : DF_EIO;
    if (status == 429)
        return DF_EIO;
    return status >= 200 && status < 300 ? DF_OK : DF_EINVAL;
}

const char *kube_text(json_object *object, const char *name)
{
    json_object *value = NULL;
    const char *text =
        json_object_object_get_ex(object, name, &value) ? json_object_get_string(value) : NULL;
    return text ? text : "";
}

/* A Status object: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
 */
static void read_status(kube_request *r, const df__http_reply *from)
{
    json_object *status = from->body.len ? json_tokener_parse(from->body.data) : NULL;
    const char *message = "";
    json_object *details = NULL, *after = NULL;
    if (json_object_is_type(status, json_type_object)) {
        snprintf(r->reply.reason, sizeof r->reply.reason, "%s", kube_text(status, "reason"));
        message = kube_text(status, "message");
        if (r->reply.retry_after_us < 0 && json_object_object_get_ex(status, "details", &details) &&
            json_object_object_get_ex(details, "retryAfterSeconds", &after) &&
            json_object_get_int64(after) > 0)
            r->reply.retry_after_us = json_object_get_int64(after) * 1000000;
    }
    df__text_printf(r->reply.text, sizeof r->reply.text, "%s %s: %d%s%s%s%s", r->method, r->url,
                    r->reply.status, *r->reply.reason ? " " : "", r->reply.reason,
                    *message ? ": " : "", message);
    json_object_put(status);
}

/* Of a PUT or DELETE without a reply the HTTP client says that it may be sent again. That is so,
 * but it may have been applied already. */
static int without_reply(const kube_request *r, const df__http_reply *from)
{
    int came = from->phase != DF__HTTP_CONNECTING;
    return r->is_write && came && (from->rc == DF_EIO || from->rc == DF_ETIMEOUT) ? DF_EUNKNOWN
                                                                                  : from->rc;
}

int64_t kube_client_wall_us(const kube_client *c)
{
    return c->loop.now() + c->ahead_us;
}

static void note_clock(kube_request *r, const df__http_request *http)
{
    kube_client *c = r->client;
    if (r->asked_us < 0)
        return;
    c->ahead_us = kube_moment_ahead(c->ahead_us, df__http_header_of(http, "date", 0), r->asked_us,
                                    c->loop.now());
    r->asked_us = -1;
}

static int on_receive(void *user, int status, df_bytes part)
{
    kube_request *r = user;
    note_clock(r, r->http);
    return r->call.receive(r->call.user, status, part);
}

static void begin(kube_request *r, int again);

static void on_done(void *user, df__http_request *http)
{
    kube_request *r = user;
    const df__http_reply *from = df__http_reply_of(http);
    note_clock(r, http);
    r->reply = (kube_reply){
        .rc = from->rc, .status = from->status, .retry_after_us = from->retry_after_us};
    if (from->rc != DF_OK) {
        r->reply.rc = without_reply(r, from);
        df__text_printf(r->reply.text, sizeof r->reply.text, "%s", from->text);
    } else if (from->status == 401 && r->client->access.token_file && !r->asked_again) {
        r->asked_again = 1;
        df__http_end(http);
        r->http = NULL;
        begin(r, 1);
        return;
    } else if (from->status < 200 || from->status > 299) {
        read_status(r, from);
        r->reply.rc = by_status(r, from->status, r->reply.reason);
    } else {
        r->reply.body = from->body;
    }
    tell(r);
}

/* ---- requests -------------------------------------------------------------------------------- */

/* What keeps a request from being sent. */
static int refuse(kube_request *r)
{
    kube_client *c = r->client;
    int wrong = r->call.wrong != NULL;
    if (!wrong && (!r->is_write || r->call.unguarded || !c->may || c->may(c->may_user)))
        return DF_OK;
    df__text_printf(r->reply.text, sizeof r->reply.text, "%s %s: not sent: %s", r->method, r->url,
                    wrong ? r->call.wrong : "another process leads now");
    return wrong ? DF_EINVAL : DF_EFENCED;
}

static int start(kube_request *r, int again)
{
    kube_client *c = r->client;
    df__http_header headers[MAX_HEADERS] = {{"Accept", "application/json", DF__HTTP_OPEN}};
    df__http_call call = {.method = r->method,
                          .url = r->url,
                          .headers = headers,
                          .header_count = 1,
                          .done = on_done,
                          .user = r,
                          .body = {r->body, r->call.body.len},
                          .total_us = r->call.total_us,
                          .idle_us = r->call.idle_us,
                          .first_us = r->call.receive ? 0 : r->call.total_us,
                          .compressed = !r->call.receive};
    int rc = refuse(r);
    if (rc == DF_OK)
        rc = identify(c, again, r->reply.text);
    if (rc != DF_OK)
        return rc;
    if (c->authorization.len)
        headers[call.header_count++] =
            (df__http_header){"Authorization", c->authorization.data, DF__HTTP_TOKEN};
    if (r->body)
        headers[call.header_count++] =
            (df__http_header){"Content-Type", r->content_type, DF__HTTP_OPEN};
    if (r->call.receive)
        call.receive = on_receive;
    r->asked_us = c->loop.now();
    rc = df__http_start(c->http, &call, &r->http);
    if (rc != DF_OK)
        df__text_printf(r->reply.text, sizeof r->reply.text, "%s %s: %s", r->method, r->url,
                        df__http_errmsg(c->http));
    return rc;
}

static void begin(kube_request *r, int again)
{
    int rc = start(r, again);
    if (rc == DF_OK)
        return;
    r->reply.rc = rc;
    r->reply.retry_after_us = -1;
    kube_timer_set(&r->client->loop, &r->timer, 0);
}

static int copy_call(kube_request *r, const kube_call *call)
{
    int whole;
    r->call = *call;
    r->call.total_us = call->total_us ? call->total_us : 30000000;
    r->method = strdup(call->method ? call->method : "GET");
    r->is_write = call->method && strcmp(call->method, "GET") != 0;
    whole = asprintf(&r->url, "%s%s", r->client->access.server, call->path) >= 0;
    r->url = whole ? r->url : NULL;
    r->content_type = strdup(call->content_type ? call->content_type : "application/json");
    if (call->body.data) {
        r->body = malloc(call->body.len + 1);
        if (r->body)
            memcpy(r->body, call->body.data, call->body.len);
    }
    return r->method && r->url && r->content_type && (!call->body.data || r->body);
}

kube_request *kube_client_start(kube_client *c, const kube_call *call)
{
    kube_request *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->client = c;
    r->timer = (kube_timer){.fire = on_timer, .user = r};
    r->next = c->first;
    r->back = &c->first;
    if (r->next)
        r->next->back = &r->next;
    c->first = r;
    if (!copy_call(r, call)) {
        end(r);
        return NULL;
    }
    begin(r, 0);
    return r;
}

typedef struct waiter {
    kube_reply *reply;
    df__buf *body;
    int done;
} waiter;

static void note(void *user, const kube_reply *reply)
{
    waiter *w = user;
    *w->reply = *reply;
    w->reply->body = (df_bytes){NULL, 0};
    if (reply->rc == DF_OK && w->body) {
        df__buf_add(w->body, reply->body.data, reply->body.len);
        w->reply->rc = df__buf_cstr(w->body) ? DF_OK : DF_ENOMEM;
    }
    w->done = 1;
}

void kube_client_do(kube_client *c, kube_call call, kube_reply *ret, df__buf *body)
{
    waiter w = {.reply = ret, .body = body};
    call.done = note;
    call.user = &w;
    if (!kube_client_start(c, &call)) {
        *ret = (kube_reply){.rc = DF_ENOMEM, .retry_after_us = -1, .text = "no memory"};
        return;
    }
    while (!w.done)
        kube_loop_step(&c->loop, -1);
}
