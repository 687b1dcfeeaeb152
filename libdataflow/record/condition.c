/* SPDX-License-Identifier: Apache-2.0
 * condition.c: compiles conditions:
 *   or := and {"||" and};  and := not {"&&" not};  not := "!" not | "(" or ")" | test
 *   test := operand [order literal | "=~" pattern | "in" "[" literal {"," literal} "]"] */
#include "record/condition.h"

#include <stdarg.h>
#include <string.h>

enum { MAX_BYTES = 65536, MAX_DEPTH = 64, MAX_PATTERN = 1024 };

typedef struct parser {
    const char *text;
    size_t len, at;
    df_condition *c;
    df__error *err;
    int depth, failed;
    size_t states; /* that its patterns may still have */
} parser;

static void parse_or(parser *p);

/* ---- errors ---------------------------------------------------------------------------------- */

static size_t column_of(const parser *p, size_t at)
{
    size_t column = 1;
    for (size_t i = 0; i < at && i < p->len; i++)
        column += ((unsigned char)p->text[i] & 0xc0) != 0x80;
    return column;
}

static void fail(parser *p, size_t at, const char *format, ...) DF_PRINTF(3, 4);

static void fail(parser *p, size_t at, const char *format, ...)
{
    va_list args;
    if (p->failed)
        return;
    p->failed = 1;
    if (!p->err)
        return;
    p->err->column = column_of(p, at);
    va_start(args, format);
    df__text_vprintf(p->err->text, sizeof p->err->text, format, args);
    va_end(args);
}

static void no_memory(parser *p)
{
    fail(p, p->at, "out of memory");
}

/* ---- small pieces ---------------------------------------------------------------------------- */

