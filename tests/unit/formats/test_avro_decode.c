/* SPDX-License-Identifier: Apache-2.0
 * test_avro_decode.c: bodies to records: all types, what is malformed, what is claimed and not
 * there, and what a reader's schema makes of it. */
#include "support/avro_help.h"

#define REC(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define FILLED(name, type, def) "{\"name\":\"" name "\",\"type\":" type ",\"default\":" def "}"
#define LOGICAL(type, logical) "{\"type\":\"" type "\",\"logicalType\":\"" logical "\"}"
#define ENUM(name, symbols) "{\"type\":\"enum\",\"name\":\"" name "\",\"symbols\":[" symbols "]}"
#define FIXED(name, size) "{\"type\":\"fixed\",\"name\":\"" name "\",\"size\":" size "}"
#define DECIMAL(p, s)                                                                              \
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" p ",\"scale\":" s "}"
#define ITEMS(type) "{\"type\":\"array\",\"items\":" type "}"
#define VALUES(type) "{\"type\":\"map\",\"values\":" type "}"

#define EACH(cases)                                                                                \
    do {                                                                                           \
        (void)state;                                                                               \
        for (size_t i_ = 0; i_ < sizeof(cases) / sizeof *(cases); i_++)                            \
            assert_reads(&(cases)[i_]);                                                            \
    } while (0)

static void scalars(void **state)
{
    static const reading cases[] = {
        {"\"null\"", NULL, 0, "", "null"},
        {"\"boolean\"", NULL, 0, "01", "true"},
        {"\"boolean\"", NULL, 0, "02", "!a boolean is neither"},
        {"\"int\"", NULL, 0, "01", "-1"},
        {"\"int\"", NULL, 0, "ffffffff0f", "-2147483648"},
        {"\"int\"", NULL, 0, "8080808010", "!more than 32 bits"},
        {"\"long\"", NULL, 0, "ffffffffffffffffff01", "-9223372036854775808"},
        {"\"long\"", NULL, 0, "feffffffffffffffff01", "9223372036854775807"},
        {"\"long\"", NULL, 0, "ffffffffffffffffff02", "!more than 64 bits"},
        {"\"long\"", NULL, 0, "ffffffffffffffffffff01", "!more than 64 bits"},
        {"\"long\"", NULL, 0, "ff", "!ends inside"},
        {"\"float\"", NULL, 0, "0000c03f", "1.5"},
        {"\"float\"", NULL, 0, "0000c07f", "\"NaN\""},
        {"\"double\"", NULL, 0, "000000000000f0ff", "\"-Infinity\""},
        {"\"double\"", NULL, 0, "9a9999999999b93f", "0.1"},
        {"\"double\"", NULL, 0, "9a99", "!ends inside"},
        {"\"string\"", NULL, 0, "0461 22", "\"a\\\"\""},
        {"\"string\"", NULL, 0, "00", "\"\""},
        {"\"string\"", NULL, 0, "02ff", "!not UTF-8"},
        {"\"string\"", NULL, 0, "01", "!a length is negative"},
        {"\"string\"", NULL, 0, "0461", "!ends inside"},
        {"\"string\"", NULL, 0, "8080808080808080 8001", "!ends inside"},
        {"\"bytes\"", NULL, 0, "04ff00", "\"/wA=\""},
        {FIXED("F", "2"), NULL, 0, "ff00", "\"/wA=\""},
        {FIXED("F", "2"), NULL, 0, "ff", "!ends inside"},
        {FIXED("F", "0"), NULL, 0, "", "\"\""},
        {ENUM("E", "\"A\",\"B\""), NULL, 0, "02", "\"B\""},
        {ENUM("E", "\"A\",\"B\""), NULL, 0, "04", "!no symbol of that number, only 2"},
        {"\"int\"", NULL, 0, "0200", "!1 bytes follow the value"},
    };
    EACH(cases);
}

