/* SPDX-License-Identifier: Apache-2.0
 * A file of cases, as YAML or JSON: it is checked, its payloads are made, and as a manifest it is
 * detached from its servers, without a crash and without a text that nobody asked for. */
#include <stdlib.h>
#include <string.h>

#include "dfproc/cases.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static yyjson_doc *read_text(const char *text, size_t len)
{
    char err[300] = "";
    yyjson_doc *doc = *text == '{' || *text == '[' ? app_json_read(text, len, err, sizeof err)
                                                   : app_yaml_read(text, len, err, sizeof err);
    must(doc != NULL || err[0]);
    return doc;
}

static void make_payloads(yyjson_val *cases)
{
    yyjson_val *one, *row, *name, *value;
    size_t i, n, k, m, j, l;
    yyjson_arr_foreach (cases, i, n, one)
        yyjson_arr_foreach (yyjson_obj_get(one, "input"), k, m, row)
            yyjson_obj_foreach (row, j, l, name, value) {
                df__buf text;
                df__buf_init(&text, &df__heap_libc);
                (void)dfproc_cases_payload(value, &text);
                (void)dfproc_cases_exact(value);
                df__buf_free(&text);
            }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static app_console silent;
    dfproc_suite s = {.file = "f"};
    df__buf text, detached;
    char err[500];
    silent.json = 1; /* level 0: no message */
    dfproc_messages(&silent);
    df__buf_init(&text, &df__heap_libc);
    df__buf_init(&detached, &df__heap_libc);
    df__buf_add(&text, data, size);
    must(df__buf_cstr(&text) != NULL);
    s.doc = read_text(text.data, text.len);
    if (s.doc) {
        (void)dfproc_cases_check(&s, 0);
        (void)dfproc_cases_check(&s, 1);
        make_payloads(yyjson_obj_get(yyjson_doc_get_root(s.doc), "cases"));
        yyjson_doc_free(dfproc_vectors_of_list(s.doc));
    }
    (void)dfproc_cases_detach(&text, &detached, err, sizeof err);
    yyjson_doc_free(s.doc);
    df__buf_free(&text);
    df__buf_free(&detached);
    return 0;
}
