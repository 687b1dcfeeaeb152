/* SPDX-License-Identifier: Apache-2.0
 * http_peer.h: an HTTP server of the tests that says exactly what a test wants, also what no server
 * should: it cuts, waits, lies about lengths. A thread for each connection. */
#ifndef DF_TESTS_HTTP_PEER_H
#define DF_TESTS_HTTP_PEER_H

#include <pthread.h>
#include <stddef.h>

typedef struct http_peer http_peer;
typedef struct peer_conn peer_conn;

/* One request as it came: head and body, NUL-terminated. */
typedef struct peer_request {
    const char *head; /* "GET /x HTTP/1.1\r\n…\r\n\r\n" */
    const char *body; /* chunks are joined */
    size_t body_len;
} peer_request;

/* Answers a request with peer_write and friends. 1: the connection goes on; 0: it is closed. */
typedef int peer_answer(peer_conn *c, const peer_request *request);

struct peer_conn {
    http_peer *peer;
    int fd, number; /* number: 1 is the first connection */
    void *session;  /* SSL */
    pthread_t thread;
};

enum { PEER_CONNS = 256 };

struct http_peer {
    char url[64]; /* "http://127.0.0.1:port" */
    peer_answer *answer;
    void *user;
    _Atomic int connections, requests;
    int only_heads; /* does not read what follows a head: it stays in the sockets */
    /* inside */
    int listener, stop[2];
    void *tls; /* SSL_CTX of a TLS peer */
    pthread_t thread;
    peer_conn conns[PEER_CONNS];
};

void peer_start(http_peer *peer, peer_answer *answer);
/* With a certificate for "localhost" and an authority for client certificates (may be NULL). */
void peer_start_tls(http_peer *peer, peer_answer *answer, const char *cert, const char *key,
                    const char *client_ca);
void peer_stop(http_peer *peer);
void peer_write(peer_conn *c, const void *data, size_t len);
void peer_say(peer_conn *c, const char *text);
/* Status, further header lines ("A: b\r\n"), body with its length. */
void peer_reply(peer_conn *c, int status, const char *headers, const char *body);
/* Waits until the other side closes, or the peer stops; takes what comes. */
void peer_linger(peer_conn *c);
/* The same, without reading: the other side's bytes stay in the sockets. */
void peer_sit(peer_conn *c);
/* The name in the certificate that the client showed; NULL: none. Freed by the caller. */
char *peer_client_name(peer_conn *c);
int peer_path_is(const peer_request *request, const char *path);

/* Writes an authority, and certificates signed by it, into a folder: ca.pem NAME.pem NAME.key */
void peer_make_ca(const char *folder, const char *file);
void peer_make_cert(const char *folder, const char *ca, const char *file, const char *host,
                    int days);

#endif
