/* SPDX-License-Identifier: Apache-2.0
 * reports.h: what the client tells the sink. */
#ifndef DF_CONNECTORS_KAFKA_SINK_REPORTS_H
#define DF_CONNECTORS_KAFKA_SINK_REPORTS_H

#include "sink.h"

/* Takes all reports and errors that wait in the client; timeout_ms: how long to wait for the first.
 * A failure is in s->failure. */
void df__kafka_serve(df__kafka_sink *s, int timeout_ms);
/* The client lets go of every message, and so of every byte of the parcels, within some seconds. */
void df__kafka_purge(df__kafka_sink *s);
/* Waits a while for reports and takes them. DF_OK, DF_ECANCELED, or a failure, after which no byte
 * of a parcel may stay in the client: purge it. */
int df__kafka_reports(df__kafka_sink *s);
/* 1: the error concerns records, not the connection: they may be sent again with fewer others. The
 * broker refuses a whole request, so the error names the neighbours of the one to blame as well. */
int df__kafka_is_refusal(rd_kafka_resp_err_t err);
/* Takes any other error of a record into s->failure, unless it is that of a purge. */
void df__kafka_report_error(df__kafka_sink *s, const char *topic, rd_kafka_resp_err_t err);

#endif
