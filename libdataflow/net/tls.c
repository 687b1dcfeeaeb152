/* SPDX-License-Identifier: Apache-2.0
 * tls.c: certificates and keys. They are given to libcurl as memory: it takes a connection for
 * another one only when their content differs, so a changed file means new connections, and what is
 * under way ends on its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/net.h"

enum { MAX_PEM = 4 << 20 };

/* Where systems keep the certificates of public authorities. libcurl was built with one of them,
 * which is not the one of every machine that a wheel or an image comes to. */
static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Alpine */
    "/etc/pki/tls/certs/ca-bundle.crt",                  /* Fedora, RHEL */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* the same without its links */
    "/etc/ssl/ca-bundle.pem",                            /* SUSE */
    "/etc/ssl/cert.pem",                                 /* Alpine, BSD */
};
enum { BUNDLES = sizeof bundles / sizeof *bundles };

static int same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int read_all(int fd, df__buf *to)
{
    ssize_t n;
    do {
        char *room = to->len <= MAX_PEM ? df__buf_reserve(to, 16384) : NULL;
        if (!room)
            return to->failed ? DF_ENOMEM : DF_EINVAL;
        n = read(fd, room, 16384);
        if (n > 0)
            to->len += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    return n < 0 ? DF_EIO : DF_OK;
}

/* The old content stays when the new one cannot be read. */
static int load(df__pem *pem, const df__heap *heap, char *err, size_t len)
{
    struct stat now;
    df__buf text;
    int fd, rc;
    if (!pem->path || pem->given.data || (!stat(pem->path, &now) && same_file(&now, &pem->seen)))
        return DF_OK;
    fd = open(pem->path, O_RDONLY | O_CLOEXEC);
    df__buf_init(&text, heap);
    rc = fd < 0 || fstat(fd, &now) ? DF_EIO : read_all(fd, &text);
    if (rc == DF_OK && !text.len) { /* it is being written */
        errno = ENODATA;
        rc = DF_EIO;
    }
    if (rc == DF_OK) {
        df__buf_wipe(&pem->text);
        pem->text = text;
        pem->seen = now;
    } else {
        const char *why = rc == DF_EIO      ? strerror(errno)
                          : rc == DF_EINVAL ? "over 4 MiB"
                                            : "no memory";
        snprintf(err, len, "%s cannot be read: %s", pem->path, why);
        df__buf_wipe(&text);
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

int df__http_tls_load(df__http *http, char *err, size_t len)
{
    int rc = DF_OK;
    for (int i = 0; i < DF__PEM_COUNT && rc == DF_OK; i++)
        rc = load(&http->pem[i], http->heap, err, len);
    return rc;
}

void df__http_tls_free(df__http *http)
{
    for (int i = 0; i < DF__PEM_COUNT; i++)
        df__buf_wipe(&http->pem[i].text);
}

/* The file that the user of this process names, as for curl and for OpenSSL; NULL: none. */
static const char *named_bundle(void)
{
    static const char *const names[] = {"CURL_CA_BUNDLE", "SSL_CERT_FILE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = getenv(names[i]);
        if (path && *path)
            return path;
    }
    return NULL;
}

/* A bundle that is named; else one that is there, when libcurl's own is not; NULL: its own, or
 * there is none. */
static const char *other_bundle(void)
{
    const curl_version_info_data *about = curl_version_info(CURLVERSION_NOW);
    const char *named = named_bundle();
    if (named)
        return named; /* also when it is not there: nothing else is trusted then */
    if (about->age < CURLVERSION_SEVENTH || !about->cainfo || access(about->cainfo, R_OK) == 0)
        return NULL;
    for (int i = 0; i < BUNDLES; i++)
        if (access(bundles[i], R_OK) == 0)
            return bundles[i];
    return NULL;
}

const char *df__http_tls_no_bundle(char *buf, size_t len)
{
    const char *named = named_bundle();
    int at;
    if (named) {
        snprintf(buf, len,
                 "%s: no certificates of authorities in this file, which CURL_CA_BUNDLE "
                 "or SSL_CERT_FILE names",
                 named);
        return buf;
    }
    at = snprintf(buf, len, "no certificates of authorities are here (");
    for (int i = 0; i < BUNDLES && at > 0 && (size_t)at < len; i++)
        at += snprintf(buf + at, len - (size_t)at, "%s%s", i ? ", " : "", bundles[i]);
    if (at > 0 && (size_t)at < len)
        snprintf(buf + at, len - (size_t)at,
                 "): install ca-certificates, or name a file of them in caFile");
    return buf;
}

CURLcode df__http_tls_use(df__http *http, CURL *easy)
{
    static const CURLoption options[DF__PEM_COUNT] = {CURLOPT_CAINFO_BLOB, CURLOPT_SSLCERT_BLOB,
                                                      CURLOPT_SSLKEY_BLOB};
    const df__http_tls *tls = &http->config.tls;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    for (int i = 0; i < DF__PEM_COUNT && code == CURLE_OK; i++) {
        const df__pem *pem = &http->pem[i];
        df_bytes text = pem->given.data ? pem->given : (df_bytes){pem->text.data, pem->text.len};
        struct curl_blob blob = {(void *)(uintptr_t)text.data, text.len, CURL_BLOB_COPY};
        if (pem->given.data || pem->path)
            code = curl_easy_setopt(easy, options[i], &blob);
    }
    if (code == CURLE_OK && !http->pem[DF__PEM_CA].given.data && !http->pem[DF__PEM_CA].path) {
        const char *bundle = other_bundle();
        if (bundle)
            code = curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);
    }
    if (code == CURLE_OK && tls->key_password)
        code = curl_easy_setopt(easy, CURLOPT_KEYPASSWD, tls->key_password);
    if (code == CURLE_OK && tls->insecure) {
        code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        if (code == CURLE_OK)
            code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    return code;
}
