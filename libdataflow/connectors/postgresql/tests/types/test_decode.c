/* SPDX-License-Identifier: Apache-2.0
 * test_decode.c: values as the server sends them, in both forms: the same value; and bytes that are
 * none. What a real server sends is in the integration tests. */
#include "connectors/postgresql/types/decode.h"
#include "support/record_help.h"

typedef struct pair {
    int kind;
    const char *text, *hex; /* NULL: that form is not looked at */
    const char *json;       /* NULL: refused */
    int type;
} pair;

static const pair pairs[] = {
    {PG_KIND_BOOL, "t", "01", "true", DF_V_BOOL},
    {PG_KIND_BOOL, "f", "00", "false", DF_V_BOOL},
    {PG_KIND_BOOL, "true", "02", NULL, 0},
    {PG_KIND_INT2, "-2", "fffe", "-2", DF_V_INT},
    {PG_KIND_INT4, "2147483647", "7fffffff", "2147483647", DF_V_INT},
    {PG_KIND_INT8, "-9223372036854775808", "8000000000000000", "-9223372036854775808", DF_V_INT},
    {PG_KIND_INT4, "1.0", "00000000000001", NULL, 0},
    {PG_KIND_INT4, "", "", NULL, 0},
    {PG_KIND_FLOAT8, "0.1", "3fb999999999999a", "0.1", DF_V_DOUBLE},
    {PG_KIND_FLOAT8, "-0", "8000000000000000", "-0.0", DF_V_DOUBLE},
    {PG_KIND_FLOAT8, "5e-324", "0000000000000001", "5e-324", DF_V_DOUBLE},
    {PG_KIND_FLOAT8, "NaN", "7ff8000000000000", "\"NaN\"", DF_V_DOUBLE},
    {PG_KIND_FLOAT8, "-Infinity", "fff0000000000000", "\"-Infinity\"", DF_V_DOUBLE},
    {PG_KIND_FLOAT8, "1,5", "00", NULL, 0},
    {PG_KIND_FLOAT4, "0.1", "3dcccccd", "0.1", DF_V_DOUBLE},
    {PG_KIND_FLOAT4, "1e-45", "00000001", "1e-45", DF_V_DOUBLE},
    {PG_KIND_FLOAT4, "3.4028235e+38", "7f7fffff", "3.4028235e38", DF_V_DOUBLE},
    {PG_KIND_FLOAT4, "1.6777216e+07", "4b800000", "16777216.0", DF_V_DOUBLE},
    {PG_KIND_FLOAT4, "Infinity", "7f800000", "\"Infinity\"", DF_V_DOUBLE},
    {PG_KIND_NUMERIC, "0", "0000000000000000", "0", DF_V_NUMBER},
    {PG_KIND_NUMERIC, "0.000", "0000000000000003", "0.000", DF_V_NUMBER},
    {PG_KIND_NUMERIC, "1.10", "00020000000000020001 03e8", "1.10", DF_V_NUMBER},
    {PG_KIND_NUMERIC, "-12345.6789", "0003000140000004 0001 0929 1a85", "-12345.6789", DF_V_NUMBER},
    {PG_KIND_NUMERIC, "10000000000000000000", "0001000400000000 03e8", "10000000000000000000",
     DF_V_NUMBER},
    {PG_KIND_NUMERIC, "0.00001", "0001fffe00000005 03e8", "0.00001", DF_V_NUMBER},
    {PG_KIND_NUMERIC, "NaN", "00000000c0000000", "\"NaN\"", DF_V_DOUBLE},
    {PG_KIND_NUMERIC, "Infinity", "00000000d0000000", "\"Infinity\"", DF_V_DOUBLE},
    {PG_KIND_NUMERIC, "-Infinity", "00000000f0000000", "\"-Infinity\"", DF_V_DOUBLE},
    {PG_KIND_NUMERIC, "x", "0001000000000000 2710", NULL, 0},
    {PG_KIND_NUMERIC, "", "00010000000000", NULL, 0},
    {PG_KIND_NUMERIC, NULL, "0000000080000000", NULL, 0},
    {PG_KIND_UUID, "00112233-4455-6677-8899-aabbccddeeff", "00112233445566778899aabbccddeeff",
     "\"00112233-4455-6677-8899-aabbccddeeff\"", DF_V_STRING},
    {PG_KIND_UUID, NULL, "00", NULL, 0},
    {PG_KIND_DATE, "2000-01-01", "00000000", "\"2000-01-01\"", DF_V_DATE},
    {PG_KIND_DATE, "1999-12-31", "ffffffff", "\"1999-12-31\"", DF_V_DATE},
    {PG_KIND_DATE, "0001-01-01 BC", "fff4da8b", "\"0000-01-01\"", DF_V_DATE},
    {PG_KIND_DATE, "infinity", "7fffffff", "\"infinity\"", DF_V_STRING},
    {PG_KIND_DATE, "-infinity", "80000000", "\"-infinity\"", DF_V_STRING},
    {PG_KIND_DATE, "2000-13-01", "000000", NULL, 0},
    {PG_KIND_DATE, "2000-01-01x", NULL, NULL, 0},
    {PG_KIND_TIME, "00:00:00.000001", "0000000000000001", "\"00:00:00.000001\"", DF_V_TIME},
    {PG_KIND_TIME, "24:00:00", "000000141dd76000", "\"24:00:00\"", DF_V_TIME},
    {PG_KIND_TIME, "24:00:00.1", "000000141dd76001", NULL, 0},
    {PG_KIND_TIME, "1:00:00", "ffffffffffffffff", NULL, 0},
    {PG_KIND_TIMETZ, "03:04:05.5+02", "00000002925cf460 ffffe3e0", "\"03:04:05.5+02\"",
     DF_V_STRING},
    {PG_KIND_TIMETZ, "00:00:00-03:30", "0000000000000000 00003138", "\"00:00:00-03:30\"",
     DF_V_STRING},
    {PG_KIND_TIMETZ, "00:00:00+00:19:32", "0000000000000000 fffffb6c", "\"00:00:00+00:19:32\"",
     DF_V_STRING},
    {PG_KIND_TIMETZ, NULL, "0000000000000000 7fffffff", NULL, 0},
    {PG_KIND_TIMESTAMP, "2000-01-01 00:00:00.5", "000000000007a120", "\"2000-01-01T00:00:00.5\"",
     DF_V_TIMESTAMP},
    {PG_KIND_TIMESTAMP, "infinity", "7fffffffffffffff", "\"infinity\"", DF_V_STRING},
    {PG_KIND_TIMESTAMP, "2000-01-01 00:00:00+00", "00", NULL, 0},
    {PG_KIND_TIMESTAMP, "294276-12-31 23:59:59", "7ffffff000000000", NULL, 0},
    {PG_KIND_TIMESTAMPTZ, "2000-01-01 02:00:00+02", "0000000000000000", "\"2000-01-01T00:00:00Z\"",
     DF_V_TIMESTAMP},
    {PG_KIND_TIMESTAMPTZ, "1999-12-31 20:30:00-03:30", "0000000000000000",
     "\"2000-01-01T00:00:00Z\"", DF_V_TIMESTAMP},
    {PG_KIND_TIMESTAMPTZ, "-infinity", "8000000000000000", "\"-infinity\"", DF_V_STRING},
    {PG_KIND_JSON, "{\"a\": [1, 1e400]}", "5b315d", NULL, -1},
    {PG_KIND_JSONB, "[1, null]", "015b312c206e756c6c5d", "[1,null]", DF_V_ARRAY},
    {PG_KIND_JSONB, "{", "025b5d", NULL, 0},
    {PG_KIND_JSONB, "", "", NULL, 0},
    {PG_KIND_BYTEA, "\\x00ff5c", "00ff5c", "\"AP9c\"", DF_V_BYTES},
    {PG_KIND_BYTEA, "\\000\\377\\\\", "00ff5c", "\"AP9c\"", DF_V_BYTES},
    {PG_KIND_BYTEA, "", "", "\"\"", DF_V_BYTES},
    {PG_KIND_BYTEA, "\\x0", NULL, NULL, 0},
    {PG_KIND_BYTEA, "\\4", NULL, NULL, 0},
    {PG_KIND_BYTEA, "\\xgg", NULL, NULL, 0},
    {PG_KIND_TEXT, "na\"\xc3\xafve", "6e6122c3af7665", "\"na\\\"\xc3\xafve\"", DF_V_STRING},
    {PG_KIND_ENUM, "sad", "736164", "\"sad\"", DF_V_STRING},
    {PG_KIND_OTHER, "1 day 02:00:00", NULL, "\"1 day 02:00:00\"", DF_V_STRING},
};

