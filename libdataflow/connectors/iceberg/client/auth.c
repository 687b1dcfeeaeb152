/* SPDX-License-Identifier: Apache-2.0
 * auth.c: what proves to the catalog who asks. A token that is given is read anew for each request,
 * so that another one in its Secret or file is seen. One that is got by client credentials is
 * renewed at four fifths of its life. */
#include <string.h>

#include "client/session.h"
#include "util/codec.h"

enum { AGAIN_US = 1000000 };

static int set_bearer(df__ice_session *s, df_bytes token)
{
    df__buf *b = &s->authorization;
    if (token.len == 0)
        return df_stage_fail(s->st, DF_EAUTH, "auth_error", "bearerToken: is empty");
    df__buf_wipe(b);
    df__buf_str(b, "Bearer ");
    df__buf_add(b, token.data, token.len);
    if (!df__buf_cstr(b))
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a token");
    return df_stage_hide(s->st, token);
}

static int set_basic(df__ice_session *s)
{
    df_bytes user, password;
    char name[256];
    int rc = df_secret_get(s->place->basic->username, s->st, &user);
    if (rc != DF_OK)
        return rc;
    size_t len = df__text_set(name, sizeof name, user.data, user.len);
    rc = df_secret_get(s->place->basic->password, s->st, &password);
    if (rc != DF_OK)
        return rc;
    df__buf_wipe(&s->authorization);
    df__buf_str(&s->authorization, "Basic ");
    df__basic_add(&s->authorization, (df_bytes){name, len}, password);
    if (!df__buf_cstr(&s->authorization))
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a password");
    const char *coded = s->authorization.data + 6;
    return df_stage_hide(s->st, (df_bytes){coded, strlen(coded)});
}

/* ---- client credentials ---------------------------------------------------------------------- */

static int copy_secret(df__ice_session *s, df_secret *secret, char **ret)
{
    df_bytes text;
    int rc = df_secret_get(secret, s->st, &text);
    if (rc != DF_OK)
        return rc;
    *ret = df__strndup(&s->heap, text.data ? text.data : "", text.len);
    return *ret ? DF_OK : df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a token");
}

static void forget(df__ice_session *s, char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    df__free(&s->heap, text);
}

static int fetch(df__ice_session *s, const df__token_ask *ask)
{
    df__token token = {.rc = DF_OK};
    int64_t now = df_stage_clock_us(s->st);
    df__ice_asks(s, "the token endpoint");
    int rc = s->net->token_fetch(s->http, ask, df__ice_wait, s, &token);
    df__ice_asks(s, NULL);
    if (rc == DF_OK) {
        s->until_us = now + token.life_us;
        s->renew_us = now + token.life_us / 5 * 4;
        rc = set_bearer(s, (df_bytes){token.value.data, token.value.len});
    } else if (rc != DF_ECANCELED) {
        (void)df_stage_fail(s->st, rc, rc == DF_EAUTH ? "auth_error" : "connection_error",
                            token.text);
    }
    s->net->token_free(&token);
    return rc;
}

static int log_in(df__ice_session *s)
{
    char *id = NULL, *secret = NULL;
    int rc = copy_secret(s, s->place->oauth_id, &id);
    rc = rc == DF_OK ? copy_secret(s, s->place->oauth_secret, &secret) : rc;
    if (rc == DF_OK) {
        df__token_ask ask = {.url = s->place->oauth_uri.len ? s->place->oauth_uri.data
                                                            : df__buf_cstr(&s->token_url),
                             .client_id = id,
                             .client_secret = secret,
                             .scope = s->place->oauth_scope.data};
        rc = fetch(s, &ask);
    }
    forget(s, id);
    forget(s, secret);
    return rc;
}

/* A token that is still valid is used on while no other can be got. */
static int got_token(df__ice_session *s)
{
    int64_t now = df_stage_clock_us(s->st);
    if (s->until_us && now < s->renew_us)
        return DF_OK;
    int rc = log_in(s);
    if (rc == DF_OK || rc == DF_ECANCELED || now >= s->until_us)
        return rc;
    s->renew_us = now + AGAIN_US;
    df_stage_log(s->st, DF_LOG_WARN,
                 "the access token cannot be renewed now; it is used while it is valid");
    return DF_OK;
}

static int given_token(df__ice_session *s)
{
    df_bytes token;
    int rc = df_secret_get(s->place->bearer ? s->place->bearer : s->place->token, s->st, &token);
    return rc == DF_OK ? set_bearer(s, token) : rc;
}

int df__ice_authorize(df__ice_session *s)
{
    const df__ice_place *p = s->place;
    if (p->auth == ICE_AUTH_NONE)
        return DF_OK;
    if (p->auth != ICE_AUTH_BASIC && (p->bearer || p->token))
        return given_token(s);
    if (p->auth != ICE_AUTH_BASIC && p->oauth_id)
        return got_token(s);
    return p->basic ? set_basic(s) : DF_OK;
}

int df__ice_token_refused(df__ice_session *s)
{
    const df__ice_place *p = s->place;
    if (p->auth == ICE_AUTH_NONE || p->auth == ICE_AUTH_BASIC || p->bearer || p->token ||
        !p->oauth_id)
        return 0;
    s->until_us = s->renew_us = 0;
    return 1;
}
