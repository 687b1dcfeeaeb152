/* SPDX-License-Identifier: Apache-2.0
 * pack.h: a body made smaller, as Content-Encoding names it. */
#ifndef DF_CH_PACK_H
#define DF_CH_PACK_H

#include "util/buf.h"

enum df__ch_packing { CH_PACK_NONE, CH_PACK_LZ4, CH_PACK_ZSTD, CH_PACK_GZIP };

/* For a table of options, in the order of the enum; NULL at the end. They are the names of
 * Content-Encoding too. */
extern const char *const df__ch_packings[];
/* Makes `ret` the whole of `body`, packed. `how` is not NONE. DF_ENOMEM. */
int df__ch_pack(enum df__ch_packing how, df_bytes body, df__buf *ret);

#endif