static char peek(const parser *p)
{
    return p->at < p->len ? p->text[p->at] : '\0';
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(parser *p)
{
    while (p->at < p->len && is_blank(p->text[p->at]))
        p->at++;
}

static int looking_at(const parser *p, const char *word)
{
    size_t n = strlen(word);
    return p->len - p->at >= n && memcmp(p->text + p->at, word, n) == 0;
}

static int accept(parser *p, const char *word)
{
    skip_blanks(p);
    if (!looking_at(p, word))
        return 0;
    p->at += strlen(word);
    return 1;
}

static df__op *emit(parser *p, enum df__op_code code, size_t at)
{
    df_condition *c = p->c;
    df__op *op;
    if (p->failed)
        return NULL;
    if (df__grow(c->heap, &c->ops, &c->op_cap, c->op_count, sizeof *c->ops) != DF_OK) {
        no_memory(p);
        return NULL;
    }
    op = &c->ops[c->op_count++];
    memset(op, 0, sizeof *op);
    op->code = code;
    op->column = column_of(p, at);
    return op;
}

static df__literal *add_literal(parser *p, enum df__literal_kind kind, df_bytes text)
{
    df_condition *c = p->c;
    df__literal *lit;
    if (df__grow(c->heap, &c->literals, &c->literal_cap, c->literal_count, sizeof *lit) != DF_OK ||
        df__arena_copy(&c->arena, text, &text) != DF_OK) {
        no_memory(p);
        return NULL;
    }
    lit = &c->literals[c->literal_count++];
    memset(lit, 0, sizeof *lit);
    lit->kind = kind;
    lit->text = text;
    return lit;
}

/* ---- operands -------------------------------------------------------------------------------- */

/* After the bracket that opens at `at`; quotes inside are respected. */
static size_t bracket_end(const parser *p, size_t at)
{
    char quote = '\0';
    for (; at < p->len; at++) {
        char c = p->text[at];
        if (quote && c == '\\')
            at++;
        else if (quote && c == quote)
            quote = '\0';
        else if (!quote && (c == '\'' || c == '"'))
            quote = c;
        else if (!quote && c == ']')
            return at + 1;
    }
    return p->len;
}

static int ends_operand(const parser *p, size_t at)
{
    char c = p->text[at], next = at + 1 < p->len ? p->text[at + 1] : '\0';
    return is_blank(c) || strchr("=<>(),", c) || (c == '!' && next == '=') ||
           ((c == '&' || c == '|') && next == c);
}

static size_t operand_end(const parser *p)
{
    size_t at = p->at;
    while (at < p->len && !ends_operand(p, at))
        if (p->text[at] == '[')
            at = bracket_end(p, at);
        else
            at += p->text[at] == '\\' ? 2 : 1;
    return at < p->len ? at : p->len;
}

static df_path *compile_path(parser *p, size_t start, df_bytes text, size_t shift)
{
    df__error err = {0, ""};
    df_path *path = df__path_compile(p->c->heap, text, &err);
    if (!path && !p->failed) {
        fail(p, start, "%s", err.text);
        if (p->err && err.column > shift)
            p->err->column += err.column - 1 - shift;
    }
    return path;
}

/* metadata.NAME; the name may have dots and may be quoted in brackets. */
static void metadata_name(parser *p, df__operand *op, size_t start, df_bytes rest)
{
    df_bytes text;
    df_path *path;
    char *copy = df__arena_alloc(&p->c->arena, rest.len + 1), *to;
    if (!copy) {
        no_memory(p);
        return;
    }
    copy[0] = '$';
    memcpy(copy + 1, rest.data, rest.len);
    text.data = copy;
    text.len = rest.len + 1;
    path = compile_path(p, start, text, 1);
    if (!path)
        return;
    to = df__arena_alloc(&p->c->arena, rest.len + 1);
    if (!to)
        no_memory(p);
    op->name.data = to;
    for (size_t i = 0; i < path->count && to; i++) {
        const df__step *s = &path->steps[i];
        if (s->kind == DF__STEP_INDEX || s->kind == DF__STEP_ALL) {
            fail(p, start, "metadata has names only; write metadata.NAME");
            break;
        }
        if (i)
            to[op->name.len++] = '.';
        memcpy(to + op->name.len, s->name.data, s->name.len);
        op->name.len += s->name.len;
    }
    df_path_free(path);
}

/* The number of the operand; each text is compiled once. */
static uint32_t parse_operand(parser *p)
{
    static const char metadata[] = "metadata";
    df_condition *c = p->c;
    size_t start = p->at, end = operand_end(p), i;
    df_bytes text = {p->text + start, end - start};
    df__operand *op;
    char after;
    for (i = 0; i < c->operand_count; i++)
        if (c->operands[i].text.len == text.len &&
            memcmp(c->operands[i].text.data, text.data, text.len) == 0) {
            p->at = end;
            return (uint32_t)i;
        }
    if (df__grow(c->heap, &c->operands, &c->operand_cap, c->operand_count, sizeof *op) != DF_OK) {
        no_memory(p);
        return 0;
    }
    op = &c->operands[c->operand_count];
    memset(op, 0, sizeof *op);
    if (df__arena_copy(&c->arena, text, &op->text) != DF_OK)
        no_memory(p);
    after = text.len > sizeof metadata ? p->text[start + sizeof metadata - 1] : '\0';
    if ((after == '.' || after == '[') && memcmp(text.data, metadata, sizeof metadata - 1) == 0) {
        df_bytes rest = {p->text + start + sizeof metadata - 1, text.len - sizeof metadata + 1};
        metadata_name(p, op, start + sizeof metadata - 1, rest);
    } else {
        op->path = compile_path(p, start, text, 0);
    }
    c->operand_count++;
    p->at = end;
    return (uint32_t)c->operand_count - 1;
}

/* ---- literals -------------------------------------------------------------------------------- */

static char *new_text(parser *p, size_t len)
{
    char *text = df__arena_alloc(&p->c->arena, len + 1);
    if (!text)
        no_memory(p);
    return text;
}

/* At an opening quote: where the closing one is. */
static size_t find_quote(parser *p)
{
    char quote = peek(p);
    for (size_t at = p->at + 1; at < p->len; at++)
        if (p->text[at] == '\\')
            at++;
        else if (p->text[at] == quote)
            return at;
    fail(p, p->at, "the quote %c is not closed", quote);
    return p->len;
}

/* The text in quotes. Patterns keep their backslashes, all but those before the quote itself; in
 * other texts \\ \' \" \n \r \t are known and other pairs stay as they are. */
static df_bytes read_quoted(parser *p, int pattern)
{
    static const char names[] = "''\"\"\\\\n\nr\rt\t";
    char quote = peek(p), *to;
    size_t end = find_quote(p), at, i;
    df_bytes ret = {NULL, 0};
    if (p->failed || !(to = new_text(p, end - p->at)))
        return ret;
    ret.data = to;
    for (at = p->at + 1; at < end; at++) {
        char c = p->text[at], next = p->text[at + 1];
        size_t known = sizeof names;
        if (c == '\\' && pattern) {
            if (next != quote)
                to[ret.len++] = c;
            c = next;
            at++;
        } else if (c == '\\') {
            for (i = 0; i + 1 < sizeof names && known == sizeof names; i += 2)
                if (names[i] == next)
                    known = i;
            if (known < sizeof names) {
                c = names[known + 1];
                at++;
            }
        }
        to[ret.len++] = c;
    }
    to[ret.len] = '\0';
    p->at = end + 1;
    return ret;
}

static df_bytes read_word(parser *p, int in_list)
{
    size_t start = p->at;
    df_bytes ret = {p->text + start, 0};
    for (; p->at < p->len; p->at++) {
        char c = peek(p);
        if (is_blank(c) || strchr(in_list ? "(),]" : "()", c) || looking_at(p, "&&") ||
            looking_at(p, "||"))
            break;
        if (strchr("'\"=<>", c)) {
            fail(p, p->at, "put the text in quotes");
            break;
        }
    }
    ret.len = p->at - start;
    return ret;
}

static void classify(df__literal *lit)
{
    const char *text = lit->text.data;
    if (df__decimal_parse(text, lit->text.len, &lit->number))
        lit->kind = DF__LIT_NUMBER;
    else if (lit->text.len == 4 && memcmp(text, "null", 4) == 0)
        lit->kind = DF__LIT_NULL;
}

/* Appends one literal. */
static void parse_literal(parser *p, int in_list)
{
    df__literal *lit;
    df_bytes text;
    size_t start;
    skip_blanks(p);
    start = p->at;
    if (peek(p) == '\'' || peek(p) == '"') {
        text = read_quoted(p, 0);
        if (!p->failed)
            add_literal(p, DF__LIT_TEXT, text);
        return;
    }
    text = read_word(p, in_list);
    if (p->failed)
        return;
    if (text.len == 0) {
        fail(p, start, "a value is missing here; an empty text is ''");
    } else if (p->text[start] == '$') {
        fail(p, start,
             "a comparison is with a value, not with another field; write '%.*s' in "
             "quotes for that text",
             (int)(text.len > 60 ? 60 : text.len), (const char *)text.data);
    } else {
        lit = add_literal(p, DF__LIT_WORD, text);
        if (lit)
            classify(lit);
    }
}

/* ---- patterns -------------------------------------------------------------------------------- */

static void parse_pattern(parser *p, df__op *op)
{
    df_condition *c = p->c;
    df_bytes text;
    size_t start;
    const char *why = NULL;
    df__pattern *made;
    skip_blanks(p);
    start = p->at;
    if (peek(p) != '\'' && peek(p) != '"') {
        fail(p, start, "a pattern stands in quotes: =~ '^a.*z$'");
        return;
    }
    text = read_quoted(p, 1);
    if (p->failed)
        return;
    if (text.len > MAX_PATTERN) {
        fail(p, start, "the pattern is longer than %d bytes", MAX_PATTERN);
        return;
    }
    if (df__grow(c->heap, &c->patterns, &c->pattern_cap, c->pattern_count, sizeof made) != DF_OK) {
        no_memory(p);
        return;
    }
    made = df__pattern_compile(c->heap, text, &p->states, &why);
    if (made)
        c->patterns[c->pattern_count] = made;
    else if (why == df__pattern_memory)
        no_memory(p);
    else
        fail(p, start, "not a pattern (POSIX extended regular expression): %s", why);
    if (made)
        op->literal = (uint32_t)c->pattern_count++;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static int parse_order(parser *p)
{
    static const struct {
        char word[3];
        enum df__compare order;
    } orders[] = {{"==", DF__CMP_EQ}, {"!=", DF__CMP_NE}, {"<=", DF__CMP_LE},
                  {">=", DF__CMP_GE}, {"<", DF__CMP_LT},  {">", DF__CMP_GT}};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        if (accept(p, orders[i].word))
            return (int)orders[i].order;
    return -1;
}

static int accept_in(parser *p)
{
    size_t start = p->at;
    if (!accept(p, "in"))
        return 0;
    if (p->at == p->len || is_blank(peek(p)) || peek(p) == '[')
        return 1;
    p->at = start;
    return 0;
}

static void parse_list(parser *p, df__op *op)
{
    skip_blanks(p);
    if (!accept(p, "[")) {
        fail(p, p->at, "a list follows 'in': in ['a', 'b', 3]");
        return;
    }
    do {
        parse_literal(p, 1);
        op->count++;
    } while (!p->failed && accept(p, ","));
    if (!p->failed && !accept(p, "]"))
        fail(p, p->at, "',' or ']' is missing here");
}

static void parse_test(parser *p)
{
    df__op op = {0}, *placed;
    size_t start;
    int order; /* below 0: none */
    skip_blanks(p);
    start = p->at;
    if (p->at == p->len || ends_operand(p, p->at)) {
        fail(p, start,
             p->len == 0 ? "the condition is empty"
                         : "a path such as $.field or metadata.name is missing here");
        return;
    }
    if (peek(p) == '\'' || peek(p) == '"') {
        fail(p, start,
             "a comparison starts with a path or metadata.name; the value goes to the "
             "right");
        return;
    }
    op.operand = parse_operand(p);
    op.literal = (uint32_t)p->c->literal_count;
    order = parse_order(p);
    if (order >= 0) {
        op.code = DF__OP_COMPARE;
        op.order = (enum df__compare)order;
        parse_literal(p, 0);
    } else if (accept(p, "=~")) {
        op.code = DF__OP_MATCH;
        parse_pattern(p, &op);
    } else if (looking_at(p, "=")) {
        fail(p, p->at, "'=' alone does not compare; write ==");
    } else if (accept_in(p)) {
        op.code = DF__OP_IN;
        parse_list(p, &op);
    } else {
        op.code = DF__OP_TRUTH;
    }
    placed = emit(p, op.code, start);
    if (!placed)
        return;
    op.column = placed->column;
    *placed = op;
    df__condition_check_one(p->c, placed);
}

static void parse_not(parser *p)
{
    int negate = 0;
    size_t start;
    skip_blanks(p);
    start = p->at;
    while (!p->failed && peek(p) == '!' && !looking_at(p, "!=")) {
        negate = !negate;
        p->at++;
        skip_blanks(p);
    }
    if (peek(p) == '(') {
        size_t open = p->at++;
        if (++p->depth > MAX_DEPTH)
            fail(p, open, "more than %d parentheses inside one another", MAX_DEPTH);
        else
            parse_or(p);
        p->depth--;
        if (!p->failed && !accept(p, ")"))
            fail(p, p->at,
                 p->at < p->len ? "'&&', '||' or ')' is missing here"
                                : "a parenthesis is not closed");
    } else {
        parse_test(p);
    }
    if (negate)
        emit(p, DF__OP_NOT, start);
}

/* One level: terms with a jump to the end after each but the last. Jumps of a level are linked
 * through `operand` until the end is known. */
static void parse_level(parser *p, const char *word, enum df__op_code code, void (*term)(parser *))
{
    df_condition *c = p->c;
    size_t first = c->op_count, jumps = 0, last = 0;
    term(p);
    while (!p->failed && accept(p, word)) {
        df__op *jump = emit(p, code, p->at);
        if (!jump)
            return;
        jump->operand = (uint32_t)last;
        last = c->op_count;
        jumps++;
        term(p);
    }
    if (p->failed)
        return;
    while (last) {
        df__op *jump = &c->ops[last - 1];
        last = jump->operand;
        jump->operand = (uint32_t)c->op_count;
    }
    if (code == DF__OP_JUMP_FALSE && jumps)
        df__condition_check_chain(c, first);
}

static void parse_and(parser *p)
{
    parse_level(p, "&&", DF__OP_JUMP_FALSE, parse_not);
}

static void parse_or(parser *p)
{
    parse_level(p, "||", DF__OP_JUMP_TRUE, parse_and);
}

/* ---- the whole ------------------------------------------------------------------------------- */

df_condition *df__condition_compile(const df__heap *heap, df_bytes text, df__error *err)
{
    df_condition *c = df__zalloc(heap, sizeof *c);
    parser p = {text.data, text.len, 0, c, err, 0, 0, DF__PATTERN_STATES};
    if (!c) {
        no_memory(&p);
        return NULL;
    }
    c->heap = heap;
    df__arena_init(&c->arena, heap, 512);
    if (text.len > MAX_BYTES)
        fail(&p, 0, "the condition is longer than %d bytes", MAX_BYTES);
    else if (!df__utf8_check(text.data, text.len, NULL) ||
             (text.len && memchr(text.data, 0, text.len)))
        fail(&p, 0, "the condition is not UTF-8 text");
    else
        parse_or(&p);
    skip_blanks(&p);
    if (!p.failed && p.at < p.len)
        fail(&p, p.at,
             peek(&p) == ')' ? "this ')' closes nothing"
                             : "'&&' or '||' is missing here; a value with blanks "
                               "stands in quotes");
    if (!p.failed)
        return c;
    df__condition_free(c);
    return NULL;
}

void df__condition_free(df_condition *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->operand_count; i++)
        df_path_free(c->operands[i].path);
    for (size_t i = 0; i < c->pattern_count; i++)
        df__pattern_free(c->patterns[i]);
    df__free(c->heap, c->ops);
    df__free(c->heap, c->literals);
    df__free(c->heap, c->operands);
    df__free(c->heap, c->patterns);
    df__arena_free(&c->arena);
    df__free(c->heap, c);
}
