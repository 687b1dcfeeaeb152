/* SPDX-License-Identifier: Apache-2.0
 * cast.c: changes the type of fields. All fields are tried before a record is rejected, and the
 * rejection names every one that failed. Numbers keep their digits: nothing goes through a
 * double. */
#include <stdio.h>
#include <string.h>

#include "transforms/follow.h"
#include "util/rfc3339.h"

/* Answers DF_OK (leave it), DF_MORE (*put), or DF_EDATA with *why. */
typedef int (*convert_fn)(const df__job *job, const df_value *v, df_value *put, const char **why);

typedef struct rule {
    const df_path *path;
    df__place place;
    int type; /* of what comes out */
    const char *target;
    convert_fn convert;
} rule;

typedef struct caster {
    df__follow follow;
    df_list spec; /* of df_pair, path to type */
    rule *rules;
    /* of the running record */
    const rule *now;
    char text[480];
    size_t len;
    int failed;
} caster;

static int is_number(const df_value *v)
{
    return v->type == DF_V_INT || v->type == DF_V_NUMBER || v->type == DF_V_DOUBLE;
}

/* A number, or the number that a string holds. `small` has 64 bytes. */
static int exact_of(const df_value *v, char *small, df__exact *ret, const char **why)
{
    df_bytes text = {v->text, v->len};
    if (is_number(v) && !v->text) {
        text.len = df_value_text(v, small, 64);
        text.data = small;
    } else if (!is_number(v) && v->type != DF_V_STRING) {
        *why = NULL;
        return DF_EDATA;
    }
    if (v->type == DF_V_STRING)
        text = df__blanks_trim(text);
    *why = text.len ? "the text is not a decimal number" : "the text is empty";
    return df__exact_parse(text, ret);
}

static int to_string(const df__job *job, const df_value *v, df_value *put, const char **why)
{
    char *text;
    size_t len;
    *why = NULL;
    if (v->type == DF_V_STRING)
        return DF_OK;
    if (v->type == DF_V_BOOL) {
        *put = v->u.i ? df__text_value("true", 4) : df__text_value("false", 5);
        return DF_MORE;
    }
    if (v->type == DF_V_NULL || v->type == DF_V_ARRAY || v->type == DF_V_OBJECT)
        return DF_EDATA;
    *put = df__text_value(v->text, v->len);
    if (v->type == DF_V_BYTES && !df__is_utf8(v->text, v->len)) {
        *why = "they are not UTF-8";
        return DF_EDATA;
    }
    if (v->text)
        return DF_MORE;
    len = df_value_text(v, NULL, 0);
    text = df_batch_alloc(job->batch, len + 1);
    if (!text)
        return DF_ENOMEM;
    df_value_text(v, text, len);
    *put = df__text_value(text, len);
    return DF_MORE;
}

static int to_int64(const df__job *job, const df_value *v, df_value *put, const char **why)
{
    char small[64];
    df__exact d;
    __int128 wide;
    int rc;
    (void)job;
    if (v->type == DF_V_INT)
        return DF_OK;
    if (exact_of(v, small, &d, why) != DF_OK)
        return DF_EDATA;
    rc = df__exact_int(&d, 0, 0, &wide);
    *why = rc == DF_EDATA ? "it has a fraction" : "it is out of the range of int64";
    if (rc != DF_OK || wide > INT64_MAX || wide < INT64_MIN)
        return DF_EDATA;
    *put = df__int_value((int64_t)wide);
    return DF_MORE;
}

/* The same number as JSON writes it: no plus sign, no leading zeros, a digit on both sides of the
 * point. */
static int number_text(const df__job *job, df_bytes text, const df__exact *d, df_value *put)
{
    const char *exponent = NULL;
    char *out = df_batch_alloc(job->batch, text.len + 8);
    size_t at = 0;
    if (!out)
        return DF_ENOMEM;
    for (size_t i = 0; i < text.len && !exponent; i++)
        if (strchr("eE", ((const char *)text.data)[i]))
            exponent = (const char *)text.data + i;
    if (d->negative)
        out[at++] = '-';
    if (!d->digit_count)
        out[at++] = '0';
    memcpy(out + at, d->digits, d->digit_count);
    at += d->digit_count;
    if (d->fraction && d->fraction_given) {
        out[at++] = '.';
        memcpy(out + at, d->fraction, d->fraction_given);
        at += d->fraction_given;
    }
    if (exponent) {
        size_t rest = (size_t)((const char *)text.data + text.len - exponent);
        memcpy(out + at, exponent, rest);
        at += rest;
    }
    *put = df__text_value(out, at);
    put->type = DF_V_NUMBER;
    return DF_MORE;
}

