/* SPDX-License-Identifier: Apache-2.0
 * buf.c: growing byte buffer and fixed texts, see buf.h. */
#include "util/buf.h"

#include <stdio.h>
#include <string.h>

enum { LARGE = 1 << 20 }; /* from here on a buffer does not double */

void df__buf_init(df__buf *b, const df__heap *heap)
{
    memset(b, 0, sizeof *b);
    b->heap = heap;
}

void df__buf_free(df__buf *b)
{
    df__free(b->heap, b->data);
    b->data = NULL;
    b->len = b->cap = 0;
}

void df__buf_wipe(df__buf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->cap);
    df__buf_free(b);
}

void df__buf_clear(df__buf *b)
{
    b->len = 0;
    b->failed = 0;
}

char *df__buf_reserve(df__buf *b, size_t len)
{
    size_t want;
    char *grown;
    if (b->failed)
        return NULL;
    if (b->cap - b->len >= len && b->data)
        return b->data + b->len;
    if (len > SIZE_MAX / 4 - b->len || (b->limit && b->len + len > b->limit)) {
        b->failed = 1;
        return NULL;
    }
    want = b->cap ? b->cap : 64;
    while (want - b->len < len)
        want = want < LARGE ? want * 2 : b->len + len + (b->len + len) / 4;
    grown = df__realloc(b->heap, b->data, want);
    if (!grown) {
        b->failed = 1;
        return NULL;
    }
    b->data = grown;
    b->cap = want;
    return b->data + b->len;
}

void df__buf_add(df__buf *b, const void *data, size_t len)
{
    char *at = df__buf_reserve(b, len);
    if (!at || !len)
        return;
    memcpy(at, data, len);
    b->len += len;
}

void df__buf_str(df__buf *b, const char *s)
{
    df__buf_add(b, s, strlen(s));
}

void df__buf_char(df__buf *b, char c)
{
    df__buf_add(b, &c, 1);
}

size_t df__digits(char *to, unsigned long long v)
{
    char digits[20];
    size_t n = sizeof digits;
    do {
        digits[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    memcpy(to, digits + n, sizeof digits - n);
    return sizeof digits - n;
}

void df__buf_u64(df__buf *b, unsigned long long v)
{
    char digits[20];
    df__buf_add(b, digits, df__digits(digits, v));
}

static void vprintf_to(df__buf *b, const char *format, va_list args)
{
    va_list again;
    int n;
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    if (n >= 0 && df__buf_reserve(b, (size_t)n + 1)) {
        vsnprintf(b->data + b->len, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    } else {
        b->failed = 1;
    }
    va_end(again);
}

void df__buf_printf(df__buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf_to(b, format, args);
    va_end(args);
}

/* RFC 3629, section 4: lead byte, and what the second byte may be. */
static const struct utf8_row {
    unsigned char first, last, low, high, len;
} utf8_rows[] = {
    {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* Length of the UTF-8 sequence at s, 0 when it is none. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
    const struct utf8_row *row = utf8_rows;
    const struct utf8_row *end = row + sizeof utf8_rows / sizeof *utf8_rows;
    while (row < end && (s[0] < row->first || s[0] > row->last))
        row++;
    if (row == end || row->len > left)
        return 0;
    if (row->len > 1 && (s[1] < row->low || s[1] > row->high))
        return 0;
    for (size_t i = 2; i < row->len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return row->len;
}

static void json_char(df__buf *b, unsigned char c)
{
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i < sizeof shorts - 1; i += 2) {
        if ((unsigned char)shorts[i] == c) {
            df__buf_char(b, '\\');
            df__buf_char(b, shorts[i + 1]);
            return;
        }
    }
    if (c < 0x20) {
        static const char digits[] = "0123456789abcdef";
        char text[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
        df__buf_add(b, text, sizeof text);
    } else {
        df__buf_char(b, (char)c);
    }
}

#define EACH_BYTE 0x0101010101010101u

/* Has the top bit of some byte set when one of these eight is no ASCII or needs an escape. */
static uint64_t special8(const unsigned char *p)
{
    uint64_t x, quote, backslash;
    memcpy(&x, p, 8);
    quote = x ^ (EACH_BYTE * '"');
    backslash = x ^ (EACH_BYTE * '\\');
    return (((quote - EACH_BYTE) & ~quote) | ((backslash - EACH_BYTE) & ~backslash) |
            (x - EACH_BYTE * 0x20) | x) &
           (EACH_BYTE * 0x80);
}

static int is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

void df__buf_json(df__buf *b, const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s, *end = p + len, *run = p;
    df__buf_reserve(b, len + 2);
    df__buf_char(b, '"');
    while (p < end) {
        size_t n = 1;
        while (end - p >= 8 && !special8(p))
            p += 8;
        while (p < end && is_plain(*p))
            p++;
        if (p == end)
            break;
        if (*p >= 0x80 && (n = utf8_len(p, (size_t)(end - p))) > 0) {
            p += n;
            continue;
        }
        df__buf_add(b, run, (size_t)(p - run));
        if (n)
            json_char(b, *p);
        else
            df__buf_str(b, "\xef\xbf\xbd");
        run = ++p;
    }
    if (run < end)
        df__buf_add(b, run, (size_t)(end - run));
    df__buf_char(b, '"');
}

const char *df__buf_cstr(df__buf *b)
{
    char *at = df__buf_reserve(b, 1);
    if (!at)
        return NULL;
    *at = '\0';
    return b->data;
}

size_t df__text_set(char *buf, size_t cap, const char *s, size_t len)
{
    if (!cap)
        return 0;
    if (len > cap - 1) {
        len = cap - 1;
        while (len && ((unsigned char)s[len] & 0xc0) == 0x80)
            len--;
    }
    if (len)
        memmove(buf, s, len);
    buf[len] = '\0';
    return len;
}

size_t df__text_vprintf(char *buf, size_t cap, const char *format, va_list args)
{
    int n = vsnprintf(buf, cap, format, args);
    if (n < 0)
        return df__text_set(buf, cap, "", 0);
    if ((size_t)n < cap)
        return (size_t)n;
    n = (int)cap - 1;
    while (n > 0 && ((unsigned char)buf[n - 1] & 0xc0) == 0x80)
        n--;
    if (n > 0 && (unsigned char)buf[n - 1] >= 0xc0)
        n--;
    buf[n] = '\0';
    return (size_t)n;
}

size_t df__text_printf(char *buf, size_t cap, const char *format, ...)
{
    size_t n;
    va_list args;
    va_start(args, format);
    n = df__text_vprintf(buf, cap, format, args);
    va_end(args);
    return n;
}
