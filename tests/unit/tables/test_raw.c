/* SPDX-License-Identifier: Apache-2.0
 * test_raw.c: what rawMode of the sinks of tables writes of a record: its value and its metadata,
 * its own or those of an envelope that came in as a record. */
#include "tables/raw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

enum { ROWS = 8, ROW = 400 };
static struct {
    char data[ROW], meta[ROW];
} rows[ROWS];
static size_t row_count;
static int stops_after; /* keys of the metadata; 0: never */

static int stop(void *user, df_bytes name, const df_value *value)
{
    (void)value;
    assert_true(name.len > 0);
    return ++*(int *)user == stops_after ? DF_EDATA : DF_OK;
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    (void)self;
    (void)st;
    for (size_t i = 0; i < df_parcel_count(parcel); i++, row_count++) {
        df__raw raw;
        df__buf b;
        int seen = 0;
        assert_true(row_count < ROWS);
        assert_ok(df__raw_read(parcel, i, &raw));
        rows[row_count].data[df_value_json(&raw.data, rows[row_count].data, ROW - 1)] = '\0';
        df__buf_init(&b, &df__heap_libc);
        assert_ok(df__raw_meta(&raw, &b));
        assert_true(b.len < ROW);
        memcpy(rows[row_count].meta, b.data, b.len);
        df__buf_free(&b);
        if (stops_after) {
            assert_status(df__raw_each(&raw, stop, &seen), DF_EDATA);
            assert_int_equal(seen, stops_after);
        }
    }
    return DF_OK;
}

#define ROW_OF(n, t, m)                                                                            \
    {                                                                                              \
        .name = n, .type = t, .offset = offsetof(df__raw_options, m), .doc = "As in the sinks."    \
    }
static const df_option option_rows[] = {
    ROW_OF("rawMode", DF_OPT_BOOL, raw),
    ROW_OF("upsertMode", DF_OPT_BOOL, upsert),
    ROW_OF("flattenMetadataColumns", DF_OPT_BOOL, flatten),
    ROW_OF("flattenMetadataColumnsPrefix", DF_OPT_TEXT, prefix),
};
static const df_options options = DF_OPTIONS(option_rows, df__raw_options);

static int sink_check(void *self, df_stage *st)
{
    return df__raw_check(st, self);
}

static const df_sink_ops ops = {.size = sizeof ops, .check = sink_check, .write = sink_write};
static const df_connector rawer = {.size = sizeof rawer,
                                   .name = "rawer",
                                   .doc = "Takes whole records.",
                                   .sink_size = sizeof(df__raw_options),
                                   .sink_options = &options,
                                   .sink = &ops};

static int setup(void **state)
{
    support_fixture *f;
    if (support_setup(state))
        return -1;
    f = *state;
    row_count = 0;
    stops_after = 0;
    memset(rows, 0, sizeof rows);
    return df_connector_register(f->env, &rawer);
}

static void run(support_fixture *f, const char *lines)
{
    char yaml[1200];
    support_write_file(f->in, lines);
    snprintf(
        yaml, sizeof yaml,
        "source: {type: stdio, config: {path: %s}}\nsink: {type: rawer, config: {rawMode: true}}\n",
        f->in);
    assert_ok(support_run(f->env, yaml, NULL));
}

static void check_row(size_t i, const char *data, const char *meta)
{
    assert_string_equal(rows[i].data, data);
    assert_string_equal(rows[i].meta, meta);
}

/* A body of exactly these two members is an envelope; one that only looks like it is a value. */
static void envelopes(void **state)
{
    run(*state, "{\"value\":[1,{\"b\":2}],\"_metadata\":{\"topic\":\"t\",\"q\\\"\":null}}\n"
                "{\"_metadata\":{},\"value\":null}\n"
                "{\"value\":1,\"_metadata\":{\"x\":1},\"z\":0}\n"
                "{\"value\":1,\"_metadata\":\"x\"}\n"
                "{\"value\":1,\"value2\":2}\n");
    assert_int_equal(row_count, 5);
    check_row(0, "[1,{\"b\":2}]", "{\"topic\":\"t\",\"q\\\"\":null}");
    check_row(1, "null", "{}");
    assert_string_equal(rows[2].data, "{\"value\":1,\"_metadata\":{\"x\":1},\"z\":0}");
    assert_string_equal(rows[3].data, "{\"value\":1,\"_metadata\":\"x\"}");
    assert_string_equal(rows[4].data, "{\"value\":1,\"value2\":2}");
}

static void own_metadata(void **state)
{
    support_fixture *f = *state;
    char meta[2 * ROW];
    stops_after = 2;
    f->host.now_us = 1000000;
    run(f, "{\"a\":1}\n{\"value\":2}\n");
    assert_int_equal(row_count, 2);
    for (int i = 0; i < 2; i++) {
        snprintf(meta, sizeof meta,
                 "{\"file\":\"%s\",\"offset\":%d,\"timestamp\":\"1970-01-01T00:00:01Z\"}", f->in,
                 i * 8);
        check_row((size_t)i, i ? "{\"value\":2}" : "{\"a\":1}", meta);
    }
}

/* What does not fit together is told at its option, before anything is opened. */
static void problems(void **state)
{
    static const struct {
        const char *config, *problem; /* NULL: none */
    } cases[] = {
        {"rawMode: true", NULL},
        {"rawMode: true, flattenMetadataColumns: true, flattenMetadataColumnsPrefix: _m1", NULL},
        {"rawMode: true, upsertMode: true", "rawMode: adds a row for each record"},
        {"flattenMetadataColumns: true", "flattenMetadataColumns: needs rawMode: true"},
        {"rawMode: true, flattenMetadataColumnsPrefix: 1a", "no digit first"},
        {"rawMode: true, flattenMetadataColumnsPrefix: a-b", "letters, digits and _"},
    };
    support_fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char yaml[400], *said;
        snprintf(yaml, sizeof yaml, "source: {type: stdio}\nsink: {type: rawer, config: {%s}}\n",
                 cases[i].config);
        df_pipeline *p = support_load(f->env, yaml);
        assert_status(df_pipeline_check(p), cases[i].problem ? DF_ESPEC : DF_OK);
        said = support_problems(p);
        if (cases[i].problem)
            assert_non_null(strstr(said, cases[i].problem));
        else
            assert_string_equal(said, "");
        free(said);
        df_pipeline_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(envelopes, setup, support_teardown),
        cmocka_unit_test_setup_teardown(own_metadata, setup, support_teardown),
        cmocka_unit_test_setup_teardown(problems, setup, support_teardown),
    };
    return cmocka_run_group_tests_name("raw", tests, NULL, NULL);
}
