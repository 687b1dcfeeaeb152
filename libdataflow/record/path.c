/* SPDX-License-Identifier: Apache-2.0
 * path.c: compiles paths: RFC 9535 singular queries and wildcards, and the dotted forms
 * (a.b, a.0, a\.b). What would silently mean something else is refused with a remedy. */
#include "record/path.h"

#include <stdarg.h>
#include <string.h>

#include "record/number.h"

typedef struct parser {
    const char *text;
    size_t len, at;
    df__error *err;
    char *names; /* unescaped names go here */
    size_t used, count;
    df__step *steps;
    int failed;
} parser;

static void fail(parser *p, size_t at, const char *format, ...) DF_PRINTF(3, 4);

/* The first error stays. Columns count characters. */
static void fail(parser *p, size_t at, const char *format, ...)
{
    va_list args;
    size_t column = 1;
    if (p->failed)
        return;
    p->failed = 1;
    if (!p->err)
        return;
    for (size_t i = 0; i < at && i < p->len; i++)
        column += ((unsigned char)p->text[i] & 0xc0) != 0x80;
    p->err->column = column;
    va_start(args, format);
    df__text_vprintf(p->err->text, sizeof p->err->text, format, args);
    va_end(args);
}

static char peek(const parser *p)
{
    return p->at < p->len ? p->text[p->at] : '\0';
}

static void keep(parser *p, char c)
{
    p->names[p->used++] = c;
}

static df__step *add_step(parser *p, enum df__step_kind kind)
{
    df__step *s;
    if (p->count == DF__PATH_STEPS) {
        fail(p, p->at, "more than %d steps; address a parent and work from there", DF__PATH_STEPS);
        return NULL;
    }
    s = &p->steps[p->count++];
    memset(s, 0, sizeof *s);
    s->kind = kind;
    return s;
}

static void add_name(parser *p, size_t from, enum df__step_kind kind)
{
    df__step *s = add_step(p, kind);
    if (!s)
        return;
    s->name.data = p->names + from;
    s->name.len = p->used - from;
    keep(p, '\0');
}

/* ---- brackets -------------------------------------------------------------------------------- */

