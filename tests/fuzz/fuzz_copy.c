/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a record for any type of column: what is taken is exactly one line of COPY text
 * that decodes to one field without stray separators; what is refused has a reason and leaves no
 * trace. Also names of tables and columns. */
#include <string.h>

#include "copytext.h"
#include "encode.h"
#include "guess.h"
#include "ident.h"
#include "record/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held) {
        __builtin_trap();
    }
}

static const df_bytes labels[] = {{"a", 1}, {"b", 1}, {"long label", 10}};

/* One field, then the end of the line. */
static void check_line(const df__buf *b)
{
    df__buf back;
    must(b->len > 0 && b->data[b->len - 1] == '\n');
    must(memchr(b->data, '\n', b->len) == b->data + b->len - 1);
    must(memchr(b->data, '\t', b->len) == NULL && memchr(b->data, '\0', b->len) == NULL);
    df__buf_init(&back, &df__heap_libc);
    int rc = df__pg_unescape(&back, b->data, b->len - 1);
    must(rc == DF_OK || rc == DF_DONE);
    df__buf_free(&back);
}

static void check_row(const df_value *v, const uint8_t *choice)
{
    df__pg_column column = {.name = {"c", 1}, .quoted = "\"c\"", .bit = -1};
    df__pg_table table = {.columns = &column, .count = 1};
    df__pg_mask mask = {{0}};
    df__pg_encoder e;
    df__buf b;
    column.not_null = choice[1] & 1;
    column.type = (df__pg_type){.kind = (uint8_t)(choice[0] % PG_KINDS),
                                .array = choice[1] >> 1 & 1,
                                .delim = ',',
                                .limit = choice[2] & 15,
                                .scale = (choice[2] >> 4) - 4,
                                .name = "type",
                                .labels = labels,
                                .label_count = 3};
    df__pg_encoder_init(&e);
    e.convert.bytea = (choice[1] >> 2) % 3;
    e.convert.round = choice[1] >> 5 & 1;
    df__buf_init(&b, &df__heap_libc);
    int rc = df__pg_encode_row(&e, &table, v, &mask, &b);
    must(rc == DF_OK || rc == DF_EDATA);
    if (rc == DF_OK) {
        check_line(&b);
    } else {
        must(b.len == 0 && e.why[0] != '\0' && strlen(e.why) < sizeof e.why);
        must(df__pg_utf8_valid(e.why, strlen(e.why)));
    }
    df__buf_free(&b);
    df__pg_encoder_free(&e);
}

/* A quoted name reads back as itself and cannot end early. */
static void check_names(df_bytes text)
{
    df__pg_name name, again;
    const char *why = NULL;
    df__buf b;
    df__buf_init(&b, &df__heap_libc);
    if (df__pg_name_parse(text, &name, &why) == DF_OK) {
        df__pg_quote_table(&b, &name);
        must(df__pg_name_parse((df_bytes){b.data, b.len}, &again, &why) == DF_OK);
        must(strcmp(name.schema, again.schema) == 0 && strcmp(name.table, again.table) == 0);
    } else {
        must(why != NULL);
    }
    df__buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    df__arena arena;
    df__tree *tree;
    df__pg_guesses g;
    df_value v;
    char why[200];
    if (size < 3) {
        return 0;
    }
    df_bytes text = {data + 3, size - 3};
    df__arena_init(&arena, &df__heap_libc, 4096);
    check_names(text);
    if (df__tree_parse(&arena, text, &tree, why, sizeof why) == DF_OK) {
        df__tree_root(tree, &v);
        check_row(&v, data);
        df__pg_guesses_init(&g);
        int rc = df__pg_guesses_add(&g, &v);
        must(rc == DF_OK || rc == DF_EDATA);
        df__pg_guesses_free(&g);
    }
    df__arena_free(&arena);
    return 0;
}
