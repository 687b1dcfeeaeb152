/* SPDX-License-Identifier: Apache-2.0
 * encode_room.c: room for the bytes of a value, and refusals of it. */
#include "formats/avro/encoder.h"

#include <stdarg.h>

#include "formats/avro/names.h"

enum { FIRST_ROOM = 256 };

static const char *const kinds[] = {"nothing",        "an unchanged value", "null",     "a boolean",
                                    "a whole number", "a number",           "a double", "a string",
                                    "bytes",          "a timestamp",        "a date",   "a time",
                                    "a list",         "an object"};

/* The buffer's place becomes the encoder's. */
static void take_place(df__encoder *e)
{
    e->p = (unsigned char *)e->out->data + e->out->len;
    e->end = (unsigned char *)e->out->data + e->out->cap - DF__AVRO_SLACK;
}

int df__avro_begin(df__encoder *e, df__buf *out)
{
    e->out = out;
    if (!df__buf_reserve(out, FIRST_ROOM + DF__AVRO_SLACK))
        return 0;
    take_place(e);
    return 1;
}

int df__avro_more(df__encoder *e, size_t len)
{
    e->out->len = df__avro_length(e);
    if (!df__buf_reserve(e->out, len + DF__AVRO_SLACK + FIRST_ROOM)) {
        e->no_memory = 1;
        return 0;
    }
    take_place(e);
    return 1;
}

int df__avro_add_raw(df__encoder *e, const void *data, size_t len)
{
    if (!df__avro_room(e, len))
        return DF_ENOMEM;
    df__copy((char *)e->p, data, len);
    e->p += len;
    return DF_OK;
}

int df__avro_refuse(df__encoder *e, const char *format, ...)
{
    va_list args;
    if (e->trial)
        return DF_EDATA;
    e->path[0] = '\0';
    va_start(args, format);
    df__text_vprintf(e->why, sizeof e->why, format, args);
    va_end(args);
    return DF_EDATA;
}

int df__avro_mismatch(df__encoder *e, const df__avro_type *n, int type)
{
    char buf[64];
    const char *name;
    size_t len = df__avro_branch_name(n, buf, &name);
    return df__avro_refuse(e, "%s cannot be written as %.*s", kinds[type],
                           (int)(len < 80 ? len : 80), name);
}
