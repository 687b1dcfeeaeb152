/* SPDX-License-Identifier: Apache-2.0
 * test_avro_schema.c: schema texts that are taken, and those that are not, with the place. */
#include "support/avro_help.h"

static void taken(void **state)
{
    static const char *const texts[] = {
        "\"int\"",
        "{\"type\":\"string\",\"logicalType\":\"uuid\"}",
        "[\"null\",\"long\"]",
        "{\"type\":{\"type\":\"array\",\"items\":\"int\"}}",
        "{\"type\":\"record\",\"name\":\"Node\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\","
        "\"Node\"],\"default\":null}]}",
        "{\"type\":\"record\",\"name\":\"a.b.R\",\"fields\":[{\"name\":\"x\",\"type\":{\"type\":"
        "\"fixed\",\"name\":\"F\",\"size\":2}},{\"name\":\"y\",\"type\":\"F\"},{\"name\":\"z\","
        "\"type\":\"a.b.F\"}]}",
        /* a type without a namespace is seen from inside of one */
        "[{\"type\":\"fixed\",\"name\":\"F\",\"size\":2},{\"type\":\"record\",\"name\":\"n.R\","
        "\"fields\":[{\"name\":\"f\",\"type\":\"F\"}]}]",
        /* the same short name in two namespaces */
        "[{\"type\":\"fixed\",\"name\":\"a.F\",\"size\":2},{\"type\":\"fixed\",\"name\":\"b.F\","
        "\"size\":2}]",
        "{\"type\":\"error\",\"name\":\"E\",\"fields\":[]}",
        /* a logical type that does not fit is none */
        "{\"type\":\"string\",\"logicalType\":\"date\"}",
        "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":2,\"scale\":3}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":"
        "\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"b\",\"type\":\"int\",\"default\":7}]},"
        "\"default\":{}},{\"name\":\"u\",\"type\":[\"int\",\"null\"],\"default\":null}]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        df_avro_schema_free(schema_of(texts[i]));
}

static void refused(void **state)
{
    static const char *const cases[][2] = {
        {"{", "at $: not JSON"},
        {"\"foo\"", "at $: no type is named \"foo\""},
        {"\"array\"", "needs an object"},
        {"17", "a type is a string"},
        {"{\"type\":\"array\"}", "an array needs \"items\""},
        {"{\"type\":\"array\",\"items\":\"foo\"}", "at $.items: no type"},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
         "{\"name\":\"b\",\"type\":[\"null\",\"S\"]}]}",
         "at $.fields[1].type[1]: no type is named \"S\""},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
         "{\"name\":\"a\",\"type\":\"int\"}]}",
         "at $.fields[1]: a field of that name is there twice"},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\","
         "\"default\":\"x\"}]}",
         "at $.fields[0].default: is no int"},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\","
         "\"default\":2147483648}]}",
         "is no int"},
        {"{\"type\":\"record\",\"fields\":[]}", "needs a \"name\""},
        {"{\"type\":\"record\",\"name\":\"R\"}", "at $.fields: a record needs a list"},
        {"{\"type\":\"record\",\"name\":\"1R\",\"fields\":[]}", "at $.name: is no name"},
        {"{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"a..b\",\"fields\":[]}", "is no name"},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"type\":\"int\"}]}",
         "at $.fields[0]: a field needs a \"name\""},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\"}]}",
         "a field needs a \"type\""},
        {"[\"int\",[\"null\"]]", "at $[1]: a union cannot hold a union"},
        {"[\"int\",\"int\"]", "the union has \"int\" twice"},
        {"[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},{\"type\":\"fixed\",\"name\":\"F\","
         "\"size\":1}]",
         "at $[1].name: \"F\" is defined twice"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}",
         "at $.symbols[1]: the symbol is there twice"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"B\"}",
         "at $.default: is none of the symbols"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}", "at $.size: has to be a whole number"},
        {"{\"type\":\"fixed\",\"name\":\"F\"}", "needs a \"size\""},
        /* a name is seen in its own namespace only */
        {"[{\"type\":\"fixed\",\"name\":\"a.F\",\"size\":1},{\"type\":\"record\",\"name\":\"b.R\","
         "\"fields\":[{\"name\":\"f\",\"type\":\"F\"}]}]",
         "at $[1].fields[0].type: no type is named \"F\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_bad_schema(cases[i][0], cases[i][1]);
}

