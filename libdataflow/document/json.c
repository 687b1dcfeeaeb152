/* SPDX-License-Identifier: Apache-2.0
 * json.c: reads strict JSON (RFC 8259) into a tree and knows where each value stands. */
#include <string.h>

#include "document/builder.h"

typedef struct scan {
    df__builder *b;
    const char *s;
    size_t len, at;
    size_t line_begin, seen; /* the column of `seen` is known */
    int line, column;
} scan;

/* Column of a place at or after the last one asked for, in characters from 1. */
static int column_of(scan *j, size_t at)
{
    if (j->seen < j->line_begin || j->seen > at) {
        j->seen = j->line_begin;
        j->column = 1;
    }
    for (; j->seen < at; j->seen++)
        if (((unsigned char)j->s[j->seen] & 0xc0) != 0x80)
            j->column++;
    return j->column;
}

static int fail(scan *j, size_t at, const char *text)
{
    df__builder_fail(j->b, j->line, column_of(j, at), text);
    return DF_ESPEC;
}

/* "expected X, found Y" at the present place. */
static int expected(scan *j, const char *what)
{
    char text[128], found[16] = "the end";
    unsigned char c = j->at < j->len ? (unsigned char)j->s[j->at] : 0;
    if (c == '"')
        df__text_printf(found, sizeof found, "a quote");
    else if (j->at < j->len && c > 0x20 && c < 0x7f)
        df__text_printf(found, sizeof found, "\"%c\"", c);
    else if (j->at < j->len)
        df__text_printf(found, sizeof found, "byte 0x%02x", c);
    df__text_printf(text, sizeof text, "JSON: expected %s, found %s", what, found);
    return fail(j, j->at, text);
}

static void skip_space(scan *j)
{
    for (; j->at < j->len; j->at++) {
        char c = j->s[j->at];
        if (c == '\n' || (c == '\r' && (j->at + 1 == j->len || j->s[j->at + 1] != '\n'))) {
            j->line++;
            j->line_begin = j->at + 1;
        } else if (c != ' ' && c != '\t' && c != '\r') {
            break;
        }
    }
}

static int hex4(const char *s, size_t left, unsigned *ret)
{
    unsigned v = 0;
    if (left < 4)
        return 0;
    for (int i = 0; i < 4; i++) {
        char c = s[i];
        unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                            : 16;
        if (d > 15)
            return 0;
        v = v * 16 + d;
    }
    *ret = v;
    return 1;
}

