/* SPDX-License-Identifier: Apache-2.0
 * tls_block.c: see tls_block.h. */
#include "net/tls_block.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct pem {
    df_secret *secret;
    df_bytes file;
} pem;

static int is_given(const pem *p)
{
    return p->secret || p->file.len > 0;
}

static int take(df_stage *st, const char *where, const pem *p, df_bytes *ret_text,
                const char **ret_path)
{
    df_bytes text = p->file;
    int rc = p->secret ? df_secret_get(p->secret, st, &text) : DF_OK;
    if (rc != DF_OK || text.len == 0)
        return rc;
    if (p->secret && memmem(text.data, text.len, "-----BEGIN", 10)) {
        *ret_text = text;
        return DF_OK;
    }
    *ret_path = text.data;
    rc = df_stage_file(st, *ret_path);
    if (rc == DF_OK && access(*ret_path, R_OK) != 0)
        rc = df_stage_failf(st, DF_EAUTH, "tls_error", "%s: %s cannot be read: %s", where,
                            *ret_path, strerror(errno));
    return rc;
}

int df__tls_block_http(df_stage *st, const char *where, const df__tls_block *block,
                       df__http_tls *ret)
{
    if (!block)
        return DF_OK;
    const pem ca = {block->ca, block->ca_file};
    const pem cert = {block->cert, block->cert_file}, key = {block->key, block->key_file};
    int has_cert = is_given(&cert) && is_given(&key);
    ret->insecure = block->insecure && !is_given(&ca);
    int rc = take(st, where, &ca, &ret->ca, &ret->ca_file);
    if (rc == DF_OK && has_cert)
        rc = take(st, where, &cert, &ret->cert, &ret->cert_file);
    if (rc == DF_OK && has_cert)
        rc = take(st, where, &key, &ret->key, &ret->key_file);
    return rc;
}
