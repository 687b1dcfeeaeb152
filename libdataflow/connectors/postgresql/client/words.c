/* SPDX-License-Identifier: Apache-2.0
 * words.c: a value of a record may be a card number, and the server puts it into its messages: in
 * quotes, in details, and wherever code of the database likes. So details and the messages of
 * such code are left out, what stands in quotes is unless it is a name, and names are told. */
#include "words.h"

#include <string.h>

#include "util/buf.h"

enum { LONG_NUMBER = 5 };

/* Classes of states in which the server itself speaks; that of others is of code in
 * the database. */
static const char own_classes[] = "08 0A 0B 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 3B 3D 3F 40 42 "
                                  "44 53 54 55 57 58";
/* Of these, the ones whose text has names only while no row is at hand. */
static const char statement_classes[] = "08 0A 25 28 3D 3F 40 42 53 55 57 58";

static int is_of(const char *classes, const char *state)
{
    for (; state && strlen(state) == 5; classes += 3) {
        if (strncmp(classes, state, 2) == 0)
            return 1;
        if (!classes[2])
            break;
    }
    return 0;
}

static int is_raised(const PGresult *res)
{
    static const char *const by[] = {"exec_stmt_raise", "exec_stmt_assert", "PLy_elog_impl",
                                     "PLy_output", "plperl_util_elog"};
    const char *function = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);
    for (size_t i = 0; function && i < sizeof by / sizeof by[0]; i++)
        if (strcmp(function, by[i]) == 0)
            return 1;
    return 0;
}

void df__pg_said_of(const PGresult *res, df__pg_said *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    ret->message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    ret->detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
    ret->names[PG_SAID_TABLE] = PQresultErrorField(res, PG_DIAG_TABLE_NAME);
    ret->names[PG_SAID_COLUMN] = PQresultErrorField(res, PG_DIAG_COLUMN_NAME);
    ret->names[PG_SAID_TYPE] = PQresultErrorField(res, PG_DIAG_DATATYPE_NAME);
    ret->names[PG_SAID_CONSTRAINT] = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);
    ret->raised = is_raised(res);
    ret->outside = !PQresultErrorField(res, PG_DIAG_CONTEXT);
}

/* ---- a message without values ---------------------------------------------------------------- */

/* The bytes of the quotation mark at s, of any language; 0: none. */
static size_t mark_at(const char *s)
{
    static const char *const marks[] = {"\"",           "'",
                                        "\xC2\xAB",     "\xC2\xBB",
                                        "\xE2\x80\x9E", "\xE2\x80\x9C",
                                        "\xE2\x80\x9D", "\xE2\x80\x98",
                                        "\xE2\x80\x99"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        size_t len = strlen(marks[i]);
        if (strncmp(s, marks[i], len) == 0)
            return len;
    }
    return 0;
}

/* The bytes of a name in quotation marks that s begins with; 0: it is no name that we know. */
static size_t name_at(const char *s, const df__pg_said *said)
{
    for (size_t i = 0; said && i <= PG_SAID_NAMES; i++) {
        const char *name = i < PG_SAID_NAMES ? said->names[i] : said->table;
        size_t open = mark_at(s), len = name ? strlen(name) : 0;
        if (len > 0 && strncmp(s + open, name, len) == 0 && mark_at(s + open + len) > 0)
            return open + len + mark_at(s + open + len);
    }
    return 0;
}

/* After the last quotation mark: what is in between may have marks of its own. */
static const char *past_marks(const char *s)
{
    const char *end = s;
    for (; *s; s++)
        end = mark_at(s) > 0 ? s + mark_at(s) : end;
    return end;
}

static void add_plain(const char *s, const df__pg_said *said, df__buf *b)
{
    while (*s) {
        size_t digits = strspn(s, "0123456789");
        size_t name = mark_at(s) > 0 ? name_at(s, said) : 0;
        if (name > 0) {
            df__buf_add(b, s, name);
            s += name;
        } else if (mark_at(s) > 0) {
            df__buf_str(b, "\"...\"");
            s = past_marks(s);
        } else if (digits >= LONG_NUMBER) {
            df__buf_str(b, "...");
            s += digits;
        } else {
            df__buf_add(b, s, digits > 0 ? digits : 1);
            s += digits > 0 ? digits : 1;
        }
    }
}

/* Names that the message did not say already. */
static void add_names(const df__pg_said *said, df__buf *b)
{
    static const char *const words[PG_SAID_NAMES] = {"table", "column", "type", "constraint"};
    for (size_t i = 0; i < PG_SAID_NAMES; i++) {
        char quoted[80];
        const char *name = said->names[i];
        const char *text = df__buf_cstr(b);
        df__text_printf(quoted, sizeof quoted, "\"%s\"", name ? name : "");
        if (name && name[0] && text && !strstr(text, quoted))
            df__buf_printf(b, ", %s %s", words[i], quoted);
    }
}

/* Names that such code gives may be values as well. */
static void add_safe(const df__pg_said *said, df__buf *b)
{
    if (said->raised || !is_of(own_classes, said->state)) {
        df__buf_str(b, "refused by code of the database, whose message may hold values of the "
                       "record (--show-values tells it)");
        return;
    }
    if (said->outside && is_of(statement_classes, said->state))
        df__buf_str(b, said->message);
    else
        add_plain(said->message, said, b);
    add_names(said, b);
}

static void take(df__buf *b, char *buf, size_t len)
{
    const char *text = df__buf_cstr(b);
    df__text_set(buf, len, text ? text : "no memory", text ? b->len : strlen("no memory"));
    for (char *c = buf; *c; c++)
        *c = *c == '\n' ? ' ' : *c;
    df__buf_free(b);
}

void df__pg_words_plain(const char *message, char *buf, size_t len)
{
    df__buf b;
    df__buf_init(&b, &df__heap_libc);
    add_plain(message, NULL, &b);
    take(&b, buf, len);
}

void df__pg_words(const df__pg_said *said, int show_values, char *buf, size_t len)
{
    df__buf b;
    df__buf_init(&b, &df__heap_libc);
    if (!show_values) {
        add_safe(said, &b);
    } else {
        const char *detail = said->detail ? said->detail : "";
        df__buf_printf(&b, "%s%s%s", said->message, detail[0] ? ": " : "", detail);
    }
    df__buf_printf(&b, " (SQLSTATE %s)", said->state ? said->state : "unknown");
    take(&b, buf, len);
}
