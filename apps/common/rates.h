/* SPDX-License-Identifier: Apache-2.0
 * rates.h: records per second of each stage, from counts taken when somebody looks: a flow that
 * nobody watches is not woken for them. */
#ifndef APP_RATES_H
#define APP_RATES_H

#include "json.h"

enum { APP_RATES_STAGES = 64 };

/* Counts of the stages at one time, by index; further stages have no rates. */
typedef struct app_counts {
    int64_t at_us;
    double in[APP_RATES_STAGES], out[APP_RATES_STAGES];
} app_counts;

typedef struct app_rates {
    app_counts base, last; /* rates are those since `base` */
    double seconds;        /* what they were taken over, at the last look */
} app_rates;

void app_rates_start(app_rates *r, int64_t now_us);
/* Copies the JSON of a status report to `out`, with rates in each of its stages and `members`
 * (JSON, "" or with a comma before it) at its end. */
void app_rates_status(app_rates *r, int64_t now_us, yyjson_val *status, const char *members,
                      df__buf *out);

#endif
