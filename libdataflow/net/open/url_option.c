/* SPDX-License-Identifier: Apache-2.0
 * url_option.c: see url_option.h. */
#include "net/url_option.h"

#include <string.h>

int df__url_option_check(df_stage *st, const char *option, df_bytes url)
{
    const char *s = url.data;
    if (!s || strstr(s, "${"))
        return DF_OK;
    if (strncmp(s, "http://", 7) != 0 && strncmp(s, "https://", 8) != 0)
        return df_stage_problem(st, DF_ERROR, option, "begins with https:// or http://");
    return strchr(s, '@')
               ? df_stage_problem(st, DF_ERROR, option, "holds no user: there are options for it")
               : DF_OK;
}
