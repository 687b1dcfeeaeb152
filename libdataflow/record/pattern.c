/* SPDX-License-Identifier: Apache-2.0
 * pattern.c: compiles POSIX extended regular expressions:
 *   either := branch {"|" branch};  branch := {piece};
 *   piece := atom {"*" | "+" | "?" | "{n,m}"} */
#include <string.h>

#include "record/pattern_program.h"

enum { MAX_DEPTH = 64, MAX_REPEAT = 32767, NO_BOUND = -1 };

const char df__pattern_memory[] = "out of memory";

typedef struct parser {
    df__pattern *p;
    const char *text;
    size_t len, at, left; /* left: steps that may still be made */
    int depth;
    const char *why;
} parser;

static void parse_either(parser *in);

static void fail(parser *in, const char *why)
{
    if (!in->why)
        in->why = why;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

int df__byteset_has(const df__byteset *set, unsigned byte)
{
    return (set->bits[byte / 32] >> (byte % 32)) & 1;
}

static void put(df__byteset *set, unsigned byte)
{
    set->bits[byte / 32] |= (uint32_t)1 << (byte % 32);
}

static void put_range(df__byteset *set, unsigned from, unsigned to)
{
    for (; from <= to; from++)
        put(set, from);
}

static void invert(df__byteset *set)
{
    for (int i = 0; i < 8; i++)
        set->bits[i] = ~set->bits[i];
}

typedef struct named {
    char name[8];
    unsigned char ranges[8]; /* from, to, from, to, ...; 0: no more */
} named;
static const named classes[] = {
    {"alpha", {'A', 'Z', 'a', 'z'}},
    {"digit", {'0', '9'}},
    {"alnum", {'0', '9', 'A', 'Z', 'a', 'z'}},
    {"upper", {'A', 'Z'}},
    {"lower", {'a', 'z'}},
    {"space", {'\t', '\r', ' ', ' '}},
    {"blank", {'\t', '\t', ' ', ' '}},
    {"punct", {'!', '/', ':', '@', '[', '`', '{', '~'}},
    {"print", {' ', '~'}},
    {"graph", {'!', '~'}},
    {"cntrl", {1, 31, 127, 127}},
    {"xdigit", {'0', '9', 'A', 'F', 'a', 'f'}},
};

static int put_class(df__byteset *set, const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        const named *c = &classes[i];
        if (strlen(c->name) != len || memcmp(c->name, name, len) != 0)
            continue;
        for (size_t n = 0; n < sizeof c->ranges && c->ranges[n]; n += 2)
            put_range(set, c->ranges[n], c->ranges[n + 1]);
        if (strcmp(c->name, "cntrl") == 0)
            put(set, 0);
        return 1;
    }
    return 0;
}

static void put_word(df__byteset *set)
{
    put_class(set, "alnum", 5);
    put(set, '_');
}

int df__pattern_is_word(unsigned byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || byte == '_';
}

/* ---- the program ----------------------------------------------------------------------------- */

static df__pop *emit(parser *in, int code)
{
    df__pattern *p = in->p;
    df__pop *op;
    if (in->why)
        return NULL;
    if (in->left == 0) {
        fail(in, "the repetitions of the pattern unfold to too much");
        return NULL;
    }
    if (df__grow(p->heap, &p->ops, &p->op_cap, p->op_count, sizeof *p->ops) != DF_OK) {
        fail(in, df__pattern_memory);
        return NULL;
    }
    in->left--;
    op = &p->ops[p->op_count++];
    memset(op, 0, sizeof *op);
    op->code = (uint8_t)code;
    return op;
}

/* Room for one step before those from `at`; jumps inside them go on to lead where they led. */
static df__pop *insert(parser *in, size_t at, int code)
{
    df__pop *ops;
    if (!emit(in, code))
        return NULL;
    ops = in->p->ops;
    df__pop made = ops[in->p->op_count - 1];
    memmove(ops + at + 1, ops + at, (in->p->op_count - 1 - at) * sizeof *ops);
    ops[at] = made;
    return &ops[at];
}

static void emit_set(parser *in, const df__byteset *set)
{
    df__pattern *p = in->p;
    df__pop *op;
    size_t i = 0;
    while (i < p->set_count && memcmp(&p->sets[i], set, sizeof *set) != 0)
        i++;
    if (i == p->set_count) {
        if (df__grow(p->heap, &p->sets, &p->set_cap, i, sizeof *p->sets) != DF_OK) {
            fail(in, df__pattern_memory);
            return;
        }
        p->sets[p->set_count++] = *set;
    }
    op = emit(in, DF__POP_SET);
    if (op)
        op->set = (uint16_t)i;
}

static void emit_assert(parser *in, int assert)
{
    df__pop *op = emit(in, DF__POP_ASSERT);
    if (op)
        op->assert = (uint8_t)assert;
    in->p->has_words |= assert >= DF__AT_EDGE;
}

static void emit_byte(parser *in, char c)
{
    df__byteset set = {{0}};
    put(&set, (unsigned char)c);
    emit_set(in, &set);
}

/* ---- brackets -------------------------------------------------------------------------------- */

