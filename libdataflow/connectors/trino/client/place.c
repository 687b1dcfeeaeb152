/* SPDX-License-Identifier: Apache-2.0
 * place.c: see place.h. */
#include "client/place.h"

#include <string.h>

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
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     AT(df__trino_keycloak, client_id),
     .doc = "Client that asks for tokens."},
    {.name = "clientSecret",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     AT(df__trino_keycloak, client_secret),
     .doc = "Its secret; unset for a public client."},
    {.name = "username",
     .type = DF_OPT_SECRET,
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
     .doc = "A token that is used as it is; wins over all else here. Read again when its Secret or "
            "file changes."},
};
const df_options df__trino_keycloak_options = DF_OPTIONS(keycloak_rows, df__trino_keycloak);

static const df_option tls_rows[] = {
    {.name = "insecureSkipVerify",
     .type = DF_OPT_BOOL,
     AT(df__tls_block, insecure),
     .def = "false",
     .doc = "Takes any certificate; a CA beside it wins."},
    {.name = "caFile",
     .type = DF_OPT_TEXT,
     AT(df__tls_block, ca_file),
     .doc = "Authorities in PEM. Unset: those of the system."},
    {.name = "certFile",
     .type = DF_OPT_TEXT,
     AT(df__tls_block, cert_file),
     .doc = "Certificate of the client in PEM, with keyFile."},
    {.name = "keyFile", .type = DF_OPT_TEXT, AT(df__tls_block, key_file), .doc = "Its key in PEM."},
    {.name = "ca",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     AT(df__tls_block, ca),
     .doc = "Authorities in PEM, as text."},
    {.name = "cert",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     AT(df__tls_block, cert),
     .doc = "Certificate of the client in PEM, as text."},
    {.name = "key",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     AT(df__tls_block, key),
     .doc = "Its key in PEM, as text."},
};
const df_options df__trino_tls_options = DF_OPTIONS(tls_rows, df__tls_block);

static int check_keycloak(df_stage *st, const df__trino_keycloak *k)
{
    int rc = DF_OK;
    if (!k || k->token)
        return DF_OK;
    if (!k->server_url.len || !k->realm.len || !k->client_id)
        rc = df_stage_problem(st, DF_ERROR, "keycloak",
                              "token, or serverURL, realm and clientID, are required, each as "
                              "itself or as a SecretRef");
    if (!k->username != !k->password)
        rc = df_stage_problem(st, DF_ERROR, "keycloak", "username and password go together");
    if (!k->client_secret && !k->username)
        rc = df_stage_problem(st, DF_ERROR, "keycloak",
                              "clientSecret, or username and password, are required");
    return rc;
}

static int check_url(df_stage *st, const char *option, df_bytes url)
{
    const char *s = url.data;
    if (!s || strstr(s, "${"))
        return DF_OK;
    if (strncmp(s, "http://", 7) != 0 && strncmp(s, "https://", 8) != 0)
        return df_stage_problem(st, DF_ERROR, option, "begins with https:// or http://");
    return strchr(s, '@')
               ? df_stage_problem(st, DF_ERROR, option, "holds no user: use `user` and `password`")
               : DF_OK;
}

static int check_tls(df_stage *st, const df__tls_block *tls)
{
    if (!tls)
        return DF_OK;
    if (tls->insecure && !tls->ca && !tls->ca_file.len)
        df_stage_problem(st, DF_WARNING, "tls.insecureSkipVerify",
                         "whoever answers at this address can read and change all that is sent");
    int has_cert = tls->cert || tls->cert_file.len, has_key = tls->key || tls->key_file.len;
    return has_cert == has_key
               ? DF_OK
               : df_stage_problem(st, DF_ERROR, "tls",
                                  "the certificate of the client and its key go together (certFile "
                                  "or cert, keyFile or key)");
}

int df__trino_place_check(df_stage *st, const df__trino_place *p)
{
    int rc = check_url(st, "serverURL", p->server_url);
    int url = p->keycloak ? check_url(st, "keycloak.serverURL", p->keycloak->server_url) : DF_OK;
    int keycloak = check_keycloak(st, p->keycloak);
    rc = rc == DF_OK ? url : rc;
    rc = rc == DF_OK ? keycloak : rc;
    if (p->password && !p->user.len)
        rc = df_stage_problem(st, DF_ERROR, "user", "is required with password");
    if (p->password && p->keycloak)
        rc = df_stage_problem(st, DF_ERROR, "password",
                              "goes without keycloak: one of them says who asks");
    int tls = check_tls(st, p->tls);
    return rc == DF_OK ? tls : rc;
}
