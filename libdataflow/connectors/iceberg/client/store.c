/* SPDX-License-Identifier: Apache-2.0
 * store.c: see store.h: what does not depend on where the files are. */
#include "client/store.h"

#include <string.h>

enum { PART = 8 << 20, KEYS_US = 300000000, AGAIN_US = 1000000 };

void df__ice_store_init(df__ice_store *s, df__ice_session *session)
{
    df__buf *bufs[] = {&s->endpoint, &s->region, &s->key, &s->secret, &s->token, &s->body};
    memset(s, 0, sizeof *s);
    s->session = session;
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        df__buf_init(bufs[i], &session->heap);
}

void df__ice_store_free(df__ice_store *s)
{
    if (!s->session)
        return;
    df__buf_free(&s->endpoint);
    df__buf_free(&s->region);
    df__buf_free(&s->body);
    df__buf_wipe(&s->key);
    df__buf_wipe(&s->secret);
    df__buf_wipe(&s->token);
    s->session = NULL;
}

static void set(df__buf *b, const char *text, size_t len)
{
    df__buf_wipe(b);
    df__buf_add(b, text ? text : "", text ? len : 0);
}

static int set_secret(df__ice_store *s, df__buf *b, df_secret *secret)
{
    df_bytes text = {NULL, 0};
    int rc = secret ? df_secret_get(secret, s->session->st, &text) : DF_OK;
    if (rc == DF_OK)
        set(b, text.data, text.len);
    return rc;
}

static int end_texts(df__ice_store *s)
{
    df__buf *bufs[] = {&s->endpoint, &s->region, &s->key, &s->secret, &s->token};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        if (!df__buf_cstr(bufs[i]))
            return df_stage_fail(s->session->st, DF_ENOMEM, NULL, "no memory");
    return DF_OK;
}

static void set_text(df__buf *b, const char *text)
{
    set(b, text, text ? strlen(text) : 0);
}

static int hide(df__ice_store *s, const char *text)
{
    return text ? df_stage_hide(s->session->st, (df_bytes){text, strlen(text)}) : DF_OK;
}

/* When keys that the catalog gave are to be renewed. */
static void set_end(df__ice_store *s, const df__ice_store_facts *facts)
{
    df_stage *st = s->session->st;
    int64_t left = facts->until_us - df_stage_now(st);
    s->catalog = !s->session->place->access_key && facts->key ? facts->catalog : NULL;
    s->renew = facts->renew;
    s->renew_us = df_stage_clock_us(st) + (!facts->until_us          ? KEYS_US
                                           : left / 5 * 4 > AGAIN_US ? left / 5 * 4
                                                                     : AGAIN_US);
}

int df__ice_store_renew(df__ice_store *s)
{
    if (!s->catalog)
        return DF_ENOTFOUND;
    s->renew_us = df_stage_clock_us(s->session->st) + AGAIN_US;
    return s->renew(s->catalog, s);
}

int df__ice_store_keep(df__ice_store *s)
{
    int rc = DF_OK;
    if (s->catalog && df_stage_clock_us(s->session->st) >= s->renew_us)
        rc = df__ice_store_renew(s);
    return rc == DF_ECANCELED || rc == DF_ENOMEM ? rc : DF_OK;
}

/* The options' keys win over those that the catalog gives. */
static int set_keys(df__ice_store *s, const df__ice_store_facts *facts)
{
    const df__ice_place *p = s->session->place;
    int rc;
    if (p->access_key) {
        rc = set_secret(s, &s->key, p->access_key);
        rc = rc == DF_OK ? set_secret(s, &s->secret, p->secret_key) : rc;
        return rc == DF_OK ? set_secret(s, &s->token, p->session_token) : rc;
    }
    set_text(&s->key, facts->key);
    set_text(&s->secret, facts->secret);
    set_text(&s->token, facts->token);
    rc = hide(s, facts->secret);
    return rc == DF_OK ? hide(s, facts->token) : rc;
}

int df__ice_store_set(df__ice_store *s, const df__ice_store_facts *facts)
{
    const df__ice_place *p = s->session->place;
    int rc = set_keys(s, facts);
    set_end(s, facts);
    s->signs = facts->signs && s->key.len == 0;
    set_text(&s->endpoint, p->s3_endpoint.len ? p->s3_endpoint.data : facts->endpoint);
    set_text(&s->region, p->s3_region.len ? p->s3_region.data
                         : facts->region  ? facts->region
                                          : "us-east-1");
    while (s->endpoint.len && s->endpoint.data[s->endpoint.len - 1] == '/')
        s->endpoint.len--;
    s->path_style = s->endpoint.len > 0 && !p->virtual_host && facts->path_style != 0;
    rc = rc == DF_OK ? end_texts(s) : rc;
    if (rc == DF_OK && s->endpoint.len && !strstr(s->endpoint.data, "://"))
        return df_stage_failf(s->session->st, DF_EINVAL, "configuration",
                              "s3Endpoint: begins with https:// or http:// (it is %.200s)",
                              s->endpoint.data);
    return rc;
}

