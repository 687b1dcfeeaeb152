/* SPDX-License-Identifier: Apache-2.0
 * http.h: one HTTP client for connectors and programs, on libcurl's multi interface.
 *
 * A client owns connections and the requests on them. It has no thread: its user polls one
 * descriptor and then drives it.
 *
 *     df__http_request *r;
 *     int rc = df__http_start(http, &call, &r);
 *     while (rc == DF_OK && !df__http_done(r)) {
 *         df_stage_wait(st, df__http_fd(http), POLLIN, df__http_timeout_ms(http));
 *         df__http_drive(http);
 *     }
 *     ... df__http_reply_of(r), df__http_header_of(r, "content-type", 0) ...
 *     df__http_end(r);
 *
 * WHAT IT PROMISES
 * - A request is sent once. libcurl sends again by itself when a kept connection turns out dead;
 *   that is cut off here, unless the method may be repeated (`repeatable`). A request that may have
 *   reached the server and has no reply is DF_EUNKNOWN, never a plain failure.
 * - DF_OK means a whole reply: status, headers, every byte that was announced, trailers. A reply
 *   without a length that ends with its connection is marked (`unframed`).
 * - A header that is marked secret is not in any text, does not follow a redirect to another
 * origin, and is wiped from memory. One that is marked as a token is refused for plain http.
 * - Nothing of the process's environment counts: no proxy variables, no .netrc, no cookies.
 * - TLS 1.2 or newer, names verified. Certificates and keys are read again when their files change;
 *   requests started after that use the new ones.
 *
 * THREADS. A client and its requests belong to one thread at a time. Callbacks run inside
 * df__http_drive and df__http_resume; they must not start, end or drive requests.
 *
 * Facts about libcurl: its manual pages CURLOPT_PREREQFUNCTION (called before each sending),
 * CURLOPT_SEEKFUNCTION, CURLOPT_WRITEFUNCTION (pause), CURLOPT_PROXY ("" disables the variables).
 */
#ifndef DF_NET_HTTP_H
#define DF_NET_HTTP_H

#include <stdint.h>

#include "dataflow.h"
#include "util/heap.h"

typedef struct df__http df__http;
typedef struct df__http_request df__http_request;

enum df__http_secrecy {
    DF__HTTP_OPEN = 0,
    DF__HTTP_SECRET = 1, /* never shown, stays with its origin */
    DF__HTTP_TOKEN = 2   /* the same, and only over TLS or to the loopback interface */
};

typedef struct df__http_header {
    const char *name, *value;
    enum df__http_secrecy secrecy;
} df__http_header;

/* PEM, from a file or from memory; memory wins. NULL: the system's authorities, no certificate. */
typedef struct df__http_tls {
    const char *ca_file, *cert_file, *key_file;
    df_bytes ca, cert, key;
    const char *key_password;
    int insecure; /* neither chain nor name is verified */
} df__http_tls;

typedef struct df__http_config {
    const df__heap *heap; /* NULL: libc's */
    const char *user_agent;
    const char *proxy;    /* URL; NULL: none */
    const char *no_proxy; /* host names with commas */
    df__http_tls tls;
    int64_t connect_us;  /* resolve, connect, TLS; 0: 10 s */
    int64_t first_us;    /* from the last byte sent to the first byte of the reply; 0: 30 s */
    int64_t idle_us;     /* no byte in either direction; 0: 30 s */
    int64_t total_us;    /* 0: no limit */
    int64_t max_reply;   /* bytes of a reply after decompression; 0: 64 MiB */
    int64_t keep_us;     /* a connection that was idle for longer is not used again; 0: 60 s */
    int max_connections; /* to one host; 0: no limit */
    int http1;           /* no HTTP/2, also where it is offered */
} df__http_config;

