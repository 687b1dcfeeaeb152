/* SPDX-License-Identifier: Apache-2.0
 * store.h: the files of a table: objects of S3, or files of this machine (`file:`). A path is
 * always the text that metadata has: "s3://bucket/key", "file:/dir/name". */
#ifndef DF_ICEBERG_STORE_H
#define DF_ICEBERG_STORE_H

#include "client/catalog.h"

/* What the catalog says of the storage; texts are copied, NULL: nothing. */
typedef struct df__ice_store df__ice_store;
typedef struct df__ice_store_facts {
    const char *endpoint, *region, *key, *secret, *token;
    int path_style;           /* -1: it does not say */
    int signs;                /* requests have to be signed by the catalog */
    int64_t until_us;         /* end of the keys, µs since 1970; 0: it does not say */
    df__ice_catalog *catalog; /* that gives others, and how it is asked for them: */
    int (*renew)(df__ice_catalog *catalog, df__ice_store *store);
} df__ice_store_facts;

struct df__ice_store {
    df__ice_session *session;
    df__buf endpoint, region, key, secret, token; /* key empty: requests are not signed */
    int path_style;
    int signs;                /* the catalog wants to sign, and no keys are given */
    df__buf body;             /* scratch */
    df__ice_catalog *catalog; /* that gave the keys; NULL: they are the options' own, or none */
    int (*renew)(df__ice_catalog *catalog, df__ice_store *store);
    int64_t renew_us; /* when it is asked for others */
};

/* A file that is being written, part by part. */
typedef struct df__ice_upload {
    df__ice_store *store;
    df__buf path;
    df__buf upload; /* id of a multipart upload; empty: none was begun */
    df__buf parts;  /* what CompleteMultipartUpload sends */
    df__buf held;   /* bytes that wait for a part to be full */
    unsigned part_count;
    int fd; /* of a local file; -1 */
    int64_t size;
} df__ice_upload;

/* Before its first use. */
void df__ice_store_init(df__ice_store *s, df__ice_session *session);
/* Keys of the options first, then what the catalog says. Called again with newer keys. DF_EAUTH and
 * others of df_secret_get, DF_ENOMEM, with the text set. */
int df__ice_store_set(df__ice_store *s, const df__ice_store_facts *facts);
/* Asks the catalog for other keys, when it gave them. DF_OK; DF_ENOTFOUND: it did not, or gives
 * none now; else as df__ice_load. */
int df__ice_store_renew(df__ice_store *s);
/* The same when four fifths of their life are over, or five minutes when it is not known. DF_OK,
 * also while the catalog cannot be asked: the old ones may do; DF_ECANCELED, DF_ENOMEM. */
int df__ice_store_keep(df__ice_store *s);
/* Lets go of it, and wipes the keys. */
void df__ice_store_free(df__ice_store *s);
/* DF_OK when files of that location can be read and written; else DF_ENOTSUP with the text set. */
int df__ice_store_knows(df__ice_store *s, const char *location);

/* Writes a whole file. DF_OK: it is durable. DF_EIO, DF_EAUTH, DF_EINVAL, … with the text set. */
int df__ice_store_put(df__ice_store *s, const char *path, df_bytes body);
/* Appends `len` bytes from `offset` on to `out`; len 0: the whole file. DF_ENOTFOUND: no such file,
 * with the text set. */
int df__ice_store_get(df__ice_store *s, const char *path, int64_t offset, int64_t len,
                      df__buf *out);

/* Removes a file; one that is not there is DF_OK. */
int df__ice_store_remove(df__ice_store *s, const char *path);

/* A file that is there. */
typedef struct df__ice_object {
    const char *path;
    int64_t bytes, time_us; /* when it was changed last, since 1970 */
} df__ice_object;
typedef int (*df__ice_object_fn)(void *user, const df__ice_object *object);
/* Calls `each` for every file below a location that the store knows, until it answers other than
 * DF_OK; what it gets is borrowed. Failures with the text set, but DF_ENOMEM. */
int df__ice_store_list(df__ice_store *s, const char *location, df__ice_object_fn each, void *user);

/* Begins a file; nothing is sent yet. DF_ENOMEM. */
int df__ice_upload_begin(df__ice_upload *u, df__ice_store *s, const char *path);
/* Adds bytes, and sends a part when one is full. After a failure only abort may follow. */
int df__ice_upload_add(df__ice_upload *u, const void *data, size_t len);
/* DF_OK: the file is durable and whole. */
int df__ice_upload_finish(df__ice_upload *u);
/* Gives up what is not finished, and frees it; a finished or never begun one is fine. */
void df__ice_upload_free(df__ice_upload *u);

/* ---- s3.c, local.c: the same for one kind ---------------------------------------------------- */

int df__ice_is_s3(const char *path);
/* The path in the file system of "file:…", or of a bare path; NULL: it is neither. */
const char *df__ice_local(const char *path);
int df__ice_s3_put(df__ice_store *s, const char *path, df_bytes body);
int df__ice_s3_remove(df__ice_store *s, const char *path);
int df__ice_s3_get(df__ice_store *s, const char *path, int64_t offset, int64_t len, df__buf *out);
/* GETs what a query asks of a bucket. *ret is to be freed in any case. */
int df__ice_s3_ask(df__ice_store *s, const char *path, const char *query, df__ice_answer *ret);
int df__ice_s3_part(df__ice_upload *u);
int df__ice_s3_complete(df__ice_upload *u);
void df__ice_s3_abort(df__ice_upload *u);
int df__ice_local_put(df__ice_store *s, const char *path, df_bytes body);
int df__ice_local_remove(df__ice_store *s, const char *path);
int df__ice_local_get(df__ice_store *s, const char *path, int64_t offset, int64_t len,
                      df__buf *out);
int df__ice_local_add(df__ice_upload *u, const void *data, size_t len);
int df__ice_local_complete(df__ice_upload *u);
void df__ice_local_abort(df__ice_upload *u);

#endif
