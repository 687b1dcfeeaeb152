/* SPDX-License-Identifier: Apache-2.0
 * dfparquet.c: Parquet files on the command line, for comparisons.
 *   dfparquet write SCHEMA FILE [codec=zstd] [group=BYTES] [page=BYTES] [dictionary=BYTES|no]
 *                       rows from standard input as JSON lines; SCHEMA: a file with Iceberg's JSON.
 *                       Prints what Iceberg wants to know, a line for each leaf
 *   dfparquet cat FILE [columns=A,B,...] [ids=SCHEMA] [row=N]
 *                       rows as JSON lines; of these columns, or as that schema wants them by id;
 *                       from row N on
 *   dfparquet schema FILE
 *                       its columns in Iceberg's JSON */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* ---- reading --------------------------------------------------------------------------------- */

static int read_range(void *user, int64_t offset, void *buf, size_t len)
{
    return pread(*(const int *)user, buf, len, (off_t)offset) == (ssize_t)len ? DF_OK : DF_EIO;
}

static int open_file(const char *path, int *fd, df__parquet_file **ret)
{
    df__parquet_error error = {""};
    df__parquet_input in = {.read = read_range, .user = fd};
    struct stat st;
    int rc;
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0 || fstat(*fd, &st) != 0)
        return fail(path, "cannot be opened");
    in.size = st.st_size;
    rc = df__parquet_open(&df__heap_libc, &in, ret, &error);
    return rc == DF_OK ? 0 : fail(df_status_name(rc), error.text);
}

static int by_names(df__parquet_file *f, char *names, df__parquet_error *error)
{
    df__parquet_column wanted[64];
    size_t n = 0;
    char *rest = NULL;
    memset(wanted, 0, sizeof wanted);
    for (char *one = strtok_r(names, ",", &rest); one && n < 64; one = strtok_r(NULL, ",", &rest)) {
        wanted[n].name = one;
        wanted[n++].id = DF__PARQUET_NO_ID;
    }
    return df__parquet_project(f, wanted, n, DF__PARQUET_BY_NAME, error);
}

static int by_ids(df__parquet_file *f, const char *path, df__parquet_error *error)
{
    df__parquet_column *wanted;
    df__arena a;
    size_t len, count;
    char *text = slurp(path, &len);
    int rc = DF_EINVAL;
    df__arena_init(&a, &df__heap_libc, 4096);
    wanted = text ? schema_parse(&a, (df_bytes){text, len}, &count) : NULL;
    if (wanted)
        rc = df__parquet_project(f, wanted, count, 0, error);
    df__arena_free(&a);
    free(text);
    return rc;
}

static int cat_option(df__parquet_file *f, char *word, df__parquet_error *error)
{
    if (strncmp(word, "columns=", 8) == 0)
        return by_names(f, word + 8, error);
    if (strncmp(word, "ids=", 4) == 0)
        return by_ids(f, word + 4, error);
    if (strncmp(word, "row=", 4) == 0)
        return df__parquet_seek(f, strtoll(word + 4, NULL, 10), error);
    return DF_EINVAL;
}

static void print_json(const df_value *v, df__buf *b)
{
    size_t n = df_value_json(v, b->data, b->cap);
    if (n > b->cap && df__buf_reserve(b, n))
        n = df_value_json(v, b->data, b->cap);
    fwrite(b->data, 1, n, stdout);
    putchar('\n');
}

static int cat_rows(df__parquet_file *f)
{
    df__parquet_error error = {""};
    df__arena a;
    df__buf b;
    df_value v;
    int rc;
    df__buf_init(&b, &df__heap_libc);
    df__buf_reserve(&b, 65536);
    df__arena_init(&a, &df__heap_libc, 65536);
    while ((rc = df__parquet_next_object(f, &a, &v, &error)) == DF_OK) {
        print_json(&v, &b);
        df__arena_reset(&a);
    }
    df__arena_free(&a);
    df__buf_free(&b);
    return rc == DF_DONE ? 0 : fail(df_status_name(rc), error.text);
}

static int do_cat(int argc, char **argv)
{
    df__parquet_error error = {""};
    df__parquet_file *f = NULL;
    int fd = -1, rc = argc ? open_file(argv[0], &fd, &f) : fail("cat", "no file");
    for (int i = 1; i < argc && !rc; i++)
        if (cat_option(f, argv[i], &error) != DF_OK)
            rc = fail(argv[i], error.text);
    if (!rc)
        rc = cat_rows(f);
    df__parquet_free(f);
    if (fd >= 0)
        close(fd);
    return rc;
}

static int do_schema(int argc, char **argv)
{
    df__parquet_file *f = NULL;
    int fd = -1, rc = argc ? open_file(argv[0], &fd, &f) : fail("schema", "no file");
    if (!rc) {
        size_t count;
        const df__parquet_column *columns = df__parquet_columns(f, &count);
        schema_print(columns, count);
    }
    df__parquet_free(f);
    if (fd >= 0)
        close(fd);
    return rc;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {{"write", do_write}, {"cat", do_cat}, {"schema", do_schema}};
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    return fail("usage", "dfparquet write SCHEMA FILE | cat FILE | schema FILE");
}
