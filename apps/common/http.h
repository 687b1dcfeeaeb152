/* SPDX-License-Identifier: Apache-2.0
 * http.h: a small read-only HTTP server for metrics, probes and pages. GET and HEAD only, one
 * thread of its own, limits on connections, time and header size. */
#ifndef APP_HTTP_H
#define APP_HTTP_H

#include "util/buf.h"

typedef struct app_http app_http;

typedef struct app_reply {
    unsigned status;
    const char *type; /* Content-Type; static */
    df__buf body;
} app_reply;

typedef struct app_route {
    const char *path;                            /* exact; NULL at the end */
    void (*serve)(void *user, app_reply *reply); /* on the server's thread */
} app_route;

typedef struct app_http_options {
    /* ":9090" (all interfaces), "HOST:PORT", "[::1]:PORT" or "PORT" (loopback); port 0 takes a
     * free one. */
    const char *address;
    const app_route *routes; /* must outlive the server */
    void *user;
} app_http_options;

/* 0, or with one line in `err`: -1, or -2 when the address makes no sense. */
int app_http_start(const app_http_options *options, app_http **ret, char *err, size_t err_len);
/* Where it can be reached: "127.0.0.1:9090"; "localhost:9090" when on all interfaces. */
const char *app_http_address(const app_http *http);
/* Waits for running replies; NULL is fine. */
void app_http_stop(app_http *http);

#endif
