/* SPDX-License-Identifier: Apache-2.0
 * tree.c: see tree.h. */
#include "dfoperator/object/tree.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"

/* ---- made from a pattern ------------------------------------------------------------------- */

static void add_value(df__buf *out, char what, va_list *args)
{
    const char *text;
    json_object *object;
    switch (what) {
    case 's':
        text = va_arg(*args, const char *);
        df__buf_json(out, text, strlen(text));
        break;
    case 'n':
        df__buf_printf(out, "%lld", (long long)va_arg(*args, int64_t));
        break;
    case 'b':
        df__buf_str(out, va_arg(*args, int) ? "true" : "false");
        break;
    default:
        object = va_arg(*args, json_object *);
        df__buf_str(out, object ? json_object_to_json_string_ext(object, 0) : "null");
    }
}

json_object *op_json(const char *pattern, ...)
{
    json_object *object = NULL;
    va_list args;
    df__buf text;
    df__buf_init(&text, &df__heap_libc);
    va_start(args, pattern);
    for (const char *p = pattern; *p; p++)
        if (*p == '%')
            add_value(&text, *++p, &args);
        else
            df__buf_char(&text, *p == '\'' ? '"' : *p);
    va_end(args);
    if (df__buf_cstr(&text))
        object = json_tokener_parse(text.data);
    df__buf_free(&text);
    return object;
}

/* ---- by path ------------------------------------------------------------------------------- */

static json_object *step(json_object *object, const char *part, size_t len)
{
    char name[256];
    if (len >= sizeof name)
        return NULL;
    memcpy(name, part, len);
    name[len] = 0;
    if (json_object_is_type(object, json_type_array))
        return json_object_array_get_idx(object, strtoul(name, NULL, 10));
    if (!json_object_is_type(object, json_type_object))
        return NULL;
    return json_object_object_get(object, name);
}

json_object *op_get(json_object *object, const char *path)
{
    while (object && *path) {
        size_t len = strcspn(path, ".");
        object = step(object, path, len);
        path += len + (path[len] == '.');
    }
    return object;
}

