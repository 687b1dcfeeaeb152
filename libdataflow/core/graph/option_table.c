/* SPDX-License-Identifier: Apache-2.0
 * option_table.c: option tables themselves: can one work, copy it, describe it. */
#include <string.h>

#include "core/graph/option_types.h"

enum { DEEPEST = 8, LINE = 192 };

static _Thread_local char line[LINE];

static const char *wrong(const df_option *row, const char *text)
{
    df__text_printf(line, sizeof line, "option \"%.60s\": %s", row->name ? row->name : "", text);
    return line;
}

static int is_plain_name(const char *name)
{
    if (!name || !*name || strlen(name) > 64)
        return 0;
    for (; *name; name++)
        if (!((*name >= '0' && *name <= '9') || ((*name | 32) >= 'a' && (*name | 32) <= 'z') ||
              *name == '_' || *name == '-' || *name == '.'))
            return 0;
    return 1;
}

static int default_works(const df_option *row)
{
    int64_t i;
    double d;
    df_bytes text = {row->def, strlen(row->def)};
    switch (row->type) {
    case DF_OPT_TEXT:
    case DF_OPT_SECRET:
        return 1;
    case DF_OPT_BOOL:
        return strcmp(row->def, "true") == 0 || strcmp(row->def, "false") == 0;
    case DF_OPT_INT:
        return df__parse_int(text, &i);
    case DF_OPT_SIZE:
        return df__parse_size(text, &i);
    case DF_OPT_DURATION:
        return df__parse_duration(text, &i);
    case DF_OPT_DOUBLE:
        return df__parse_double(text, &d);
    case DF_OPT_ENUM:
        for (size_t n = 0; row->choices && row->choices[n]; n++)
            if (strcmp(row->choices[n], row->def) == 0)
                return 1;
        return 0;
    case DF_OPT_LIST:
        return row->of == DF_OPT_TEXT;
    default:
        return row->type == DF_OPT_PATH || row->type == DF_OPT_CONDITION;
    }
}

static const char *check_flags(const df_option *row)
{
    int ref_fits = row->type == DF_OPT_TEXT || row->type == DF_OPT_SECRET ||
                   (row->type == DF_OPT_LIST && row->of == DF_OPT_TEXT);
    if ((row->flags & DF_OPT_REF) && !ref_fits)
        return wrong(row, "only text, secret and list of text can have a SecretRef");
    if ((row->flags & DF_OPT_PARTS) && row->type != DF_OPT_SECRET)
        return wrong(row, "only a secret has parts that are hidden");
    if ((row->flags & DF_OPT_REQUIRED) && row->def)
        return wrong(row, "required and a default");
    if (row->flags & ~255u)
        return wrong(row, "unknown flags");
    return row->def && !default_works(row) ? wrong(row, "the default does not fit the type") : NULL;
}

static const char *check_table(const df_options *options, size_t self_size, int depth);

static int has_block(const df_option *row)
{
    return row->type == DF_OPT_BLOCK || (row->type == DF_OPT_LIST && row->of == DF_OPT_BLOCK);
}

/* What a type needs beside it. */
static const char *check_kind(const df_option *row)
{
    if (row->type == DF_OPT_ENUM && (!row->choices || !row->choices[0]))
        return wrong(row, "no choices");
    if (has_block(row) && !row->block)
        return wrong(row, "no block");
    if (row->type == DF_OPT_LIST && df__option_item_size(row) == 0)
        return wrong(row, "a list of this type is not possible");
    return NULL;
}

static const char *check_row(const df_option *row, size_t struct_size, int depth)
{
    const df__option_type *type = df__option_type_of(row->type);
    const char *text;
    if (!is_plain_name(row->name))
        return wrong(row, "a name of letters, digits, \"-\", \"_\" and \".\" is needed");
    if (!type)
        return wrong(row, "unknown type");
    if (!row->doc)
        return wrong(row, "no doc");
    text = check_kind(row);
    if (text)
        return text;
    if (row->offset > struct_size || struct_size - row->offset < type->size)
        return wrong(row, "its member lies outside the struct");
    if (row->offset % type->align)
        return wrong(row, "its member is not aligned");
    text = has_block(row) ? check_table(row->block, row->block->struct_size, depth + 1) : NULL;
    return text ? text : check_flags(row);
}

static const char *check_table(const df_options *options, size_t self_size, int depth)
{
    if (depth > DEEPEST)
        return "options: blocks nested deeper than 8, or a block inside itself";
    if (options->size < sizeof *options || options->row_size < sizeof(df_option))
        return "options: the table's size or row_size is not set";
    if (options->count > 0 && !options->rows)
        return "options: no rows";
    if (options->struct_size > self_size)
        return "options: the struct is larger than the instance";
    for (size_t i = 0; i < options->count; i++) {
        const df_option *row = df__option_at(options, i);
        const char *text = check_row(row, options->struct_size, depth);
        if (text)
            return text;
        for (size_t j = 0; j < i; j++)
            if (strcmp(df__option_at(options, j)->name, row->name) == 0)
                return wrong(row, "twice in the table");
    }
    return NULL;
}