typedef struct df__http_call {
    const char *method; /* NULL: GET */
    const char *url;    /* http or https, without user and password */
    const df__http_header *headers;
    size_t header_count;
    df_bytes body; /* borrowed until the request is done */
    /* Instead of `body`. Fills buf and sets *len; DF_OK, DF_DONE when that was the end (with *len
     * bytes), DF_AGAIN: nothing now, df__http_resume later; a failure ends the request with it. */
    int (*send)(void *user, char *buf, size_t cap, size_t *len);
    int64_t send_len; /* bytes that `send` gives in all; -1: unknown, sent in chunks */
    /* Takes the body of a 2xx reply as it comes; NULL: it is kept, see the reply. DF_OK, DF_AGAIN:
     * not taken, the same bytes come again after df__http_resume; a failure ends the request. */
    int (*receive)(void *user, int status, df_bytes part);
    /* Called by df__http_drive when the request is done; may start and end requests. */
    void (*done)(void *user, df__http_request *r);
    void *user;
    int64_t first_us, idle_us, total_us; /* 0: as the client; -1: no limit */
    int64_t max_reply;                   /* 0: as the client; -1: no limit */
    int follow;     /* redirects of GET and HEAD: at most 5, never from https to http */
    int compressed; /* asks for gzip */
    int repeatable; /* POST and others: may be applied twice. GET, HEAD, PUT and DELETE always */
} df__http_call;

/* How far a request came. */
enum df__http_phase { DF__HTTP_CONNECTING, DF__HTTP_SENDING, DF__HTTP_WAITING, DF__HTTP_RECEIVING };

typedef struct df__http_reply {
    /* DF_OK: a whole reply, of any status. DF_EIO: none, and nothing was applied, or the
     * method may be repeated. DF_ETIMEOUT: the same, for want of time. DF_EUNKNOWN: the request may
     * have been applied. DF_ETOOBIG: the reply is over the limit. DF_EAUTH: TLS refused us or we
     * it. DF_EINVAL: cannot work as written. DF_ECANCELED, DF_ENOMEM, or what a callback said. */
    int rc;
    int status; /* 0: no status line came */
    enum df__http_phase phase;
    int unframed;           /* the end of the body was the end of the connection */
    df_bytes body;          /* when there was no `receive`; a NUL stands after it */
    int64_t received;       /* bytes of the body, after decompression */
    int64_t retry_after_us; /* what the server asks for; -1: nothing. At most a day */
    const char *text;       /* what failed, where and what to do; no secret, no query of the URL */
} df__http_reply;

/* Copies the config; files are read at the first request. DF_ENOMEM, DF_EIO (no descriptor),
 * DF_ENOTSUP (a libcurl without TLS or a needed feature). */
int df__http_new(const df__http_config *config, df__http **ret);
/* Ends all requests; NULL is fine. */
void df__http_free(df__http *http);

/* The descriptor to poll for reading; the same for the client's whole life. */
int df__http_fd(const df__http *http);
/* When to call df__http_drive at the latest; -1: no limit. */
int df__http_timeout_ms(const df__http *http);
/* Does what can be done without waiting. */
void df__http_drive(df__http *http);

/* Starts a request; texts and headers are copied. What is wrong with the call itself is told at
 * once: DF_EINVAL with the text of df__http_errmsg. */
int df__http_start(df__http *http, const df__http_call *call, df__http_request **ret);
/* Why the last df__http_start failed; "" before. Lives until the next one. */
const char *df__http_errmsg(const df__http *http);
/* 1: the reply is there, good or not. */
int df__http_done(const df__http_request *r);
/* Valid until the request ends. */
const df__http_reply *df__http_reply_of(const df__http_request *r);
/* The index-th value of a header of the reply or its trailer, of the last reply after redirects;
 * NULL: no such. */
const char *df__http_header_of(const df__http_request *r, const char *name, size_t index);
/* After a callback said DF_AGAIN. */
void df__http_resume(df__http_request *r);
/* Makes a running request done with DF_ECANCELED; its connection is closed. */
void df__http_cancel(df__http_request *r);
/* Frees a request, after cancelling it if it runs. NULL is fine. */
void df__http_end(df__http_request *r);

/* Waits until `r` is done. `wait` polls the descriptor; other than DF_OK cancels, and is the
 * reply's rc. NULL: poll(2). */
int df__http_wait(df__http_request *r, int (*wait)(void *ctx, int fd, int timeout_ms), void *ctx);

#endif
