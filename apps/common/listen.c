/* SPDX-License-Identifier: Apache-2.0
 * listen.c: see listen.h. */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "args.h"

/* Splits an address into host and port. "" as host: all interfaces. */
static int split_address(const char *address, char *host, size_t host_len, const char **ret_port)
{
    const char *colon = strrchr(address, ':');
    const char *begin = address, *end = colon;
    long long number;
    if (!colon) {
        snprintf(host, host_len, "127.0.0.1");
        *ret_port = address;
    } else {
        if (*begin == '[' && end > begin + 1 && end[-1] == ']') {
            begin++;
            end--;
        }
        if ((size_t)(end - begin) >= host_len)
            return -1;
        snprintf(host, host_len, "%.*s", (int)(end - begin), begin);
        *ret_port = colon + 1;
    }
    return app_args_number(*ret_port, 0, 65535, &number);
}

static int listen_at(const struct addrinfo *a)
{
    int on = 1, off = 0;
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (!bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, 64))
        return fd;
    off = errno;
    close(fd);
    errno = off;
    return -1;
}

/* All interfaces: one IPv6 socket that takes IPv4 too; IPv4 alone where there is no IPv6. */
static int listen_on(const char *host, const char *port, char *err, size_t err_len)
{
    struct addrinfo hints, *list = NULL;
    int fd = -1, rc;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    hints.ai_family = *host ? AF_UNSPEC : AF_INET6;
    rc = getaddrinfo(*host ? host : NULL, port, &hints, &list);
    if (rc == 0)
        fd = listen_at(list);
    if (fd < 0 && !*host && errno != EADDRINUSE) {
        if (list)
            freeaddrinfo(list);
        list = NULL;
        hints.ai_family = AF_INET;
        rc = getaddrinfo(NULL, port, &hints, &list);
        if (rc == 0)
            fd = listen_at(list);
    }
    if (fd < 0)
        snprintf(err, err_len, "cannot listen on %s:%s: %s", host, port,
                 rc ? gai_strerror(rc) : strerror(errno));
    if (list)
        freeaddrinfo(list);
    return fd;
}

void app_listen_name(int fd, char *buf, size_t len)
{
    struct sockaddr_storage at;
    socklen_t at_len = sizeof at;
    char host[INET6_ADDRSTRLEN], port[8];
    if (getsockname(fd, (struct sockaddr *)&at, &at_len) ||
        getnameinfo((struct sockaddr *)&at, at_len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV))
        snprintf(buf, len, "unknown");
    else if (!strcmp(host, "::") || !strcmp(host, "0.0.0.0"))
        snprintf(buf, len, "localhost:%s", port); /* all interfaces: one that a browser takes */
    else
        snprintf(buf, len, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

int app_listen(const char *address, char *err, size_t err_len)
{
    char host[64];
    const char *port;
    if (split_address(address, host, sizeof host, &port) == 0)
        return listen_on(host, port, err, err_len);
    snprintf(err, err_len, "\"%s\" is no address: write :9090, HOST:9090 or [::1]:9090", address);
    return -2;
}
