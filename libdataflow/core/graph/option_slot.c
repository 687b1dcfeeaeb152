/* SPDX-License-Identifier: Apache-2.0
 * option_slot.c: what all that fills an option needs: its row, its place, its failure. */
#include <stdarg.h>
#include <string.h>

#include "core/graph/option_types.h"

const df_option *df__option_at(const df_options *options, size_t index)
{
    return (const df_option *)(const void *)((const char *)options->rows +
                                             index * options->row_size);
}

const df__doc *df__option_given(const df_option *row, const df__doc *map)
{
    const df__doc *n = df__doc_given(map, row->name);
    int is_nothing = n && row->type == DF_OPT_ENUM && n->kind == DF__DOC_SCALAR && n->text.len == 0;
    return is_nothing ? NULL : n;
}

int df__option_has_twin(const df_option *row)
{
    return row->type == DF_OPT_SECRET || (row->flags & DF_OPT_REF);
}

int df__worse(int a, int b)
{
    if (a == DF_ENOMEM || b == DF_OK)
        return a;
    if (b == DF_ENOMEM || a == DF_OK)
        return b;
    return a == DF_ESPEC ? b : a;
}

void df__field_child(char *buf, const char *parent, const char *name)
{
    df__text_printf(buf, DF__FIELD, "%s%s%s", parent, *parent ? "." : "", name);
}

void df__field_item(char *buf, const char *parent, size_t index)
{
    df__text_printf(buf, DF__FIELD, "%s[%zu]", parent, index);
}

int df__slot_fail(const df__option_slot *s, const char *text)
{
    df__problem_add(s->fill->graph->problems, DF_ERROR, s->node, s->field, text);
    return DF_ESPEC;
}

int df__slot_failf(const df__option_slot *s, const char *format, ...)
{
    char text[384];
    va_list args;
    va_start(args, format);
    df__text_vprintf(text, sizeof text, format, args);
    va_end(args);
    return df__slot_fail(s, text);
}
