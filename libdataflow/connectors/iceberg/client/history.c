/* SPDX-License-Identifier: Apache-2.0
 * history.c: the commits of a Nessie branch that put a table. Its view of a table has the newest
 * snapshot alone; what came between two of them is in the log of the branch, by Nessie's own
 * interface (API 2, "history"). */
#include <string.h>

#include "client/catalog.h"
#include "util/codec.h"

enum { PAGE = 250, COMMITS_MOST = 10000 };

/* "…/trees/main@TO/history?limit-hash=FROM": newest first, FROM is the last one. */
static const char *page_url(df__ice_catalog *c, const char *from, const char *to, const char *token,
                            df__buf *b)
{
    df_bytes base = c->session->place->base_url;
    while (base.len && ((const char *)base.data)[base.len - 1] == '/')
        base.len--;
    df__buf_clear(b);
    df__buf_add(b, base.data, base.len);
    df__buf_str(b, "/api/v2/trees/");
    df__percent_add(b, c->session->place->branch.data);
    df__buf_printf(b, "%%40%s/history?fetch=ALL&max-records=%d&limit-hash=%s", to, PAGE, from);
    if (token) {
        df__buf_str(b, "&page-token=");
        df__percent_add(b, token);
    }
    return df__buf_cstr(b);
}

static int is_text(yyjson_val *v, df_bytes text)
{
    return yyjson_is_str(v) && yyjson_get_len(v) == text.len &&
           memcmp(yyjson_get_str(v), text.data, text.len) == 0;
}

static int is_table(const df__ice_catalog *c, yyjson_val *key)
{
    const df__ice_place *p = c->session->place;
    yyjson_val *elements = yyjson_obj_get(key, "elements");
    df_bytes rest = p->namespace;
    size_t i = 0;
    for (; rest.data; i++)
        if (!is_text(yyjson_arr_get(elements, i), df__ice_next_level(&rest)))
            return 0;
    return is_text(yyjson_arr_get(elements, i), p->table) && yyjson_arr_size(elements) == i + 1;
}

static int puts_table(const df__ice_catalog *c, yyjson_val *entry)
{
    yyjson_val *operation;
    size_t i, most;
    yyjson_arr_foreach (yyjson_obj_get(entry, "operations"), i, most, operation)
        if (yyjson_equals_str(yyjson_obj_get(operation, "type"), "PUT") &&
            is_table(c, yyjson_obj_get(operation, "key")))
            return 1;
    return 0;
}

/* DF_DONE: `from` is among them. */
static int take_page(df__ice_catalog *c, yyjson_val *root, const char *from, df__ice_history *ret)
{
    yyjson_val *entry;
    size_t i, most;
    yyjson_arr_foreach (yyjson_obj_get(root, "logEntries"), i, most, entry) {
        const char *hash =
            yyjson_get_str(yyjson_obj_get(yyjson_obj_get(entry, "commitMeta"), "hash"));
        if (!hash || strlen(hash) >= ICE_COMMIT)
            continue;
        if (strcmp(hash, from) == 0)
            return DF_DONE;
        if (!puts_table(c, entry))
            continue;
        if (df__grow(&c->session->heap, &ret->commits, &ret->cap, ret->count, ICE_COMMIT) != DF_OK)
            return DF_ENOMEM;
        df__text_set(ret->commits[ret->count++], ICE_COMMIT, hash, strlen(hash));
    }
    return DF_OK;
}

/* One page; *token, which has the next one's then, is empty after the last. DF_DONE as above. */
static int read_page(df__ice_catalog *c, const char *url, const char *from, df__buf *token,
                     df__ice_history *ret)
{
    df__ice_answer a;
    int rc = df__ice_get(c, url, &a);
    if (rc == DF_OK && a.status == 404) /* no such commit any more */
        rc = DF_ENOTFOUND;
    else if (rc == DF_OK && a.status != 200)
        rc = df__ice_refused(c, &a, "the request for the branch's history");
    yyjson_doc *doc = rc == DF_OK ? yyjson_read(a.body.data, a.body.len, 0) : NULL;
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (rc == DF_OK && !yyjson_is_arr(yyjson_obj_get(root, "logEntries")))
        rc = df_stage_fail(c->session->st, DF_EIO, "transient",
                           "the answer to the request for the branch's history is none");
    rc = rc == DF_OK ? take_page(c, root, from, ret) : rc;
    const char *next = yyjson_get_str(yyjson_obj_get(root, "token"));
    df__buf_clear(token);
    if (yyjson_is_true(yyjson_obj_get(root, "hasMore")))
        df__buf_str(token, next ? next : "");
    yyjson_doc_free(doc);
    df__buf_free(&a.body);
    return rc;
}

int df__ice_history_read(df__ice_catalog *c, const char *from, const char *to, df__ice_history *ret)
{
    df__buf url, token;
    int rc = DF_OK;
    memset(ret, 0, sizeof *ret);
    df__buf_init(&url, &c->session->heap);
    df__buf_init(&token, &c->session->heap);
    do {
        const char *text = page_url(c, from, to, token.len ? df__buf_cstr(&token) : NULL, &url);
        rc = text ? read_page(c, text, from, &token, ret) : DF_ENOMEM;
    } while (rc == DF_OK && token.len > 0 && ret->count < COMMITS_MOST);
    df__buf_free(&url);
    df__buf_free(&token);
    if (rc == DF_ENOMEM)
        return df_stage_fail(c->session->st, rc, NULL, "no memory for a history");
    return rc == DF_DONE ? DF_OK : rc == DF_OK ? DF_ENOTFOUND : rc;
}
