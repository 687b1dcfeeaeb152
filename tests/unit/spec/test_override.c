/* SPDX-License-Identifier: Apache-2.0
 * test_override.c: values put into a document by their paths: what the stages get then, and what
 * is told of an override that cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/spec_bench.h"

static const char manifest[] = "apiVersion: dataflow.dataflow.io/v1\n"
                               "kind: DataFlow\n"
                               "metadata: {name: orders}\n"
                               "spec:\n"
                               "  source: {type: well, config: &c {topic: a}}\n"
                               "  transformations:\n"
                               "    - {type: erase, config: {fields: [x, w]}}\n"
                               "  sink: {type: tank, tank: {table: t}}\n"
                               "  errors: {type: tank, config: {table: e, any: *c}}\n";
static const char bare[] = "source: {type: well, config: {topic: a}}\n"
                           "sink: {type: tank, config: {table: t}}\n";

/* "NAME=CONFIG" of each stage, or "FILE:LINE FIELD: TEXT" of each problem, one a line. */
static void load(const char *text, const char *const *set, char *out, size_t len)
{
    df_problem p = {.size = sizeof p};
    size_t n = 0;
    bench b;
    bench_open(&b, 0);
    b.g.set = set;
    out[0] = '\0';
    (void)bench_load(&b, text, strlen(text), "flow.yaml");
    for (size_t i = 0; df__problem_at(b.g.problems, i, &p) == DF_OK; i++)
        n += df__text_printf(out + n, len - n, "%s:%d %s: %s\n", p.file, p.line, p.field, p.text);
    for (const df__stage_spec *s = b.g.stages; !n && s; s = s->next) {
        df__buf json;
        df__buf_init(&json, &df__heap_libc);
        if (s->config)
            df__doc_json(s->config, &json);
        df__text_printf(out + strlen(out), len - strlen(out), "%s=%s\n", s->name,
                        s->config ? df__buf_cstr(&json) : "");
        df__buf_free(&json);
    }
    bench_close(&b);
}

typedef struct row {
    const char *text, *set[4], *want;
} row;

static void check(const row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char got[4096];
        load(rows[i].text, rows[i].set, got, sizeof got);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("%s:\nexpected:\n%s\ngot:\n%s", rows[i].set[0], rows[i].want, got);
    }
}

static void values_take_their_places(void **state)
{
    static const row rows[] = {
        {bare, {"sink.config.table=u"}, "source={\"topic\":\"a\"}\nsink={\"table\":\"u\"}\n"},
        {bare,
         {"spec.sink.config.table=a=b"},
         "source={\"topic\":\"a\"}\nsink={\"table\":\"a=b\"}\n"},
        /* by either layout, and what an alias shares stays */
        {manifest,
         {"source.config.topic=b", "spec.sink.config.table=!$.x: [y"},
         "source={\"topic\":\"b\"}\n0 erase={\"fields\":[\"x\",\"w\"]}\nsink={\"table\":\"!$.x: "
         "[y\"}\n"
         "errors={\"table\":\"e\",\"any\":{\"topic\":\"a\"}}\n"},
        {bare, {"sink.tank.table=u"}, "source={\"topic\":\"a\"}\nsink={\"table\":\"u\"}\n"},
        {manifest,
         {"transformations[0].config.fields[1]=z", "transformations[0].config.fields[2]=7"},
         "source={\"topic\":\"a\"}\n0 erase={\"fields\":[\"x\",\"z\",7]}\nsink={\"table\":\"t\"}\n"
         "errors={\"table\":\"e\",\"any\":{\"topic\":\"a\"}}\n"},
        /* what is missing is made */
        {bare,
         {"transformations[0]={type: erase, config: {fields: [q]}}", "sink.config.batchSize=5",
          "sink.config.properties[\"a.b=c\"]=x"},
         "source={\"topic\":\"a\"}\n0 erase={\"fields\":[\"q\"]}\n"
         "sink={\"table\":\"t\",\"batchSize\":5,\"properties\":{\"a.b=c\":\"x\"}}\n"},
        {bare, {"sink.config={table: w}"}, "source={\"topic\":\"a\"}\nsink={\"table\":\"w\"}\n"},
        {bare, {"sink.config.table='5'"}, "source={\"topic\":\"a\"}\nsink={\"table\":\"5\"}\n"},
    };
    (void)state;
    check(rows, sizeof rows / sizeof rows[0]);
}

static void problems_name_the_override(void **state)
{
    static const row rows[] = {
        {bare,
         {"sink.config.batchSize=many"},
         "--set sink.config.batchSize:0 spec.sink.config.batchSize: expects a whole number, got "
         "\"many\"\n"},
        {bare,
         {"sink.config.tabel=x"},
         "--set sink.config.tabel:0 spec.sink.config.tabel: unknown field \"tabel\"\n"},
        {bare,
         {"transformations[1].type=erase"},
         "--set transformations[1].type:0 : there is no item 1: the list has 0\n"},
        {manifest,
         {"transformations.erase.fields=x"},
         "--set transformations.erase.fields:0 : \"erase\" would be in a list: write [0] for an "
         "item\n"},
        {bare, {"sink.type.x=1"}, "--set sink.type.x:0 : nothing can be set inside \"tank\"\n"},
        {bare, {"sink"}, "--set sink:0 : expects PATH=VALUE, such as sink.config.table=orders\n"},
        {bare, {"=x"}, "--set :0 : expects PATH=VALUE, such as sink.config.table=orders\n"},
        {bare, {"sink..config=x"}, "--set sink..config:0 : the path has an empty name\n"},
        {bare,
         {"sink[a]=x"},
         "--set sink[a]:0 : write [0] for an item, [\"a.b\"] for a name with dots\n"},
        {bare, {"sink.config.table=\xff\xfe"}, "--set sink.config.table:0 : not UTF-8\n"},
        {bare,
         {"sink.config={table: t,\n\n  tabel: x}"},
         "--set sink.config:0 spec.sink.config.tabel: unknown field \"tabel\"\n"},
        {bare, {"sink['a'x=y"}, "--set sink['a'x:0 : the path has a [ without its ]\n"},
        {bare, {"sink.config={table: [}"}, "--set sink.config:0 : YAML: a value is missing here\n"},
        {manifest,
         {"metadata.name={a: b}"},
         "--set metadata.name:0 metadata.name: expects a name "
         "of 1 to 253 characters\n"},
    };
    (void)state;
    check(rows, sizeof rows / sizeof rows[0]);
}

/* Hostile paths end in a problem or a tree, whatever they are. */
static void any_text_has_an_end(void **state)
{
    static const char letters[] = "a.[]0'\"=spec{}";
    char text[40], out[4096];
    unsigned seed = 7;
    (void)state;
    for (int round = 0; round < 2000; round++) {
        const char *set[2] = {text, NULL};
        size_t len = (unsigned)round % 38;
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1103515245u + 12345u;
            text[i] = letters[(seed >> 16) % (sizeof letters - 1)];
        }
        text[len] = '\0';
        load(round & 1 ? bare : manifest, set, out, sizeof out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_take_their_places),
        cmocka_unit_test(problems_name_the_override),
        cmocka_unit_test(any_text_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
