/* SPDX-License-Identifier: Apache-2.0
 * test_spot.c: positions as text and back, those of older versions, and numbers of transactions. */
#include "connectors/postgresql/poll/spot.h"
#include "support/record_help.h"

static const struct {
    size_t count;
    int has_time;
    const char *text, *again; /* NULL: the same; "": refused */
} cases[] = {
    {2, 1, "{\"lastReadChangeTime\":\"2026-01-01T00:00:00.000001Z\",\"lastReadOrderByValue\":7}",
     NULL},
    {2, 1, "{\"lastReadChangeTime\":\"infinity\",\"lastReadOrderByValue\":\"a \\\"\\\\\\u0001\"}",
     NULL},
    {3, 1, "{\"lastReadChangeTime\":\"x\",\"lastReadOrderByValue\":[12345678901234567890,\"b\"]}",
     NULL},
    {3, 1, "{\"lastReadChangeTime\":\"x\",\"lastReadOrderByValue\":[1,null]}", NULL},
    {1, 1, "{\"lastReadChangeTime\":\"x\"}", NULL},
    {1, 0, "{\"lastReadOrderByValue\":-1.50}", NULL},
    {2, 1,
     "{\"lastReadChangeTime\":\"x\",\"lastReadOrderByValue\":1,\"lastReadNullOrderByValue\":9}",
     NULL},
    {2, 1,
     "{\"lastReadChangeTime\":\"x\",\"lastReadOrderByValue\":1,\"lateXmin\":4294967295,"
     "\"lateFrom\":-5,\"lateSpan\":10,\"lateSeen\":[1,2,4294967295]}",
     NULL},
    {1, 0,
     "{\"lastReadOrderByValue\":9,\"lateXmin\":1,\"lateFrom\":2,\"lateSpan\":3,\"lateAfter\":4}",
     NULL},
    {2, 1,
     "{\"firstReadTo\":[\"t9\",9],\"firstReadLeft\":[[null,[\"t1\",1]],[[\"t5\",5],[\"t9\",9]]],"
     "\"lateXmin\":1,\"lateFrom\":2,\"lateSpan\":3}",
     NULL},
    {1, 0, "{\"firstReadTo\":9,\"firstReadLeft\":[[null,4],[7,9]]}", NULL},
    {2, 1, "{\"firstReadTo\":[\"t\",9],\"firstReadLeft\":[[null,null]]}", ""},
    {2, 1, "{\"firstReadLeft\":[[null,[\"t\",1]]]}", ""},
    {2, 1, "{\"firstReadTo\":[\"t\",9],\"firstReadLeft\":[]}", ""},
    {2, 1, "{}", NULL},
    {2, 1, " { \"lastReadID\" : 5 } ", "{\"lastReadOrderByValue\":5}"},
    {2, 1, "{\"lastReadID\":5,\"lastReadTime\":\"t\"}",
     "{\"lastReadChangeTime\":\"t\",\"lastReadOrderByValue\":5}"},
    {1, 0, "{\"lastReadChangeTime\":\"t\",\"lastReadOrderByValue\":5}",
     "{\"lastReadOrderByValue\":5}"},
    {1, 1, "{\"other\":{\"a\":[1,true,{}],\"b\":null},\"lastReadChangeTime\":\"t\"}",
     "{\"lastReadChangeTime\":\"t\"}"},
    {2, 1, "", ""},
    {2, 1, "7", ""},
    {2, 1, "{\"lastReadChangeTime\":}", ""},
    {2, 1, "{\"lastReadChangeTime\":\"x\"", ""},
    {2, 1, "{\"lastReadChangeTime\":\"x\"}}", ""},
    {3, 1, "{\"lastReadOrderByValue\":[1]}", ""},
    {2, 1, "{\"lateXmin\":4294967296}", ""},
    {2, 1, "{\"lateSeen\":[-1]}", ""},
    {2, 1, "{\"a\":[1}", ""},
};

static void texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        df__pg_spot p;
        df__buf out;
        const char *want = cases[i].again ? cases[i].again : cases[i].text;
        df__pg_spot_init(&p, &df__heap_libc);
        df__buf_init(&out, &df__heap_libc);
        int rc = df__pg_spot_read(bytes_of(cases[i].text), cases[i].count, cases[i].has_time, &p);
        if (rc != (*want ? DF_OK : DF_EDATA))
            fail_msg("%s: %d", cases[i].text, rc);
        if (rc == DF_OK) {
            df__pg_spot_print(&p, cases[i].count, cases[i].has_time, &out);
            assert_text((df_bytes){out.data, out.len}, want);
        }
        df__buf_free(&out);
        df__pg_spot_free(&p);
    }
}

static void transactions(void **state)
{
    df__pg_xids x = {0};
    uint32_t start = UINT32_MAX - 50;
    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        df__pg_xids_add(&x, start + i % 100);
    df__pg_xids_prune(&x, start + 40); /* round the end of 32 bits */
    assert_int_equal(x.count, 60);
    for (size_t i = 0; i < x.count; i++)
        assert_true(df__pg_xid_from(x.at[i], start + 40));
    assert_false(df__pg_xid_from(start + 39, start + 40));
    assert_true(df__pg_xid_from(3, UINT32_MAX - 3));
    for (uint32_t i = 0; !x.is_lost && i < 4 * PG_XIDS; i++)
        df__pg_xids_add(&x, 1000 + i);
    assert_true(x.is_lost && x.count == 0);
    free(x.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(transactions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
