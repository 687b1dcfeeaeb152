/* SPDX-License-Identifier: Apache-2.0
 * place.c: see place.h. */
#include "client/place.h"

#define AT(type, member) .offset = offsetof(type, member)

static const df_option keycloak_rows[] = {
    {.name = "serverURL",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REF,
     AT(df__trino_keycloak, server_url),
     .doc = "Base URL of Keycloak; https, unless it is on this machine."},
    {.name = "realm",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REF,
     AT(df__trino_keycloak, realm),
     .doc = "Realm of the client."},
    {.name = "clientID",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REF,
     AT(df__trino_keycloak, client_id),
     .doc = "Client that asks for tokens."},
    {.name = "clientSecret",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     AT(df__trino_keycloak, client_secret),
     .doc = "Its secret; unset for a public client."},
    {.name = "username",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REF,
     AT(df__trino_keycloak, username),
     .doc = "User for the password grant; unset: client credentials."},
    {.name = "password",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     AT(df__trino_keycloak, password),
     .doc = "Password of that user."},
    {.name = "token",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     AT(df__trino_keycloak, token),
     .doc = "A token that is used as it is; wins over all else here. Its Secret or file is read "
            "again at SIGHUP, and when the server refuses the token."},
};
const df_options df__trino_keycloak_options = DF_OPTIONS(keycloak_rows, df__trino_keycloak);

static int check_keycloak(df_stage *st, const df__trino_keycloak *k)
{
    int rc = DF_OK;
    if (!k || k->token)
        return DF_OK;
    if (!k->server_url.len || !k->realm.len || !k->client_id.len)
        rc = df_stage_problem(st, DF_ERROR, "keycloak",
                              "token, or serverURL, realm and clientID, are required, each as "
                              "itself or as a SecretRef");
    if (!k->username.len != !k->password)
        rc = df_stage_problem(st, DF_ERROR, "keycloak", "username and password go together");
    if (!k->client_secret && !k->username.len)
        rc = df_stage_problem(st, DF_ERROR, "keycloak",
                              "clientSecret, or username and password, are required");
    return rc;
}

int df__trino_place_check(df_stage *st, const df__trino_place *p)
{
    int rc = df__url_option_check(st, "serverURL", p->server_url);
    int url = !p->keycloak
                  ? DF_OK
                  : df__url_option_check(st, "keycloak.serverURL", p->keycloak->server_url);
    int keycloak = check_keycloak(st, p->keycloak);
    rc = rc == DF_OK ? url : rc;
    rc = rc == DF_OK ? keycloak : rc;
    if (p->password && !p->user.len)
        rc = df_stage_problem(st, DF_ERROR, "user", "is required with password");
    if (p->password && p->keycloak)
        rc = df_stage_problem(st, DF_ERROR, "password",
                              "goes without keycloak: one of them says who asks");
    int tls = df__tls_block_check(st, p->tls);
    return rc == DF_OK ? tls : rc;
}
