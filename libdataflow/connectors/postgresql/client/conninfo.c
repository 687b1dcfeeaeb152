/* SPDX-License-Identifier: Apache-2.0
 * conninfo.c: reads a connection string and finds, before any connection, what would never work:
 * libpq would try it again and again, and name parts of a password while it does. */
#include "conninfo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings.h"
#include "util/buf.h"

#define OPTION "connectionString: "
#define ENCODE "in a URL, write @ : / %% of a user or password as %%40 %%3A %%2F %%25"

static const struct {
    const char *name;
    const char *choices; /* commas between and around */
} words[] = {
    {"sslmode", ",disable,allow,prefer,require,verify-ca,verify-full,"},
    {"target_session_attrs", ",any,read-write,read-only,primary,standby,prefer-standby,"},
    {"gssencmode", ",disable,prefer,require,"},
    {"channel_binding", ",disable,prefer,require,"},
    {"sslcompression", ",0,1,"},
    {"sslsni", ",0,1,"},
    {"keepalives", ",0,1,"},
};

static const char *const numbers[] = {
    "connect_timeout",  "keepalives_idle",  "keepalives_interval",
    "keepalives_count", "tcp_user_timeout",
};

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static const char *value_of(const PQconninfoOption *given, const char *name)
{
    for (const PQconninfoOption *o = given; o->keyword; o++)
        if (strcmp(o->keyword, name) == 0)
            return o->val;
    return NULL;
}

/* ---- the text of a URL ---------------------------------------------------------------------- */

/* What follows postgres://, or NULL: the text is in the other form. */
static const char *after_scheme(const char *text)
{
    static const char *const schemes[] = {"postgres://", "postgresql://"};
    for (size_t i = 0; i < COUNT(schemes); i++) {
        size_t len = strlen(schemes[i]);
        if (strncmp(text, schemes[i], len) == 0)
            return text + len;
    }
    return NULL;
}

/* What follows user:password@, found as libpq does. */
static const char *after_user(const char *rest)
{
    const char *end = rest + strcspn(rest, "@/");
    return *end == '@' ? end + 1 : rest;
}

/* An @ where libpq no longer expects one: what stands before it was meant as a password. */
static int has_stray_at(const char *rest)
{
    const char *end = after_user(rest);
    return end[strcspn(end, "@?")] == '@';
}

static int has_bad_percent(const char *rest)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    for (const char *c = rest; (c = strchr(c, '%')) != NULL; c++)
        if (strspn(c + 1, hex) < 2 || strncmp(c, "%00", 3) == 0)
            return 1;
    return 0;
}

static int is_parameter(const char *name, size_t len)
{
    PQconninfoOption *known = PQconndefaults();
    int found = !known; /* no memory: libpq will judge */
    for (const PQconninfoOption *o = known; o && o->keyword; o++)
        found |= strlen(o->keyword) == len && memcmp(o->keyword, name, len) == 0;
    PQconninfoFree(known);
    return found || (len == 3 && memcmp(name, "ssl", 3) == 0);
}

/* The first parameter after ? that libpq does not have, or NULL. */
static const char *unknown_parameter(const char *rest, size_t *ret_len)
{
    const char *name = strchr(after_user(rest), '?');
    while (name && *++name) {
        size_t all = strcspn(name, "&");
        size_t len = strcspn(name, "=&");
        if (strspn(name, LETTERS) >= len && !is_parameter(name, len)) {
            *ret_len = len;
            return name;
        }
        name = name[all] ? name + all : NULL;
    }
    return NULL;
}

static int url_problem(const char *rest, char *why, size_t len)
{
    size_t name_len = 0;
    if (has_stray_at(rest)) {
        df__text_printf(why, len, OPTION "an @ or / is not where it belongs; " ENCODE);
        return 1;
    }
    if (has_bad_percent(rest)) {
        df__text_printf(why, len, OPTION "a %% without two hexadecimal digits after it; " ENCODE);
        return 1;
    }
    const char *name = unknown_parameter(rest, &name_len);
    if (name) {
        df__text_printf(why, len,
                        OPTION
                        "unknown parameter \"%.*s\" after the ?; parameters are "
                        "those of libpq, such as sslmode, sslrootcert, application_name, and "
                        "settings of the server, such as search_path",
                        (int)(name_len < 40 ? name_len : 40), name);
        return 1;
    }
    return 0;
}

/* ---- its parameters -------------------------------------------------------------------------- */

