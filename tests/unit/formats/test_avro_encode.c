/* SPDX-License-Identifier: Apache-2.0
 * test_avro_encode.c: values to bodies: exactly, or refused with the field; which branch of a union
 * is taken; what fills a missing field. */
#include <math.h>

#include "support/avro_help.h"

#define REC(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define FILLED(name, type, def) "{\"name\":\"" name "\",\"type\":" type ",\"default\":" def "}"
#define LOGICAL(type, logical) "{\"type\":\"" type "\",\"logicalType\":\"" logical "\"}"
#define ENUM(name, symbols) "{\"type\":\"enum\",\"name\":\"" name "\",\"symbols\":[" symbols "]}"
#define FIXED(name, size) "{\"type\":\"fixed\",\"name\":\"" name "\",\"size\":" size "}"
#define DECIMAL(p, s)                                                                              \
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" p ",\"scale\":" s "}"
#define FIXED_DECIMAL(size, p, s)                                                                  \
    "{\"type\":\"fixed\",\"name\":\"D\",\"size\":" size                                            \
    ",\"logicalType\":\"decimal\",\"precision\":" p ",\"scale\":" s "}"
#define ITEMS(type) "{\"type\":\"array\",\"items\":" type "}"
#define VALUES(type) "{\"type\":\"map\",\"values\":" type "}"

#define EACH(cases)                                                                                \
    do {                                                                                           \
        (void)state;                                                                               \
        for (size_t i_ = 0; i_ < sizeof(cases) / sizeof *(cases); i_++)                            \
            assert_writes(&(cases)[i_]);                                                           \
    } while (0)

static void numbers(void **state)
{
    static const writing cases[] = {
        {"\"int\"", "-1", NULL, "01"},
        {"\"int\"", "2147483648", NULL, "!does not fit an int"},
        {"\"int\"", "1.0", NULL, "02"},
        {"\"int\"", "1.5", NULL, "!no whole number"},
        {"\"int\"", "\"1\"", NULL, "!a string cannot be written as int"},
        {"\"long\"", "9223372036854775807", NULL, "feffffffffffffffff01"},
        {"\"long\"", "9223372036854775808", NULL, "!no whole number of 64 bits"},
        {"\"double\"", "0.1", NULL, "9a9999999999b93f"},
        {"\"double\"", "1e2", NULL, "0000000000005940"},
        {"\"double\"", "0.1000000000000000055", NULL, "!more digits than a double keeps"},
        {"\"double\"", "9007199254740993", NULL, "!more digits than a double keeps"},
        {"\"double\"", "9007199254740992", NULL, "0000000000004043"},
        {"\"double\"", "1e400", NULL, "!more digits"},
        {"\"double\"", "\"NaN\"", NULL, "000000000000f87f"},
        {"\"float\"", "1.5", NULL, "0000c03f"},
        {"\"float\"", "21.7", NULL, "9a99ad41"},
        {"\"float\"", "0.12345678", NULL, "e9d6fc3d"},
        {"\"float\"", "-5.84184306262614e-07", NULL, "d7d01cb5"},
        {"\"float\"", "16777217", NULL, "!more digits than a float keeps"},
        {"\"float\"", "0.1234567891", NULL, "!more digits than a float keeps"},
        {"\"float\"", "3.4028235e38", NULL, "ffff7f7f"},
        {"\"float\"", "1e39", NULL, "!more digits"},
        {"\"boolean\"", "true", NULL, "01"},
        {"\"boolean\"", "1", NULL, "!a whole number cannot be written as boolean"},
        {"\"null\"", "null", NULL, ""},
    };
    EACH(cases);
}

