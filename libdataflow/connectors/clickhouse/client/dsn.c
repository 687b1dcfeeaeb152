/* SPDX-License-Identifier: Apache-2.0
 * dsn.c: connection strings as people write them for ClickHouse. */
#include "dsn.h"

#include <stdint.h>
#include <string.h>

#include "util/buf.h"

typedef struct scheme {
    const char *name;
    int tls, native;
} scheme;

static const scheme schemes[] = {{"http://", 0, 0},
                                 {"https://", 1, 0},
                                 {"clickhouse://", 0, 1},
                                 {"clickhouses://", 1, 1},
                                 {"tcp://", 0, 1}};

/* Words of other clients that say nothing to the server. */
static const char *const ignored[] = {
    "dial_timeout",      "read_timeout",   "write_timeout",
    "compress",          "compression",    "debug",
    "max_open_conns",    "max_idle_conns", "conn_max_lifetime",
    "block_buffer_size", "protocol",       "connection_open_strategy",
    "alt_hosts",         "http_path",      "max_compression_buffer"};

enum { SETTINGS_MAX = 64, TEXT_MAX = 8192 };

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* A part with its %XX taken out. DF_EDATA: a % without digits, or a NUL. */
static int decode(df__arena *arena, const char *from, size_t len, df_bytes *ret)
{
    char *out = df__arena_alloc(arena, len + 1);
    size_t n = 0;
    if (!out)
        return DF_ENOMEM;
    for (size_t i = 0; i < len; i++) {
        char c = from[i];
        if (c == '%') {
            int high = i + 2 < len ? hex_digit(from[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(from[i + 2]) : -1;
            if (low < 0)
                return DF_EDATA;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0')
            return DF_EDATA;
        out[n++] = c;
    }
    out[n] = '\0';
    *ret = (df_bytes){out, n};
    return DF_OK;
}

static int bad(const char **ret_why, const char *why)
{
    *ret_why = why;
    return DF_EINVAL;
}

static int is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':' || c == '[' || c == ']' || c == '%';
}

/* The port as HTTP has it: 0: none is given. -1: no port. */
static long http_port(const char *text, size_t len, const scheme *s)
{
    long port = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || port > 65535)
            return -1;
        port = port * 10 + (text[i] - '0');
    }
    if (len == 0 || port < 1 || port > 65535)
        return -1;
    if (s->native && port == 9000)
        return 8123;
    return s->native && port == 9440 ? 8443 : port;
}

static int add_host(df__ch_dsn *dsn, const scheme *s, const char *from, size_t len,
                    const char **ret_why)
{
    size_t name = len;
    long port = dsn->tls ? 8443 : 8123;
    for (size_t i = 0; i < len; i++) {
        if (!is_host_char(from[i])) {
            return bad(ret_why, "a host has letters, digits, - and . (write %40 for an @ in the "
                                "user or password)");
        }
    }
    for (size_t i = len; i-- > 0 && from[i] != ']';)
        if (from[i] == ':')
            name = i;
    if (name < len)
        port = http_port(from + name + 1, len - name - 1, s);
    if (name == 0 || port < 0)
        return bad(ret_why, name == 0 ? "no host" : "the port is no number from 1 to 65535");
    if (dsn->host_count == CH_HOSTS_MAX)
        return bad(ret_why, "more than 16 hosts");
    size_t cap = name + 32;
    char *host = df__arena_alloc(&dsn->arena, cap);
    if (!host)
        return DF_ENOMEM;
    df__text_printf(host, cap, "%s://%.*s:%ld", dsn->tls ? "https" : "http", (int)name, from, port);
    dsn->hosts[dsn->host_count++] = host;
    return DF_OK;
}

static int read_hosts(df__ch_dsn *dsn, const scheme *s, const char *at, const char *end,
                      const char **ret_why)
{
    int rc = DF_OK;
    for (int more = 1; more && rc == DF_OK;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        more = comma != NULL;
        rc = add_host(dsn, s, at, (size_t)((more ? comma : end) - at), ret_why);
        at = more ? comma + 1 : end;
    }
    return rc;
}

static int read_user(df__ch_dsn *dsn, const char *at, const char *end, const char **ret_why)
{
    const char *colon = memchr(at, ':', (size_t)(end - at));
    int rc = decode(&dsn->arena, at, (size_t)((colon ? colon : end) - at), &dsn->user);
    if (rc == DF_OK && colon)
        rc = decode(&dsn->arena, colon + 1, (size_t)(end - colon - 1), &dsn->password);
    return rc == DF_EDATA ? bad(ret_why, "user or password: % needs two hexadecimal digits") : rc;
}