static size_t unhex(const char *hex, char *out)
{
    size_t len = 0;
    for (; *hex; hex++) {
        unsigned value;
        if (*hex != ' ') {
            assert_int_equal(sscanf(hex++, "%2x", &value), 1);
            out[len++] = (char)value;
        }
    }
    return len;
}

static void check(const pair *p, const char *form, int rc, const df__pg_decode *d,
                  const df_value *v)
{
    if (!p->json) {
        if (rc != DF_EDATA || !d->why)
            fail_msg("%s %s was taken: %d", form, p->text ? p->text : p->hex, rc);
        return;
    }
    if (rc != DF_OK || v->type != p->type)
        fail_msg("%s of %s: %d, type %d", form, p->text, rc, v->type);
    assert_json(v, p->json);
}

static void both_forms(void **state)
{
    held h;
    df__pg_decode d;
    df_value v;
    char bytes[64];
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const pair *p = &pairs[i];
        df__pg_type t = {.kind = (uint8_t)p->kind, .delim = ',', .oid = 1};
        if (p->type < 0)
            continue;
        held_init(&h, NULL);
        df__pg_decode_init(&d, &df__heap_libc);
        d.record = &h.r;
        if (p->text)
            check(p, "text", df__pg_decode_text(&d, &t, bytes_of(p->text), &v), &d, &v);
        df__arena_reset(&d.memory);
        d.why = NULL;
        if (p->hex) {
            df_bytes in = {bytes, unhex(p->hex, bytes)};
            check(p, "binary", df__pg_decode_binary(&d, &t, in, &v), &d, &v);
        }
        df__pg_decode_free(&d);
        held_free(&h);
    }
}

