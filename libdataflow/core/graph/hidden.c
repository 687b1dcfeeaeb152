/* SPDX-License-Identifier: Apache-2.0
 * hidden.c: texts that must not leave the process, see hidden.h. */
#include "core/graph/hidden.h"

#include <string.h>

#include "util/buf.h"

typedef struct df__known {
    struct df__known *next;
    int pieces;
    unsigned char bytes[32]; /* bit set: which bytes the value has */
    size_t len;
    char data[];
} known;

void df__hidden_init(df__hidden *h, const df__heap *heap)
{
    h->heap = heap;
    h->known = NULL;
    pthread_mutex_init(&h->lock, NULL);
}

void df__hidden_free(df__hidden *h)
{
    while (h->known) {
        known *next = h->known->next;
        explicit_bzero(h->known, sizeof *h->known + h->known->len);
        df__free(h->heap, h->known);
        h->known = next;
    }
    pthread_mutex_destroy(&h->lock);
}

static int add(df__hidden *h, const char *data, size_t len, int pieces)
{
    known *k;
    if (len < DF__HIDDEN_SHORTEST)
        return DF_OK;
    for (k = h->known; k; k = k->next)
        if (k->len == len && memcmp(k->data, data, len) == 0) {
            k->pieces |= pieces;
            return DF_OK;
        }
    k = df__zalloc(h->heap, sizeof *k + len);
    if (!k)
        return DF_ENOMEM;
    k->pieces = pieces;
    k->len = len;
    memcpy(k->data, data, len);
    for (size_t i = 0; i < len; i++)
        k->bytes[(unsigned char)data[i] / 8] |= (unsigned char)(1u << (data[i] & 7));
    k->next = h->known;
    h->known = k;
    return DF_OK;
}

static int is_plain(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
           (c && strchr("-._~", c));
}

/* As it stands inside a URL. */
static int add_encoded(df__hidden *h, df_bytes value, int pieces, const char *hex)
{
    const unsigned char *s = value.data;
    size_t len = 0, i;
    char *text;
    int rc;
    for (i = 0; i < value.len; i++)
        len += is_plain(s[i]) ? 1 : 3;
    if (len == value.len)
        return DF_OK;
    text = df__alloc(h->heap, len);
    if (!text)
        return DF_ENOMEM;
    for (len = i = 0; i < value.len; i++) {
        if (is_plain(s[i])) {
            text[len++] = (char)s[i];
        } else {
            text[len++] = '%';
            text[len++] = hex[s[i] >> 4];
            text[len++] = hex[s[i] & 15];
        }
    }
    rc = add(h, text, len, pieces);
    explicit_bzero(text, len);
    df__free(h->heap, text);
    return rc;
}

int df__hidden_add(df__hidden *h, df_bytes value, int pieces)
{
    int rc;
    if (value.len < DF__HIDDEN_SHORTEST)
        return DF_OK;
    pthread_mutex_lock(&h->lock);
    rc = add(h, value.data, value.len, pieces);
    if (rc == DF_OK)
        rc = add_encoded(h, value, pieces, "0123456789ABCDEF");
    if (rc == DF_OK)
        rc = add_encoded(h, value, pieces, "0123456789abcdef");
    pthread_mutex_unlock(&h->lock);
    return rc;
}

static size_t same(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t n = a_len < b_len ? a_len : b_len, i = 0;
    while (i < n && a[i] == b[i])
        i++;
    return i;
}

/* The first bytes of the text are all somewhere in the value: else no search is worth its time. */
static int may_be_piece(const known *k, const char *text)
{
    for (int i = 0; i < DF__HIDDEN_PIECE; i++)
        if (!(k->bytes[(unsigned char)text[i] / 8] & (1u << (text[i] & 7))))
            return 0;
    return 1;
}

/* How much of the text's begin is hidden by this value. */
static size_t hidden_by(const known *k, const char *text, size_t left)
{
    const char *at = k->data, *end = k->data + k->len;
    size_t best = 0;
    if (left >= k->len && memcmp(text, k->data, k->len) == 0)
        return k->len;
    if (!k->pieces || left < DF__HIDDEN_PIECE || !may_be_piece(k, text))
        return 0;
    while ((at = memmem(at, (size_t)(end - at), text, DF__HIDDEN_PIECE))) {
        size_t len = same(at, (size_t)(end - at), text, left);
        best = len > best ? len : best;
        at++;
    }
    return best;
}

void df__hidden_scrub(df__hidden *h, char *text)
{
    size_t left = strlen(text);
    char *out = text;
    pthread_mutex_lock(&h->lock);
    while (left && h->known) {
        size_t best = 0;
        for (const known *k = h->known; k; k = k->next) {
            size_t len = hidden_by(k, text, left);
            best = len > best ? len : best;
        }
        if (best) {
            memcpy(out, "***", 3);
            out += 3;
        } else {
            *out++ = *text;
            best = 1;
        }
        text += best;
        left -= best;
    }
    if (h->known)
        *out = '\0';
    pthread_mutex_unlock(&h->lock);
}
