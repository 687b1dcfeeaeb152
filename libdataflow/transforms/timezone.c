/* SPDX-License-Identifier: Apache-2.0
 * timezone.c: brings times into one zone and one form. */
#include <stdio.h>
#include <string.h>

#include "transforms/follow.h"
#include "util/rfc3339.h"
#include "util/zone.h"

typedef struct shifter {
    df__follow follow;
    df__place *places; /* of fields */
    df_bytes zone_name, source_name;
    df_list fields; /* of df_path * */
    int format;
    df__zone *zone, *source;
    df__zone_span zone_span, source_span;
    const df_path *path; /* being worked on */
} shifter;

enum { RFC_NANO, RFC_SEC, UNIX_MILLI };

static int load_one(df_stage *st, const char *option, df_bytes name, df__zone **ret)
{
    const df__heap *heap = df__stage_heap(st);
    char err[DF__ZONE_TEXT] = "";
    int rc = DF_ENOMEM;
    if (!name.data)
        return DF_OK; /* told already: the option is required */
    if (heap)
        rc = df__zone_load(heap, name.data, NULL, ret, err);
    if (rc == DF_ENOMEM || rc == DF_OK)
        return rc;
    df_stage_problemf(st, DF_ERROR, option, "%s", err);
    return df_stage_fail(st, DF_ESPEC, NULL, err);
}

static int load(shifter *me, df_stage *st)
{
    int rc = load_one(st, "timezone", me->zone_name, &me->zone);
    int second = load_one(st, "sourceTimezone", me->source_name, &me->source);
    return rc != DF_OK ? rc : second;
}

static int timezone_check(void *self, df_stage *st)
{
    shifter *me = self;
    int rc = load(me, st);
    return df__check_paths(st, "fields", &me->fields, DF__PLACE_MANY) && rc == DF_OK ? DF_ESPEC
                                                                                     : rc;
}

static int timezone_open(void *self, df_stage *st)
{
    shifter *me = self;
    int rc = load(me, st);
    if (rc != DF_OK)
        return rc;
    df__zone_at(me->zone, 0, &me->zone_span);
    df__zone_at(me->source, 0, &me->source_span);
    return df__places_of(st, &me->fields, &me->places);
}

/* Seconds, or milliseconds from 1e12 on. */
static int from_number(const df__exact *d, df__instant *ret)
{
    const __int128 giga = 1000000000, many = (__int128)1000000000000;
    __int128 whole, nanos, sec;
    if (df__exact_int(d, 0, 1, &whole) != DF_OK)
        return DF_ETOOBIG;
    if (df__exact_int(d, whole >= many || whole <= -many ? 6 : 9, 1, &nanos) != DF_OK)
        return DF_ETOOBIG;
    sec = nanos / giga - (nanos % giga < 0);
    if (sec < DF__SEC_MIN || sec > DF__SEC_MAX)
        return DF_ETOOBIG;
    ret->sec = (int64_t)sec;
    ret->nsec = (int32_t)(nanos - sec * giga);
    return DF_OK;
}

static int from_text(shifter *me, df_bytes text, df__instant *ret)
{
    df__exact number;
    df__stamp stamp;
    text = df__blanks_trim(text);
    if (df__stamp_parse(text, &stamp) == DF_OK) {
        ret->nsec = stamp.nsec;
        ret->sec = stamp.has_zone ? stamp.local - stamp.offset
                                  : df__zone_moment(me->source, stamp.local, &me->source_span);
        return DF_OK;
    }
    return df__exact_parse(text, &number) == DF_OK ? from_number(&number, ret) : DF_EDATA;
}

static int read_value(shifter *me, const df_value *v, df__instant *ret)
{
    char small[64];
    df_bytes text = {v->text, v->len};
    if (v->type == DF_V_TIMESTAMP) {
        ret->sec = v->u.i / 1000000 - (v->u.i % 1000000 < 0);
        ret->nsec = (int32_t)(v->u.i - ret->sec * 1000000) * 1000;
        if (v->zone == DF_ZONE_NONE)
            ret->sec = df__zone_moment(me->source, ret->sec, &me->source_span);
        return DF_OK;
    }
    if (v->type != DF_V_STRING && v->type != DF_V_INT && v->type != DF_V_NUMBER &&
        v->type != DF_V_DOUBLE)
        return DF_ENOTSUP;
    if (!text.data) {
        text.len = df_value_text(v, small, sizeof small);
        text.data = small;
    }
    return from_text(me, text, ret);
}

