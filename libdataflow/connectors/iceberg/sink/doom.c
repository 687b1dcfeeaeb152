/* SPDX-License-Identifier: Apache-2.0
 * doom.c: what no retry mends. A failure that is tried again closes the sink; its next open ends
 * the run with the text. */
#include <stdarg.h>

#include "sink/sink.h"

int df__ice_doom(df__ice_sink *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    df__text_vprintf(s->doom, sizeof s->doom, format, args);
    va_end(args);
    return df_stage_failf(s->st, DF_EIO, "configuration", "%s", s->doom);
}
