/* SPDX-License-Identifier: Apache-2.0
 * frame.c: what a schema registry's clients put before a body. */
#include <string.h>

#include "formats/avro/type.h"

static int refuse(df__avro_error *error, const char *why)
{
    df__text_printf(error->text, sizeof error->text, "Avro: %s", why);
    return DF_EDATA;
}

/* What is known by its first bytes; NULL: nothing is. */
static const char *other_kind(const unsigned char *p, size_t len)
{
    static const struct {
        const char *begins;
        size_t len, at_least;
        const char *why;
    } rows[] = {
        {"\xc3\x01", 2, 2,
         "the payload is in Avro's single-object encoding (it begins with c3 01 and a "
         "fingerprint), "
         "not with 0 and the number of a schema"},
        {"Obj\1", 4, 4,
         "the payload is an object container file, not a message of a schema registry"},
        {"\3\0", 2, 18,
         "the payload is a message of AWS Glue Schema Registry (it begins with 3 and a UUID), not "
         "of "
         "a registry with Confluent's API"},
        {"\3\5", 2, 18,
         "the payload is a compressed message of AWS Glue Schema Registry, not of a registry with "
         "Confluent's API"},
        {"{", 1, 1,
         "the payload looks like JSON, not like a message of a schema registry, which begins with "
         "0 "
         "and the number of a schema"},
        {"[", 1, 1,
         "the payload looks like JSON, not like a message of a schema registry, which begins with "
         "0 "
         "and the number of a schema"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (len >= rows[i].at_least && memcmp(p, rows[i].begins, rows[i].len) == 0)
            return rows[i].why;
    return NULL;
}

int df__avro_frame_read(df_bytes payload, df__avro_frame *ret, df__avro_error *error)
{
    const unsigned char *p = payload.data;
    const char *why = p && payload.len ? other_kind(p, payload.len) : NULL;
    if (!p)
        return refuse(error, "there is no payload");
    if (payload.len == 0)
        return refuse(error, "the payload is empty");
    if (why)
        return refuse(error, why);
    if (p[0] != 0)
        return refuse(error, "the payload does not begin with 0 and the number of a schema: it was "
                             "written without a schema registry, or has the schema's GUID in "
                             "header " DF_AVRO_VALUE_HEADER);
    if (payload.len < DF_AVRO_FRAME)
        return refuse(error, "the payload ends inside of the schema's number");
    ret->id = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
    ret->body = (df_bytes){p + DF_AVRO_FRAME, payload.len - DF_AVRO_FRAME};
    return DF_OK;
}

void df_avro_frame_write(uint32_t id, unsigned char ret[DF_AVRO_FRAME])
{
    ret[0] = 0;
    for (int i = 4; i; i--, id >>= 8)
        ret[i] = (unsigned char)id;
}

int df_avro_guid(df_bytes value, char ret[37])
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *p = value.data;
    size_t n = 0;
    if (!p || value.len != 17 || p[0] != 1)
        return DF_EDATA;
    for (int i = 1; i < 17; i++) {
        if (i == 5 || i == 7 || i == 9 || i == 11)
            ret[n++] = '-';
        ret[n++] = hex[p[i] >> 4];
        ret[n++] = hex[p[i] & 15];
    }
    ret[n] = '\0';
    return DF_OK;
}