static void decimals(void **state)
{
    static const writing cases[] = {
        {DECIMAL("4", "2"), "-0.01", NULL, "02ff"},
        {DECIMAL("4", "2"), "2.55", NULL, "0400ff"},
        {DECIMAL("4", "2"), "-1.28", NULL, "0280"},
        {DECIMAL("4", "2"), "-1.29", NULL, "04ff7f"},
        {DECIMAL("4", "2"), "0", NULL, "0200"},
        {DECIMAL("4", "2"), "1.5e1", NULL, "0405dc"},
        {DECIMAL("4", "2"), "1.500", NULL, "040096"},
        {DECIMAL("4", "2"), "1.005", NULL, "!more places after the point than the scale"},
        {DECIMAL("4", "2"), "100", NULL, "!more digits than the precision"},
        {DECIMAL("4", "2"), "1e999999999", NULL, "!more digits than the precision"},
        {DECIMAL("4", "2"), "1e-999999999", NULL, "!more places"},
        {DECIMAL("4", "2"), "\"1\"", NULL, "!a string cannot be written as bytes.decimal"},
        {DECIMAL("41", "0"), "87112285931760246646623899502532662132736", NULL,
         "24 010000000000000000000000000000000000"},
        {FIXED_DECIMAL("4", "4", "2"), "-0.02", NULL, "fffffffe"},
        {FIXED_DECIMAL("4", "4", "2"), "2.55", NULL, "000000ff"},
        {FIXED_DECIMAL("1", "4", "2"), "2.55", NULL, "!a fixed of 1 bytes"},
    };
    EACH(cases);
}

static void texts(void **state)
{
    static const writing cases[] = {
        {"\"string\"", "\"\\u00e9\"", NULL, "04c3a9"},
        {"\"string\"", "1", NULL, "!a whole number cannot be written as string"},
        {"\"bytes\"", "\"/wA=\"", NULL, "04ff00"},
        {"\"bytes\"", "\"?\"", NULL, "!has to be base64"},
        {FIXED("F", "2"), "\"/wA=\"", NULL, "ff00"},
        {FIXED("F", "3"), "\"/wA=\"", NULL, "!has 2 bytes, and the fixed has 3"},
        {ENUM("E", "\"A\",\"B\""), "\"B\"", NULL, "02"},
        {ENUM("E", "\"A\",\"B\""), "\"C\"", NULL, "!no symbol"},
        {LOGICAL("string", "uuid"), "\"00112233-4455-6677-8899-aabbccddeeff\"", NULL,
         "4830303131323233332d343435352d363637372d383839392d616162626363646465656666"},
        {LOGICAL("string", "uuid"), "\"00112233\"", NULL, "!no UUID"},
        {"{\"type\":\"fixed\",\"name\":\"U\",\"size\":16,\"logicalType\":\"uuid\"}",
         "\"00112233-4455-6677-8899-aabbccddeeff\"", NULL, "00112233445566778899aabbccddeeff"},
        {"{\"type\":\"fixed\",\"name\":\"D\",\"size\":12,\"logicalType\":\"duration\"}",
         "{\"months\":1,\"days\":2,\"millis\":4294967295}", NULL, "0100000002000000ffffffff"},
        {"{\"type\":\"fixed\",\"name\":\"D\",\"size\":12,\"logicalType\":\"duration\"}",
         "{\"months\":1,\"days\":2}", NULL, "!a duration has months"},
    };
    EACH(cases);
}

static void times(void **state)
{
    static const df_value before = {.type = DF_V_TIMESTAMP, .u.i = -1000},
                          fine = {.type = DF_V_TIMESTAMP, .u.i = -1001},
                          local = {.type = DF_V_TIMESTAMP, .zone = DF_ZONE_NONE, .u.i = -1001000},
                          day = {.type = DF_V_DATE, .u.i = -1},
                          clock = {.type = DF_V_TIME, .u.i = 1000};
    static const writing cases[] = {
        {LOGICAL("long", "timestamp-millis"), NULL, &before, "01"},
        {LOGICAL("long", "timestamp-micros"), NULL, &fine, "d10f"},
        {LOGICAL("long", "timestamp-nanos"), NULL, &before, "ff887a"},
        {LOGICAL("long", "timestamp-millis"), NULL, &fine, "!finer than a millisecond"},
        {LOGICAL("long", "local-timestamp-millis"), NULL, &local, "d10f"},
        {LOGICAL("long", "timestamp-millis"), NULL, &local, "!has no zone"},
        {LOGICAL("long", "local-timestamp-millis"), NULL, &before, "!has a zone"},
        {LOGICAL("int", "date"), NULL, &day, "01"},
        {LOGICAL("int", "time-millis"), NULL, &clock, "02"},
        {LOGICAL("int", "time-millis"), NULL, &day, "!a date cannot be written as int.time-millis"},
        {LOGICAL("int", "date"), "\"1969-12-31\"", NULL, "01"},
        {LOGICAL("int", "date"), "-1", NULL, "01"},
        {LOGICAL("int", "date"), "\"yesterday\"", NULL, "!no time"},
        {LOGICAL("int", "time-millis"), "\"00:00:00.001\"", NULL, "02"},
        {LOGICAL("long", "timestamp-millis"), "\"1970-01-01T02:00:00.001+02:00\"", NULL, "02"},
        {LOGICAL("long", "timestamp-millis"), "\"1970-01-01T00:00:00\"", NULL, "!has no zone"},
        {LOGICAL("long", "timestamp-nanos"), "\"1969-12-31T23:59:59.999999999Z\"", NULL, "01"},
        {LOGICAL("long", "timestamp-nanos"), "\"1969-12-31T23:59:59.9999999999Z\"", NULL, "!finer"},
        {"\"string\"", NULL, &day, "14313936392d31322d3331"},
        {"\"long\"", NULL, &before, "!a timestamp cannot be written as long"},
    };
    EACH(cases);
}

