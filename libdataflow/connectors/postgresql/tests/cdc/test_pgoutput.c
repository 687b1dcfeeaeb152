/* SPDX-License-Identifier: Apache-2.0
 * test_pgoutput.c: messages of the plug-in written by hand, whole, cut off at every byte, and too
 * long; positions as they are stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connectors/postgresql/cdc/pgoutput.h"
#include "connectors/postgresql/cdc/position.h"
#include "connectors/postgresql/cdc/wal.h"
#include "support/support.h"

#define PARTS(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
#define BYTES(text) ((df_bytes)PARTS(text))
#define EIGHT(n) "\0\0\0\0\0\0\0" n

/* Decodes it; then no shorter and no longer form of it is a message. */
static void whole(df_bytes wire, int in_block, df__pgo_message *ret)
{
    df__pgo_message m;
    for (size_t len = 0; len < wire.len; len++) {
        char *cut = malloc(len + 1); /* of its size, so that a read past it is seen */
        assert_non_null(cut);
        memcpy(cut, wire.data, len);
        int rc = df__pgo_decode((df_bytes){cut, len}, in_block, &m);
        assert_true(rc == DF_EDATA || (len == 9 && cut[0] == 'A')); /* its end may be left out */
        free(cut);
    }
    char *longer = malloc(wire.len + 1);
    assert_non_null(longer);
    memcpy(longer, wire.data, wire.len);
    longer[wire.len] = 0;
    assert_int_equal(df__pgo_decode((df_bytes){longer, wire.len + 1}, in_block, &m), DF_EDATA);
    free(longer);
    assert_int_equal(df__pgo_decode(wire, in_block, ret), DF_OK);
}

static void transactions(void **state)
{
    df__pgo_message m;
    (void)state;
    whole(BYTES("B" EIGHT("\x10") EIGHT("\x02") "\0\0\0\x07"), 0, &m);
    assert_int_equal(m.lsn, 16);
    assert_int_equal(m.time_us, INT64_C(946684800000002));
    assert_int_equal(m.xid, 7);
    whole(BYTES("C\0" EIGHT("\x10") EIGHT("\x20") EIGHT("\x02")), 0, &m);
    assert_int_equal(m.lsn, 16);
    assert_int_equal(m.end_lsn, 32);
    whole(BYTES("O" EIGHT("\x10") "node 1\0"), 0, &m);
    assert_string_equal(m.name.data, "node 1");
    whole(BYTES("S\0\0\0\x07\1"), 0, &m);
    assert_int_equal(m.xid, 7);
    assert_int_equal(m.flags, 1);
    whole(BYTES("E"), 0, &m);
    whole(BYTES("c\0\0\0\x07\0" EIGHT("\x10") EIGHT("\x20") EIGHT("\x02")), 0, &m);
    assert_int_equal(m.xid, 7);
    assert_int_equal(m.end_lsn, 32);
    whole(BYTES("A\0\0\0\x07\0\0\0\x08" EIGHT("\x10") EIGHT("\x02")), 0, &m);
    assert_int_equal(m.xid, 7);
    assert_int_equal(m.subxid, 8);
    assert_int_equal(m.lsn, 16);
}

static void prepared_transactions(void **state)
{
    df__pgo_message m;
    static const char kinds[] = "PKp";
    (void)state;
    whole(BYTES("b" EIGHT("\x10") EIGHT("\x20") EIGHT("\x02") "\0\0\0\x07gid\0"), 0, &m);
    assert_string_equal(m.name.data, "gid");
    for (size_t i = 0; kinds[i]; i++) {
        char wire[] = "P\0" EIGHT("\x10") EIGHT("\x20") EIGHT("\x02") "\0\0\0\x07gid\0";
        wire[0] = kinds[i];
        whole(BYTES(wire), 0, &m);
        assert_int_equal(m.xid, 7);
        assert_string_equal(m.name.data, "gid");
    }
    whole(BYTES("r\0" EIGHT("\x10") EIGHT("\x20") EIGHT("\x02") EIGHT("\x03") "\0\0\0\x07gid\0"), 0,
          &m);
    assert_int_equal(m.time_us, INT64_C(946684800000003));
}

static void tables(void **state)
{
    df__pgo_message m;
    df__pgo_column column;
    (void)state;
    whole(BYTES("R\0\0\x40\x01sales\0orders\0d\0\2\1id\0\0\0\0\x17\xff\xff\xff\xff"
                "\0name\0\0\0\4\x13\0\0\0\x0a"),
          0, &m);
    assert_int_equal(m.relation, 0x4001);
    assert_string_equal(m.schema.data, "sales");
    assert_string_equal(m.name.data, "orders");
    assert_int_equal(m.identity, 'd');
    assert_int_equal(m.count, 2);
    const unsigned char *at = df__pgo_column_at(m.list, &column);
    assert_int_equal(column.in_identity, 1);
    assert_string_equal(column.name.data, "id");
    assert_int_equal(column.type, 23);
    assert_int_equal(column.modifier, -1);
    df__pgo_column_at(at, &column);
    assert_int_equal(column.in_identity, 0);
    assert_int_equal(column.type, 0x413);
    assert_int_equal(column.modifier, 10);
    whole(BYTES("Y\0\0\x40\x01sales\0mood\0"), 0, &m);
    assert_int_equal(m.relation, 0x4001);
    whole(BYTES("T\0\0\0\2\1\0\0\x40\1\0\0\x40\2"), 0, &m);
    assert_int_equal(m.count, 2);
    assert_int_equal(m.flags, 1);
    assert_int_equal(df__pgo_truncated(&m, 1), 0x4002);
}