int df__ice_store_knows(df__ice_store *s, const char *location)
{
    if (df__ice_local(location))
        return DF_OK;
    if (!df__ice_is_s3(location))
        return df_stage_failf(s->session->st, DF_ENOTSUP, "not_supported",
                              "table: its files are at %.200s; only s3:, s3a:, s3n: and file: are "
                              "supported",
                              location);
    if (s->signs)
        return df_stage_failf(s->session->st, DF_ENOTSUP, "not_supported",
                              "accessKey: is required with secretAccessKey: the catalog gives no "
                              "keys, and storage requests that the catalog signs (remote signing) "
                              "are not supported yet");
    return DF_OK;
}

/* A path that metadata or a property of the table has, wherever the table itself is. */
static int check_path(df__ice_store *s, const char *path)
{
    return df__ice_local(path) || df__ice_is_s3(path)
               ? DF_OK
               : df_stage_failf(s->session->st, DF_ENOTSUP, "not_supported",
                                "table: it has the file %.200s; only s3:, s3a:, s3n: and file: are "
                                "supported",
                                path);
}

int df__ice_store_put(df__ice_store *s, const char *path, df_bytes body)
{
    int rc = check_path(s, path);
    if (rc != DF_OK)
        return rc;
    return df__ice_local(path) ? df__ice_local_put(s, path, body) : df__ice_s3_put(s, path, body);
}

int df__ice_store_get(df__ice_store *s, const char *path, int64_t offset, int64_t len, df__buf *out)
{
    int rc = check_path(s, path);
    if (rc != DF_OK)
        return rc;
    return df__ice_local(path) ? df__ice_local_get(s, path, offset, len, out)
                               : df__ice_s3_get(s, path, offset, len, out);
}

int df__ice_store_remove(df__ice_store *s, const char *path)
{
    int rc = check_path(s, path);
    if (rc != DF_OK)
        return rc;
    return df__ice_local(path) ? df__ice_local_remove(s, path) : df__ice_s3_remove(s, path);
}

/* ---- part by part ---------------------------------------------------------------------------- */

int df__ice_upload_begin(df__ice_upload *u, df__ice_store *s, const char *path)
{
    df__buf *bufs[] = {&u->path, &u->upload, &u->parts, &u->held};
    int rc = check_path(s, path);
    memset(u, 0, sizeof *u);
    if (rc != DF_OK)
        return rc;
    u->store = s;
    u->fd = -1;
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        df__buf_init(bufs[i], &s->session->heap);
    df__buf_str(&u->path, path);
    return df__buf_cstr(&u->path) ? DF_OK
                                  : df_stage_fail(s->session->st, DF_ENOMEM, NULL, "no memory");
}

int df__ice_upload_add(df__ice_upload *u, const void *data, size_t len)
{
    const char *p = data;
    u->size += (int64_t)len;
    if (df__ice_local(u->path.data))
        return df__ice_local_add(u, data, len);
    while (len > 0) {
        size_t room = PART - u->held.len, some = len < room ? len : room;
        df__buf_add(&u->held, p, some);
        if (u->held.failed)
            return df_stage_fail(u->store->session->st, DF_ENOMEM, NULL, "no memory for a file");
        p += some;
        len -= some;
        int rc = u->held.len == PART && len > 0 ? df__ice_s3_part(u) : DF_OK;
        if (rc != DF_OK)
            return rc;
    }
    return DF_OK;
}

int df__ice_upload_finish(df__ice_upload *u)
{
    int rc;
    if (df__ice_local(u->path.data))
        return df__ice_local_complete(u);
    if (!u->upload.len)
        return df__ice_s3_put(u->store, u->path.data, (df_bytes){u->held.data, u->held.len});
    rc = u->held.len ? df__ice_s3_part(u) : DF_OK;
    rc = rc == DF_OK ? df__ice_s3_complete(u) : rc;
    if (rc == DF_OK)
        df__buf_clear(&u->upload);
    return rc;
}

void df__ice_upload_free(df__ice_upload *u)
{
    if (!u->store)
        return;
    if (df__ice_local(u->path.data))
        df__ice_local_abort(u);
    else if (u->upload.len)
        df__ice_s3_abort(u);
    df__buf_free(&u->path);
    df__buf_free(&u->upload);
    df__buf_free(&u->parts);
    df__buf_free(&u->held);
    u->store = NULL;
}
