/* SPDX-License-Identifier: Apache-2.0
 * place.c: see place.h. */
#include "client/place.h"

#include <string.h>

#define AT(type, member) .offset = offsetof(type, member)

const char *const df__ice_auth_choices[] = {"AUTO", "BEARER", "BASIC", "NONE", NULL};

static const df_option basic_rows[] = {
    {.name = "username",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     AT(df__ice_basic, username),
     .doc = "User."},
    {.name = "password",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     AT(df__ice_basic, password),
     .doc = "Password of that user; goes over TLS only."},
};
const df_options df__ice_basic_options = DF_OPTIONS(basic_rows, df__ice_basic);

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
const df_options df__ice_tls_options = DF_OPTIONS(tls_rows, df__tls_block);

static int check_url(df_stage *st, const char *option, df_bytes url)
{
    const char *s = url.data;
    if (!s || strstr(s, "${"))
        return DF_OK;
    if (strncmp(s, "http://", 7) != 0 && strncmp(s, "https://", 8) != 0)
        return df_stage_problem(st, DF_ERROR, option, "begins with https:// or http://");
    return strchr(s, '@')
               ? df_stage_problem(st, DF_ERROR, option, "holds no user: there are options for it")
               : DF_OK;
}

static int check_token(df_stage *st, const df__ice_place *p)
{
    int rc = DF_OK;
    int tokens = (p->bearer != NULL) + (p->token != NULL);
    if (tokens == 2)
        rc = df_stage_problem(st, DF_ERROR, "token", "is the same as bearerToken: give one");
    if (!p->oauth_id != !p->oauth_secret)
        rc = df_stage_problem(st, DF_ERROR, "oauth2ClientID",
                              "oauth2ClientID and oauth2ClientSecret go together");
    if (p->oauth_id && tokens)
        rc = df_stage_problem(st, DF_ERROR, "oauth2ClientID",
                              "goes without a token: one of them says who asks");
    if (p->auth == ICE_AUTH_BEARER && !tokens && !p->oauth_id)
        rc = df_stage_problem(st, DF_ERROR, "authenticationType",
                              "BEARER needs bearerToken, or a client of OAuth 2.0");
    return rc;
}

static int check_basic(df_stage *st, const df__ice_place *p)
{
    int rc = DF_OK;
    if (p->basic && (!p->basic->username || !p->basic->password))
        rc = df_stage_problem(st, DF_ERROR, "basicAuth", "username and password go together");
    if (p->auth == ICE_AUTH_BASIC && !p->basic)
        rc = df_stage_problem(st, DF_ERROR, "authenticationType", "BASIC needs basicAuth");
    if (!p->access_key != !p->secret_key)
        rc = df_stage_problem(st, DF_ERROR, "accessKey",
                              "accessKey and secretAccessKey go together");
    if (p->session_token && !p->access_key)
        rc = df_stage_problem(st, DF_ERROR, "sessionToken", "goes with accessKey");
    return rc;
}

int df__ice_place_check(df_stage *st, const df__ice_place *p)
{
    int rcs[] = {check_url(st, "baseURL", p->base_url),
                 check_url(st, "catalogURI", p->catalog_uri),
                 check_url(st, "oauth2ServerURI", p->oauth_uri),
                 check_url(st, "s3Endpoint", p->s3_endpoint),
                 check_token(st, p),
                 check_basic(st, p)};
    if (p->tls && p->tls->insecure && !p->tls->ca && !p->tls->ca_file.len)
        df_stage_problem(st, DF_WARNING, "tls.insecureSkipVerify",
                         "whoever answers at this address can read and change all that is sent");
    for (size_t i = 0; i < sizeof rcs / sizeof *rcs; i++)
        if (rcs[i] != DF_OK)
            return rcs[i];
    return DF_OK;
}