static size_t put_utf8(char *out, unsigned c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | (c >> 6));
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | (c >> 12));
        out[1] = (char)(0x80 | ((c >> 6) & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 0x3f));
    out[2] = (char)(0x80 | ((c >> 6) & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* \uXXXX with the other half of a pair; at is after the u. */
static int unicode_escape(scan *j, char *out, size_t *n)
{
    unsigned c, low;
    if (!hex4(j->s + j->at, j->len - j->at, &c))
        return fail(j, j->at, "JSON: \\u needs four hexadecimal digits");
    j->at += 4;
    if (c >= 0xd800 && c < 0xe000) {
        if (c >= 0xdc00 || j->len - j->at < 6 || j->s[j->at] != '\\' || j->s[j->at + 1] != 'u' ||
            !hex4(j->s + j->at + 2, j->len - j->at - 2, &low) || low < 0xdc00 || low > 0xdfff)
            return fail(j, j->at - 6, "JSON: half of a surrogate pair");
        j->at += 6;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    *n += put_utf8(out + *n, c);
    return DF_OK;
}

static int escape(scan *j, char *out, size_t *n)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = j->at + 1 < j->len ? j->s[j->at + 1] : '\0';
    const char *hit = c ? strchr(from, c) : NULL;
    if (hit) {
        out[(*n)++] = to[hit - from];
        j->at += 2;
        return DF_OK;
    }
    if (c != 'u')
        return fail(j, j->at, "JSON: unknown escape in a string");
    j->at += 2;
    return unicode_escape(j, out, n);
}

/* Length of the UTF-8 sequence at s, 0: none. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
    static const struct { /* of the first byte, and bounds of the second */
        unsigned char low, high, low2, high2;
        size_t len;
    } rows[] = {
        {0x00, 0x7f, 0, 0xff, 1},    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    size_t row = 0;
    while (row < sizeof rows / sizeof rows[0] && (s[0] < rows[row].low || s[0] > rows[row].high))
        row++;
    if (row == sizeof rows / sizeof rows[0] || rows[row].len > left)
        return 0;
    if (rows[row].len > 1 && (s[1] < rows[row].low2 || s[1] > rows[row].high2))
        return 0;
    for (size_t i = 2; i < rows[row].len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return rows[row].len;
}

/* The characters of a string up to the closing quote, decoded into `out`. */
static int string_body(scan *j, char *out, size_t *n)
{
    while (j->at < j->len && j->s[j->at] != '"') {
        const unsigned char *p = (const unsigned char *)j->s + j->at;
        size_t step = utf8_len(p, j->len - j->at);
        if (*p < 0x20)
            return fail(j, j->at, "JSON: control character or line end inside a string");
        if (step == 0)
            return fail(j, j->at, "not UTF-8");
        if (*p == '\\') {
            if (escape(j, out, n) != DF_OK)
                return DF_ESPEC;
            continue;
        }
        memcpy(out + *n, p, step);
        *n += step;
        j->at += step;
    }
    return DF_OK;
}

static int read_string(scan *j, df__doc *n)
{
    size_t begin = j->at, end = begin + 1, len = 0;
    char *out;
    n->kind = DF__DOC_SCALAR;
    n->quoted = 1;
    n->line = j->line;
    n->column = column_of(j, begin);
    while (end < j->len && j->s[end] != '"')
        end += j->s[end] == '\\' ? 2 : 1;
    if (end >= j->len)
        return fail(j, begin, "JSON: the string has no end");
    out = df__arena_bytes(j->b->arena, j->s + begin, end - begin); /* decoded is never longer */
    if (!out)
        return j->b->rc = DF_ENOMEM;
    j->at = begin + 1;
    if (string_body(j, out, &len) != DF_OK)
        return DF_ESPEC;
    out[len] = '\0';
    j->at++;
    n->text.data = out;
    n->text.len = len;
    n->begin = begin;
    n->end = j->at;
    return DF_OK;
}

static int in_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
           c == '-' || c == '.';
}

static int is_json_word(df_bytes w)
{
    return (w.len == 4 && memcmp(w.data, "true", 4) == 0) ||
           (w.len == 4 && memcmp(w.data, "null", 4) == 0) ||
           (w.len == 5 && memcmp(w.data, "false", 5) == 0) || df__is_json_number(w);
}

static int bad_word(scan *j, df_bytes word)
{
    char text[128];
    df__text_printf(text, sizeof text, "JSON: %.*s is no value: text needs double quotes",
                    word.len > 40 ? 40 : (int)word.len, (const char *)word.data);
    return fail(j, j->at, text);
}

/* A number, true, false, null. */
static int read_word(scan *j, df__doc *n)
{
    size_t begin = j->at, end = begin;
    df_bytes word;
    while (end < j->len && in_word(j->s[end]))
        end++;
    word.data = j->s + begin;
    word.len = end - begin;
    if (word.len > 0 && !is_json_word(word))
        return bad_word(j, word);
    if (word.len == 0)
        return expected(j, "a value");
    n->kind = DF__DOC_SCALAR;
    n->line = j->line;
    n->column = column_of(j, begin);
    n->begin = begin;
    n->end = j->at = end;
    if (df__arena_copy(j->b->arena, word, &n->text) != DF_OK)
        return j->b->rc = DF_ENOMEM;
    return DF_OK;
}

static int read_value(scan *j)
{
    df__doc n;
    char c = j->at < j->len ? j->s[j->at] : '\0';
    memset(&n, 0, sizeof n);
    if (c == '{' || c == '[') {
        n.kind = c == '{' ? DF__DOC_MAP : DF__DOC_SEQ;
        n.line = j->line;
        n.column = column_of(j, j->at);
        n.begin = j->at++;
    } else if ((c == '"' ? read_string(j, &n) : read_word(j, &n)) != DF_OK) {
        return j->b->rc;
    }
    return df__builder_value(j->b, &n) ? DF_OK : j->b->rc;
}

static int read_key(scan *j)
{
    df__doc n;
    memset(&n, 0, sizeof n);
    if (j->at >= j->len || j->s[j->at] != '"')
        return expected(j, "a name in double quotes");
    if (read_string(j, &n) != DF_OK || df__builder_key(j->b, &n) != DF_OK)
        return j->b->rc;
    skip_space(j);
    if (j->at >= j->len || j->s[j->at] != ':')
        return expected(j, "\":\"");
    j->at++;
    skip_space(j);
    return read_value(j);
}

/* One member or item of the newest container, or its end. */
static int read_next(scan *j)
{
    const df__frame *top = &j->b->stack[j->b->depth];
    char end = top->doc->kind == DF__DOC_MAP ? '}' : ']';
    if (j->at < j->len && j->s[j->at] == end) {
        df__builder_close(j->b, ++j->at);
        return j->b->rc;
    }
    if (top->doc->count > 0) {
        if (j->at >= j->len || j->s[j->at] != ',')
            return expected(j, end == '}' ? "\",\" or \"}\"" : "\",\" or \"]\"");
        j->at++;
        skip_space(j);
    }
    return end == '}' ? read_key(j) : read_value(j);
}

void df__json_read(df__builder *b)
{
    scan j = {b, b->src.data, b->src.len, 0, 0, 0, 1, 1};
    if (j.len >= 3 && memcmp(j.s, "\xef\xbb\xbf", 3) == 0)
        j.at = j.line_begin = j.seen = 3;
    skip_space(&j);
    if (read_value(&j) != DF_OK)
        return;
    while (b->rc == DF_OK && b->depth > 0) {
        skip_space(&j);
        read_next(&j);
    }
    skip_space(&j);
    if (b->rc == DF_OK && j.at < j.len)
        expected(&j, "nothing more");
}
