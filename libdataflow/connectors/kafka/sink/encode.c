/* SPDX-License-Identifier: Apache-2.0
 * encode.c: values of records become values of messages. With a registry each subject has a writer:
 * the schema to write by, and its number there. Without avroSchema that is the newest version of
 * the subject, looked at again every five minutes.
 */
#include <stdio.h>
#include <string.h>

#include "encode.h"
#include "reports.h"
#include "util/buf.h"
#include "util/codec.h"
#include "util/heap.h"

enum { RENEW_MS = 300000, WAIT_MS = 200 };
enum strategy { BY_TOPIC, BY_RECORD, BY_BOTH }; /* subjectStrategy */

struct df__kafka_writer {
    df__kafka_writer *next;
    char *subject;
    df__kafka_schema *asked; /* has the number, and the schema when none is given */
    df__kafka_schema *newer; /* is asked for; NULL: nothing is */
    int64_t renew_ms;        /* 0: never */
};

static void free_writers(df__kafka_coder *c)
{
    while (c->writers) {
        df__kafka_writer *w = c->writers;
        c->writers = w->next;
        df__free(&df__heap_libc, w->subject);
        df__free(&df__heap_libc, w);
    }
}

void df__kafka_encoder_close(df__kafka_sink *s)
{
    if (s->coder)
        free_writers(s->coder);
    df__kafka_coder_close(s->coder);
    s->coder = NULL;
}

/* ---- what is asked --------------------------------------------------------------------------- */

/* The name of the schema's record is known only when the schema is: check sees to it. */
static void subject_of(const df__kafka_sink *s, const df__kafka_coder *c, const char *topic,
                       char *buf, size_t cap)
{
    df_bytes name = c->given != NULL ? df_avro_schema_name(c->given) : (df_bytes){NULL, 0};
    int len = (int)(name.len < 400 ? name.len : 400);
    if (s->o.subject_from == BY_RECORD)
        df__text_printf(buf, cap, "%.*s", len, name.len > 0 ? (const char *)name.data : "");
    else if (s->o.subject_from == BY_BOTH)
        df__text_printf(buf, cap, "%s-%.*s", topic, len,
                        name.len > 0 ? (const char *)name.data : "");
    else
        df__text_printf(buf, cap, "%s-value", topic);
}

/* {"schema": "…"} */
static char *body_of(df_bytes schema)
{
    df__buf b;
    df__buf_init(&b, &df__heap_libc);
    df__buf_str(&b, "{\"schema\":");
    df__buf_json(&b, schema.data, schema.len);
    df__buf_char(&b, '}');
    char *text = df__buf_cstr(&b) != NULL ? df__strdup(&df__heap_libc, b.data) : NULL;
    df__buf_free(&b);
    return text;
}

/* The question for the subject: a given schema is looked up or registered, else a version is read.
 * registers: whether it may change the registry. */
static df__kafka_schema *question(const df__kafka_sink *s, const df__kafka_coder *c,
                                  const char *subject, int registers)
{
    char after[48] = "/versions/latest";
    char *body = c->given != NULL ? body_of(c->given_text) : NULL, *path;
    df__kafka_schema *found = NULL;
    if (c->given)
        (void)snprintf(after, sizeof after, "%s", registers ? "/versions" : "?normalize=true");
    else if (s->o.schema_version != DF_UNSET)
        (void)snprintf(after, sizeof after, "/versions/%lld", (long long)s->o.schema_version);
    path = df__kafka_registry_path("/subjects/", subject, after);
    if (path && (!c->given || body))
        found = df__kafka_schema_fresh(c->registry, path, body);
    df__free(&df__heap_libc, path);
    df__free(&df__heap_libc, body);
    return found;
}

