/* SPDX-License-Identifier: Apache-2.0
 * progress.h: texts about a running or finished flow, made from its counts. */
#ifndef APP_PROGRESS_H
#define APP_PROGRESS_H

#include <stdint.h>

#include "process.h"
#include "dataflow.h"

typedef struct app_progress {
    int64_t started_us;    /* app_clock_us */
    int64_t at_us;         /* of the newest sample */
    uint64_t received;     /* at that sample */
    double rate;           /* records read per second, smoothed */
    uint64_t limit;        /* records of a bounded run; 0: none */
    int bounded;           /* ends at the end of the source */
    int stopping;          /* it was asked to stop */
    int64_t lag;           /* as the source told it last, */
    uint64_t lag_received; /* and what had been received then */
} app_progress;

void app_progress_start(app_progress *p, int64_t now_us, uint64_t limit, int bounded);
/* Takes a sample for the rate. */
void app_progress_sample(app_progress *p, int64_t now_us, const df_stats *stats);
/* One line of at most `width` columns. */
void app_progress_line(df__buf *out, const app_progress *p, const df_stats *stats, int width);
/* The line with all counts: "received 3 + expanded 0 = sent 3 + ...". */
void app_progress_equation(df__buf *out, const df_stats *stats);

typedef struct app_summary {
    const char *result; /* "done", or the failure */
    const df_stats *stats;
    const app_usage *usage;
    double seconds;
} app_summary;
/* The block at the end of a run, for people; how it ended was logged before. No newline at its
 * end. */
void app_summary_text(df__buf *out, const app_summary *s);
/* The same as members of a JSON object. */
void app_summary_members(df__buf *out, const app_summary *s);
/* Members with all counts: "\"received\":3,...". */
void app_stats_members(df__buf *out, const df_stats *stats);

/* 1234567 as "1,234,567"; bytes as "52 MiB"; seconds as "1:02:03". `buf` is returned. */
const char *app_text_count(char *buf, size_t len, uint64_t n);
const char *app_text_bytes(char *buf, size_t len, uint64_t n);
const char *app_text_seconds(char *buf, size_t len, double s);

#endif
