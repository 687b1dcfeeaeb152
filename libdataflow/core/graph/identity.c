/* SPDX-License-Identifier: Apache-2.0
 * identity.c: a hash of what a source reads. References to secrets count as they are written: the
 * secret that it names may be renewed without the source becoming another. */
#include "core/graph/identity.h"

#include <string.h>

#include "core/graph/option.h"

#define HASH_BEGIN 0xcbf29ce484222325u

static void hash_byte(uint64_t *h, unsigned char byte)
{
    *h = (*h ^ byte) * 0x100000001b3u;
}

static void hash_bytes(uint64_t *h, df_bytes text)
{
    const unsigned char *p = text.data;
    for (size_t i = 0; i < text.len; i++)
        hash_byte(h, p[i]);
}

static void hash_text(uint64_t *h, df_bytes text)
{
    hash_bytes(h, text);
    hash_byte(h, 0xff); /* no byte of UTF-8: where a text ends counts as well */
}

static void hash_number(uint64_t *h, uint64_t n)
{
    for (int i = 0; i < 8; i++, n >>= 8)
        hash_byte(h, (unsigned char)n);
}

/* Items in their order, members in any. */
static uint64_t hash_of(const df__doc *node)
{
    uint64_t h = HASH_BEGIN, members = 0;
    const df__doc *n;
    hash_byte(&h, (unsigned char)node->kind);
    if (node->kind == DF__DOC_SCALAR)
        hash_text(&h, node->text);
    for (n = node->first; n; n = n->next) {
        uint64_t one = hash_of(n);
        if (node->kind == DF__DOC_MAP) {
            hash_text(&one, n->name);
            members += one;
        } else {
            hash_number(&h, one);
        }
    }
    hash_number(&h, members);
    return h;
}

/* A text that may be written as a list is its items with a comma between. */
static void hash_joined(uint64_t *h, const df__doc *list)
{
    const df__doc *n;
    for (n = list->first; n; n = n->next) {
        hash_bytes(h, n->text);
        if (n->next)
            hash_byte(h, ',');
    }
    hash_byte(h, 0xff);
}

static void hash_row(uint64_t *h, const df_option *row, const df__doc *config)
{
    char twin[96];
    const df__doc *plain = df__doc_member(config, row->name), *ref = NULL;
    hash_text(h, (df_bytes){row->name, strlen(row->name)});
    if (df__option_has_twin(row)) {
        df__text_printf(twin, sizeof twin, "%sSecretRef", row->name);
        ref = df__doc_member(config, twin);
    }
    if (ref && !df__doc_is_null(ref))
        hash_number(h, hash_of(ref)); /* it wins over the plain option */
    else if (plain && plain->kind == DF__DOC_SCALAR)
        hash_text(h, plain->text);
    else if (plain && row->type == DF_OPT_TEXT)
        hash_joined(h, plain);
    else if (plain)
        hash_number(h, hash_of(plain));
}

void df__source_identity(const df__stage_spec *source, char text[DF__IDENTITY])
{
    const df_options *options = df__stage_options(source);
    uint64_t h = HASH_BEGIN;
    hash_text(&h, (df_bytes){source->kind, strlen(source->kind)});
    for (size_t i = 0; options && i < options->count; i++) {
        const df_option *row = df__option_at(options, i);
        if (row->flags & DF_OPT_IDENTITY)
            hash_row(&h, row, source->config);
    }
    df__text_printf(text, DF__IDENTITY, "%016llx", (unsigned long long)h);
}

static int is_given(const df_option *row, const df__doc *config)
{
    char twin[96];
    const df__doc *n = df__doc_member(config, row->name);
    df__text_printf(twin, sizeof twin, "%sSecretRef", row->name);
    if (n && !df__doc_is_null(n))
        return n->kind != DF__DOC_SCALAR || strcmp(n->text.data, "-") != 0; /* a pipe is two */
    n = df__option_has_twin(row) ? df__doc_member(config, twin) : NULL;
    return n && !df__doc_is_null(n);
}

int df__feeds_source(const df__stage_spec *sink, const df__stage_spec *source)
{
    const df_options *options = df__stage_options(source);
    size_t same = 0;
    if (strcmp(sink->kind, source->kind) != 0)
        return 0;
    for (size_t i = 0; options && i < options->count; i++) {
        const df_option *row = df__option_at(options, i);
        uint64_t a = HASH_BEGIN, b = HASH_BEGIN;
        if (!(row->flags & (DF_OPT_IDENTITY | DF_OPT_REQUIRED)))
            continue;
        if (!is_given(row, source->config) || !is_given(row, sink->config))
            return 0;
        hash_row(&a, row, source->config);
        hash_row(&b, row, sink->config);
        if (a != b)
            return 0;
        same++;
    }
    return same > 0;
}