static df__kafka_writer *writer_of(df__kafka_sink *s, const char *topic)
{
    char subject[700];
    df__kafka_coder *c = s->coder;
    df__kafka_writer *w = c->writers;
    subject_of(s, c, topic, subject, sizeof subject);
    while (w && strcmp(w->subject, subject) != 0)
        w = w->next;
    if (w)
        return w;
    w = df__zalloc(&df__heap_libc, sizeof *w);
    if (!w)
        return NULL;
    w->subject = df__strdup(&df__heap_libc, subject);
    w->asked = w->subject != NULL ? question(s, c, subject, s->o.auto_register && !s->dry) : NULL;
    if (!w->asked) {
        df__free(&df__heap_libc, w->subject);
        df__free(&df__heap_libc, w);
        return NULL;
    }
    if (!c->given && s->o.schema_version == DF_UNSET)
        w->renew_ms = df__kafka_clock_ms() + RENEW_MS;
    w->next = c->writers;
    c->writers = w;
    return w;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* What to do about an answer that is none. */
static const char *remedy_of(const df__kafka_sink *s, int status)
{
    if (status == DF_ENOTFOUND && !s->coder->given)
        return "; register a schema there, or give it with avroSchema and autoRegister: true";
    if (status == DF_ENOTFOUND)
        return "; register avroSchema there, set autoRegister: true, or leave avroSchema out to "
               "write by the newest version";
    return "";
}

static int tell_refusal(const df__kafka_sink *s, const df__kafka_writer *w, int status)
{
    return df_stage_failf(s->st, DF_EINVAL, "invalid_config", "subject %s: %s%s", w->subject,
                          w->asked->text != NULL ? w->asked->text : "no schema",
                          remedy_of(s, status));
}

static int is_refusal(int status)
{
    return status == DF_ENOTFOUND || status == DF_EDATA || status == DF_ESTATE;
}

int df__kafka_encoder_open(df__kafka_sink *s)
{
    int rc = df__kafka_coder_open(s->st, &s->o.format, &s->coder);
    if (rc != DF_OK || !s->coder || !s->coder->registry || s->o.topic_from.len > 0)
        return rc;
    df__kafka_writer *w = writer_of(s, s->o.common.topic.data);
    if (!w)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a schema");
    rc = df__kafka_schema_wait(s->coder->registry, w->asked);
    return is_refusal(rc) ? tell_refusal(s, w, rc) : rc;
}

/* A newer version takes the place of the older one when it is there; nothing waits for it. */
static void renew(df__kafka_sink *s, df__kafka_writer *w)
{
    df__kafka_coder *c = s->coder;
    int64_t now = w->renew_ms != 0 ? df__kafka_clock_ms() : 0;
    if (now < w->renew_ms || w->renew_ms == 0 || w->asked->status != DF_OK)
        return;
    if (!w->newer)
        w->newer = question(s, c, w->subject, 0);
    int rc = w->newer != NULL ? df__kafka_schema_get(c->registry, w->newer) : DF_ENOMEM;
    if (rc == DF_AGAIN)
        return;
    if (rc == DF_OK) {
        df__kafka_schema *old = w->asked;
        w->asked = w->newer;
        w->newer = old;
    }
    if (w->newer)
        df__kafka_schema_drop(c->registry, w->newer);
    w->newer = NULL;
    w->renew_ms = now + RENEW_MS;
}

/* Waits for a subject that is met for the first time. */
static int wait_for(df__kafka_sink *s, df__kafka_writer *w)
{
    df__kafka_coder *c = s->coder;
    int rc;
    while ((rc = df__kafka_schema_get(c->registry, w->asked)) == DF_AGAIN) {
        if (df__kafka_registry_trouble(c->registry))
            df__kafka_coder_tell(c, 1);
        if (df__kafka_registry_wait(c->registry, WAIT_MS) != DF_OK)
            return DF_ECANCELED;
        df__kafka_serve(s, 0);
    }
    df__kafka_coder_tell(c, 0);
    return rc;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* The message needs its bytes until it is delivered. */
static int keep(df_parcel *parcel, df_bytes bytes, df_bytes *ret)
{
    char *copy = df_parcel_alloc(parcel, bytes.len + 1);
    if (!copy)
        return DF_ENOMEM;
    if (bytes.len > 0)
        memcpy(copy, bytes.data, bytes.len);
    *ret = (df_bytes){copy, bytes.len};
    return DF_OK;
}

static int encode_avro(df__kafka_sink *s, const df__kafka_place *at, const char *topic,
                       const df_value *value, df__kafka_letter_value *ret)
{
    df__kafka_coder *c = s->coder;
    const df_avro_schema *schema = c->given;
    unsigned char frame[DF_AVRO_FRAME];
    df_bytes before = {NULL, 0}, bytes;
    if (c->registry) {
        df__kafka_writer *w = writer_of(s, topic);
        int rc = w != NULL ? wait_for(s, w) : DF_ENOMEM;
        if (is_refusal(rc))
            ret->why = w->asked->text != NULL ? w->asked->text : "the subject has no schema";
        if (rc != DF_OK)
            return is_refusal(rc) ? DF_EDATA : rc;
        renew(s, w);
        schema = c->given != NULL ? c->given : w->asked->schema;
        df_avro_frame_write(w->asked->id, frame);
        before = (df_bytes){frame, sizeof frame};
    }
    int rc = df_avro_encode(c->avro, schema, value, before, &bytes);
    if (rc == DF_EDATA)
        ret->why = df_avro_error(c->avro);
    return rc == DF_OK ? keep(at->parcel, bytes, &ret->bytes) : rc;
}

static int encode_text(df_parcel *parcel, const df_value *value, df__kafka_letter_value *ret)
{
    if (value->type == DF_V_STRING)
        return keep(parcel, (df_bytes){value->text, value->len}, &ret->bytes);
    size_t len = df_value_text(value, NULL, 0);
    char *text = df_parcel_alloc(parcel, len + 1);
    if (!text)
        return DF_ENOMEM;
    (void)df_value_text(value, text, len);
    ret->bytes = (df_bytes){text, len};
    return DF_OK;
}

static int encode_bytes(df_parcel *parcel, const df_value *value, df__kafka_letter_value *ret)
{
    df__buf b;
    int rc = DF_EDATA;
    if (value->type == DF_V_BYTES)
        return keep(parcel, (df_bytes){value->text, value->len}, &ret->bytes);
    df__buf_init(&b, &df__heap_libc);
    if (value->type == DF_V_STRING && df__base64_read(&b, value->text, value->len) == 0)
        rc = keep(parcel, (df_bytes){b.data, b.len}, &ret->bytes);
    df__buf_free(&b);
    if (rc == DF_EDATA)
        ret->why = "format: bytes writes bytes, or a string in base64, and the value is neither";
    return rc;
}

int df__kafka_encode(df__kafka_sink *s, const df__kafka_place *at, const char *topic,
                     df__kafka_letter_value *ret)
{
    df_value value = {.type = DF_V_ABSENT};
    int kind = s->o.format.kind, rc = df_parcel_root(at->parcel, at->index, &value);
    if (rc == DF_EDATA) { /* no JSON, or no payload at all */
        rc = df_parcel_payload(at->parcel, at->index, &ret->bytes);
        if (rc != DF_OK || !ret->bytes.data || kind != DF__KAFKA_FORMAT_AVRO)
            return rc;
        ret->why = df_parcel_error(at->parcel);
        return DF_EDATA;
    }
    if (rc != DF_OK)
        return rc;
    if (kind == DF__KAFKA_FORMAT_AVRO)
        return encode_avro(s, at, topic, &value, ret);
    return kind == DF__KAFKA_FORMAT_TEXT ? encode_text(at->parcel, &value, ret)
                                         : encode_bytes(at->parcel, &value, ret);
}

/* ---- probe and check ------------------------------------------------------------------------- */

void df__kafka_encoder_check(df_stage *st, const df__kafka_sink_options *o)
{
    const df__kafka_format *f = &o->format;
    int given = f->schema.data != NULL || f->schema_file.data != NULL;
    df__kafka_format_check(st, f);
    if (f->kind != DF__KAFKA_FORMAT_AVRO)
        return;
    if (!f->registry && (o->auto_register || o->subject_from != BY_TOPIC))
        (void)df_stage_problem(st, DF_ERROR, o->auto_register ? "autoRegister" : "subjectStrategy",
                               "needs schemaRegistry");
    if (o->auto_register && !given)
        (void)df_stage_problem(st, DF_ERROR, "autoRegister",
                               "needs avroSchema or avroSchemaFile: the schema to register");
    if (o->subject_from != BY_TOPIC && !given)
        (void)df_stage_problem(st, DF_ERROR, "subjectStrategy",
                               "record and topicRecord need avroSchema or avroSchemaFile, whose "
                               "name they use");
    if (o->schema_version != DF_UNSET && (given || !f->registry))
        (void)df_stage_problem(st, DF_ERROR, "schemaVersion",
                               "is for schemaRegistry without avroSchema: which version to write");
}

int df__kafka_encoder_probe(df__kafka_sink *s)
{
    int rc = df__kafka_coder_open(s->st, &s->o.format, &s->coder);
    df__kafka_writer *w = NULL;
    if (rc == DF_OK && s->coder && s->coder->registry && s->o.topic_from.len == 0) {
        s->dry = 1; /* registers nothing */
        w = writer_of(s, s->o.common.topic.data);
        rc = w != NULL ? df__kafka_schema_wait(s->coder->registry, w->asked)
                       : df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a schema");
        if (rc == DF_ENOTFOUND && s->o.auto_register)
            rc = DF_OK; /* a run registers it */
        if (is_refusal(rc))
            rc = tell_refusal(s, w, rc);
    }
    df__kafka_encoder_close(s);
    return rc;
}
