/* SPDX-License-Identifier: Apache-2.0
 * yaml.c: turns libyaml's events into a tree. Scalars keep their source text; tags and
 * further documents are refused, aliases are copied within a bound. */
#include <string.h>
#include <yaml.h>

#include "document/builder.h"

enum { ANCHORS = 256, ALIAS_VALUES = 100000 };

typedef struct anchor {
    struct anchor *next;
    const char *name;
    const df__doc *doc;
    size_t weight; /* values that it stands for */
    int height;
} anchor;

typedef struct reader {
    df__builder *b;
    yaml_parser_t parser;
    const char *s; /* the document, without a byte order mark */
    size_t len, base;
    size_t chars, bytes; /* libyaml counts characters: one place known in both */
    anchor *anchors;
    size_t anchor_count, alias_values;
    int documents, done;
} reader;

static size_t byte_of(reader *r, const yaml_mark_t *mark)
{
    while (r->chars < mark->index && r->bytes < r->len) {
        for (r->bytes++; r->bytes < r->len && ((unsigned char)r->s[r->bytes] & 0xc0) == 0x80;)
            r->bytes++;
        r->chars++;
    }
    while (r->chars > mark->index && r->bytes > 0) {
        for (r->bytes--; r->bytes > 0 && ((unsigned char)r->s[r->bytes] & 0xc0) == 0x80;)
            r->bytes--;
        r->chars--;
    }
    return r->bytes + r->base;
}

static void fail_at(reader *r, const yaml_mark_t *mark, const char *text)
{
    df__builder_fail(r->b, (int)mark->line + 1, (int)mark->column + 1, text);
}

/* libyaml's words in ours. */
static const char *const plainer[][2] = {
    {"mapping values are not allowed in this context",
     "a \":\" cannot stand here: quote the text, or correct the indentation"},
    {"did not find expected key", "expected a name here: correct the indentation"},
    {"could not find expected ':'", "a \":\" is missing after this name"},
    {"did not find expected '-' indicator", "expected \"- \" here: correct the indentation"},
    {"block sequence entries are not allowed in this context",
     "a list item cannot stand here: begin it on a line of its own"},
    {"found unexpected end of stream", "the text ends inside quotes or brackets"},
    {"did not find expected ',' or '}'", "expected \",\" or \"}\" here"},
    {"did not find expected ',' or ']'", "expected \",\" or \"]\" here"},
    {"did not find expected node content", "a value is missing here"},
    {"did not find expected <document start>",
     "more than one document: give each flow a file of its own"},
    {"found character that cannot start any token", "this character cannot begin a value"},
    {"found incompatible YAML document", "only YAML 1.1 and 1.2 can be read"},
    {"found unknown escape character", "unknown escape in double quotes: use single quotes"},
    {"control characters are not allowed", "a control character is not allowed here"},
};

static const char *plain_words(const char *problem)
{
    if (!problem)
        return "cannot be read as YAML";
    for (size_t i = 0; i < sizeof plainer / sizeof plainer[0]; i++)
        if (strcmp(plainer[i][0], problem) == 0)
            return plainer[i][1];
    return problem;
}

