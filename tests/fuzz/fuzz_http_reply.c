/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the reply to the HTTP client: the request ends, with a whole reply or a failure with
 * a text; a whole reply of known length has that length; no secret is in the text. The first byte
 * chooses the kind of request. */
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *reply_data;
static size_t reply_size;
static int listener = -1, accepted[16], accepted_count;
static char url[64];

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static void listen_once(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    if (listener >= 0)
        return;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    must(!bind(listener, (struct sockaddr *)&address, len) && !listen(listener, 64));
    must(!getsockname(listener, (struct sockaddr *)&address, &len));
    snprintf(url, sizeof url, "http://127.0.0.1:%d/a?hidden=1", ntohs(address.sin_port));
}

/* Every connection gets the whole reply at once. It ends with a reset, so that no port stays
 * taken. */
static int serve_and_poll(void *ctx, int fd, int timeout_ms)
{
    const struct linger none = {1, 0};
    struct pollfd both[] = {{fd, POLLIN, 0}, {listener, POLLIN, 0}};
    int at;
    (void)ctx;
    poll(both, 2, timeout_ms);
    at = both[1].revents ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
    if (at < 0)
        return DF_OK;
    must(accepted_count < (int)(sizeof accepted / sizeof *accepted));
    accepted[accepted_count++] = at;
    setsockopt(at, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    send(at, reply_data, reply_size, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(at, SHUT_WR);
    return DF_OK;
}

static int take(void *user, int status, df_bytes part)
{
    must(status >= 100 && part.data != NULL);
    return ++*(unsigned *)user % 3 == 0 ? DF_EDATA : DF_OK;
}

static void check(const df__http_request *r)
{
    const df__http_reply *reply = df__http_reply_of(r);
    const char *length = df__http_header_of(r, "content-length", 0);
    must(df__http_done(r) && reply->text);
    must(!strstr(reply->text, "hidden") || memmem(reply_data, reply_size, "hidden", 6));
    must(reply->rc == DF_OK || reply->text[0]);
    must(reply->retry_after_us >= -1 && reply->retry_after_us <= (int64_t)86400 * 1000000);
    if (reply->rc == DF_OK && length && !reply->unframed && reply->body.len)
        must(((const char *)reply->body.data)[reply->body.len] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "DELETE"};
    df__http_config config = {.max_reply = 100000, .first_us = 5000000};
    df__http_header header = {"Authorization", "hidden", DF__HTTP_SECRET};
    df__http_call call = {.url = url, .headers = &header, .header_count = 1};
    unsigned count = 0;
    df__http *http;
    df__http_request *r;
    if (size < 1 || size > 60000)
        return 0;
    listen_once();
    call.method = methods[data[0] & 3];
    call.follow = data[0] >> 2 & 1;
    call.compressed = data[0] >> 3 & 1;
    if (data[0] >> 4 & 1) {
        call.receive = take;
        call.user = &count;
    }
    reply_data = data + 1;
    reply_size = size - 1;
    must(df__http_new(&config, &http) == DF_OK);
    must(df__http_start(http, &call, &r) == DF_OK);
    df__http_wait(r, serve_and_poll, NULL);
    check(r);
    df__http_free(http);
    while (accepted_count)
        close(accepted[--accepted_count]);
    return 0;
}