static const char *text_of(json_object *value)
{
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

const char *op_text(json_object *object, const char *path)
{
    return text_of(op_get(object, path));
}

int64_t op_int(json_object *object, const char *path, int64_t otherwise)
{
    json_object *value = op_get(object, path);
    return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : otherwise;
}

int op_is(json_object *object, const char *path)
{
    json_object *value = op_get(object, path);
    return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

static const char *among(json_object *texts, const char *name)
{
    return json_object_is_type(texts, json_type_object)
               ? text_of(json_object_object_get(texts, name))
               : "";
}

const char *op_label(json_object *object, const char *name)
{
    return among(op_get(object, "metadata.labels"), name);
}

const char *op_annotation(json_object *object, const char *name)
{
    return among(op_get(object, "metadata.annotations"), name);
}

/* The object that holds the last part of the path, with *rest at that part. */
static json_object *holder(json_object *object, const char *path, const char **rest, int make)
{
    for (;;) {
        size_t len = strcspn(path, ".");
        char name[256];
        json_object *next;
        *rest = path;
        if (!path[len] || len >= sizeof name)
            return object;
        next = step(object, path, len);
        if (!next && !make)
            return NULL;
        if (!next) {
            memcpy(name, path, len);
            name[len] = 0;
            next = json_object_new_object();
            if (!next || json_object_object_add(object, name, next)) {
                json_object_put(next);
                return NULL;
            }
        }
        object = next;
        path += len + 1;
    }
}

size_t op_count(json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

json_object *op_find(json_object *list, const char *member, const char *text)
{
    size_t count = op_count(list);
    for (size_t i = 0; i < count; i++) {
        json_object *item = json_object_array_get_idx(list, i);
        if (!strcmp(op_text(item, member), text))
            return item;
    }
    return NULL;
}

int64_t op_time(json_object *object, const char *path, int64_t otherwise)
{
    const char *text = op_text(object, path);
    df__stamp at;
    if (df__stamp_parse((df_bytes){text, strlen(text)}, &at) != DF_OK)
        return otherwise;
    return at.local - at.offset;
}

void op_time_write(int64_t sec, char ret[OP_TIME])
{
    size_t len = df__rfc3339_write((df__instant){sec, 0}, 0, DF__RFC3339_SEC, ret);
    ret[len] = 0;
}

json_object *op_time_new(int64_t sec)
{
    char text[OP_TIME];
    op_time_write(sec, text);
    return *text ? json_object_new_string(text) : NULL;
}

int op_put(json_object *object, const char *path, json_object *value)
{
    const char *last;
    json_object *at = holder(object, path, &last, value != NULL);
    if (!value) {
        if (json_object_is_type(at, json_type_object))
            json_object_object_del(at, last);
        return 0;
    }
    if (json_object_is_type(at, json_type_object) && !json_object_object_add(at, last, value))
        return 0;
    json_object_put(value);
    return -1;
}

json_object *op_copy(json_object *object)
{
    json_object *copy = NULL;
    return !object || json_object_deep_copy(object, &copy, NULL) ? NULL : copy;
}

/* What a member needs to become `now`: the same for objects, else all of it. */
static json_object *patch_of(json_object *was, json_object *now)
{
    return json_object_is_type(was, json_type_object) && json_object_is_type(now, json_type_object)
               ? op_patch(was, now)
               : op_copy(now);
}

json_object *op_patch(json_object *was, json_object *now)
{
    json_object *patch = json_object_new_object(), *other;
    int rc = patch ? 0 : -1;
    json_object_object_foreach(now, name, value)
    {
        other = NULL;
        json_object_object_get_ex(was, name, &other);
        if (rc || (other && json_object_equal(other, value)))
            continue;
        other = patch_of(other, value);
        if (!other || (rc = json_object_object_add(patch, name, other)))
            json_object_put(other);
        rc = rc || !other ? -1 : 0;
    }
    json_object_object_foreach(was, gone, unused)
    {
        (void)unused;
        if (!rc && !json_object_object_get_ex(now, gone, NULL))
            rc = json_object_object_add(patch, gone, NULL);
    }
    if (rc)
        json_object_put(patch);
    return rc ? NULL : patch;
}

/* ---- hash ---------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sorted(df__buf *out, json_object *value);

static void sorted_members(df__buf *out, json_object *value)
{
    size_t count = (size_t)json_object_object_length(value), i = 0;
    const char **names = malloc((count + 1) * sizeof *names);
    if (!names) {
        out->failed = 1;
        return;
    }
    json_object_object_foreach(value, name, member)
    {
        (void)member;
        names[i++] = name;
    }
    qsort(names, count, sizeof *names, by_name);
    df__buf_char(out, '{');
    for (i = 0; i < count; i++) {
        if (i)
            df__buf_char(out, ',');
        df__buf_json(out, names[i], strlen(names[i]));
        df__buf_char(out, ':');
        sorted(out, json_object_object_get(value, names[i]));
    }
    df__buf_char(out, '}');
    free(names);
}

static void sorted(df__buf *out, json_object *value)
{
    const char *text;
    if (json_object_is_type(value, json_type_object)) {
        sorted_members(out, value);
    } else if (json_object_is_type(value, json_type_array)) {
        df__buf_char(out, '[');
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            if (i)
                df__buf_char(out, ',');
            sorted(out, json_object_array_get_idx(value, i));
        }
        df__buf_char(out, ']');
    } else {
        text = json_object_to_json_string_ext(value, 0);
        if (text)
            df__buf_str(out, text);
        else
            out->failed = 1;
    }
}

int op_hash(json_object *object, char ret[DF__SHA256_HEX])
{
    df__buf text;
    int rc = -1;
    df__buf_init(&text, &df__heap_libc);
    sorted(&text, object);
    if (df__buf_cstr(&text)) {
        df__sha256_hex(text.data, text.len, ret);
        rc = 0;
    }
    df__buf_free(&text);
    return rc;
}
