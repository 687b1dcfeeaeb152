/* SPDX-License-Identifier: Apache-2.0
 * compare.c: see compare.h. */
#include "dfoperator/object/compare.h"

#include <stdio.h>
#include <string.h>

#include "dfoperator/object/tree.h"
#include "util/quantity.h"

int op_quantity_same(const char *a, const char *b)
{
    __int128 x, y;
    return !df__quantity_read(a, &x) && !df__quantity_read(b, &y) && x == y;
}

static int same(json_object *wanted, json_object *live, char *path, int amounts);

static int is_empty(json_object *v)
{
    switch (json_object_get_type(v)) {
    case json_type_null:
        return 1;
    case json_type_boolean:
        return !json_object_get_boolean(v);
    case json_type_string:
        return json_object_get_string_len(v) == 0;
    case json_type_array:
        return json_object_array_length(v) == 0;
    case json_type_object:
        return json_object_object_length(v) == 0;
    default:
        return 0;
    }
}

/* Adds to the path; the answer takes it off again. */
static size_t enter(char *path, const char *format, const char *part)
{
    size_t len = strlen(path);
    snprintf(path + len, OP_PATH - len, format, part); /* NOLINT */
    return len;
}

static int same_members(json_object *wanted, json_object *live, char *path, int amounts)
{
    json_object_object_foreach(wanted, name, value)
    {
        size_t len = enter(path, *path ? ".%s" : "%s", name);
        int inside = amounts || !strcmp(name, "requests") || !strcmp(name, "limits");
        if (!same(value, json_object_object_get(live, name), path, inside))
            return 0;
        path[len] = 0;
    }
    return 1;
}

/* The member by which all items of the list are known; NULL: their place. */
static const char *key_of(json_object *list)
{
    static const char *const keys[] = {"mountPath", "name", "uid"};
    size_t count = json_object_array_length(list);
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        size_t i = 0;
        while (i < count) {
            json_object *item = json_object_array_get_idx(list, i);
            if (!json_object_is_type(item, json_type_object) ||
                !json_object_object_get(item, keys[k]))
                break;
            i++;
        }
        if (count && i == count)
            return keys[k];
    }
    return NULL;
}

static int same_items(json_object *wanted, json_object *live, char *path, int amounts)
{
    const char *key = key_of(wanted);
    size_t count = json_object_array_length(wanted);
    if (!key && json_object_array_length(live) != count)
        return 0;
    for (size_t i = 0; i < count; i++) {
        json_object *item = json_object_array_get_idx(wanted, i), *other;
        char number[24];
        size_t len;
        snprintf(number, sizeof number, "%zu", i);
        len = enter(path, "[%s]", key ? op_text(item, key) : number);
        other = key ? op_find(live, key, op_text(item, key)) : json_object_array_get_idx(live, i);
        if (!same(item, other, path, amounts))
            return 0;
        path[len] = 0;
    }
    return 1;
}

static int same(json_object *wanted, json_object *live, char *path, int amounts)
{
    enum json_type type = json_object_get_type(wanted);
    if (!live)
        return is_empty(wanted);
    if (amounts && type != json_type_object && type != json_type_array)
        return op_quantity_same(json_object_get_string(wanted), json_object_get_string(live));
    if (type != json_object_get_type(live))
        return 0;
    if (type == json_type_object)
        return same_members(wanted, live, path, amounts);
    if (type == json_type_array)
        return same_items(wanted, live, path, amounts);
    return json_object_equal(wanted, live);
}

int op_compare(json_object *wanted, json_object *live, char path[OP_PATH])
{
    path[0] = 0;
    return same(wanted, live, path, 0);
}
