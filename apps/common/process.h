/* SPDX-License-Identifier: Apache-2.0
 * process.h: what the kernel tells about this process, and files read whole. */
#ifndef APP_PROCESS_H
#define APP_PROCESS_H

#include <stdint.h>

#include "util/buf.h"

typedef struct app_usage {
    double cpu_s;
    uint64_t rss, peak_rss; /* bytes */
    uint64_t virtual_size;
    long fds, max_fds;
    double start_s; /* since 1970; 0: unknown */
} app_usage;

/* Members that the kernel does not tell stay 0. */
void app_process_usage(app_usage *ret);
/* Resident bytes; 0: unknown. */
uint64_t app_process_rss(void);
/* The series process_* as Prometheus clients name them. */
void app_process_metrics(df__buf *out);
/* Monotonic clock in µs. */
int64_t app_clock_us(void);
/* Reads a file of at most `limit` bytes; "-" is standard input. 0, or -1 with one line in `err`. */
int app_file_read(const char *path, size_t limit, df__buf *out, char *err, size_t err_len);

/* From now on no core dump is written and no process of the same user can read this one's memory:
 * libraries keep copies of passwords. Nothing happens under a sanitizer, which needs both. */
void app_process_close(void);

#endif
