/* SPDX-License-Identifier: Apache-2.0
 * ranges.c: what df_parcel_range says of a parcel, beside what its records say. */
#include <string.h>

#include "sim.h"

static int counts(const df_parcel *parcel, size_t index)
{
    const df_record *r = parcel->records[index];
    return r->span && !df_parcel_rejected(parcel, index) &&
           !(parcel->sink->takes_errors && df_parcel_is_error(parcel, index));
}

/* The range of the partition that the record at `from` is the first of. */
static df_range range_from(const df_parcel *parcel, size_t from)
{
    const df_partition *part = parcel->records[from]->span->part;
    df_range want = {.partition = part->number, .first = -1, .last = -1, .first_index = from};
    for (size_t i = from; i < parcel->count; i++) {
        int64_t offset = parcel->records[i]->offset;
        if (!counts(parcel, i) || parcel->records[i]->span->part != part)
            continue;
        want.records++;
        want.end_index = i + 1;
        if (offset >= 0 && (want.first < 0 || offset < want.first))
            want.first = offset;
        if (offset > want.last)
            want.last = offset;
    }
    return want;
}

static int is_same(const df_range *a, const df_range *b)
{
    return a->partition == b->partition && a->first == b->first && a->last == b->last &&
           a->records == b->records && a->first_index == b->first_index &&
           a->end_index == b->end_index;
}

void check_ranges(process *p, df_parcel *parcel)
{
    size_t count, n = 0;
    const df_range *said = df_parcel_range(parcel, &count);
    int seen[PARTS] = {0};
    for (size_t i = 0; i < parcel->count; i++) {
        if (!counts(parcel, i) || seen[parcel->records[i]->span->part->number]++)
            continue;
        df_range want = range_from(parcel, i);
        if (n == count || !is_same(&said[n], &want))
            fail(p->w, "range %zu of %zu of a parcel is not that of partition %u from record %zu",
                 n, count, want.partition, i);
        if (n < count)
            n++;
    }
    if (n != count)
        fail(p->w, "a parcel has %zu ranges, and records of %zu partitions", count, n);
}
