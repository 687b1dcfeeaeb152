/* SPDX-License-Identifier: Apache-2.0
 * verify.h: whether the certificates that a broker shows are good. */
#ifndef DF_CONNECTORS_KAFKA_VERIFY_H
#define DF_CONNECTORS_KAFKA_VERIFY_H

#include "common.h"

/* Whether one certificate of the chain that a broker showed is good; 0 ends the connection. What
 * is wrong with it is kept in df__kafka_common.flaw for the sentence about it. The opaque is a
 * source, a sink or a look, whose first member df__kafka_common is. Any thread.
 * Signature: rd_kafka_conf_set_ssl_cert_verify_cb. */
int df__kafka_verify(rd_kafka_t *rk, const char *broker, int32_t id, int *flaw, int depth,
                     const char *der, size_t size, char *text, size_t cap, void *opaque);

#endif
