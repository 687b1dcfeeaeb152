/* SPDX-License-Identifier: Apache-2.0
 * test_sha256.c: the examples of FIPS 180-4 and the lengths around a block's end. */
#include "support/support.h"

#include <string.h>

#include "util/sha256.h"

static void test_examples(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char hex[DF__SHA256_HEX];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        df__sha256_hex(rows[i].text, strlen(rows[i].text), hex);
        assert_string_equal(hex, rows[i].want);
    }
}

/* `for n in 55 56 63 64 65 119 120 200: python3 hashlib.sha256(b"a" * n)` */
static void test_lengths(void **state)
{
    static const struct {
        size_t len;
        const char *begin;
    } rows[] = {{55, "9f4390f8d30c2dd9"},  {56, "b35439a4ac6f0948"}, {63, "7d3e74a05d7db15b"},
                {64, "ffe054fe7ae0cb6d"},  {65, "635361c48bb9eab1"}, {119, "31eba51c313a5c08"},
                {120, "2f3d335432c70b58"}, {200, "c2a908d98f5df987"}};
    char text[256], hex[DF__SHA256_HEX];
    (void)state;
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        df__sha256_hex(text, rows[i].len, hex);
        assert_memory_equal(hex, rows[i].begin, 16);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples),
                                       cmocka_unit_test(test_lengths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
