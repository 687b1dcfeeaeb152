/* SPDX-License-Identifier: Apache-2.0
 * moment.c: see moment.h. */
#include "kube/moment.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/buf.h"
#include "util/rfc3339.h"

int64_t kube_wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void kube_moment_write(int64_t wall_us, char buf[KUBE_MOMENT])
{
    df__civil c;
    df__civil_from_sec(wall_us / 1000000, &c);
    df__text_printf(buf, KUBE_MOMENT, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", (int)c.year, c.month,
                    c.day, c.hour, c.minute, c.second, (int)(wall_us % 1000000));
}

/* RFC 9110, 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT". -1: it is none. */
static int read_date(const char *text, int64_t *sec)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4] = "", zone[4] = "";
    const char *at;
    df__civil c = {0};
    int year;
    if (!text || sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d %3s", &c.day, month,
                        &year, &c.hour, &c.minute, &c.second, zone) != 7)
        return -1;
    at = strlen(month) == 3 ? strstr(months, month) : NULL;
    if (!at || (at - months) % 3 || strcmp(zone, "GMT") != 0)
        return -1;
    c.year = year;
    c.month = (int)(at - months) / 3 + 1;
    *sec = df__civil_sec(&c);
    return 0;
}

int64_t kube_moment_ahead(int64_t ahead_us, const char *date, int64_t asked_us, int64_t answered_us)
{
    int64_t sec, least, most;
    if (read_date(date, &sec))
        return ahead_us;
    least = sec * 1000000 - answered_us;
    most = (sec + 1) * 1000000 - asked_us;
    return ahead_us < least ? least : ahead_us > most ? most : ahead_us;
}
