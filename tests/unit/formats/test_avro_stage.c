/* SPDX-License-Identifier: Apache-2.0
 * test_avro_stage.c: the codec as a connector calls it (dataflow_avro.h), and the schema that the
 * records have which it read. */
#include "core/stage/stage.h"
#include "support/avro_help.h"

#define REC(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define LOGICAL(type, logical) "{\"type\":\"" type "\",\"logicalType\":\"" logical "\"}"
#define ITEMS(type) "{\"type\":\"array\",\"items\":" type "}"
#define VALUES(type) "{\"type\":\"map\",\"values\":" type "}"

typedef struct bed {
    df_stage stage;
    df_avro *a;
    held h;
} bed;

static void bed_init(bed *b)
{
    memset(b, 0, sizeof *b);
    b->stage.heap = &df__heap_libc;
    b->a = df_avro_new(&b->stage);
    assert_non_null(b->a);
    held_init(&b->h, "original");
}

static void bed_free(bed *b)
{
    held_free(&b->h);
    df_avro_free(b->a);
}

static df_avro_schema *parse(bed *b, const char *text)
{
    df_avro_schema *s = NULL;
    if (df_avro_parse(b->a, bytes_of(text), NULL, 0, &s) != DF_OK)
        fail_msg("%s: %s", text, df_avro_error(b->a));
    return s;
}

static df_avro_program *compile(bed *b, const char *text, unsigned flags)
{
    df_avro_schema *s = parse(b, text);
    df_avro_program *p = NULL;
    if (df_avro_compile(b->a, s, NULL, flags, &p) != DF_OK)
        fail_msg("%s: %s", text, df_avro_error(b->a));
    df_avro_schema_free(s);
    return p;
}

static void there_and_back(void **state)
{
    static const char text[] =
        REC("shop.Order", FIELD("id", "\"long\"") "," FIELD("to", "\"string\""));
    unsigned char frame[DF_AVRO_FRAME];
    df_avro_schema *s;
    df_avro_program *p;
    df_bytes out, body, name;
    df_value v;
    uint32_t id;
    bed b;
    (void)state;
    bed_init(&b);
    s = parse(&b, text);
    p = compile(&b, text, 0);
    name = df_avro_schema_name(s);
    assert_int_equal(name.len, 10);
    assert_memory_equal(name.data, "shop.Order", 10);
    df_record_set_payload(&b.h.r, bytes_of("{\"id\":7,\"to\":\"me\"}"));
    assert_int_equal(df_record_root(&b.h.r, &v), DF_OK);
    df_avro_frame_write(258, frame);
    assert_int_equal(df_avro_encode(b.a, s, &v, (df_bytes){frame, sizeof frame}, &out), DF_OK);
    assert_int_equal(out.len, 9);
    assert_memory_equal(out.data, "\0\0\0\1\2\x0e\4me", 9);
    assert_int_equal(df_avro_frame_read(b.a, out, &id, &body), DF_OK);
    assert_int_equal(id, 258);
    df_record_set_payload(&b.h.r, body);
    df_record_payload(&b.h.r, &body);
    assert_int_equal(df_avro_decode(b.a, p, &b.h.r, body), DF_OK);
    assert_payload(&b.h.r, "{\"id\":7,\"to\":\"me\"}");
    df_avro_program_free(p);
    df_avro_schema_free(s);
    assert_non_null(
        df_schema_field(df_record_schema(&b.h.r), bytes_of("to"))); /* the record holds it */
    bed_free(&b);
}

static void value_apart(void **state)
{
    df_avro_program *p;
    df_value v;
    bed b;
    (void)state;
    bed_init(&b);
    p = compile(&b, "\"long\"", 0);
    assert_int_equal(df_avro_value(b.a, p, &b.h.r, bytes_of("\x0e"), &v), DF_OK);
    assert_int_equal(v.type, DF_V_INT);
    assert_int_equal(v.u.i, 7);
    assert_int_equal(df_avro_value(b.a, p, &b.h.r, bytes_of("\x0e\x0e"), &v), DF_EDATA);
    assert_payload(&b.h.r, "original");
    df_avro_program_free(p);
    bed_free(&b);
}

