/* SPDX-License-Identifier: Apache-2.0
 * list.c: see list.h. */
#include "util/list.h"

#include <string.h>

df_bytes df__list_item(df_bytes *rest)
{
    const char *s = rest->data ? rest->data : "", *end = s + rest->len;
    const char *comma = memchr(s, ',', rest->len);
    const char *stop = comma ? comma : end;
    while (s < stop && *s == ' ')
        s++;
    while (stop > s && stop[-1] == ' ')
        stop--;
    *rest = comma ? (df_bytes){comma + 1, (size_t)(end - comma - 1)} : (df_bytes){NULL, 0};
    return (df_bytes){s, (size_t)(stop - s)};
}

df_bytes df__list_name(df_bytes *rest)
{
    df_bytes item = {NULL, 0};
    while (rest->data && item.len == 0)
        item = df__list_item(rest);
    return item;
}
