/* SPDX-License-Identifier: Apache-2.0
 * list.c: every file below a location: objects of S3, page by page, or folders of this machine.
 * Source: Amazon S3 API Reference, ListObjectsV2. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/sign.h"
#include "client/store.h"
#include "util/codec.h"
#include "util/rfc3339.h"

/* ---- S3 -------------------------------------------------------------------------------------- */

typedef struct listing {
    df__ice_store *store;
    df__ice_object_fn each;
    void *user;
    df__buf path;          /* "s3://bucket/", then the key at hand */
    size_t bucket_len;     /* of the former */
    df__buf query, prefix; /* prefix: encoded */
    df__buf token;         /* of the next page, encoded; empty: none */
} listing;

static void add_encoded(df__buf *b, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] == '/')
            df__buf_str(b, "%2F");
        else
            df__ice_encode_key(b, text + i, 1);
}

/* What is between <name> and </name>, from *at on, which moves behind it. data NULL: none. */
static df_bytes next_element(const char **at, const char *end, const char *name)
{
    char open[40], close[40];
    df__text_printf(open, sizeof open, "<%s>", name);
    df__text_printf(close, sizeof close, "</%s>", name);
    const char *from = *at < end ? strstr(*at, open) : NULL;
    const char *to = from ? strstr(from, close) : NULL;
    if (!to || to > end)
        return (df_bytes){NULL, 0};
    from += strlen(open);
    *at = to + strlen(close);
    return (df_bytes){from, (size_t)(to - from)};
}

static df_bytes element_of(df_bytes part, const char *name)
{
    const char *at = part.data;
    return next_element(&at, at + part.len, name);
}

static int64_t time_of(df_bytes text)
{
    df__stamp stamp;
    if (!text.data || df__stamp_parse(text, &stamp) != DF_OK)
        return INT64_MAX; /* not known: too young for anybody */
    return (stamp.local - (stamp.has_zone ? stamp.offset : 0)) * 1000000 + stamp.nsec / 1000;
}

static int digit(char c)
{
    return c >= '0' && c <= '9'                 ? c - '0'
           : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                : -1;
}

/* Keys come as in a form: %XX, and a blank as +. */
static void add_key(df__buf *b, df_bytes key)
{
    const char *p = key.data;
    for (size_t i = 0; i < key.len; i++) {
        if (p[i] == '%' && i + 2 < key.len && digit(p[i + 1]) >= 0 && digit(p[i + 2]) >= 0) {
            df__buf_char(b, (char)(digit(p[i + 1]) * 16 + digit(p[i + 2])));
            i += 2;
        } else {
            df__buf_char(b, (char)(p[i] == '+' ? ' ' : p[i]));
        }
    }
}

static int take_object(listing *l, df_bytes part)
{
    df_bytes key = element_of(part, "Key"), size = element_of(part, "Size");
    l->path.len = l->bucket_len;
    add_key(&l->path, key);
    const df__ice_object object = {.path = df__buf_cstr(&l->path),
                                   .bytes = size.data ? strtoll(size.data, NULL, 10) : 0,
                                   .time_us = time_of(element_of(part, "LastModified"))};
    if (!object.path)
        return DF_ENOMEM;
    size_t len = l->path.len;
    return key.len == 0 || object.path[len - 1] == '/' ? DF_OK : l->each(l->user, &object);
}

static int take_page(listing *l, const df__buf *body)
{
    const char *at = body->data, *end = body->data + body->len;
    df_bytes all = {body->data, body->len}, part;
    df_bytes form = element_of(all, "EncodingType"),
             token = element_of(all, "NextContinuationToken");
    int rc = DF_OK;
    if (!strstr(body->data, "<ListBucketResult") || form.len != 3)
        return df_stage_fail(l->store->session->st, DF_ENOTSUP, "not_supported",
                             "the storage does not list its objects as S3 does (ListObjectsV2 with "
                             "encoding-type=url)");
    while (rc == DF_OK && (part = next_element(&at, end, "Contents")).data)
        rc = take_object(l, part);
    df__buf_clear(&l->token);
    if (token.data)
        add_encoded(&l->token, token.data, token.len);
    return rc;
}

