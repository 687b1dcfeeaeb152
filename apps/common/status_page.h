/* SPDX-License-Identifier: Apache-2.0
 * status_page.h: the status page of a running flow, plain HTML without scripts, which browsers
 * load again every three seconds. */
#ifndef APP_STATUS_PAGE_H
#define APP_STATUS_PAGE_H

#include "progress.h"

typedef struct app_page {
    const char *title; /* "default/orders" */
    const char *version;
    const char *status; /* JSON of DF_REPORT_STATUS, with rates */
    size_t status_len;
    const df_stats *stats;
    double rate, uptime_s;
    int live, ready;
} app_page;

void app_status_page(df__buf *out, const app_page *page);

#endif