static int word_problem(const PQconninfoOption *given, char *why, size_t len)
{
    for (size_t i = 0; i < COUNT(words); i++) {
        char item[64];
        const char *value = value_of(given, words[i].name);
        if (!value || !value[0])
            continue;
        size_t want = df__text_printf(item, sizeof item, ",%s,", value);
        if (want != strlen(value) + 2 || strchr(value, ',') || !strstr(words[i].choices, item)) {
            df__text_printf(why, len, OPTION "%s may be %.*s", words[i].name,
                            (int)strlen(words[i].choices) - 2, words[i].choices + 1);
            return 1;
        }
    }
    for (size_t i = 0; i < COUNT(numbers); i++) {
        const char *value = value_of(given, numbers[i]);
        size_t digits = value ? strspn(value, "0123456789") : 0;
        if (value && value[0] && (value[digits] || digits > 9)) {
            df__text_printf(why, len, OPTION "%s must be a whole number", numbers[i]);
            return 1;
        }
    }
    return 0;
}

static size_t count_items(const char *list)
{
    size_t count = 1;
    for (; *list; list++)
        count += *list == ',';
    return count;
}

/* The item of a list after this one, or NULL. */
static const char *next_item(const char *item)
{
    item += strcspn(item, ",");
    return *item == ',' ? item + 1 : NULL;
}

/* Nothing of the value is shown: a password with a special character ends up here. */
static int port_problem(const char *list, char *why, size_t len)
{
    for (const char *item = list; item; item = next_item(item)) {
        size_t digits = strspn(item, "0123456789");
        long number = digits <= 5 ? strtol(item, NULL, 10) : 0;
        if ((item[digits] && item[digits] != ',') || (digits && (number < 1 || number > 65535))) {
            df__text_printf(why, len,
                            OPTION "the port must be a number from 1 to 65535 (" ENCODE ")");
            return 1;
        }
    }
    return 0;
}

static int host_problem(const char *list, char *why, size_t len)
{
    for (const char *item = list; item; item = next_item(item)) {
        size_t all = strcspn(item, ",");
        if (all == 0) {
            df__text_printf(why, len,
                            OPTION "names no host; write host:port, or "
                                   "host=/var/run/postgresql for a socket of this machine");
            return 1;
        }
        int is_path = item[0] == '/' || item[0] == '@';
        size_t plain = strspn(item, LETTERS "-.:%");
        if (!is_path && plain < all && (unsigned char)item[plain] < 128) {
            df__text_printf(why, len,
                            OPTION "the host holds a character that no host name has; " ENCODE);
            return 1;
        }
    }
    return 0;
}

static int server_problem(const PQconninfoOption *given, char *why, size_t len)
{
    const char *host = value_of(given, "host");
    const char *address = value_of(given, "hostaddr");
    const char *port = value_of(given, "port");
    const char *list = address && address[0] ? address : host;
    if (value_of(given, "service")) {
        df__text_printf(why, len,
                        OPTION "service files are not read; write the settings "
                               "themselves");
        return 1;
    }
    if (!list || !list[0])
        list = getenv("PGHOST");
    if (port && port_problem(port, why, len))
        return 1;
    if (host_problem(list ? list : "", why, len))
        return 1;
    if (port && count_items(port) > 1 && count_items(port) != count_items(list)) {
        df__text_printf(why, len, OPTION "%zu ports for %zu hosts; give one, or one for each host",
                        count_items(port), count_items(list));
        return 1;
    }
    return 0;
}

/* The user is this process's own where none is named; in a container that may have no name. */
static int user_problem(const PQconninfoOption *given, char *why, size_t len)
{
    const char *user = value_of(given, "user");
    struct passwd own, *found = NULL;
    char room[4096];
    if (!user || !user[0])
        user = getenv("PGUSER");
    if ((user && user[0]) || getpwuid_r(geteuid(), &own, room, sizeof room, &found) || found)
        return 0;
    df__text_printf(why, len,
                    OPTION "names no user, and the one of this process (ID %lu) has no name; write "
                           "postgres://user@host:port/database, or user=...",
                    (unsigned long)geteuid());
    return 1;
}

