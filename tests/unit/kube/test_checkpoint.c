/* SPDX-License-Identifier: Apache-2.0
 * test_checkpoint.c: the text of a checkpoint ConfigMap: what is written comes back byte for byte,
 * older forms are understood, what is damaged is refused, and which position is the farther one. */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "kube/checkpoint.h"

static df_bytes bytes(const char *text)
{
    return (df_bytes){text, strlen(text)};
}

static int reads(const char *text, const char *partition, const char *want)
{
    kube_checkpoint c;
    char err[200] = "";
    const kube_position *p;
    int rc;
    kube_checkpoint_init(&c, "postgresql");
    rc = kube_checkpoint_read(&c, bytes(text), err, sizeof err);
    p = rc == DF_OK ? kube_checkpoint_get(&c, partition) : NULL;
    if (want) {
        assert_ok(rc);
        assert_non_null(p);
        assert_string_equal(p->data, want);
    } else {
        assert_null(p);
    }
    assert_int_equal(rc != DF_OK, *err != '\0');
    kube_checkpoint_free(&c);
    return rc;
}

static void test_older_forms(void **state)
{
    (void)state;
    assert_ok(reads("", "p", NULL));
    assert_ok(reads("{}", "p", NULL));
    assert_ok(reads("{\"clickhouse\":{\"lastReadID\":1}}", "p", NULL));
    assert_ok(reads("{\"postgresql\":{}}", "p", NULL));
    reads("{\"postgresql\":{\"lastReadID\":123456789012345678901234567890}}", "any",
          "{\"lastReadOrderByValue\":123456789012345678901234567890}");
    reads("{\"postgresql\":{\"lastReadID\":7,\"lastReadTime\":\"2026-01-01T00:00:00Z\"}}", "any",
          "{\"lastReadOrderByValue\":7,\"lastReadChangeTime\":\"2026-01-01T00:00:00Z\"}");
    reads("{\"postgresql\":{\"lastReadChangeTime\":\"2026-01-01T00:00:00Z\"}}", "any",
          "{\"lastReadChangeTime\":\"2026-01-01T00:00:00Z\"}");
    reads("{\"x\":1,\"postgresql\":{\"lastAckedLSN\":\"0/16B3748\",\"slotName\":\"s\"}}", "any",
          "{\"lastAckedLSN\":\"0/16B3748\",\"slotName\":\"s\"}");
    assert_ok(reads("{\"postgresql\":{\"lastReadID\":7}}", "#source", NULL));
}

