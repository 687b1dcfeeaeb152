/* SPDX-License-Identifier: Apache-2.0
 * test_forms.c: asks a real server (DF_PG) for values in its text form and in binary: both are the
 * same value. Skipped where there is no server; the integration tests run it with one. */
#include <libpq-fe.h>
#include <math.h>

#include "connectors/postgresql/types/decode.h"
#include "support/record_help.h"

static const struct {
    int kind;
    const char *type, *values[12];
} all[] = {
    {PG_KIND_BOOL, "bool", {"t", "f"}},
    {PG_KIND_INT2, "int2", {"-32768", "32767", "0"}},
    {PG_KIND_INT4, "int4", {"-2147483648", "2147483647", "-1"}},
    {PG_KIND_INT8, "int8", {"-9223372036854775808", "9223372036854775807"}},
    {PG_KIND_FLOAT4,
     "float4",
     {"0.1", "1e-45", "3.4028235e38", "NaN", "-Infinity", "16777217", "-0", "1.17549435e-38",
      "9.99e-41", "33554432.5", "123456.78"}},
    {PG_KIND_FLOAT8,
     "float8",
     {"0.1", "5e-324", "1.7976931348623157e308", "NaN", "Infinity", "-0", "1e15",
      "123456789012345678", "0.1e-6"}},
    {PG_KIND_NUMERIC,
     "numeric",
     {"0", "0.000", "-0.00", "1.10", "NaN", "123456789012345678901234567890.0123456789", "-1e-40",
      "1e40", "10000", "0.0001", "9999.9999"}},
    {PG_KIND_NUMERIC, "numeric(12,4)", {"1.1", "-99999999.9999", "0"}},
    {PG_KIND_DATE,
     "date",
     {"infinity", "-infinity", "4713-01-01 BC", "0001-01-01", "0001-12-31 BC", "5874897-12-31",
      "15000-02-28", "2024-02-29", "1970-01-01"}},
    {PG_KIND_TIME, "time", {"24:00:00", "00:00:00", "23:59:59.999999", "12:00:00.5"}},
    {PG_KIND_TIMETZ,
     "timetz",
     {"24:00:00+15:59", "00:00:00-15:59", "03:04:05.000006+00", "03:04:05.1+05:30",
      "03:04:05-00:19:32"}},
    {PG_KIND_TIMESTAMP,
     "timestamp",
     {"infinity", "-infinity", "4713-01-01 00:00:00 BC", "0001-01-01 00:00:00",
      "294246-12-31 23:59:59.999999", "2024-02-29 12:34:56.000001", "15000-01-01 00:00:00",
      "294276-12-31 23:59:59"}},
    {PG_KIND_TIMESTAMPTZ,
     "timestamptz",
     {"infinity", "-infinity", "4713-01-02 00:00:00+00 BC", "1880-01-01 00:00:00+00",
      "2024-02-29 12:34:56.000001+05:30", "1999-12-31 23:59:59.5-03"}},
    {PG_KIND_JSON,
     "json",
     {" {\"b\" : 1.0e400, \"a\":[null, \"\\u0000\"]}", "null", "\"x\"", "[]"}},
    {PG_KIND_JSONB,
     "jsonb",
     {"{\"b\":100000000000000000000.10,\"a\":{\"c\":[]}}", "null", "1", "\"\""}},
    {PG_KIND_BYTEA, "bytea", {"", "\\x00ff5c27", "\\x5c"}},
    {PG_KIND_UUID, "uuid", {"00112233-4455-6677-8899-AABBCCDDEEFF"}},
    {PG_KIND_TEXT, "text", {"", "na\xc3\xafve\n\t\\", "NULL"}},
    {PG_KIND_TEXT, "bpchar(5)", {"ab", ""}},
    {PG_KIND_SHORT, "name", {"a b"}},
};

static const char *const settings[] = {
    "SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET extra_float_digits = 1",
    "SET datestyle = 'ISO, DMY'; SET timezone = 'Europe/Amsterdam'; SET extra_float_digits = 3; "
    "SET bytea_output = 'escape'",
};

typedef struct told {
    held h;
    df__pg_decode d;
    int rc;
    df_value v;
    char json[300];
} told;

