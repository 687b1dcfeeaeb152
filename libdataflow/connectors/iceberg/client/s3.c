/* SPDX-License-Identifier: Apache-2.0
 * s3.c: objects of S3: whole ones, ranges, and uploads of several parts.
 * Source: Amazon S3 API Reference. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/sign.h"
#include "client/store.h"

enum { CODE = 64 };

int df__ice_is_s3(const char *path)
{
    return strncmp(path, "s3://", 5) == 0 || strncmp(path, "s3a://", 6) == 0 ||
           strncmp(path, "s3n://", 6) == 0;
}

/* ---- one request ----------------------------------------------------------------------------- */

typedef struct request {
    const char *method, *path, *query, *range;
    df_bytes body;
    const char *kept; /* a header of the reply that is wanted; NULL: none */
    int once;         /* not tried again */
} request;

typedef struct address {
    df__buf url, host, resource;
} address;

static void free_address(address *a)
{
    df__buf_free(&a->url);
    df__buf_free(&a->host);
    df__buf_free(&a->resource);
}

/* Where the object is: the bucket in the path, or in front of the host's name. */
static int find(const df__ice_store *s, const request *r, address *a)
{
    const char *bucket = strstr(r->path, "://") + 3, *key = strchr(bucket, '/');
    size_t len = key ? (size_t)(key - bucket) : strlen(bucket);
    const char *endpoint = s->endpoint.data;
    const char *host = s->endpoint.len ? strstr(endpoint, "://") : NULL;
    df__buf_init(&a->url, &s->session->heap);
    df__buf_init(&a->host, &s->session->heap);
    df__buf_init(&a->resource, &s->session->heap);
    if (!host)
        df__buf_printf(&a->host, "%.*s.s3.%s.amazonaws.com", (int)len, bucket, s->region.data);
    else if (s->path_style)
        df__buf_str(&a->host, host + 3);
    else
        df__buf_printf(&a->host, "%.*s.%s", (int)len, bucket, host + 3);
    if (host && s->path_style)
        df__buf_printf(&a->resource, "/%.*s", (int)len, bucket);
    df__buf_char(&a->resource, '/');
    if (key)
        df__ice_encode_key(&a->resource, key + 1, strlen(key + 1));
    if (!df__buf_cstr(&a->host) || !df__buf_cstr(&a->resource))
        return DF_ENOMEM;
    df__buf_printf(&a->url, "%.*s://%s%s%s%s", host ? (int)(host - endpoint) : 5,
                   host ? endpoint : "https", a->host.data, a->resource.data, *r->query ? "?" : "",
                   r->query);
    return df__buf_cstr(&a->url) ? DF_OK : DF_ENOMEM;
}

/* Over TLS the body is not signed: its channel is. */
static void hash_body(const address *a, df_bytes body, char ret[DF__SHA256_HEX])
{
    if (strncmp(a->url.data, "https:", 6) == 0 && body.len > 0)
        df__text_set(ret, DF__SHA256_HEX, "UNSIGNED-PAYLOAD", 16);
    else
        df__sha256_hex(body.data ? body.data : "", body.len, ret);
}

