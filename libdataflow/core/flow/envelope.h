/* SPDX-License-Identifier: Apache-2.0
 * envelope.h: the JSON of an error record: what was refused, where, and why. */
#ifndef DF_CORE_FLOW_ENVELOPE_H
#define DF_CORE_FLOW_ENVELOPE_H

#include "record/record.h"
#include "util/buf.h"

typedef struct df__flow df__flow;

typedef struct df__envelopes {
    df__arena scratch; /* of one envelope */
    df__buf text;
    int64_t stamp_s; /* second of `stamp`, the time in envelopes */
    char stamp[40];
} df__envelopes;

typedef struct df__error_record { /* state DF__RECORD_ERROR or DF__RECORD_MINIMAL */
    df_record record;
    uint32_t crc32c; /* of the payload that was refused first */
    size_t head;     /* of its own payload: what a minimal one keeps */
} df__error_record;

enum { DF__ERROR_KEY = 64 << 10 }; /* a longer key may be what the error sink finds too large */

/* The text for a refused record, in the arena. *ret_head: the bytes that a minimal one keeps.
 * DF_ENOMEM. */
int df__envelope(df__flow *f, const df_record *r, df__arena *a, df_bytes *ret, size_t *ret_head);
/* Size and sum of the payload instead of its bytes. */
int df__envelope_minimal(df__flow *f, const df__error_record *first, df__arena *a, df_bytes *ret);

#endif
