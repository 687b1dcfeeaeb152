/* SPDX-License-Identifier: Apache-2.0
 * token.h: an OAuth 2.0 access token by client credentials (RFC 6749, 4.4). */
#ifndef DF_NET_TOKEN_H
#define DF_NET_TOKEN_H

#include "net/http.h"
#include "util/buf.h"

typedef struct df__token_ask {
    const char *url; /* of the token endpoint: https, or http of this machine */
    const char *client_id, *client_secret;
    const char *scope; /* NULL: none */
} df__token_ask;

typedef struct df__token {
    df__buf value;   /* ended by NUL */
    int64_t life_us; /* from now on; 5 minutes when the endpoint does not say it */
    int rc;          /* as df__token_fetch */
    char text[400];  /* why there is none; no secret */
} df__token;

/* Asks for one; `wait` as df__http_wait. DF_OK; DF_EAUTH: refused, somebody must change something;
 * DF_EIO, DF_ETIMEOUT: may work later; DF_ECANCELED, DF_ENOMEM. ret->value is wiped by
 * df__token_free. */
int df__token_fetch(df__http *http, const df__token_ask *ask,
                    int (*wait)(void *ctx, int fd, int timeout_ms), void *ctx, df__token *ret);
/* What an endpoint answered. Also for tests. */
int df__token_read(const char *url, int status, df_bytes body, df__token *ret);
void df__token_free(df__token *token);

#endif
