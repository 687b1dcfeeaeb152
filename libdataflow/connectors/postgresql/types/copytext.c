/* SPDX-License-Identifier: Apache-2.0
 * copytext.c: escaping for COPY in text format. Sixteen bytes at a time while nothing needs an
 * escape, which is nearly always. */
#include "copytext.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* What a byte becomes: 0 itself, 1 refused, else a backslash and this letter. */
static const unsigned char letters[256] = {
    ['\0'] = 1, ['\t'] = 't', ['\n'] = 'n', ['\r'] = 'r', ['\\'] = '\\',
};

/* Copies up to the first byte that needs a look; returns how many. Room for len + 16. */
static size_t copy_plain(char *out, const char *s, size_t len)
{
    size_t i = 0;
#ifdef __SSE2__
    const __m128i slash = _mm_set1_epi8('\\');
    const __m128i low = _mm_set1_epi8(0x1f);
    for (; len - i >= 16; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s + i));
        _mm_storeu_si128((__m128i *)(void *)(out + i), v);
        __m128i hit =
            _mm_or_si128(_mm_cmpeq_epi8(v, slash), _mm_cmpeq_epi8(_mm_min_epu8(v, low), v));
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask)
            return i + (unsigned)__builtin_ctz(mask);
    }
#endif
    while (i < len && letters[(unsigned char)s[i]] == 0) {
        out[i] = s[i];
        i++;
    }
    return i;
}

int df__pg_escape(df__buf *b, const char *s, size_t len)
{
    if (len > (SIZE_MAX - 16) / 2)
        return DF_ENOMEM;
    char *out = df__buf_reserve(b, 2 * len + 16);
    if (!out)
        return DF_ENOMEM;
    const char *end = s + len;
    while (s < end) {
        size_t n = copy_plain(out, s, (size_t)(end - s));
        out += n;
        s += n;
        if (s == end)
            break;
        unsigned char letter = letters[(unsigned char)*s];
        if (letter == 1)
            return DF_EDATA;
        if (letter) {
            *out++ = '\\';
            *out++ = (char)letter;
        } else {
            *out++ = *s;
        }
        s++;
    }
    b->len = (size_t)(out - b->data);
    return DF_OK;
}

int df__pg_escape_element(df__buf *b, const char *s, size_t len)
{
    df__buf_char(b, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char letter = letters[(unsigned char)s[i]];
        if (letter == 1)
            return DF_EDATA;
        if (s[i] == '"' || s[i] == '\\') { /* once for the array, once more for COPY */
            df__buf_str(b, s[i] == '"' ? "\\\\\"" : "\\\\\\\\");
        } else if (letter) {
            df__buf_char(b, '\\');
            df__buf_char(b, (char)letter);
        } else {
            df__buf_char(b, s[i]);
        }
    }
    df__buf_char(b, '"');
    return b->failed ? DF_ENOMEM : DF_OK;
}

int df__pg_unescape(df__buf *b, const char *s, size_t len)
{
    if (len == 2 && s[0] == '\\' && s[1] == 'N')
        return DF_DONE;
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        if (c == '\\' && i + 1 < len) {
            c = s[++i];
            c = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
        }
        df__buf_char(b, c);
    }
    return b->failed ? DF_ENOMEM : DF_OK;
}
