/* SPDX-License-Identifier: Apache-2.0
 * tls.c: see tls.h. */
#include "dfoperator/webhook/tls.h"

#include <gnutls/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/process.h"
#include "util/buf.h"

enum { PEM_MAX = 1 << 20, CHAIN = 8, KEY_ID = 64, CERT = 0, KEY = 1 };

/* What a file was when it was read: mounted Secrets are swapped by way of a link. */
typedef struct stamp {
    struct timespec time;
    ino_t node;
    off_t size;
} stamp;

struct op_tls {
    pthread_mutex_t lock;
    char path[2][4096]; /* "": from memory */
    stamp seen[2];
    df__buf pem[2];
    int64_t expires_s;
};

static gnutls_datum_t datum(df_bytes text)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)text.data, (unsigned)text.len};
}

/* ---- a pair ---------------------------------------------------------------------------------- */

static int same_key(gnutls_x509_crt_t cert, gnutls_x509_privkey_t key)
{
    unsigned char a[KEY_ID], b[KEY_ID];
    size_t a_len = sizeof a, b_len = sizeof b;
    return !gnutls_x509_crt_get_key_id(cert, 0, a, &a_len) &&
           !gnutls_x509_privkey_get_key_id(key, 0, b, &b_len) && a_len == b_len &&
           !memcmp(a, b, a_len);
}

/* NULL: usable; else why not. */
static const char *check_pair(df_bytes cert, df_bytes key, int64_t *ret_expires_s)
{
    gnutls_x509_crt_t list[CHAIN];
    gnutls_x509_privkey_t private = NULL;
    unsigned count = CHAIN;
    const gnutls_datum_t cert_text = datum(cert), key_text = datum(key);
    const char *why = NULL;
    if (gnutls_x509_crt_list_import(list, &count, &cert_text, GNUTLS_X509_FMT_PEM,
                                    GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED) < 1)
        return "the certificate is no PEM";
    if (gnutls_x509_privkey_init(&private))
        why = "out of memory";
    else if (gnutls_x509_privkey_import2(private, &key_text, GNUTLS_X509_FMT_PEM, NULL, 0))
        why = "the key is no PEM without a password";
    else if (!same_key(list[0], private))
        why = "the key is not that of the certificate";
    *ret_expires_s = gnutls_x509_crt_get_expiration_time(list[0]);
    gnutls_x509_privkey_deinit(private);
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(list[i]);
    return why;
}

/* Takes the pair over when it is usable. */
static const char *use(op_tls *tls, df__buf *cert, df__buf *key)
{
    const char *why;
    int64_t expires_s = 0;
    if (cert->failed || key->failed)
        return "out of memory";
    why =
        check_pair((df_bytes){cert->data, cert->len}, (df_bytes){key->data, key->len}, &expires_s);
    if (why)
        return why;
    df__buf_free(&tls->pem[CERT]);
    df__buf_wipe(&tls->pem[KEY]);
    tls->pem[CERT] = *cert;
    tls->pem[KEY] = *key;
    df__buf_init(cert, &df__heap_libc);
    df__buf_init(key, &df__heap_libc);
    tls->expires_s = expires_s;
    return NULL;
}

/* ---- files ----------------------------------------------------------------------------------- */

static int read_stamps(const op_tls *tls, stamp *ret)
{
    struct stat s;
    memset(ret, 0, 2 * sizeof *ret);
    for (int i = 0; i < 2; i++) {
        if (stat(tls->path[i], &s) < 0)
            return -1;
        ret[i].time = s.st_mtim;
        ret[i].node = s.st_ino;
        ret[i].size = s.st_size;
    }
    return 0;
}

static int read_pair(const op_tls *tls, df__buf *pair, char *err, size_t err_len)
{
    for (int i = 0; i < 2; i++)
        if (app_file_read(tls->path[i], PEM_MAX, &pair[i], err, err_len) < 0)
            return -1;
    return 0;
}

/* Nothing when the files are what they were. A pair that is changed while it is read is read again
 * with the next handshake, since the stamps are older than the text. */
static int look_again(op_tls *tls, char *err, size_t err_len)
{
    stamp now[2];
    df__buf pair[2];
    const char *why;
    int rc = read_stamps(tls, now);
    if (rc == 0 && tls->pem[CERT].len && !memcmp(now, tls->seen, sizeof now))
        return 0;
    df__buf_init(&pair[CERT], &df__heap_libc);
    df__buf_init(&pair[KEY], &df__heap_libc);
    rc = read_pair(tls, pair, err, err_len);
    why = rc == 0 ? use(tls, &pair[CERT], &pair[KEY]) : NULL;
    if (why)
        snprintf(err, err_len, "%s: %s", tls->path[CERT], why);
    if (rc == 0 && !why)
        memcpy(tls->seen, now, sizeof now);
    df__buf_free(&pair[CERT]);
    df__buf_wipe(&pair[KEY]);
    return why ? -1 : rc;
}

