/* SPDX-License-Identifier: Apache-2.0
 * session.h: the HTTP client of one flow: the catalog, its token endpoint and the storage are asked
 * through it, one request at a time. Made when a stage opens, gone when it closes. */
#ifndef DF_ICEBERG_SESSION_H
#define DF_ICEBERG_SESSION_H

#include "client/place.h"
#include "net/calls.h"
#include "tables/memory.h"
#include "util/buf.h"

enum { ICE_HEADERS = 12, ICE_SHOWN = 300 };

typedef struct df__ice_session {
    df_stage *st;
    df__heap heap; /* of the stage */
    const df__ice_place *place;
    const df__net_calls *net;
    df__http *http;
    df__buf authorization;      /* for the catalog: "Bearer …" or "Basic …"; empty: none */
    df__buf token_url;          /* of OAuth 2.0; empty: none */
    int64_t renew_us, until_us; /* of the token; until 0: there is none */
    uint64_t noise;             /* state of df__ice_random */
    const char *asked;          /* who has not answered yet */
    int64_t asked_us;           /* since when */
    int is_open;
} df__ice_session;

typedef struct df__ice_ask {
    const char *method, *url; /* method NULL: GET */
    const df__http_header *headers;
    size_t header_count;
    df_bytes body;
    const char *whom;    /* static text; NULL: "the catalog" */
    int repeat;          /* may be sent again when its end is not known */
    const char *etag_of; /* name of a reply header that is kept in the answer; NULL: none */
} df__ice_ask;

typedef struct df__ice_answer {
    int status;
    df__buf body; /* ended by NUL; free it in any case */
    char header[128];
    int64_t retry_after_us;
} df__ice_answer;

/* DF_EINVAL, DF_EAUTH, DF_ENOTSUP, DF_ENOMEM with the text set; df__ice_session_close in any case.
 */
int df__ice_session_open(df__ice_session *s, df_stage *st, const df__ice_place *place);
/* Closes the client and wipes the tokens; one that was never opened is fine. */
void df__ice_session_close(df__ice_session *s);
/* Sends one request and waits for its reply. DF_OK: a whole reply of any status. DF_EUNKNOWN: it
 * may have been applied (`repeat` is 0). DF_EIO, DF_ETIMEOUT, DF_EAUTH (TLS), DF_ECANCELED,
 * DF_ENOMEM, DF_EINVAL; the text is set. With `repeat`, 429, 500, 502, 503, 504 and lost replies
 * are tried again some times. */
int df__ice_send(df__ice_session *s, const df__ice_ask *ask, df__ice_answer *ret);
/* A request goes to `whom` (static text). An answer that is long in coming is shown as what the
 * stage waits for, until NULL is said: there is one. */
void df__ice_asks(df__ice_session *s, const char *whom);
/* Waits for it: what df__net_calls want, of a session. */
int df__ice_wait(void *session, int fd, int timeout_ms);
/* Waits. DF_OK, DF_ECANCELED, DF_EIO. */
int df__ice_pause(df__ice_session *s, int64_t us);
/* 64 bits that no other process has. */
uint64_t df__ice_random(df__ice_session *s);
/* A random UUID as text, 36 characters and a NUL. */
void df__ice_uuid(df__ice_session *s, char ret[37]);

/* ---- auth.c --------------------------------------------------------------------------------- */

/* Makes s->authorization valid. DF_EAUTH, DF_EIO, DF_ECANCELED with the text set. */
int df__ice_authorize(df__ice_session *s);
/* The catalog refused the token: the next df__ice_authorize gets another. 0: there is none to get.
 */
int df__ice_token_refused(df__ice_session *s);

#endif