static int to_float64(const df__job *job, const df_value *v, df_value *put, const char **why)
{
    char small[64];
    df_bytes text = {v->text, v->len};
    df__exact d;
    if (v->type == DF_V_DOUBLE)
        return DF_OK; /* NaN and the infinities too */
    if (exact_of(v, small, &d, why) != DF_OK)
        return DF_EDATA;
    *why = "it is out of the range of float64";
    if (df__exact_is_huge(&d))
        return DF_EDATA;
    return is_number(v) ? DF_OK : number_text(job, df__blanks_trim(text), &d, put);
}

static int word_is(df_bytes text, const char *lower)
{
    size_t len = strlen(lower);
    if (text.len != len)
        return 0;
    for (size_t i = 0; i < len; i++)
        if ((((const char *)text.data)[i] | 0x20) != lower[i])
            return 0;
    return 1;
}

static int to_bool(const df__job *job, const df_value *v, df_value *put, const char **why)
{
    char small[64];
    df_bytes text = {v->text, v->len};
    df__exact d;
    __int128 wide = 2;
    (void)job;
    *why = NULL;
    if (v->type == DF_V_BOOL)
        return DF_OK;
    *put = df__empty_value(DF_V_BOOL);
    if (v->type == DF_V_STRING) {
        text = df__blanks_trim(text);
        put->u.i = word_is(text, "true");
        *why = "only the texts true and false are a bool";
        return put->u.i || word_is(text, "false") ? DF_MORE : DF_EDATA;
    }
    if (!is_number(v))
        return DF_EDATA;
    if (exact_of(v, small, &d, why) != DF_OK)
        return DF_EDATA;
    *why = "only the numbers 0 and 1 are a bool";
    if (df__exact_int(&d, 0, 0, &wide) != DF_OK || wide < 0 || wide > 1)
        return DF_EDATA;
    put->u.i = wide == 1;
    return DF_MORE;
}

static int to_null(const df__job *job, const df_value *v, df_value *put, const char **why)
{
    (void)job;
    (void)why;
    if (v->type == DF_V_NULL)
        return DF_OK;
    *put = df__empty_value(DF_V_NULL);
    return DF_MORE;
}

static const struct {
    const char *name;
    convert_fn convert;
    int type;
} targets[] = {{"string", to_string, DF_V_STRING},
               {"int64", to_int64, DF_V_INT},
               {"float64", to_float64, DF_V_NUMBER},
               {"bool", to_bool, DF_V_BOOL},
               {"null", to_null, DF_V_ABSENT}};

static int find_target(df_bytes name, rule *ret)
{
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        if (!df__bytes_equal(name, targets[i].name))
            continue;
        ret->target = targets[i].name;
        ret->convert = targets[i].convert;
        ret->type = targets[i].type;
        return 1;
    }
    return 0;
}

static int compile(caster *me, df_stage *st)
{
    const df_pair *pairs = me->spec.items;
    int problems = 0;
    me->rules = df_stage_alloc(st, (me->spec.count + 1) * sizeof *me->rules);
    if (!me->rules)
        return DF_ENOMEM;
    for (size_t i = 0; i < me->spec.count; i++) {
        rule *to = &me->rules[i];
        df_bytes name = pairs[i].value;
        char where[DF__MEMBER];
        df__member_of(where, "spec", pairs[i].name);
        if (!find_target(name, to)) {
            df_stage_problemf(st, DF_ERROR, where,
                              "\"%.*s\" is no type; write string, int64, float64, bool "
                              "or null",
                              (int)(name.len > 60 ? 60 : name.len), (const char *)name.data);
            problems++;
        }
        to->path = df_stage_path(st, where, pairs[i].name);
        problems +=
            !to->path || df__check_path(st, where, to->path, DF__PLACE_MANY | DF__PLACE_ROOT);
        if (to->path && df__place_of(st, to->path, &to->place) != DF_OK)
            return DF_ENOMEM;
    }
    return problems ? DF_ESPEC : DF_OK;
}

static int cast_check(void *self, df_stage *st)
{
    caster *me = self;
    if (!me->spec.count) {
        df_stage_problemf(st, DF_ERROR, "spec", "needs at least one path with its type");
        return DF_ESPEC;
    }
    return compile(me, st);
}