static void what_fails(void **state)
{
    static const char bad[] =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"S\"}]}";
    df_avro_schema *number, *text, *none = NULL;
    df_avro_program *p = NULL;
    df_value v = {.type = DF_V_BOOL};
    df_bytes out = {NULL, 0}, body;
    uint32_t id;
    bed b;
    (void)state;
    bed_init(&b);
    assert_string_equal(df_avro_error(b.a), "");
    assert_int_equal(df_avro_parse(b.a, bytes_of(bad), NULL, 0, &none), DF_ESPEC);
    assert_non_null(strstr(df_avro_error(b.a), "$.fields[0].type"));
    number = parse(&b, "\"long\"");
    text = parse(&b, "\"string\"");
    assert_null(df_avro_schema_name(text).data);
    assert_int_equal(df_avro_compile(b.a, number, text, 0, &p), DF_ESPEC);
    assert_non_null(strstr(df_avro_error(b.a), "cannot be read as string"));
    assert_int_equal(df_avro_encode(b.a, number, &v, (df_bytes){"", 0}, &out), DF_EDATA);
    assert_non_null(strstr(df_avro_error(b.a), "a boolean cannot be written as long"));
    assert_null(out.data);
    assert_int_equal(df_avro_frame_read(b.a, bytes_of("{}"), &id, &body), DF_EDATA);
    assert_non_null(strstr(df_avro_error(b.a), "looks like JSON"));
    df_avro_schema_free(df_avro_schema_hold(NULL));
    df_avro_program_free(p);
    df_avro_schema_free(number);
    df_avro_schema_free(text);
    bed_free(&b);
}

/* ---- columns --------------------------------------------------------------------------------- */

typedef struct column {
    const char *type;
    unsigned flags;
    df_field want;
} column;

static void assert_column(const column *c)
{
    char text[1000];
    df_schema *columns = NULL;
    const df_field *f;
    df_avro_program *p;
    size_t count;
    bed b;
    bed_init(&b);
    snprintf(text, sizeof text, REC("R", FIELD("c", "%s")), c->type);
    p = compile(&b, text, c->flags);
    columns = df_schema_hold(df_avro_columns(p));
    assert_non_null(columns);
    f = df_schema_fields(columns, &count);
    assert_int_equal(count, 1);
    assert_string_equal(f->name, "c");
    if (f->type != c->want.type || f->item != c->want.item || f->zone != c->want.zone ||
        f->precision != c->want.precision || f->scale != c->want.scale || f->flags != c->want.flags)
        fail_msg("%s, flags %u: type %d item %d zone %d precision %d scale %d flags %u", c->type,
                 c->flags, f->type, f->item, (int)f->zone, f->precision, f->scale, f->flags);
    df_schema_free(columns);
    df_avro_program_free(p);
    bed_free(&b);
}

#define SOLID .flags = DF_FIELD_NOT_NULL
#define NULLABLE(type) "[\"null\"," type "]"

