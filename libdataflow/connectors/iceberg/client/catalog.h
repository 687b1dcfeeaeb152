/* SPDX-License-Identifier: Apache-2.0
 * catalog.h: the REST protocol of Iceberg catalogs, as far as one table needs it. Nessie speaks it
 * too, under a path that names branch and warehouse.
 * Source: the OpenAPI description of the Iceberg REST catalog, and Nessie's guide to it. */
#ifndef DF_ICEBERG_CATALOG_H
#define DF_ICEBERG_CATALOG_H

#include <yyjson.h>

#include "client/session.h"

typedef struct df__ice_catalog {
    df__ice_session *session;
    df__buf base;       /* "https://host/path/v1", without a slash at the end */
    df__buf table;      /* URL of the table */
    df__buf tables;     /* URL of the tables of its namespace */
    df__buf spaces;     /* URL of namespaces */
    df__buf shown;      /* "a.b.t", for texts */
    yyjson_doc *config; /* defaults and overrides */
    int is_nessie;
    char said[ICE_SHOWN]; /* by the catalog, of what it refused last */
} df__ice_catalog;

enum df__ice_outcome { ICE_COMMITTED, ICE_CONFLICT, ICE_UNKNOWN };

/* Asks the catalog for its configuration. DF_OK; a failure with the text set: DF_EIO, DF_ETIMEOUT,
 * DF_EAUTH, DF_EINVAL (no such catalog, branch or warehouse), DF_ENOMEM, DF_ECANCELED.
 * df__ice_catalog_close in any case. */
int df__ice_catalog_open(df__ice_catalog *c, df__ice_session *s);
/* Lets go of it; one that was never opened is fine. */
void df__ice_catalog_close(df__ice_catalog *c);
/* A property of the catalog's configuration, overrides first; NULL: none. */
const char *df__ice_property(const df__ice_catalog *c, const char *name);
/* The table: ret->body is the reply of loadTable. DF_ENOTFOUND: there is none, and no text is set.
 * ret is to be freed (df__buf_free of its body) in any case. */
int df__ice_load(df__ice_catalog *c, df__ice_answer *ret);
/* The table as it was at a commit of Nessie, or at a time: "*2026-01-02T03:04:05Z". As
 * df__ice_load. */
int df__ice_load_at(df__ice_catalog *c, const char *at, df__ice_answer *ret);
/* Makes the namespace, with its upper levels; those that are there are fine. */
int df__ice_create_space(df__ice_catalog *c);
/* Makes the table. DF_EEXISTS: it is there; no text is set. */
int df__ice_create(df__ice_catalog *c, df_bytes body);
/* Sends a commit, once; `at`: Nessie's commit that has the table as it was seen, NULL: none. DF_OK:
 * *ret says what came of it. A failure, with the text set: not applied; DF_EINVAL: the catalog
 * refuses it. */
int df__ice_commit(df__ice_catalog *c, df_bytes body, const char *at, enum df__ice_outcome *ret);
/* A failure of a request by its status, with the text set; `doing` says what was asked for. */
int df__ice_refused(df__ice_catalog *c, const df__ice_answer *a, const char *doing);
/* GETs an address. As df__ice_send; ret is to be freed in any case. */
int df__ice_get(df__ice_catalog *c, const char *url, df__ice_answer *ret);
/* The next level of a namespace; levels have a dot between. */
df_bytes df__ice_next_level(df_bytes *rest);

/* ---- history.c ------------------------------------------------------------------------------- */

enum { ICE_COMMIT = 80 };
typedef struct df__ice_history {
    char (*commits)[ICE_COMMIT]; /* newest first */
    size_t count, cap;
} df__ice_history;
/* The commits of Nessie's branch that put the table, from `to` back to `from`, without that one.
 * DF_ENOTFOUND: `from` is no ancestor; no text is set. ret->commits is to be freed in any case. */
int df__ice_history_read(df__ice_catalog *c, const char *from, const char *to,
                         df__ice_history *ret);

#endif
