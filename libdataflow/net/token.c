/* SPDX-License-Identifier: Apache-2.0
 * token.c: asks a token endpoint, and reads its answer. Id and secret go as a header, which the
 * client sends over TLS or to this machine only; a password goes nowhere else either. */
#include "net/token.h"

#include <stdio.h>
#include <string.h>
#include <yyjson.h>

#include "util/codec.h"

enum { LIFE_S = 300, LIFE_MAX_S = 86400 * 30, REPLY_MAX = 256 << 10, TOTAL_US = 15000000 };

void df__token_free(df__token *token)
{
    df__buf_wipe(&token->value);
    df__buf_wipe(&token->refresh);
}

static int say(df__token *ret, int rc, const char *url, const char *what)
{
    df__text_printf(ret->text, sizeof ret->text, "the token endpoint %.200s %s", url, what);
    return ret->rc = rc;
}

/* "Basic base64(id:secret)", both encoded as in a form (RFC 6749, 2.3.1). */
static void add_basic(df__buf *out, const df__token_ask *ask)
{
    df__buf pair;
    df__buf_init(&pair, &df__heap_libc);
    df__percent_add(&pair, ask->client_id);
    df__buf_char(&pair, ':');
    df__percent_add(&pair, ask->client_secret);
    df__buf_str(out, "Basic ");
    df__base64_add(out, pair.data ? pair.data : "", pair.len);
    out->failed |= pair.failed;
    df__buf_wipe(&pair);
}

/* ---- what it answers ----------------------------------------------------------------------- */

/* Only words of RFC 6749 are repeated: what else is in an answer may be a secret. */
static const char *const refusals[][2] = {
    {"invalid_grant", "refuses the user (invalid_grant): check user and password"},
    {"invalid_client", "refuses the client (invalid_client): check id and secret"},
    {"unauthorized_client", "does not let this client ask so (unauthorized_client): check "
                            "the secret, and allow the client this kind of grant"},
    {"invalid_scope", "does not give this scope (invalid_scope)"},
    {"unsupported_grant_type", "does not know this kind of grant (unsupported_grant_type)"},
    {"invalid_request", "does not take the request (invalid_request)"},
};

static int refuse(const char *url, int status, yyjson_val *root, df__token *ret)
{
    const char *word = yyjson_get_str(yyjson_obj_get(root, "error"));
    char text[120];
    for (size_t i = 0; word && i < sizeof refusals / sizeof refusals[0]; i++)
        if (!strcmp(word, refusals[i][0]))
            return say(ret, DF_EAUTH, url, refusals[i][1]);
    df__text_printf(text, sizeof text, "answers with status %d", status);
    return say(ret, status >= 500 || status == 429 || status == 408 ? DF_EIO : DF_EAUTH, url, text);
}

/* Some write the number as a text. */
static int64_t life_of(yyjson_val *root)
{
    yyjson_val *v = yyjson_obj_get(root, "expires_in");
    double s = yyjson_is_num(v) ? yyjson_get_num(v) : 0;
    const char *text = yyjson_get_str(v);
    if (text)
        for (s = 0; *text >= '0' && *text <= '9' && s < LIFE_MAX_S; text++)
            s = s * 10 + (*text - '0');
    if (!(s >= 1))
        s = v ? 1 : LIFE_S;
    return (int64_t)((s < LIFE_MAX_S ? s : LIFE_MAX_S) * 1000000);
}

static int take(const char *url, yyjson_val *root, df__token *ret)
{
    yyjson_val *v = yyjson_obj_get(root, "access_token");
    const char *text = yyjson_get_str(v),
               *type = yyjson_get_str(yyjson_obj_get(root, "token_type"));
    if (!text || !*text || strlen(text) != yyjson_get_len(v))
        return say(ret, DF_EIO, url, "gives no access_token; is it the URL of a token endpoint?");
    if (type && strcasecmp(type, "bearer") != 0)
        return say(ret, DF_EAUTH, url, "gives a token that is no bearer token");
    df__buf_add(&ret->value, text, strlen(text));
    text = yyjson_get_str(yyjson_obj_get(root, "refresh_token"));
    df__buf_str(&ret->refresh, text ? text : "");
    ret->life_us = life_of(root);
    if (!df__buf_cstr(&ret->value) || !df__buf_cstr(&ret->refresh))
        return say(ret, DF_ENOMEM, url, "was asked, and there is no memory for its answer");
    return ret->rc = DF_OK;
}

