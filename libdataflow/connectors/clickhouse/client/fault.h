/* SPDX-License-Identifier: Apache-2.0
 * fault.h: what a server's refusal means. */
#ifndef DF_CH_FAULT_H
#define DF_CH_FAULT_H

#include "dataflow.h"

enum df__ch_fate {
    CH_FATE_NONE,    /* it succeeded */
    CH_FATE_ROW,     /* a record that was sent is at fault */
    CH_FATE_DOUBT,   /* a record, or the statement: ask without records */
    CH_FATE_TABLE,   /* the table is not what it was: look at it again */
    CH_FATE_BUSY,    /* the server has too much to do */
    CH_FATE_LATER,   /* may work later */
    CH_FATE_UNKNOWN, /* it may have been done */
    CH_FATE_SPLIT,   /* too much at once */
    CH_FATE_AUTH,    /* user or password */
    CH_FATE_MISSING, /* no such table or database */
    CH_FATE_PEOPLE   /* a person must change the server, a right or the manifest */
};

typedef struct df__ch_fault {
    enum df__ch_fate fate;
    int code, http; /* code 0: the answer has none */
    char name[64];  /* "UNKNOWN_TABLE"; "": not known */
    char text[400]; /* what the server said, without the frame around it; may show values */
} df__ch_fault;

/* Reads a reply that is whole. `header`: X-ClickHouse-Exception-Code or NULL. A body of a success
 * that turns into an error text half way (the server found out late) is a fault too when
 * `looks_inside`. */
void df__ch_fault_read(int http, const char *header, df_bytes body, int looks_inside,
                       df__ch_fault *ret);
/* The status to answer the core with, for a fate that is not about records. */
int df__ch_fault_status(const df__ch_fault *fault);
/* The reason word of metrics; NULL: that of the status. */
const char *df__ch_fault_reason(const df__ch_fault *fault);

#endif