/* Line and column of a byte, for errors that libyaml finds while it decodes. */
static void fail_at_byte(reader *r, size_t at, const char *text)
{
    int line = 1, column = 1;
    if (at > r->len)
        at = r->len;
    for (size_t i = 0; i < at; i++) {
        if (r->s[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)r->s[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    df__builder_fail(r->b, line, column, text);
}

/* A line, from 0, without its end. */
static df_bytes line_of(const reader *r, size_t line)
{
    df_bytes rest = {r->s, r->len};
    const char *end = memchr(rest.data, '\n', rest.len);
    for (; end && line; line--) {
        rest.len -= (size_t)(end + 1 - (const char *)rest.data);
        rest.data = end + 1;
        end = memchr(rest.data, '\n', rest.len);
    }
    if (end || line)
        rest.len = line ? 0 : (size_t)(end - (const char *)rest.data);
    return rest;
}

/* The first character of the value that stands on a line: after "- " and "name: ". */
static char begin_of_value(const reader *r, size_t line)
{
    df_bytes text = line_of(r, line);
    const char *s = text.data, *stop = s + text.len, *colon;
    while (stop - s > 1 && (*s == ' ' || (*s == '-' && s[1] == ' ')))
        s++;
    if (s == stop || *s == '"' || *s == '\'')
        return '\0';
    colon = memmem(s, (size_t)(stop - s), ": ", 2);
    for (s = colon ? colon + 2 : s; s < stop && *s == ' ';)
        s++;
    return s < stop ? *s : '\0';
}

/* Whoever writes !$.a or *x means text; to YAML it is a tag, an alias, a list. */
static void hint_quotes(reader *r, char first)
{
    char text[96];
    if (!first || !strchr("!&*[{%@`", first))
        return;
    df__text_printf(text, sizeof text, "a text that begins with %c must stand in quotes", first);
    df__problem_hint(r->b->problems, text);
}

/* Inside { } and [ ] a text without quotes ends at the signs of YAML. True: it was that. */
static int hint_inside(reader *r)
{
    const yaml_parser_t *p = &r->parser;
    size_t at = byte_of(r, &p->problem_mark) - r->base;
    char text[96], sign = at < r->len ? r->s[at] : '\0';
    if (!p->context || !strstr(p->context, "parsing a flow") ||
        p->context_mark.line != p->problem_mark.line || !sign || !strchr(":[{", sign))
        return 0;
    df__text_printf(text, sizeof text, "a text with %s in it must stand in quotes here",
                    sign == ':'   ? "\": \""
                    : sign == '[' ? "["
                                  : "{");
    df__problem_hint(r->b->problems, text);
    return 1;
}

/* condition: "$.a" == 1 */
static int hint_after_quotes(reader *r)
{
    df_bytes line = line_of(r, r->parser.problem_mark.line);
    const char *s = line.data, *end = s + line.len, *colon = memmem(s, line.len, ": ", 2);
    while (colon && colon + 2 < end && colon[2] == ' ')
        colon++;
    if (!strstr(r->parser.problem, "expected key") || !colon || colon + 2 >= end ||
        !strchr("\"'{[", colon[2]) || (size_t)(colon + 2 - s) >= r->parser.problem_mark.column)
        return 0;
    df__problem_hint(r->b->problems, colon[2] == '{' || colon[2] == '['
                                         ? "nothing can follow a closing bracket: put the whole "
                                           "text in quotes"
                                         : "nothing can follow a closing quote: put the whole text "
                                           "in quotes of the other kind");
    return 1;
}

/* A bracket is to blame only when something inside it could not be read, and % begins directives
 * too. */
static void hint_opened(reader *r, char first)
{
    const char *context = r->parser.context ? r->parser.context : "";
    if ((first == '[' || first == '{') && !strstr(context, "parsing a flow"))
        return;
    if (first != '%' || !strstr(r->parser.problem, "incompatible"))
        hint_quotes(r, first);
}

static void syntax_error(reader *r)
{
    const yaml_parser_t *p = &r->parser;
    char text[160];
    size_t at;
    if (p->error == YAML_MEMORY_ERROR) {
        r->b->rc = DF_ENOMEM;
        return;
    }
    if (p->error == YAML_READER_ERROR) {
        const char *what = plain_words(p->problem);
        fail_at_byte(r, p->problem_offset, strstr(what, "UTF-8") ? "not UTF-8" : what);
        return;
    }
    at = byte_of(r, &p->problem_mark) - r->base;
    if (at < r->len && r->s[at] == '\t') {
        fail_at(r, &p->problem_mark, "a tab cannot indent YAML: use spaces");
        return;
    }
    if (p->context && p->context_mark.line < p->problem_mark.line)
        df__text_printf(text, sizeof text, "YAML: %s (begun at line %zu)", plain_words(p->problem),
                        p->context_mark.line + 1);
    else
        df__text_printf(text, sizeof text, "YAML: %s", plain_words(p->problem));
    fail_at(r, &p->problem_mark, text);
    if (hint_inside(r) || hint_after_quotes(r))
        return;
    if (p->context)
        hint_opened(r, begin_of_value(r, p->context_mark.line));
    hint_opened(r, begin_of_value(r, p->problem_mark.line));
}

static void place(reader *r, const yaml_event_t *e, df__doc *n)
{
    n->line = (int)e->start_mark.line + 1;
    n->column = (int)e->start_mark.column + 1;
    n->begin = byte_of(r, &e->start_mark);
    n->end = byte_of(r, &e->end_mark);
}

static void refuse_tag(reader *r, const yaml_char_t *tag, const df__doc *n)
{
    static const char common[] = "tag:yaml.org,2002:";
    const char *text = (const char *)tag;
    int shorten;
    if (!tag)
        return;
    shorten = strncmp(text, common, sizeof common - 1) == 0;
    df__problem_addf(r->b->problems, DF_ERROR, n, NULL,
                     "the tag %s%.60s is not supported: leave it out", shorten ? "!!" : "",
                     shorten ? text + sizeof common - 1 : text);
    hint_quotes(r, shorten ? '\0' : '!');
}

/* Keeps what an anchor names; known to aliases only when its value is complete. */
static anchor *new_anchor(reader *r, const yaml_char_t *name, const df__doc *n)
{
    anchor *a;
    if (++r->anchor_count > ANCHORS) {
        df__builder_fail(r->b, n->line, n->column, "more than 256 anchors");
        return NULL;
    }
    a = df__arena_zalloc(r->b->arena, sizeof *a);
    if (a)
        a->name = df__arena_bytes(r->b->arena, name, strlen((const char *)name));
    if (!a || !a->name) {
        r->b->rc = DF_ENOMEM;
        return NULL;
    }
    a->doc = n;
    a->weight = 1;
    return a;
}

static void know_anchor(reader *r, anchor *a)
{
    a->next = r->anchors;
    r->anchors = a;
}

static void read_key(reader *r, const df__doc *key)
{
    if (!key->quoted && key->text.len == 0)
        df__builder_fail(r->b, key->line, key->column, "a name is missing before \":\"");
    else
        df__builder_key(r->b, key);
}

/* What ended a text without quotes: people mean a part of it. */
static char cut_by(const reader *r, const df__doc *n)
{
    size_t at = n->end - r->base, from = at;
    while (at < r->len && (r->s[at] == ' ' || r->s[at] == '\t'))
        at++;
    if (at == r->len || n->quoted)
        return '\0';
    if (r->s[at] == '#' && at > from)
        return '#';
    return r->s[at] == ',' ? ',' : '\0';
}

static void on_scalar(reader *r, const yaml_event_t *e)
{
    df__doc n, *kept;
    df_bytes text = {e->data.scalar.value, e->data.scalar.length};
    anchor *a = NULL;
    memset(&n, 0, sizeof n);
    n.kind = DF__DOC_SCALAR;
    n.quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    place(r, e, &n);
    n.cut = cut_by(r, &n);
    if (df__arena_copy(r->b->arena, text, &n.text) != DF_OK) {
        r->b->rc = DF_ENOMEM;
        return;
    }
    refuse_tag(r, e->data.scalar.tag, &n);
    if (df__builder_wants_key(r->b)) {
        n.merge = !n.quoted && strcmp(n.text.data, "<<") == 0;
        read_key(r, &n);
        return;
    }
    kept = df__builder_value(r->b, &n);
    if (kept && e->data.scalar.anchor)
        a = new_anchor(r, e->data.scalar.anchor, kept);
    if (a)
        know_anchor(r, a);
}

static void open_container(reader *r, const yaml_event_t *e, df__doc *n)
{
    int map = n->kind == DF__DOC_MAP;
    const yaml_char_t *name = map ? e->data.mapping_start.anchor : e->data.sequence_start.anchor;
    df__doc *kept;
    place(r, e, n);
    refuse_tag(r, map ? e->data.mapping_start.tag : e->data.sequence_start.tag, n);
    if (df__builder_wants_key(r->b)) {
        df__builder_fail(r->b, n->line, n->column, "a name must be text, not a map or list");
        return;
    }
    kept = df__builder_value(r->b, n);
    if (kept && name)
        r->b->stack[r->b->depth].anchor = new_anchor(r, name, kept);
}

static void on_map(reader *r, const yaml_event_t *e)
{
    df__doc n;
    memset(&n, 0, sizeof n);
    n.kind = DF__DOC_MAP;
    open_container(r, e, &n);
}

static void on_sequence(reader *r, const yaml_event_t *e)
{
    df__doc n;
    memset(&n, 0, sizeof n);
    n.kind = DF__DOC_SEQ;
    open_container(r, e, &n);
}

static void on_end(reader *r, const yaml_event_t *e)
{
    df__frame *top = &r->b->stack[r->b->depth];
    anchor *a = top->anchor;
    /* The end of a block is found at the next token; that of a flow has a bracket. */
    int flow = e->start_mark.index != e->end_mark.index;
    if (a) {
        a->weight = r->b->values - top->values + 1;
        a->height = top->height + 1;
        know_anchor(r, a);
    }
    df__builder_close(r->b, flow ? byte_of(r, &e->end_mark) : 0);
}

static void on_alias(reader *r, const yaml_event_t *e)
{
    const char *name = (const char *)e->data.alias.anchor;
    const anchor *a = r->anchors;
    df__doc n;
    df__frame *top = &r->b->stack[r->b->depth];
    while (a && strcmp(a->name, name) != 0)
        a = a->next;
    if (!a) {
        fail_at(r, &e->start_mark, "this alias names no anchor that is complete before it");
        hint_quotes(r, '*');
        return;
    }
    if (df__builder_wants_key(r->b)) {
        fail_at(r, &e->start_mark, "a name must be text, not an alias");
        return;
    }
    r->alias_values += a->weight;
    if (r->alias_values > ALIAS_VALUES || r->b->depth + a->height > DF__DOC_DEPTH) {
        fail_at(r, &e->start_mark, "aliases make this document too large");
        return;
    }
    n = *a->doc;
    n.alias = 1;
    place(r, e, &n);
    df__builder_value(r->b, &n);
    r->b->values += a->weight - 1;
    if (top->height < a->height)
        top->height = a->height;
}

static void on_document(reader *r, const yaml_event_t *e)
{
    if (++r->documents > 1)
        fail_at(r, &e->start_mark, "more than one document: give each flow a file of its own");
}

static void on_document_end(reader *r, const yaml_event_t *e)
{
    (void)e;
    if (r->b->root && df__doc_is_null(r->b->root))
        r->b->root = NULL;
}

static void on_stream_end(reader *r, const yaml_event_t *e)
{
    (void)e;
    r->done = 1;
}

static void on_nothing(reader *r, const yaml_event_t *e)
{
    (void)r;
    (void)e;
}

static void (*const handlers[])(reader *, const yaml_event_t *) = {
    [YAML_NO_EVENT] = on_nothing,
    [YAML_STREAM_START_EVENT] = on_nothing,
    [YAML_STREAM_END_EVENT] = on_stream_end,
    [YAML_DOCUMENT_START_EVENT] = on_document,
    [YAML_DOCUMENT_END_EVENT] = on_document_end,
    [YAML_ALIAS_EVENT] = on_alias,
    [YAML_SCALAR_EVENT] = on_scalar,
    [YAML_SEQUENCE_START_EVENT] = on_sequence,
    [YAML_SEQUENCE_END_EVENT] = on_end,
    [YAML_MAPPING_START_EVENT] = on_map,
    [YAML_MAPPING_END_EVENT] = on_end,
};

/* True when only space, comments and document marks follow `at`: `---` at the end of a
 * file begins no second document for people. */
static int only_blank(const reader *r, size_t at)
{
    while (at < r->len) {
        const char *s = r->s + at;
        if (*s == '#')
            while (at < r->len && r->s[at] != '\n')
                at++;
        else if (r->len - at >= 3 && (!memcmp(s, "---", 3) || !memcmp(s, "...", 3)))
            at += 3;
        else if (strchr(" \t\r\n", *s) && *s)
            at++;
        else
            return 0;
    }
    return 1;
}

void df__yaml_read(df__builder *b)
{
    reader r;
    yaml_event_t e;
    memset(&r, 0, sizeof r);
    r.b = b;
    r.base = b->src.len >= 3 && memcmp(b->src.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    r.s = (const char *)b->src.data + r.base;
    r.len = b->src.len - r.base;
    if (!yaml_parser_initialize(&r.parser)) {
        b->rc = DF_ENOMEM;
        return;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)r.s, r.len);
    while (b->rc == DF_OK && !r.done) {
        if (!yaml_parser_parse(&r.parser, &e)) {
            syntax_error(&r);
            break;
        }
        if (e.type == YAML_DOCUMENT_START_EVENT && r.documents == 1 &&
            only_blank(&r, byte_of(&r, &e.start_mark) - r.base))
            r.done = 1;
        else
            handlers[e.type](&r, &e);
        yaml_event_delete(&e);
    }
    yaml_parser_delete(&r.parser);
}
