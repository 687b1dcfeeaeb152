/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a YAML manifest: no crash; a refusal has a problem and a success has none; spans lie
 * in the text; what the layout rewrite writes is stable and loads like the original. */
#include <stdlib.h>
#include <string.h>

#include "spec/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static int keep(void *user, const char *text, size_t len)
{
    df__buf_add(user, text, len);
    return DF_OK;
}

static void check_spans(const df__doc *n, size_t begin, size_t end)
{
    const df__doc *child;
    must(n->begin <= n->end && n->line > 0 && n->column > 0);
    if (!n->alias)
        must(n->begin >= begin && n->end <= end);
    for (child = n->alias ? NULL : n->first; child; child = child->next)
        check_spans(child, n->begin, end);
}

static void check_tree(const df_text *in)
{
    df__arena a;
    df__problems *p = df__problems_new(&df__heap_libc);
    const df__doc *n;
    df__arena_init(&a, &df__heap_libc, 4096);
    n = df__doc_parse(&a, in, p);
    must(n != NULL || df__problems_count(p, DF_ERROR) > 0);
    if (n)
        check_spans(n, 0, in->len);
    df__arena_free(&a);
    df__problems_free(p);
}

static int load(df_env *env, const df_text *in)
{
    df__graph g;
    int rc;
    memset(&g, 0, sizeof g);
    g.env = env;
    g.problems = df__problems_new(&df__heap_libc);
    g.secrets = df__secrets_new(&df__heap_libc, NULL, NULL);
    df__arena_init(&g.arena, &df__heap_libc, 4096);
    rc = df__spec_load(&g, in);
    must(rc == DF_OK || rc == DF_ESPEC);
    must((rc == DF_ESPEC) == (df__problems_count(g.problems, DF_ERROR) > 0));
    df__graph_release(&g);
    df__arena_free(&g.arena);
    df__secrets_free(g.secrets);
    df__problems_free(g.problems);
    return rc;
}

static void check_format(df_env *env, const df_text *in, int loaded)
{
    df__buf once, twice;
    df__problems *p = df__problems_new(&df__heap_libc);
    df_text again = *in;
    df__buf_init(&once, &df__heap_libc);
    df__buf_init(&twice, &df__heap_libc);
    if (df__spec_format(&df__heap_libc, in, p, keep, &once) == DF_OK) {
        again.text = once.data ? once.data : "";
        again.len = once.len;
        must(df__spec_format(&df__heap_libc, &again, p, keep, &twice) == DF_OK);
        must(once.len == twice.len && (!once.len || !memcmp(once.data, twice.data, once.len)));
        must(load(env, &again) == loaded);
    } else {
        must(loaded != DF_OK);
    }
    df__buf_free(&once);
    df__buf_free(&twice);
    df__problems_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static df_env *env;
    df_text in = {sizeof in, "f.yaml", NULL, size};
    char *copy = malloc(size + 1);
    if (!env)
        env = df_env_new(NULL);
    must(copy && env);
    memcpy(copy, data, size);
    copy[size] = '\0';
    in.text = copy;
    check_tree(&in);
    check_format(env, &in, load(env, &in));
    free(copy);
    return 0;
}
