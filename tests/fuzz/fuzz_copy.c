/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a record for any type of column: what is taken is exactly one line of COPY text
 * that decodes to one field without stray separators, and in binary one field that says the same;
 * what is refused has a reason, one for both, and leaves no trace. Also names of tables. */
#include <string.h>

#include "connectors/postgresql/types/binary.h"
#include "connectors/postgresql/types/copytext.h"
#include "connectors/postgresql/sink/encode.h"
#include "connectors/postgresql/sink/guess.h"
#include "connectors/postgresql/client/ident.h"
#include "record/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
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

static uint32_t be32(const char *at)
{
    const unsigned char *s = (const unsigned char *)at;
    return (uint32_t)s[0] << 24 | (uint32_t)s[1] << 16 | (uint32_t)s[2] << 8 | s[3];
}

static int be16(const char *at)
{
    return (int16_t)((unsigned char)at[0] << 8 | (unsigned char)at[1]);
}

/* A numeric in binary says what its decimal text does: digit for digit, sign and scale. */
static void check_numeric(const char *text, size_t len, const char *at, size_t size)
{
    df__pg_decimal d;
    must(size >= 8 && size == 8 + 2 * (size_t)(uint16_t)be16(at));
    if (!df__pg_scan_decimal(text, len, &d)) {
        must((uint16_t)be16(at + 4) == 0xC000 && size == 8);
        return;
    }
    must(be16(at + 6) == d.scale && be16(at + 4) == (text[0] == '-' && !d.zero ? 0x4000 : 0));
    const char *digit = text + strcspn(text, "123456789");
    int64_t power = ((int64_t)be16(at + 2) + 1) * 4 - 1;
    for (size_t i = 0; i < (size - 8) / 2; i++) {
        int group = be16(at + 8 + 2 * i);
        must(group >= 0 && group <= 9999);
        for (int unit = 1000; unit > 0; unit /= 10, power--) {
            int value = group / unit % 10;
            if (power > d.high || power < d.low) {
                must(value == 0);
                continue;
            }
            digit += *digit == '.';
            must(*digit++ == '0' + value);
        }
    }
    must(d.zero || power < d.low);
}

/* One row of one field of the length that is left. */
static void check_binary(const df__pg_type *type, const df_value *v, const df__buf *b)
{
    static const size_t sizes[PG_KINDS] = {
        [PG_KIND_BOOL] = 1,      [PG_KIND_INT2] = 2,        [PG_KIND_INT4] = 4,
        [PG_KIND_INT8] = 8,      [PG_KIND_FLOAT4] = 4,      [PG_KIND_FLOAT8] = 8,
        [PG_KIND_UUID] = 16,     [PG_KIND_DATE] = 4,        [PG_KIND_TIME] = 8,
        [PG_KIND_TIMESTAMP] = 8, [PG_KIND_TIMESTAMPTZ] = 8,
    };
    must(b->len >= 6 && be16(b->data) == 1);
    uint32_t size = be32(b->data + 2);
    must(size == UINT32_MAX ? b->len == 6 : b->len == 6 + (size_t)size);
    must((size == UINT32_MAX) == (v->type == DF_V_NULL));
    if (size == UINT32_MAX || type->array)
        return;
    must(sizes[type->kind] == 0 || sizes[type->kind] == size);
    if (type->kind == PG_KIND_NUMERIC && v->text)
        check_numeric(v->text, v->len, b->data + 6, size);
}

static void check_refusal(const df__pg_encoder *e, const df__buf *b)
{
    must(b->len == 0 && e->why[0] != '\0' && strlen(e->why) < sizeof e->why);
    must(df__pg_utf8_valid(e->why, strlen(e->why)));
}

static void check_formats(df__pg_encoder *e, const df__pg_table *table, const df_value *v)
{
    char why[sizeof e->why];
    df__pg_mask mask = {.stays = 0};
    df__buf b;
    df__buf_init(&b, &df__heap_libc);
    e->binary = 0;
    int rc = df__pg_encode_row(e, table, v, &mask, &b);
    must(rc == DF_OK || rc == DF_EDATA);
    if (rc == DF_OK)
        check_line(&b);
    else
        check_refusal(e, &b);
    memcpy(why, e->why, sizeof why);
    df__buf_clear(&b);
    e->binary = 1;
    if (df__pg_table_binary(table)) {
        int again = df__pg_encode_row(e, table, v, &mask, &b);
        must(again == rc || again == DF_MORE);
        if (again == DF_OK)
            check_binary(&table->columns[0].type, v, &b);
        else
            must(b.len == 0 && (again == DF_MORE || strcmp(why, e->why) == 0));
    }
    df__buf_free(&b);
}

static void check_row(const df_value *v, const uint8_t *choice)
{
    df__pg_column column = {.name = {"c", 1}, .quoted = "\"c\"", .bit = -1};
    df__pg_table table = {.columns = &column, .count = 1, .shape = "1"};
    df__pg_encoder e;
    column.not_null = choice[1] & 1;
    column.type = (df__pg_type){.kind = (enum df__pg_kind)(choice[0] % PG_KINDS),
                                .array = choice[1] >> 1 & 1,
                                .delim = ',',
                                .limit = choice[2] & 15,
                                .scale = (choice[2] >> 4) - 4,
                                .oid = 1,
                                .name = "type",
                                .labels = labels,
                                .label_count = 3};
    df__pg_encoder_init(&e, &df__heap_libc);
    e.convert.bytea = (choice[1] >> 2) % 3;
    e.convert.round = choice[1] >> 5 & 1;
    check_formats(&e, &table, v);
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
    if (size < 3)
        return 0;
    df_bytes text = {data + 3, size - 3};
    df__arena_init(&arena, &df__heap_libc, 4096);
    check_names(text);
    if (df__tree_parse(&arena, text, &tree, why, sizeof why) == DF_OK) {
        df__tree_root(tree, &v);
        check_row(&v, data);
        df__pg_guesses_init(&g, &df__heap_libc);
        int rc = df__pg_guesses_add(&g, &v);
        must(rc == DF_OK || rc == DF_EDATA);
        df__pg_guesses_free(&g);
    }
    df__arena_free(&arena);
    return 0;
}