static void logical(void **state)
{
    static const reading cases[] = {
        {LOGICAL("int", "date"), NULL, 0, "01", "\"1969-12-31\""},
        {LOGICAL("int", "time-millis"), NULL, 0, "02", "\"00:00:00.001\""},
        {LOGICAL("int", "time-millis"), NULL, 0, "01", "!a time of day is out of range"},
        {LOGICAL("int", "time-millis"), NULL, 0, "80f0b252", "!a time of day is out of range"},
        {LOGICAL("long", "time-micros"), NULL, 0, "02", "\"00:00:00.000001\""},
        {LOGICAL("long", "timestamp-millis"), NULL, 0, "01", "\"1969-12-31T23:59:59.999Z\""},
        {LOGICAL("long", "timestamp-millis"), NULL, 0, "d10f", "\"1969-12-31T23:59:58.999Z\""},
        {LOGICAL("long", "timestamp-millis"), NULL, 0, "feffffffffffffffff01", "!out of range"},
        {LOGICAL("long", "timestamp-micros"), NULL, 0, "01", "\"1969-12-31T23:59:59.999999Z\""},
        {LOGICAL("long", "timestamp-nanos"), NULL, 0, "01", "\"1969-12-31T23:59:59.999999999Z\""},
        {LOGICAL("long", "timestamp-nanos"), NULL, 0, "d00f", "\"1970-01-01T00:00:00.000001Z\""},
        {LOGICAL("long", "timestamp-nanos"), NULL, 0, "ffffffffffffffffff01",
         "\"1677-09-21T00:12:43.145224192Z\""},
        {LOGICAL("long", "local-timestamp-millis"), NULL, 0, "00", "\"1970-01-01T00:00:00\""},
        {LOGICAL("long", "local-timestamp-micros"), NULL, 0, "02",
         "\"1970-01-01T00:00:00.000001\""},
        {LOGICAL("long", "local-timestamp-nanos"), NULL, 0, "02",
         "\"1970-01-01T00:00:00.000000001\""},
        {LOGICAL("string", "uuid"), NULL, 0, "0261", "\"a\""},
        {"{\"type\":\"fixed\",\"name\":\"U\",\"size\":16,\"logicalType\":\"uuid\"}", NULL, 0,
         "00112233445566778899aabbccddeeff", "\"00112233-4455-6677-8899-aabbccddeeff\""},
        {"{\"type\":\"fixed\",\"name\":\"D\",\"size\":12,\"logicalType\":\"duration\"}", NULL, 0,
         "01000000 02000000 ffffffff", "{\"months\":1,\"days\":2,\"millis\":4294967295}"},
        {DECIMAL("4", "2"), NULL, 0, "02ff", "-0.01"},
        {DECIMAL("4", "2"), NULL, 0, "0400ff", "2.55"},
        {DECIMAL("4", "2"), NULL, 0, "0880000000", "-21474836.48"},
        {DECIMAL("4", "0"), NULL, 0, "00", "0"},
        {DECIMAL("4", "4"), NULL, 0, "02f6", "-0.0010"},
        {DECIMAL("40", "0"), NULL, 0, "24 0100000000000000000000000000000000 00",
         "87112285931760246646623899502532662132736"},
        {DECIMAL("40", "0"), NULL, 0, "22 8000000000000000000000000000000000",
         "-43556142965880123323311949751266331066368"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":4,\"logicalType\":\"decimal\",\"precision\":"
         "4,\"scale\":2}",
         NULL, 0, "fffffffe", "-0.02"},
    };
    EACH(cases);
}

