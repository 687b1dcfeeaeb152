/* SPDX-License-Identifier: Apache-2.0
 * tls_block.h: the block `tls` of a connector's options, as its HTTP client takes it. */
#ifndef DF_NET_TLS_BLOCK_H
#define DF_NET_TLS_BLOCK_H

#include "dataflow_ext.h"
#include "net/http.h"

/* Certificates and keys in PEM: files, or secrets, which are the text itself or a path and win. */
typedef struct df__tls_block {
    int insecure; /* any certificate will do, unless an authority is given */
    df_bytes ca_file, cert_file, key_file;
    df_secret *ca, *cert, *key;
} df__tls_block;

extern const df_options df__tls_block_options;

/* What does not fit together in the block `tls`, as problems; DF_ESPEC when one is an error. NULL:
 * there is none. */
int df__tls_block_check(df_stage *st, const df__tls_block *block);
/* Fills `ret`, whose texts are borrowed; `block` NULL: nothing. Paths are asked for (df_stage_file)
 * and can be read. The client's certificate counts with its key only. DF_EAUTH and what
 * df_secret_get says, with the text set, which begins with `where`, the option's name. */
int df__tls_block_http(df_stage *st, const char *where, const df__tls_block *block,
                       df__http_tls *ret);

#endif
