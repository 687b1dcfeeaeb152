/* SPDX-License-Identifier: Apache-2.0
 * test_codec.c: base64, percent-encoding and CRC32C against published values, JSON strings against
 * a slow writer. */
#include <stdio.h>
#include <string.h>

#include "support/support.h"
#include "util/codec.h"

static void base64_of_rfc_4648(void **state)
{
    static const struct {
        const char *bytes, *text;
        size_t len;
    } rows[] = {{"", "", 0},
                {"f", "Zg==", 1},
                {"fo", "Zm8=", 2},
                {"foo", "Zm9v", 3},
                {"foob", "Zm9vYg==", 4},
                {"fooba", "Zm9vYmE=", 5},
                {"foobar", "Zm9vYmFy", 6},
                {"\xff\xff\xff", "////", 3},
                {"\0\x10\x83\xfb", "ABCD+w==", 4}};
    df__buf out;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        df__buf_init(&out, &df__heap_libc);
        df__buf_str(&out, "<");
        df__base64_add(&out, rows[i].bytes, rows[i].len);
        assert_int_equal(out.len, 1 + strlen(rows[i].text));
        assert_string_equal(df__buf_cstr(&out) + 1, rows[i].text);
        df__buf_clear(&out);
        assert_int_equal(df__base64_read(&out, rows[i].text, strlen(rows[i].text)), 0);
        assert_int_equal(out.len, rows[i].len);
        if (out.len)
            assert_memory_equal(out.data, rows[i].bytes, out.len);
        df__buf_free(&out);
    }
}

static void text_that_is_no_base64(void **state)
{
    static const char *const rows[] = {"Z",        "Zg",   "Zg=", "Zg===", "Zm9vY",
                                       "Zg==Zg==", "Zm-v", "=",   "Zm9v=", "Zm9v===="};
    df__buf out;
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(df__base64_read(&out, rows[i], strlen(rows[i])), -1);
    df__buf_clear(&out);
    assert_int_equal(df__base64_read(&out, "Zm9v\n YmFy\n", 11), 0);
    assert_int_equal(out.len, 6);
    assert_memory_equal(out.data, "foobar", 6);
    df__buf_free(&out);
}

static void basic_of_rfc_7617(void **state)
{
    df__buf out;
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    df__basic_add(&out, (df_bytes){"Aladdin", 7}, (df_bytes){"open sesame", 11});
    assert_string_equal(df__buf_cstr(&out), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    df__buf_clear(&out);
    df__basic_add(&out, (df_bytes){"u", 1}, (df_bytes){NULL, 0});
    assert_string_equal(df__buf_cstr(&out), "dTo=");
    df__buf_wipe(&out);
    assert_null(out.data);
    df__buf_wipe(&out); /* nothing in it */
}

static void percent_of_rfc_3986(void **state)
{
    df__buf out;
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    df__percent_add(&out, "aZ09-._~ /?:%+\xc3\xa9");
    assert_string_equal(df__buf_cstr(&out), "aZ09-._~%20%2F%3F%3A%25%2B%C3%A9");
    df__buf_free(&out);
}

static void crc32c_of_rfc_3720(void **state)
{
    unsigned char data[32];
    (void)state;
    memset(data, 0, sizeof data);
    assert_int_equal(df__crc32c(0, data, 32), 0x8a9136aau);
    memset(data, 0xff, sizeof data);
    assert_int_equal(df__crc32c(0, data, 32), 0x62a8ab43u);
    for (unsigned char i = 0; i < 32; i++)
        data[i] = i;
    assert_int_equal(df__crc32c(0, data, 32), 0x46dd794eu);
    assert_int_equal(df__crc32c(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(df__crc32c(0, "", 0), 0);
}

/* The processor's instruction and the table; whole and in two parts. */
static void crc32c_is_one_sum(void **state)
{
    unsigned char data[300];
    uint32_t seed = 1;
    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)((seed = seed * 1664525 + 1013904223) >> 24);
    for (size_t from = 0; from < 9; from++)
        for (size_t len = 0; from + len <= sizeof data; len++) {
            uint32_t whole = df__crc32c_table(0, data + from, len);
            assert_int_equal(df__crc32c(0, data + from, len), whole);
            assert_int_equal(df__crc32c(df__crc32c(0, data + from, len / 3), data + from + len / 3,
                                        len - len / 3),
                             whole);
        }
}

/* Byte by byte, for ASCII. */
static void slow_json(df__buf *out, const char *s, size_t len)
{
    static const char *const named[128] = {
        ['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\f'] = "\\f",
        ['\n'] = "\\n", ['\r'] = "\\r",  ['\t'] = "\\t"};
    df__buf_char(out, '"');
    for (size_t i = 0; i < len; i++)
        if (named[(unsigned char)s[i]])
            df__buf_str(out, named[(unsigned char)s[i]]);
        else if (s[i] < 0x20)
            df__buf_printf(out, "\\u%04x", (unsigned)s[i]);
        else
            df__buf_char(out, s[i]);
    df__buf_char(out, '"');
}

/* Each ASCII byte at each place of a text. */
static void json_of_each_byte_at_each_place(void **state)
{
    char text[20];
    (void)state;
    for (int c = 0; c < 128; c++)
        for (size_t at = 0; at < sizeof text; at++) {
            df__buf fast, slow;
            df__buf_init(&fast, &df__heap_libc);
            df__buf_init(&slow, &df__heap_libc);
            memset(text, 'x', sizeof text);
            text[at] = (char)c;
            df__buf_json(&fast, text, sizeof text);
            slow_json(&slow, text, sizeof text);
            assert_string_equal(df__buf_cstr(&fast), df__buf_cstr(&slow));
            df__buf_free(&fast);
            df__buf_free(&slow);
        }
}

static void json_of_other_bytes(void **state)
{
    static const struct {
        const char *bytes, *text;
        size_t len;
    } rows[] = {
        {"", "\"\"", 0},
        {"caf\xc3\xa9 au lait, gar\xc3\xa7on", "\"caf\xc3\xa9 au lait, gar\xc3\xa7on\"", 22},
        {"12345678\xff", "\"12345678\xef\xbf\xbd\"", 9},
        {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"", 2},
        {"\xed\xa0\x80!", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd!\"", 4},
        {"a\0b\x7f", "\"a\\u0000b\x7f\"", 4},
        {"\xf0\x9f\x98\x80\n", "\"\xf0\x9f\x98\x80\\n\"", 5}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        df__buf out;
        df__buf_init(&out, &df__heap_libc);
        df__buf_json(&out, rows[i].bytes, rows[i].len);
        assert_string_equal(df__buf_cstr(&out), rows[i].text);
        df__buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_of_rfc_4648),
        cmocka_unit_test(text_that_is_no_base64),
        cmocka_unit_test(basic_of_rfc_7617),
        cmocka_unit_test(percent_of_rfc_3986),
        cmocka_unit_test(crc32c_of_rfc_3720),
        cmocka_unit_test(crc32c_is_one_sum),
        cmocka_unit_test(json_of_each_byte_at_each_place),
        cmocka_unit_test(json_of_other_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
