/* SPDX-License-Identifier: Apache-2.0
 * visible.c: any bytes as text that changes no terminal, see visible.h. */
#include "visible.h"

#include <stdint.h>

#include "util/unicase.h"

void app_visible(df__buf *out, const char *text, size_t len, int lines)
{
    for (size_t i = 0, next = 0; i < len; i = next) {
        uint32_t c = df__utf8_next(text, len, &next);
        int valid = next - i == 1 ? c < 0x80 : c >= 0xa0;
        for (size_t k = i + 1; k < next; k++)
            valid &= ((unsigned char)text[k] & 0xc0) == 0x80;
        if ((c == '\n' && lines) || (valid && c >= 0x20 && c != 0x7f))
            df__buf_add(out, text + i, next - i);
        else
            for (size_t k = i; k < next; k++)
                df__buf_printf(out, "\\x%02x", (unsigned)(unsigned char)text[k]);
    }
}