/* Puts them after what options holds already, so that they count. */
static int add_settings(PQconninfoOption *given, const char *settings)
{
    PQconninfoOption *o = given;
    while (o->keyword && strcmp(o->keyword, "options") != 0)
        o++;
    size_t before = o->val ? strlen(o->val) : 0, more = strlen(settings);
    char *joined = o->keyword && more ? malloc(before + more + 2) : NULL;
    if (!joined)
        return more ? DF_ENOMEM : DF_OK;
    memcpy(joined, o->val ? o->val : "", before);
    joined[before] = ' ';
    memcpy(joined + before + 1, settings, more + 1);
    free(o->val);
    o->val = joined; /* PQconninfoFree frees it */
    return DF_OK;
}

static PQconninfoOption *read_rest(const char *text, char *why, size_t len, int *ret_error)
{
    const char *rest = after_scheme(text);
    char *error = NULL;
    *ret_error = 1;
    if (rest && url_problem(rest, why, len))
        return NULL;
    PQconninfoOption *given = PQconninfoParse(text, &error);
    *ret_error = given || error;
    PQfreemem(error);
    if (!given) {
        df__text_printf(why, len,
                        OPTION
                        "neither postgres://user:password@host:port/database"
                        "?sslmode=... nor host=... dbname=... (there, a value with spaces stands "
                        "in single quotes, and ' and \\ in it are written \\' and \\\\)");
        return NULL;
    }
    if (word_problem(given, why, len) || server_problem(given, why, len) ||
        user_problem(given, why, len)) {
        PQconninfoFree(given);
        return NULL;
    }
    return given;
}

PQconninfoOption *df__pg_conninfo_read(const char *text, char *why, size_t len, int *ret_error)
{
    df__buf rest, settings;
    const char *url = after_scheme(text);
    const char *pairs = url ? strchr(after_user(url), '?') : text;
    PQconninfoOption *given = NULL;
    df__buf_init(&rest, &df__heap_libc);
    df__buf_init(&settings, &df__heap_libc);
    pairs = pairs ? pairs + (url != NULL) : text + strlen(text);
    df__pg_settings_take(text, pairs, url != NULL, &rest, &settings);
    const char *plain = df__buf_cstr(&rest), *options = df__buf_cstr(&settings);
    *ret_error = 0;
    if (plain && options)
        given = read_rest(plain, why, len, ret_error);
    if (given && add_settings(given, options) != DF_OK) {
        *ret_error = 0;
        PQconninfoFree(given);
        given = NULL;
    }
    df__buf_wipe(&rest);
    df__buf_free(&settings);
    return given;
}

PQconninfoOption *df__pg_conninfo_read_bytes(df_bytes text, char *why, size_t len, int *ret_error)
{
    char *copy = df__strndup(&df__heap_libc, text.data, text.len);
    *ret_error = 0;
    if (!copy)
        return NULL;
    PQconninfoOption *given = df__pg_conninfo_read(copy, why, len, ret_error);
    explicit_bzero(copy, text.len);
    df__free(&df__heap_libc, copy);
    return given;
}

int df__pg_conninfo_no_root(const PQconninfoOption *given, char *why, size_t len)
{
    char home_file[512];
    const char *mode = value_of(given, "sslmode");
    const char *file = value_of(given, "sslrootcert");
    const char *home = getenv("HOME");
    mode = mode && mode[0] ? mode : getenv("PGSSLMODE");
    file = file && file[0] ? file : getenv("PGSSLROOTCERT");
    if (!mode || strncmp(mode, "verify-", 7) != 0 || (file && strcmp(file, "system") == 0))
        return 0;
    if (!file || !file[0]) {
        df__text_printf(home_file, sizeof home_file, "%s/.postgresql/root.crt", home ? home : "");
        file = home_file;
    }
    if (access(file, R_OK) == 0)
        return 0;
    df__text_printf(why, len,
                    OPTION "sslmode=%s needs the certificate of the authority that "
                           "signed the server's: sslrootcert=/path/to/ca.pem%s (%s: %s)",
                    mode, PQlibVersion() >= 160000 ? ", or sslrootcert=system" : "", file,
                    errno == ENOENT ? "no such file" : "cannot be read");
    return 1;
}

/* A name may begin like an address, so only addresses count. */
static int is_loopback(const char *text)
{
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, text, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, text, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

int df__pg_is_local(const char *hosts)
{
    char host[64];
    for (;;) {
        size_t len = strcspn(hosts, ",");
        df__text_set(host, sizeof host, hosts, len);
        if (len && host[0] != '/' && host[0] != '@' && strcmp(host, "localhost") != 0 &&
            !is_loopback(host))
            return 0;
        if (!hosts[len])
            return 1;
        hosts += len + 1;
    }
}
