/* SPDX-License-Identifier: Apache-2.0
 * decode.c: values of messages become values of records. Avro's schema comes from a frame, from the
 * header of newer clients, or from the options; a message whose schema is not known yet is not
 * added, and those after it wait with it, so that their order stays.
 */
#include <string.h>

#include "decode.h"
#include "util/buf.h"

enum {
    LONG_FRAME = 9, /* 0 and a number of 8 bytes */
    WAIT_MS = 1000
};

/* What reads bodies of this schema; made once. */
static int program_of(df__kafka_coder *c, const df_avro_schema *writer, df_avro_program **at)
{
    unsigned flags = DF_AVRO_COLLAPSE | (c->o->wrap ? (unsigned)DF_AVRO_WRAP : 0);
    const df_avro_schema *reader = writer == c->given ? NULL : c->given;
    int rc = *at != NULL ? DF_OK : df_avro_compile(c->avro, writer, reader, flags, at);
    if (rc == DF_ENOMEM)
        return df_stage_fail(c->st, rc, NULL, "no memory for a schema");
    return rc;
}

/* By the registry. */
static int reading_by(df__kafka_coder *c, df__kafka_schema *schema, df__kafka_reading *ret)
{
    if (!schema)
        return df_stage_fail(c->st, DF_ENOMEM, NULL, "no memory to ask the schema registry");
    int rc = df__kafka_schema_get(c->registry, schema);
    if (rc == DF_AGAIN) {
        if (df__kafka_registry_trouble(c->registry))
            df__kafka_coder_tell(c, 1);
        return rc;
    }
    df__kafka_coder_tell(c, 0);
    if (rc == DF_OK)
        rc = program_of(c, schema->schema, &schema->program);
    else if (rc == DF_EDATA || rc == DF_ENOTFOUND || rc == DF_ESTATE)
        ret->why = schema->text != NULL ? schema->text : "its schema cannot be used";
    if (rc == DF_ESPEC)
        ret->why = df_avro_error(c->avro);
    ret->program = schema->program;
    return ret->why != NULL ? DF_EDATA : rc;
}

static int by_header(df__kafka_coder *c, df_bytes header, df__kafka_reading *ret)
{
    char guid[37], path[64];
    if (df_avro_guid(header, guid) != DF_OK) {
        ret->why = "header " DF_AVRO_VALUE_HEADER " is not that of a schema registry's client";
        return DF_EDATA;
    }
    df__text_printf(path, sizeof path, "/schemas/guids/%s", guid);
    return reading_by(c, df__kafka_schema_named(c->registry, path), ret);
}

static int by_frame(df__kafka_coder *c, df__kafka_reading *ret)
{
    uint32_t id;
    df_bytes payload = ret->body;
    if (df_avro_frame_read(c->avro, payload, &id, &ret->body) != DF_OK) {
        ret->why = df_avro_error(c->avro);
        return DF_EDATA;
    }
    ret->skip = DF_AVRO_FRAME;
    int rc = reading_by(c, df__kafka_schema_numbered(c->registry, id), ret);
    if (rc == DF_EDATA && id == 0 && payload.len >= LONG_FRAME)
        ret->why = "the registry has no schema of the number 0: the message may have a number of 8 "
                   "bytes, as clients of Apicurio can write; let them write 4 "
                   "(Default4ByteIdHandler)";
    return rc;
}

df__kafka_raw df__kafka_raw_of(const rd_kafka_message_t *m)
{
    rd_kafka_headers_t *headers = NULL;
    df__kafka_raw raw = {{m->payload, m->len}, {NULL, 0}};
    const void *value = NULL;
    size_t len = 0;
    if (rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        rd_kafka_header_get_last(headers, DF_AVRO_VALUE_HEADER, &value, &len) ==
            RD_KAFKA_RESP_ERR_NO_ERROR)
        raw.guid = (df_bytes){value != NULL ? value : "", len};
    return raw;
}

