/* SPDX-License-Identifier: Apache-2.0
 * faultproxy.h: what the files of the proxy share.
 */
#ifndef TESTS_TOOLS_FAULTPROXY_H
#define TESTS_TOOLS_FAULTPROXY_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

enum { PROXY_CHUNK = 16384, PROXY_PATTERN = 64, PROXY_CONNECTIONS = 256 };
enum { PROXY_UP, PROXY_DOWN }; /* client to server, server to client */
enum { PROXY_BEFORE, PROXY_AFTER, PROXY_ANSWER };

/* What happens to data: changed by commands, the same for all connections. */
typedef struct proxy_faults {
    int hold[2];         /* a direction that is a black hole */
    int refuse;          /* new connections are reset */
    int64_t delay_ms[2]; /* each chunk waits */
    double loss;       /* percent of segments that are "sent again", late, with what comes after */
    int64_t rate;      /* bytes per second and direction; 0: no limit */
    int64_t forget_ms; /* a connection idle for so long is forgotten; 0: none is */
    unsigned char pattern[PROXY_PATTERN];
    size_t pattern_len;
    int when;      /* cut before the pattern, after it is sent, or when the answer comes */
    int64_t skip;  /* passages before the cut */
    int64_t every; /* then each time (1) or only once (0) */
    uint64_t seen, cuts, accepted, forgotten, bytes[2];
    uint64_t seed;
} proxy_faults;

typedef struct proxy_piece {
    struct proxy_piece *next;
    int64_t due_ms;
    size_t len, at;
    unsigned char data[];
} proxy_piece;

typedef struct proxy_way { /* one direction */
    proxy_piece *first, **last;
    size_t queued;
    int64_t free_ms; /* nothing before this: keeps the order */
    int ended, told;
} proxy_way;

typedef struct proxy_connection {
    int fd[2]; /* client, server; data of way w comes from fd[w] and goes to fd[1 - w] */
    int connecting, answer_cuts, dead;
    int forgotten;   /* what comes is swallowed, and neither side is told */
    int64_t last_ms; /* of data, either way */
    size_t matched;
    proxy_way way[2];
} proxy_connection;

int64_t proxy_now_ms(void);
_Noreturn void proxy_die(const char *what);

/* faultproxy_flow.c: data. 0: the connection has ended. */
int proxy_read(proxy_connection *c, int way, proxy_faults *f);
int proxy_write(proxy_connection *c, int way, const proxy_faults *f);
/* Milliseconds until the way can move; -1: not by time. */
int64_t proxy_wait(const proxy_connection *c, int way, const proxy_faults *f);
int proxy_wants(const proxy_connection *c, int way, const proxy_faults *f);
/* Ends it as a host that crashed: reset on both sides. */
void proxy_reset(proxy_connection *c);
void proxy_drop(proxy_connection *c);

/* faultproxy_command.c: one line in, one line out. `cut` is set when all must be reset. */
void proxy_command(proxy_faults *f, char *line, char *reply, size_t cap, int *cut);

#endif