static int read_page(listing *l)
{
    df__ice_answer a;
    df__buf *q = &l->query;
    df__buf_clear(q);
    if (l->token.len)
        df__buf_printf(q, "continuation-token=%s&", df__buf_cstr(&l->token));
    df__buf_printf(q, "encoding-type=url&list-type=2&prefix=%s", df__buf_cstr(&l->prefix));
    l->path.len = l->bucket_len;
    if (!df__buf_cstr(q) || !df__buf_cstr(&l->path))
        return DF_ENOMEM;
    int rc = df__ice_s3_ask(l->store, l->path.data, q->data, &a);
    rc = rc == DF_OK ? take_page(l, &a.body) : rc;
    df__buf_free(&a.body);
    return rc;
}

static int list_s3(df__ice_store *s, const char *location, df__ice_object_fn each, void *user)
{
    listing l = {.store = s, .each = each, .user = user};
    df__buf *bufs[] = {&l.path, &l.query, &l.prefix, &l.token};
    const char *bucket = strstr(location, "://") + 3, *key = strchr(bucket, '/');
    size_t len = key ? strlen(key + 1) : 0;
    int rc;
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        df__buf_init(bufs[i], &s->session->heap);
    df__buf_add(&l.path, location, key ? (size_t)(key - location) : strlen(location));
    df__buf_char(&l.path, '/');
    l.bucket_len = l.path.len;
    while (len && key[len] == '/')
        len--;
    if (len)
        add_encoded(&l.prefix, key + 1, len);
    df__buf_str(&l.prefix, len ? "%2F" : "");
    do
        rc = read_page(&l);
    while (rc == DF_OK && l.token.len);
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        df__buf_free(bufs[i]);
    return rc;
}

/* ---- folders --------------------------------------------------------------------------------- */

static int list_folder(listing *l, unsigned depth);

static int take_entry(listing *l, const char *name, unsigned depth)
{
    struct stat st;
    size_t len = l->path.len;
    df__buf_printf(&l->path, "/%s", name);
    if (!df__buf_cstr(&l->path))
        return DF_ENOMEM;
    int rc = DF_OK, is_there = lstat(l->path.data, &st) == 0; /* or it went a moment ago */
    if (is_there && S_ISDIR(st.st_mode)) {
        rc = list_folder(l, depth + 1);
    } else if (is_there && S_ISREG(st.st_mode)) {
        const df__ice_object object = {.path = l->path.data,
                                       .bytes = st.st_size,
                                       .time_us = (int64_t)st.st_mtim.tv_sec * 1000000 +
                                                  st.st_mtim.tv_nsec / 1000};
        rc = l->each(l->user, &object);
    }
    l->path.len = len;
    return rc;
}

static int list_folder(listing *l, unsigned depth)
{
    enum { DEPTH = 64 };
    const char *path = df__buf_cstr(&l->path);
    DIR *folder = path && depth < DEPTH ? opendir(path) : NULL;
    struct dirent *entry;
    int rc = DF_OK;
    if (!folder)
        return df_stage_failf(l->store->session->st, DF_EINVAL, "io_error", "folder %.200s: %s",
                              path ? path : "", strerror(errno));
    while (rc == DF_OK && (entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = take_entry(l, entry->d_name, depth);
    closedir(folder);
    return rc;
}

static int list_local(df__ice_store *s, const char *folder, df__ice_object_fn each, void *user)
{
    listing l = {.store = s, .each = each, .user = user};
    df__buf_init(&l.path, &s->session->heap);
    df__buf_str(&l.path, folder);
    while (l.path.len > 1 && l.path.data[l.path.len - 1] == '/')
        l.path.len--;
    int rc = list_folder(&l, 0);
    df__buf_free(&l.path);
    return rc;
}

int df__ice_store_list(df__ice_store *s, const char *location, df__ice_object_fn each, void *user)
{
    const char *folder = df__ice_local(location);
    return folder ? list_local(s, folder, each, user) : list_s3(s, location, each, user);
}
