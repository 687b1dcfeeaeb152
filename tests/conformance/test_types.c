/* SPDX-License-Identifier: Apache-2.0
 * test_types.c: rows as a database has them, from one system in memory to another: bytea,
 * timestamptz, numeric with NaN, arrays, dates and what was not sent arrive as they were, with
 * their schema, also when a write fails, its outcome is unknown, a row is refused, or threads
 * transform. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/typed.h"
#include "connectors/memory/memory.h"
#include "support/support.h"

enum { ROWS = 3000, TEXT = 1024 };

typedef struct fixture {
    support_host host;
    df_env *env;
    df__memory *from, *to;
    int seen[ROWS]; /* under the lock of `to` */
    size_t wrong;
    char shown[TEXT * 2];
} fixture;

/* What row n is, in the marks of the vectors. */
static void row_text(uint64_t n, char *out)
{
    static const char *const numbers[] = {"{\"$double\":\"NaN\"}", "0.10",
                                          "12345678901234567890.123456789",
                                          "{\"$double\":\"-Infinity\"}"};
    snprintf(
        out, TEXT,
        "{\"id\":%llu,\"by\":{\"$bytes\":\"ff00%02x\"},"
        "\"tz\":{\"$timestamp\":\"2024-02-29T10:00:00.%06llu+02:00\"},"
        "\"ts\":{\"$timestamp\":\"1999-12-31T23:59:59.999999\"},\"d\":{\"$date\":\"2024-02-29\"},"
        "\"t\":{\"$time\":\"23:59:59.999999\"},\"n\":%s,"
        "\"a\":[{\"$bytes\":\"00\"},[{\"$double\":\"NaN\"},null],{\"$timestamp\":\"1970-01-01T00:"
        "00:00Z\"}],"
        "\"o\":{\"u\":{\"$unchanged\":true},\"x\":1e400},\"toast\":{\"$unchanged\":true}}",
        (unsigned long long)n, (unsigned)(n & 255), (unsigned long long)(n * 10 + 100001),
        numbers[n % 4]);
}

static int build(df_record *r, uint64_t n, void *user)
{
    char text[TEXT];
    int rc;
    (void)user;
    row_text(n, text);
    rc = df_record_set_payload(r, (df_bytes){text, strlen(text)});
    return rc == DF_OK ? app_typed_make(r) : rc;
}

static int see(df_parcel *parcel, size_t index, void *user)
{
    fixture *f = user;
    df_value root, id = {0};
    char want[TEXT];
    df__buf got;
    int rc = df_parcel_root(parcel, index, &root);
    if (rc != DF_OK)
        return rc;
    df_value_member(&root, (df_bytes){"id", 2}, &id);
    if (id.type != DF_V_INT || id.u.i < 0 || id.u.i >= ROWS)
        return DF_EINTERNAL;
    f->seen[id.u.i]++;
    row_text((uint64_t)id.u.i, want);
    df__buf_init(&got, &df__heap_libc);
    app_typed_write(&got, &root);
    if (!df__buf_cstr(&got) || strcmp(got.data, want) != 0) {
        if (!f->wrong++)
            snprintf(f->shown, sizeof f->shown, "want %s\n  got  %s", want, got.data);
    }
    df__buf_free(&got);
    return DF_OK;
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    df__memory_types read = {.build = build}, stored = {.see = see};
    df_input row = {.size = sizeof row};
    assert_non_null(f);
    f->env = support_env(&f->host);
    f->from = df__memory_hold("types-from");
    f->to = df__memory_hold("types-to");
    stored.user = f;
    df__memory_speak(f->from, &read);
    df__memory_speak(f->to, &stored);
    for (uint32_t i = 0; i < ROWS; i++) {
        row.partition = i;
        assert_ok(df__memory_feed(f->from, &row));
    }
    df__memory_end(f->from);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    df__memory_release(f->from);
    df__memory_release(f->to);
    support_env_free(f->env, &f->host);
    free(f);
    return 0;
}

static void run(fixture *f, const char *more)
{
    char yaml[1200], message[512];
    int rc;
    snprintf(yaml, sizeof yaml,
             "source: {type: memory, config: {server: types-from, partitions: 3}}\n"
             "sink: {type: memory, config: {server: types-to, batchSize: 70}}\n%s",
             more);
    rc = support_run(f->env, yaml, message);
    if (rc != DF_OK)
        fail_msg("%s: %s", df_status_name(rc), message);
}

/* Every row `least` to `most` times, but those of which `few` tells. */
static void assert_arrived(fixture *f, int most, uint64_t without)
{
    size_t missing = 0;
    for (uint64_t i = 0; i < ROWS; i++) {
        missing += f->seen[i] == 0 && i != without;
        assert_true(f->seen[i] <= most);
    }
    if (f->wrong || missing)
        fail_msg("%zu rows are other than they were, %zu are missing\n  %s", f->wrong, missing,
                 f->shown);
}

static void test_as_they_were(void **state)
{
    run(*state, "");
    assert_arrived(*state, 1, ROWS);
}

static void test_through_transforms(void **state)
{
    run(*state, "transformWorkers: 3\ntransformations:\n"
                "  - {type: filter, config: {condition: '$.id >= 0'}}\n"
                "  - {type: insertField, config: {fields: {extra: x}}}\n"
                "  - {type: replaceField, config: {renames: ['id:Key', 'toast:cold']}}\n"
                "  - {type: hoistField, config: {field: row}}\n"
                "  - {type: extractField, config: {field: row}}\n"
                "  - {type: select, config: {fields: [Key, by, tz, ts, d, t, n, a, o, cold]}}\n"
                "  - {type: replaceField, config: {renames: ['Key:id', 'cold:toast']}}\n"
                "  - {type: select, config: {fields: [id, by, tz, ts, d, t, n, a, o, toast]}}\n");
    assert_arrived(*state, 1, ROWS);
}

/* A write that fails is given again: from the trees, which are still there. */
static void test_after_failures(void **state)
{
    fixture *f = *state;
    df__memory_fault fault = {.writes = 2, .after = 3, .status = DF_EIO};
    df__memory_fail(f->to, &fault);
    run(f, "");
    assert_arrived(f, 1, ROWS);
}

static void test_outcome_unknown(void **state)
{
    fixture *f = *state;
    df__memory_fault fault = {.writes = 1, .after = 3, .status = DF_EUNKNOWN, .applied = 1};
    df__memory_fail(f->to, &fault);
    run(f, "deliveryGuarantee: exactlyOnce\n");
    assert_arrived(f, 1, ROWS);
}

/* One row is refused: its batch is written without it, and it goes to the error sink as JSON. */
static void test_one_is_refused(void **state)
{
    fixture *f = *state;
    df__memory *errors = df__memory_hold("types-errors");
    df__memory_fault fault = {.reject = "\"id\":1234,"};
    df__memory_fail(f->to, &fault);
    run(f, "errors: {type: memory, config: {server: types-errors}}\n");
    assert_arrived(f, 1, 1234);
    assert_int_equal(f->seen[1234], 0);
    assert_int_equal(df__memory_count(errors), 1);
    assert_non_null(memmem(errors->out.at[0]->payload.data, errors->out.at[0]->payload.len,
                           "\"by\":\"/wDS\"", 11));
    df__memory_release(errors);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_as_they_were),    TEST(test_through_transforms), TEST(test_after_failures),
        TEST(test_outcome_unknown), TEST(test_one_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
