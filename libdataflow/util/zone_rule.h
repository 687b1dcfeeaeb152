/* SPDX-License-Identifier: Apache-2.0
 * zone_rule.h: the POSIX TZ rule at the end of a TZif file, such as "CET-1CEST,M3.5.0,M10.5.0/3":
 * what holds for all years after the last listed transition. */
#ifndef DF_UTIL_ZONE_RULE_H
#define DF_UTIL_ZONE_RULE_H

#include "util/zone.h"

typedef struct df__zone_day { /* when in a year a change happens */
    int kind;                 /* 'J': day 1..365 without 29 February, 'D': day 0..365, 'M': month */
    int day, week, month;     /* M: weekday 0..6, week 1..5 (5: the last) */
    int32_t time;             /* seconds of the local clock, -167..167 hours */
} df__zone_day;

typedef struct df__zone_rule {
    char std[16], dst[16]; /* names; dst "": no summer time */
    int32_t std_offset, dst_offset;
    df__zone_day start, end; /* of summer time */
} df__zone_rule;

/* DF_EDATA: no such rule. */
int df__zone_rule_parse(const char *text, df__zone_rule *ret);
/* The span of the rule that holds `sec`. */
void df__zone_rule_at(const df__zone_rule *rule, int64_t sec, df__zone_span *ret);

#endif