static char peek(const parser *in)
{
    return in->at < in->len ? in->text[in->at] : '\0';
}

static int looking_at(const parser *in, char a, char b)
{
    return in->at + 1 < in->len && in->text[in->at] == a && in->text[in->at + 1] == b;
}

/* [:name:], [=c=] or [.c.]: the text between. */
static df_bytes read_symbol(parser *in, char mark)
{
    df_bytes name = {in->text + in->at + 2, 0};
    for (in->at += 2; in->at < in->len; in->at++) {
        if (looking_at(in, mark, ']')) {
            in->at += 2;
            return name;
        }
        name.len++;
    }
    fail(in, "a bracket is not closed");
    return name;
}

/* The byte of an element of a bracket; -1: it was a class, which is in the set now. */
static int read_element(parser *in, df__byteset *set)
{
    char c = peek(in);
    df_bytes name;
    if (!looking_at(in, '[', ':') && !looking_at(in, '[', '=') && !looking_at(in, '[', '.')) {
        in->at++;
        return (unsigned char)c;
    }
    c = in->text[in->at + 1];
    name = read_symbol(in, c);
    if (in->why)
        return -1;
    if (c == ':') {
        if (!put_class(set, name.data, name.len))
            fail(in, "there is no character class of that name");
        return -1;
    }
    if (name.len != 1)
        fail(in, "there is no collating element of that name");
    else if (c == '=')
        put(set, *(const unsigned char *)name.data);
    return c == '=' || in->why ? -1 : *(const unsigned char *)name.data;
}

static int is_range(const parser *in)
{
    return in->at + 1 < in->len && in->text[in->at] == '-' && in->text[in->at + 1] != ']';
}

static void parse_element(parser *in, df__byteset *set, int first)
{
    int from, to;
    if (!first && is_range(in)) {
        fail(in, "a '-' between brackets stands first, last, or in a range");
        return;
    }
    from = read_element(in, set);
    if (from < 0 || in->why)
        return;
    if (!is_range(in)) {
        put(set, (unsigned)from);
        return;
    }
    in->at++;
    to = read_element(in, set);
    if (to < from)
        fail(in, "the range ends before it begins");
    else
        put_range(set, (unsigned)from, (unsigned)to);
}

static void parse_bracket(parser *in)
{
    df__byteset set = {{0}};
    int negate = in->at + 1 < in->len && in->text[in->at + 1] == '^';
    size_t first = in->at + 1 + (size_t)negate;
    for (in->at = first; !in->why;) {
        if (in->at >= in->len) {
            fail(in, "a bracket is not closed");
        } else if (peek(in) == ']' && in->at != first) {
            in->at++;
            break;
        } else {
            parse_element(in, &set, in->at == first);
        }
    }
    if (negate)
        invert(&set);
    emit_set(in, &set);
}

/* ---- atoms ----------------------------------------------------------------------------------- */

static void parse_escape(parser *in)
{
    static const char asserts[] = "`'bB<>";
    static const int kinds[] = {DF__AT_BEGIN,   DF__AT_END,        DF__AT_EDGE,
                                DF__AT_NO_EDGE, DF__AT_WORD_BEGIN, DF__AT_WORD_END};
    df__byteset set = {{0}};
    char c;
    const char *found;
    if (++in->at >= in->len) {
        fail(in, "nothing follows the last backslash");
        return;
    }
    c = in->text[in->at++];
    if (c >= '1' && c <= '9')
        fail(in, "back-references are not supported in a pattern");
    found = strchr(asserts, c);
    if (found) {
        emit_assert(in, kinds[found - asserts]);
        return;
    }
    if (c == 'w' || c == 'W')
        put_word(&set);
    else if (c == 's' || c == 'S')
        put_class(&set, "space", 5);
    else
        put(&set, (unsigned char)c);
    if (c == 'W' || c == 'S')
        invert(&set);
    emit_set(in, &set);
}

static void parse_group(parser *in)
{
    if (++in->depth > MAX_DEPTH) {
        fail(in, "too many groups inside one another");
        return;
    }
    in->at++;
    parse_either(in);
    if (peek(in) != ')' || in->at >= in->len)
        fail(in, "a parenthesis is not closed");
    in->at++;
    in->depth--;
}

/* 0: no repetition may follow. */
static int parse_atom(parser *in)
{
    char c = peek(in);
    size_t made = in->p->op_count;
    df__byteset set = {{0}};
    switch (c) {
    case '(':
        parse_group(in);
        return 1;
    case '[':
        parse_bracket(in);
        return 1;
    case '\\':
        parse_escape(in);
        return in->why || in->p->ops[made].code != DF__POP_ASSERT;
    case '^':
    case '$':
        in->at++;
        emit_assert(in, c == '^' ? DF__AT_BEGIN : DF__AT_END);
        return 0;
    case '*':
    case '+':
    case '?':
    case '{':
        fail(in, "there is nothing to repeat before *, +, ? or {");
        return 0;
    case '.':
        put(&set, 0);
        invert(&set);
        in->at++;
        emit_set(in, &set);
        return 1;
    default:
        in->at++;
        emit_byte(in, c);
        return 1;
    }
}

