/* SPDX-License-Identifier: Apache-2.0
 * place.c: see place.h. */
#include "client/place.h"

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
    int rcs[] = {df__url_option_check(st, "baseURL", p->base_url),
                 df__url_option_check(st, "catalogURI", p->catalog_uri),
                 df__url_option_check(st, "oauth2ServerURI", p->oauth_uri),
                 df__url_option_check(st, "s3Endpoint", p->s3_endpoint),
                 check_token(st, p),
                 check_basic(st, p),
                 df__tls_block_check(st, p->tls)};
    for (size_t i = 0; i < sizeof rcs / sizeof *rcs; i++)
        if (rcs[i] != DF_OK)
            return rcs[i];
    return DF_OK;
}
