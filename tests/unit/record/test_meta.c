/* SPDX-License-Identifier: Apache-2.0
 * Metadata: own before the partition's before what the record tells. */
#include "support/record_help.h"

static df__meta shared_topic, shared_partition;

static void with_partition(held *h)
{
    shared_topic.name = bytes_of("topic");
    shared_topic.value = string_value("orders");
    shared_topic.next = NULL;
    shared_partition.name = bytes_of("partition");
    shared_partition.value = int_value(3);
    shared_partition.next = &shared_topic;
    held_init(h, "{}");
    h->r.shared = &shared_partition;
}

static void assert_meta(const df_record *r, const char *name, const char *want)
{
    df_value v;
    assert_int_equal(df_record_meta(r, name, &v), DF_OK);
    if (want)
        assert_json(&v, want);
    else
        assert_int_equal(v.type, DF_V_ABSENT);
}

static void order(void **state)
{
    df_value v = string_value("own"), gone = typed_value(DF_V_ABSENT);
    held h;
    (void)state;
    with_partition(&h);
    assert_meta(&h.r, "topic", "\"orders\"");
    assert_meta(&h.r, "partition", "3");
    assert_meta(&h.r, "none", NULL);
    assert_int_equal(df_record_set_meta(&h.r, "topic", &v), DF_OK);
    assert_meta(&h.r, "topic", "\"own\"");
    assert_int_equal(df_record_set_meta(&h.r, "topic", &gone), DF_OK);
    assert_meta(&h.r, "topic", NULL);
    v = typed_value(DF_V_OBJECT);
    assert_int_equal(df_record_set_meta(&h.r, "x", &v), DF_EINVAL);
    held_free(&h);
}

/* A file's name, for example, may be any bytes. */
static void texts_that_are_none(void **state)
{
    df_value v = string_value("a\xff"), got;
    held h;
    (void)state;
    held_init(&h, "{}");
    assert_int_equal(df_record_set_meta(&h.r, "file", &v), DF_OK);
    assert_int_equal(df_record_meta(&h.r, "file", &got), DF_OK);
    assert_int_equal(got.type, DF_V_BYTES);
    assert_memory_equal(got.text, "a\xff", 2);
    v = (df_value){.type = DF_V_STRING, .text = "a\0b", .len = 3};
    assert_int_equal(df_record_set_meta(&h.r, "file", &v), DF_OK);
    assert_int_equal(df_record_meta(&h.r, "file", &got), DF_OK);
    assert_int_equal(got.type, DF_V_BYTES);
    assert_meta(&h.r, "file", "\"YQBi\"");
    held_free(&h);
}

static void derived(void **state)
{
    df_header headers[] = {
        {"h", {"first", 5}}, {"h", {"last", 4}}, {"n", {NULL, 0}}, {"b", {"\xff", 1}}};
    df_value v = int_value(1);
    held h;
    (void)state;
    with_partition(&h);
    assert_meta(&h.r, "offset", NULL);
    assert_meta(&h.r, "key", NULL);
    assert_meta(&h.r, "timestamp", NULL);
    h.r.offset = 0;
    h.r.key = bytes_of("k");
    h.r.time_us = 1000000;
    assert_meta(&h.r, "offset", "0");
    assert_meta(&h.r, "key", "\"k\"");
    assert_meta(&h.r, "timestamp", "\"1970-01-01T00:00:01Z\"");
    h.r.key = (df_bytes){"\xff\xfe", 2};
    assert_int_equal(df_record_meta(&h.r, "key", &v), DF_OK);
    assert_int_equal(v.type, DF_V_BYTES);
    h.r.key = (df_bytes){"\0\0\0\0\0\0\0\7", 8}; /* a number of Java: UTF-8, and no text */
    assert_meta(&h.r, "key", "\"AAAAAAAAAAc=\"");
    h.r.key = (df_bytes){"", 0};
    assert_meta(&h.r, "key", "\"\"");
    assert_int_equal(df_record_set_headers(&h.r, headers, 4), DF_OK);
    assert_meta(&h.r, "headers.h", "\"last\"");
    assert_meta(&h.r, "headers.n", "null");
    assert_meta(&h.r, "headers.q", NULL);
    assert_meta(&h.r, "headers", NULL);
    assert_int_equal(df_record_meta(&h.r, "headers.b", &v), DF_OK);
    assert_int_equal(v.type, DF_V_BYTES);
    v = int_value(42);
    assert_int_equal(df_record_set_meta(&h.r, "offset", &v), DF_OK);
    assert_meta(&h.r, "offset", "42");
    held_free(&h);
}

static void walked(const df_record *r, const char *want)
{
    df_walk walk = {0};
    char buf[500];
    size_t n = 0;
    while (df_meta_walk(r, &walk) == DF_OK) {
        memcpy(buf + n, walk.name.data, walk.name.len);
        n += walk.name.len;
        buf[n++] = '=';
        n += df_value_text(&walk.value, buf + n, sizeof buf - n);
        buf[n++] = ' ';
    }
    assert_int_equal(df_meta_walk(r, &walk), DF_DONE);
    assert_text((df_bytes){buf, n}, want);
}

static void walks(void **state)
{
    df_value v = string_value("a"), w = string_value("b"), gone = typed_value(DF_V_ABSENT);
    held h;
    (void)state;
    with_partition(&h);
    walked(&h.r, "topic=orders partition=3 ");
    assert_int_equal(df_record_set_meta(&h.r, "x", &v), DF_OK);
    assert_int_equal(df_record_set_meta(&h.r, "y", &v), DF_OK);
    assert_int_equal(df_record_set_meta(&h.r, "x", &w), DF_OK);
    assert_int_equal(df_record_set_meta(&h.r, "topic", &w), DF_OK);
    h.r.offset = 5;
    h.r.key = bytes_of("k");
    walked(&h.r, "topic=b partition=3 x=b y=a offset=5 key=k ");
    assert_int_equal(df_record_set_meta(&h.r, "partition", &gone), DF_OK);
    assert_int_equal(df_record_set_meta(&h.r, "x", &gone), DF_OK);
    assert_int_equal(df_record_set_meta(&h.r, "offset", &gone), DF_OK);
    walked(&h.r, "topic=b y=a key=k ");
    held_free(&h);
    held_init(&h, "{}");
    walked(&h.r, "");
    held_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(order), cmocka_unit_test(derived),
                                       cmocka_unit_test(texts_that_are_none),
                                       cmocka_unit_test(walks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