static void expect(const unsigned char **at, char kind, const char *text)
{
    df__pgo_value v;
    *at = df__pgo_value_at(*at, &v);
    assert_int_equal(v.kind, kind);
    assert_int_equal(v.data.len, text ? strlen(text) : 0);
    if (text)
        assert_memory_equal(v.data.data, text, v.data.len);
}

static void rows(void **state)
{
    df__pgo_message m;
    (void)state;
    whole(BYTES("I\0\0\x40\1N\0\4t\0\0\0\2abnub\0\0\0\1x"), 0, &m);
    assert_int_equal(m.row.count, 4);
    const unsigned char *at = m.row.at;
    expect(&at, PGO_KIND_TEXT, "ab");
    expect(&at, PGO_KIND_NULL, NULL);
    expect(&at, PGO_KIND_UNCHANGED, NULL);
    expect(&at, PGO_KIND_BINARY, "x");
    whole(BYTES("U\0\0\x40\1K\0\1t\0\0\0\1aN\0\1t\0\0\0\1b"), 0, &m);
    assert_int_equal(m.identity, 'K');
    at = m.old.at;
    expect(&at, PGO_KIND_TEXT, "a");
    at = m.row.at;
    expect(&at, PGO_KIND_TEXT, "b");
    whole(BYTES("U\0\0\x40\1N\0\1n"), 0, &m);
    assert_null(m.old.at);
    assert_int_equal(m.identity, 0);
    whole(BYTES("D\0\0\x40\1O\0\1t\0\0\0\0"), 0, &m);
    assert_int_equal(m.identity, 'O');
    assert_int_equal(m.old.count, 1);
    whole(BYTES("I\0\0\0\x07\0\0\x40\1N\0\0"), 1, &m);
    assert_int_equal(m.xid, 7);
    assert_int_equal(m.relation, 0x4001);
    whole(BYTES("M\1" EIGHT("\x10") "prefix\0\0\0\0\3a\0b"), 0, &m);
    assert_string_equal(m.name.data, "prefix");
    assert_int_equal(m.data.len, 3);
}

static void refuses(void **state)
{
    static const df_bytes bad[] = {
        PARTS(""),
        PARTS("X"),
        PARTS("\0"),
        PARTS("I\0\0\0\1K\0\0"),                  /* no new row */
        PARTS("I\0\0\0\1N\0\1q"),                 /* no such kind of value */
        PARTS("I\0\0\0\1N\0\1t\xff\xff\xff\xff"), /* longer than there is */
        PARTS("I\0\0\0\1N\xff\xff"),              /* more values than there are */
        PARTS("D\0\0\0\1N\0\0"),                  /* no old row */
        PARTS("T\0\1\0\0\0"),                     /* more tables than there are */
        PARTS("R\0\0\0\1a\0b\0d\xff\xff"),        /* more columns than there are */
        PARTS("M\0" EIGHT("\1") "p\0\xff\xff\xff\xffx"),
    };
    df__pgo_message m;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(df__pgo_decode(bad[i], 0, &m), DF_EDATA);
}

static void frames(void **state)
{
    unsigned char status[PGO_STATUS];
    df__pgo_frame f;
    (void)state;
    assert_int_equal(df__pgo_frame_read(BYTES("w" EIGHT("\1") EIGHT("\2") EIGHT("\3") "E"), &f),
                     DF_OK);
    assert_int_equal(f.kind, 'w');
    assert_int_equal(f.start, 1);
    assert_int_equal(f.data.len, 1);
    assert_int_equal(df__pgo_frame_read(BYTES("k" EIGHT("\2") EIGHT("\3") "\1"), &f), DF_OK);
    assert_int_equal(f.end, 2);
    assert_int_equal(f.wants_reply, 1);
    assert_int_equal(df__pgo_frame_read(BYTES("k" EIGHT("\2") EIGHT("\3")), &f), DF_EDATA);
    assert_int_equal(df__pgo_frame_read(BYTES("w" EIGHT("\1")), &f), DF_EDATA);
    assert_int_equal(df__pgo_frame_read(BYTES("z"), &f), DF_EDATA);
    assert_int_equal(df__pgo_frame_read(BYTES(""), &f), DF_EDATA);
    df__pgo_status(status, 0x102, 0x101, INT64_C(946684800000005), 1);
    assert_memory_equal(
        status, "r\0\0\0\0\0\0\1\2\0\0\0\0\0\0\1\1\0\0\0\0\0\0\1\1\0\0\0\0\0\0\0\5\1", PGO_STATUS);
}

