/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as JSON: no crash, places inside the text; what was read, written as JSON, reads back
 * to the same text; and the record's parser, another program, agrees on what JSON is. */
#include <stdlib.h>
#include <string.h>

#include "record/record.h"
#include "document/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static void check_spans(const df__doc *n, size_t begin, size_t end)
{
    const df__doc *child;
    must(n->begin >= begin && n->end <= end && n->begin < n->end && n->line > 0 && n->column > 0);
    for (child = n->first; child; child = child->next)
        check_spans(child, n->begin, n->end);
}

static const df__doc *parse(df__arena *a, df__problems *p, const char *text, size_t len)
{
    df_text in = {sizeof in, "f.json", text, len};
    return df__doc_parse(a, &in, p);
}

static void check_again(df__arena *a, df__problems *p, const df__doc *n)
{
    df__buf once, twice;
    const df__doc *again;
    df__buf_init(&once, &df__heap_libc);
    df__buf_init(&twice, &df__heap_libc);
    df__doc_json(n, &once);
    again = parse(a, p, once.data, once.len);
    must(again != NULL);
    df__doc_json(again, &twice);
    must(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    df__buf_free(&once);
    df__buf_free(&twice);
}

/* Ours is narrower in one thing only: depth. */
static void check_other_parser(df__arena *a, df__problems *p, df_bytes text, int ours)
{
    df__tree *t;
    char err[256];
    df_problem first = {.size = sizeof first};
    int theirs = df__tree_parse(a, text, &t, err, sizeof err) == DF_OK;
    if (ours == theirs)
        return;
    must(theirs && df__problem_at(p, 0, &first) == DF_OK);
    must(strstr(first.text, "256 levels") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    df__arena a;
    df__problems *p = df__problems_new(&df__heap_libc);
    char *copy = malloc(size + 1);
    const df__doc *n;
    df_bytes text = {copy, size};
    must(copy && p);
    memcpy(copy, data, size);
    copy[size] = '\0';
    df__arena_init(&a, &df__heap_libc, 4096);
    n = parse(&a, p, copy, size);
    must(n != NULL || df__problems_count(p, DF_ERROR) > 0);
    if (n)
        check_spans(n, 0, size);
    if (!(size >= 3 && memcmp(copy, "\xef\xbb\xbf", 3) == 0))
        check_other_parser(&a, p, text, n != NULL);
    if (n)
        check_again(&a, p, n);
    df__arena_free(&a);
    df__problems_free(p);
    free(copy);
    return 0;
}
