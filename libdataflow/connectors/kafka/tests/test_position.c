/* SPDX-License-Identifier: Apache-2.0
 * test_position.c: the text of a Kafka position, and what is not one.
 */
#include <string.h>

#include "connectors/kafka/client/position.h"
#include "support/support.h"

static void writes_and_reads(void **state)
{
    static const struct {
        int64_t offset;
        int32_t epoch;
        const char *text;
    } cases[] = {
        {0, -1, "{\"offset\":0}"},
        {17, 3, "{\"offset\":17,\"leaderEpoch\":3}"},
        {INT64_MAX, INT32_MAX, "{\"offset\":9223372036854775807,\"leaderEpoch\":2147483647}"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        int64_t offset = -5;
        int32_t epoch = -5;
        size_t len = df__kafka_position_write(text, sizeof text, cases[i].offset, cases[i].epoch);
        assert_int_equal(len, strlen(cases[i].text));
        assert_memory_equal(text, cases[i].text, len);
        assert_ok(df__kafka_position_read((df_bytes){text, len}, &offset, &epoch));
        assert_int_equal(offset, cases[i].offset);
        assert_int_equal(epoch, cases[i].epoch);
    }
}

static void reads_any_json_spacing(void **state)
{
    const char *text = " { \"leaderEpoch\" : 2 ,\n\"offset\":\t5 } ";
    int64_t offset;
    int32_t epoch;
    (void)state;
    assert_ok(df__kafka_position_read((df_bytes){text, strlen(text)}, &offset, &epoch));
    assert_int_equal(offset, 5);
    assert_int_equal(epoch, 2);
}

static void refuses_everything_else(void **state)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "{}",
                                      "17",
                                      "{\"offset\"}",
                                      "{\"offset\":}",
                                      "{\"offset\":-1}",
                                      "{\"offset\":9223372036854775808}",
                                      "{\"offset\":1,}",
                                      "{\"offset\":1}x",
                                      "{\"offset\":1.5}",
                                      "{\"leaderEpoch\":1}",
                                      "{\"offset\":1,\"leaderEpoch\":2147483648}",
                                      "{\"offset\":1,\"other\":2}",
                                      "{\"offset\":\"1\"}",
                                      "{\"offset"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t offset = 99;
        int32_t epoch = 99;
        size_t len = strlen(bad[i]);
        char *exact = len == 0 ? NULL : memcpy(test_malloc(len), bad[i], len);
        assert_status(df__kafka_position_read((df_bytes){exact, len}, &offset, &epoch), DF_EDATA);
        assert_int_equal(offset, 99); /* untouched */
        if (exact)
            test_free(exact);
    }
}

static void names_of_partitions(void **state)
{
    static const char *const bad[] = {"",     "orders",   "orders/",           "/3",
                                      "a/-1", "a/1x",     "a/2147483648",      "a/99999999999",
                                      "a/ 1", "abcdef/1", "a/4294967296000000"};
    char topic[6];
    int32_t id = 9;
    (void)state;
    assert_ok(df__kafka_partition_read("a.b/0", topic, sizeof topic, &id));
    assert_string_equal(topic, "a.b");
    assert_int_equal(id, 0);
    assert_ok(df__kafka_partition_read("a/b/2147483647", topic, sizeof topic, &id));
    assert_string_equal(topic, "a/b"); /* the last cut counts */
    assert_int_equal(id, INT32_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_status(df__kafka_partition_read(bad[i], topic, sizeof topic, &id), DF_EDATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_partitions), cmocka_unit_test(writes_and_reads),
        cmocka_unit_test(reads_any_json_spacing), cmocka_unit_test(refuses_everything_else)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