static int is_true(const char *value)
{
    return strcmp(value, "true") == 0 || strcmp(value, "1") == 0 || value[0] == '\0';
}

/* One of the words after the ?: ours, one of other clients, or a setting of the server. */
static int take_word(df__ch_dsn *dsn, df_bytes name, df_bytes value, const char **ret_why)
{
    const char *word = name.data;
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        if (strcmp(word, ignored[i]) == 0)
            return DF_OK;
    if (strcmp(word, "username") == 0 || strcmp(word, "user") == 0)
        dsn->user = value;
    else if (strcmp(word, "password") == 0)
        dsn->password = value;
    else if (strcmp(word, "database") == 0)
        dsn->database = value.data;
    else if (strcmp(word, "secure") == 0)
        dsn->tls |= is_true(value.data);
    else if (strcmp(word, "skip_verify") == 0)
        dsn->insecure |= is_true(value.data);
    else if (name.len == 0 || dsn->setting_count == SETTINGS_MAX)
        return bad(ret_why, name.len ? "more than 64 settings" : "a setting without a name");
    else
        dsn->settings[dsn->setting_count++] = (df__ch_setting){word, value.data};
    return DF_OK;
}

static int read_words(df__ch_dsn *dsn, const char *at, const char *end, const char **ret_why)
{
    int rc = DF_OK;
    dsn->settings = df__arena_zalloc(&dsn->arena, SETTINGS_MAX * sizeof *dsn->settings);
    if (!dsn->settings)
        return DF_ENOMEM;
    while (at < end && rc == DF_OK) {
        const char *next = memchr(at, '&', (size_t)(end - at));
        const char *stop = next ? next : end;
        const char *equals = memchr(at, '=', (size_t)(stop - at));
        df_bytes name, value = {"", 0};
        rc = decode(&dsn->arena, at, (size_t)((equals ? equals : stop) - at), &name);
        if (rc == DF_OK && equals)
            rc = decode(&dsn->arena, equals + 1, (size_t)(stop - equals - 1), &value);
        rc = rc == DF_EDATA ? bad(ret_why, "after the ?: % needs two hexadecimal digits") : rc;
        rc = rc == DF_OK ? take_word(dsn, name, value, ret_why) : rc;
        at = next ? next + 1 : end;
    }
    return rc;
}

static const scheme *find_scheme(df_bytes text)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t len = strlen(schemes[i].name);
        if (text.len >= len && memcmp(text.data, schemes[i].name, len) == 0)
            return &schemes[i];
    }
    return NULL;
}

static int read_path(df__ch_dsn *dsn, const char *at, const char *end, const char **ret_why)
{
    df_bytes name;
    if (at == end)
        return DF_OK;
    int rc = decode(&dsn->arena, at, (size_t)(end - at), &name);
    if (rc == DF_EDATA || (rc == DF_OK && memchr(name.data, '/', name.len)))
        return bad(ret_why, "one database name may stand after the host");
    dsn->database = rc == DF_OK ? name.data : NULL;
    return rc;
}

int df__ch_dsn_read(df_bytes text, df__ch_dsn *ret, const char **ret_why)
{
    memset(ret, 0, sizeof *ret);
    df__arena_init(&ret->arena, &df__heap_libc, 1024);
    const scheme *s = text.len > 0 && text.len <= TEXT_MAX ? find_scheme(text) : NULL;
    if (!s)
        return bad(ret_why, "begin with http://, https:// or clickhouse://");
    const char *at = (const char *)text.data + strlen(s->name);
    const char *end = (const char *)text.data + text.len;
    const char *words = memchr(at, '?', (size_t)(end - at));
    const char *stop = words ? words : end;
    const char *slash = memchr(at, '/', (size_t)(stop - at));
    const char *hosts_end = slash ? slash : stop;
    const char *sign = NULL;
    for (const char *p = at; p < hosts_end; p++)
        sign = *p == '@' ? p : sign;
    ret->tls = s->tls;
    int rc = sign ? read_user(ret, at, sign, ret_why) : DF_OK;
    rc = rc == DF_OK && slash ? read_path(ret, slash + 1, stop, ret_why) : rc;
    rc = rc == DF_OK && words ? read_words(ret, words + 1, end, ret_why) : rc;
    return rc == DF_OK ? read_hosts(ret, s, sign ? sign + 1 : at, hosts_end, ret_why) : rc;
}

void df__ch_dsn_free(df__ch_dsn *dsn)
{
    if (dsn->password.data)
        explicit_bzero((void *)(uintptr_t)dsn->password.data, dsn->password.len);
    df__arena_free(&dsn->arena);
    memset(dsn, 0, sizeof *dsn);
}
