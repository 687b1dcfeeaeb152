/* SPDX-License-Identifier: Apache-2.0
 * counts.h: what is counted of a stage. Written by the pipeline thread, published as a copy. */
#ifndef DF_CORE_STAGE_COUNTS_H
#define DF_CORE_STAGE_COUNTS_H

#include <stddef.h>
#include <stdint.h>

enum { DF__BUCKETS = 17, DF__REASON = 32, DF__TEXT = 512, DF__ERROR_KINDS = 12 };

typedef struct df__histogram {
    uint64_t count, bucket[DF__BUCKETS]; /* upper edges: start × 2^k, the last has none;
                                            not cumulative */
    double sum;
} df__histogram;

/* What a stage does, as its errors are counted. */
enum df__during { DF__DURING_CONNECT, DF__DURING_READ, DF__DURING_WRITE, DF__DURING_TRANSFORM };

/* Of the source and of each sink. */
enum df__state {
    DF__STATE_CLOSED,
    DF__STATE_OPENING,
    DF__STATE_READY,
    DF__STATE_BACKOFF,
    DF__STATE_CLOSING
};

typedef struct df__error_kind {
    uint64_t count;
    enum df__during during;
    char reason[DF__REASON];
} df__error_kind;

typedef struct df__counts { /* of one stage */
    uint64_t in, out, errors, retries, bytes_in, bytes_out;
    uint64_t queued;        /* records waiting or unsettled */
    double seconds;         /* spent in the transform, or from hand-over to durable */
    df__histogram duration; /* of a record in the stage; start DF__FAST */
    df__histogram wait;     /* sinks: from dispatch to hand-over; start DF__FAST */
    df__histogram size;     /* bytes of a payload; start DF__SIZE */
    df__error_kind kinds[DF__ERROR_KINDS]; /* the last, "unknown", takes what has no row */
    int64_t since_us;                      /* state since */
    enum df__state state;
    int connected;           /* open, and it did not say otherwise */
    const char *waits_for;   /* static; NULL: nothing */
    char reason[DF__REASON]; /* of the newest error */
    char text[DF__TEXT];
} df__counts;

#define DF__FAST 0.0001
#define DF__SLOW 0.001
#define DF__SIZE 64

/* n observations of one value. */
void df__observe(df__histogram *h, double start, double value, uint64_t n);
/* One payload; for each record twice, so without a loop over the edges. */
static inline void df__observe_size(df__histogram *h, size_t len)
{
    int k = len > DF__SIZE ? 64 - __builtin_clzll((len - 1) / DF__SIZE) : 0;
    h->bucket[k < DF__BUCKETS ? k : DF__BUCKETS - 1]++;
    h->count++;
    h->sum += (double)len;
}
/* Counts an error and keeps its text. */
void df__count_error(df__counts *c, enum df__during during, const char *reason, const char *text);

#endif