static void begin(df__token *ret)
{
    df__buf_init(&ret->value, &df__heap_libc);
    df__buf_init(&ret->refresh, &df__heap_libc);
}

int df__token_read(const char *url, int status, df_bytes body, df__token *ret)
{
    begin(ret);
    yyjson_doc *doc = body.len ? yyjson_read(body.data, body.len, 0) : NULL;
    yyjson_val *root = yyjson_doc_get_root(doc);
    int rc = status / 100 == 2 ? take(url, root, ret) : refuse(url, status, root, ret);
    yyjson_doc_free(doc);
    return rc;
}

/* ---- asking -------------------------------------------------------------------------------- */

static int take_reply(const char *url, const df__http_reply *reply, df__token *ret)
{
    int told = reply->rc == DF_EAUTH || reply->rc == DF_ECANCELED || reply->rc == DF_ENOMEM;
    if (reply->rc == DF_OK)
        return df__token_read(url, reply->status, reply->body, ret);
    df__text_printf(ret->text, sizeof ret->text, "the token endpoint gives no token: %.300s",
                    reply->text ? reply->text : "");
    return ret->rc = told ? reply->rc : DF_EIO;
}

/* Of a request that could not begin. */
static int not_asked(df__http *http, int rc, df__token *ret)
{
    df__text_printf(ret->text, sizeof ret->text, "the token endpoint cannot be asked: %.300s",
                    df__http_errmsg(http));
    return ret->rc = rc == DF_EINVAL ? DF_EAUTH : rc;
}

static void add_part(df__buf *body, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    df__buf_printf(body, "&%s=", name);
    df__percent_add(body, value);
}

static int has_secret(const df__token_ask *ask)
{
    return ask->client_secret && *ask->client_secret;
}

/* A client without a secret names itself in the form (RFC 6749, 3.2.1). */
static void add_form(df__buf *body, const df__token_ask *ask)
{
    if (ask->refresh && *ask->refresh) {
        df__buf_str(body, "grant_type=refresh_token");
        add_part(body, "refresh_token", ask->refresh);
    } else if (ask->username && *ask->username) {
        df__buf_str(body, "grant_type=password");
        add_part(body, "username", ask->username);
        add_part(body, "password", ask->password);
    } else {
        df__buf_str(body, "grant_type=client_credentials");
    }
    if (!has_secret(ask))
        add_part(body, "client_id", ask->client_id);
    add_part(body, "scope", ask->scope);
}

int df__token_fetch(df__http *http, const df__token_ask *ask,
                    int (*wait)(void *ctx, int fd, int timeout_ms), void *ctx, df__token *ret)
{
    df__buf basic, body;
    int rc;
    begin(ret);
    df__buf_init(&basic, &df__heap_libc);
    df__buf_init(&body, &df__heap_libc);
    if (has_secret(ask))
        add_basic(&basic, ask);
    add_form(&body, ask);
    if (!df__buf_cstr(&basic) || !df__buf_cstr(&body)) {
        rc = say(ret, DF_ENOMEM, ask->url, "cannot be asked: no memory");
    } else {
        const df__http_header headers[] = {
            /* Marked, so that what is in the form is kept to the same places. */
            {"content-type", "application/x-www-form-urlencoded", DF__HTTP_TOKEN},
            {"accept", "application/json", DF__HTTP_OPEN},
            {"authorization", basic.data, DF__HTTP_TOKEN}};
        df__http_call call = {.method = "POST",
                              .url = ask->url,
                              .headers = headers,
                              .header_count = has_secret(ask) ? 3 : 2,
                              .body = {body.data, body.len},
                              .total_us = TOTAL_US,
                              .max_reply = REPLY_MAX,
                              .repeatable = 1};
        df__http_request *r = NULL;
        rc = df__http_start(http, &call, &r);
        if (rc == DF_OK)
            (void)df__http_wait(r, wait, ctx);
        rc = rc == DF_OK ? take_reply(ask->url, df__http_reply_of(r), ret)
                         : not_asked(http, rc, ret);
        df__http_end(r);
    }
    df__buf_wipe(&basic);
    df__buf_wipe(&body);
    return rc;
}