static void take(told *t, const df__pg_type *type, PGresult *res, int row)
{
    df_bytes in = {PQgetvalue(res, row, 0), (size_t)PQgetlength(res, row, 0)};
    held_init(&t->h, NULL);
    df__pg_decode_init(&t->d, &df__heap_libc);
    t->d.record = &t->h.r;
    t->rc = PQfformat(res, 0) ? df__pg_decode_binary(&t->d, type, in, &t->v)
                              : df__pg_decode_text(&t->d, type, in, &t->v);
    memset(t->json, 0, sizeof t->json);
    if (t->rc == DF_OK)
        df_value_json(&t->v, t->json, sizeof t->json - 1);
}

static void drop(told *t)
{
    df__pg_decode_free(&t->d);
    held_free(&t->h);
}

static PGresult *ask(PGconn *pg, const char *sql, const char *value, int binary)
{
    PGresult *res = PQexecParams(pg, sql, value ? 1 : 0, NULL, &value, NULL, NULL, binary);
    if (PQresultStatus(res) != PGRES_TUPLES_OK)
        fail_msg("%s (%s): %s", sql, value, PQerrorMessage(pg));
    return res;
}

static void same(PGconn *pg, const df__pg_type *type, const char *sql, const char *value)
{
    PGresult *text = ask(pg, sql, value, 0), *binary = ask(pg, sql, value, 1);
    for (int row = 0; row < PQntuples(text); row++) {
        told a, b;
        take(&a, type, text, row);
        take(&b, type, binary, row);
        if (a.rc != b.rc || (a.rc == DF_OK && (a.v.type != b.v.type || a.v.zone != b.v.zone ||
                                               strcmp(a.json, b.json) != 0)))
            fail_msg("%.60s of %s: %d %s, in binary %d %s", sql, PQgetvalue(text, row, 0), a.rc,
                     a.json, b.rc, b.json);
        if (a.rc == DF_OK && a.v.type == DF_V_DOUBLE)
            assert_int_equal(signbit(a.v.u.d), signbit(b.v.u.d));
        drop(&a);
        drop(&b);
    }
    PQclear(text);
    PQclear(binary);
}

static PGconn *connected(void)
{
    PGconn *pg = getenv("DF_PG") ? PQconnectdb(getenv("DF_PG")) : NULL;
    if (!pg)
        skip();
    if (PQstatus(pg) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(pg));
    return pg;
}

static void both_forms(void **state)
{
    PGconn *pg = connected();
    (void)state;
    for (size_t s = 0; s < sizeof settings / sizeof settings[0]; s++) {
        PQclear(PQexec(pg, settings[s]));
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
            df__pg_type type = {.kind = (uint8_t)all[i].kind, .delim = ',', .oid = 1};
            char sql[100];
            snprintf(sql, sizeof sql, "SELECT $1::text::%s", all[i].type);
            for (size_t k = 0; k < 12 && all[i].values[k] && df__pg_reads_binary(&type); k++)
                same(pg, &type, sql, all[i].values[k]);
        }
    }
    PQfinish(pg);
}

/* Every power of two, its neighbours, and numbers by chance: the shortest text of a real is found
 * as the server finds it. */
static void reals(void **state)
{
    PGconn *pg = connected();
    enum { COUNT = 6000 };
    df__buf sql;
    df__pg_type type = {.kind = PG_KIND_FLOAT4};
    uint32_t bits = 12345;
    (void)state;
    df__buf_init(&sql, &df__heap_libc);
    df__buf_str(&sql, "SELECT unnest('{1");
    for (int i = 0; i < COUNT; i++) {
        float f;
        uint32_t x = i < 762 ? ((uint32_t)(i / 3 + 1) << 23) + (uint32_t)(i % 3) - 1
                             : (bits = bits * 1664525 + 1013904223) & 0x7fffffff;
        memcpy(&f, &x, sizeof f);
        if (isfinite(f))
            df__buf_printf(&sql, ",%.9g", (double)f);
    }
    df__buf_str(&sql, "}'::float4[])");
    PQclear(PQexec(pg, settings[0]));
    same(pg, &type, df__buf_cstr(&sql), NULL);
    df__buf_free(&sql);
    PQfinish(pg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_forms), cmocka_unit_test(reals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