static void records(void **state)
{
    static const char r[] = REC("R", FIELD("a", "\"int\"") "," FILLED("b", "\"string\"", "\"x\""));
    static const writing cases[] = {
        {r, "{\"a\":1,\"b\":\"y\"}", NULL, "020279"},
        {r, "{\"b\":\"y\",\"a\":1}", NULL, "020279"},
        {r, "{\"a\":1}", NULL, "020278"},
        {r, "{\"b\":\"y\"}", NULL, "!$.a: is missing"},
        {r, "{\"a\":1,\"c\":2}", NULL, "!$.c: the schema's record R has no such field"},
        {r, "{\"a\":1,\"a\":2}", NULL, "040278"},
        {r, "[]", NULL, "!a list cannot be written as R"},
        {r, "{\"a\":1,\"b\":null}", NULL, "!$.b: null cannot be written as string"},
        {ITEMS("\"int\""), "[1,2]", NULL, "04020400"},
        {ITEMS("\"int\""), "[]", NULL, "00"},
        {ITEMS("\"int\""), "[1,\"x\"]", NULL, "!$[1]: a string"},
        {VALUES(ITEMS("\"int\"")), "{\"k\":[1,\"x\"]}", NULL, "!$.k[1]: a string"},
        {VALUES("\"int\""), "{\"a\":1}", NULL, "0202610200"},
    };
    EACH(cases);
}

#define A REC("A", FIELD("x", "\"int\""))
#define B REC("B", FIELD("x", "\"int\"") "," FILLED("y", "\"int\"", "9"))
/* Names in any order. */
static void order_of_members(void **state)
{
    static const char two[] = REC("R", FIELD("a", "\"int\"") "," FIELD("b", "\"string\""));
    static const writing cases[] = {
        {two, "{\"b\":\"x\",\"a\":1}", NULL, "020278"},
        {two, "{\"a\":1,\"b\":\"x\",\"a\":2}", NULL, "040278"},
        {two, "{\"a\":1,\"a\":2}", NULL, "!$.b: is missing"},
        {two, "{\"b\":\"x\",\"c\":1}", NULL, "!$.c: the schema's record R has no such field"},
        {two, "{\"b\":1,\"a\":1}", NULL, "!$.b: a whole number cannot"},
        {REC("R", FIELD("o", REC("I", FIELD("x", "\"int\"") "," FIELD("y", "\"int\"")))),
         "{\"o\":{\"y\":1,\"x\":\"\"}}", NULL, "!$.o.x: a string cannot"},
        {REC("R", FILLED("a", "\"int\"", "7") "," FIELD("b", "\"int\"")), "{\"b\":1}", NULL,
         "0e02"},
    };
    EACH(cases);
}

