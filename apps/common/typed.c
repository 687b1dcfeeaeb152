/* SPDX-License-Identifier: Apache-2.0
 * typed.c: values that JSON does not have, written in JSON and read from it; see typed.h. */
#include "common/typed.h"

#include <math.h>
#include <string.h>

#include "util/rfc3339.h"

enum { DEPTH_MAX = 64, BYTES_MAX = 4096 };

#define DAY_SEC 86400

/* ---- reading --------------------------------------------------------------------------------- */

static int nibble(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* `room` has BYTES_MAX bytes. */
static int make_bytes(const df_value *text, char *room, df_value *ret)
{
    if (text->len % 2 || text->len / 2 > BYTES_MAX)
        return DF_EDATA;
    for (size_t i = 0; i < text->len / 2; i++) {
        int high = nibble(text->text[2 * i]), low = nibble(text->text[2 * i + 1]);
        if (high < 0 || low < 0)
            return DF_EDATA;
        room[i] = (char)(high * 16 + low);
    }
    *ret = (df_value){.type = DF_V_BYTES, .text = room, .len = text->len / 2};
    return DF_OK;
}

static int make_double(const df_value *text, char *room, df_value *ret)
{
    static const struct {
        const char *name;
        double value;
    } words[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};
    df_value number = {.type = DF_V_NUMBER, .text = text->text, .len = text->len};
    (void)room;
    *ret = (df_value){.type = DF_V_DOUBLE};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i].name) == text->len && !memcmp(words[i].name, text->text, text->len)) {
            ret->u.d = words[i].value;
            return DF_OK;
        }
    }
    return df_value_double(&number, &ret->u.d);
}

/* A text that has `head` before it and `tail` after it, as a moment of the wall clock. */
static int stamp(const char *head, const df_value *text, const char *tail, df__stamp *ret)
{
    char whole[96];
    df_bytes all = {whole, strlen(head) + text->len + strlen(tail)};
    if (all.len >= sizeof whole)
        return DF_EDATA;
    memcpy(whole, head, strlen(head));
    memcpy(whole + strlen(head), text->text, text->len);
    memcpy(whole + all.len - strlen(tail), tail, strlen(tail));
    return df__stamp_parse(all, ret);
}

static int make_timestamp(const df_value *text, char *room, df_value *ret)
{
    df__stamp at;
    int rc = stamp("", text, "", &at);
    (void)room;
    if (rc != DF_OK)
        return rc;
    *ret = (df_value){.type = DF_V_TIMESTAMP, .zone = at.has_zone ? at.offset / 60 : DF_ZONE_NONE};
    ret->u.i = (at.local - (at.has_zone ? at.offset : 0)) * 1000000 + at.nsec / 1000;
    return DF_OK;
}

static int make_date(const df_value *text, char *room, df_value *ret)
{
    df__stamp at;
    int rc = stamp("", text, "T00:00:00", &at);
    (void)room;
    *ret = (df_value){.type = DF_V_DATE};
    if (rc == DF_OK)
        ret->u.i = at.local / DAY_SEC - (at.local % DAY_SEC < 0);
    return rc;
}

static int make_time(const df_value *text, char *room, df_value *ret)
{
    df__stamp at;
    int rc = stamp("1970-01-01T", text, "", &at);
    (void)room;
    *ret = (df_value){.type = DF_V_TIME};
    if (rc == DF_OK)
        ret->u.i = at.local * 1000000 + at.nsec / 1000;
    return rc;
}

static const struct {
    const char *key;
    int type;
    int (*make)(const df_value *text, char *room, df_value *ret);
} marks[] = {
    {"$bytes", DF_V_BYTES, make_bytes},
    {"$double", DF_V_DOUBLE, make_double},
    {"$timestamp", DF_V_TIMESTAMP, make_timestamp},
    {"$date", DF_V_DATE, make_date},
    {"$time", DF_V_TIME, make_time},
    {"$unchanged", DF_V_UNCHANGED, NULL},
};
enum { MARKS = sizeof marks / sizeof marks[0] };

