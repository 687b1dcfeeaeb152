/* SPDX-License-Identifier: Apache-2.0
 * filter.c: one line in, one line out, for tests/avro/judge. Fields are parted by tabs:
 *   D <writer> <reader or nothing> <flags> <hex>   decode: JSON
 *   E <schema> <JSON>                              encode: hex
 *   R <writer> <reader or nothing> <hex>           decode with wrappers, encode: hex
 * "!" and a text: refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/avro/avro.h"

typedef struct job {
    df__arena arena;
    df_record r;
    df_avro_schema *writer, *reader;
    df_avro_program *program;
    df__avro_error error;
} job;

static df_bytes bytes_of(const char *s)
{
    return (df_bytes){s, strlen(s)};
}

static df_avro_schema *schema(job *j, const char *text)
{
    df__avro_source from = {bytes_of(text), NULL, 0};
    df_avro_schema *s = NULL;
    (void)df__avro_parse(&df__heap_libc, &from, &s, &j->error);
    return s;
}

/* In place. */
static df_bytes unhex(char *text)
{
    size_t n = 0;
    for (char *p = text; p[0] && p[1]; p += 2) {
        char two[3] = {p[0], p[1], '\0'};
        text[n++] = (char)strtoul(two, NULL, 16);
    }
    return (df_bytes){text, n};
}

static int decode(job *j, unsigned flags, char *hex)
{
    df__avro_plan plan = {j->writer, j->reader, flags};
    if (df__avro_compile(&df__heap_libc, &plan, &j->program, &j->error) != DF_OK)
        return 0;
    return df__avro_decode(j->program, &j->r, unhex(hex), &j->error) == DF_OK;
}

static int put_json(job *j)
{
    df_bytes text;
    if (df_record_payload(&j->r, &text) != DF_OK)
        return 0;
    printf("%.*s\n", (int)text.len, (const char *)text.data);
    return 1;
}

static int put_encoded(job *j)
{
    df_value v;
    df__buf b;
    int rc;
    if (df_record_root(&j->r, &v) != DF_OK)
        return 0;
    df__buf_init(&b, &df__heap_libc);
    rc = df__avro_encode(j->reader ? j->reader : j->writer, &v, &b, &j->error);
    for (size_t i = 0; rc == DF_OK && i < b.len; i++)
        printf("%02x", (unsigned char)b.data[i]);
    if (rc == DF_OK)
        putchar('\n');
    df__buf_free(&b);
    return rc == DF_OK;
}

static int work(job *j, char **field, int count)
{
    j->writer = count > 1 ? schema(j, field[1]) : NULL;
    if (!j->writer)
        return 0;
    if (field[0][0] == 'E' && count == 3) {
        j->r.payload = bytes_of(field[2]);
        return put_encoded(j);
    }
    if (count < 4)
        return 0;
    j->reader = field[2][0] ? schema(j, field[2]) : NULL;
    if (field[2][0] && !j->reader)
        return 0;
    if (field[0][0] == 'D' && count == 5)
        return decode(j, (unsigned)strtoul(field[3], NULL, 10), field[4]) && put_json(j);
    return field[0][0] == 'R' && decode(j, DF_AVRO_WRAP, field[3]) && put_encoded(j);
}

static void one_line(char *line)
{
    char *field[5] = {line};
    int count = 1;
    job j;
    memset(&j, 0, sizeof j);
    df__arena_init(&j.arena, &df__heap_libc, 4096);
    j.r.arena = &j.arena;
    for (char *p = line; *p; p++)
        if (*p == '\t' && count < 5) {
            *p = '\0';
            field[count++] = p + 1;
        }
    if (!work(&j, field, count))
        printf("!%s\n", j.error.text);
    df_avro_program_free(j.program);
    df_avro_schema_free(j.writer);
    df_avro_schema_free(j.reader);
    df__arena_free(&j.arena);
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    while ((n = getline(&line, &cap, stdin)) > 0) {
        if (line[n - 1] == '\n')
            line[n - 1] = '\0';
        one_line(line);
    }
    free(line);
    return 0;
}
