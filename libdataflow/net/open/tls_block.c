/* SPDX-License-Identifier: Apache-2.0
 * tls_block.c: see tls_block.h. */
#include "net/tls_block.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define AT(member) .offset = offsetof(df__tls_block, member)

static const df_option tls_rows[] = {
    {.name = "insecureSkipVerify",
     .type = DF_OPT_BOOL,
     AT(insecure),
     .def = "false",
     .doc =
         "Takes any certificate: anybody between can read and change what is sent. A CA beside it "
         "wins."},
    {.name = "caFile",
     .type = DF_OPT_TEXT,
     AT(ca_file),
     .doc = "Authorities in PEM. Unset: those of the system."},
    {.name = "certFile",
     .type = DF_OPT_TEXT,
     AT(cert_file),
     .doc = "Certificate of the client in PEM, intermediate ones after it; with keyFile."},
    {.name = "keyFile", .type = DF_OPT_TEXT, AT(key_file), .doc = "Its key in PEM."},
    {.name = "ca",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     AT(ca),
     .doc = "Authorities in PEM, as text or the path of a file."},
    {.name = "cert",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     AT(cert),
     .doc = "Certificate of the client in PEM, likewise."},
    {.name = "key",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     AT(key),
     .doc = "Its key in PEM, likewise."},
};
const df_options df__tls_block_options = DF_OPTIONS(tls_rows, df__tls_block);

int df__tls_block_check(df_stage *st, const df__tls_block *tls)
{
    if (!tls)
        return DF_OK;
    if (tls->insecure && !tls->ca && !tls->ca_file.len)
        df_stage_problem(st, DF_WARNING, "tls.insecureSkipVerify",
                         "whoever answers at this address can read and change all that is sent");
    int has_cert = tls->cert || tls->cert_file.len, has_key = tls->key || tls->key_file.len;
    return has_cert == has_key
               ? DF_OK
               : df_stage_problem(st, DF_ERROR, "tls",
                                  "the certificate of the client and its key go together (certFile "
                                  "or cert, keyFile or key)");
}

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
