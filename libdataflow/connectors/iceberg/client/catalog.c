/* SPDX-License-Identifier: Apache-2.0
 * catalog.c: see catalog.h. */
#include "client/catalog.h"

#include <string.h>

#include "util/codec.h"

static int no_memory(const df__ice_catalog *c)
{
    return df_stage_fail(c->session->st, DF_ENOMEM, NULL, "no memory");
}

/* ---- what an answer means -------------------------------------------------------------------- */

/* The message of the error object of a reply, or the first line of what else it is. */
static void read_error(const df__ice_answer *a, char *out, size_t cap)
{
    yyjson_doc *doc = yyjson_read(a->body.data, a->body.len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *error = yyjson_obj_get(root, "error");
    const char *text = yyjson_get_str(yyjson_obj_get(error, "message"));
    if (!text) /* of Nessie's own interface */
        text = yyjson_get_str(yyjson_obj_get(root, "message"));
    if (!text && !root)
        text = a->body.data;
    df__text_set(out, cap, text ? text : "", text ? strcspn(text, "\r\n<") : 0);
    yyjson_doc_free(doc);
}

int df__ice_refused(df__ice_catalog *c, const df__ice_answer *a, const char *doing)
{
    char *why = c->said;
    df_stage *st = c->session->st;
    read_error(a, why, sizeof c->said);
    const char *colon = why[0] ? ": " : "";
    if (a->retry_after_us > 0)
        df_stage_retry_after(st, (int)(a->retry_after_us / 1000));
    if (a->status == 401 || a->status == 403 || a->status == 419)
        return df_stage_failf(st, DF_EAUTH, "auth_error",
                              "the catalog refuses %s (%d%s%s): check authenticationType and what "
                              "belongs to it",
                              doing, a->status, colon, why);
    if (a->status == 408 || a->status == 429 || a->status >= 500)
        return df_stage_failf(st, DF_EIO, "transient", "the catalog answers %s with %d%s%s", doing,
                              a->status, colon, why);
    return df_stage_failf(st, DF_EINVAL, "configuration", "the catalog answers %s with %d%s%s",
                          doing, a->status, colon, why);
}

/* One request with what proves who asks; a token that is refused is got anew, once. */
static int ask(df__ice_catalog *c, df__ice_ask *a, df__ice_answer *ret)
{
    df__ice_session *s = c->session;
    df__http_header headers[4];
    for (int again = 0;; again++) {
        size_t count = 0;
        int rc = df__ice_authorize(s);
        memset(ret, 0, sizeof *ret);
        df__buf_init(&ret->body, &s->heap);
        if (rc != DF_OK)
            return rc;
        headers[count++] = (df__http_header){"accept", "application/json", DF__HTTP_OPEN};
        if (a->body.len)
            headers[count++] = (df__http_header){"content-type", "application/json", DF__HTTP_OPEN};
        if (!s->place->access_key)
            headers[count++] = (df__http_header){"x-iceberg-access-delegation",
                                                 "vended-credentials", DF__HTTP_OPEN};
        if (s->authorization.len)
            headers[count++] =
                (df__http_header){"authorization", s->authorization.data, DF__HTTP_TOKEN};
        a->headers = headers;
        a->header_count = count;
        rc = df__ice_send(s, a, ret);
        if (rc != DF_OK || (ret->status != 401 && ret->status != 419) || again ||
            !df__ice_token_refused(s))
            return rc;
        df__buf_free(&ret->body);
    }
}

int df__ice_get(df__ice_catalog *c, const char *url, df__ice_answer *ret)
{
    df__ice_ask a = {.url = url, .repeat = 1};
    return ask(c, &a, ret);
}

/* ---- addresses ------------------------------------------------------------------------------- */

static void add_url(df__buf *b, df_bytes url)
{
    while (url.len && ((const char *)url.data)[url.len - 1] == '/')
        url.len--;
    df__buf_add(b, url.data, url.len);
}

/* "…/v1/config?warehouse=W"; a Nessie's names branch and warehouse in the path. */
static void config_url(df__ice_catalog *c, df__buf *b)
{
    const df__ice_place *p = c->session->place;
    df__buf_clear(b);
    if (c->is_nessie) {
        add_url(b, p->base_url);
        df__buf_str(b, "/iceberg/");
        df__percent_add(b, p->branch.data);
        if (p->warehouse.len) {
            df__buf_str(b, "%7C");
            df__percent_add(b, p->warehouse.data);
        }
        df__buf_str(b, "/v1/config");
        return;
    }
    add_url(b, p->catalog_uri);
    df__buf_str(b, "/v1/config");
    if (p->warehouse.len) {
        df__buf_str(b, "?warehouse=");
        df__percent_add(b, p->warehouse.data);
    }
}

const char *df__ice_property(const df__ice_catalog *c, const char *name)
{
    yyjson_val *root = yyjson_doc_get_root(c->config);
    const char *text = yyjson_get_str(yyjson_obj_get(yyjson_obj_get(root, "overrides"), name));
    return text ? text : yyjson_get_str(yyjson_obj_get(yyjson_obj_get(root, "defaults"), name));
}

df_bytes df__ice_next_level(df_bytes *rest)
{
    const char *s = rest->data;
    const char *dot = memchr(s, '.', rest->len);
    df_bytes level = {s, dot ? (size_t)(dot - s) : rest->len};
    rest->data = dot ? dot + 1 : NULL;
    rest->len = dot ? rest->len - level.len - 1 : 0;
    return level;
}

static void add_level(df__buf *b, df_bytes level)
{
    char text[512];
    df__text_set(text, sizeof text, level.data, level.len);
    df__percent_add(b, text);
}

/* The namespace as a part of a URL. */
static void add_levels(df__ice_catalog *c)
{
    const char *between = df__ice_property(c, "namespace-separator");
    df_bytes rest = c->session->place->namespace;
    for (int first = 1; rest.data; first = 0) {
        df_bytes level = df__ice_next_level(&rest);
        df__buf_str(&c->tables, first ? "" : between ? between : "%1F");
        add_level(&c->tables, level);
    }
}

static int make_urls(df__ice_catalog *c)
{
    const df__ice_place *p = c->session->place;
    const char *prefix = p->prefix.len ? p->prefix.data : df__ice_property(c, "prefix");
    add_url(&c->base, c->is_nessie ? p->base_url : p->catalog_uri);
    df__buf_str(&c->base, c->is_nessie ? "/iceberg/v1" : "/v1");
    if (prefix && *prefix)
        df__buf_printf(&c->base, "/%s", prefix);
    if (!df__buf_cstr(&c->base))
        return no_memory(c);
    df__buf_printf(&c->spaces, "%s/namespaces", c->base.data);
    df__buf_printf(&c->tables, "%s/namespaces/", c->base.data);
    add_levels(c);
    df__buf_str(&c->tables, "/tables");
    df__buf_printf(&c->shown, "%s.%s", (const char *)p->namespace.data,
                   (const char *)p->table.data);
    df__buf *bufs[] = {&c->tables, &c->shown, &c->spaces};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        if (!df__buf_cstr(bufs[i]))
            return no_memory(c);
    df__buf_printf(&c->table, "%s/", c->tables.data);
    df__percent_add(&c->table, p->table.data);
    return df__buf_cstr(&c->table) ? DF_OK : no_memory(c);
}

/* ---- opening --------------------------------------------------------------------------------- */

/* A branch that is not there is told by Nessie's own interface. */
static int look_at_branch(df__ice_catalog *c)
{
    const df__ice_place *p = c->session->place;
    const char *ref = p->is_tag ? "tag" : "branch";
    df__ice_answer a;
    df__buf url;
    df__buf_init(&url, &c->session->heap);
    add_url(&url, p->base_url);
    df__buf_str(&url, "/api/v2/trees/");
    df__percent_add(&url, p->branch.data);
    int rc = df__buf_cstr(&url) ? df__ice_get(c, url.data, &a) : no_memory(c);
    if (url.failed)
        return rc;
    if (rc == DF_OK && a.status == 404)
        rc = df_stage_failf(c->session->st, DF_EINVAL, "configuration",
                            "%s: Nessie has no %s %s, or baseURL is not its root", ref, ref,
                            (const char *)p->branch.data);
    else if (rc == DF_OK && a.status != 200)
        rc = df__ice_refused(c, &a, "a look at the branch");
    df__buf_free(&a.body);
    df__buf_free(&url);
    return rc;
}

static int read_config(df__ice_catalog *c)
{
    df__ice_answer a;
    df__buf url;
    df__buf_init(&url, &c->session->heap);
    config_url(c, &url);
    if (!df__buf_cstr(&url))
        return no_memory(c);
    int rc = df__ice_get(c, url.data, &a);
    if (rc == DF_OK && a.status != 200) {
        rc = df__ice_refused(c, &a, "the first request (v1/config)");
    } else if (rc == DF_OK) {
        c->config = yyjson_read(a.body.data, a.body.len, 0);
        if (!yyjson_is_obj(yyjson_doc_get_root(c->config)))
            rc = df_stage_failf(c->session->st, DF_EINVAL, "configuration",
                                "%s: what answers there is no Iceberg REST catalog",
                                c->is_nessie ? "baseURL" : "catalogURI");
    }
    df__buf_free(&a.body);
    df__buf_free(&url);
    return rc;
}

/* Where client credentials are asked for when the options do not say it. */
static int set_token_url(df__ice_catalog *c)
{
    df__ice_session *s = c->session;
    df__buf_clear(&s->token_url);
    add_url(&s->token_url, s->place->catalog_uri);
    df__buf_str(&s->token_url, "/v1/oauth/tokens");
    return df__buf_cstr(&s->token_url) ? DF_OK : no_memory(c);
}

int df__ice_catalog_open(df__ice_catalog *c, df__ice_session *s)
{
    memset(c, 0, sizeof *c);
    c->session = s;
    c->is_nessie = s->place->base_url.data != NULL;
    df__buf *bufs[] = {&c->base, &c->table, &c->tables, &c->spaces, &c->shown};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        df__buf_init(bufs[i], &s->heap);
    int rc = c->is_nessie ? look_at_branch(c) : set_token_url(c);
    rc = rc == DF_OK ? read_config(c) : rc;
    return rc == DF_OK ? make_urls(c) : rc;
}

void df__ice_catalog_close(df__ice_catalog *c)
{
    df__buf *bufs[] = {&c->base, &c->table, &c->tables, &c->spaces, &c->shown};
    if (!c->session)
        return;
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        df__buf_free(bufs[i]);
    yyjson_doc_free(c->config);
    c->config = NULL;
    c->session = NULL;
}

/* ---- requests -------------------------------------------------------------------------------- */

static int load(df__ice_catalog *c, const char *url, df__ice_answer *ret)
{
    int rc = df__ice_get(c, url, ret);
    if (rc != DF_OK || ret->status == 200)
        return rc;
    return ret->status == 404 ? DF_ENOTFOUND : df__ice_refused(c, ret, "the request for the table");
}

int df__ice_load(df__ice_catalog *c, df__ice_answer *ret)
{
    return load(c, c->table.data, ret);
}

/* A namespace of these levels, each as JSON. What is said of an upper one is only that it may be
 * there already, or not be ours to make: the last one tells. */
static int create_one(df__ice_catalog *c, const df__buf *levels, int is_last)
{
    df__ice_answer a;
    df__buf body;
    df__buf_init(&body, &c->session->heap);
    df__buf_printf(&body, "{\"namespace\":[%.*s],\"properties\":{}}", (int)levels->len,
                   levels->data ? levels->data : "");
    df__ice_ask q = {.method = "POST", .url = c->spaces.data, .body = {body.data, body.len}};
    if (levels->failed || body.failed) {
        df__buf_free(&body);
        return no_memory(c);
    }
    q.repeat = 1; /* one that is there is fine */
    int rc = ask(c, &q, &a);
    if (rc == DF_OK && is_last && a.status / 100 != 2 && a.status != 409)
        rc = df__ice_refused(c, &a, "the request to make the namespace");
    df__buf_free(&a.body);
    df__buf_free(&body);
    return rc;
}

int df__ice_create_space(df__ice_catalog *c)
{
    df_bytes rest = c->session->place->namespace;
    df__buf levels;
    int rc = DF_OK;
    df__buf_init(&levels, &c->session->heap);
    while (rc == DF_OK && rest.data) {
        df_bytes level = df__ice_next_level(&rest);
        df__buf_str(&levels, levels.len ? "," : "");
        df__buf_json(&levels, level.data, level.len);
        rc = create_one(c, &levels, !rest.data);
    }
    df__buf_free(&levels);
    return rc;
}

int df__ice_create(df__ice_catalog *c, df_bytes body)
{
    df__ice_answer a;
    df__ice_ask q = {.method = "POST", .url = c->tables.data, .body = body};
    int rc = ask(c, &q, &a);
    if (rc == DF_EUNKNOWN) /* it is looked for at the next try */
        rc = DF_EIO;
    else if (rc == DF_OK && a.status == 409)
        rc = DF_EEXISTS;
    else if (rc == DF_OK && a.status / 100 != 2)
        rc = df__ice_refused(c, &a, "the request to make the table");
    df__buf_free(&a.body);
    return rc;
}

/* The table's URL with "@commit" or "*time" after the branch, before a warehouse. */
static const char *url_at(const df__ice_catalog *c, const char *at, df__buf *b)
{
    const char *url = c->table.data, *bar = NULL;
    if (at && *at && df__ice_property(c, "nessie.is-nessie-catalog")) {
        bar = strstr(url, "%7C");
        if (!bar || (size_t)(bar - url) > c->base.len)
            bar = url + c->base.len;
    }
    df__buf_add(b, url, bar ? (size_t)(bar - url) : c->table.len);
    if (bar) {
        df__buf_str(b, *at == '*' ? "" : "%40"); /* a time has its sign with it */
        df__percent_add(b, at);
        df__buf_str(b, bar);
    }
    return df__buf_cstr(b);
}

int df__ice_load_at(df__ice_catalog *c, const char *at, df__ice_answer *ret)
{
    df__buf url;
    df__buf_init(&url, &c->session->heap);
    const char *text = url_at(c, at, &url);
    memset(ret, 0, sizeof *ret);
    df__buf_init(&ret->body, &c->session->heap);
    int rc = text ? load(c, text, ret) : no_memory(c);
    df__buf_free(&url);
    return rc;
}

int df__ice_commit(df__ice_catalog *c, df_bytes body, const char *at, enum df__ice_outcome *ret)
{
    df__ice_answer a;
    df__buf url;
    df__buf_init(&url, &c->session->heap);
    df__ice_ask q = {.method = "POST", .url = url_at(c, at, &url), .body = body};
    *ret = ICE_COMMITTED;
    if (!q.url)
        return no_memory(c);
    int rc = ask(c, &q, &a);
    if (rc == DF_EUNKNOWN || rc == DF_ETOOBIG) { /* sent, and the answer is not known */
        *ret = ICE_UNKNOWN;
        rc = DF_OK;
    } else if (rc == DF_OK && a.status == 409) {
        *ret = ICE_CONFLICT;
    } else if (rc == DF_OK && a.status >= 500) {
        *ret = ICE_UNKNOWN;
    } else if (rc == DF_OK && a.status / 100 != 2) {
        rc = df__ice_refused(c, &a, "a commit");
    }
    df__buf_free(&a.body);
    df__buf_free(&url);
    return rc;
}
