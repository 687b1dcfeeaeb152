/* SPDX-License-Identifier: Apache-2.0
 * schedule.h: the five fields of a cron schedule, and the moments that they name in a time zone, as
 * the cluster's CronJob understands them: each minute whose clock time fits. A clock time that
 * comes twice is two moments. */
#ifndef DFOPERATOR_SCHEDULE_H
#define DFOPERATOR_SCHEDULE_H

#include <stdint.h>

#include "util/zone.h"

typedef struct op_schedule {
    uint64_t minutes, hours, days, months, weekdays; /* a bit for each number */
    int any_hour, any_day, any_weekday;
    const df__zone *zone;
} op_schedule;

/* 0, or -1: it is none. The zone is borrowed. */
int op_schedule_read(const char *text, const df__zone *zone, op_schedule *ret);

typedef struct op_due {
    int64_t at_s;
    int left_out; /* the clock was put forward over it: at_s is when */
} op_due;

/* The first one behind `after_s`, at `until_s` at the latest. 0, or -1: there is none. Clock times
 * that are left out are told only of schedules that name hours: others lose nothing. */
int op_schedule_next(const op_schedule *s, int64_t after_s, int64_t until_s, op_due *ret);

#endif
