/* SPDX-License-Identifier: Apache-2.0
 * preview.h: what `dfproc preview` prints, apart from where the records came from. */
#ifndef DFPROC_PREVIEW_H
#define DFPROC_PREVIEW_H

#include "dfproc/capture.h"

typedef struct dfproc_preview_how {
    int json, colour;
    int has_sink; /* the flow itself has an error sink */
} dfproc_preview_how;

/* Each record of the first watch on its way through the others. */
void dfproc_preview_show(df__buf *out, const dfproc_capture *c, const dfproc_preview_how *how);

#endif
