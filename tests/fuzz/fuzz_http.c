/* SPDX-License-Identifier: Apache-2.0
 * Any bytes sent to the HTTP server of the programs: it answers in HTTP or closes, never crashes,
 * and the next connection is served. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint16_t port;

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static void serve(void *user, app_reply *reply)
{
    (void)user;
    df__buf_str(&reply->body, "fine\n");
}

static const app_route routes[] = {{"/", serve}, {"/metrics", serve}, {NULL, NULL}};

static void begin(void)
{
    app_http_options options = {"127.0.0.1:0", routes, NULL};
    static app_http *http;
    char err[200];
    must(app_http_start(&options, &http, err, sizeof err) == 0);
    port = (uint16_t)strtoul(strrchr(app_http_address(http), ':') + 1, NULL, 10);
}

/* Closed connections keep their ports for a minute; so each comes from another address. */
static int connect_to(void)
{
    static uint32_t count;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + count++ % 5000);
    must(fd >= 0 && setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0);
    must(bind(fd, (struct sockaddr *)&from, sizeof from) == 0);
    must(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

/* Sends, gives it a moment to answer, says that this was all, takes what comes. A server that keeps
 * the connection is left. */
static size_t talk(const void *data, size_t size, char *answer, size_t room, int patience_ms)
{
    struct pollfd ready;
    size_t len = 0;
    ssize_t n;
    ready.fd = connect_to();
    ready.events = POLLIN;
    n = send(ready.fd, data, size, MSG_NOSIGNAL); /* it may close before it has read all */
    (void)poll(&ready, 1, patience_ms);
    (void)shutdown(ready.fd, SHUT_WR);
    while (len < room && poll(&ready, 1, patience_ms) == 1 &&
           (n = recv(ready.fd, answer + len, room - len, 0)) > 0)
        len += (size_t)n;
    (void)close(ready.fd);
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char good[] = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    static unsigned long count;
    char answer[256];
    size_t len;
    if (!port)
        begin();
    len = talk(data, size, answer, sizeof answer, 5);
    must(len == 0 || memcmp(answer, "HTTP/1.", len < 7 ? len : 7) == 0);
    if (++count % 64 == 0) {
        len = talk(good, sizeof good - 1, answer, sizeof answer, 5000);
        must(len > 12 && memcmp(answer, "HTTP/1.1 200", 12) == 0);
    }
    return 0;
}