static int send_to(df__ice_store *s, const request *r, const address *a, df__ice_answer *ret)
{
    char hash[DF__SHA256_HEX];
    df__http_header headers[ICE_HEADERS];
    size_t count = 0;
    df__buf authorization;
    df__ice_signing g = {.method = r->method,
                         .host = a->host.data,
                         .path = a->resource.data,
                         .query = r->query,
                         .payload = hash,
                         .region = s->region.data,
                         .key = s->key.data,
                         .secret = s->secret.data,
                         .token = s->token.len ? s->token.data : NULL};
    hash_body(a, r->body, hash);
    df__ice_stamp(df_stage_now(s->session->st), g.stamp);
    df__buf_init(&authorization, &s->session->heap);
    if (s->key.len) {
        df__ice_sign(&g, &authorization);
        if (!df__buf_cstr(&authorization))
            return DF_ENOMEM;
        headers[count++] = (df__http_header){"authorization", authorization.data, DF__HTTP_SECRET};
        headers[count++] = (df__http_header){"x-amz-content-sha256", hash, DF__HTTP_OPEN};
        headers[count++] = (df__http_header){"x-amz-date", g.stamp, DF__HTTP_OPEN};
    }
    if (g.token && s->key.len)
        headers[count++] = (df__http_header){"x-amz-security-token", g.token, DF__HTTP_SECRET};
    if (r->range)
        headers[count++] = (df__http_header){"range", r->range, DF__HTTP_OPEN};
    df__ice_ask ask = {.method = r->method,
                       .url = a->url.data,
                       .headers = headers,
                       .header_count = count,
                       .body = r->body,
                       .whom = "the storage",
                       .repeat = !r->once,
                       .etag_of = r->kept};
    int rc = df__ice_send(s->session, &ask, ret);
    df__buf_wipe(&authorization);
    return rc;
}

/* The text of an element of an XML document; "" when there is none. */
static const char *element(const df__buf *body, const char *name, char *out, size_t cap)
{
    char tag[32];
    out[0] = '\0';
    snprintf(tag, sizeof tag, "<%s>", name);
    const char *from = body->len ? strstr(body->data, tag) : NULL;
    const char *to = from ? strchr(from + strlen(tag), '<') : NULL;
    if (to)
        df__text_set(out, cap, from + strlen(tag), (size_t)(to - from - (long)strlen(tag)));
    return out;
}

static int send_anew(df__ice_store *s, const request *r, df__ice_answer *ret)
{
    address a;
    memset(ret, 0, sizeof *ret);
    df__buf_init(&ret->body, &s->session->heap);
    int rc = find(s, r, &a);
    rc = rc == DF_OK ? send_to(s, r, &a, ret) : rc;
    free_address(&a);
    return rc;
}

/* Keys that the catalog gave are renewed in time, or else when the storage says that they ended. */
static int call(df__ice_store *s, const request *r, df__ice_answer *ret)
{
    char code[CODE];
    int rc = df__ice_store_keep(s);
    memset(ret, 0, sizeof *ret);
    df__buf_init(&ret->body, &s->session->heap);
    rc = rc == DF_OK ? send_anew(s, r, ret) : rc;
    if (rc == DF_OK && ret->status / 100 == 4 &&
        strcmp(element(&ret->body, "Code", code, sizeof code), "ExpiredToken") == 0 &&
        df__ice_store_renew(s) == DF_OK) {
        df__buf_free(&ret->body);
        rc = send_anew(s, r, ret);
    }
    return rc == DF_ENOMEM ? df_stage_fail(s->session->st, rc, NULL, "no memory") : rc;
}

/* ---- what an answer means -------------------------------------------------------------------- */

static int refused(df__ice_store *s, const request *r, const df__ice_answer *a)
{
    char code[CODE], message[ICE_SHOWN];
    df_stage *st = s->session->st;
    element(&a->body, "Code", code, sizeof code);
    element(&a->body, "Message", message, sizeof message);
    const char *colon = code[0] ? ": " : "", *gap = message[0] ? ", " : "";
    if (a->status == 404)
        return df_stage_failf(st, DF_ENOTFOUND, "configuration",
                              "the storage has no %.200s (%s%s%s)", r->path, code, gap, message);
    if (strcmp(code, "ExpiredToken") == 0 && !s->session->place->access_key)
        return df_stage_fail(st, DF_EIO, "transient",
                             "the keys that the catalog gave have expired: others are asked for");
    if (a->status == 401 || a->status == 403 || strcmp(code, "ExpiredToken") == 0)
        return df_stage_failf(st, DF_EAUTH, "auth_error",
                              "the storage refuses %s of %.200s (%d%s%s%s%s): check accessKey, "
                              "secretAccessKey and s3Region",
                              r->method, r->path, a->status, colon, code, gap, message);
    if (a->status >= 500 || a->status == 429 || a->status == 408)
        return df_stage_failf(st, DF_EIO, "transient",
                              "the storage answers %s of %.200s with %d%s%s%s%s", r->method,
                              r->path, a->status, colon, code, gap, message);
    return df_stage_failf(st, DF_EINVAL, "configuration",
                          "the storage answers %s of %.200s with %d%s%s%s%s", r->method, r->path,
                          a->status, colon, code, gap, message);
}