static void unions(void **state)
{
    static const df_value half = {.type = DF_V_DOUBLE, .u.d = 0.5},
                          tenth = {.type = DF_V_DOUBLE, .u.d = 0.1},
                          raw = {.type = DF_V_BYTES, .text = "A", .len = 1};
    static const writing cases[] = {
        {"[\"null\",\"int\"]", "null", NULL, "00"},
        {"[\"null\",\"int\"]", "1", NULL, "0202"},
        {"[\"null\",\"int\"]", "\"x\"", NULL, "!a string cannot be written as int"},
        {"[\"null\",\"int\",\"long\"]", "1.5", NULL, "!none of the 3 types"},
        {"[\"null\",\"int\"]", "2147483648", NULL, "!does not fit an int"},
        {"[\"int\",\"long\"]", "2147483648", NULL, "028080808010"},
        {"[\"double\",\"long\"]", "1", NULL, "0202"},
        {"[\"float\",\"double\"]", NULL, &half, "02000000000000e03f"},
        {"[\"float\",\"double\"]", NULL, &tenth, "029a9999999999b93f"},
        {"[\"float\",\"double\"]", "0.1", NULL, "029a9999999999b93f"},
        {"[" A "," B "]", "{\"x\":1}", NULL, "0002"},
        {"[" B "," A "]", "{\"x\":1}", NULL, "0202"},
        {"[" A "," B "]", "{\"x\":1,\"y\":2}", NULL, "020204"},
        {"[" A "," B "]", "{\"x\":1,\"z\":2}", NULL, "!none of"},
        {"[" VALUES("\"int\"") "," A "]", "{\"x\":1}", NULL, "0202"},
        {"[" B "," VALUES("\"int\"") "]", "{\"x\":1}", NULL, "0202 0278 02 00"},
        {"[\"bytes\",\"string\"]", "\"AAAA\"", NULL, "020841414141"},
        {"[\"string\",\"bytes\"]", NULL, &raw, "020241"},
        {"[" ENUM("E", "\"A\"") ",\"string\"]", "\"A\"", NULL, "0000"},
        {"[" ENUM("E", "\"A\"") ",\"string\"]", "\"B\"", NULL, "020242"},
        /* the branch that a wrapper names */
        {"[\"int\",\"long\"]", "{\"long\":1}", NULL, "0202"},
        {"[\"null\"," A "," B "]", "{\"B\":{\"x\":1}}", NULL, "040212"},
        {"[\"null\"," LOGICAL("long", "timestamp-millis") "]", "{\"long.timestamp-millis\":5}",
         NULL, "020a"},
        {"[\"null\"," LOGICAL("long", "timestamp-millis") "]", "{\"long\":5}", NULL, "020a"},
        {"[\"null\"," VALUES("\"int\"") "]", "{\"int\":5}", NULL, "02 0206696e740a00"},
    };
    EACH(cases);
}

/* Unions inside of unions: the number of ways is bounded. */
static void many_ways(void **state)
{
    static const char schema[] = REC(
        "A",
        FILLED("n", "[\"null\",\"A\"," REC("B", FILLED("n", "[\"null\",\"A\",\"B\"]", "null")) "]",
               "null"));
    df__buf b;
    writing c = {schema, NULL, NULL, "!too many ways to write it"};
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    for (int i = 0; i < 60; i++)
        df__buf_str(&b, "{\"n\":");
    df__buf_str(&b, "{\"m\":1}");
    for (int i = 0; i < 60; i++)
        df__buf_char(&b, '}');
    c.json = df__buf_cstr(&b);
    assert_writes(&c);
    df__buf_free(&b);
}

/* As the specification has it, a byte at a time. */
static size_t number_bytes(int64_t v, unsigned char *ret)
{
    uint64_t u = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
    size_t n = 0;
    for (; u >= 0x80; u >>= 7)
        ret[n++] = (unsigned char)(u | 0x80);
    ret[n++] = (unsigned char)u;
    return n;
}

/* Each number of bits, alone and among other members. */
static void lengths_of_numbers(void **state)
{
    df_avro_schema *alone = schema_of("\"long\"");
    df_avro_schema *among =
        schema_of(REC("R", FIELD("a", "\"long\"") "," FIELD("b", "\"string\"")));
    df__avro_error error;
    (void)state;
    for (int i = 0; i < 64 * 4; i++) {
        int64_t v = (int64_t)(((uint64_t)1 << i / 4) - (uint64_t)(i % 2));
        unsigned char want[16];
        char json[64];
        df_value value = {.type = DF_V_INT, .u.i = i & 2 ? ~v : v};
        df__buf b;
        held h;
        size_t n = number_bytes(value.u.i, want);
        df__buf_init(&b, &df__heap_libc);
        assert_int_equal(df__avro_encode(alone, &value, &b, &error), DF_OK);
        assert_int_equal(b.len, n);
        assert_memory_equal(b.data, want, n);
        snprintf(json, sizeof json, "{\"a\":%lld,\"b\":\"x\"}", (long long)value.u.i);
        held_init(&h, json);
        assert_int_equal(df_record_root(&h.r, &value), DF_OK);
        assert_int_equal(df__avro_encode(among, &value, &b, &error), DF_OK);
        assert_int_equal(b.len, 2 * n + 2);
        assert_memory_equal(b.data + n, want, n);
        assert_memory_equal(b.data + 2 * n, "\2x", 2);
        held_free(&h);
        df__buf_free(&b);
    }
    df_avro_schema_free(alone);
    df_avro_schema_free(among);
}

