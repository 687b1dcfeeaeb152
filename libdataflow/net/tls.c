/* SPDX-License-Identifier: Apache-2.0
 * tls.c: certificates and keys. They are given to libcurl as memory: it takes a connection for
 * another one only when their content differs, so a changed file means new connections, and what is
 * under way ends on its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/net.h"

enum { MAX_PEM = 4 << 20 };

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
    if (code == CURLE_OK && tls->key_password)
        code = curl_easy_setopt(easy, CURLOPT_KEYPASSWD, tls->key_password);
    if (code == CURLE_OK && tls->insecure) {
        code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        if (code == CURLE_OK)
            code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    return code;
}
