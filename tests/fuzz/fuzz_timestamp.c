/* SPDX-License-Identifier: Apache-2.0
 * fuzz_timestamp.c: times as text and as numbers, time zone files, rules. What can be read and
 * written again is the same. */
#include <stdlib.h>
#include <string.h>

#include "util/rfc3339.h"
#include "util/zone.h"
#include "util/zone_rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_stamp(df_bytes text)
{
    df__stamp s, again;
    df__instant t;
    df_bytes copy;
    char buf[DF__RFC3339_MAX];
    if (df__stamp_parse(text, &s) != DF_OK)
        return;
    t.sec = s.local - s.offset;
    t.nsec = s.nsec;
    copy.data = buf;
    copy.len = df__rfc3339_write(t, s.offset, DF__RFC3339_NANO, buf);
    if (!copy.len || copy.len > sizeof buf || df__stamp_parse(copy, &again) != DF_OK ||
        again.local != s.local || again.nsec != s.nsec || again.offset != s.offset)
        abort();
}

static void check_number(df_bytes text)
{
    df__exact d;
    __int128 v;
    if (df__exact_parse(text, &d) != DF_OK)
        return;
    df__exact_int(&d, 9, 1, &v);
    df__exact_int(&d, 0, 0, &v);
    df__exact_is_huge(&d);
}

static void check_span(const df__zone_span *span, int64_t sec)
{
    if (sec < span->start || sec >= span->end)
        abort();
}

static void check_zone(df_bytes file)
{
    static const int64_t times[] = {INT64_C(-62135596800), -1, 0, 1700000000,
                                    INT64_C(253402300799)};
    const char *why;
    df__zone *z;
    if (df__zone_parse(&df__heap_libc, file, &z, &why) != DF_OK)
        return;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        df__zone_span span = {0};
        df__zone_at(z, times[i], &span);
        check_span(&span, times[i]);
        df__zone_moment(z, times[i], &span);
    }
    df__zone_free(z);
}

static void check_rule(const uint8_t *data, size_t size)
{
    char text[128];
    df__zone_rule rule;
    df__zone_span span;
    if (size >= sizeof text)
        return;
    memcpy(text, data, size);
    text[size] = 0;
    if (df__zone_rule_parse(text, &rule) != DF_OK)
        return;
    df__zone_rule_at(&rule, 1700000000, &span);
    check_span(&span, 1700000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    df_bytes text = {data, size};
    check_stamp(text);
    check_number(text);
    check_zone(text);
    check_rule(data, size);
    return 0;
}