/* ---- whole objects --------------------------------------------------------------------------- */

int df__ice_s3_put(df__ice_store *s, const char *path, df_bytes body)
{
    request r = {.method = "PUT", .path = path, .query = "", .body = body};
    df__ice_answer a;
    int rc = call(s, &r, &a);
    if (rc == DF_OK && a.status / 100 != 2)
        rc = refused(s, &r, &a);
    df__buf_free(&a.body);
    return rc == DF_ENOTFOUND ? DF_EINVAL : rc;
}

int df__ice_s3_get(df__ice_store *s, const char *path, int64_t offset, int64_t len, df__buf *out)
{
    char range[64];
    request r = {.method = "GET", .path = path, .query = ""};
    df__ice_answer a;
    snprintf(range, sizeof range, "bytes=%lld-%lld", (long long)offset,
             (long long)(offset + len - 1));
    r.range = len ? range : NULL;
    int rc = call(s, &r, &a);
    if (rc == DF_OK && a.status / 100 != 2)
        rc = refused(s, &r, &a);
    else if (rc == DF_OK && len && (a.status != 206 || a.body.len != (size_t)len))
        rc = df_stage_failf(s->session->st, DF_EIO, "transient",
                            "the storage gives another range of %.200s than was asked for", path);
    if (rc == DF_OK)
        df__buf_add(out, a.body.data, a.body.len);
    df__buf_free(&a.body);
    return rc == DF_OK && out->failed ? df_stage_fail(s->session->st, DF_ENOMEM, NULL, "no memory")
                                      : rc;
}

int df__ice_s3_remove(df__ice_store *s, const char *path)
{
    request r = {.method = "DELETE", .path = path, .query = ""};
    df__ice_answer a;
    int rc = call(s, &r, &a);
    if (rc == DF_OK && a.status / 100 != 2 && a.status != 404)
        rc = refused(s, &r, &a);
    df__buf_free(&a.body);
    return rc;
}

int df__ice_s3_ask(df__ice_store *s, const char *path, const char *query, df__ice_answer *ret)
{
    request r = {.method = "GET", .path = path, .query = query};
    int rc = call(s, &r, ret);
    return rc == DF_OK && ret->status / 100 != 2 ? refused(s, &r, ret) : rc;
}

/* ---- several parts --------------------------------------------------------------------------- */

static int begin(df__ice_upload *u)
{
    char id[1024];
    request r = {.method = "POST", .path = u->path.data, .query = "uploads="};
    df__ice_answer a;
    int rc = call(u->store, &r, &a);
    if (rc == DF_OK && a.status / 100 != 2)
        rc = refused(u->store, &r, &a);
    if (rc == DF_OK && !*element(&a.body, "UploadId", id, sizeof id))
        rc = df_stage_fail(u->store->session->st, DF_EIO, "transient",
                           "the storage gives no id for an upload");
    if (rc == DF_OK)
        df__ice_encode_key(&u->upload, id, strlen(id));
    df__buf_free(&a.body);
    if (rc == DF_OK && !df__buf_cstr(&u->upload))
        rc = df_stage_fail(u->store->session->st, DF_ENOMEM, NULL, "no memory");
    return rc;
}

/* A slash in an id is no part of a path. */
static void add_id(const df__ice_upload *u, df__buf *b)
{
    for (size_t i = 0; i < u->upload.len; i++)
        if (u->upload.data[i] == '/')
            df__buf_str(b, "%2F");
        else
            df__buf_char(b, u->upload.data[i]);
}

