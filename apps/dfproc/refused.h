/* SPDX-License-Identifier: Apache-2.0
 * refused.h: the records that an error sink got, as their envelopes tell. */
#ifndef DFPROC_REFUSED_H
#define DFPROC_REFUSED_H

#include "dfproc/capture.h"

/* One refused record, as its envelope tells. */
typedef struct dfproc_refusal {
    yyjson_doc *doc;
    const char *where, *reason, *message;
    const dfproc_seen *seen;
    int told;
} dfproc_refusal;

typedef struct dfproc_refusals {
    dfproc_refusal *rows;
    size_t count;
    int has_sink; /* the flow itself has an error sink */
    char sink[128];
} dfproc_refusals;

/* Both came from one record of the source. */
int dfproc_same_origin(const dfproc_seen *a, const dfproc_seen *b);
/* Reads what the error sink of the capture saw. 0, or -1: no memory. */
int dfproc_refusals_read(dfproc_refusals *r, const dfproc_capture *c);
/* The next refusal of this input at stage `where` that was not told yet; NULL: any, anywhere. */
dfproc_refusal *dfproc_next_refusal(dfproc_refusals *r, const dfproc_seen *from, const char *where);
void dfproc_refusals_free(dfproc_refusals *r);

#endif
