/* SPDX-License-Identifier: Apache-2.0
 * dfparquet.c: Parquet files on the command line, for comparisons.
 *   dfparquet write SCHEMA FILE [codec=zstd] [group=BYTES] [page=BYTES] [dictionary=BYTES|no]
 *                       rows from standard input as JSON lines; SCHEMA: a file with Iceberg's JSON.
 *                       Prints what Iceberg wants to know, a line for each leaf */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/parquet/parquet.h"
#include "record/record.h"
#include "schema.h"

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "dfparquet: %s: %s\n", what, why);
    return 1;
}

static int write_file(void *user, const void *data, size_t len)
{
    return fwrite(data, 1, len, user) == len ? DF_OK : DF_EIO;
}

static char *slurp(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    size_t cap = 0, n;
    *ret_len = 0;
    if (!f)
        return NULL;
    do {
        cap += 65536;
        text = realloc(text, cap);
        n = fread(text + *ret_len, 1, cap - *ret_len, f);
        *ret_len += n;
    } while (n);
    fclose(f);
    return text;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void print_bytes(const char *name, df_bytes b)
{
    printf(",\"%s\":", name);
    if (!b.data) {
        printf("null");
        return;
    }
    printf("\"");
    for (size_t i = 0; i < b.len; i++)
        printf("%02x", ((const unsigned char *)b.data)[i]);
    printf("\"");
}

static void print_summary(const df__parquet_summary *s)
{
    printf("{\"records\":%lld,\"bytes\":%lld,\"splits\":[", (long long)s->records,
           (long long)s->bytes);
    for (size_t i = 0; i < s->split_count; i++)
        printf("%s%lld", i ? "," : "", (long long)s->splits[i]);
    printf("]}\n");
    for (size_t i = 0; i < s->column_count; i++) {
        const df__parquet_metrics *m = &s->columns[i];
        printf("{\"id\":%d,\"size\":%lld,\"values\":%lld,\"nulls\":%lld,\"nans\":%lld", m->id,
               (long long)m->size, (long long)m->values, (long long)m->nulls, (long long)m->nans);
        print_bytes("lower", m->lower);
        print_bytes("upper", m->upper);
        printf("}\n");
    }
}

static int put_option(df__parquet_options *o, const char *word)
{
    if (strncmp(word, "codec=", 6) == 0)
        o->codec = df__parquet_codec(word + 6);
    else if (strncmp(word, "group=", 6) == 0)
        o->row_group_bytes = (size_t)strtoul(word + 6, NULL, 10);
    else if (strncmp(word, "page=", 5) == 0)
        o->page_bytes = (size_t)strtoul(word + 5, NULL, 10);
    else if (strcmp(word, "dictionary=no") == 0)
        o->no_dictionary = 1;
    else if (strncmp(word, "dictionary=", 11) == 0)
        o->dictionary_bytes = (size_t)strtoul(word + 11, NULL, 10);
    else
        return 0;
    return 1;
}

/* One line of JSON as a row. A row that is refused is told and left out. */
static int write_row(df__parquet_writer *w, const df__parquet_options *o, df_bytes line)
{
    df_value *values = calloc(o->column_count, sizeof *values), root;
    df__parquet_error error = {""};
    char why[DF__WHY];
    df__arena a;
    df__tree *tree;
    int rc;
    df__arena_init(&a, &df__heap_libc, 4096);
    rc = df__tree_parse(&a, line, &tree, why, sizeof why);
    if (rc == DF_OK) {
        df__tree_root(tree, &root);
        for (size_t i = 0; i < o->column_count; i++)
            df_value_member(&root, (df_bytes){o->columns[i].name, strlen(o->columns[i].name)},
                            &values[i]);
        rc = df__parquet_append(w, values, &error);
    } else {
        fail("a line", why);
    }
    if (rc == DF_EDATA)
        fail("a row", error.text);
    df__arena_free(&a);
    free(values);
    return rc == DF_EDATA ? DF_OK : rc;
}

static int write_rows(df__parquet_writer *w, const df__parquet_options *o)
{
    df__parquet_error error = {""};
    df__parquet_summary summary;
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    int rc = DF_OK;
    while (rc == DF_OK && (n = getline(&line, &cap, stdin)) > 0)
        rc = write_row(w, o, (df_bytes){line, (size_t)n});
    free(line);
    if (rc == DF_OK)
        rc = df__parquet_finish(w, &summary, &error);
    if (rc != DF_OK)
        return fail(df_status_name(rc), error.text);
    print_summary(&summary);
    return 0;
}

static int do_write(int argc, char **argv)
{
    df__parquet_options o = {.write = write_file};
    df__parquet_error error = {""};
    df__parquet_writer *w;
    df__arena a;
    size_t len;
    char *text = argc > 1 ? slurp(argv[0], &len) : NULL;
    int rc = 1;
    if (!text)
        return fail("write", "no schema");
    for (int i = 2; i < argc; i++)
        if (!put_option(&o, argv[i]) || o.codec < 0)
            return fail(argv[i], "no such option");
    df__arena_init(&a, &df__heap_libc, 4096);
    o.columns = schema_parse(&a, (df_bytes){text, len}, &o.column_count);
    o.user = fopen(argv[1], "wb");
    if (!o.columns || !o.user)
        rc = fail(argv[0], "no schema, or the file cannot be written");
    else if (df__parquet_writer_new(&df__heap_libc, &o, &w, &error) != DF_OK)
        rc = fail(argv[1], error.text);
    else {
        rc = write_rows(w, &o);
        df__parquet_writer_free(w);
    }
    if (o.user && fclose(o.user) != 0)
        rc = fail(argv[1], "cannot be written");
    df__arena_free(&a);
    free(text);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "write") == 0)
        return do_write(argc - 2, argv + 2);
    return fail("usage", "dfparquet write SCHEMA FILE [OPTION]...");
}
