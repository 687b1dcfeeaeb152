/* SPDX-License-Identifier: Apache-2.0
 * payload.c: payloads as case files write them. */
#include <string.h>

#include "dfproc/cases.h"

static void add_text(yyjson_val *value, df__buf *out)
{
    if (yyjson_is_str(value)) /* a number has a length too, but no text */
        df__buf_add(out, yyjson_get_str(value), yyjson_get_len(value));
}

static int nibble(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : 0;
}

static void add_hex(yyjson_val *value, df__buf *out)
{
    const char *hex = yyjson_is_str(value) ? yyjson_get_str(value) : "";
    for (size_t i = 0, len = strlen(hex); i + 1 < len; i += 2)
        df__buf_char(out, (char)(nibble(hex[i]) * 16 + nibble(hex[i + 1])));
}

static void add_repeated(yyjson_val *value, df__buf *out)
{
    yyjson_val *unit = yyjson_arr_get(value, 1), *times = yyjson_arr_get(value, 2);
    long long count = 0;
    out->limit = 256 << 20;
    if (yyjson_is_raw(times))
        app_args_number(yyjson_get_raw(times), 0, 1 << 28, &count);
    add_text(yyjson_arr_get(value, 0), out);
    if (yyjson_get_len(unit) == 0)
        count = 0; /* nothing, however often */
    while (count-- > 0 && !out->failed)
        add_text(unit, out);
    add_text(yyjson_arr_get(value, 3), out);
}

static void add_nothing(yyjson_val *value, df__buf *out)
{
    (void)value;
    (void)out;
}

static const struct {
    const char *name;
    void (*add)(yyjson_val *value, df__buf *out);
} forms[] = {
    {"$tombstone", add_nothing}, {"$text", add_text}, {"$hex", add_hex}, {"$repeat", add_repeated}};

/* Index of the form that an object has; the count of forms when it is ordinary JSON. */
static size_t form_of(yyjson_val *value)
{
    enum { COUNT = sizeof forms / sizeof forms[0] };
    for (size_t i = 0; yyjson_obj_size(value) == 1 && i < COUNT; i++)
        if (yyjson_obj_get(value, forms[i].name))
            return i;
    return COUNT;
}

int dfproc_cases_exact(yyjson_val *value)
{
    return yyjson_is_str(value) || form_of(value) < sizeof forms / sizeof forms[0];
}

df_bytes dfproc_cases_payload(yyjson_val *value, df__buf *text)
{
    df_bytes bytes = {NULL, 0};
    size_t form = form_of(value);
    df__buf_clear(text);
    if (!value || yyjson_is_null(value) || form == 0)
        return bytes;
    if (yyjson_is_str(value))
        add_text(value, text);
    else if (form < sizeof forms / sizeof forms[0])
        forms[form].add(yyjson_obj_get(value, forms[form].name), text);
    else
        app_json_write(text, value);
    bytes.data = df__buf_cstr(text);
    bytes.len = text->len;
    return bytes;
}