const char *df__options_validate(const df_options *options, size_t self_size)
{
    return options ? check_table(options, self_size, 0) : NULL;
}

/* ---- copy --------------------------------------------------------------------------------- */

static int copy_text(df__arena *a, const char **text)
{
    if (!*text)
        return DF_OK;
    *text = df__arena_bytes(a, *text, strlen(*text));
    return *text ? DF_OK : DF_ENOMEM;
}

static int copy_choices(df__arena *a, df_option *row)
{
    const char **copy;
    size_t n = 0;
    if (!row->choices)
        return DF_OK;
    while (row->choices[n])
        n++;
    copy = df__arena_zalloc(a, (n + 1) * sizeof *copy);
    if (!copy)
        return DF_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        copy[i] = row->choices[i];
        if (copy_text(a, &copy[i]) != DF_OK)
            return DF_ENOMEM;
    }
    row->choices = copy;
    return DF_OK;
}

static int copy_row(df__arena *a, df_option *row)
{
    if (copy_text(a, &row->name) != DF_OK || copy_text(a, &row->def) != DF_OK ||
        copy_text(a, &row->doc) != DF_OK || copy_choices(a, row) != DF_OK)
        return DF_ENOMEM;
    if (row->block) {
        row->block = df__options_copy(a, row->block);
        if (!row->block)
            return DF_ENOMEM;
    }
    return DF_OK;
}

/* Depth is bounded: a table is validated before it is copied. */
const df_options *df__options_copy(df__arena *a, const df_options *options)
{
    df_options *copy = df__arena_zalloc(a, sizeof *copy);
    df_option *rows = df__arena_zalloc(a, (options->count + 1) * sizeof *rows);
    if (!copy || !rows)
        return NULL;
    for (size_t i = 0; i < options->count; i++) {
        rows[i] = *df__option_at(options, i);
        if (copy_row(a, &rows[i]) != DF_OK)
            return NULL;
    }
    copy->size = sizeof *copy;
    copy->row_size = sizeof *rows;
    copy->count = options->count;
    copy->rows = rows;
    copy->struct_size = options->struct_size;
    return copy;
}

/* ---- description -------------------------------------------------------------------------- */

static const struct {
    unsigned flag;
    const char *name;
} flags[] = {
    {DF_OPT_REQUIRED, "required"}, {DF_OPT_DEPRECATED, "deprecated"}, {DF_OPT_LATER, "later"},
    {DF_OPT_HOST, "host"},         {DF_OPT_IDENTITY, "identity"},     {DF_OPT_LITERAL, "literal"},
};

static void member(df__buf *out, const char *name, const char *text)
{
    df__buf_printf(out, ",\"%s\":", name);
    df__buf_json(out, text, strlen(text));
}

static void range_json(const df_option *row, df__buf *out)
{
    if (row->min == 0 && row->max == 0)
        return;
    df__buf_printf(out, ",\"min\":%lld", (long long)row->min);
    if (row->max >= row->min && row->max != INT64_MAX)
        df__buf_printf(out, ",\"max\":%lld", (long long)row->max);
}

static void row_json(const df_option *row, df__buf *out)
{
    df__buf_str(out, "{\"name\":");
    df__buf_json(out, row->name, strlen(row->name));
    member(out, "type", df__option_type_name(row->type));
    if (row->type == DF_OPT_LIST)
        member(out, "of", df__option_type_name(row->of));
    if (row->type == DF_OPT_TEXT && row->of == DF_OPT_TEXT)
        df__buf_str(out, ",\"orList\":true");
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (row->flags & flags[i].flag)
            df__buf_printf(out, ",\"%s\":true", flags[i].name);
    if (df__option_has_twin(row))
        df__buf_str(out, ",\"secretRef\":true");
    if (row->def)
        member(out, "default", row->def);
    if (row->doc)
        member(out, "doc", row->doc);
    range_json(row, out);
    if (row->choices) {
        df__buf_str(out, ",\"choices\":[");
        for (size_t i = 0; row->choices[i]; i++) {
            if (i)
                df__buf_char(out, ',');
            df__buf_json(out, row->choices[i], strlen(row->choices[i]));
        }
        df__buf_char(out, ']');
    }
    if (row->block) {
        df__buf_str(out, ",\"options\":");
        df__options_json(row->block, out);
    }
    df__buf_char(out, '}');
}

void df__options_json(const df_options *options, df__buf *out)
{
    df__buf_char(out, '[');
    for (size_t i = 0; options && i < options->count; i++) {
        if (i)
            df__buf_char(out, ',');
        row_json(df__option_at(options, i), out);
    }
    df__buf_char(out, ']');
}
