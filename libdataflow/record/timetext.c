/* SPDX-License-Identifier: Apache-2.0
 * timetext.c: see timetext.h. */
#include "record/timetext.h"

#include "record/number.h"

#define DAY_US ((int64_t)86400 * 1000000)

/* Year, month, day of a number of days since 1970. */
static void df__civil_from_days(int64_t days, int64_t *year, int *month, int *day)
{
    /* Years that begin in March, in eras of 400 years of 146097 days. */
    int64_t era, doe, yoe, doy, mp;
    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    doe = days - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = yoe + era * 400 + (*month <= 2);
}

static size_t put_digits(char *buf, int64_t v, int width)
{
    for (int i = width - 1; i >= 0; i--, v /= 10)
        buf[i] = (char)('0' + v % 10);
    return (size_t)width;
}

static size_t put_date(char *buf, int64_t days)
{
    int64_t year;
    int month, day;
    size_t n = 0;
    df__civil_from_days(days, &year, &month, &day);
    if (year >= 0 && year <= 9999) {
        n = put_digits(buf, year, 4);
    } else {
        if (year > 0)
            buf[n++] = '+';
        n += df__number_int(year, buf + n);
    }
    buf[n++] = '-';
    n += put_digits(buf + n, month, 2);
    buf[n++] = '-';
    n += put_digits(buf + n, day, 2);
    return n;
}

static size_t put_clock(char *buf, int64_t us)
{
    size_t n = put_digits(buf, us / 3600000000, 2);
    buf[n++] = ':';
    n += put_digits(buf + n, us / 60000000 % 60, 2);
    buf[n++] = ':';
    n += put_digits(buf + n, us / 1000000 % 60, 2);
    if (us % 1000000) {
        buf[n++] = '.';
        n += put_digits(buf + n, us % 1000000, 6);
        while (buf[n - 1] == '0')
            n--;
    }
    return n;
}

static size_t put_zone(char *buf, int32_t zone)
{
    int32_t minutes = zone < 0 ? -zone : zone;
    size_t n = 0;
    if (zone == 0) {
        buf[0] = 'Z';
        return 1;
    }
    buf[n++] = zone < 0 ? '-' : '+';
    n += put_digits(buf + n, minutes / 60 % 100, 2);
    buf[n++] = ':';
    n += put_digits(buf + n, minutes % 60, 2);
    return n;
}

size_t df__timetext(const df_value *v, char *buf)
{
    int64_t days, us, zone_us = 0;
    size_t n;
    if (v->type == DF_V_DATE)
        return put_date(buf, v->u.i);
    if (v->type == DF_V_TIME) /* 24:00:00 is one, the end of a day */
        return put_clock(buf, v->u.i == DAY_US ? DAY_US : (v->u.i % DAY_US + DAY_US) % DAY_US);
    if (v->zone != DF_ZONE_NONE)
        zone_us = (int64_t)v->zone * 60000000;
    days = v->u.i / DAY_US;
    us = v->u.i % DAY_US + zone_us;
    while (us < 0) {
        us += DAY_US;
        days--;
    }
    while (us >= DAY_US) {
        us -= DAY_US;
        days++;
    }
    n = put_date(buf, days);
    buf[n++] = 'T';
    n += put_clock(buf + n, us);
    if (v->zone != DF_ZONE_NONE)
        n += put_zone(buf + n, v->zone);
    return n;
}
