/* SPDX-License-Identifier: Apache-2.0
 * test_copytext.c: escaping for COPY. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "connectors/postgresql/types/copytext.h"

static void escapes_what_copy_reads(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"a\tb", "a\\tb"},
        {"a\nb\r", "a\\nb\\r"},
        {"\\N", "\\\\N"},
        {"\\.", "\\\\."},
        {"back\\slash", "back\\\\slash"},
        {"\x01 and \x7f stay", "\x01 and \x7f stay"},
        {"sixteen bytes ok", "sixteen bytes ok"},
        {"sixteen bytes ok and\tmore behind them", "sixteen bytes ok and\\tmore behind them"},
        {"h\xC3\xA9\xF0\x9F\x98\x80", "h\xC3\xA9\xF0\x9F\x98\x80"},
        {"\n\n\n\n\n\n\n\n\n", "\\n\\n\\n\\n\\n\\n\\n\\n\\n"},
    };
    df__buf b;
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        df__buf_clear(&b);
        assert_int_equal(df__pg_escape(&b, rows[i].in, strlen(rows[i].in)), DF_OK);
        assert_string_equal(df__buf_cstr(&b), rows[i].out);
    }
    df__buf_free(&b);
}

/* Every byte at every place of a block, so that the wide and the narrow loop agree. */
static void escapes_every_byte_everywhere(void **state)
{
    df__buf b, back;
    char text[40];
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    df__buf_init(&back, &df__heap_libc);
    for (int c = 1; c < 256; c++) {
        for (size_t at = 0; at < sizeof text; at++) {
            memset(text, 'x', sizeof text);
            text[at] = (char)c;
            df__buf_clear(&b);
            df__buf_clear(&back);
            assert_int_equal(df__pg_escape(&b, text, sizeof text), DF_OK);
            assert_null(memchr(b.data, '\n', b.len));
            assert_null(memchr(b.data, '\t', b.len));
            assert_int_equal(df__pg_unescape(&back, b.data, b.len), DF_OK);
            assert_int_equal(back.len, sizeof text);
            assert_memory_equal(back.data, text, sizeof text);
        }
    }
    df__buf_free(&b);
    df__buf_free(&back);
}

static void refuses_nul_bytes(void **state)
{
    df__buf b;
    char text[33];
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    for (size_t at = 0; at < sizeof text; at++) {
        memset(text, 'x', sizeof text);
        text[at] = '\0';
        df__buf_clear(&b);
        assert_int_equal(df__pg_escape(&b, text, sizeof text), DF_EDATA);
        assert_int_equal(df__pg_escape_element(&b, text, sizeof text), DF_EDATA);
    }
    df__buf_free(&b);
}

static void quotes_array_elements_twice(void **state)
{
    df__buf b;
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    assert_int_equal(df__pg_escape_element(&b, "a\"b\\c\td", 7), DF_OK);
    assert_string_equal(df__buf_cstr(&b), "\"a\\\\\"b\\\\\\\\c\\td\"");
    df__buf_free(&b);
}

static void null_is_not_text(void **state)
{
    df__buf b;
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    assert_int_equal(df__pg_unescape(&b, "\\N", 2), DF_DONE);
    assert_int_equal(df__pg_unescape(&b, "\\\\N", 3), DF_OK);
    assert_string_equal(df__buf_cstr(&b), "\\N");
    df__buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_what_copy_reads), cmocka_unit_test(escapes_every_byte_everywhere),
        cmocka_unit_test(refuses_nul_bytes),       cmocka_unit_test(quotes_array_elements_twice),
        cmocka_unit_test(null_is_not_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
