/* SPDX-License-Identifier: Apache-2.0
 * place.h: the options that source and sink share: where the table is, and who asks. */
#ifndef DF_TRINO_PLACE_H
#define DF_TRINO_PLACE_H

#include "net/tls_block.h"
#include "net/url_option.h"

/* The block `keycloak`: a token that is given, or how one is got. */
typedef struct df__trino_keycloak {
    df_bytes server_url, realm, client_id, username;
    df_secret *client_secret, *password, *token;
} df__trino_keycloak;

typedef struct df__trino_place {
    df_bytes server_url, catalog, schema, table;
    df_bytes user;
    df_secret *password;
    df__trino_keycloak *keycloak; /* NULL: no block */
    df__tls_block *tls;           /* NULL: no block */
    df_list session;              /* of df_pair */
    df_bytes client_tags;
} df__trino_place;

extern const df_options df__trino_keycloak_options;

/* What does not fit together, as problems; DF_ESPEC when one is an error. */
int df__trino_place_check(df_stage *st, const df__trino_place *p);

#define TRINO_PLACE_AT(member) .offset = offsetof(TRINO_SELF, place.member)
/* Rows for a table whose struct TRINO_SELF has a member `place`. `own`: flags of what makes a
 * source this source. */
#define TRINO_PLACE_ROWS(own)                                                                      \
    {.name = "serverURL",                                                                          \
     .type = DF_OPT_TEXT,                                                                          \
     .flags = DF_OPT_REQUIRED | DF_OPT_REF | (own),                                                \
     TRINO_PLACE_AT(server_url),                                                                   \
     .doc = "Where the coordinator is: https://host:port, or http://host:port."},                  \
        {.name = "catalog",                                                                        \
         .type = DF_OPT_TEXT,                                                                      \
         .flags = DF_OPT_REQUIRED | DF_OPT_REF | (own),                                            \
         TRINO_PLACE_AT(catalog),                                                                  \
         .doc = "Catalog of the table."},                                                          \
        {.name = "schema",                                                                         \
         .type = DF_OPT_TEXT,                                                                      \
         .flags = DF_OPT_REQUIRED | DF_OPT_REF | (own),                                            \
         TRINO_PLACE_AT(schema),                                                                   \
         .doc = "Schema of the table."},                                                           \
        {.name = "table",                                                                          \
         .type = DF_OPT_TEXT,                                                                      \
         .flags = DF_OPT_REQUIRED | DF_OPT_REF | (own),                                            \
         TRINO_PLACE_AT(table),                                                                    \
         .doc = "Table, as it stands, without quotes."},                                           \
        {.name = "user",                                                                           \
         .type = DF_OPT_TEXT,                                                                      \
         TRINO_PLACE_AT(user),                                                                     \
         .doc = "Whose name the statements run under. Unset: dataflow-operator; with a token, "    \
                "whom the token names."},                                                          \
        {.name = "password",                                                                       \
         .type = DF_OPT_SECRET,                                                                    \
         .flags = DF_OPT_REF,                                                                      \
         TRINO_PLACE_AT(password),                                                                 \
         .doc = "Password of `user`, for a server that asks for one; goes over TLS only."},        \
        {.name = "keycloak",                                                                       \
         .type = DF_OPT_BLOCK,                                                                     \
         .block = &df__trino_keycloak_options,                                                     \
         TRINO_PLACE_AT(keycloak),                                                                 \
         .doc = "An access token, or where one is got by OAuth 2.0."},                             \
        {.name = "tls",                                                                            \
         .type = DF_OPT_BLOCK,                                                                     \
         .block = &df__tls_block_options,                                                          \
         TRINO_PLACE_AT(tls),                                                                      \
         .doc = "Certificates, for the coordinator and for Keycloak."},                            \
        {.name = "sessionProperties",                                                              \
         .type = DF_OPT_MAP,                                                                       \
         TRINO_PLACE_AT(session),                                                                  \
         .doc = "Session properties of Trino for each statement, as query_priority: \"5\"."},      \
    {                                                                                              \
        .name = "clientTags", .type = DF_OPT_TEXT, .of = DF_OPT_TEXT, TRINO_PLACE_AT(client_tags), \
        .doc = "Tags for resource groups, commas between."                                         \
    }

#endif