static void columns(void **state)
{
    static const column cases[] = {
        {"\"boolean\"", 0, {.type = DF_V_BOOL, SOLID}},
        {"\"int\"", 0, {.type = DF_V_INT, SOLID}},
        {"\"float\"", 0, {.type = DF_V_DOUBLE, SOLID}},
        {"\"bytes\"", 0, {.type = DF_V_BYTES, SOLID}},
        {"\"null\"", 0, {.type = DF_V_ABSENT}},
        {NULLABLE("\"long\""), 0, {.type = DF_V_INT}},
        {"[\"long\",\"null\"]", 0, {.type = DF_V_INT}},
        {"[\"long\"]", 0, {.type = DF_V_INT, SOLID}},
        {"[\"long\",\"string\"]", 0, {.type = DF_V_ABSENT}},
        {"[\"long\",\"string\"]", DF_AVRO_WRAP, {.type = DF_V_OBJECT, SOLID}},
        {NULLABLE("\"long\""), DF_AVRO_WRAP, {.type = DF_V_OBJECT}},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", 0, {.type = DF_V_STRING, SOLID}},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", 0, {.type = DF_V_BYTES, SOLID}},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":16,\"logicalType\":\"uuid\"}",
         0,
         {.type = DF_V_STRING, SOLID}},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}",
         0,
         {.type = DF_V_NUMBER, .precision = 9, .scale = 2, SOLID}},
        {LOGICAL("int", "date"), 0, {.type = DF_V_DATE, SOLID}},
        {LOGICAL("long", "time-micros"), 0, {.type = DF_V_TIME, SOLID}},
        {NULLABLE(LOGICAL("long", "timestamp-millis")), 0, {.type = DF_V_TIMESTAMP}},
        {LOGICAL("long", "local-timestamp-micros"),
         0,
         {.type = DF_V_TIMESTAMP, .zone = DF_ZONE_NONE, SOLID}},
        {LOGICAL("long", "timestamp-nanos"), 0, {.type = DF_V_ABSENT, SOLID}},
        {ITEMS("\"long\""), 0, {.type = DF_V_ARRAY, .item = DF_V_INT, SOLID}},
        {ITEMS(NULLABLE("\"string\"")), 0, {.type = DF_V_ARRAY, .item = DF_V_STRING, SOLID}},
        {ITEMS("[\"int\",\"string\"]"), 0, {.type = DF_V_ARRAY, SOLID}},
        {ITEMS(ITEMS("\"int\"")), 0, {.type = DF_V_ARRAY, .item = DF_V_ARRAY, SOLID}},
        {VALUES("\"long\""), 0, {.type = DF_V_OBJECT, SOLID}},
        {VALUES(ITEMS("\"long\"")), DF_AVRO_COLLAPSE, {.type = DF_V_ABSENT, SOLID}},
        {REC("I", FIELD("x", "\"R\"")), 0, {.type = DF_V_OBJECT, SOLID}},
        {REC("I", FIELD("array", ITEMS("\"int\""))),
         DF_AVRO_COLLAPSE,
         {.type = DF_V_ARRAY, .item = DF_V_INT, SOLID}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_column(&cases[i]);
}

/* What is no object, or not always one, has no columns. */
static void no_columns(void **state)
{
    static const struct {
        const char *text;
        unsigned flags;
    } cases[] = {{"\"long\"", 0},
                 {VALUES("\"long\""), 0},
                 {ITEMS("\"long\""), 0},
                 {REC("R", FIELD("array", ITEMS("\"int\""))), DF_AVRO_COLLAPSE}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bed b;
        df_avro_program *p;
        bed_init(&b);
        p = compile(&b, cases[i].text, cases[i].flags);
        assert_null(df_avro_columns(p));
        df_avro_program_free(p);
        bed_free(&b);
    }
}

/* ---- a schema of columns --------------------------------------------------------------------- */

#define OPTIONAL(type) "[\"null\"," type "],\"default\":null"
#define TEXT "{\"type\":\"string\",\"logicalType\":\"text\"}"

typedef struct writes { /* JSON of a value of the column, and what is read again */
    df_field field;
    const char *type, *json, *back;
} writes;

static void assert_written(const writes *c)
{
    char text[1000];
    df_field field = c->field;
    df_schema *columns;
    df_avro_schema *s;
    df_avro_program *p;
    df_bytes got;
    df_value v;
    bed b;
    bed_init(&b);
    field.size = sizeof field;
    field.name = "c";
    assert_int_equal(df_schema_new(&b.stage, &field, 1, &columns), DF_OK);
    assert_int_equal(df_avro_schema_of(b.a, columns, bytes_of("a.R"), &got), DF_OK);
    snprintf(text, sizeof text, REC("a.R", "{\"name\":\"c\",\"type\":%s}"), c->type);
    assert_text(got, text);
    s = parse(&b, text);
    p = compile(&b, text, 0);
    snprintf(text, sizeof text, "{\"c\":%s}", c->json);
    df_record_set_payload(&b.h.r, bytes_of(text));
    assert_int_equal(df_record_root(&b.h.r, &v), DF_OK);
    if (df_avro_encode(b.a, s, &v, (df_bytes){"", 0}, &got) != DF_OK)
        fail_msg("%s: %s", text, df_avro_error(b.a));
    assert_int_equal(df_avro_decode(b.a, p, &b.h.r, got), DF_OK);
    snprintf(text, sizeof text, "{\"c\":%s}", c->back);
    assert_payload(&b.h.r, text);
    df_schema_free(columns);
    df_avro_program_free(p);
    df_avro_schema_free(s);
    bed_free(&b);
}

