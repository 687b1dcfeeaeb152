/* SPDX-License-Identifier: Apache-2.0
 * faultproxy: a TCP proxy on loopback that cuts, delays, holds, loses and half-opens, told what to
 * do through a command socket.
 */
#include "faultproxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "faultproxy run LISTEN TO CONTROL [SEED]   ports on 127.0.0.1; ends with its parent\n"
    "faultproxy tell CONTROL COMMAND…\n"
    "Commands: pass (as it should be), cut (reset all connections), refuse (reset new ones),\n"
    "  down (cut and refuse), blackhole [up|down], delay MS, loss PERCENT, rate BYTES_PER_SECOND,\n"
    "  forget MS (a connection idle for so long swallows what comes, without a word),\n"
    "  cut-at before|after|answer PATTERN|hex:DIGITS [SKIP [once|always]], stat\n";

void proxy_die(const char *what)
{
    fprintf(stderr, "faultproxy: %s: %s\n", what, strerror(errno));
    exit(1);
}

int64_t proxy_now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct sockaddr_in address(const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    return a;
}

static int listener(const char *port)
{
    struct sockaddr_in a = address(port);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 64) != 0)
        proxy_die(port);
    return fd;
}

/* ---- the proxy ------------------------------------------------------------------------------- */

static proxy_connection *connections[PROXY_CONNECTIONS];
static size_t count;
static proxy_faults faults;

static void remove_at(size_t i)
{
    free(connections[i]);
    connections[i] = connections[--count];
}

static void accept_one(int from, const char *to)
{
    struct sockaddr_in a = address(to);
    int client = accept4(from, NULL, NULL, SOCK_CLOEXEC);
    proxy_connection *c;
    if (client < 0)
        return;
    faults.accepted++;
    c = calloc(1, sizeof *c);
    if (c == NULL)
        proxy_die("no memory");
    c->last_ms = proxy_now_ms();
    c->fd[0] = client;
    c->fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (faults.refuse || count == PROXY_CONNECTIONS || c->fd[1] < 0 ||
        connect(c->fd[1], (struct sockaddr *)&a, sizeof a) != 0) {
        proxy_reset(c);
        free(c);
        return;
    }
    connections[count++] = c;
}

static void obey(int from)
{
    char line[512], reply[512];
    int cut = 0, fd = accept4(from, NULL, NULL, SOCK_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : recv(fd, line, sizeof line - 1, 0);
    if (n > 0) {
        line[n] = '\0';
        line[strcspn(line, "\r\n")] = '\0';
        proxy_command(&faults, line, reply, sizeof reply, &cut);
        (void)send(fd, reply, strlen(reply), MSG_NOSIGNAL);
    }
    while (cut && count > 0) {
        proxy_reset(connections[0]);
        remove_at(0);
    }
    if (fd >= 0)
        (void)close(fd);
}

/* Sooner of two waits, where -1 is never. */
static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int64_t prepare(struct pollfd *p)
{
    int64_t wait = -1;
    for (size_t i = 0; i < count; i++) {
        proxy_connection *c = connections[i];
        for (int w = 0; w < 2; w++) {
            int64_t left = proxy_wait(c, w, &faults);
            p[2 * i + (size_t)w].fd = -1;
            p[2 * i + (size_t)w].events = 0;
            p[2 * i + (size_t)w].revents = 0;
            if (left > 0)
                wait = sooner(wait, left);
        }
        for (int w = 0; w < 2; w++) {
            struct pollfd *from = &p[2 * i + (size_t)w], *to = &p[2 * i + 1 - (size_t)w];
            from->events |= (short)(proxy_wants(c, w, &faults) ? POLLIN : 0);
            to->events |= (short)(proxy_wait(c, w, &faults) == 0 ? POLLOUT : 0);
        }
        for (int w = 0; w < 2; w++)
            if (p[2 * i + (size_t)w].events != 0)
                p[2 * i + (size_t)w].fd = c->fd[w];
    }
    return wait;
}

static void move(const struct pollfd *p, size_t polled)
{
    for (size_t i = polled; i-- > 0;) {
        proxy_connection *c = connections[i];
        int alive = 1;
        for (int w = 0; w < 2 && alive; w++)
            if (p[2 * i + (size_t)w].revents & (POLLIN | POLLHUP | POLLERR))
                alive = proxy_read(c, w, &faults);
        for (int w = 0; w < 2 && alive; w++)
            alive = proxy_write(c, w, &faults);
        if (alive)
            continue;
        if (c->way[0].told && c->way[1].told)
            proxy_drop(c);
        else
            proxy_reset(c);
        remove_at(i);
    }
}

static void run(const char *from, const char *to, const char *control)
{
    static struct pollfd p[2 * PROXY_CONNECTIONS + 2];
    int data = listener(from), commands = listener(control);
    for (;;) {
        int64_t wait = prepare(p);
        size_t polled = count;
        p[2 * polled] = (struct pollfd){.fd = data, .events = POLLIN};
        p[2 * polled + 1] = (struct pollfd){.fd = commands, .events = POLLIN};
        if (poll(p, 2 * polled + 2, (int)wait) < 0 && errno != EINTR)
            proxy_die("poll");
        int data_ready = p[2 * polled].revents & POLLIN;
        int command_ready = p[2 * polled + 1].revents & POLLIN;
        move(p, polled);
        if (command_ready)
            obey(commands);
        if (data_ready)
            accept_one(data, to);
    }
}

/* ---- the client of the command socket -------------------------------------------------------- */

static int tell(const char *control, char **words, int n)
{
    struct sockaddr_in a = address(control);
    char text[512] = "";
    size_t len = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (int i = 0; i < n && len < sizeof text; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i > 0 ? " " : "", words[i]);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        proxy_die("command socket");
    ssize_t got = recv(fd, text, sizeof text - 1, 0);
    (void)close(fd);
    if (got <= 0)
        proxy_die("no answer");
    text[got] = '\0';
    fputs(text, stdout);
    return strncmp(text, "unknown", 7) == 0;
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc >= 4 && strcmp(argv[1], "tell") == 0)
        return tell(argv[2], argv + 3, argc - 3);
    if (argc < 5 || strcmp(argv[1], "run") != 0) {
        fputs(usage, stderr);
        return 2;
    }
    faults.seed = argc > 5 ? strtoull(argv[5], NULL, 10) : 1;
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    run(argv[2], argv[3], argv[4]);
}