static void test_damaged(void **state)
{
    static const char *const texts[] = {
        "{",
        "[]",
        "7",
        "{\"postgresql\":7}",
        "{\"postgresql\":null}",
        "{\"postgresql\":{\"lastReadI\":7}}",
        "{\"postgresql\":{\"dataflow\":7}}",
        "{\"postgresql\":{\"dataflow\":{}}}",
        "{\"postgresql\":{\"dataflow\":{\"writer\":\"w\"}}}",
        "{\"postgresql\":{\"dataflow\":{\"writer\":\"w\",\"partition\":\"\"}}}",
        "{\"postgresql\":{\"dataflow\":{\"writer\":\"w\",\"partition\":\"#source\"}}}",
        "{\"postgresql\":{\"dataflow\":{\"writer\":\"w\",\"partition\":\"a\\u0000b\"}}}",
        "{\"postgresql\":{\"dataflow\":{\"writer\":\"w\",\"source\":7,\"partition\":\"p\"}}}",
        "{\"postgresql\":{\"dataflow\":{\"writer\":\"w\",\"partitions\":{\"p\":7}}}}",
        "{\"postgresql\":{\"dataflow\":{\"writer\":\"w\",\"partitions\":{\"p\":\"1\",\"p\":\"2\"}}}"
        "}",
        "{\"postgresql\":{\"dataflow\":{\"writer\":\"w\",\"partitions\":{\"p\":{\"base64\":\"*\"}}}"
        "}}",
        "{\"postgresql\":{\"a\":1,\"dataflow\":{\"writer\":\"w\",\"partitions\":{}}}}",
        "{\"postgresql\":{},\"postgresql\":{}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (reads(texts[i], "p", NULL) != DF_ESTATE)
            fail_msg("%s is taken for a checkpoint", texts[i]);
}

static void writes(kube_checkpoint *c, const char *want)
{
    df__buf out;
    df__buf_init(&out, &df__heap_libc);
    assert_ok(kube_checkpoint_write(c, "pod", &out));
    assert_string_equal(out.data, want);
    df__buf_free(&out);
}

static void test_forms(void **state)
{
    kube_checkpoint c;
    char err[200];
    (void)state;
    kube_checkpoint_init(&c, "postgresql");
    assert_ok(kube_checkpoint_read(&c,
                                   bytes("{\"other\": {\"n\": 1.50}, \"postgresql\": "
                                         "{\"lastReadID\": 7}}"),
                                   err, sizeof err));
    writes(&c, "{\"other\":{\"n\":1.50},\"postgresql\":{\"lastReadOrderByValue\":7}}");
    assert_ok(kube_checkpoint_put(&c, "#source", bytes("abc")));
    assert_ok(kube_checkpoint_put(&c, "orders", bytes("{\"lastReadOrderByValue\":8}")));
    writes(&c, "{\"other\":{\"n\":1.50},\"postgresql\":{\"lastReadOrderByValue\":8,\"dataflow\":{"
               "\"writer\":\"pod\",\"source\":\"abc\",\"partition\":\"orders\"}}}");
    assert_ok(kube_checkpoint_put(&c, "b", bytes("17 4")));
    assert_ok(kube_checkpoint_put(&c, "c", (df_bytes){"\0\xff", 2}));
    writes(&c, "{\"other\":{\"n\":1.50},\"postgresql\":{\"dataflow\":{\"writer\":\"pod\","
               "\"source\":\"abc\",\"partitions\":{\"orders\":{\"lastReadOrderByValue\":8},"
               "\"b\":\"17 4\",\"c\":{\"base64\":\"AP8=\"}}}}}");
    assert_ok(kube_checkpoint_put(&c, "orders", (df_bytes){NULL, 0}));
    assert_ok(kube_checkpoint_put(&c, "b", (df_bytes){NULL, 0}));
    assert_ok(kube_checkpoint_put(&c, "c", (df_bytes){NULL, 0}));
    writes(&c, "{\"other\":{\"n\":1.50},\"postgresql\":{\"dataflow\":{\"writer\":\"pod\","
               "\"source\":\"abc\",\"partitions\":{}}}}");
    kube_checkpoint_free(&c);
}

/* A position is opaque: whatever it is, the same bytes come back. */
static void test_round_trip(void **state)
{
    static const df_bytes positions[] = {{"", 0},
                                         {"7", 1},
                                         {"{}", 2},
                                         {"{ }", 3},
                                         {"[1]", 3},
                                         {"\"x\"", 3},
                                         {"a\0b", 3},
                                         {"\xff", 1},
                                         {"{\"base64\":\"AA==\"}", 17},
                                         {"{\"dataflow\":1}", 14},
                                         {"{\"a\":\"\\/\"}", 10},
                                         {"{\"n\":1e400,\"m\":00}", 18},
                                         {"{\"a\":1,\"a\":2}", 13},
                                         {"{\"lastReadOrderByValue\":1.0}", 28},
                                         {"\xc3\xa9", 2}};
    enum { COUNT = sizeof positions / sizeof *positions };
    static const char *const names[] = {"p", "a\"b", "\xc3\xa9", "dataflow"};
    (void)state;
    for (size_t i = 0; i < COUNT * COUNT; i++) {
        kube_checkpoint c, back;
        char err[200];
        df__buf out;
        const df_bytes *first = &positions[i / COUNT], *second = &positions[i % COUNT];
        const char *name = names[i % 4];
        const kube_position *p;
        df__buf_init(&out, &df__heap_libc);
        kube_checkpoint_init(&c, "stdio");
        kube_checkpoint_init(&back, "stdio");
        assert_ok(kube_checkpoint_put(&c, name, *first));
        if (first != second)
            assert_ok(kube_checkpoint_put(&c, "second", *second));
        assert_ok(kube_checkpoint_write(&c, "pod", &out));
        if (kube_checkpoint_read(&back, (df_bytes){out.data, out.len}, err, sizeof err) != DF_OK)
            fail_msg("%s: %s", out.data, err);
        p = kube_checkpoint_get(&back, name);
        assert_int_equal(p->len, first->len);
        assert_memory_equal(p->data, first->data, first->len);
        p = kube_checkpoint_get(&back, "second");
        assert_int_equal(p != NULL, first != second);
        if (p)
            assert_memory_equal(p->data, second->data, second->len);
        assert_string_equal(back.writer, "pod");
        kube_checkpoint_free(&c);
        kube_checkpoint_free(&back);
        df__buf_free(&out);
    }
}

static void test_order(void **state)
{
#define ORDER_BY(value) "{\"lastReadOrderByValue\":" value "}"
#define TIMED(time, value)                                                                         \
    "{\"lastReadChangeTime\":\"" time "\",\"lastReadOrderByValue\":" value "}"
#define LSN(text) "{\"lastAckedLSN\":\"" text "\"}"
#define SNAPSHOT(n, row) "{\"lastAckedSnapshotSequence\":" n ",\"scanRowOffset\":" row "}"
    static const struct {
        const char *less, *more; /* the same: equal; "?": no order */
    } cases[] = {
        {ORDER_BY("9"), ORDER_BY("10")},
        {ORDER_BY("9007199254740993"), ORDER_BY("9007199254740994")},
        {ORDER_BY("\"a9\""), ORDER_BY("\"b10\"")},
        {ORDER_BY("1.5"), ORDER_BY("1.75")},
        {ORDER_BY("7"), ORDER_BY("7.0")},
        {ORDER_BY("7"), TIMED("2026-01-01T00:00:00Z", "8")},
        {TIMED("2026-01-01T00:00:00.1Z", "9"), TIMED("2026-01-01T01:00:00.2+01:00", "1")},
        {TIMED("2026-01-01T00:00:00Z", "1"), TIMED("2026-01-01T00:00:00Z", "2")},
        {"{\"lastReadChangeTime\":\"2026-01-01T00:00:00Z\"}", TIMED("2026-01-01T00:00:00Z", "1")},
        {LSN("0/FFFFFFFF"), LSN("1/0")},
        {LSN("A/9"), LSN("A/10")},
        {SNAPSHOT("3", "900"), SNAPSHOT("4", "0")},
        {SNAPSHOT("4", "0"), SNAPSHOT("4", "1")},
        {"{\"lastAckedSnapshotSequence\":4}", SNAPSHOT("4", "1")},
        {"?17 1", "18 1"},
        {"?" LSN("x"), LSN("1/0")},
        {"?" LSN("0/1"), ORDER_BY("1")},
        {"?" TIMED("yesterday", "1"), TIMED("2026-01-01T00:00:00Z", "1")},
        {"?" ORDER_BY("[1]"), ORDER_BY("1")},
    };
    int order;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int none = cases[i].less[0] == '?', same = i == 4;
        df_bytes less = bytes(cases[i].less + none), more = bytes(cases[i].more);
        assert_int_equal(kube_position_order(less, more, &order), none ? DF_ENOTSUP : DF_OK);
        if (none)
            continue;
        assert_int_equal(order < 0, !same);
        assert_ok(kube_position_order(more, less, &order));
        assert_int_equal(order > 0, !same);
        assert_ok(kube_position_order(less, less, &order));
        assert_int_equal(order, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_older_forms), cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_forms),       cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