static int cast_open(void *self, df_stage *st)
{
    return compile(self, st);
}

static void tell(caster *me, const df_value *v, const char *why)
{
    df_bytes path = df_path_text(me->now->path);
    size_t room = sizeof me->text - me->len;
    int n;
    me->failed++;
    if (room < 2)
        return;
    n = snprintf(me->text + me->len, room, "%s%.*s: %s cannot become %s%s%s%s", me->len ? "; " : "",
                 (int)(path.len > 100 ? 100 : path.len), (const char *)path.data, df__value_word(v),
                 me->now->target, why ? " (" : "", why ? why : "", why ? ")" : "");
    me->len = n < 0 || (size_t)n >= room ? sizeof me->text - 1 : me->len + (size_t)n;
}

static int cast_hit(const df__job *job, df_record *r, const df_value *hit, df_value *put)
{
    caster *self = job->self;
    const char *why = NULL;
    int rc = self->now->convert(job, hit, put, &why);
    (void)r;
    if (rc != DF_EDATA)
        return rc;
    tell(self, hit, why);
    return DF_OK; /* the next field may fail too */
}

static int cast_one(const df__job *job, df_record *r)
{
    caster *self = job->self;
    int rc = DF_OK;
    self->len = 0;
    self->failed = 0;
    for (size_t i = 0; rc == DF_OK && i < self->spec.count; i++) {
        self->now = &self->rules[i];
        rc = df__job_hits(job, r, self->now->path, cast_hit);
    }
    if (rc != DF_OK || !self->failed)
        return rc;
    df_record_reject(r, DF_EDATA, "cast", self->text);
    return DF_EDATA;
}

static int is_number_type(int type)
{
    return type == DF_V_INT || type == DF_V_NUMBER || type == DF_V_DOUBLE;
}

/* Two values that differ still do: a key may stay one. */
static int keeps_apart(int from, int to)
{
    return to == DF_V_STRING || (to == DF_V_INT && (from == DF_V_INT || from == DF_V_NUMBER));
}

static int derive_one(df__shape *shape, const rule *to)
{
    df__column *c = to->place.column.data ? df__shape_find(shape, to->place.column) : NULL;
    int from = c ? c->field.type : DF_V_ABSENT, no_key = shape->no_key, rc;
    unsigned flags = c ? c->field.flags : 0;
    if (c && !to->place.inside &&
        (from == to->type || (to->type == DF_V_NUMBER && is_number_type(from))))
        return DF_OK; /* float64 leaves every number as it is */
    rc = df__shape_change(shape, &to->place, to->type);
    if (rc == DF_OK && c && !to->place.inside && keeps_apart(from, to->type)) {
        shape->no_key = no_key;
        c->field.flags = flags;
    }
    return rc;
}

static int cast_derive(void *self, df__shape *shape)
{
    const caster *me = self;
    int rc = DF_OK;
    for (size_t i = 0; i < me->spec.count && rc == DF_OK; i++)
        rc = derive_one(shape, &me->rules[i]);
    return rc;
}

static int cast_apply(void *self, df_stage *st, df_batch *batch)
{
    return df__job_follow(self, st, batch, cast_one, cast_derive);
}

static const df_option cast_rows[] = {
    {.name = "spec",
     .type = DF_OPT_MAP,
     .flags = DF_OPT_REQUIRED | DF_OPT_LITERAL,
     .offset = offsetof(caster, spec),
     .doc = "Path to type (string, int64, float64, bool, null), applied in the order written; "
            "wildcards convert every hit, missing ones are skipped."},
};
static const df_options cast_options = DF_OPTIONS(cast_rows, caster);

const df_transform df_transform_cast = {
    .size = sizeof(df_transform),
    .name = "cast",
    .doc = "Changes the type of fields.",
    .self_size = sizeof(caster),
    .options = &cast_options,
    .check = cast_check,
    .open = cast_open,
    .apply = cast_apply,
    .close = df__follow_close,
    .example = "{\"config\":{\"spec\":{\"id\":\"int64\",\"price\":\"float64\",\"on\":\"bool\"}},"
               "\"input\":{\"id\":\"42\",\"price\":\"9.95\",\"on\":\"TRUE\"},"
               "\"output\":{\"id\":42,\"price\":9.95,\"on\":true}}",
};
