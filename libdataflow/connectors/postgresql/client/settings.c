/* SPDX-License-Identifier: Apache-2.0
 * settings.c: server settings in a connection string (search_path=..., statement_timeout=...).
 * Other drivers send what they do not know to the server; libpq refuses it and has one parameter,
 * options, for all of them. So they are taken out of the text and put there. */
#include "settings.h"

#include <string.h>

#define NAME "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

/* What a client may reasonably set. A list, so that a misspelled parameter is still found. */
static const char *const names[] = {
    "bytea_output",
    "client_min_messages",
    "commit_delay",
    "constraint_exclusion",
    "datestyle",
    "deadlock_timeout",
    "default_tablespace",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "effective_cache_size",
    "escape_string_warning",
    "extra_float_digits",
    "geqo",
    "hash_mem_multiplier",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "intervalstyle",
    "jit",
    "lc_messages",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "lock_timeout",
    "log_min_messages",
    "log_min_duration_statement",
    "log_statement",
    "maintenance_work_mem",
    "max_parallel_workers_per_gather",
    "plan_cache_mode",
    "random_page_cost",
    "role",
    "row_security",
    "search_path",
    "session_replication_role",
    "standard_conforming_strings",
    "statement_timeout",
    "synchronous_commit",
    "tcp_keepalives_count",
    "tcp_keepalives_idle",
    "tcp_keepalives_interval",
    "temp_buffers",
    "temp_file_limit",
    "temp_tablespaces",
    "timezone",
    "transaction_timeout",
    "wal_compression",
    "work_mem",
    "xmloption",
};

static int equal(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = a[i] >= 'A' && a[i] <= 'Z' ? (char)(a[i] - 'A' + 'a') : a[i];
        if (c != b[i])
            return 0;
    }
    return b[len] == '\0';
}

/* One of the server's, or one with a point, which is an extension's or the user's own. */
static int is_setting(const char *name, size_t len)
{
    const char *point = memchr(name, '.', len);
    if (point && point > name && point + 1 < name + len)
        return 1;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (equal(name, names[i], len))
            return 1;
    return 0;
}

/* options splits at spaces, except after a backslash. */
static void add_setting(df__buf *options, const char *name, size_t len, const df__buf *value)
{
    df__buf_str(options, options->len ? " -c " : "-c ");
    df__buf_add(options, name, len);
    df__buf_char(options, '=');
    for (size_t i = 0; i < value->len; i++) {
        if (value->data[i] == '\\' || strchr(" \t\n\r\f\v", value->data[i]))
            df__buf_char(options, '\\');
        df__buf_char(options, value->data[i]);
    }
}

/* ---- name=value pairs of the two forms ------------------------------------------------------ */

typedef struct pair {
    const char *begin, *end; /* with the separator after it */
    const char *name;
    size_t name_len;
    df__buf value; /* decoded */
} pair;

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* name=value& of a URL. */
static int url_pair(const char *at, pair *p)
{
    size_t all = strcspn(at, "&");
    p->begin = p->name = at;
    p->end = at + all + (at[all] == '&');
    p->name_len = strspn(at, NAME ".");
    if (p->name_len >= all || at[p->name_len] != '=')
        return 0;
    for (const char *c = at + p->name_len + 1; c < at + all; c++) {
        int high = *c == '%' ? digit(c[1]) : -1;
        int low = high >= 0 ? digit(c[2]) : -1;
        df__buf_char(&p->value, low >= 0 ? (char)(high * 16 + low) : *c);
        c += low >= 0 ? 2 : 0;
    }
    return 1;
}

/* name = value of the other form; a value may stand in single quotes. */
static int plain_pair(const char *at, pair *p)
{
    p->begin = p->name = at;
    p->name_len = strspn(at, NAME ".");
    at += p->name_len;
    at += strspn(at, " \t\n\r");
    if (p->name_len == 0 || *at != '=')
        return 0;
    at++;
    at += strspn(at, " \t\n\r");
    int quoted = *at == '\'';
    at += quoted;
    for (; *at && !(quoted ? *at == '\'' : strchr(" \t\n\r", *at) != NULL); at++) {
        at += *at == '\\' && at[1];
        df__buf_char(&p->value, *at);
    }
    if (quoted && *at != '\'')
        return 0;
    at += quoted;
    p->end = at + strspn(at, " \t\n\r");
    return 1;
}

void df__pg_settings_take(const char *text, const char *pairs, int is_url, df__buf *rest,
                          df__buf *options)
{
    pair p;
    df__buf_init(&p.value, &df__heap_libc);
    df__buf_add(rest, text, (size_t)(pairs - text));
    const char *at = pairs;
    while (*at) {
        df__buf_clear(&p.value);
        int found = is_url ? url_pair(at, &p) : plain_pair(at, &p);
        if (found && is_setting(p.name, p.name_len)) {
            add_setting(options, p.name, p.name_len, &p.value);
        } else if (found || is_url) {
            df__buf_add(rest, p.begin, (size_t)(p.end - p.begin));
        } else {
            df__buf_str(rest, at); /* libpq says what is wrong with it */
            break;
        }
        at = p.end;
    }
    rest->failed |= p.value.failed | options->failed;
    df__buf_wipe(&p.value);
}
