/* SPDX-License-Identifier: Apache-2.0
 * place.h: the options that sources and sinks of both kinds share: which catalog, which table, who
 * asks, and where its files are. */
#ifndef DF_ICEBERG_PLACE_H
#define DF_ICEBERG_PLACE_H

#include "net/tls_block.h"
#include "net/url_option.h"

enum df__ice_auth { ICE_AUTH_AUTO, ICE_AUTH_BEARER, ICE_AUTH_BASIC, ICE_AUTH_NONE };

typedef struct df__ice_basic {
    df_secret *username, *password;
} df__ice_basic;

typedef struct df__ice_place {
    df_bytes base_url;            /* of a Nessie; data NULL: the kind is iceberg */
    df_bytes catalog_uri, prefix; /* of a REST catalog */
    df_bytes branch, warehouse, namespace, table;
    int is_tag; /* branch is a tag of Nessie */
    int auth;   /* enum df__ice_auth */
    df_secret *bearer, *token;
    df__ice_basic *basic;
    df_bytes oauth_uri, oauth_scope;
    df_secret *oauth_id, *oauth_secret;
    df__tls_block *tls;
    df_bytes s3_endpoint, s3_region;
    df_secret *access_key, *secret_key, *session_token;
    int virtual_host;
} df__ice_place;

extern const df_options df__ice_basic_options;

/* What does not fit together, as problems; DF_ESPEC when one is an error. */
int df__ice_place_check(df_stage *st, const df__ice_place *p);

/* Rows for a table whose struct ICE_SELF has a member `place`; `own`: flags of what makes a source
 * this source. */
#define ICE_AT(member) .offset = offsetof(ICE_SELF, place.member)
#define ICE_TEXT(text, member, flag, words)                                                        \
    {                                                                                              \
        .name = text, .type = DF_OPT_TEXT, .flags = (flag), ICE_AT(member), .doc = words           \
    }
#define ICE_SECRET(text, member, words)                                                            \
    {                                                                                              \
        .name = text, .type = DF_OPT_SECRET, .flags = DF_OPT_REF, ICE_AT(member), .doc = words     \
    }
#define ICE_NESSIE_ROWS(own)                                                                       \
    ICE_TEXT("baseURL", base_url, DF_OPT_REQUIRED | DF_OPT_REF | (own),                            \
             "Where Nessie is: http(s)://host:port, without a path."),                             \
    {                                                                                              \
        .name = "branch", .type = DF_OPT_TEXT, .flags = (own), ICE_AT(branch), .def = "main",      \
        .doc = "Branch of Nessie that is read or written."                                         \
    }
#define ICE_REST_ROWS(own)                                                                         \
    ICE_TEXT("catalogURI", catalog_uri, DF_OPT_REQUIRED | DF_OPT_REF | (own),                      \
             "Where the REST catalog is, without /v1: http(s)://host:port/path."),                 \
        ICE_TEXT("prefix", prefix, (own),                                                          \
                 "Prefix of the catalog's paths. Unset: what the catalog says.")
#define ICE_OAUTH_ROWS                                                                             \
    ICE_TEXT("oauth2ServerURI", oauth_uri, DF_OPT_REF,                                             \
             "Token endpoint of OAuth 2.0. Unset: catalogURI/v1/oauth/tokens."),                   \
        ICE_SECRET("oauth2ClientID", oauth_id, "Client that asks for tokens."),                    \
        ICE_SECRET("oauth2ClientSecret", oauth_secret, "Its secret."),                             \
    {                                                                                              \
        .name = "oauth2Scope", .type = DF_OPT_TEXT, ICE_AT(oauth_scope), .def = "catalog",         \
        .doc = "Scope of the token."                                                               \
    }
#define ICE_PLACE_ROWS(own)                                                                        \
    ICE_TEXT("warehouse", warehouse, (own),                                                        \
             "Warehouse, by the catalog's name for it. Unset: its default."),                      \
        ICE_TEXT("namespace", namespace, DF_OPT_REQUIRED | DF_OPT_REF | (own),                     \
                 "Namespace of the table; levels with a dot between."),                            \
        ICE_TEXT("table", table, DF_OPT_REQUIRED | DF_OPT_REF | (own), "Table."),                  \
        {.name = "authenticationType",                                                             \
         .type = DF_OPT_ENUM,                                                                      \
         ICE_AT(auth),                                                                             \
         .def = "AUTO",                                                                            \
         .choices = df__ice_auth_choices,                                                          \
         .doc = "How the catalog is asked. AUTO: by the token, the client or the user that is "    \
                "given, else without."},                                                           \
        ICE_SECRET("bearerToken", bearer,                                                          \
                   "A token that is used as it is. Read again when its Secret or file changes."),  \
        ICE_SECRET("token", token, "Another name of bearerToken."),                                \
        {.name = "basicAuth",                                                                      \
         .type = DF_OPT_BLOCK,                                                                     \
         .block = &df__ice_basic_options,                                                          \
         ICE_AT(basic),                                                                            \
         .doc = "User and password for the catalog."},                                             \
        {.name = "tls",                                                                            \
         .type = DF_OPT_BLOCK,                                                                     \
         .block = &df__tls_block_options,                                                          \
         ICE_AT(tls),                                                                              \
         .doc = "Certificates, for the catalog, the token endpoint and the storage."},             \
        ICE_TEXT("s3Endpoint", s3_endpoint, 0,                                                     \
                 "Where the storage is: http(s)://host:port. Unset: what the catalog says, else "  \
                 "AWS."),                                                                          \
        ICE_TEXT("s3Region", s3_region, 0,                                                         \
                 "Region of the storage. Unset: what the catalog says, else us-east-1."),          \
        ICE_SECRET("accessKey", access_key,                                                        \
                   "Access key of the storage. Unset: keys that the catalog gives, else none."),   \
        ICE_SECRET("secretAccessKey", secret_key, "Secret key of the storage."),                   \
        ICE_SECRET("sessionToken", session_token, "Token beside keys that do not last."),          \
    {                                                                                              \
        .name = "s3VirtualHostStyle", .type = DF_OPT_BOOL, ICE_AT(virtual_host), .def = "false",   \
        .doc = "The bucket is a part of the host's name instead of the path. AWS is always asked " \
               "so."                                                                               \
    }
extern const char *const df__ice_auth_choices[];

#endif