int df__kafka_reading_of(df__kafka_coder *c, const df__kafka_raw *raw, df__kafka_reading *ret)
{
    *ret = (df__kafka_reading){.body = raw->payload};
    if (!raw->payload.data || c->o->kind != DF__KAFKA_FORMAT_AVRO)
        return DF_OK;
    if (!c->registry) {
        int rc = program_of(c, c->given, &c->fixed);
        ret->program = c->fixed;
        if (rc == DF_ESPEC)
            ret->why = df_avro_error(c->avro);
        return rc == DF_ESPEC ? DF_EDATA : rc;
    }
    return raw->guid.data != NULL ? by_header(c, raw->guid, ret) : by_frame(c, ret);
}

/* ---- values ---------------------------------------------------------------------------------- */

static int read_plain(const df__kafka_coder *c, df_record *r, df_bytes payload)
{
    df_value v = {.type = c->o->kind == DF__KAFKA_FORMAT_TEXT ? DF_V_STRING : DF_V_BYTES};
    v.text = payload.data;
    v.len = payload.len;
    return df_record_set_root(r, &v);
}

static int read_avro(df__kafka_coder *c, df_record *r, const df__kafka_reading *how,
                     df_bytes payload)
{
    const char *bytes = payload.data;
    df_bytes body = {bytes + how->skip, payload.len - how->skip};
    return df_avro_decode(c->avro, how->program, r, body);
}

/* Without a registry a frame is taken for a part of the body. */
static void refuse_avro(const df__kafka_coder *c, df_record *r, df_bytes payload)
{
    char text[700];
    int framed =
        !c->registry && payload.len > DF_AVRO_FRAME && *(const unsigned char *)payload.data == 0;
    df__text_printf(text, sizeof text, "%s%s", df_avro_error(c->avro),
                    framed ? "; it begins like a message of a schema registry: set schemaRegistry"
                           : "");
    (void)df_record_reject(r, DF_EDATA, "invalid_data", text);
}

void df__kafka_read_value(df__kafka_coder *c, df_record *r, const df__kafka_reading *how, int rc)
{
    df_bytes payload = {NULL, 0};
    if (rc != DF_OK) {
        (void)df_record_reject(r, DF_EDATA, "invalid_data", how->why);
        return;
    }
    rc = df_record_payload(r, &payload);
    if (rc != DF_OK || !payload.data)
        return; /* a tombstone */
    rc = how->program != NULL ? read_avro(c, r, how, payload) : read_plain(c, r, payload);
    if (rc == DF_EDATA && how->program)
        refuse_avro(c, r, payload);
    else if (rc == DF_EDATA)
        (void)df_record_reject(r, rc, "invalid_data", "format: text, and the value is no UTF-8");
    else if (rc != DF_OK)
        (void)df_record_reject(r, rc, NULL, "no memory for the value");
}

/* ---- a record that came another way -----------------------------------------------------------
 */

static int raw_of_record(df_record *r, df__kafka_raw *ret)
{
    df_header h = {NULL, {NULL, 0}};
    *ret = (df__kafka_raw){{NULL, 0}, {NULL, 0}};
    for (size_t i = 0; df_record_header(r, i, &h) == DF_OK; i++)
        if (strcmp(h.name, DF_AVRO_VALUE_HEADER) == 0)
            ret->guid = (df_bytes){h.value.data != NULL ? h.value.data : "", h.value.len};
    return df_record_payload(r, &ret->payload);
}

int df__kafka_decode(df__kafka_coder *c, df_record *r)
{
    df__kafka_reading how;
    df__kafka_raw raw;
    int rc = raw_of_record(r, &raw);
    if (rc != DF_OK)
        return rc;
    while ((rc = df__kafka_reading_of(c, &raw, &how)) == DF_AGAIN)
        if (df__kafka_coder_wait(c, WAIT_MS) == DF_ECANCELED)
            return DF_ECANCELED;
    if (rc == DF_OK || rc == DF_EDATA)
        df__kafka_read_value(c, r, &how, rc);
    return rc == DF_EDATA ? DF_OK : rc;
}