static const struct {
    int kind;
    const char *text, *json; /* NULL: refused */
} arrays[] = {
    {PG_KIND_INT4, "{}", "[]"},
    {PG_KIND_INT4, "{1,NULL,-3}", "[1,null,-3]"},
    {PG_KIND_INT4, "{{1,2},{3,4}}", "[[1,2],[3,4]]"},
    {PG_KIND_INT4, "{{{{{{1}}}}}}", "[[[[[[1]]]]]]"},
    {PG_KIND_INT4, "{{{{{{{1}}}}}}}", NULL},
    {PG_KIND_INT4, "[0:1]={1,2}", "\"[0:1]={1,2}\""},
    {PG_KIND_INT4, "{1", NULL},
    {PG_KIND_INT4, "{1,}", NULL},
    {PG_KIND_INT4, "{1}x", NULL},
    {PG_KIND_INT4, "", NULL},
    {PG_KIND_INT4, "{x}", NULL},
    {PG_KIND_TEXT, "{a,\"b c\",\"\",\"NULL\",NULL,\"q\\\"\\\\,}\"}",
     "[\"a\",\"b c\",\"\",\"NULL\",null,\"q\\\"\\\\,}\"]"},
    {PG_KIND_TEXT, "{\"a", NULL},
    {PG_KIND_TEXT, "{a\\", NULL},
    {PG_KIND_TIMESTAMPTZ, "{\"2000-01-01 00:00:00+00\",infinity}",
     "[\"2000-01-01T00:00:00Z\",\"infinity\"]"},
    {PG_KIND_BYTEA, "{\"\\\\x00ff\"}", "[\"AP8=\"]"},
    {PG_KIND_JSONB, "{\"{\\\"a\\\": [1, 2]}\",\"[3]\",NULL}", "[{\"a\":[1,2]},[3],null]"},
    {PG_KIND_JSONB, "{{1},{2}}", "\"{{1},{2}}\""},
    {PG_KIND_NUMERIC, "{1.10,NaN}", "[1.10,\"NaN\"]"},
};

static void many(void **state)
{
    held h;
    df__pg_decode d;
    df_value v;
    (void)state;
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        df__pg_type t = {.kind = (uint8_t)arrays[i].kind, .delim = ',', .array = 1};
        held_init(&h, NULL);
        df__pg_decode_init(&d, &df__heap_libc);
        d.record = &h.r;
        int rc = df__pg_decode_text(&d, &t, bytes_of(arrays[i].text), &v);
        assert_false(df__pg_reads_binary(&t));
        if (!arrays[i].json) {
            if (rc != DF_EDATA || !d.why)
                fail_msg("%s was taken: %d", arrays[i].text, rc);
        } else {
            assert_int_equal(rc, DF_OK);
            assert_json(&v, arrays[i].json);
        }
        df__pg_decode_free(&d);
        held_free(&h);
    }
}

/* A json column keeps what its text says, numbers as they are written. */
static void trees(void **state)
{
    held h;
    df__pg_decode d;
    df_value v;
    df__pg_type t = {.kind = PG_KIND_JSON};
    (void)state;
    held_init(&h, NULL);
    df__pg_decode_init(&d, &df__heap_libc);
    d.record = &h.r;
    assert_int_equal(df__pg_decode_text(&d, &t, bytes_of(" {\"a\" : 1.0e400, \"a\":2} "), &v),
                     DF_OK);
    assert_json(&v, "{\"a\":1.0e400,\"a\":2}");
    df__pg_decode_free(&d);
    held_free(&h);
}

static void fields(void **state)
{
    df__pg_type t = {.kind = PG_KIND_NUMERIC, .limit = 12, .scale = 4};
    df_field f = {.size = sizeof f};
    (void)state;
    df__pg_field_of(&t, &f);
    assert_true(f.type == DF_V_NUMBER && f.precision == 12 && f.scale == 4);
    t = (df__pg_type){.kind = PG_KIND_TIMESTAMP, .array = 1};
    f = (df_field){.size = sizeof f};
    df__pg_field_of(&t, &f);
    assert_true(f.type == DF_V_ARRAY && f.item == DF_V_TIMESTAMP && f.zone == DF_ZONE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_forms), cmocka_unit_test(many),
                                       cmocka_unit_test(trees), cmocka_unit_test(fields)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
