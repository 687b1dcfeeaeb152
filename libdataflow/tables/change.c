/* SPDX-License-Identifier: Apache-2.0
 * change.c: see change.h. */
#include "tables/change.h"

#include <string.h>

unsigned df__change_op(const df_record *r)
{
    df_value v;
    df_info info = {.size = sizeof info};
    if (df_record_info(r, &info) == DF_OK && info.op != DF_OP_NONE)
        return info.op;
    int is_delete = df_record_meta(r, "operation", &v) == DF_OK && v.type == DF_V_STRING &&
                    v.len == 6 && memcmp(v.text, "delete", 6) == 0;
    return is_delete ? DF_OP_DELETE : DF_OP_NONE;
}
