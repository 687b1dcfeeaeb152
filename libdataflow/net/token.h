/* SPDX-License-Identifier: Apache-2.0
 * token.h: an OAuth 2.0 access token: by a token that refreshes (RFC 6749, 6), by a user and its
 * password (4.3), or by client credentials (4.4); the first of them that is given. */
#ifndef DF_NET_TOKEN_H
#define DF_NET_TOKEN_H

#include "net/http.h"
#include "util/buf.h"

typedef struct df__token_ask {
    const char *url; /* of the token endpoint: https, or http of this machine */
    const char *client_id, *client_secret; /* secret NULL or "": a public client */
    const char *scope;                     /* NULL: none */
    const char *username, *password;       /* username NULL: none */
    const char *refresh;                   /* of an earlier answer; NULL: none */
} df__token_ask;

typedef struct df__token {
    df__buf value;   /* ended by NUL */
    df__buf refresh; /* ended by NUL; empty: none was given */
    int64_t life_us; /* from now on; 5 minutes when the endpoint does not say it */
    int rc;          /* as df__token_fetch */
    char text[400];  /* why there is none; no secret */
} df__token;

/* Asks for one; `wait` as df__http_wait. DF_OK; DF_EAUTH: refused, and it will be until the
 * options change; DF_EIO, DF_ETIMEOUT: may work later; DF_ECANCELED, DF_ENOMEM. What is in `ret` is
 * wiped by df__token_free. */
int df__token_fetch(df__http *http, const df__token_ask *ask,
                    int (*wait)(void *ctx, int fd, int timeout_ms), void *ctx, df__token *ret);
/* Reads what an endpoint answered, with answers as df__token_fetch; ret need not be initialised.
 * Also for tests. */
int df__token_read(const char *url, int status, df_bytes body, df__token *ret);
/* Wipes and frees its texts. */
void df__token_free(df__token *token);

#endif