static void schema_of_columns(void **state)
{
    static const writes cases[] = {
        {{.type = DF_V_BOOL, SOLID}, "\"boolean\"", "true", "true"},
        {{.type = DF_V_INT}, OPTIONAL("\"long\""), "9007199254740993", "9007199254740993"},
        {{.type = DF_V_INT}, OPTIONAL("\"long\""), "null", "null"},
        {{.type = DF_V_DOUBLE}, OPTIONAL("\"double\""), "1.5", "1.5"},
        {{.type = DF_V_STRING}, OPTIONAL("\"string\""), "\"a\"", "\"a\""},
        {{.type = DF_V_BYTES}, OPTIONAL("\"bytes\""), "\"/wA=\"", "\"/wA=\""},
        {{.type = DF_V_NUMBER, .precision = 9, .scale = 2},
         OPTIONAL("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}"),
         "12.50",
         "12.50"},
        {{.type = DF_V_NUMBER}, OPTIONAL(TEXT), "1e400", "\"1e400\""},
        {{.type = DF_V_OBJECT}, OPTIONAL(TEXT), "{\"a\":[1]}", "\"{\\\"a\\\":[1]}\""},
        {{.type = DF_V_OBJECT},
         OPTIONAL(TEXT),
         "{\"string\":\"x\"}",
         "\"{\\\"string\\\":\\\"x\\\"}\""},
        {{.type = DF_V_ABSENT}, OPTIONAL(TEXT), "7", "\"7\""},
        {{.type = DF_V_ABSENT, SOLID}, TEXT, "\"x\"", "\"x\""},
        {{.type = DF_V_DATE}, OPTIONAL(LOGICAL("int", "date")), "\"2024-02-29\"", "\"2024-02-29\""},
        {{.type = DF_V_TIME},
         OPTIONAL(LOGICAL("long", "time-micros")),
         "\"23:59:59.5\"",
         "\"23:59:59.5\""},
        {{.type = DF_V_TIMESTAMP},
         OPTIONAL(LOGICAL("long", "timestamp-micros")),
         "\"2024-02-29T10:00:00+02:00\"",
         "\"2024-02-29T08:00:00Z\""},
        {{.type = DF_V_TIMESTAMP, .zone = DF_ZONE_NONE},
         OPTIONAL(LOGICAL("long", "local-timestamp-micros")),
         "\"2024-02-29T10:00:00\"",
         "\"2024-02-29T10:00:00\""},
        {{.type = DF_V_ARRAY, .item = DF_V_INT},
         OPTIONAL("{\"type\":\"array\",\"items\":[\"null\",\"long\"]}"),
         "[1,null]",
         "[1,null]"},
        {{.type = DF_V_ARRAY},
         OPTIONAL("{\"type\":\"array\",\"items\":[\"null\"," TEXT "]}"),
         "[1,\"a\",{}]",
         "[\"1\",\"a\",\"{}\"]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_written(&cases[i]);
}

static void names_of_columns(void **state)
{
    static const df_field fields[] = {{.size = sizeof(df_field), .name = "id"},
                                      {.size = sizeof(df_field), .name = "order-id"}};
    df_schema *columns;
    df_bytes text;
    bed b;
    (void)state;
    bed_init(&b);
    assert_int_equal(df_schema_new(&b.stage, fields, 2, &columns), DF_OK);
    assert_int_equal(df_avro_schema_of(b.a, columns, bytes_of("R"), &text), DF_ESPEC);
    assert_non_null(strstr(df_avro_error(b.a), "the column \"order-id\" is no name"));
    assert_int_equal(df_avro_schema_of(b.a, columns, bytes_of("a..R"), &text), DF_ESPEC);
    assert_non_null(strstr(df_avro_error(b.a), "the name of the record \"a..R\""));
    df_schema_free(columns);
    bed_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),   cmocka_unit_test(value_apart),
        cmocka_unit_test(what_fails),       cmocka_unit_test(columns),
        cmocka_unit_test(no_columns),       cmocka_unit_test(schema_of_columns),
        cmocka_unit_test(names_of_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
