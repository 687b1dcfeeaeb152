/* SPDX-License-Identifier: Apache-2.0
 * page.c: see page.h. */
#include "client/page.h"

#include <string.h>

static const char *text_of(yyjson_val *object, const char *name)
{
    return yyjson_get_str(yyjson_obj_get(object, name));
}

static void read_error(yyjson_val *error, df__trino_page *ret)
{
    if (!yyjson_is_obj(error))
        return;
    ret->error_name = text_of(error, "errorName");
    ret->error_type = text_of(error, "errorType");
    ret->error_text = text_of(error, "message");
    ret->error_name = ret->error_name ? ret->error_name : "UNKNOWN";
    ret->error_type = ret->error_type ? ret->error_type : "";
    ret->error_text = ret->error_text ? ret->error_text : "";
}

/* Every row has as many values as there are columns. */
static int rows_fit(const df__trino_page *page)
{
    size_t width = yyjson_arr_size(page->columns), index, count;
    yyjson_val *row;
    if (page->rows > 0 && width == 0)
        return 0;
    yyjson_arr_foreach (page->data, index, count, row)
        if (!yyjson_is_arr(row) || yyjson_arr_size(row) != width)
            return 0;
    return 1;
}

int df__trino_page_read(df__buf *body, df__trino_page *ret)
{
    yyjson_read_err err;
    memset(ret, 0, sizeof *ret);
    if (!df__buf_reserve(body, YYJSON_PADDING_SIZE))
        return DF_ENOMEM;
    memset(body->data + body->len, 0, YYJSON_PADDING_SIZE);
    ret->doc = yyjson_read_opts(body->data, body->len, YYJSON_READ_INSITU, NULL, &err);
    if (!ret->doc)
        return err.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION ? DF_ENOMEM : DF_EDATA;
    yyjson_val *root = yyjson_doc_get_root(ret->doc), *data = yyjson_obj_get(root, "data");
    ret->id = text_of(root, "id");
    ret->next_uri = text_of(root, "nextUri");
    ret->columns = yyjson_obj_get(root, "columns");
    ret->columns = yyjson_is_arr(ret->columns) ? ret->columns : NULL;
    read_error(yyjson_obj_get(root, "error"), ret);
    ret->data = yyjson_is_arr(data) ? data : NULL;
    ret->rows = yyjson_arr_size(ret->data);
    if (ret->id && (!data || yyjson_is_null(data) || ret->data) && rows_fit(ret))
        return DF_OK;
    df__trino_page_free(ret);
    return DF_EDATA;
}

void df__trino_page_free(df__trino_page *page)
{
    yyjson_doc_free(page->doc);
    memset(page, 0, sizeof *page);
}

static const char *column_text(const df__trino_page *page, size_t index, const char *name)
{
    const char *text = text_of(yyjson_arr_get(page->columns, index), name);
    return text ? text : "";
}

const char *df__trino_column_name(const df__trino_page *page, size_t index)
{
    return column_text(page, index, "name");
}

const char *df__trino_column_type(const df__trino_page *page, size_t index)
{
    return column_text(page, index, "type");
}
