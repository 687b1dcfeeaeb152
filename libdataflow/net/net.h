/* SPDX-License-Identifier: Apache-2.0
 * net.h: what the files of the HTTP client share.
 *
 *   client.c    connections, the descriptor, timers
 *   request.c   a request from its call to its reply
 *   transfer.c  one sending of a request: libcurl's options and callbacks
 *   outcome.c   what a failed transfer means
 *   redirect.c  origins, and where a redirect leads
 *   tls.c       certificates and keys that are read again
 *   token.c     OAuth access tokens, on top of it (net/token.h) */
#ifndef DF_NET_NET_H
#define DF_NET_NET_H

#include <curl/curl.h>
#include <sys/stat.h>

#include "net/http.h"
#include "util/buf.h"

enum { DF_NET_TEXT = 512 };

/* One PEM file: its content, and the state of the file that this is the content of. */
typedef struct df__pem {
    const char *path;
    df_bytes given; /* instead of a file */
    struct stat seen;
    df__buf text;
} df__pem;

enum df__pem_kind { DF__PEM_CA, DF__PEM_CERT, DF__PEM_KEY, DF__PEM_COUNT };

struct df__http {
    const df__heap *heap;
    df__http_config config; /* its texts are copies */
    CURLM *multi;
    int epoll;
    int64_t timer_us;        /* of libcurl; -1: none */
    df__http_request *first; /* all requests, newest first */
    df__pem pem[DF__PEM_COUNT];
    char text[DF_NET_TEXT];
};

struct df__http_request {
    df__http *http;
    df__http_request *next, **back;
    df__http_call call;
    char *method, *url;                 /* url: where it goes now, after redirects */
    struct curl_slist *headers, *plain; /* all; without those that stay with their origin */
    CURL *easy;
    char curl_text[CURL_ERROR_SIZE];
    int running, done, told; /* told: `done` was called */
    int sendings;            /* times that libcurl began to send it */
    int redirects;
    int other_origin; /* a redirect left the first origin */
    int failed;       /* what a callback said, or one of ours; DF_OK: nothing */
    size_t sent;      /* bytes of the body given to libcurl */
    int sent_all, send_waits, receive_waits, head_ended;
    int64_t begun_us, active_us;
    df__http_reply reply;
    df__buf head, body; /* head: name NUL value NUL … */
    char text[DF_NET_TEXT];
};

/* transfer.c: makes a handle for the request's url; the handle keeps nothing of the client. */
int df__http_transfer_new(df__http_request *r);
/* The header lines were for a reply that a redirect answers: its body is of no use. */
int df__http_is_redirect(const df__http_request *r);

/* outcome.c: fills the reply from what libcurl said, and the request is done; or follows a
 * redirect, and it goes on. */
void df__http_outcome(df__http_request *r, CURLcode code);
/* The text of the reply: method, url without query, and this, made as by printf. */
void df__http_say(df__http_request *r, const char *format, ...) DF_PRINTF(2, 3);

/* redirect.c: checks a url of a call; err has the text. */
int df__http_check_url(const char *url, int *ret_loopback, int *ret_tls, char *err, size_t len);
/* Follows a redirect: DF_OK with r->url changed; DF_EIO with the reply's text set: not followed. */
int df__http_redirect(df__http_request *r, const char *location);
/* "https://host:8443/path" of a url, without user and query. */
void df__http_shown_url(const char *url, char *buf, size_t len);

/* tls.c: the newest content of all files. DF_EIO with the text in `err`. */
int df__http_tls_load(df__http *http, char *err, size_t len);
/* Wipes and frees what was read. */
void df__http_tls_free(df__http *http);
/* Gives a handle certificates and keys as memory, which libcurl copies, and what is verified. */
CURLcode df__http_tls_use(df__http *http, CURL *easy);
/* Why a server cannot be verified when no bundle of certificates was found: where it was looked
 * for. Returns buf. */
const char *df__http_tls_no_bundle(char *buf, size_t len);

/* outcome.c: when the request is given up, by df__monotonic_us; -1: never. */
int64_t df__http_deadline(const df__http_request *r);
/* client.c: gives the request's handle to libcurl. DF_ENOMEM. */
int df__http_run(df__http_request *r);
/* client.c: takes it back, if libcurl has it. */
void df__http_stop(df__http_request *r);

#endif
