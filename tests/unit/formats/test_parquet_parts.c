/* SPDX-License-Identifier: Apache-2.0
 * test_parquet_parts.c: parts of the Parquet format alone: runs and packed bits, bounds that are
 * cut, Thrift that is damaged. */
#include "formats/parquet/rle.h"
#include "formats/parquet/thrift.h"
#include "formats/parquet/type.h"
#include "support/record_help.h"

/* ---- runs and packed bits -------------------------------------------------------------------- */

enum { NUMBERS = 20000 };

static uint32_t step(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Numbers in stretches of all lengths around a group of eight. */
static void fill(uint32_t *to, size_t n, unsigned bits, uint32_t seed)
{
    uint32_t mask = bits == 32 ? UINT32_MAX : ((uint32_t)1 << bits) - 1;
    for (size_t i = 0; i < n;) {
        size_t run = step(&seed) % 4 ? 1 : step(&seed) % 40;
        uint32_t value = (step(&seed) ^ step(&seed) << 12) & mask;
        for (; run && i < n; run--)
            to[i++] = value;
    }
}

static void read_back(const df__buf *b, const uint32_t *want, size_t n, unsigned bits)
{
    static uint32_t got[NUMBERS];
    df__pq_rle r;
    size_t at = 0, piece = 1;
    df__pq_rle_open(&r, (df_bytes){b->data, b->len}, bits);
    for (; at < n; at += piece, piece = piece % 600 + 7) {
        piece = piece < n - at ? piece : n - at;
        assert_true(df__pq_rle_read(&r, got + at, piece));
    }
    assert_memory_equal(got, want, n * sizeof *want);
    df__pq_rle_open(&r, (df_bytes){b->data, b->len / 2}, bits);
    if (n > 1 && bits)
        assert_false(df__pq_rle_read(&r, got, n));
}

static void numbers_come_back(void **state)
{
    static uint32_t values[NUMBERS];
    static const size_t lengths[] = {1, 7, 8, 9, 63, 64, 65, 4095, 4096, 4097, NUMBERS};
    df__buf b;
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    for (unsigned bits = 1; bits <= 32; bits++)
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            fill(values, lengths[i], bits, bits * 100 + (uint32_t)i);
            df__buf_clear(&b);
            df__pq_rle_write(&b, values, lengths[i], bits);
            read_back(&b, values, lengths[i], bits);
        }
    df__buf_free(&b);
}

/* Levels go in blocks: none of them pads a group while more follows. */
static void levels_come_back(void **state)
{
    static uint32_t values[NUMBERS];
    static uint8_t levels[NUMBERS];
    df__buf b;
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    for (uint32_t seed = 0; seed < 200; seed++) {
        size_t n = NUMBERS - seed * 50;
        fill(values, n, 2, seed);
        for (size_t i = 0; i < n; i++)
            levels[i] = (uint8_t)values[i];
        df__buf_clear(&b);
        df__pq_rle_write_levels(&b, levels, n, 2);
        read_back(&b, values, n, 2);
    }
    df__buf_free(&b);
}

/* A dictionary of one entry: some write a run, some nothing at all. */
static void numbers_of_no_bits_are_zero(void **state)
{
    uint32_t got[20];
    df__pq_rle r;
    (void)state;
    for (size_t len = 0; len < 2; len++) {
        memset(got, 1, sizeof got);
        df__pq_rle_open(&r, (df_bytes){"\x28", len}, 0);
        assert_true(df__pq_rle_read(&r, got, 20));
        for (size_t i = 0; i < 20; i++)
            assert_int_equal(got[i], 0);
    }
    df__pq_rle_open(&r, (df_bytes){"", 0}, 1);
    assert_false(df__pq_rle_read(&r, got, 1));
}

/* ---- bounds ---------------------------------------------------------------------------------- */

typedef struct cut {
    const char *value; /* every one up to the NUL */
    int text, upper;
    const char *want; /* NULL: none */
} cut;

static void assert_cut(const cut *c, size_t limit, size_t characters)
{
    df__pq_range r;
    df__pq_cut how = {c->text, c->upper, limit, characters, 0};
    unsigned char out[DF__PQ_BOUND];
    int n;
    memset(&r, 0, sizeof r);
    df__pq_range_add(&r, DF__PQ_ORDER_BYTES, bytes_of(c->value));
    n = df__pq_bound_cut(c->upper ? &r.high : &r.low, &how, out);
    if (!c->want) {
        assert_int_equal(n, -1);
        return;
    }
    assert_int_equal(n, strlen(c->want));
    assert_memory_equal(out, c->want, (size_t)n);
    assert_int_equal(how.exact, strcmp(c->value, c->want) == 0);
}

