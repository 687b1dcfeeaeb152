/* SPDX-License-Identifier: Apache-2.0
 * test_http.c: slow and idle clients do not keep probes from being answered. */
#include "support/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/http.h"

static void serve(void *user, app_reply *reply)
{
    (void)user;
    df__buf_str(&reply->body, "live\n");
}

static const app_route routes[] = {{"/livez", serve}, {NULL, NULL}};

static app_http *start(uint16_t *ret_port)
{
    app_http_options options = {"127.0.0.1:0", routes, NULL};
    app_http *http = NULL;
    char err[200];
    assert_int_equal(app_http_start(&options, &http, err, sizeof err), 0);
    *ret_port = (uint16_t)strtoul(strrchr(app_http_address(http), ':') + 1, NULL, 10);
    return http;
}

/* From 127.0.0.`client`; an answer is waited for at most three seconds. */
static int connect_from(uint32_t client, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct timeval patience = {3, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + client - 1);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* "live" in time. */
static void probe(uint32_t client, uint16_t port)
{
    char answer[1024];
    size_t len = 0;
    ssize_t n;
    int fd = connect_from(client, port);
    say(fd, "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    while (len < sizeof answer - 1 && (n = recv(fd, answer + len, sizeof answer - 1 - len, 0)) > 0)
        len += (size_t)n;
    answer[len] = 0;
    close(fd);
    assert_non_null(strstr(answer, "200 OK"));
    assert_non_null(strstr(answer, "live"));
}

/* Four addresses with 16 connections each, the whole limit, each of them silent in its request. */
static void test_slow_clients(void **state)
{
    int slow[64];
    uint16_t port;
    app_http *http = start(&port);
    (void)state;
    for (uint32_t i = 0; i < 64; i++) {
        slow[i] = connect_from(1 + i / 16, port);
        say(slow[i], "G");
    }
    for (int i = 0; i < 100; i++)
        probe(9, port);
    for (int i = 0; i < 64; i++)
        close(slow[i]);
    app_http_stop(http);
}

/* The kubelet and a scraper on its node have one address: idle connections of it give way. */
static void test_idle_clients_of_one_address(void **state)
{
    int idle[60];
    char answer[1024];
    uint16_t port;
    app_http *http = start(&port);
    int64_t before = support_now_ms();
    (void)state;
    for (int i = 0; i < 60; i++) {
        idle[i] = connect_from(1, port);
        say(idle[i], "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_true(recv(idle[i], answer, sizeof answer, 0) > 12);
        probe(1, port);
    }
    say(idle[59], "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"); /* the newest was kept */
    assert_true(recv(idle[59], answer, sizeof answer, 0) > 12);
    assert_true(support_now_ms() - before < 1000 * SUPPORT_SLOWER);
    for (int i = 0; i < 60; i++)
        close(idle[i]);
    app_http_stop(http);
}

/* A connection that was answered and keeps open is served again. */
static void test_kept_connection(void **state)
{
    char answer[1024];
    uint16_t port;
    app_http *http = start(&port);
    int fd = connect_from(1, port);
    (void)state;
    for (int i = 0; i < 3; i++) {
        say(fd, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_true(recv(fd, answer, sizeof answer, 0) > 12);
        assert_memory_equal(answer, "HTTP/1.1 200", 12);
        probe(2, port);
    }
    close(fd);
    app_http_stop(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_slow_clients),
                                       cmocka_unit_test(test_idle_clients_of_one_address),
                                       cmocka_unit_test(test_kept_connection)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
