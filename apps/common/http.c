/* SPDX-License-Identifier: Apache-2.0
 * http.c: connections and replies over libmicrohttpd, see http.h. */
#include "http.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen.h"
#include "process.h"

/* Slow, idle or broken clients must not keep probes from being answered: who has not asked within
 * REQUEST_US, counted from the first byte or the answer before, gives way to the next one. So does
 * one of the same address when it has PER_CLIENT, and any when only the RESERVE is left: the one
 * that is idle for the longest time, else the oldest. */
enum { CONNECTIONS = 64, RESERVE = 16, PER_CLIENT = 16, TIMEOUT_S = 10, HEADER_BYTES = 16384 };
enum { REQUEST_US = 5000000, NO_DESCRIPTOR_MS = 200 };

typedef struct guest {                 /* a connection */
    struct MHD_Connection *connection; /* NULL: free */
    int fd, leaving, busy;             /* busy: its request is being answered */
    int64_t since_us;                  /* it began, or was answered */
    char address[16];                  /* IPv6, or the first bytes IPv4 */
} guest;

struct app_http {
    struct MHD_Daemon *daemon;
    const app_route *routes;
    void *user;
    guest guests[CONNECTIONS]; /* of the server's thread */
    char address[APP_ADDRESS];
};

static void send_away(guest *g)
{
    g->leaving = 1;
    shutdown(g->fd, SHUT_RDWR); /* the server sees its end and closes it */
}

/* Sends one away when there are as many. of NULL: of all addresses. */
static void keep_below(app_http *http, int limit, const char *of)
{
    guest *first = NULL;
    int count = 0;
    for (guest *g = http->guests; g < http->guests + CONNECTIONS; g++) {
        if (!g->connection || g->leaving || (of && memcmp(g->address, of, sizeof g->address)))
            continue;
        count++;
        if (!first || g->busy < first->busy ||
            (g->busy == first->busy && g->since_us < first->since_us))
            first = g;
    }
    if (count >= limit)
        send_away(first);
}

static void make_room(app_http *http, const guest *next)
{
    for (guest *g = http->guests; g < http->guests + CONNECTIONS; g++)
        if (g->connection && !g->leaving && next->since_us - g->since_us > REQUEST_US)
            send_away(g);
    keep_below(http, PER_CLIENT, next->address);
    keep_below(http, CONNECTIONS - RESERVE, NULL);
}

