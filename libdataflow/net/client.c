/* SPDX-License-Identifier: Apache-2.0
 * client.c: a client: libcurl's multi handle with one epoll descriptor, and the time-outs that
 * libcurl does not have. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/net.h"
#include "util/clock.h"

enum { EVENTS = 64 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode global_code;

static void global_init(void)
{
    global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- what libcurl asks for ------------------------------------------------------------------- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
    df__http *http = user;
    struct epoll_event event = {.data.fd = fd};
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(http->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                   (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    if (epoll_ctl(http->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) &&
        epoll_ctl(http->epoll, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event))
        return -1;
    curl_multi_assign(http->multi, fd, http);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    df__http *http = user;
    (void)multi;
    http->timer_us = timeout_ms < 0 ? -1 : df__monotonic_us() + (int64_t)timeout_ms * 1000;
    return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int copy_texts(df__http *http)
{
    const char **const texts[] = {&http->config.user_agent,      &http->config.proxy,
                                  &http->config.no_proxy,        &http->config.tls.ca_file,
                                  &http->config.tls.cert_file,   &http->config.tls.key_file,
                                  &http->config.tls.key_password};
    df_bytes *const blocks[] = {&http->config.tls.ca, &http->config.tls.cert,
                                &http->config.tls.key};
    int whole = 1;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (*texts[i])
            whole &= (*texts[i] = df__strdup(http->heap, *texts[i])) != NULL;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        if (blocks[i]->data)
            whole &= (blocks[i]->data = df__strndup(http->heap, blocks[i]->data, blocks[i]->len)) !=
                     NULL;
    }
    return whole ? DF_OK : DF_ENOMEM;
}

static void drop(df__http *http, const void *text, size_t len, int secret)
{
    if (text && secret)
        explicit_bzero((void *)(uintptr_t)text, len);
    df__free(http->heap, (void *)(uintptr_t)text);
}

static void free_texts(df__http *http)
{
    const df__http_config *c = &http->config;
    drop(http, c->user_agent, 0, 0);
    drop(http, c->proxy, c->proxy ? strlen(c->proxy) : 0, 1);
    drop(http, c->no_proxy, 0, 0);
    drop(http, c->tls.ca_file, 0, 0);
    drop(http, c->tls.cert_file, 0, 0);
    drop(http, c->tls.key_file, 0, 0);
    drop(http, c->tls.key_password, c->tls.key_password ? strlen(c->tls.key_password) : 0, 1);
    drop(http, c->tls.ca.data, 0, 0);
    drop(http, c->tls.cert.data, 0, 0);
    drop(http, c->tls.key.data, c->tls.key.len, 1);
}

static void set_pem(df__http *http)
{
    const df__http_tls *tls = &http->config.tls;
    http->pem[DF__PEM_CA] = (df__pem){.path = tls->ca_file, .given = tls->ca};
    http->pem[DF__PEM_CERT] = (df__pem){.path = tls->cert_file, .given = tls->cert};
    http->pem[DF__PEM_KEY] = (df__pem){.path = tls->key_file, .given = tls->key};
    for (int i = 0; i < DF__PEM_COUNT; i++)
        df__buf_init(&http->pem[i].text, http->heap);
}

static void defaults(df__http_config *c)
{
    const int64_t second = 1000000;
    c->connect_us = c->connect_us ? c->connect_us : 10 * second;
    c->first_us = c->first_us ? c->first_us : 30 * second;
    c->idle_us = c->idle_us ? c->idle_us : 30 * second;
    c->keep_us = c->keep_us ? c->keep_us : 60 * second;
    c->max_reply = c->max_reply ? c->max_reply : 64 << 20;
}

static int set_up(df__http *http)
{
    http->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (http->epoll < 0)
        return DF_EIO;
    http->multi = curl_multi_init();
    if (!http->multi)
        return DF_ENOMEM;
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      (long)http->config.max_connections);
    return DF_OK;
}

int df__http_new(const df__http_config *config, df__http **ret)
{
    const df__heap *heap = config->heap ? config->heap : &df__heap_libc;
    df__http *http;
    int rc;
    pthread_once(&once, global_init);
    if (global_code != CURLE_OK ||
        !(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_SSL))
        return DF_ENOTSUP;
    http = df__zalloc(heap, sizeof *http);
    if (!http)
        return DF_ENOMEM;
    http->heap = heap;
    http->config = *config;
    http->timer_us = -1;
    http->epoll = -1;
    defaults(&http->config);
    rc = copy_texts(http);
    set_pem(http);
    if (rc == DF_OK)
        rc = set_up(http);
    if (rc != DF_OK) {
        df__http_free(http);
        return rc;
    }
    *ret = http;
    return DF_OK;
}

void df__http_free(df__http *http)
{
    if (!http)
        return;
    while (http->first)
        df__http_end(http->first);
    curl_multi_cleanup(http->multi);
    if (http->epoll >= 0)
        close(http->epoll);
    df__http_tls_free(http);
    free_texts(http);
    df__free(http->heap, http);
}

int df__http_fd(const df__http *http)
{
    return http->epoll;
}

const char *df__http_errmsg(const df__http *http)
{
    return http->text;
}

/* ---- time ------------------------------------------------------------------------------------ */