static void containers(void **state)
{
    static const reading cases[] = {
        {REC("R", FIELD("a", "\"int\"") "," FIELD("b", "\"string\"")), NULL, 0, "020278",
         "{\"a\":1,\"b\":\"x\"}"},
        {REC("R", ""), NULL, 0, "", "{}"},
        {REC("R", FIELD("a", REC("S", FIELD("b", "\"int\""))) "," FIELD("c", "\"S\"")), NULL, 0,
         "0204", "{\"a\":{\"b\":1},\"c\":{\"b\":2}}"},
        {ITEMS("\"int\""), NULL, 0, "00", "[]"},
        {ITEMS("\"int\""), NULL, 0, "04 02 04 00", "[1,2]"},
        {ITEMS("\"int\""), NULL, 0, "02 02 02 04 00", "[1,2]"},
        {ITEMS("\"int\""), NULL, 0, "03 04 02 04 00", "[1,2]"},
        {ITEMS("\"int\""), NULL, 0, "03 02 02 04 00", "!another size"},
        {ITEMS("\"int\""), NULL, 0, "03 08 02 04 00", "!a block says a size"},
        {ITEMS("\"int\""), NULL, 0, "03 01 02 04 00", "!a block says a size"},
        {ITEMS("\"int\""), NULL, 0, "04 02", "!$[1]: the body ends"},
        {ITEMS("\"null\""), NULL, 0, "06 00", "[null,null,null]"},
        {VALUES("\"int\""), NULL, 0, "04 0261 02 0262 04 00", "{\"a\":1,\"b\":2}"},
        {VALUES("\"int\""), NULL, 0, "02 02ff 02 00", "!not UTF-8"},
        {"[\"null\",\"int\"]", NULL, 0, "00", "null"},
        {"[\"null\",\"int\"]", NULL, 0, "0204", "2"},
        {"[\"null\",\"int\"]", NULL, 0, "04", "!no branch of that number, only 2"},
        {"[\"null\",\"int\"]", NULL, 0, "01", "!no branch of that number"},
        {REC("N", FIELD("v", "\"int\"") "," FIELD("next", "[\"null\",\"N\"]")), NULL, 0,
         "02 02 04 00", "{\"v\":1,\"next\":{\"v\":2,\"next\":null}}"},
        {REC("R", FIELD("a", ITEMS(REC("S", FIELD("m", VALUES("\"string\"")))))), NULL, 0,
         "02 02 0278 02ff 00 00", "!$.a[0].m.x: a string is not UTF-8"},
        {REC("R", FIELD("a", "\"int\"") "," FIELD("b", "[\"null\",\"int\"]")), NULL, 0, "02 08",
         "!$.b: the union has no branch"},
        {REC("R", FIELD("a", "\"int\"") "," FIELD("b", "\"boolean\"")), NULL, 0, "02 08",
         "!$.b: a boolean is"},
    };
    EACH(cases);
}

#define BRANCHES                                                                                   \
    "[\"null\",\"int\"," LOGICAL("long", "timestamp-millis") "," ITEMS("\"int\"") "," FIXED(       \
        "a.b.F", "1") "]"

/* Fields with much behind them: those are read in rows, and what is unusual there leaves the row.
 */
#define AHEAD(type) REC("R", FIELD("v", type) "," FIELD("pad", "\"string\""))
#define PAD "20 30313233343536373839616263646566"
#define PADDED(json) "{\"v\":" json ",\"pad\":\"0123456789abcdef\"}"

