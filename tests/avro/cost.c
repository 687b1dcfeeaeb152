/* SPDX-License-Identifier: Apache-2.0
 * cost.c: decodes or encodes the same bodies again and again, by our codec or by Apache's avro-c,
 * for tests/avro/cost to count. avro_cost SCHEMA ours|avro-c decode|encode ROUNDS < JSON, a value
 * in each line Before that, each body is read and written by both: the same bytes, or it ends
 * with 1. What is encoded is what each has decoded: our tree of values, avro-c's generic value. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <avro.h>

#include "formats/avro/avro.h"

enum { MOST = 20000, BODY = 1 << 20 };

typedef struct item {
    df_bytes body;
    df_record r; /* decoded by us */
    df_value root;
    avro_value_t value; /* by avro-c */
} item;

typedef struct bench {
    df__arena arena;
    df_avro_schema *schema, *source; /* what is encoded was decoded by another one */
    df_avro_program *program;
    avro_schema_t theirs;
    avro_value_iface_t *iface;
    avro_reader_t reader;
    avro_writer_t writer;
    char *room; /* avro-c writes here */
    df__buf out;
    df__avro_error error;
    item *items;
    size_t count;
} bench;

static int die(const char *what, const char *text)
{
    fprintf(stderr, "avro_cost: %s: %s\n", what, text);
    exit(1);
}

static void open_schema(bench *b, const char *path)
{
    static char text[1 << 16];
    df__avro_source from = {{text, 0}, NULL, 0};
    df__avro_plan plan = {NULL, NULL, 0};
    FILE *f = fopen(path, "rb");
    if (!f)
        die(path, "cannot be read");
    from.text = (df_bytes){text, fread(text, 1, sizeof text, f)};
    fclose(f);
    if (df__avro_parse(&df__heap_libc, &from, &b->schema, &b->error) != DF_OK)
        die(path, b->error.text);
    if (df__avro_parse(&df__heap_libc, &from, &b->source, &b->error) != DF_OK)
        die(path, b->error.text);
    plan.writer = b->source;
    if (df__avro_compile(&df__heap_libc, &plan, &b->program, &b->error) != DF_OK)
        die(path, b->error.text);
    if (avro_schema_from_json_length(text, from.text.len, &b->theirs))
        die(path, avro_strerror());
    b->iface = avro_generic_class_from_schema(b->theirs);
    b->reader = avro_reader_memory("", 0);
    b->room = malloc(BODY);
    b->writer = avro_writer_memory(b->room, BODY);
    df__buf_init(&b->out, &df__heap_libc);
    df__arena_init(&b->arena, &df__heap_libc, 1 << 16);
}

/* ---- one body -------------------------------------------------------------------------------- */

static void our_decode(bench *b, item *it, df__arena *a)
{
    it->r.arena = a;
    if (df__avro_decode(b->program, &it->r, it->body, &b->error) != DF_OK)
        die("decode", b->error.text);
}

static void our_encode(bench *b, item *it)
{
    df__buf_clear(&b->out);
    if (df__avro_encode(b->schema, &it->root, &b->out, &b->error) != DF_OK)
        die("encode", b->error.text);
}

static void their_decode(bench *b, item *it, avro_value_t *into)
{
    avro_reader_memory_set_source(b->reader, it->body.data, (int64_t)it->body.len);
    avro_value_reset(into);
    if (avro_value_read(b->reader, into))
        die("avro-c reads", avro_strerror());
}

static void their_encode(bench *b, item *it)
{
    avro_writer_reset(b->writer);
    if (avro_value_write(b->writer, &it->value))
        die("avro-c writes", avro_strerror());
}

/* ---- bodies, and that both agree about them -------------------------------------------------- */

static void check(bench *b, item *it)
{
    our_decode(b, it, &b->arena);
    if (df_record_root(&it->r, &it->root) != DF_OK || avro_generic_value_new(b->iface, &it->value))
        die("value", "no memory");
    our_encode(b, it);
    if (b->out.len != it->body.len || memcmp(b->out.data, it->body.data, b->out.len) != 0)
        die("encode", "other bytes than were decoded");
    their_decode(b, it, &it->value);
    their_encode(b, it);
    if ((size_t)avro_writer_tell(b->writer) != it->body.len ||
        memcmp(b->room, it->body.data, it->body.len) != 0)
        die("avro-c", "other bytes than ours");
}

static void add_line(bench *b, const char *line, size_t len)
{
    item *it = &b->items[b->count++];
    df_record json = {.arena = &b->arena, .payload = {line, len}};
    df_value v;
    if (df_record_root(&json, &v) != DF_OK)
        die("input", "no JSON");
    df__buf_clear(&b->out);
    if (df__avro_encode(b->schema, &v, &b->out, &b->error) != DF_OK)
        die("input", b->error.text);
    if (df__arena_copy(&b->arena, (df_bytes){b->out.data, b->out.len}, &it->body) != DF_OK)
        die("input", "no memory");
    check(b, it);
}

static void read_lines(bench *b)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    b->items = calloc(MOST, sizeof *b->items);
    while (b->count < MOST && (n = getline(&line, &cap, stdin)) > 0)
        add_line(b, line, (size_t)n - (line[n - 1] == '\n'));
    free(line);
}

/* ---- what is counted ------------------------------------------------------------------------- */

enum { PART = 256 }; /* records whose arena is emptied together, as those of a batch are */

static void ours_decode(bench *b)
{
    static df__arena a;
    if (!a.heap)
        df__arena_init(&a, &df__heap_libc, 4 << 20);
    for (size_t i = 0; i < b->count; i++) {
        item one = {.body = b->items[i].body};
        our_decode(b, &one, &a);
        if (i % PART == PART - 1)
            df__arena_reset(&a);
    }
    df__arena_reset(&a);
}

static void ours_encode(bench *b)
{
    for (size_t i = 0; i < b->count; i++)
        our_encode(b, &b->items[i]);
}

static void theirs_decode(bench *b)
{
    avro_value_t into;
    avro_generic_value_new(b->iface, &into);
    for (size_t i = 0; i < b->count; i++)
        their_decode(b, &b->items[i], &into);
    avro_value_decref(&into);
}

static void theirs_encode(bench *b)
{
    for (size_t i = 0; i < b->count; i++)
        their_encode(b, &b->items[i]);
}

static double cpu(void)
{
    struct rusage used;
    (void)getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *who, *what;
        void (*run)(bench *b);
    } jobs[] = {{"ours", "decode", ours_decode},
                {"ours", "encode", ours_encode},
                {"avro-c", "decode", theirs_decode},
                {"avro-c", "encode", theirs_encode}};
    static bench b;
    size_t bytes = 0;
    if (argc != 5)
        return 2;
    open_schema(&b, argv[1]);
    read_lines(&b);
    for (size_t i = 0; i < b.count; i++)
        bytes += b.items[i].body.len;
    for (size_t k = 0; k < sizeof jobs / sizeof *jobs; k++) {
        long rounds = strtol(argv[4], NULL, 10);
        double begin = cpu();
        if (strcmp(jobs[k].who, argv[2]) != 0 || strcmp(jobs[k].what, argv[3]) != 0)
            continue;
        for (long i = 0; i < rounds; i++)
            jobs[k].run(&b);
        printf("{\"records\":%zu,\"bytes\":%zu,\"cpu\":%.6f}\n", b.count, bytes, cpu() - begin);
        return 0;
    }
    return 2;
}
