/* SPDX-License-Identifier: Apache-2.0
 * buf.h: a growing byte buffer. A failed append sets `failed` and later appends do nothing, so a
 * writer checks once at the end. */
#ifndef DF_UTIL_BUF_H
#define DF_UTIL_BUF_H

#include <stdarg.h>

#include "dataflow.h"
#include "util/heap.h"

typedef struct df__buf {
    const df__heap *heap;
    char *data;
    size_t len, cap;
    size_t limit; /* 0: none; past it an append fails */
    int failed;
} df__buf;

/* Empty, takes no memory yet; heap outlives it. */
void df__buf_init(df__buf *b, const df__heap *heap);
/* Frees the bytes; the buffer is empty then. */
void df__buf_free(df__buf *b);
/* The same, and nothing of what was in it stays in memory: for secrets. */
void df__buf_wipe(df__buf *b);
/* Empty again, keeps its memory; what had failed is forgotten. */
void df__buf_clear(df__buf *b);
/* Room for len more bytes at the returned place; NULL on failure. Advance b->len yourself. */
char *df__buf_reserve(df__buf *b, size_t len);
/* Appends bytes. */
void df__buf_add(df__buf *b, const void *data, size_t len);
/* Appends a text that ends in NUL, without it. */
void df__buf_str(df__buf *b, const char *s);
/* Appends one byte. */
void df__buf_char(df__buf *b, char c);
/* Appends a number in decimal. */
void df__buf_u64(df__buf *b, unsigned long long v);
/* Decimal digits to `to` (room for 20), without a NUL; their count. */
size_t df__digits(char *to, unsigned long long v);
/* Appends as printf does, of any length. */
void df__buf_printf(df__buf *b, const char *format, ...) DF_PRINTF(2, 3);
/* Appends a JSON string with quotes; bytes that are not UTF-8 become U+FFFD. */
void df__buf_json(df__buf *b, const char *s, size_t len);
/* Puts a NUL after the content (not counted) and returns the content, good until the next append;
 * NULL: an append has failed. */
const char *df__buf_cstr(df__buf *b);

/* Copies a text into cap bytes, with a NUL, cut at a UTF-8 boundary. Returns the length. */
size_t df__text_set(char *buf, size_t cap, const char *s, size_t len);
/* "record%s" of n. */
#define DF__PLURAL(n) ((n) == 1 ? "" : "s")
/* Writes as snprintf does, but cuts at a UTF-8 boundary and returns the length that is there. */
size_t df__text_printf(char *buf, size_t cap, const char *format, ...) DF_PRINTF(3, 4);
/* The same with a va_list. */
size_t df__text_vprintf(char *buf, size_t cap, const char *format, va_list args);

#endif
