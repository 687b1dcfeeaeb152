/* SPDX-License-Identifier: Apache-2.0
 * The first byte picks an option type and a mode, the rest is its value: no crash, a refusal has a
 * problem, and a value that was taken is taken again when it is written back. */
#include <stdlib.h>
#include <string.h>

#include "core/graph/option_types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef union member {
    df_bytes text;
    df_list list;
    int64_t number;
    double real;
    int word;
    void *pointer;
} member;

typedef struct inner {
    df_bytes a;
    int64_t b;
} inner;

static const df_option inner_rows[] = {
    {"a", DF_OPT_TEXT, 0, DF_OPT_REQUIRED | DF_OPT_REF, offsetof(inner, a), NULL, "A.", NULL, 0, 0,
     NULL},
    {"b", DF_OPT_SIZE, 0, 0, offsetof(inner, b), "1k", "B.", NULL, 1, 0, NULL},
};
static const df_options inner_options = DF_OPTIONS(inner_rows, inner);
static const char *const choices[] = {"one", "two", "THREE", NULL};

static const struct {
    int type, of;
    unsigned flags;
} kinds[] = {
    {DF_OPT_TEXT, 0, DF_OPT_REF},
    {DF_OPT_TEXT, DF_OPT_TEXT, 0},
    {DF_OPT_TEXT, 0, DF_OPT_LITERAL},
    {DF_OPT_SECRET, 0, 0},
    {DF_OPT_BOOL, 0, 0},
    {DF_OPT_INT, 0, 0},
    {DF_OPT_DOUBLE, 0, 0},
    {DF_OPT_SIZE, 0, 0},
    {DF_OPT_DURATION, 0, 0},
    {DF_OPT_ENUM, 0, 0},
    {DF_OPT_PATH, 0, 0},
    {DF_OPT_CONDITION, 0, 0},
    {DF_OPT_LIST, DF_OPT_TEXT, DF_OPT_REF},
    {DF_OPT_LIST, DF_OPT_PATH, 0},
    {DF_OPT_LIST, DF_OPT_CONDITION, 0},
    {DF_OPT_LIST, DF_OPT_BLOCK, 0},
    {DF_OPT_MAP, 0, 0},
    {DF_OPT_BLOCK, 0, 0},
    {DF_OPT_ANY, 0, 0},
};

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static int answer(void *user, const df_ref *ref, df_answer *a)
{
    (void)user;
    return df_answer_set(a, ref->name, strlen(ref->name));
}

static void fill(const df_options *table, df__fill *f, const df__doc *n)
{
    member m;
    int rc;
    memset(&m, 0, sizeof m);
    rc = df__options_fill(f, table, n, &m);
    must(rc == DF_OK || rc == DF_ESPEC);
    must(rc == DF_OK || df__problems_count(f->graph->problems, DF_ERROR) > 0);
    df__options_release(f->arena->heap, table, &m);
}

static void fill_document(const df_options *table, enum df__fill_mode mode, const char *text,
                          size_t len)
{
    df__graph g;
    df__fill f;
    df_text in = {sizeof in, "f.yaml", text, len};
    const df__doc *n;
    memset(&g, 0, sizeof g);
    memset(&f, 0, sizeof f);
    g.problems = df__problems_new(&df__heap_libc);
    g.secrets = df__secrets_new(&df__heap_libc, answer, NULL);
    df__arena_init(&g.arena, &df__heap_libc, 4096);
    n = df__doc_parse(&g.arena, &in, g.problems);
    f.graph = &g;
    f.arena = &g.arena;
    f.secrets = g.secrets;
    f.mode = mode;
    if (n)
        fill(table, &f, n);
    df__arena_free(&g.arena);
    df__secrets_free(g.secrets);
    df__problems_free(g.problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    df_option row = {"v", 0, 0, 0, 0, NULL, "V.", choices, 0, 0, &inner_options};
    df_options table = {sizeof table, sizeof row, 1, &row, sizeof(member)};
    size_t kind, prefix = 3;
    char *text;
    if (size < 1)
        return 0;
    kind = (data[0] & 0x3f) % (sizeof kinds / sizeof kinds[0]);
    row.type = kinds[kind].type;
    row.of = kinds[kind].of;
    row.flags = kinds[kind].flags;
    must(df__options_validate(&table, sizeof(member)) == NULL);
    text = malloc(size + prefix);
    must(text != NULL);
    memcpy(text, "v: ", prefix);
    memcpy(text + prefix, data + 1, size - 1);
    fill_document(&table, data[0] & 0x40 ? DF__FILL_RUN : DF__FILL_CHECK, text, size - 1 + prefix);
    free(text);
    return 0;
}