static int64_t sooner(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a < b ? a : b;
}

int df__http_timeout_ms(const df__http *http)
{
    int64_t at = http->timer_us, left;
    for (const df__http_request *r = http->first; r; r = r->next) {
        if (r->done && !r->told && r->call.done)
            return 0;
        if (r->running)
            at = sooner(at, df__http_deadline(r));
    }
    if (at < 0)
        return -1;
    left = at - df__monotonic_us();
    if (left <= 0)
        return 0;
    return left > (int64_t)3600 * 1000000 ? 3600 * 1000 : (int)((left + 999) / 1000);
}

static void check_deadlines(df__http *http)
{
    int64_t now = df__monotonic_us();
    for (df__http_request *r = http->first; r; r = r->next) {
        int64_t at = r->running ? df__http_deadline(r) : -1;
        if (at >= 0 && at <= now) {
            df__http_stop(r);
            df__http_outcome(r, CURLE_OPERATION_TIMEDOUT);
        }
    }
}

/* ---- driving --------------------------------------------------------------------------------- */

int df__http_run(df__http_request *r)
{
    if (curl_multi_add_handle(r->http->multi, r->easy) != CURLM_OK)
        return DF_ENOMEM;
    r->running = 1;
    return DF_OK;
}

void df__http_stop(df__http_request *r)
{
    if (r->running)
        curl_multi_remove_handle(r->http->multi, r->easy);
    r->running = 0;
}

static void collect(df__http *http)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(http->multi, &left))) {
        CURLcode code = message->data.result;
        df__http_request *r = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&r);
        df__http_stop(r);
        df__http_outcome(r, code);
    }
}

/* `done` may start and end requests: the list is looked at from its begin after each. */
static void tell(df__http *http)
{
    df__http_request *r = http->first;
    while (r) {
        if (r->done && !r->told) {
            r->told = 1;
            if (r->call.done) {
                r->call.done(r->call.user, r);
                r = http->first;
                continue;
            }
        }
        r = r->next;
    }
}

static void act(df__http *http, const struct epoll_event *event)
{
    int running, mask = (event->events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                        (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                        (event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(http->multi, event->data.fd, mask, &running);
}

void df__http_drive(df__http *http)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(http->epoll, events, EVENTS, 0), running;
    for (int i = 0; i < count; i++)
        act(http, &events[i]);
    if (http->timer_us >= 0 && http->timer_us <= df__monotonic_us()) {
        http->timer_us = -1;
        curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    collect(http);
    check_deadlines(http);
    tell(http);
}
