/* SPDX-License-Identifier: Apache-2.0
 * frame.c: what a schema registry's clients put before a body. */
#include "formats/avro/node.h"

static int refuse(df__avro_error *error, const char *why)
{
    df__text_printf(error->text, sizeof error->text, "Avro: %s", why);
    return DF_EDATA;
}

int df__avro_frame_read(df_bytes payload, df__avro_frame *ret, df__avro_error *error)
{
    const unsigned char *p = payload.data;
    if (!p)
        return refuse(error, "there is no payload");
    if (payload.len == 0)
        return refuse(error, "the payload is empty");
    if (payload.len >= 2 && p[0] == 0xc3 && p[1] == 0x01)
        return refuse(error,
                      "the payload is in Avro's single-object encoding (it begins with c3 01 "
                      "and a fingerprint), not with 0 and the number of a schema");
    if (payload.len >= 4 && memcmp(p, "Obj\1", 4) == 0)
        return refuse(error, "the payload is an object container file, not a message of a schema "
                             "registry");
    if (p[0] == '{' || p[0] == '[')
        return refuse(error,
                      "the payload looks like JSON, not like a message of a schema registry, "
                      "which begins with 0 and the number of a schema");
    if (p[0] != 0)
        return refuse(error, "the payload does not begin with 0 and the number of a schema: it was "
                             "written without a schema registry, or has the schema's GUID in "
                             "header " DF__AVRO_VALUE_HEADER);
    if (payload.len < DF__AVRO_FRAME)
        return refuse(error, "the payload ends inside of the schema's number");
    ret->id = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
    ret->body = (df_bytes){p + DF__AVRO_FRAME, payload.len - DF__AVRO_FRAME};
    return DF_OK;
}

void df__avro_frame_write(uint32_t id, unsigned char ret[DF__AVRO_FRAME])
{
    ret[0] = 0;
    for (int i = 4; i; i--, id >>= 8)
        ret[i] = (unsigned char)id;
}

int df__avro_guid(df_bytes value, char ret[37])
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