/* ---- life ------------------------------------------------------------------------------------ */

static op_tls *new_tls(char *err, size_t err_len)
{
    op_tls *tls = calloc(1, sizeof *tls);
    if (!tls) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&tls->lock, NULL);
    df__buf_init(&tls->pem[CERT], &df__heap_libc);
    df__buf_init(&tls->pem[KEY], &df__heap_libc);
    return tls;
}

op_tls *op_tls_files(const char *folder, char *err, size_t err_len)
{
    static const char *const names[] = {"tls.crt", "tls.key"};
    op_tls *tls = new_tls(err, err_len);
    for (int i = 0; tls && i < 2; i++)
        snprintf(tls->path[i], sizeof tls->path[i], "%s/%s", folder, names[i]);
    if (tls && look_again(tls, err, err_len) < 0) {
        op_tls_free(tls);
        return NULL;
    }
    return tls;
}

int op_tls_replace(op_tls *tls, df_bytes cert, df_bytes key, char *err, size_t err_len)
{
    df__buf pair[2];
    const char *why;
    df__buf_init(&pair[CERT], &df__heap_libc);
    df__buf_init(&pair[KEY], &df__heap_libc);
    df__buf_add(&pair[CERT], cert.data, cert.len);
    df__buf_add(&pair[KEY], key.data, key.len);
    pthread_mutex_lock(&tls->lock);
    why = use(tls, &pair[CERT], &pair[KEY]);
    pthread_mutex_unlock(&tls->lock);
    df__buf_free(&pair[CERT]);
    df__buf_wipe(&pair[KEY]);
    if (why)
        snprintf(err, err_len, "%s", why);
    return why ? -1 : 0;
}

op_tls *op_tls_empty(void)
{
    char err[40];
    return new_tls(err, sizeof err);
}

void op_tls_free(op_tls *tls)
{
    if (!tls)
        return;
    df__buf_free(&tls->pem[CERT]);
    df__buf_wipe(&tls->pem[KEY]);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

int64_t op_tls_expires_s(op_tls *tls)
{
    int64_t at;
    pthread_mutex_lock(&tls->lock);
    at = tls->expires_s;
    pthread_mutex_unlock(&tls->lock);
    return at;
}

/* ---- a handshake ----------------------------------------------------------------------------- */

static gnutls_privkey_t new_key(df_bytes text)
{
    const gnutls_datum_t pem = datum(text);
    gnutls_privkey_t key = NULL;
    if (gnutls_privkey_init(&key) < 0)
        return NULL;
    if (gnutls_privkey_import_x509_raw(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0) == 0)
        return key;
    gnutls_privkey_deinit(key);
    return NULL;
}

static int copy_pair(const op_tls *tls, gnutls_pcert_st **certs, unsigned *count,
                     gnutls_privkey_t *key)
{
    const gnutls_datum_t pem = datum((df_bytes){tls->pem[CERT].data, tls->pem[CERT].len});
    *count = CHAIN;
    *certs = gnutls_calloc(CHAIN, sizeof **certs);
    if (!*certs)
        return -1;
    if (gnutls_pcert_list_import_x509_raw(*certs, count, &pem, GNUTLS_X509_FMT_PEM, 0) < 0) {
        gnutls_free(*certs);
        return -1;
    }
    *key = new_key((df_bytes){tls->pem[KEY].data, tls->pem[KEY].len});
    if (*key)
        return 0;
    for (unsigned i = 0; i < *count; i++)
        gnutls_pcert_deinit(&(*certs)[i]);
    gnutls_free(*certs);
    return -1;
}

int op_tls_take(op_tls *tls, gnutls_pcert_st **certs, unsigned *count, gnutls_privkey_t *key)
{
    char err[300];
    int rc;
    pthread_mutex_lock(&tls->lock);
    if (*tls->path[CERT])
        look_again(tls, err, sizeof err); /* else the last pair goes on */
    rc = tls->pem[CERT].len ? copy_pair(tls, certs, count, key) : -1;
    pthread_mutex_unlock(&tls->lock);
    return rc;
}