/* ---- repetition ------------------------------------------------------------------------------ */

static void copy(parser *in, size_t from, size_t len)
{
    for (size_t i = 0; i < len && !in->why; i++) {
        df__pop *op = emit(in, 0);
        if (op)
            *op = in->p->ops[from + i];
    }
}

/* Steps that may be left out: a way around them. */
static void make_optional(parser *in, size_t from)
{
    size_t len = in->p->op_count - from;
    df__pop *op = insert(in, from, DF__POP_SPLIT);
    if (op) {
        op->x = 1;
        op->y = (int32_t)len + 1;
    }
}

/* Steps that may come again: a way back to them. */
static void make_again(parser *in, size_t from)
{
    df__pop *op = emit(in, DF__POP_SPLIT);
    if (op) {
        op->x = (int32_t)from - (int32_t)(in->p->op_count - 1);
        op->y = 1;
    }
}

/* The steps from `from` come at least `least` times, at most `most`. */
static void repeat(parser *in, size_t from, int least, int most)
{
    size_t len = in->p->op_count - from, last = from;
    if (most == 0) {
        in->left += len;
        in->p->op_count = from;
        return;
    }
    for (int i = 1; i < least && !in->why; i++) {
        last = in->p->op_count;
        copy(in, from, len);
    }
    if (most == NO_BOUND) {
        make_again(in, last);
        if (least == 0)
            make_optional(in, last);
        return;
    }
    if (least == 0)
        make_optional(in, from);
    for (int i = least ? least : 1; i < most && !in->why; i++) {
        size_t at = in->p->op_count;
        copy(in, from + (least == 0), len);
        make_optional(in, at);
    }
}

static int read_number(parser *in, int *ret)
{
    size_t begin = in->at;
    int n = 0;
    for (; peek(in) >= '0' && peek(in) <= '9'; in->at++)
        n = n > MAX_REPEAT ? n : n * 10 + (peek(in) - '0');
    if (n > MAX_REPEAT)
        fail(in, "a repetition is larger than 32767");
    *ret = n;
    return in->at > begin;
}

static void parse_bounds(parser *in, size_t from)
{
    int least, most, has;
    in->at++;
    has = read_number(in, &least);
    most = least;
    if (peek(in) == ',') {
        in->at++;
        has = 1;
        if (!read_number(in, &most))
            most = NO_BOUND;
    }
    if (!has || peek(in) != '}' || in->at >= in->len) {
        fail(in, "a repetition is {n}, {n,} or {n,m}");
        return;
    }
    in->at++;
    if (most != NO_BOUND && most < least)
        fail(in, "a repetition ends before it begins");
    if (!in->why)
        repeat(in, from, least, most);
}

static void parse_piece(parser *in)
{
    size_t from = in->p->op_count;
    if (!parse_atom(in))
        return;
    while (!in->why && in->at < in->len) {
        char c = peek(in);
        if (c == '{') {
            parse_bounds(in, from);
            continue;
        }
        if (c != '*' && c != '+' && c != '?')
            return;
        in->at++;
        repeat(in, from, c == '+', c == '?' ? 1 : NO_BOUND);
    }
}

static void parse_branch(parser *in)
{
    while (!in->why && in->at < in->len && peek(in) != '|' && (peek(in) != ')' || !in->depth))
        parse_piece(in);
}

static void parse_either(parser *in)
{
    size_t from = in->p->op_count;
    parse_branch(in);
    while (!in->why && in->at < in->len && peek(in) == '|') {
        size_t jump;
        in->at++;
        make_optional(in, from);
        jump = in->p->op_count;
        if (!emit(in, DF__POP_JUMP))
            return;
        in->p->ops[from].y++; /* past the jump, to the branch that follows */
        parse_branch(in);
        in->p->ops[jump].x = (int32_t)(in->p->op_count - jump);
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

df__pattern *df__pattern_compile(const df__heap *heap, df_bytes text, size_t *states,
                                 const char **why)
{
    df__pattern *p = df__zalloc(heap, sizeof *p);
    parser in = {.p = p, .text = text.data, .len = text.len};
    if (!p) {
        *why = df__pattern_memory;
        return NULL;
    }
    p->heap = heap;
    in.left = *states < DF__PATTERN_STATES ? *states : DF__PATTERN_STATES;
    if (text.len && memchr(text.data, '\0', text.len))
        fail(&in, "a NUL byte cannot be in a pattern");
    parse_either(&in);
    emit(&in, DF__POP_MATCH);
    if (!in.why && df__pattern_tabulate(p) != DF_OK)
        fail(&in, df__pattern_memory);
    if (!in.why) {
        *states -= p->op_count;
        return p;
    }
    *why = in.why;
    df__pattern_free(p);
    return NULL;
}

void df__pattern_free(df__pattern *p)
{
    if (!p)
        return;
    df__free(p->heap, p->ops);
    df__free(p->heap, p->sets);
    df__free(p->heap, p->next);
    df__free(p->heap, p->ends);
    df__free(p->heap, p);
}
