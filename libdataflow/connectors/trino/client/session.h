/* SPDX-License-Identifier: Apache-2.0
 * session.h: the client of one coordinator: where it is, under whose name it is asked, and the
 * token that proves it. Made when a stage opens, gone when it closes. */
#ifndef DF_TRINO_SESSION_H
#define DF_TRINO_SESSION_H

#include "client/place.h"
#include "net/calls.h"
#include "tables/memory.h"
#include "util/buf.h"

enum { TRINO_HEADERS = 16 };

typedef struct df__trino_session {
    df_stage *st;
    df__heap heap; /* of the stage: all that the session and its user keep, which so counts */
    const df__trino_place *place;
    const df__net_calls *net;
    df__http *http;
    df__buf origin;             /* "https://host:port", without a slash at the end */
    df__buf authorization;      /* "Bearer …" or "Basic …"; empty: none */
    df__buf refresh;            /* a token that gets the next one; empty: none */
    df__buf properties;         /* value of X-Trino-Session; empty: none */
    int64_t renew_us, until_us; /* of the token, by df_stage_clock_us; until 0: there is none */
    char run[24];               /* names this session in the server's list of queries */
    unsigned serial;            /* of its statements */
    int show_values, is_open;
} df__trino_session;

/* DF_EINVAL, DF_EAUTH, DF_ENOTSUP, DF_ENOMEM with the text set; df__trino_session_close in any
 * case. */
int df__trino_session_open(df__trino_session *s, df_stage *st, const df__trino_place *place);
/* Closes the client and wipes the tokens; one that was never opened is fine. */
void df__trino_session_close(df__trino_session *s);

/* ---- auth.c --------------------------------------------------------------------------------- */

/* Makes s->authorization valid: takes the token that is given, or gets one when the one at hand is
 * near its end. DF_EAUTH, DF_EIO, DF_ECANCELED with the text set; a token that is still valid is
 * used on while no other can be got. `follows`: for the replies of a statement that runs, any token
 * is used on: Trino looks at that of the POST, and a statement must not be left for it. */
int df__trino_authorize(df__trino_session *s, int follows);
/* The server refused the token: the next df__trino_authorize gets another. 0: there is none to get,
 * it stands in the manifest. */
int df__trino_token_refused(df__trino_session *s);

#endif
