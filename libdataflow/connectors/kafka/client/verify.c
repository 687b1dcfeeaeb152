/* SPDX-License-Identifier: Apache-2.0
 * verify.c: whether the certificates that a broker shows are good: what OpenSSL found wrong is kept
 * for the sentence about it.
 */
#include <stdio.h>

#include "expiry.h"
#include "letgo.h"
#include "verify.h"

/* Signature: rd_kafka_conf_set_ssl_cert_verify_cb. */
int df__kafka_verify(rd_kafka_t *rk, const char *broker, int32_t id, int *flaw, int depth,
                     const char *der, size_t size, char *text, size_t cap, void *opaque)
{
    df__kafka_common *o = opaque;
    (void)id;
    if (!df__kafka_tell_begin(rk))
        return 0;
    if (depth == 0)
        df__kafka_expiry_note(o, broker, (df_bytes){der, size});
    if (*flaw != 0) {
        __atomic_store_n(&o->flaw, *flaw, __ATOMIC_RELAXED);
        (void)snprintf(text, cap, "it is not trusted");
    }
    df__kafka_tell_end();
    return *flaw == 0;
}