static void bounds_hold_what_they_bound(void **state)
{
    static const cut cases[] = {
        {"abcd", 1, 0, "abcd"},
        {"abcd", 1, 1, "abcd"},
        {"abcde", 1, 0, "abcd"},
        {"abcde", 1, 1, "abce"},
        {"abc\x7fx", 1, 1, "abc\xc2\x80"},
        {"\xed\x9f\xbf\xed\x9f\xbf\xed\x9f\xbf\xed\x9f\xbf!", 1, 1,
         "\xed\x9f\xbf\xed\x9f\xbf\xed\x9f\xbf\xee\x80\x80"}, /* over the surrogates */
        {"ab\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf!", 1, 1, "ac"},  /* the last character has no next */
        {"\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf!", 1, 1, NULL},
        {"ab\xc3\xbc\xc3\xbc\xc3\xbc", 1, 0, "ab\xc3\xbc\xc3\xbc"}, /* characters are whole */
        {"a\xff\xff\xff\xff", 0, 1, "b"},
        {"\xff\xff\xff\xff\xff", 0, 1, NULL},
        {"abc\x7fx", 0, 1, "abc\x80"},
        {"", 1, 0, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_cut(&cases[i], cases[i].text ? DF__PQ_BOUND : 4, cases[i].text ? 4 : 0);
}

/* Of values that begin with the same 64 bytes only that is known. */
static void long_values_bound_too(void **state)
{
    char a[80], b[80];
    unsigned char out[DF__PQ_BOUND];
    df__pq_range r;
    df__pq_cut low = {1, 0, DF__PQ_BOUND, 0, 0}, high = {1, 1, DF__PQ_BOUND, 0, 0};
    (void)state;
    memset(a, 'm', sizeof a);
    memset(b, 'm', sizeof b);
    b[79] = 'z';
    for (int order = 0; order < 2; order++) {
        memset(&r, 0, sizeof r);
        df__pq_range_add(&r, DF__PQ_ORDER_BYTES, (df_bytes){order ? b : a, 80});
        df__pq_range_add(&r, DF__PQ_ORDER_BYTES, (df_bytes){order ? a : b, order ? 64 : 80});
        assert_int_equal(df__pq_bound_cut(&r.low, &low, out), 64);
        assert_int_equal(low.exact, order); /* the shortest of them is whole */
        assert_int_equal(df__pq_bound_cut(&r.high, &high, out), 64);
        assert_int_equal(out[63], 'n');
        assert_false(high.exact);
    }
}

static void orders_are_those_of_the_types(void **state)
{
    int32_t minus = -1, one = 1;
    double low = -0.0, high = 0.0;
    df__pq_range r;
    (void)state;
    assert_true(df__pq_compare(DF__PQ_ORDER_INT32, (df_bytes){&minus, 4}, (df_bytes){&one, 4}) < 0);
    assert_true(df__pq_compare(DF__PQ_ORDER_BYTES, bytes_of("\xff"), bytes_of("a")) > 0);
    assert_true(df__pq_compare(DF__PQ_ORDER_BYTES, bytes_of("a"), bytes_of("ab")) < 0);
    assert_true(df__pq_compare(DF__PQ_ORDER_DECIMAL, bytes_of("\xff\xff"), bytes_of("\x01\x01")) <
                0);
    assert_true(df__pq_compare(DF__PQ_ORDER_DECIMAL, bytes_of("\xfe\xff"), bytes_of("\xff\x01")) <
                0);
    for (int order = 0; order < 2; order++) {
        memset(&r, 0, sizeof r);
        df__pq_range_add(&r, DF__PQ_ORDER_DOUBLE, (df_bytes){order ? &low : &high, 8});
        df__pq_range_zeros(&r, DF__PQ_ORDER_DOUBLE);
        assert_memory_equal(r.low.data, &low, 8);
        assert_memory_equal(r.high.data, &high, 8);
    }
}

/* ---- Thrift ---------------------------------------------------------------------------------- */

static void damaged_structs_end(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"", 0},
        {"\x15", 1},                                              /* no number */
        {"\x15\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12}, /* too long a number */
        {"\x18\x7f"
         "a",
         3},                                 /* bytes that are not there */
        {"\x19\xfc\xff\xff\xff\xff\x0f", 7}, /* a list without elements */
        {"\x1d\x00", 2},                     /* no such type */
        {"\x1b\xff\xff\xff\x0f\x55", 6},     /* a map that is not there */
        {"\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c"
         "\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c",
         30}, /* too deep */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        df__thrift_in t;
        int fields = 0;
        df__thrift_open(&t, (df_bytes){cases[i].bytes, cases[i].len});
        while (df__thrift_next(&t) >= 0 && ++fields < 100)
            df__thrift_skip(&t);
        assert_true(t.bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_come_back),
        cmocka_unit_test(levels_come_back),
        cmocka_unit_test(numbers_of_no_bits_are_zero),
        cmocka_unit_test(bounds_hold_what_they_bound),
        cmocka_unit_test(long_values_bound_too),
        cmocka_unit_test(orders_are_those_of_the_types),
        cmocka_unit_test(damaged_structs_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
