/* SPDX-License-Identifier: Apache-2.0
 * Records of any bytes as `dfproc preview` saw them: each line of --json is JSON with the same
 * headers, and the text changes no terminal. The bytes are fields with a length before each. */
#include <stdlib.h>
#include <string.h>

#include "dfproc/preview.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct input {
    const uint8_t *at, *end;
} input;

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static char *field(input *in, size_t *ret_len)
{
    size_t len = in->at < in->end ? *in->at++ : 255;
    char *copy;
    *ret_len = 0;
    if (len == 255) /* none */
        return NULL;
    if (len > (size_t)(in->end - in->at))
        len = (size_t)(in->end - in->at);
    copy = malloc(len + 1);
    must(copy != NULL);
    memcpy(copy, in->at, len);
    copy[len] = 0;
    in->at += len;
    *ret_len = len;
    return copy;
}

static void add_header(dfproc_seen *row, input *in)
{
    dfproc_seen_header *h;
    must(df__grow(&df__heap_libc, &row->headers, &row->header_cap, row->header_count, sizeof *h) ==
         DF_OK);
    h = &row->headers[row->header_count++];
    h->name = field(in, &h->name_len);
    h->value = field(in, &h->value_len);
    if (!h->name)
        h->name = calloc(1, 1);
    must(h->name != NULL);
}

static void add_row(dfproc_watch *w, input *in)
{
    dfproc_seen *row;
    unsigned headers = in->at < in->end ? *in->at++ & 7 : 0;
    must(df__grow(&df__heap_libc, &w->rows, &w->cap, w->count, sizeof *row) == DF_OK);
    row = &w->rows[w->count++];
    memset(row, 0, sizeof *row);
    row->offset = in->at < in->end ? (int64_t)(*in->at++ % 5) - 1 : -1;
    row->payload = field(in, &row->payload_len);
    row->key = field(in, &row->key_len);
    while (headers--)
        add_header(row, in);
}

static void check_json(char *text, const dfproc_watch *source)
{
    char err[200], *line = text;
    size_t i = 0;
    for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1, i++) {
        yyjson_doc *doc = app_json_read(line, (size_t)(end - line), err, sizeof err);
        yyjson_val *stage =
            yyjson_arr_get_first(yyjson_obj_get(yyjson_doc_get_root(doc), "stages"));
        yyjson_val *row = yyjson_arr_get_first(yyjson_obj_get(stage, "out"));
        must(doc != NULL && i < source->count);
        must(yyjson_arr_size(yyjson_obj_get(row, "headers")) == source->rows[i].header_count);
        yyjson_doc_free(doc);
    }
    must(i == source->count);
}

static void check_text(const char *text)
{
    for (; *text; text++)
        must((unsigned char)*text >= 0x20 ? *text != 0x7f : *text == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const roles[] = {"source", "transform", "sink", "error_sink"};
    input in = {data, data + size};
    dfproc_capture c = {.count = 4};
    c.watches = calloc(c.count, sizeof *c.watches);
    must(c.watches != NULL);
    for (size_t i = 0; i < c.count; i++) {
        df__text_set(c.watches[i].stage, sizeof c.watches[i].stage, roles[i], strlen(roles[i]));
        df__text_set(c.watches[i].role, sizeof c.watches[i].role, roles[i], strlen(roles[i]));
    }
    while (in.at < in.end)
        add_row(&c.watches[*in.at++ % 4], &in);
    for (int json = 0; json < 2; json++) {
        dfproc_preview_how how = {json, 0, size & 1};
        df__buf out;
        df__buf_init(&out, &df__heap_libc);
        dfproc_preview_show(&out, &c, &how);
        must(df__buf_cstr(&out) != NULL && strlen(out.data) == out.len);
        if (json)
            check_json(out.data, &c.watches[0]);
        else
            check_text(out.data);
        df__buf_free(&out);
    }
    dfproc_capture_free(&c);
    return 0;
}
