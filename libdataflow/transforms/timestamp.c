/* SPDX-License-Identifier: Apache-2.0
 * timestamp.c: writes the time of processing into a field. One look at the clock serves a batch. */
#include <string.h>

#include "transforms/follow.h"
#include "util/golayout.h"
#include "util/rfc3339.h"
#include "util/zone.h"

enum { TEXT_MAX = 4096 };

typedef struct stamper {
    df__follow follow;
    df__place place;
    df_path *field;
    df_bytes format, zone;
    df__zone *tz;
    df__zone_span span;
    df__layout *layout; /* NULL: one of the words */
    int form;
    char *text;
    df_value value; /* of the running batch */
} stamper;

enum { RFC_SEC, RFC_NANO, UNIX_SEC, UNIX_MILLI, LAYOUT };

static int form_of(df_bytes format)
{
    static const char *const words[] = {"RFC3339", "RFC3339Nano", "Unix", "UnixMilli"};
    for (int i = 0; i < LAYOUT; i++)
        if (df__bytes_equal(format, words[i]))
            return i;
    return LAYOUT;
}

static int load(stamper *me, df_stage *st, char err[DF__ZONE_TEXT])
{
    const df__heap *heap = df__stage_heap(st);
    int rc = heap ? df__zone_load(heap, me->zone.data, NULL, &me->tz, err) : DF_ENOMEM;
    me->form = form_of(me->format);
    if (rc != DF_OK || me->form != LAYOUT)
        return rc;
    rc = df__layout_new(heap, me->format, &me->layout);
    return rc;
}

static int timestamp_check(void *self, df_stage *st)
{
    stamper *me = self;
    char err[DF__ZONE_TEXT] = "";
    int rc, problems = df__check_path(st, "fieldName", me->field, 0);
    df_stage_traits(st, DF_VARIES, 0);
    rc = load(me, st, err);
    if (rc == DF_ENOMEM)
        return rc;
    if (rc == DF_ETOOBIG)
        df_stage_problemf(st, DF_ERROR, "format", "is longer than 1024 bytes");
    else if (rc != DF_OK)
        df_stage_problemf(st, DF_ERROR, "timezone", "%s", err);
    else if (me->layout && !df__layout_fields(me->layout))
        df_stage_problem(st, DF_WARNING, "format",
                         "names no part of a time and comes out as it is; write RFC3339, Unix, or "
                         "a layout like \"2006-01-02 15:04:05\"");
    return problems || rc != DF_OK ? DF_ESPEC : DF_OK;
}

static int timestamp_open(void *self, df_stage *st)
{
    stamper *me = self;
    char err[DF__ZONE_TEXT] = "";
    int rc = load(me, st, err);
    if (rc != DF_OK)
        return df_stage_fail(st, rc, NULL, err);
    me->text = df_stage_alloc(st, TEXT_MAX);
    df__zone_at(me->tz, 0, &me->span);
    return me->text ? df__place_of(st, me->field, &me->place) : DF_ENOMEM;
}

static void set_value(stamper *me, int64_t now_us)
{
    df__instant t;
    size_t len;
    t.sec = now_us / 1000000 - (now_us % 1000000 < 0);
    t.nsec = (int32_t)(now_us - t.sec * 1000000) * 1000;
    if (me->form == UNIX_SEC || me->form == UNIX_MILLI) {
        me->value = df__int_value(me->form == UNIX_SEC ? t.sec : t.sec * 1000 + t.nsec / 1000000);
        return;
    }
    if (t.sec < me->span.start || t.sec >= me->span.end)
        df__zone_at(me->tz, t.sec, &me->span);
    if (me->form == LAYOUT)
        len = df__layout_write(me->layout, t, &me->span, me->text, TEXT_MAX);
    else
        len = df__rfc3339_write(t, me->span.offset,
                                me->form == RFC_SEC ? DF__RFC3339_SEC : DF__RFC3339_NANO, me->text);
    me->value = df__text_value(me->text, len < TEXT_MAX ? len : TEXT_MAX);
}

static int timestamp_one(const df__job *job, df_record *r)
{
    const stamper *self = job->self;
    df_value root;
    int rc = df_record_root(r, &root);
    if (rc == DF_EDATA || (rc == DF_OK && root.type != DF_V_OBJECT))
        return DF_OK; /* only objects have fields */
    if (rc == DF_OK)
        rc = df_record_set(r, self->field, &self->value);
    return rc < 0 ? df__edit_failed(r, rc, self->field) : DF_OK;
}

static int timestamp_derive(void *self, df__shape *shape)
{
    const stamper *me = self;
    int number = me->form == UNIX_SEC || me->form == UNIX_MILLI;
    return df__shape_set(shape, &me->place, number ? DF_V_INT : DF_V_STRING);
}

static int timestamp_apply(void *self, df_stage *st, df_batch *batch)
{
    set_value(self, df_stage_now(st));
    return df__job_follow(self, st, batch, timestamp_one, timestamp_derive);
}

static const df_option timestamp_rows[] = {
    {.name = "fieldName",
     .type = DF_OPT_PATH,
     .offset = offsetof(stamper, field),
     .def = "created_at",
     .doc = "Where the time goes; missing parents are made."},
    {.name = "format",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_LITERAL,
     .offset = offsetof(stamper, format),
     .def = "RFC3339",
     .doc = "RFC3339, RFC3339Nano, Unix (seconds, a number), UnixMilli (a number), or a Go "
            "layout."},
    {.name = "timezone",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_LITERAL,
     .offset = offsetof(stamper, zone),
     .def = "UTC",
     .doc = "UTC, an offset like +03:00, or a name of tzdata."},
};
static const df_options timestamp_options = DF_OPTIONS(timestamp_rows, stamper);

const df_transform df_transform_timestamp = {
    .size = sizeof(df_transform),
    .name = "timestamp",
    .doc = "Adds the time of processing.",
    .self_size = sizeof(stamper),
    .options = &timestamp_options,
    .check = timestamp_check,
    .open = timestamp_open,
    .apply = timestamp_apply,
    .close = df__follow_close,
    .example = "{\"config\":{},\"now\":\"2026-01-02T03:04:05Z\",\"input\":{\"id\":1},"
               "\"output\":{\"id\":1,\"created_at\":\"2026-01-02T03:04:05Z\"}}",
};
