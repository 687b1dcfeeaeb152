/* SPDX-License-Identifier: Apache-2.0
 * deliver.h: parcels on their way. */
#ifndef DF_CONNECTORS_KAFKA_SINK_DELIVER_H
#define DF_CONNECTORS_KAFKA_SINK_DELIVER_H

#include "sink.h"

/* Hands a parcel to the client: DF_PENDING, DF_AGAIN: come again with the same, or a failure, after
 * which the client holds nothing. */
int df__kafka_deliver(df__kafka_sink *s, df_parcel *parcel);
/* Sends again what was refused with others and settles what has ended; failures as above. */
int df__kafka_advance(df__kafka_sink *s);
/* A parcel that waits for its reports, at the end of s->loads and in the parcel's memory; NULL: no
 * memory. */
df__kafka_load *df__kafka_add_load(df__kafka_sink *s, df_parcel *parcel);
/* Hands record `index` to the client, or rejects it. DF_DONE: the transaction is lost and takes no
 * more; a report says why. Other failures have a text set on the stage. */
int df__kafka_send_record(df__kafka_sink *s, df__kafka_load *load, size_t index);
/* Rejects a record that the broker or the client refused with `err`. */
void df__kafka_refuse(df__kafka_load *load, size_t index, rd_kafka_resp_err_t err);

#endif
