/* SPDX-License-Identifier: Apache-2.0
 * zone.h: time zones from the system's tzdata (TZif version 1 to 4 with the POSIX rule at its end),
 * loaded once, immutable, shared by threads. UTC and +HH:MM need no file. */
#ifndef DF_UTIL_ZONE_H
#define DF_UTIL_ZONE_H

#include "dataflow.h"
#include "util/heap.h"

typedef struct df__zone df__zone;
enum { DF__ZONE_TEXT = 256 }; /* bytes for one line that says what is wrong */

/* A stretch of time in which a zone's clock does not change. */
typedef struct df__zone_span {
    int64_t start, end; /* seconds since 1970: start <= t < end */
    int32_t offset;     /* seconds east of UTC */
    int is_dst;
    char abbrev[16];
} df__zone_span;

/* `name`: "UTC", "Z", "+03:00" or a name of tzdata ("Europe/Moscow"). `dir`: folder of tzdata,
 * NULL: the system's. DF_EINVAL: no such name may exist; DF_ENOTFOUND: no such zone; DF_EDATA: its
 * file is damaged; DF_EIO; DF_ENOMEM. One line in err. */
int df__zone_load(const df__heap *heap, const char *name, const char *dir, df__zone **ret,
                  char err[DF__ZONE_TEXT]);
/* The same from the bytes of a TZif file. */
int df__zone_parse(const df__heap *heap, df_bytes file, df__zone **ret, const char **why);
/* NULL is nothing. */
void df__zone_free(df__zone *z);

/* The span that holds `sec`. Keep it and ask again only when a time is outside of it. */
void df__zone_at(const df__zone *z, int64_t sec, df__zone_span *ret);
/* The moment at which the zone's clock shows `local` (seconds as if it were UTC). Of the two
 * moments of a fold, and in a gap, the one that Go's time.Date answers: the offset of the span that
 * holds `local` read as UTC, corrected once. `span` is used and kept as by df__zone_at. */
int64_t df__zone_moment(const df__zone *z, int64_t local, df__zone_span *span);

#endif
