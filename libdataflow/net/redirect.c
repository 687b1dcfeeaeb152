/* SPDX-License-Identifier: Apache-2.0
 * redirect.c: where a url leads, and whether a redirect may be followed: credentials stay with
 * their origin (scheme, host and port), and nothing goes from https back to http. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/net.h"

enum { MAX_REDIRECTS = 5 };

static char *part(CURLU *u, CURLUPart what)
{
    char *text = NULL;
    curl_url_get(u, what, &text, what == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0);
    return text;
}

static CURLU *parsed(const char *url)
{
    CURLU *u = curl_url();
    if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK)
        return u;
    curl_url_cleanup(u);
    return NULL;
}

static int same_part(CURLU *a, CURLU *b, CURLUPart what)
{
    char *x = part(a, what), *y = part(b, what);
    int same = x && y && !strcasecmp(x, y);
    curl_free(x);
    curl_free(y);
    return same;
}

static int same_origin(CURLU *a, CURLU *b)
{
    return same_part(a, b, CURLUPART_SCHEME) && same_part(a, b, CURLUPART_HOST) &&
           same_part(a, b, CURLUPART_PORT);
}

static int is_scheme(CURLU *u, const char *scheme)
{
    char *text = part(u, CURLUPART_SCHEME);
    int is = text && !strcasecmp(text, scheme);
    curl_free(text);
    return is;
}

static int has_user(CURLU *u)
{
    char *user = part(u, CURLUPART_USER), *password = part(u, CURLUPART_PASSWORD);
    int has = user || password;
    curl_free(user);
    curl_free(password);
    return has;
}

/* A name may begin as an address does: 127.example.com is some other machine. */
static int is_loopback(CURLU *u)
{
    char *host = part(u, CURLUPART_HOST);
    int is_ours = host && !strncmp(host, "127.", 4) && !host[strspn(host, "0123456789.")];
    int is = is_ours || (host && (!strcmp(host, "localhost") || !strcmp(host, "[::1]")));
    curl_free(host);
    return is;
}

int df__http_check_url(const char *url, int *ret_loopback, int *ret_tls, char *err, size_t len)
{
    CURLU *u = parsed(url);
    int rc = DF_EINVAL;
    if (!u)
        snprintf(err, len, "this is no URL of the form http(s)://host:port/path");
    else if (!is_scheme(u, "http") && !is_scheme(u, "https"))
        snprintf(err, len, "a URL must begin with http:// or https://");
    else if (has_user(u))
        snprintf(err, len, "a URL must not hold a user or a password; there are options for them");
    else
        rc = DF_OK;
    if (rc == DF_OK) {
        *ret_loopback = is_loopback(u);
        *ret_tls = is_scheme(u, "https");
    }
    curl_url_cleanup(u);
    return rc;
}

void df__http_shown_url(const char *url, char *buf, size_t len)
{
    CURLU *u = parsed(url);
    char *text = NULL;
    if (u) {
        curl_url_set(u, CURLUPART_USER, NULL, 0);
        curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
        curl_url_set(u, CURLUPART_QUERY, NULL, 0);
        curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
        curl_url_get(u, CURLUPART_URL, &text, 0);
    }
    df__text_set(buf, len, text ? text : "?", text ? strlen(text) : 1);
    curl_free(text);
    curl_url_cleanup(u);
}

/* What speaks against going from one place to the other; NULL: nothing. */
static const char *objection(const df__http_request *r, CURLU *from, CURLU *to)
{
    if (r->redirects >= MAX_REDIRECTS)
        return "there were five before";
    if (!to)
        return "its Location is no URL";
    if (!is_scheme(to, "http") && !is_scheme(to, "https"))
        return "it leads to neither http nor https";
    if (is_scheme(from, "https") && !is_scheme(to, "https"))
        return "it leads from https to http";
    if (has_user(to))
        return "its Location holds a user or a password";
    return NULL;
}

int df__http_redirect(df__http_request *r, const char *location)
{
    CURLU *from = parsed(r->url), *to = parsed(r->url);
    char *text = NULL, shown[DF_NET_TEXT];
    const char *why;
    int rc = DF_EIO;
    if (to && curl_url_set(to, CURLUPART_URL, location, 0) != CURLUE_OK) {
        curl_url_cleanup(to);
        to = NULL;
    }
    why = objection(r, from, to);
    if (why) {
        df__http_shown_url(location, shown, sizeof shown);
        df__http_say(r, "the redirect to %s is not followed: %s", shown, why);
    } else if (curl_url_get(to, CURLUPART_URL, &text, 0) == CURLUE_OK) {
        char *url = df__strdup(r->http->heap, text);
        rc = url ? DF_OK : DF_ENOMEM;
        if (url) {
            r->other_origin |= !same_origin(from, to);
            df__free(r->http->heap, r->url);
            r->url = url;
            r->redirects++;
        }
    }
    curl_free(text);
    curl_url_cleanup(from);
    curl_url_cleanup(to);
    return rc;
}