static void rows(void **state)
{
    static const reading cases[] = {
        {AHEAD("\"int\""), NULL, 0, "ffffffff0f" PAD, PADDED("-2147483648")},
        {AHEAD("\"int\""), NULL, 0, "8080808010" PAD, "!$.v: an int has more than 32 bits"},
        {AHEAD("\"long\""), NULL, 0, "bf84af5f" PAD, PADDED("-100000032")},
        {AHEAD("\"long\""), NULL, 0, "8080808080808001" PAD, PADDED("281474976710656")},
        {AHEAD("\"long\""), NULL, 0, "feffffffffffffffff01" PAD, PADDED("9223372036854775807")},
        {AHEAD("\"long\""), NULL, 0, "ffffffffffffffffff02" PAD, "!$.v: a number has more"},
        {AHEAD("\"double\""), NULL, 0, "9a9999999999b93f" PAD, PADDED("0.1")},
        {AHEAD("\"double\""), NULL, 0, "0000000000000080" PAD, PADDED("-0.0")},
        {AHEAD("\"boolean\""), NULL, 0, "01" PAD, PADDED("true")},
        {AHEAD("\"boolean\""), NULL, 0, "02" PAD, "!$.v: a boolean is neither"},
        {AHEAD("\"string\""), NULL, 0, "06e282ac" PAD, PADDED("\"\xe2\x82\xac\"")},
        {AHEAD("\"string\""), NULL, 0, "02ff" PAD, "!$.v: a string is not UTF-8"},
        {AHEAD("\"string\""), NULL, 0, "01" PAD, "!$.v: a length is negative"},
        {AHEAD("\"string\""), NULL, 0, "8020" PAD, "!$.v: the body ends"},
        {AHEAD("[\"null\",\"int\"]"), NULL, 0, "00" PAD, PADDED("null")},
        {AHEAD("[\"null\",\"int\"]"), NULL, 0, "0203" PAD, PADDED("-2")},
        {AHEAD("[\"int\",\"null\"]"), NULL, 0, "02" PAD, PADDED("null")},
        {AHEAD("[\"int\",\"null\"]"), NULL, 0, "0003" PAD, PADDED("-2")},
        {AHEAD("[\"null\",\"int\"]"), NULL, 0, "01" PAD, "!$.v: the union has no branch"},
        {AHEAD("[\"null\",\"int\"]"), NULL, 0, "03" PAD, "!$.v: the union has no branch"},
        {AHEAD("[\"null\",\"int\"]"), NULL, 0, "04" PAD, "!$.v: the union has no branch"},
        {AHEAD("[\"null\",\"int\"]"), NULL, 0, "8201" PAD, "!$.v: the union has no branch"},
        {AHEAD("[\"null\"," ITEMS("\"int\"") "]"), NULL, 0, "02 04 02 04 00" PAD, PADDED("[1,2]")},
        {AHEAD("[\"null\",\"int\"]"), NULL, DF_AVRO_WRAP, "0203" PAD, PADDED("{\"int\":-2}")},
        {AHEAD(LOGICAL("long", "timestamp-millis")), NULL, 0, "01" PAD,
         PADDED("\"1969-12-31T23:59:59.999Z\"")},
        {AHEAD(LOGICAL("long", "timestamp-millis")), NULL, 0, "feffffffffffffffff01" PAD,
         "!$.v: a time is out of range"},
    };
    EACH(cases);
}

static void wrapped(void **state)
{
    enum { W = DF_AVRO_WRAP, C = DF_AVRO_WRAP | DF_AVRO_COLLAPSE };
    static const reading cases[] = {
        {BRANCHES, NULL, W, "00", "null"},
        {BRANCHES, NULL, W, "0202", "{\"int\":1}"},
        {BRANCHES, NULL, W, "0400", "{\"long.timestamp-millis\":\"1970-01-01T00:00:00Z\"}"},
        {BRANCHES, NULL, W, "06020200", "{\"array\":[1]}"},
        {BRANCHES, NULL, C, "06020200", "[1]"},
        {BRANCHES, NULL, W, "08ff", "{\"a.b.F\":\"/w==\"}"},
        {REC("R", FIELD("x", BRANCHES) "," FIELD("y", "\"int\"")), NULL, C, "0604020400 02",
         "{\"x\":[1,2],\"y\":1}"},
        /* one inside of the other */
        {REC("R", FIELD("array", BRANCHES)), NULL, C, "06020200", "[1]"},
        {VALUES(ITEMS("\"int\"")), NULL, C, "02 0a6172726179 00 00", "[]"},
        {VALUES(ITEMS("\"int\"")), NULL, C, "04 0a6172726179 00 0261 00 00",
         "{\"array\":[],\"a\":[]}"},
        {"\"int\"", BRANCHES, W, "02", "{\"int\":1}"},
    };
    EACH(cases);
}

