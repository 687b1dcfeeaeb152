/* SPDX-License-Identifier: Apache-2.0
 * common.c: walks, checks and wording shared by the built-in transforms, see common.h. */
#include "transforms/common.h"

#include <stdio.h>
#include <string.h>

#include "util/buf.h"

int df__job_failed(df_record *r, int status)
{
    if (status == DF_EDATA && df_record_live(r))
        df_record_reject(r, status, NULL, "a value of the record cannot be written as JSON");
    return status == DF_EDATA ? DF_OK : status;
}

int df__job_each(void *self, df_stage *st, df_batch *batch, df__job_fn fn)
{
    const df__job job = {self, st, batch};
    size_t count = df_batch_count(batch);
    for (size_t i = 0; i < count; i++) {
        df_record *r = df_batch_at(batch, i);
        int rc;
        if (!df_record_live(r))
            continue;
        rc = fn(&job, r);
        if (rc < 0 && df__job_failed(r, rc) < 0)
            return rc;
    }
    return DF_OK;
}

/* A value that was masked shows in no member that a later one of the same name hides. */
static int join_names(df_record *r, const df_path *path)
{
    const df_value unchanged = {.type = DF_V_UNCHANGED};
    return df_record_set(r, path, &unchanged);
}

static int hit_single(const df__job *job, df_record *r, const df_path *path, df__hit_fn fn)
{
    df_value hit, put;
    int rc = df_record_get(r, path, &hit);
    if (rc == DF_EDATA)
        return DF_OK;
    if (rc == DF_OK && hit.type <= DF_V_UNCHANGED) /* nothing, or what the source did not send */
        return join_names(r, path);
    if (rc == DF_OK)
        rc = fn(job, r, &hit, &put);
    if (rc != DF_MORE)
        return rc;
    rc = df_record_set(r, path, &put);
    return rc < 0 ? df__edit_failed(r, rc, path) : DF_OK;
}

int df__job_hits(const df__job *job, df_record *r, const df_path *path, df__hit_fn fn)
{
    df_walk walk;
    int rc;
    if (df_path_is_single(path))
        return hit_single(job, r, path, fn);
    memset(&walk, 0, sizeof walk);
    while ((rc = df_path_each(path, r, &walk)) == DF_OK) {
        df_value put;
        if (walk.value.type == DF_V_UNCHANGED)
            continue; /* the source did not send it */
        rc = fn(job, r, &walk.value, &put);
        if (rc == DF_MORE)
            rc = df_walk_set(r, &walk, &put);
        if (rc < 0)
            return rc;
    }
    if (rc == DF_DONE)
        return join_names(r, path);
    return rc == DF_EDATA ? DF_OK : rc;
}

const char *df__value_word(const df_value *v)
{
    switch (v->type) {
    case DF_V_ABSENT:
        return "nothing";
    case DF_V_UNCHANGED:
        return "an unchanged value";
    case DF_V_NULL:
        return "null";
    case DF_V_BOOL:
        return "a bool";
    case DF_V_INT:
    case DF_V_NUMBER:
    case DF_V_DOUBLE:
        return "a number";
    case DF_V_STRING:
        return "a string";
    case DF_V_BYTES:
        return "bytes";
    case DF_V_ARRAY:
        return "an array";
    case DF_V_OBJECT:
        return "an object";
    default:
        return "a time";
    }
}

int df__reject_at(df_record *r, const char *reason, const df_path *path, const char *problem)
{
    char text[512];
    df_bytes at = df_path_text(path);
    int shown = at.len > 200 ? 200 : (int)at.len;
    snprintf(text, sizeof text, "%.*s: %s", shown, (const char *)at.data, problem);
    df_record_reject(r, DF_EDATA, reason, text);
    return DF_EDATA;
}

int df__edit_failed(df_record *r, int status, const df_path *path)
{
    if (status != DF_EDATA)
        return status;
    return df__reject_at(r, "path", path,
                         "cannot be set: something on the way there is neither an "
                         "object nor an array with that place");
}

static int df__path_is_root(const df_path *path)
{
    df_bytes text = df__blanks_trim(df_path_text(path));
    return text.len == 0 || (text.len == 1 && *(const char *)text.data == '$');
}

const char *df__member_of(char buf[DF__MEMBER], const char *option, df_bytes name)
{
    df__text_printf(buf, DF__MEMBER, "%s.%.*s", option, (int)(name.len > 200 ? 200 : name.len),
                    (const char *)name.data);
    return buf;
}

