/* SPDX-License-Identifier: Apache-2.0
 * json.c: reading, writing and comparing exact JSON trees, see json.h. */
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Deeper trees are neither shown nor compared: our own walks are recursive. */
enum { DEPTH_MAX = 512 };

yyjson_doc *app_json_read(const char *text, size_t len, char *err, size_t err_len)
{
    yyjson_read_err e;
    yyjson_doc *doc =
        yyjson_read_opts((char *)(uintptr_t)text, len, YYJSON_READ_NUMBER_AS_RAW, NULL, &e);
    if (!doc) {
        size_t row = 1, begin = 0;
        for (size_t i = 0; i < e.pos && i < len; i++)
            if (text[i] == '\n') {
                row++;
                begin = i + 1;
            }
        snprintf(err, err_len, "line %zu, column %zu: %s", row, e.pos - begin + 1, e.msg);
    }
    return doc;
}

const char *app_json_text(yyjson_val *object, const char *name)
{
    yyjson_val *v = yyjson_obj_get(object, name);
    return yyjson_is_str(v) ? yyjson_get_str(v) : "";
}

long long app_json_number(yyjson_val *object, const char *name)
{
    yyjson_val *v = yyjson_obj_get(object, name);
    const char *p = yyjson_is_raw(v) ? yyjson_get_raw(v) : "";
    unsigned long long n = 0;
    int negative = *p == '-';
    for (p += negative; *p >= '0' && *p <= '9' && n < 900000000000000000ULL; p++)
        n = n * 10 + (unsigned long long)(*p - '0');
    return negative ? -(long long)n : (long long)n;
}

int app_json_true(yyjson_val *object, const char *name)
{
    return yyjson_is_true(yyjson_obj_get(object, name));
}

const char *app_json_scalar(yyjson_val *value, char *buf, size_t len)
{
    if (yyjson_is_str(value))
        return yyjson_get_str(value);
    if (yyjson_is_raw(value))
        snprintf(buf, len, "%.*s", (int)yyjson_get_len(value), yyjson_get_raw(value));
    else if (yyjson_is_bool(value) || yyjson_is_null(value))
        snprintf(buf, len, "%s",
                 yyjson_is_null(value)    ? "null"
                 : yyjson_get_bool(value) ? "true"
                                          : "false");
    else
        return NULL;
    return buf;
}

void app_json_write(df__buf *out, yyjson_val *value)
{
    size_t len;
    char *text = yyjson_val_write(value, YYJSON_WRITE_NOFLAG, &len);
    if (text)
        df__buf_add(out, text, len);
    else
        out->failed = 1;
    free(text);
}

static void break_line(df__buf *out, int indent)
{
    df__buf_printf(out, "\n%*s", indent * 2, "");
}

static void write_pretty(df__buf *out, yyjson_val *value, int indent)
{
    int is_object = yyjson_is_obj(value);
    size_t count;
    yyjson_val *name = NULL, *item;
    yyjson_obj_iter members;
    if (!yyjson_is_ctn(value) || unsafe_yyjson_get_len(value) == 0 || indent > DEPTH_MAX) {
        app_json_write(out, value);
        return;
    }
    df__buf_char(out, is_object ? '{' : '[');
    count = unsafe_yyjson_get_len(value);
    yyjson_obj_iter_init(value, &members);
    item = yyjson_arr_get_first(value);
    for (size_t at = 0; at < count; at++) {
        break_line(out, indent + 1);
        if (is_object) {
            name = yyjson_obj_iter_next(&members);
            item = yyjson_obj_iter_get_val(name);
            df__buf_json(out, yyjson_get_str(name), yyjson_get_len(name));
            df__buf_str(out, ": ");
        }
        write_pretty(out, item, indent + 1);
        if (at + 1 < count)
            df__buf_char(out, ',');
        item = is_object ? item : unsafe_yyjson_get_next(item);
    }
    break_line(out, indent);
    df__buf_char(out, is_object ? '}' : ']');
}

void app_json_pretty(df__buf *out, yyjson_val *value, int indent)
{
    write_pretty(out, value, indent);
}

static int matches(yyjson_val *expected, yyjson_val *actual, int partial, int depth);

static int objects_match(yyjson_val *expected, yyjson_val *actual, int partial, int depth)
{
    size_t at, count;
    yyjson_val *name, *value;
    if (!partial && yyjson_obj_size(expected) != yyjson_obj_size(actual))
        return 0;
    yyjson_obj_foreach (expected, at, count, name, value) {
        yyjson_val *other = yyjson_obj_getn(actual, yyjson_get_str(name), yyjson_get_len(name));
        if (!other || !matches(value, other, partial, depth + 1))
            return 0;
    }
    return 1;
}

static int arrays_match(yyjson_val *expected, yyjson_val *actual, int partial, int depth)
{
    size_t at, count;
    yyjson_val *value, *other = yyjson_arr_get_first(actual);
    if (yyjson_arr_size(expected) != yyjson_arr_size(actual))
        return 0;
    yyjson_arr_foreach (expected, at, count, value) {
        if (!matches(value, other, partial, depth + 1))
            return 0;
        other = unsafe_yyjson_get_next(other);
    }
    return 1;
}

static int matches(yyjson_val *expected, yyjson_val *actual, int partial, int depth)
{
    yyjson_type type = yyjson_get_type(expected);
    if (depth > DEPTH_MAX || type != yyjson_get_type(actual))
        return 0;
    if (type == YYJSON_TYPE_OBJ)
        return objects_match(expected, actual, partial, depth);
    if (type == YYJSON_TYPE_ARR)
        return arrays_match(expected, actual, partial, depth);
    if (type == YYJSON_TYPE_STR || type == YYJSON_TYPE_RAW)
        return yyjson_get_len(expected) == yyjson_get_len(actual) &&
               !memcmp(unsafe_yyjson_get_str(expected), unsafe_yyjson_get_str(actual),
                       yyjson_get_len(expected));
    return yyjson_get_subtype(expected) == yyjson_get_subtype(actual);
}

int app_json_matches(yyjson_val *expected, yyjson_val *actual, int partial)
{
    return matches(expected, actual, partial, 0);
}