static int hex4(const parser *p, size_t at, unsigned *ret)
{
    unsigned v = 0;
    if (at + 4 > p->len)
        return 0;
    for (size_t i = at; i < at + 4; i++) {
        char c = p->text[i];
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

static void keep_utf8(parser *p, unsigned c)
{
    if (c < 0x80) {
        keep(p, (char)c);
        return;
    }
    if (c < 0x800) {
        keep(p, (char)(0xc0 | c >> 6));
    } else {
        if (c < 0x10000) {
            keep(p, (char)(0xe0 | c >> 12));
        } else {
            keep(p, (char)(0xf0 | c >> 18));
            keep(p, (char)(0x80 | (c >> 12 & 63)));
        }
        keep(p, (char)(0x80 | (c >> 6 & 63)));
    }
    keep(p, (char)(0x80 | (c & 63)));
}

/* At the 'u' of \uXXXX. */
static void read_unicode(parser *p)
{
    unsigned c, low;
    size_t start = p->at - 1;
    if (!hex4(p, p->at + 1, &c)) {
        fail(p, start, "\\u needs four hexadecimal digits");
        return;
    }
    p->at += 5;
    if (c >= 0xd800 && c < 0xdc00 && p->at + 6 <= p->len && p->text[p->at] == '\\' &&
        p->text[p->at + 1] == 'u' && hex4(p, p->at + 2, &low) && low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        p->at += 6;
    }
    if (c >= 0xd800 && c < 0xe000)
        fail(p, start, "half of a surrogate pair is no character");
    else
        keep_utf8(p, c);
}

static void read_escape(parser *p)
{
    static const char names[] = "''\"\"\\\\//b\bf\fn\nr\rt\t";
    char c = peek(p);
    if (c == 'u') {
        read_unicode(p);
        return;
    }
    for (size_t i = 0; i + 1 < sizeof names; i += 2)
        if (c == names[i] && p->at < p->len) {
            keep(p, names[i + 1]);
            p->at++;
            return;
        }
    fail(p, p->at - 1, "unknown escape in a quoted name; write \\\\ for a backslash");
}

static void read_quoted(parser *p)
{
    char quote = peek(p);
    size_t start = p->at++, from = p->used;
    while (!p->failed) {
        char c = peek(p);
        if (p->at >= p->len) {
            fail(p, start, "the quote %c is not closed", quote);
            return;
        }
        p->at++;
        if (c == quote)
            break;
        if (c == '\\')
            read_escape(p);
        else
            keep(p, c);
    }
    add_name(p, from, DF__STEP_NAME);
}

static void read_index(parser *p)
{
    size_t start = p->at;
    df__step *s;
    int64_t v;
    if (peek(p) == '-')
        p->at++;
    while (peek(p) >= '0' && peek(p) <= '9')
        p->at++;
    if (peek(p) == ':') {
        fail(p, start, "slices are not supported; use [*] for every element or one index");
        return;
    }
    if (!df__text_int(p->text + start, p->at - start, &v) || (p->text[start] == '-' && v == 0)) {
        fail(p, start, "an index is a whole number without leading zeros, such as [0] or [-1]");
        return;
    }
    s = add_step(p, DF__STEP_INDEX);
    if (s)
        s->index = v;
}

static void skip_blanks(parser *p)
{
    while (p->at < p->len && (peek(p) == ' ' || peek(p) == '\t'))
        p->at++;
}

static void read_bracket(parser *p)
{
    size_t start = p->at++;
    char c;
    skip_blanks(p);
    c = peek(p);
    if (c == '\'' || c == '"') {
        read_quoted(p);
    } else if (c == '*') {
        p->at++;
        add_step(p, DF__STEP_ALL);
    } else if (c == '-' || (c >= '0' && c <= '9') || c == ':') {
        read_index(p);
    } else if (c == '?') {
        fail(p, p->at, "filters are not supported in a path; use a condition or [*]");
    } else if (p->at >= p->len) {
        fail(p, start, "'[' is not closed");
    } else {
        fail(p, p->at, "in brackets a name is quoted: ['name']");
    }
    skip_blanks(p);
    if (p->failed)
        return;
    if (peek(p) == ',')
        fail(p, p->at, "one name or index in brackets; list several paths instead");
    else if (peek(p) != ']')
        fail(p, p->at < p->len ? p->at : start, "'[' is not closed by ']' here");
    else
        p->at++;
}

/* ---- dotted names ---------------------------------------------------------------------------- */

/* Words that start with '@' and mean an operation in the dialect that some manifests come from.
 * Other names with '@' (@timestamp, @type) are names. */
static int is_modifier(const char *s, size_t len)
{
    static const char *const words[] = {"reverse", "ugly",    "pretty", "this",    "valid",
                                        "keys",    "values",  "tostr",  "fromstr", "group",
                                        "join",    "flatten", "dig"};
    size_t n = 1;
    if (s[0] != '@')
        return 0;
    while (n < len && s[n] != ':')
        n++;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == n - 1 && memcmp(words[i], s + 1, n - 1) == 0)
            return 1;
    return 0;
}

static void refuse_special(parser *p, char c)
{
    const char *name = c == ']' || c == '|' ? "must be escaped" : "does not match parts of names";
    if (c == '*')
        fail(p, p->at, "'*' stands alone for every member; write \\* or ['...'] for the character");
    else
        fail(p, p->at, "'%c' %s here; write \\%c or put the name in ['...']", c, name, c);
}

/* After the unescaped name: is it what it looks like? */
static void end_name(parser *p, size_t start, size_t from, int escaped)
{
    size_t len = p->used - from;
    const char *name = p->names + from;
    int64_t index;
    if (escaped) {
        add_name(p, from, DF__STEP_NAME);
    } else if (len == 0) {
        fail(p, start ? start - 1 : 0,
             "a name is missing at this '.'; write [''] for the empty name");
    } else if (len == 1 && name[0] == '*') {
        p->used = from;
        add_step(p, DF__STEP_ALL);
    } else if (name[0] == '#' && (len == 1 || name[1] == '(')) {
        fail(p, start, "'#' is not supported; write [*] for every element, or \\# for the name");
    } else if (is_modifier(name, len)) {
        fail(p, start, "modifiers such as %.*s are not supported; write \\@ for a name",
             (int)(len > 40 ? 40 : len), name);
    } else if (df__text_int(name, len, &index) && index >= 0) {
        add_name(p, from, DF__STEP_EITHER);
        if (!p->failed)
            p->steps[p->count - 1].index = index;
    } else {
        add_name(p, from, DF__STEP_NAME);
    }
}

static void read_name(parser *p)
{
    size_t start = p->at, from = p->used;
    int escaped = 0;
    for (; p->at < p->len && !p->failed; p->at++) {
        char c = peek(p);
        if (c == '.' || c == '[')
            break;
        if (c == '\\') {
            if (++p->at == p->len) {
                fail(p, p->at - 1, "'\\' at the end escapes nothing");
                return;
            }
            escaped = 1;
            keep(p, peek(p));
            continue;
        }
        if (c == '?' || c == '|' || c == ']' ||
            (c == '*' &&
             (p->at > start || (p->at + 1 < p->len && !strchr(".[", p->text[p->at + 1])))))
            refuse_special(p, c);
        keep(p, c);
    }
    if (!p->failed)
        end_name(p, start, from, escaped);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void read_dot(parser *p)
{
    p->at++;
    if (peek(p) == '.')
        fail(p, p->at - 1,
             "'..' (every descendant) is not supported; write the way down, or [''] "
             "for the empty name");
    else if (peek(p) == '[')
        fail(p, p->at - 1, "no '.' before '['");
    else
        read_name(p);
}

static int check_text(parser *p)
{
    if (p->len == 0)
        fail(p, 0, "the path is empty; write $ for the whole value");
    else if (p->len > DF__PATH_BYTES)
        fail(p, 0, "the path is longer than %d bytes", DF__PATH_BYTES);
    else if (!df__utf8_check(p->text, p->len, NULL))
        fail(p, 0, "the path is not UTF-8");
    else if (memchr(p->text, 0, p->len))
        fail(p, 0, "the path has a NUL byte; write \\u0000 in a quoted name");
    return !p->failed;
}

static void read_path(parser *p)
{
    if (!check_text(p))
        return;
    if (peek(p) == '$')
        p->at++;
    if (p->at < p->len && peek(p) != '.' && peek(p) != '[')
        read_name(p);
    while (p->at < p->len && !p->failed) {
        char c = peek(p);
        if (c == '[')
            read_bracket(p);
        else if (c == '.' && (p->count || p->text[0] == '$'))
            read_dot(p);
        else
            fail(p, p->at, c == '.' ? "the path starts with '.'" : "'.' or '[' is missing here");
    }
}

static _Atomic uint64_t paths_made;

df_path *df__path_compile(const df__heap *heap, df_bytes text, df__error *err)
{
    df__step steps[DF__PATH_STEPS];
    size_t room = text.len > DF__PATH_BYTES ? 0 : text.len;
    parser p = {text.data, text.len, 0, err, NULL, 0, 0, steps, 0};
    df_path *path;
    char *names;
    /* One block: steps, the text, and the names, each with a NUL after it. */
    size_t size = sizeof *path + DF__PATH_STEPS * sizeof *steps + 2 * room + DF__PATH_STEPS + 2;
    if (err) {
        err->column = 0;
        df__text_set(err->text, sizeof err->text, "out of memory", 13);
    }
    path = df__zalloc(heap, size);
    if (!path)
        return NULL;
    names = (char *)&path->steps[DF__PATH_STEPS];
    if (room)
        memcpy(names, text.data, room);
    p.names = names + room + 1;
    read_path(&p);
    if (p.failed) {
        df__free(heap, path);
        return NULL;
    }
    path->number = ++paths_made;
    path->heap = heap;
    path->text.data = names;
    path->text.len = text.len;
    path->count = p.count;
    for (size_t i = 0; i < p.count; i++) {
        path->steps[i] = steps[i];
        path->wild |= steps[i].kind == DF__STEP_ALL;
    }
    return path;
}

void df_path_free(df_path *path)
{
    if (path)
        df__free(path->heap, path);
}

int df_path_is_single(const df_path *path)
{
    return !path->wild;
}

df_bytes df_path_text(const df_path *path)
{
    return path->text;
}

df_bytes df_path_leaf(const df_path *path)
{
    static const df_bytes none = {NULL, 0};
    const df__step *last = path->count ? &path->steps[path->count - 1] : NULL;
    return last && (last->kind == DF__STEP_NAME || last->kind == DF__STEP_EITHER) ? last->name
                                                                                  : none;
}