int df__ice_s3_part(df__ice_upload *u)
{
    df__buf query;
    df__ice_answer a;
    int rc = u->upload.len ? DF_OK : begin(u);
    if (rc != DF_OK)
        return rc;
    df__buf_init(&query, &u->store->session->heap);
    df__buf_printf(&query, "partNumber=%u&uploadId=", ++u->part_count);
    add_id(u, &query);
    request r = {.method = "PUT",
                 .path = u->path.data,
                 .query = df__buf_cstr(&query),
                 .body = {u->held.data, u->held.len},
                 .kept = "etag"};
    rc = r.query ? call(u->store, &r, &a)
                 : df_stage_fail(u->store->session->st, DF_ENOMEM, NULL, "no memory");
    if (!r.query)
        return rc;
    if (rc == DF_OK && a.status / 100 != 2)
        rc = refused(u->store, &r, &a);
    if (rc == DF_OK) {
        df__buf_printf(&u->parts, "<Part><PartNumber>%u</PartNumber><ETag>%s</ETag></Part>",
                       u->part_count, a.header);
        df__buf_clear(&u->held);
    }
    df__buf_free(&a.body);
    df__buf_free(&query);
    return rc;
}

/* After a lost answer the upload may be done, and its id gone: then the size decides. */
static int is_whole(df__ice_upload *u)
{
    char size[32];
    request r = {.method = "HEAD", .path = u->path.data, .query = "", .kept = "content-length"};
    df__ice_answer a;
    int rc = call(u->store, &r, &a);
    snprintf(size, sizeof size, "%lld", (long long)u->size);
    int whole = rc == DF_OK && a.status == 200 && strcmp(a.header, size) == 0;
    df__buf_free(&a.body);
    return whole;
}

int df__ice_s3_complete(df__ice_upload *u)
{
    df__buf query, body;
    df__ice_answer a;
    char code[CODE];
    df__buf_init(&query, &u->store->session->heap);
    df__buf_init(&body, &u->store->session->heap);
    df__buf_str(&query, "uploadId=");
    add_id(u, &query);
    df__buf_printf(&body, "<CompleteMultipartUpload>%s</CompleteMultipartUpload>",
                   df__buf_cstr(&u->parts) ? u->parts.data : "");
    request r = {.method = "POST", .path = u->path.data, .query = df__buf_cstr(&query)};
    r.body = (df_bytes){df__buf_cstr(&body), body.len};
    if (!r.query || !r.body.data || u->parts.failed)
        return df_stage_fail(u->store->session->st, DF_ENOMEM, NULL, "no memory");
    int rc = call(u->store, &r, &a);
    element(&a.body, "Code", code, sizeof code);
    /* An error may come with 200, since the status goes out before the work is done. */
    if (rc == DF_OK && (a.status / 100 != 2 || code[0] || !strstr(a.body.data, "<ETag>"))) {
        a.status = a.status / 100 == 2 ? 500 : a.status;
        rc = is_whole(u) ? DF_OK : refused(u->store, &r, &a);
    }
    df__buf_free(&a.body);
    df__buf_free(&query);
    df__buf_free(&body);
    return rc == DF_ENOTFOUND ? DF_EIO : rc;
}

void df__ice_s3_abort(df__ice_upload *u)
{
    df__buf query;
    df__ice_answer a;
    df__buf_init(&query, &u->store->session->heap);
    df__buf_str(&query, "uploadId=");
    add_id(u, &query);
    request r = {.method = "DELETE", .path = u->path.data, .query = df__buf_cstr(&query)};
    r.once = 1; /* a close waits for it */
    if (r.query) {
        (void)call(u->store, &r, &a); /* what stays of it is the storage's to remove */
        df__buf_free(&a.body);
    }
    df__buf_free(&query);
}