/* Members of each length, so that every end of the room is met. */
static void long_texts(void **state)
{
    df_avro_schema *s = schema_of(REC("R", FIELD("a", "\"string\"") "," FIELD("b", "\"double\"")));
    df__avro_error error;
    static char json[2000];
    (void)state;
    for (int len = 0; len < 900; len++) {
        df_value v;
        df__buf b;
        held h;
        snprintf(json, sizeof json, "{\"a\":\"%0*d\",\"b\":1.5}", len, 0);
        if (len == 0)
            snprintf(json, sizeof json, "{\"a\":\"\",\"b\":1.5}");
        held_init(&h, json);
        assert_int_equal(df_record_root(&h.r, &v), DF_OK);
        df__buf_init(&b, &df__heap_libc);
        assert_int_equal(df__avro_encode(s, &v, &b, &error), DF_OK);
        assert_int_equal(b.len, (len < 64 ? 1 : 2) + len + 8);
        for (int i = 0; i < len; i++)
            assert_int_equal(b.data[(len < 64 ? 1 : 2) + i], '0');
        assert_memory_equal(b.data + b.len - 8, "\0\0\0\0\0\0\xf8\x3f", 8);
        df__buf_free(&b);
        held_free(&h);
    }
    df_avro_schema_free(s);
}

/* What was decoded and then edited is made of nodes. */
static void edited(void **state)
{
    static const char text[] =
        REC("R",
            FIELD("a", "\"long\"") "," FIELD("m", VALUES("\"long\"")) "," FIELD(
                "l", ITEMS(REC("I", FIELD("x", "[\"null\",\"double\"]")))) "," FIELD("t",
                                                                                     "\"string\""));
    static const char json[] =
        "{\"a\":1,\"m\":{\"k\":2},\"l\":[{\"x\":null},{\"x\":1.5}],\"t\":\"s\"}";
    static const struct {
        const char *path;
        df_value value;
        const char *want;
    } cases[] = {
        {"$.t",
         {.type = DF_V_STRING, .text = "uvw", .len = 3},
         "02 02026b0400 04000200000000 0000f83f00 06757677"},
        {"$.a",
         {.type = DF_V_NUMBER, .text = "64", .len = 2},
         "8001 02026b0400 04000200000000 0000f83f00 0273"},
        {"$.a", {.type = DF_V_BOOL, .u.i = 1}, "!$.a: a boolean cannot be written as long"},
        {"$.l[1].x", {.type = DF_V_STRING, .text = "y", .len = 1}, "!$.l[1].x: a string cannot be"},
        {"$.m.k", {.type = DF_V_NULL}, "!$.m.k: null cannot be written as long"},
        {"$.a", {.type = DF_V_UNCHANGED}, "!$.a: was not sent by the source"},
        {"$.new", {.type = DF_V_NULL}, "!$.new: the schema's record R has no such field"},
        {"$.t", {.type = DF_V_ABSENT}, "!$.t: is missing"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        writing c = {text, NULL, NULL, cases[i].want};
        df_value v, null = {.type = DF_V_NULL}, gone = {.type = DF_V_ABSENT};
        held h;
        held_init(&h, json);
        assert_int_equal(set(&h.r, "$.other", &null), DF_OK);
        assert_int_equal(set(&h.r, "$.other", &gone), DF_OK);
        if (cases[i].value.type != DF_V_UNCHANGED)
            assert_int_equal(set(&h.r, cases[i].path, &cases[i].value), DF_OK);
        assert_int_equal(df_record_root(&h.r, &v), DF_OK);
        if (cases[i].value.type == DF_V_UNCHANGED)
            assert_int_equal(df_value_put(&h.r, &v, bytes_of("a"), &cases[i].value), DF_OK);
        c.value = &v;
        assert_writes(&c);
        held_free(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(decimals),
        cmocka_unit_test(texts),
        cmocka_unit_test(times),
        cmocka_unit_test(records),
        cmocka_unit_test(unions),
        cmocka_unit_test(order_of_members),
        cmocka_unit_test(many_ways),
        cmocka_unit_test(lengths_of_numbers),
        cmocka_unit_test(long_texts),
        cmocka_unit_test(edited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
