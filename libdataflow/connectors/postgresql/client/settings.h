/* SPDX-License-Identifier: Apache-2.0
 * settings.h: server settings in a connection string. */
#ifndef DF_PG_SETTINGS_H
#define DF_PG_SETTINGS_H

#include "util/buf.h"

/* `pairs` is where name=value pairs begin in the text: after the ? of a URL, or all of it. What
 * is no server setting goes into `rest`, with what stands before; the settings go into `options`
 * as libpq's parameter of that name reads them: -c name=value. */
void df__pg_settings_take(const char *text, const char *pairs, int is_url, df__buf *rest,
                          df__buf *options);

#endif
