/* SPDX-License-Identifier: Apache-2.0
 * option_scalar.c: numbers with a fraction from text, without locale. */
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "core/graph/option_types.h"

int df__parse_double(df_bytes text, double *ret)
{
    char *end;
    locale_t c;
    df_bytes number = text;
    if (number.len && *(const char *)number.data == '+') {
        number.data = (const char *)number.data + 1;
        number.len--;
    }
    if (!df__is_json_number(number))
        return 0;
    c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c)
        return 0;
    *ret = strtod_l(number.data, &end, c);
    freelocale(c);
    return isfinite(*ret) != 0;
}
