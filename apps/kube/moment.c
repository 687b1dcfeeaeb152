/* SPDX-License-Identifier: Apache-2.0
 * moment.c: see moment.h. */
#include "kube/moment.h"

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