static void copy_address(struct MHD_Connection *connection, char *address)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *from = info ? info->client_addr : NULL;
    if (from && from->sa_family == AF_INET6)
        memcpy(address, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
    else if (from && from->sa_family == AF_INET)
        memcpy(address, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
}

static void enter(app_http *http, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    guest next = {.connection = connection, .since_us = app_clock_us()};
    copy_address(connection, next.address);
    make_room(http, &next);
    for (guest *g = http->guests; info && g < http->guests + CONNECTIONS; g++)
        if (!g->connection) {
            next.fd = info->connect_fd;
            *g = next;
            return;
        }
}

static guest *guest_of(app_http *http, const struct MHD_Connection *connection)
{
    for (guest *g = http->guests; g < http->guests + CONNECTIONS; g++)
        if (g->connection == connection)
            return g;
    return NULL;
}

/* Signature: MHD_NotifyConnectionCallback. */
static void notice(void *user, struct MHD_Connection *connection, void **state,
                   enum MHD_ConnectionNotificationCode what)
{
    app_http *http = user;
    guest *g = guest_of(http, connection);
    (void)state;
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        enter(http, connection);
    else if (g)
        g->connection = NULL;
}

/* Signature: MHD_RequestCompletedCallback. */
static void answered(void *user, struct MHD_Connection *connection, void **state,
                     enum MHD_RequestTerminationCode how)
{
    guest *g = guest_of(user, connection);
    (void)state;
    (void)how;
    if (!g)
        return;
    g->busy = 0;
    g->since_us = app_clock_us();
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, app_reply *reply)
{
    static const char *const headers[][2] = {
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"},
    };
    enum MHD_Result rc = MHD_NO;
    struct MHD_Response *r;
    if (reply->body.failed) {
        df__buf_free(&reply->body);
        reply->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
    }
    r = MHD_create_response_from_buffer(reply->body.len, reply->body.data, MHD_RESPMEM_MUST_COPY);
    if (r) {
        MHD_add_response_header(r, "Content-Type", reply->type);
        for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
            MHD_add_response_header(r, headers[i][0], headers[i][1]);
        if (reply->status == MHD_HTTP_METHOD_NOT_ALLOWED)
            MHD_add_response_header(r, "Allow", "GET, HEAD");
        rc = MHD_queue_response(connection, reply->status, r);
        MHD_destroy_response(r);
    }
    df__buf_free(&reply->body);
    return rc;
}

static void fill_reply(const app_http *http, const char *url, const char *method, app_reply *reply)
{
    if (strcmp(method, "GET") && strcmp(method, "HEAD")) {
        reply->status = MHD_HTTP_METHOD_NOT_ALLOWED;
        df__buf_str(&reply->body, "only GET and HEAD\n");
        return;
    }
    for (const app_route *route = http->routes; route->path; route++)
        if (!strcmp(route->path, url)) {
            route->serve(http->user, reply);
            return;
        }
    reply->status = MHD_HTTP_NOT_FOUND;
    df__buf_str(&reply->body, "not found\n");
}

/* Signature: MHD_AccessHandlerCallback. */
static enum MHD_Result answer(void *user, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **state)
{
    static const char seen;
    app_reply reply = {MHD_HTTP_OK, "text/plain; charset=utf-8", {0}};
    guest *g;
    (void)version;
    (void)upload;
    if (!*state && (!strcmp(method, "GET") || !strcmp(method, "HEAD"))) {
        *state = (void *)(uintptr_t)&seen; /* headers only: the next call is the request */
        return MHD_YES;
    }
    if (*upload_len > 0) {
        *upload_len = 0;
        return MHD_YES;
    }
    g = guest_of(user, connection);
    if (g) {
        g->busy = 1;
        g->since_us = app_clock_us();
    }
    df__buf_init(&reply.body, &df__heap_libc);
    fill_reply(user, url, method, &reply);
    return send_reply(connection, &reply);
}

/* Signature: MHD_LogCallback. Without a descriptor for its first connection the server says so and
 * tries again at once, for ever: it calls here from its thread, so that it can be slowed down. */
static void slow_down(void *user, const char *format, va_list args)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)user;
    (void)format;
    (void)args;
    if (fd >= 0)
        close(fd);
    else if (errno == EMFILE || errno == ENFILE)
        poll(NULL, 0, NO_DESCRIPTOR_MS);
}

int app_http_start(const app_http_options *options, app_http **ret, char *err, size_t err_len)
{
    app_http *http = NULL;
    int fd = app_listen(options->address, err, err_len);
    if (fd < 0)
        return fd;
    http = calloc(1, sizeof *http);
    if (!http)
        goto failed;
    http->routes = options->routes;
    http->user = options->user;
    app_listen_name(fd, http->address, sizeof http->address);
    http->daemon = MHD_start_daemon(
        MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, answer,
        http, MHD_OPTION_EXTERNAL_LOGGER, slow_down, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_NOTIFY_COMPLETED, answered,
        http, MHD_OPTION_NOTIFY_CONNECTION, notice, http, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES,
        MHD_OPTION_END);
    if (!http->daemon)
        goto failed;
    *ret = http;
    return 0;
failed:
    snprintf(err, err_len, "cannot start the HTTP server on %s", options->address);
    close(fd);
    free(http);
    return -1;
}

const char *app_http_address(const app_http *http)
{
    return http->address;
}

void app_http_stop(app_http *http)
{
    if (!http)
        return;
    MHD_stop_daemon(http->daemon); /* closes the socket */
    free(http);
}
