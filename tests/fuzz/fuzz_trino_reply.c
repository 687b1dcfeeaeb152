/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a reply of Trino: refused, or rows as wide as its columns, whose types are read or
 * refused. */
#include <string.h>

#include "connectors/trino/client/page.h"
#include "connectors/trino/types/type.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static void look(const df__trino_page *page)
{
    size_t width = yyjson_arr_size(page->columns);
    must(page->id != NULL && page->rows == yyjson_arr_size(page->data));
    for (size_t i = 0; i < page->rows && i < 100; i++)
        must(yyjson_arr_size(yyjson_arr_get(page->data, i)) == width);
    for (size_t i = 0; i < width && i < 100; i++) {
        df__arena arena;
        df__trino_type type;
        const char *text = df__trino_column_type(page, i);
        df__arena_init(&arena, &df__heap_libc, 1024);
        must(df__trino_column_name(page, i) != NULL);
        if (df__trino_type_parse(&arena, (df_bytes){text, strlen(text)}, &type) == DF_OK)
            must(type.name.len == strlen(text) &&
                 (type.kind != TRINO_KIND_MAP || type.part_count == 2) &&
                 (type.kind != TRINO_KIND_ARRAY || type.part_count == 1));
        df__arena_free(&arena);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    df__buf body;
    df__trino_page page;
    df__buf_init(&body, &df__heap_libc);
    df__buf_add(&body, data, size);
    if (df__trino_page_read(&body, &page) == DF_OK)
        look(&page);
    else
        must(page.doc == NULL && page.data == NULL);
    df__trino_page_free(&page);
    df__buf_free(&body);
    return 0;
}
