/* SPDX-License-Identifier: Apache-2.0
 * request.c: a request, from its call to its reply. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net/net.h"
#include "util/clock.h"

/* ---- what is wrong with a call --------------------------------------------------------------- */

static int refuse(df__http *http, const char *what, const char *why)
{
    snprintf(http->text, sizeof http->text, "%s %s", what, why);
    return DF_EINVAL;
}

static int is_token(const char *s)
{
    return *s && s[strspn(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static int check_header(df__http *http, const df__http_header *h, int plain)
{
    if (!h->name || !is_token(h->name))
        return refuse(http, "a header's name", "holds a character that no name may hold");
    if (!h->value || strpbrk(h->value, "\r\n"))
        return refuse(http, h->name, "(header) holds a line end, or has no value");
    if (h->secrecy == DF__HTTP_TOKEN && plain)
        return refuse(http, h->name, "(header) is a token and goes over https only");
    return DF_OK;
}

static int check_call(df__http *http, const df__http_call *call)
{
    int loopback = 0, tls = 0, rc;
    if (call->method && !is_token(call->method))
        return refuse(http, "the method", "holds a character that no method may hold");
    if (!call->url)
        return refuse(http, "a call", "needs a URL");
    rc = df__http_check_url(call->url, &loopback, &tls, http->text, sizeof http->text);
    for (size_t i = 0; i < call->header_count && rc == DF_OK; i++)
        rc = check_header(http, &call->headers[i], !tls && !loopback);
    return rc;
}

/* ---- copies ---------------------------------------------------------------------------------- */

static int add_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    *list = longer ? longer : *list;
    return longer ? DF_OK : DF_ENOMEM;
}

static int has_header(const df__http_call *call, const char *name)
{
    for (size_t i = 0; i < call->header_count; i++)
        if (!strcasecmp(call->headers[i].name, name))
            return 1;
    return 0;
}

/* libcurl sends `Name;` as a header without a value, and leaves out what has nothing after ':'. */
static int add_header(df__http_request *r, const df__http_header *h)
{
    df__buf line;
    int rc = DF_ENOMEM;
    df__buf_init(&line, r->http->heap);
    df__buf_printf(&line, *h->value ? "%s: %s" : "%s;", h->name, h->value);
    if (df__buf_cstr(&line))
        rc = add_line(&r->headers, line.data);
    if (rc == DF_OK && h->secrecy == DF__HTTP_OPEN)
        rc = add_line(&r->plain, line.data);
    df__buf_wipe(&line);
    return rc;
}

static int add_headers(df__http_request *r, const df__http_call *call)
{
    /* "Expect" would cost a second with servers that do not know it. */
    static const char *const unwanted[] = {"Expect", "Content-Type"};
    int rc = DF_OK;
    for (size_t i = 0; i < call->header_count && rc == DF_OK; i++)
        rc = add_header(r, &call->headers[i]);
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted && rc == DF_OK; i++) {
        char line[32];
        if (has_header(call, unwanted[i]))
            continue;
        snprintf(line, sizeof line, "%s:", unwanted[i]);
        rc = add_line(&r->headers, line);
        if (rc == DF_OK)
            rc = add_line(&r->plain, line);
    }
    return rc;
}

static void wipe_list(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at; at = at->next)
        explicit_bzero(at->data, strlen(at->data));
    curl_slist_free_all(list);
}

/* ---- begin ----------------------------------------------------------------------------------- */

static int64_t chosen(int64_t of_call, int64_t of_client)
{
    return of_call < 0 ? -1 : of_call ? of_call : of_client;
}

static void settle_limits(df__http_call *call, const df__http_config *config)
{
    call->first_us = chosen(call->first_us, config->first_us);
    call->idle_us = chosen(call->idle_us, config->idle_us);
    call->total_us = chosen(call->total_us, config->total_us ? config->total_us : -1);
    call->max_reply = chosen(call->max_reply, config->max_reply);
}

static int repeats(const char *method)
{
    static const char *const always[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (!strcmp(method, always[i]))
            return 1;
    return 0;
}

static int fill(df__http_request *r, const df__http_call *call)
{
    df__http *http = r->http;
    const char *method = call->method ? call->method : "GET";
    r->call = *call;
    r->call.repeatable |= repeats(method);
    r->call.headers = NULL;
    settle_limits(&r->call, &http->config);
    df__buf_init(&r->head, http->heap);
    df__buf_init(&r->body, http->heap);
    r->head.limit = 64 << 10;
    r->reply.retry_after_us = -1;
    r->begun_us = r->active_us = df__monotonic_us();
    r->method = df__strdup(http->heap, method);
    r->url = df__strdup(http->heap, call->url);
    return r->method && r->url ? add_headers(r, call) : DF_ENOMEM;
}

static void link_in(df__http_request *r)
{
    r->next = r->http->first;
    r->back = &r->http->first;
    if (r->next)
        r->next->back = &r->next;
    r->http->first = r;
}

static int begin(df__http_request *r)
{
    int rc = df__http_tls_load(r->http, r->http->text, sizeof r->http->text);
    if (rc == DF_OK)
        rc = df__http_transfer_new(r);
    return rc == DF_OK ? df__http_run(r) : rc;
}

int df__http_start(df__http *http, const df__http_call *call, df__http_request **ret)
{
    df__http_request *r;
    int rc = check_call(http, call);
    if (rc != DF_OK)
        return rc;
    r = df__zalloc(http->heap, sizeof *r);
    if (!r)
        return DF_ENOMEM;
    r->http = http;
    link_in(r);
    rc = fill(r, call);
    if (rc == DF_OK)
        rc = begin(r);
    if (rc != DF_OK) {
        df__http_end(r);
        return rc;
    }
    *ret = r;
    return DF_OK;
}

/* ---- end ------------------------------------------------------------------------------------- */

void df__http_resume(df__http_request *r)
{
    if (!r->running)
        return;
    r->send_waits = r->receive_waits = 0;
    r->active_us = df__monotonic_us();
    curl_easy_pause(r->easy, CURLPAUSE_CONT);
}

static void cancel(df__http_request *r, int rc)
{
    if (!r->running)
        return;
    r->failed = rc;
    df__http_stop(r);
    df__http_outcome(r, CURLE_ABORTED_BY_CALLBACK);
}

void df__http_cancel(df__http_request *r)
{
    cancel(r, DF_ECANCELED);
}

void df__http_end(df__http_request *r)
{
    if (!r)
        return;
    df__http_stop(r);
    curl_easy_cleanup(r->easy);
    wipe_list(r->headers);
    wipe_list(r->plain);
    *r->back = r->next;
    if (r->next)
        r->next->back = r->back;
    df__buf_free(&r->head);
    df__buf_free(&r->body);
    df__free(r->http->heap, r->method);
    df__free(r->http->heap, r->url);
    df__free(r->http->heap, r);
}

static int wait_by_poll(void *ctx, int fd, int timeout_ms)
{
    struct pollfd p = {fd, POLLIN, 0};
    (void)ctx;
    return poll(&p, 1, timeout_ms) < 0 && errno != EINTR ? DF_EIO : DF_OK;
}

int df__http_wait(df__http_request *r, int (*wait)(void *ctx, int fd, int timeout_ms), void *ctx)
{
    while (!r->done) {
        int rc = (wait ? wait : wait_by_poll)(ctx, r->http->epoll, df__http_timeout_ms(r->http));
        if (rc != DF_OK)
            cancel(r, rc);
        else
            df__http_drive(r->http);
    }
    return r->reply.rc;
}
