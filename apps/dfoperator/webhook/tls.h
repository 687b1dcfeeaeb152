/* SPDX-License-Identifier: Apache-2.0
 * tls.h: the certificate that the webhook's server shows: from files, which are read again when
 * they change, or from memory. A connection keeps the one that it began with. Any thread. */
#ifndef DFOPERATOR_TLS_H
#define DFOPERATOR_TLS_H

#include <gnutls/abstract.h>

#include "dataflow.h"

typedef struct op_tls op_tls;

/* tls.crt and tls.key of a folder. NULL with one line in `err`: there is no usable pair. Later on
 * a pair that is not usable, one file newer than the other for example, leaves the last one. */
op_tls *op_tls_files(const char *folder, char *err, size_t err_len);
/* Without a pair: handshakes fail until op_tls_replace. NULL: no memory. */
op_tls *op_tls_empty(void);
/* Another pair, of PEM texts, from now on. 0, or -1 with `err`: the last one stays. */
int op_tls_replace(op_tls *tls, df_bytes cert, df_bytes key, char *err, size_t err_len);
void op_tls_free(op_tls *tls);

/* Seconds since 1970 when the certificate ends. */
int64_t op_tls_expires_s(op_tls *tls);
/* A copy for one handshake, as a gnutls_certificate_retrieve_function3 gives it with
 * GNUTLS_CERT_RETR_DEINIT_ALL. 0, or -1. */
int op_tls_take(op_tls *tls, gnutls_pcert_st **certs, unsigned *count, gnutls_privkey_t *key);

#endif
