/* SPDX-License-Identifier: Apache-2.0
 * cost.c: what writing costs, for docs/parquet.md.
 *   parquet_cost CODEC FILE [ROWS]   writes ROWS (a million) rows of eight columns and prints CPU
 *                                    seconds, bytes of the file and of the rows as CSV, peak memory
 *   parquet_cost read FILE           reads all rows of it, value by value
 * tests/parquet/compare runs it beside DuckDB's COPY of the same rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/parquet/parquet.h"

enum { COLUMNS = 8, TEXT = 64 };

static int write_file(void *user, const void *data, size_t len)
{
    return fwrite(data, 1, len, user) == len ? DF_OK : DF_EIO;
}

static uint64_t next(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static df_value number(int type, int64_t i)
{
    df_value v = {type, 0, {i}, NULL, 0};
    return v;
}

static df_value text(char *room, const char *format, uint64_t a, uint64_t b)
{
    df_value v = {DF_V_STRING, 0, {0}, room, 0};
    v.len = (size_t)snprintf(room, TEXT, format, (unsigned long long)a, (unsigned long long)b);
    return v;
}

/* An order as shops have them. */
static void make_row(int64_t i, uint64_t *seed, char room[4][TEXT], df_value *v)
{
    uint64_t r = next(seed), q = next(seed);
    v[0] = number(DF_V_INT, i);
    v[1] = text(room[0], "customer-%05llu%.0llu", r % 20000, 0);
    v[2] = text(room[1], "city %llu%.0llu", (r >> 16) % 50, 0);
    v[3] = text(room[2], "%llu.%02llu", (r >> 24) % 100000, (r >> 44) % 100);
    v[3].type = DF_V_NUMBER;
    v[4] = number(DF_V_TIMESTAMP, INT64_C(1700000000000000) + i * 1000 + (int64_t)(r % 1000));
    v[5] = text(room[3], "a note of its own %016llx %llu", q, r % 1000);
    v[6] = number(DF_V_BOOL, (int64_t)(q & 1));
    v[7] = (q >> 1) % 10 ? number(DF_V_INT, (int64_t)((q >> 8) % 100)) : number(DF_V_NULL, 0);
}

static double cpu(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int fail(const char *why)
{
    fprintf(stderr, "parquet_cost: %s\n", why);
    return 1;
}

/* Rows are made once more without a writer, and that is taken off. */
static double rows_alone(int64_t rows, int64_t *ret_bytes)
{
    char room[4][TEXT];
    df_value v[COLUMNS];
    double before = cpu();
    uint64_t seed = 1;
    int64_t bytes = 0;
    for (int64_t i = 0; i < rows; i++) {
        make_row(i, &seed, room, v);
        bytes += (int64_t)(v[1].len + v[2].len + v[3].len + v[5].len + 7 + 26 + 5 + 2 + COLUMNS);
    }
    *ret_bytes = bytes;
    return cpu() - before;
}

/* Of this program alone: getrusage has that of the one that started it as well. */
static long peak_kib(void)
{
    char line[200];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    if (f)
        fclose(f);
    return kib;
}

static int run(df__parquet_writer *w, int64_t rows)
{
    char room[4][TEXT];
    df_value v[COLUMNS];
    df__parquet_error error;
    df__parquet_summary s;
    uint64_t seed = 1;
    int64_t bytes;
    double alone = rows_alone(rows, &bytes), before = cpu();
    for (int64_t i = 0; i < rows; i++) {
        make_row(i, &seed, room, v);
        if (df__parquet_append(w, v, &error) != DF_OK)
            return fail(error.text);
    }
    if (df__parquet_finish(w, &s, &error) != DF_OK)
        return fail(error.text);
    printf("{\"cpu\":%.3f,\"file\":%lld,\"csv\":%lld,\"rss_kib\":%ld,\"groups\":%zu}\n",
           cpu() - before - alone, (long long)s.bytes, (long long)bytes, peak_kib(), s.split_count);
    return 0;
}

static int read_range(void *user, int64_t offset, void *buf, size_t len)
{
    return pread(fileno(user), buf, len, (off_t)offset) == (ssize_t)len ? DF_OK : DF_EIO;
}

static int read_file(FILE *file)
{
    df__parquet_input in = {.read = read_range, .user = file};
    df__parquet_error error;
    df__parquet_file *f;
    df_value v[COLUMNS];
    df__arena a;
    struct stat st;
    int64_t rows = 0, sum = 0;
    double before = cpu();
    int rc;
    fstat(fileno(file), &st);
    in.size = st.st_size;
    if (df__parquet_open(&df__heap_libc, &in, &f, &error) != DF_OK)
        return fail(error.text);
    df__arena_init(&a, &df__heap_libc, 65536);
    while ((rc = df__parquet_next(f, &a, v, &error)) == DF_OK) {
        for (int i = 0; i < COLUMNS; i++)
            sum += v[i].type + (int64_t)v[i].len;
        rows++;
        df__arena_reset(&a);
    }
    df__arena_free(&a);
    df__parquet_free(f);
    printf("{\"cpu\":%.3f,\"rows\":%lld,\"sum\":%lld,\"rss_kib\":%ld}\n", cpu() - before,
           (long long)rows, (long long)sum, peak_kib());
    return rc == DF_DONE ? 0 : fail(error.text);
}

int main(int argc, char **argv)
{
    static const df__parquet_column columns[COLUMNS] = {
        {.name = "id", .id = 1, .kind = DF__PARQUET_LONG, .required = 1},
        {.name = "customer", .id = 2, .kind = DF__PARQUET_STRING},
        {.name = "city", .id = 3, .kind = DF__PARQUET_STRING},
        {.name = "amount", .id = 4, .kind = DF__PARQUET_DECIMAL, .precision = 12, .scale = 2},
        {.name = "at", .id = 5, .kind = DF__PARQUET_TIMESTAMPTZ},
        {.name = "note", .id = 6, .kind = DF__PARQUET_STRING},
        {.name = "paid", .id = 7, .kind = DF__PARQUET_BOOLEAN},
        {.name = "count", .id = 8, .kind = DF__PARQUET_INT},
    };
    df__parquet_options o = {.columns = columns, .column_count = COLUMNS, .write = write_file};
    df__parquet_error error;
    df__parquet_writer *w;
    int rc;
    if (argc == 3 && strcmp(argv[1], "read") == 0)
        return (o.user = fopen(argv[2], "rb")) ? read_file(o.user) : fail("no such file");
    if (argc < 3 || (o.codec = df__parquet_codec(argv[1])) < 0 || !(o.user = fopen(argv[2], "wb")))
        return fail("usage: parquet_cost CODEC FILE [ROWS]");
    if (df__parquet_writer_new(&df__heap_libc, &o, &w, &error) != DF_OK)
        return fail(error.text);
    rc = run(w, argc > 3 ? strtoll(argv[3], NULL, 10) : 1000000);
    df__parquet_writer_free(w);
    return fclose(o.user) == 0 ? rc : 1;
}
