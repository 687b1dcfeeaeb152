/* SPDX-License-Identifier: Apache-2.0
 * auth.c: what proves who asks. A token that is given is read anew for each statement, so that
 * another one in its Secret or file is seen. One that is got is renewed at four fifths of its life,
 * by the refresh token while that lives, else by logging in again. */
#include <poll.h>
#include <string.h>

#include "client/session.h"
#include "util/codec.h"

enum { AGAIN_US = 1000000 };

static int wait_for(void *ctx, int fd, int timeout_ms)
{
    int rc = df_stage_wait(ctx, fd, POLLIN, timeout_ms);
    return rc == DF_AGAIN ? DF_OK : rc;
}

/* Nothing of what was in it stays in memory. */
static void begin(df__buf *b, const char *scheme)
{
    df__buf_wipe(b);
    df__buf_clear(b);
    df__buf_str(b, scheme);
}

/* "Bearer <token>"; the token is hidden in all texts from then on. */
static int set_bearer(df__trino_session *s, df_bytes token)
{
    begin(&s->authorization, "Bearer ");
    df__buf_add(&s->authorization, token.data, token.len);
    if (!df__buf_cstr(&s->authorization))
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a token");
    return df_stage_hide(s->st, token);
}

static int set_password(df__trino_session *s)
{
    df_bytes password;
    int rc = df_secret_get(s->place->password, s->st, &password);
    if (rc != DF_OK)
        return rc;
    begin(&s->authorization, "Basic ");
    df__basic_add(&s->authorization, s->place->user, password);
    if (!df__buf_cstr(&s->authorization))
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a password");
    const char *coded = s->authorization.data + 6;
    return df_stage_hide(s->st, (df_bytes){coded, strlen(coded)});
}

static int given_token(df__trino_session *s)
{
    df_bytes token;
    int rc = df_secret_get(s->place->keycloak->token, s->st, &token);
    if (rc == DF_OK && token.len == 0)
        return df_stage_fail(s->st, DF_EAUTH, "auth_error", "keycloak.token: is empty");
    return rc == DF_OK ? set_bearer(s, token) : rc;
}

/* ---- tokens that are got --------------------------------------------------------------------- */

/* Texts of secrets that live as long as the asking. */
typedef struct grant {
    df__buf url;
    char *texts[2];
    df__token_ask ask;
} grant;

static int copy_secrets(df__trino_session *s, grant *g)
{
    const df__trino_keycloak *k = s->place->keycloak;
    df_secret *const secrets[] = {k->client_secret, k->password};
    for (size_t i = 0; i < 2; i++) {
        df_bytes text = {NULL, 0};
        int rc = secrets[i] ? df_secret_get(secrets[i], s->st, &text) : DF_OK;
        if (rc != DF_OK)
            return rc;
        g->texts[i] = text.data ? df__strdup(&s->heap, text.data) : NULL;
        if (text.data && !g->texts[i])
            return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a token");
    }
    return DF_OK;
}

static int make_grant(df__trino_session *s, grant *g)
{
    const df__trino_keycloak *k = s->place->keycloak;
    df_bytes base = k->server_url;
    while (base.len && ((const char *)base.data)[base.len - 1] == '/')
        base.len--;
    df__buf_add(&g->url, base.data, base.len);
    df__buf_str(&g->url, "/realms/");
    df__percent_add(&g->url, k->realm.data ? k->realm.data : "");
    df__buf_str(&g->url, "/protocol/openid-connect/token");
    if (!df__buf_cstr(&g->url))
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a token");
    int rc = copy_secrets(s, g);
    g->ask = (df__token_ask){.url = g->url.data,
                             .client_id = k->client_id.data ? k->client_id.data : "",
                             .client_secret = g->texts[0],
                             .username = k->username.data,
                             .password = g->texts[1]};
    return rc;
}

static void free_grant(grant *g)
{
    for (size_t i = 0; i < 2; i++) {
        if (g->texts[i])
            explicit_bzero(g->texts[i], strlen(g->texts[i]));
        df__free(g->url.heap, g->texts[i]);
    }
    df__buf_free(&g->url);
}

static int take_token(df__trino_session *s, const df__token *token)
{
    int64_t now = df_stage_clock_us(s->st);
    s->until_us = now + token->life_us;
    s->renew_us = now + token->life_us / 5 * 4;
    begin(&s->refresh, "");
    df__buf_add(&s->refresh, token->refresh.data ? token->refresh.data : "", token->refresh.len);
    if (!df__buf_cstr(&s->refresh))
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a token");
    if (s->refresh.len)
        (void)df_stage_hide(s->st, (df_bytes){s->refresh.data, s->refresh.len});
    return set_bearer(s, (df_bytes){token->value.data, token->value.len});
}

static int fetch(df__trino_session *s, grant *g)
{
    df__token token = {.rc = DF_OK};
    int rc = s->net->token_fetch(s->http, &g->ask, wait_for, s->st, &token);
    if (rc == DF_OK)
        rc = take_token(s, &token);
    else if (rc != DF_ECANCELED)
        (void)df_stage_fail(s->st, rc, rc == DF_EAUTH ? "auth_error" : "connection_error",
                            token.text);
    s->net->token_free(&token);
    return rc;
}

/* By the refresh token, and when that is refused by logging in again. */
static int renew(df__trino_session *s)
{
    grant g = {.ask = {.url = NULL}};
    int rc = DF_EAUTH;
    df__buf_init(&g.url, &s->heap);
    int made = make_grant(s, &g);
    if (made == DF_OK && s->refresh.len) {
        g.ask.refresh = s->refresh.data;
        rc = fetch(s, &g);
        g.ask.refresh = NULL;
        if (rc == DF_EAUTH)
            df__buf_clear(&s->refresh);
    }
    if (made == DF_OK && rc == DF_EAUTH)
        rc = fetch(s, &g);
    free_grant(&g);
    return made == DF_OK ? rc : made;
}

static int got_token(df__trino_session *s, int follows)
{
    int64_t now = df_stage_clock_us(s->st);
    int usable = s->authorization.len > 0 && (follows || now < s->until_us);
    if (usable && now < s->renew_us)
        return DF_OK;
    int rc = renew(s);
    if (rc == DF_OK || rc == DF_ECANCELED || !usable)
        return rc;
    s->renew_us = now + AGAIN_US;
    df_stage_log(s->st, DF_LOG_WARN,
                 follows ? "the access token cannot be renewed now; what runs is followed with it"
                         : "the access token cannot be renewed now; it is used while it is valid");
    return DF_OK;
}

int df__trino_authorize(df__trino_session *s, int follows)
{
    int rc = DF_OK;
    if (s->place->password)
        rc = set_password(s);
    else if (s->place->keycloak)
        rc = s->place->keycloak->token ? given_token(s) : got_token(s, follows);
    int goes_on = follows && s->authorization.len > 0 && rc != DF_ECANCELED && rc != DF_ENOMEM;
    return goes_on ? DF_OK : rc;
}

int df__trino_token_refused(df__trino_session *s)
{
    if (!s->place->keycloak || s->place->keycloak->token)
        return 0;
    s->until_us = s->renew_us = 0;
    df__buf_clear(&s->refresh);
    return 1;
}