static void lsns(void **state)
{
    static const char *const bad[] = {"",    "/",           "1/",    "/1",   "1",   "g/1",
                                      "1/g", "123456789/1", "1/2/3", "1/2 ", " 1/2"};
    char text[PG_LSN_TEXT];
    uint64_t lsn;
    (void)state;
    df__pg_lsn_print(UINT64_C(0x16B374D848), text);
    assert_string_equal(text, "16/B374D848");
    assert_true(df__pg_lsn_scan((df_bytes){text, strlen(text)}, &lsn));
    assert_int_equal(lsn, UINT64_C(0x16B374D848));
    df__pg_lsn_print(0, text);
    assert_string_equal(text, "0/0");
    df__pg_lsn_print(UINT64_MAX, text);
    assert_string_equal(text, "FFFFFFFF/FFFFFFFF");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(df__pg_lsn_scan((df_bytes){bad[i], strlen(bad[i])}, &lsn));
}

/* What is written is read again; older versions stored little more than the LSN. */
static void places(void **state)
{
    df__pg_again none = {{NULL, 0}, {NULL, 0}, 0, 0};
    df__pg_place p = {UINT64_C(0x16B374D848), 7, UINT64_MAX, UINT64_C(0x100000001), 3, 5, 42}, q;
    df__buf text;
    (void)state;
    df__buf_init(&text, &df__heap_libc);
    df__pg_place_print(&p, &none, &text);
    assert_int_equal(df__pg_place_read((df_bytes){text.data, text.len}, &q), DF_OK);
    assert_memory_equal(&p, &q, sizeof p);
    for (size_t len = 0; len < text.len; len++)
        assert_int_equal(df__pg_place_read((df_bytes){text.data, len}, &q), DF_EDATA);
    df__buf_free(&text);
    assert_int_equal(
        df__pg_place_read(BYTES("{\"lastAckedLSN\":\"0/2A\",\"snapshotCompletedTables\":"
                                "[\"public.a\"],\"phase\":\"streaming\"}"),
                          &q),
        DF_OK);
    assert_int_equal(q.lsn, 42);
    assert_int_equal(q.system, 0);
}

/* What is read again stands in the same text, and takes nothing from it. */
static void places_again(void **state)
{
    df__pg_place p = {7, 1, 9, 8, 3, 5, 0}, q;
    df__pg_again in = {BYTES("[\"\\\"a\\\".\\\"b\\\"\",\"c\"]"), BYTES("[\"1\",\"x\"]"), 12,
                       UINT32_MAX},
                 out;
    df__buf text;
    (void)state;
    df__buf_init(&text, &df__heap_libc);
    df__pg_place_print(&p, &in, &text);
    assert_int_equal(df__pg_place_read((df_bytes){text.data, text.len}, &q), DF_OK);
    assert_memory_equal(&p, &q, sizeof p);
    df__pg_again_read((df_bytes){text.data, text.len}, &out);
    assert_int_equal(out.tables.len, in.tables.len);
    assert_memory_equal(out.tables.data, in.tables.data, in.tables.len);
    assert_int_equal(out.after.len, in.after.len);
    assert_int_equal(out.rows, 12);
    assert_int_equal(out.key_oid, UINT32_MAX);
    df__buf_free(&text);
    df__pg_again_read(BYTES("{\"lastAckedLSN\":\"0/2A\",\"again\":\"no array\"}"), &out);
    assert_int_equal(out.tables.len, 0);
}

static void progress(void **state)
{
    df__pg_place p = {0, 0, 9, 8, 3, 5, 0}, q;
    df__pg_progress in = {0, 12, PARTS("[\"a\\\"b\\n\\u0001\",\"\"]"), 7}, out;
    df__buf text, item;
    size_t at = 0;
    (void)state;
    df__buf_init(&text, &df__heap_libc);
    df__buf_init(&item, &df__heap_libc);
    df__pg_progress_print(&p, &in, &text);
    assert_int_equal(df__pg_progress_read((df_bytes){text.data, text.len}, &q, &out), DF_OK);
    assert_int_equal(out.is_done, 0);
    assert_int_equal(out.rows, 12);
    assert_int_equal(out.key_oid, 7);
    assert_int_equal(q.system, 9);
    assert_int_equal(df__pg_array_next(out.after, &at, &item), DF_OK);
    assert_int_equal(item.len, 5);
    assert_memory_equal(item.data, "a\"b\n\1", 5);
    assert_int_equal(df__pg_array_next(out.after, &at, &item), DF_OK);
    assert_int_equal(item.len, 0);
    assert_int_equal(df__pg_array_next(out.after, &at, &item), DF_DONE);
    df__buf_free(&text);
    df__buf_free(&item);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transactions), cmocka_unit_test(prepared_transactions),
        cmocka_unit_test(tables),       cmocka_unit_test(rows),
        cmocka_unit_test(refuses),      cmocka_unit_test(frames),
        cmocka_unit_test(lsns),         cmocka_unit_test(places),
        cmocka_unit_test(places_again), cmocka_unit_test(progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