/* Claims of much that is not there end at once, and memory stays flat. */
static void claims(void **state)
{
    static const reading cases[] = {
        {ITEMS("\"null\""), NULL, 0, "8084af5f 00", "!more values than a body of that size"},
        {ITEMS(REC("E", "")), NULL, 0, "8084af5f 00", "!more values"},
        {ITEMS("\"null\""), NULL, 0, "feffffffffffffffff01", "!more values"},
        {ITEMS("\"null\""), NULL, 0, "ffffffffffffffffff01 00", "!more values"},
        {ITEMS("\"int\""), NULL, 0, "8084af5f 00", "!ends inside"},
    };
    /* one budget for all lists: each alone is within it */
    reading many = {REC("R", FIELD("a", ITEMS("\"null\"")) "," FIELD(
                                 "b", ITEMS("\"null\"")) "," FIELD("c", ITEMS("\"null\""))),
                    NULL, 0, "80b509 00 80b509 00 80b509 00", "!more values"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_reads(&cases[i]);
    assert_reads(&many);
    /* the same where the reader has none of the fields */
    many.reader = REC("R", "");
    assert_reads(&many);
}

static void nested_deep(void **state)
{
    static char body[40001];
    static const char node[] = REC("N", FIELD("next", "[\"null\",\"N\"]"));
    reading c = {node, NULL, 0, body, "!nested more than 1000 deep"};
    (void)state;
    for (int i = 0; i < 20000; i++)
        memcpy(body + 2 * i, "02", 3);
    assert_reads(&c);
    c.reader = REC("N", "");
    assert_reads(&c);
}

static void resolved_names(void **state)
{
    static const reading cases[] = {
        {REC("R", FIELD("a", "\"int\"") "," FIELD("b", "\"string\"") "," FIELD("c", "\"int\"")),
         REC("R", FIELD("c", "\"int\"") "," FIELD("a", "\"int\"")), 0, "02 0278 06",
         "{\"a\":1,\"c\":3}"},
        {REC("R", FIELD("a", "\"int\"")),
         REC("R", FIELD("a", "\"int\"") "," FILLED("z", "[\"null\",\"int\"]", "null") "," FILLED(
                      "y", ITEMS("\"int\""), "[1,2]")),
         0, "02", "{\"a\":1,\"z\":null,\"y\":[1,2]}"},
        {REC("R", FIELD("a", "\"int\"")), REC("R", FIELD("b", "\"int\"")), 0, "02",
         "!record R, field b: was not written, and has no default"},
        {REC("R", FIELD("old", "\"int\"")),
         "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"new\",\"aliases\":[\"old\"],"
         "\"type\":\"long\"}]}",
         0, "02", "{\"new\":1}"},
        {ENUM("E", "\"A\",\"B\",\"C\""), ENUM("E", "\"C\",\"A\""), 0, "04", "\"C\""},
        {ENUM("E", "\"A\",\"B\",\"C\""), ENUM("E", "\"C\",\"A\""), 0, "02",
         "!lacks the symbol and has no default"},
        {ENUM("E", "\"A\",\"B\",\"C\""),
         "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"C\",\"U\"],\"default\":\"U\"}", 0, "02",
         "\"U\""},
        {FIXED("F", "2"), FIXED("F", "3"), 0, "0000", "!cannot be read as F"},
        {FIXED("a.F", "1"), FIXED("b.F", "1"), 0, "00", "\"AA==\""},
        {FIXED("a.F", "1"), FIXED("b.G", "1"), 0, "00", "!cannot be read as b.G"},
        /* the field that is thrown away is checked like any other */
        {REC("R", FIELD("a", "\"string\"") "," FIELD("b", "\"int\"")),
         REC("R", FIELD("b", "\"int\"")), 0, "02ff 02", "!$.a: a string is not UTF-8"},
        {REC("R", FIELD("a", ITEMS("\"int\"")) "," FIELD("b", "\"int\"")),
         REC("R", FIELD("b", "\"int\"")), 0, "03 04 02 04 00 08", "{\"b\":4}"},
        {REC("R", FIELD("a", ITEMS("\"int\"")) "," FIELD("b", "\"int\"")),
         REC("R", FIELD("b", "\"int\"")), 0, "03 01 02 04 00 08", "!a block says a size"},
    };
    EACH(cases);
}

static void resolved_types(void **state)
{
    const char *gained = REC("R", FIELD("a", "\"int\"") "," FILLED("n", "\"int\"", "7"));
    static const reading cases[] = {
        {"\"int\"", "\"long\"", 0, "02", "1"},
        {"\"int\"", "\"double\"", 0, "02", "1.0"},
        {"\"long\"", "\"float\"", 0, "02", "1.0"},
        {"\"float\"", "\"double\"", 0, "0000c03f", "1.5"},
        {"\"string\"", "\"bytes\"", 0, "02ff", "\"/w==\""},
        {"\"bytes\"", "\"string\"", 0, "0261", "\"a\""},
        {"\"bytes\"", "\"string\"", 0, "02ff", "!not UTF-8"},
        {"\"long\"", "\"int\"", 0, "02", "!what was written as long cannot be read as int"},
        {"\"int\"", "[\"null\",\"long\"]", 0, "02", "1"},
        {"[\"null\",\"int\"]", "[\"null\",\"double\"]", 0, "0202", "1.0"},
        {"[\"null\",\"int\"]", "\"int\"", 0, "0202", "1"},
        {"[\"null\",\"int\"]", "\"int\"", 0, "00", "!written as null cannot be read as int"},
        {"\"int\"", LOGICAL("long", "timestamp-millis"), 0, "02", "\"1970-01-01T00:00:00.001Z\""},
        {LOGICAL("int", "date"), "\"int\"", 0, "02", "1"},
        {DECIMAL("4", "2"), DECIMAL("4", "3"), 0, "0202", "!cannot be read as bytes"},
        {DECIMAL("4", "2"), DECIMAL("9", "2"), 0, "0202", "0.02"},
        {ITEMS("\"int\""), ITEMS("[\"null\",\"long\"]"), 0, "02 02 00", "[1]"},
        {VALUES("\"int\""), VALUES("\"string\""), 0, "00", "{}"},
        {VALUES("\"int\""), VALUES("\"string\""), 0, "02 0261 02 00", "!$.a: what was written as"},
    };
    static reading nested = {"[\"null\"," REC("R", FIELD("a", "\"int\"")) "]", NULL, 0, "02 02",
                             "{\"a\":1,\"n\":7}"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_reads(&cases[i]);
    char reader[300];
    snprintf(reader, sizeof reader, "[\"null\",%s]", gained);
    nested.reader = reader;
    assert_reads(&nested);
    /* exact type before a promotion, wherever it stands */
    static const reading order = {"\"int\"", "[\"null\",\"double\",\"long\",\"int\"]", DF_AVRO_WRAP,
                                  "02", "{\"int\":1}"};
    assert_reads(&order);
}

/* A value read with one schema stays after edits, in the tree's own types. */
static void stays_editable(void **state)
{
    static const unsigned char raw[] = {0x02, 0x02, 'x', 0x04, 0xff, 0x00};
    df_avro_schema *s = schema_of(
        REC("R", FIELD("a", "\"int\"") "," FIELD("b", "\"string\"") "," FIELD("c", "\"bytes\"")));
    df__avro_plan plan = {s, NULL, 0};
    df_avro_program *p;
    df__avro_error error;
    df_value v, n = int_value(5);
    held h;
    (void)state;
    assert_int_equal(df__avro_compile(&df__heap_libc, &plan, &p, &error), DF_OK);
    held_init(&h, "original");
    assert_int_equal(df__avro_decode(p, &h.r, (df_bytes){raw, sizeof raw}, &error), DF_OK);
    df_avro_program_free(p); /* the arena holds it */
    df_avro_schema_free(s);
    assert_int_equal(get(&h.r, "$.a", &v), DF_OK);
    assert_int_equal(v.type, DF_V_INT);
    assert_int_equal(v.u.i, 1);
    assert_int_equal(get(&h.r, "$.c", &v), DF_OK);
    assert_int_equal(v.type, DF_V_BYTES);
    assert_int_equal(set(&h.r, "$.d.e", &n), DF_OK);
    assert_int_equal(set(&h.r, "$.b", &n), DF_OK);
    assert_payload(&h.r, "{\"a\":1,\"b\":5,\"c\":\"/wA=\",\"d\":{\"e\":5}}");
    held_free(&h);
}

/* One value after the other, as they lie in a file. */
static void one_after_the_other(void **state)
{
    static const unsigned char raw[] = {0x02, 0x02, 'x', 0x04, 0x00, 0x06};
    df_avro_schema *s = schema_of(REC("R", FIELD("a", "\"int\"") "," FIELD("b", "\"string\"")));
    df__avro_plan plan = {s, NULL, 0};
    df_avro_program *p;
    df__avro_error error;
    df__arena a;
    df__avro_input in = {{raw, sizeof raw}, 0};
    df_value v;
    (void)state;
    df__arena_init(&a, &df__heap_libc, 1024);
    assert_int_equal(df__avro_compile(&df__heap_libc, &plan, &p, &error), DF_OK);
    assert_int_equal(df__avro_decode_value(p, &a, &in, &v, &error), DF_OK);
    assert_int_equal(in.used, 3);
    assert_json(&v, "{\"a\":1,\"b\":\"x\"}");
    in.body = (df_bytes){raw + 3, 3};
    assert_int_equal(df__avro_decode_value(p, &a, &in, &v, &error), DF_OK);
    assert_int_equal(in.used, 2);
    assert_json(&v, "{\"a\":2,\"b\":\"\"}");
    in.body = (df_bytes){raw + 5, 1};
    assert_int_equal(df__avro_decode_value(p, &a, &in, &v, &error), DF_EDATA);
    df_avro_program_free(p);
    df_avro_schema_free(s);
    df__arena_free(&a);
}

static int scenario(const df__heap *heap)
{
    static const char text[] = ITEMS(REC("R", FIELD("a", DECIMAL("4", "2"))));
    static const unsigned char raw[] = {0x04, 0x02, 0x05, 0x02, 0x06, 0x00};
    df__avro_source from = {{text, sizeof text - 1}, NULL, 0};
    df__avro_error error;
    df_avro_schema *s = NULL;
    df_avro_program *p = NULL;
    df__avro_plan plan;
    held h;
    int rc = df__avro_parse(&df__heap_libc, &from, &s, &error);
    plan = (df__avro_plan){s, NULL, 0};
    if (rc == DF_OK)
        rc = df__avro_compile(heap, &plan, &p, &error);
    held_init_in(&h, heap, bytes_of("x"));
    for (int i = 0; rc == DF_OK && i < 100; i++)
        rc = df__avro_decode(p, &h.r, (df_bytes){raw, sizeof raw}, &error);
    held_free(&h);
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
        cmocka_unit_test(scalars),
        cmocka_unit_test(logical),
        cmocka_unit_test(containers),
        cmocka_unit_test(rows),
        cmocka_unit_test(wrapped),
        cmocka_unit_test(claims),
        cmocka_unit_test(nested_deep),
        cmocka_unit_test(resolved_names),
        cmocka_unit_test(resolved_types),
        cmocka_unit_test(stays_editable),
        cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
