/* SPDX-License-Identifier: Apache-2.0
 * position.c: positions as JSON text: one flat object.
 *   lastReadChangeTime, lastReadOrderByValue   the row that was read last
 *   lastReadNullOrderByValue                   of the rows without a change time
 * A value is a number or a string; several key columns are an array. Other members are passed over;
 * lastReadID and lastReadTime are older names. */
#include <string.h>
#include <yyjson.h>

#include "source/source.h"

void df__trino_marks_init(df__trino_marks *m, const df__heap *heap)
{
    memset(m, 0, sizeof *m);
    for (size_t i = 0; i < TRINO_ORDER; i++)
        df__buf_init(&m->at[i].text, heap);
}

void df__trino_marks_free(df__trino_marks *m)
{
    for (size_t i = 0; i < TRINO_ORDER; i++)
        df__buf_free(&m->at[i].text);
}

void df__trino_spot_init(df__trino_spot *p, const df__heap *heap)
{
    df__trino_marks_init(&p->last, heap);
    df__trino_marks_init(&p->nulls, heap);
}

void df__trino_spot_free(df__trino_spot *p)
{
    df__trino_marks_free(&p->last);
    df__trino_marks_free(&p->nulls);
}

void df__trino_spot_clear(df__trino_spot *p)
{
    for (size_t i = 0; i < TRINO_ORDER; i++)
        p->last.at[i].is_set = p->nulls.at[i].is_set = 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_mark(df__buf *b, const df__trino_mark *m)
{
    if (!m->is_set)
        df__buf_str(b, "null");
    else if (m->is_number)
        df__buf_add(b, m->text.data, m->text.len);
    else
        df__buf_json(b, m->text.len ? m->text.data : "", m->text.len);
}

/* Keys [from, count): one alone, or an array. */
static void put_keys(df__buf *b, const char *name, const df__trino_marks *m, size_t from,
                     size_t count)
{
    if (from >= count || !m->at[from].is_set)
        return;
    df__buf_printf(b, "%s\"%s\":%s", b->data[b->len - 1] == '{' ? "" : ",", name,
                   count - from > 1 ? "[" : "");
    for (size_t i = from; i < count; i++) {
        df__buf_str(b, i > from ? "," : "");
        put_mark(b, &m->at[i]);
    }
    df__buf_str(b, count - from > 1 ? "]" : "");
}

void df__trino_spot_print(const df__trino_spot *p, size_t count, int has_time, df__buf *b)
{
    df__buf_char(b, '{');
    if (b->failed)
        return;
    if (has_time)
        put_keys(b, "lastReadChangeTime", &p->last, 0, 1);
    put_keys(b, "lastReadOrderByValue", &p->last, has_time ? 1 : 0, count);
    put_keys(b, "lastReadNullOrderByValue", &p->nulls, has_time ? 1 : 0, count);
    df__buf_char(b, '}');
}

/* ---- reading --------------------------------------------------------------------------------- */

static int read_mark(yyjson_val *v, df__trino_mark *m)
{
    int is_number = yyjson_is_raw(v);
    const char *text = is_number ? yyjson_get_raw(v) : yyjson_get_str(v);
    if (yyjson_is_null(v))
        return DF_OK;
    if (!text)
        return DF_EDATA;
    df__buf_clear(&m->text);
    df__buf_add(&m->text, text, yyjson_get_len(v));
    m->is_set = 1;
    m->is_number = is_number;
    return m->text.failed ? DF_ENOMEM : DF_OK;
}

static int read_keys(yyjson_val *v, df__trino_marks *m, size_t from, size_t count)
{
    size_t index, size;
    yyjson_val *item;
    int rc = DF_OK;
    if (!v || from >= count)
        return DF_OK;
    if (!yyjson_is_arr(v))
        return read_mark(v, &m->at[from]);
    if (yyjson_arr_size(v) > count - from)
        return DF_EDATA;
    yyjson_arr_foreach (v, index, size, item)
        rc = rc == DF_OK ? read_mark(item, &m->at[from + index]) : rc;
    return rc;
}

static int read_members(yyjson_val *root, size_t count, int has_time, df__trino_spot *ret)
{
    size_t from = has_time ? 1 : 0;
    const struct {
        const char *name;
        df__trino_marks *marks;
        size_t from, count;
    } members[] = {
        {"lastReadID", &ret->last, from, count},
        {"lastReadTime", &ret->last, 0, from},
        {"lastReadChangeTime", &ret->last, 0, from},
        {"lastReadOrderByValue", &ret->last, from, count},
        {"lastReadNullOrderByValue", &ret->nulls, from, count},
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        int rc = read_keys(yyjson_obj_get(root, members[i].name), members[i].marks, members[i].from,
                           members[i].count);
        if (rc != DF_OK)
            return rc;
    }
    return DF_OK;
}

int df__trino_spot_read(df_bytes text, size_t count, int has_time, df__trino_spot *ret)
{
    yyjson_read_err err;
    df__trino_spot_clear(ret);
    yyjson_doc *doc = text.len ? yyjson_read_opts((char *)(uintptr_t)text.data, text.len,
                                                  YYJSON_READ_NUMBER_AS_RAW, NULL, &err)
                               : NULL;
    yyjson_val *root = yyjson_doc_get_root(doc);
    int rc = yyjson_is_obj(root) ? read_members(root, count, has_time, ret) : DF_EDATA;
    yyjson_doc_free(doc);
    if (rc != DF_OK)
        df__trino_spot_clear(ret);
    return rc;
}