static int refuse(const shifter *me, df_record *r, const df_value *v, int rc)
{
    char text[64];
    if (rc == DF_ETOOBIG)
        return df__reject_at(r, "timezone", me->path,
                             "the time is outside of the years 0001 to 9999");
    if (v->type == DF_V_STRING)
        return df__reject_at(r, "timezone", me->path,
                             v->len ? "the text is no time; RFC 3339, YYYY-MM-DD HH:MM:SS and Unix "
                                      "seconds or milliseconds are"
                                    : "the text is empty");
    snprintf(text, sizeof text, "%s is no time",
             v->type == DF_V_DATE   ? "a date alone"
             : v->type == DF_V_TIME ? "a time of day alone"
                                    : df__value_word(v));
    return df__reject_at(r, "timezone", me->path, text);
}

static int timezone_hit(const df__job *job, df_record *r, const df_value *hit, df_value *put)
{
    shifter *self = job->self;
    char buf[DF__RFC3339_MAX], *text;
    df__instant t;
    size_t len;
    int rc;
    if (hit->type == DF_V_NULL)
        return DF_OK;
    rc = read_value(self, hit, &t);
    if (rc != DF_OK)
        return refuse(self, r, hit, rc);
    if (self->format == UNIX_MILLI) {
        *put = df__int_value(t.sec * 1000 + t.nsec / 1000000);
        return DF_MORE;
    }
    if (t.sec < self->zone_span.start || t.sec >= self->zone_span.end)
        df__zone_at(self->zone, t.sec, &self->zone_span);
    len = df__rfc3339_write(t, self->zone_span.offset,
                            self->format == RFC_SEC ? DF__RFC3339_SEC : DF__RFC3339_NANO, buf);
    if (!len)
        return refuse(self, r, hit, DF_ETOOBIG);
    text = df_batch_alloc(job->batch, len);
    if (!text)
        return DF_ENOMEM;
    memcpy(text, buf, len);
    *put = df__text_value(text, len);
    return DF_MORE;
}

static int timezone_one(const df__job *job, df_record *r)
{
    shifter *self = job->self;
    int rc = DF_OK;
    for (size_t i = 0; rc == DF_OK && i < self->fields.count; i++) {
        self->path = df__path_at(&self->fields, i);
        rc = df__job_hits(job, r, self->path, timezone_hit);
    }
    return rc;
}

static int timezone_derive(void *self, df__shape *shape)
{
    const shifter *me = self;
    int type = me->format == UNIX_MILLI ? DF_V_INT : DF_V_STRING, rc = DF_OK;
    for (size_t i = 0; i < me->fields.count && rc == DF_OK; i++)
        rc = df__shape_change(shape, &me->places[i], type);
    return rc;
}

static int timezone_apply(void *self, df_stage *st, df_batch *batch)
{
    return df__job_follow(self, st, batch, timezone_one, timezone_derive);
}

static const char *const formats[] = {"RFC3339Nano", "RFC3339", "UnixMilli", NULL};
static const df_option timezone_rows[] = {
    {.name = "timezone",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REQUIRED | DF_OPT_LITERAL,
     .offset = offsetof(shifter, zone_name),
     .doc = "Zone of the result: UTC, an offset like +03:00, or a name of tzdata like "
            "Europe/Berlin."},
    {.name = "fields",
     .type = DF_OPT_LIST,
     .of = DF_OPT_PATH,
     .flags = DF_OPT_REQUIRED,
     .offset = offsetof(shifter, fields),
     .doc = "Paths of the times; wildcards convert every hit, null and missing ones are skipped."},
    {.name = "sourceTimezone",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_LITERAL,
     .offset = offsetof(shifter, source_name),
     .def = "UTC",
     .doc = "Zone of times that are written without one."},
    {.name = "format",
     .type = DF_OPT_ENUM,
     .offset = offsetof(shifter, format),
     .def = "RFC3339Nano",
     .doc = "How the result is written; UnixMilli is a number.",
     .choices = formats},
};
static const df_options timezone_options = DF_OPTIONS(timezone_rows, shifter);

const df_transform df_transform_timezone = {
    .size = sizeof(df_transform),
    .name = "timezone",
    .doc = "Brings times into one zone and one form.",
    .self_size = sizeof(shifter),
    .options = &timezone_options,
    .check = timezone_check,
    .open = timezone_open,
    .apply = timezone_apply,
    .close = df__follow_close,
    .example = "{\"config\":{\"timezone\":\"Europe/Moscow\",\"fields\":[\"$.t\"],"
               "\"format\":\"RFC3339\"},\"input\":{\"t\":\"2024-01-15T12:00:00Z\"},"
               "\"output\":{\"t\":\"2024-01-15T15:00:00+03:00\"}}",
};