static void deep_and_large(void **state)
{
    enum { DEEP = 5000 };
    df__buf b;
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    for (int i = 0; i < DEEP; i++)
        df__buf_str(&b, "{\"type\":\"array\",\"items\":");
    df__buf_str(&b, "\"int\"");
    for (int i = 0; i < DEEP; i++)
        df__buf_char(&b, '}');
    assert_bad_schema(df__buf_cstr(&b), "nested more than 100 deep");
    df__buf_clear(&b);
    df__buf_char(&b, '[');
    for (int i = 0; i < 5000; i++)
        df__buf_printf(&b, "%s\"int\"", i ? "," : "");
    df__buf_char(&b, ']');
    assert_bad_schema(df__buf_cstr(&b), "a union of more than 4096 types");
    df__buf_free(&b);
}

/* A -> B and C, both -> D: D is one type, whoever names it. */
static void references(void **state)
{
    static const char d[] = "{\"type\":\"fixed\",\"name\":\"n.D\",\"size\":1}";
    static const char b[] =
        "{\"type\":\"record\",\"name\":\"n.B\",\"fields\":[{\"name\":\"d\",\"type\":\"D\"}]}";
    static const char c[] =
        "{\"type\":\"record\",\"name\":\"m.C\",\"fields\":[{\"name\":\"d\",\"type\":\"n.D\"}]}";
    df_avro_schema *parts[5] = {schema_of(d)}, *again = schema_of(d);
    const char *const texts[] = {b, c};
    df__avro_error error = {""};
    df__avro_source from;
    (void)state;
    for (int i = 0; i < 2; i++) {
        from = (df__avro_source){bytes_of(texts[i]), (const df_avro_schema *const *)parts, 1};
        assert_int_equal(df__avro_parse(&df__heap_libc, &from, &parts[1 + i], &error), DF_OK);
    }
    /* a root that is only a union of references */
    from = (df__avro_source){bytes_of("[\"null\",\"n.B\",\"m.C\",\"n.D\"]"),
                             (const df_avro_schema *const *)parts + 1, 2};
    assert_int_equal(df__avro_parse(&df__heap_libc, &from, &parts[3], &error), DF_OK);
    from.text = bytes_of("\"m.E\"");
    assert_int_equal(df__avro_parse(&df__heap_libc, &from, &parts[4], &error), DF_ESPEC);
    parts[4] = NULL;
    /* two texts that define the same name */
    const df_avro_schema *both[] = {parts[1], again};
    from = (df__avro_source){bytes_of("\"n.B\""), both, 2};
    assert_int_equal(df__avro_parse(&df__heap_libc, &from, &parts[4], &error), DF_ESPEC);
    assert_non_null(strstr(error.text, "two of the references define \"n.D\""));
    df_avro_schema_free(again);
    for (int i = 0; i < 4; i++) /* in any order: who refers holds */
        df_avro_schema_free(parts[i]);
}

static int scenario(const df__heap *heap)
{
    static const char text[] =
        "{\"type\":\"record\",\"name\":\"a.R\",\"aliases\":[\"Q\"],\"fields\":[{\"name\":\"x\","
        "\"type\":[\"null\",\"R\"],\"default\":null},{\"name\":\"e\",\"type\":{\"type\":\"enum\","
        "\"name\":\"E\",\"symbols\":[\"A\"]},\"default\":\"A\"},{\"name\":\"b\",\"type\":\"bytes\","
        "\"default\":\"\\u00ff\"}]}";
    df__avro_source from = {{text, sizeof text - 1}, NULL, 0};
    df__avro_error error;
    df_avro_schema *s = NULL;
    df_avro_program *p = NULL;
    int rc = df__avro_parse(heap, &from, &s, &error);
    df__avro_plan plan = {s, NULL, DF_AVRO_WRAP};
    if (rc == DF_OK)
        rc = df__avro_compile(heap, &plan, &p, &error);
    df_avro_program_free(p);
    df_avro_schema_free(s);
    return rc;
}

static void without_memory(void **state)
{
    (void)state;
    each_failure(scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken),          cmocka_unit_test(refused),
        cmocka_unit_test(deep_and_large), cmocka_unit_test(references),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