int df__check_path(df_stage *st, const char *option, const df_path *path, unsigned allowed)
{
    df_bytes text;
    if (!path)
        return 0; /* the option itself was refused before */
    text = df_path_text(path);
    if (!(allowed & DF__PLACE_MANY) && !df_path_is_single(path)) {
        df_stage_problemf(st, DF_ERROR, option,
                          "\"%.*s\" can lead to several places; here it must name one: "
                          "write an index or a name instead of *",
                          (int)(text.len > 200 ? 200 : text.len), (const char *)text.data);
        return 1;
    }
    if (!(allowed & DF__PLACE_ROOT) && df__path_is_root(path)) {
        df_stage_problemf(st, DF_ERROR, option, "\"$\" is the whole payload; name a field in it");
        return 1;
    }
    return 0;
}

int df__check_paths(df_stage *st, const char *option, const df_list *paths, unsigned allowed)
{
    int problems = 0;
    if (!paths->count) {
        df_stage_problemf(st, DF_ERROR, option,
                          "needs at least one path, for example [\"$.name\"]");
        return 1;
    }
    for (size_t i = 0; i < paths->count; i++)
        problems += df__check_path(st, option, df__path_at(paths, i), allowed);
    return problems;
}

const df_path *df__path_at(const df_list *paths, size_t index)
{
    return ((const df_path *const *)paths->items)[index];
}

df_value df__text_value(const char *text, size_t len)
{
    df_value v;
    memset(&v, 0, sizeof v);
    v.type = DF_V_STRING;
    v.text = text;
    v.len = len;
    return v;
}

df_value df__int_value(int64_t i)
{
    df_value v;
    memset(&v, 0, sizeof v);
    v.type = DF_V_INT;
    v.u.i = i;
    return v;
}

df_value df__empty_value(int type)
{
    df_value v;
    memset(&v, 0, sizeof v);
    v.type = type;
    return v;
}

df_bytes df__blanks_trim(df_bytes in)
{
    const char *p = in.data;
    size_t from = 0, to = in.len;
    while (from < to && strchr(" \t\r\n", p[from]) && p[from])
        from++;
    while (to > from && strchr(" \t\r\n", p[to - 1]) && p[to - 1])
        to--;
    in.data = p ? p + from : NULL;
    in.len = to - from;
    return in;
}

int df__bytes_equal(df_bytes a, const char *b)
{
    return a.len == strlen(b) && memcmp(a.data, b, a.len) == 0;
}

/* The second byte of a longer sequence has a range of its own: nothing too long, no surrogates,
 * nothing past U+10FFFF. */
static int second_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xE0:
        return second >= 0xA0 && second <= 0xBF;
    case 0xED:
        return second >= 0x80 && second <= 0x9F;
    case 0xF0:
        return second >= 0x90 && second <= 0xBF;
    case 0xF4:
        return second >= 0x80 && second <= 0x8F;
    default:
        return (second & 0xC0) == 0x80;
    }
}

/* Length of the UTF-8 sequence at p; 0 when it is none. */
static size_t sequence(const unsigned char *p, size_t left)
{
    size_t need = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4 || need > left || !second_fits(p[0], p[1]))
        return 0;
    for (size_t i = 2; i < need; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return need;
}

int df__is_utf8(const char *text, size_t len)
{
    size_t at = 0, n = 1;
    while (at < len && (n = sequence((const unsigned char *)text + at, len - at)) != 0)
        at += n;
    return at == len;
}

int df__clean_text(df_batch *batch, df_bytes in, df_bytes *ret)
{
    const unsigned char *p = in.data;
    size_t out = 0, n;
    char *text;
    *ret = in;
    if (df__is_utf8(in.data, in.len))
        return DF_OK;
    text = in.len > SIZE_MAX / 3 ? NULL : df_batch_alloc(batch, in.len * 3);
    if (!text)
        return DF_ENOMEM;
    for (size_t at = 0; at < in.len; at += n ? n : 1) {
        n = sequence(p + at, in.len - at);
        memcpy(text + out, n ? (const char *)p + at : "\xEF\xBF\xBD", n ? n : 3);
        out += n ? n : 3;
    }
    ret->data = text;
    ret->len = out;
    return DF_OK;
}
