/* SPDX-License-Identifier: Apache-2.0
 * Schedules of a cron, in zones with and without changes of the clock: what can be read has its
 * moments in order, each behind the one asked for, on a whole minute, and the same ones when they
 * are asked for in smaller spans. */
#include <stdint.h>
#include <string.h>

#include "dfoperator/cron/schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOMENTS = 20, DAY = 86400 };

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static const df__zone *zone_of(uint8_t byte)
{
    static const char *const names[] = {"UTC", "Europe/Berlin", "Australia/Lord_Howe", "+05:45"};
    enum { COUNT = sizeof names / sizeof names[0] };
    static df__zone *zones[COUNT];
    char err[DF__ZONE_TEXT];
    if (!zones[byte % COUNT])
        must(df__zone_load(&df__heap_libc, names[byte % COUNT], NULL, &zones[byte % COUNT], err) ==
             DF_OK);
    return zones[byte % COUNT];
}

/* The same moment, found day by day. */
static void check_pieces(const op_schedule *s, int64_t after_s, const op_due *due)
{
    op_due again;
    int64_t until_s = after_s;
    int rc = -1;
    while (rc && until_s < due->at_s) {
        int64_t from_s = until_s;
        until_s = until_s + DAY < due->at_s ? until_s + DAY : due->at_s;
        rc = op_schedule_next(s, from_s, until_s, &again);
    }
    must(due->left_out || (!rc && again.at_s == due->at_s && !again.left_out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[128];
    op_schedule s;
    op_due due;
    int64_t after_s, until_s;
    size_t len = size < 3 ? 0 : size - 3 < sizeof text ? size - 3 : sizeof text - 1;
    if (size < 3)
        return 0;
    memcpy(text, data + 3, len);
    text[len] = 0;
    if (op_schedule_read(text, zone_of(data[0]), &s))
        return 0;
    must(s.minutes && s.hours && s.days && s.months && s.weekdays);
    after_s = INT64_C(1700000000) + (data[1] * 256 + data[2]) * INT64_C(1801);
    until_s = after_s + 90 * (int64_t)DAY;
    for (int i = 0; i < MOMENTS && !op_schedule_next(&s, after_s, until_s, &due); i++) {
        must(due.at_s > after_s && due.at_s <= until_s);
        must(due.left_out || due.at_s % 60 == 0);
        check_pieces(&s, after_s, &due);
        after_s = due.at_s;
    }
    return 0;
}
