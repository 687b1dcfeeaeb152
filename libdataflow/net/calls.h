/* SPDX-License-Identifier: Apache-2.0
 * calls.h: the HTTP client for connectors. It is a shared object of its own beside the modules,
 * opened when a manifest needs it, so that a flow without HTTP carries no libcurl and none of the
 * libraries under that. A connector calls through the table only. */
#ifndef DF_NET_CALLS_H
#define DF_NET_CALLS_H

#include "net/http.h"
#include "net/token.h"

/* The functions of net/http.h and net/token.h under their names without df__http_ and df__. */
typedef struct df__net_calls {
    size_t size; /* of this table */
    int version; /* DF_VERSION of the build */
    int (*new_client)(const df__http_config *config, df__http **ret);
    void (*free_client)(df__http *http);
    int (*fd)(const df__http *http);
    int (*timeout_ms)(const df__http *http);
    void (*drive)(df__http *http);
    int (*start)(df__http *http, const df__http_call *call, df__http_request **ret);
    const char *(*errmsg)(const df__http *http);
    int (*done)(const df__http_request *r);
    const df__http_reply *(*reply_of)(const df__http_request *r);
    const char *(*header_of)(const df__http_request *r, const char *name, size_t index);
    void (*resume)(df__http_request *r);
    void (*cancel)(df__http_request *r);
    void (*end)(df__http_request *r);
    int (*wait)(df__http_request *r, int (*wait)(void *ctx, int fd, int timeout_ms), void *ctx);
    int (*token_fetch)(df__http *http, const df__token_ask *ask,
                       int (*wait)(void *ctx, int fd, int timeout_ms), void *ctx, df__token *ret);
    void (*token_free)(df__token *token);
} df__net_calls;

/* The only symbol that the shared object exports. */
DF_API extern const df__net_calls df__net_table;

/* Opens it, from the folder of the module that asks. It stays open until the process ends: the
 * libraries under it do not expect to go. NULL: `err` says why and what to do. */
const df__net_calls *df__net_open(char *err, size_t len);

#endif