static size_t mark_of(const df_value *object, df_value *ret)
{
    df_walk walk = {0};
    size_t i = MARKS;
    if (object->type != DF_V_OBJECT || object->len != 1 || df_value_walk(object, &walk) != DF_OK)
        return i;
    *ret = walk.value;
    for (i = 0; i < MARKS; i++)
        if (strlen(marks[i].key) == walk.name.len &&
            !memcmp(marks[i].key, walk.name.data, walk.name.len))
            break;
    return i;
}

static int make(df_record *r, const df_value *v, int depth, df_value *ret);

static int make_children(df_record *r, const df_value *v, int depth, df_value *ret)
{
    df_value empty = {.type = v->type};
    df_walk walk = {0};
    int rc = df_value_new(r, &empty, ret);
    while (rc == DF_OK && df_value_walk(v, &walk) == DF_OK) {
        char room[BYTES_MAX];
        df_value child = walk.value, text;
        size_t mark = mark_of(&child, &text);
        if (mark == MARKS)
            rc = make(r, &walk.value, depth + 1, &child);
        else if (!marks[mark].make)
            child = (df_value){.type = marks[mark].type};
        else
            rc = text.type == DF_V_STRING ? marks[mark].make(&text, room, &child) : DF_EDATA;
        if (rc == DF_OK)
            rc = df_value_put(r, ret, walk.name, &child);
    }
    return rc;
}

static int make(df_record *r, const df_value *v, int depth, df_value *ret)
{
    *ret = *v;
    if (depth > DEPTH_MAX)
        return DF_EDATA;
    return v->type == DF_V_OBJECT || v->type == DF_V_ARRAY ? make_children(r, v, depth, ret)
                                                           : DF_OK;
}

int app_typed_make(df_record *r)
{
    df_value root, made;
    int rc = df_record_root(r, &root);
    if (rc == DF_OK)
        rc = make(r, &root, 0, &made);
    return rc == DF_OK ? df_record_set_root(r, &made) : rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_bytes(df__buf *out, const df_value *v)
{
    df__buf_char(out, '"');
    for (size_t i = 0; i < v->len; i++)
        df__buf_printf(out, "%02x", (unsigned char)v->text[i]);
    df__buf_char(out, '"');
}

static void write_json(df__buf *out, const df_value *v)
{
    size_t len = df_value_json(v, NULL, 0);
    char *room = df__buf_reserve(out, len);
    if (room)
        out->len += df_value_json(v, room, len);
}

/* JSON of a double is a bare number, or a word in quotes. */
static void write_marked(df__buf *out, const df_value *v, const char *key)
{
    int quote = v->type == DF_V_DOUBLE && isfinite(v->u.d);
    df__buf_printf(out, "{\"%s\":", key);
    if (quote)
        df__buf_char(out, '"');
    if (v->type == DF_V_BYTES)
        write_bytes(out, v);
    else if (v->type == DF_V_UNCHANGED)
        df__buf_str(out, "true");
    else
        write_json(out, v);
    df__buf_str(out, quote ? "\"}" : "}");
}

static void write_container(df__buf *out, const df_value *v)
{
    df_walk walk = {0};
    int object = v->type == DF_V_OBJECT;
    df__buf_char(out, object ? '{' : '[');
    while (df_value_walk(v, &walk) == DF_OK) {
        if (walk.index)
            df__buf_char(out, ',');
        if (object) {
            df__buf_json(out, walk.name.data, walk.name.len);
            df__buf_char(out, ':');
        }
        app_typed_write(out, &walk.value);
    }
    df__buf_char(out, object ? '}' : ']');
}

void app_typed_write(df__buf *out, const df_value *v)
{
    if (v->type == DF_V_OBJECT || v->type == DF_V_ARRAY) {
        write_container(out, v);
        return;
    }
    for (size_t i = 0; i < MARKS; i++) {
        if (marks[i].type == v->type) {
            write_marked(out, v, marks[i].key);
            return;
        }
    }
    write_json(out, v);
}
