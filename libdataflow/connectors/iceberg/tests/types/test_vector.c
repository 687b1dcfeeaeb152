/* SPDX-License-Identifier: Apache-2.0
 * test_vector.c: deletion vectors: containers of each kind, upper halves, and each way in which one
 * can be damaged. What Java's library writes is in tests/integration/iceberg/test_vectors.sh. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "connectors/iceberg/types/vector.h"
#include "util/buf.h"

/* ---- making them ----------------------------------------------------------------------------- */

static void put(df__buf *b, uint64_t n, int len)
{
    for (int i = 0; i < len; i++)
        df__buf_char(b, (char)(n >> (8 * i)));
}

static void put_big(df__buf *b, uint32_t n)
{
    for (int i = 24; i >= 0; i -= 8)
        df__buf_char(b, (char)(n >> i));
}

/* The blob around a bitmap. */
static void frame(df__buf *out, const df__buf *bitmap)
{
    df__buf body;
    df__buf_init(&body, &df__heap_libc);
    df__buf_add(&body, "\xd1\xd3\x39\x64", 4);
    df__buf_add(&body, bitmap->data ? bitmap->data : "", bitmap->len);
    df__buf_clear(out);
    put_big(out, (uint32_t)body.len);
    df__buf_add(out, body.data, body.len);
    put_big(out, (uint32_t)crc32(0, (const Bytef *)body.data, (uInt)body.len));
    df__buf_free(&body);
}

/* One list of the rows 1 and 7 in each upper half given. */
static void put_list(df__buf *b, uint32_t upper)
{
    put(b, upper, 4);
    put(b, 12346, 4);
    put(b, 1, 4);
    put(b, 0, 2);
    put(b, 1, 2); /* two numbers */
    put(b, 16, 4);
    put(b, 1, 2);
    put(b, 7, 2);
}

/* ---- reading them ---------------------------------------------------------------------------- */

static int show(void *user, int64_t first, int64_t count)
{
    df__buf_printf(user, "%lld+%lld ", (long long)first, (long long)count);
    return DF_OK;
}

static const char *rows_of(const df__buf *bitmap)
{
    static char text[1024];
    df__buf blob, shown;
    df__buf_init(&blob, &df__heap_libc);
    df__buf_init(&shown, &df__heap_libc);
    frame(&blob, bitmap);
    df__ice_vector v = {.each = show, .user = &shown};
    int rc = df__ice_vector_read((df_bytes){blob.data, blob.len}, &v);
    if (rc == DF_OK)
        snprintf(text, sizeof text, "%s= %lld", shown.len ? df__buf_cstr(&shown) : "",
                 (long long)v.count);
    else
        snprintf(text, sizeof text, "%s", v.why ? v.why : "?");
    df__buf_free(&blob);
    df__buf_free(&shown);
    return text;
}

static void test_containers(void **state)
{
    df__buf b;
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    put(&b, 0, 8);
    assert_string_equal(rows_of(&b), "= 0");
    df__buf_clear(&b);
    put(&b, 2, 8);
    put_list(&b, 0);
    put_list(&b, 2);
    assert_string_equal(rows_of(&b), "1+1 7+1 8589934593+1 8589934599+1 = 4");
    df__buf_clear(&b); /* a run, and the whole of the next container */
    put(&b, 1, 8);
    put(&b, 0, 4);
    put(&b, 12347 | 1 << 16, 4);
    put(&b, 3, 1);
    put(&b, 0, 2);
    put(&b, 4, 2);
    put(&b, 1, 2);
    put(&b, 65535, 2);
    put(&b, 1, 2);
    put(&b, 10, 2);
    put(&b, 4, 2);
    put(&b, 1, 2);
    put(&b, 0, 2);
    put(&b, 65535, 2);
    assert_string_equal(rows_of(&b), "10+5 65536+65536 = 65541");
    df__buf_free(&b);
}

static void test_bitmap(void **state)
{
    df__buf b;
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    put(&b, 1, 8);
    put(&b, 0, 4);
    put(&b, 12346, 4);
    put(&b, 1, 4);
    put(&b, 3, 2);
    put(&b, 5000 - 1, 2);
    put(&b, 16, 4);
    size_t bits = b.len;
    for (int i = 0; i < 1024; i++)
        put(&b, i < 625 ? 0xff : 0, 8); /* 8 rows of each 64 */
    df__ice_vector v;
    df__buf blob, shown;
    df__buf_init(&blob, &df__heap_libc);
    df__buf_init(&shown, &df__heap_libc);
    frame(&blob, &b);
    v = (df__ice_vector){.each = show, .user = &shown};
    assert_int_equal(df__ice_vector_read((df_bytes){blob.data, blob.len}, &v), DF_OK);
    assert_int_equal(v.count, 5000);
    assert_int_equal(strncmp(df__buf_cstr(&shown), "196608+1 196609+1 ", 18), 0);
    b.data[bits] = 0x7f;
    assert_string_equal(rows_of(&b), "its counts do not agree");
    df__buf_free(&blob);
    df__buf_free(&shown);
    df__buf_free(&b);
}

static void test_damaged(void **state)
{
    df__buf b, blob;
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    df__buf_init(&blob, &df__heap_libc);
    put(&b, 1, 8);
    put_list(&b, 0);
    size_t len = b.len;
    for (b.len = 0; b.len < len; b.len++) /* cut anywhere, with a sound frame */
        assert_string_equal(rows_of(&b), "it ends too early");
    b.len = len;
    df__buf_char(&b, 0);
    assert_string_equal(rows_of(&b), "it has bytes after its end");
    b.len = len;
    b.data[len - 2] = 1; /* twice the same row */
    assert_string_equal(rows_of(&b), "its rows are in no order");
    b.data[len - 2] = 7;
    b.data[8 + 3] = (char)0x80;
    assert_string_equal(rows_of(&b), "it has rows that no file has");
    b.data[8 + 3] = 0;
    b.data[8 + 4] = 0;
    assert_string_equal(rows_of(&b), "it is no bitmap");
    b.data[8 + 4] = 0x3a;
    b.data[8 + 8 + 3] = 1;
    assert_string_equal(rows_of(&b), "it has too many containers");
    b.data[8 + 8 + 3] = 0;

    df__ice_vector v = {.each = show, .user = &b};
    frame(&blob, &b);
    for (size_t i = 0; i < blob.len; i++) { /* each byte of the frame and what it protects */
        blob.data[i] ^= 1;
        assert_int_equal(df__ice_vector_read((df_bytes){blob.data, blob.len}, &v), DF_EDATA);
        blob.data[i] ^= 1;
    }
    for (size_t i = 0; i < blob.len; i++)
        assert_int_equal(df__ice_vector_read((df_bytes){blob.data, i}, &v), DF_EDATA);
    df__buf_free(&b);
    df__buf_free(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_bitmap),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
