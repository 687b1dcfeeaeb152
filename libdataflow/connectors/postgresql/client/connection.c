/* SPDX-License-Identifier: Apache-2.0
 * connection.c: makes the connection, without blocking but for the look-up of host names, which
 * libpq does in one call (give an address, or a name that a local resolver answers). */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "connection.h"
#include "conninfo.h"
#include "result.h"
#include "sqlstate.h"
#include "util/clock.h"

enum { MAX_PARAMETERS = 64 };

/* What is used unless the connection string says otherwise. */
static const struct {
    const char *name, *value;
} defaults[] = {
    {"application_name", "dataflow"},
    {"client_encoding", "UTF8"},
    {"gssencmode", "disable"}, /* one round trip and a library less */
    {"keepalives_idle", "10"}, /* a dead connection is noticed within 25 s, idle or not */
    {"keepalives_interval", "5"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "25000"},
    {"passfile", "/nonexistent"}, /* nothing outside the manifest is a source of passwords */
};

typedef struct parameters {
    const char *names[MAX_PARAMETERS], *values[MAX_PARAMETERS];
    size_t count;
    int remote, has_sslmode, has_timeout;
    int64_t timeout_ms;
} parameters;

int64_t df__pg_clock_ms(void)
{
    return df__monotonic_us() / 1000;
}

void df__pg_disconnect(df__pg_conn *c)
{
    if (c->pg)
        PQfinish(c->pg);
    c->pg = NULL;
    c->in_transaction = 0;
    c->unflushed = 0;
    c->is_pooled = 0;
    if (c->before.data)
        df__buf_free(&c->before);
}

void df__pg_hear(void *user, const PGresult *message)
{
    df__pg_conn *c = user;
    c->notices++;
    if (c->notice)
        c->notice(c->user, message);
}

static void take(parameters *p, const char *name, const char *value)
{
    if (strcmp(name, "connect_timeout") == 0) {
        int64_t seconds = strtoll(value, NULL, 10);
        p->timeout_ms = seconds > 0 && seconds < 86400 ? seconds * 1000 : p->timeout_ms;
        return;
    }
    p->has_sslmode |= strcmp(name, "sslmode") == 0;
    p->has_timeout |= strcmp(name, "options") == 0 && strstr(value, "statement_timeout=");
    if (strcmp(name, "host") == 0 || strcmp(name, "hostaddr") == 0)
        p->remote = !df__pg_is_local(value);
    p->names[p->count] = name;
    p->values[p->count] = value;
    p->count++;
}

static void read_parameters(const PQconninfoOption *given, parameters *p)
{
    for (const PQconninfoOption *o = given; o->keyword; o++)
        if (o->val && p->count + 1 < MAX_PARAMETERS)
            take(p, o->keyword, o->val);
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        int present = 0;
        for (size_t k = 0; k < p->count; k++)
            present |= strcmp(p->names[k], defaults[i].name) == 0;
        if (!present && p->count + 1 < MAX_PARAMETERS)
            take(p, defaults[i].name, defaults[i].value);
    }
    p->names[p->count] = NULL;
    p->values[p->count] = NULL;
}

/* libpq's text without line breaks, without where in the server's source it comes from, and
 * without the state, which is told apart. */
static void one_line(const char *message, char *buf, size_t len)
{
    size_t at = 0;
    for (const char *line = message; *line && at + 1 < len;) {
        size_t all = strcspn(line, "\n");
        const char *fatal = strstr(line, "FATAL:  ");
        if (strncmp(line, "LOCATION:", 9) != 0) {
            size_t head = fatal && fatal < line + all ? (size_t)(fatal - line) : all;
            at += df__text_printf(buf + at, len - at, "%s%.*s", at > 0 ? " " : "", (int)head, line);
        }
        if (strncmp(line, "LOCATION:", 9) != 0 && fatal && fatal < line + all &&
            all > (size_t)(fatal - line) + 15) {
            at += df__text_printf(buf + at, len - at, "%.*s",
                                  (int)(all - (size_t)(fatal - line) - 15), fatal + 15);
        }
        line += all + (line[all] == '\n');
    }
    for (char *c = buf; *c; c++)
        *c = *c == '\t' ? ' ' : *c;
}

/* DF_EAUTH: before the first success the flow stops, later it goes on trying for a while. */
static int connect_failed(df__pg_conn *c)
{
    char state[6], text[400];
    const char *reason = "connection_error", *remedy = "";
    int status = DF_EIO;
    const char *message = PQerrorMessage(c->pg);
    df__pg_sqlstate_in(message, state);
    one_line(message, text, sizeof text);
    if (state[0]) {
        status = df__pg_sqlstate(state, &reason);
        remedy = df__pg_sqlstate_remedy(state);
    } else if (PQconnectionNeedsPassword(c->pg)) {
        status = DF_EAUTH;
        reason = "auth_error";
    }
    int has_own_state = state[0] && strcmp(state, "08P01") != 0; /* a pooler's is that */
    const df__pg_refusal *refusal = has_own_state ? NULL : df__pg_refusal_in(message);
    if (refusal) {
        status = refusal->status;
        reason = refusal->reason;
        remedy = refusal->remedy;
    }
    df__pg_disconnect(c);
    return df_stage_failf(c->stage, status, reason, "cannot connect: %s%s%s%s%s%s", text,
                          state[0] ? " (SQLSTATE " : "", state, state[0] ? ")" : "",
                          remedy[0] ? "; " : "", remedy);
}

static int finish_connect(df__pg_conn *c, int64_t timeout_ms)
{
    int64_t end = df__pg_clock_ms() + timeout_ms;
    PostgresPollingStatusType phase = PGRES_POLLING_WRITING;
    while (phase != PGRES_POLLING_OK) {
        int64_t left = end - df__pg_clock_ms();
        if (phase == PGRES_POLLING_FAILED || PQstatus(c->pg) == CONNECTION_BAD)
            return connect_failed(c);
        if (left <= 0) {
            df__pg_disconnect(c);
            return df_stage_fail(c->stage, DF_ETIMEOUT, "connection_error",
                                 "cannot connect: no answer in time");
        }
        short wanted = phase == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        int rc = df_stage_wait(c->stage, PQsocket(c->pg), wanted, (int)left);
        if (rc < 0) {
            df__pg_disconnect(c);
            return rc;
        }
        if (rc == DF_OK)
            phase = PQconnectPoll(c->pg);
    }
    return DF_OK;
}

/* With a search_path that names pg_catalog after other schemas, users who may create in those can
 * replace the operators of every statement: of ours, and of conditions that the server gives back
 * as text. A path that does not name pg_catalog has it first; the others stay as they are. */
#define PATH "pg_catalog.current_schemas(false)"
static const char first_catalog[] =
    "SELECT pg_catalog.set_config('search_path', pg_catalog.array_to_string(ARRAY("
    "SELECT pg_catalog.quote_ident(p.name::pg_catalog.text) FROM pg_catalog.unnest(" PATH
    ") WITH ORDINALITY AS p(name, i) WHERE p.name OPERATOR(pg_catalog.<>) "
    "'pg_catalog'::pg_catalog.name ORDER BY p.i), ', '), false) WHERE "
    "'pg_catalog'::pg_catalog.name "
    "OPERATOR(pg_catalog.=) ANY (" PATH ") AND (" PATH ")[1] OPERATOR(pg_catalog.<>) "
    "'pg_catalog'::pg_catalog.name";

/* What our statements rely on, over the settings of the role and the database. The planner takes
 * the catalog queries for long ones and would compile them, which takes a second for an answer of
 * milliseconds. */
static const char *const settings[] = {
    "standard_conforming_strings = on",
    "datestyle = 'ISO, YMD'",
    "timezone = 'UTC'",
    "client_min_messages = error",
    "jit = off",
    "extra_float_digits = 1",
    "intervalstyle = 'postgres'",
    "bytea_output = 'hex'",
};

/* statement_timeout of the connection string counts. */
static void put_settings(const df__pg_conn *c, const char *word, int has_timeout, df__buf *b)
{
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        df__buf_printf(b, "%s %s; ", word, settings[i]);
    if (!has_timeout) {
        df__buf_printf(b, "%s statement_timeout = %lld; ", word,
                       (long long)(c->statement_timeout_us / 1000));
    }
}

/* A pooler answers for the server, with a process of its own; what is set in a session there stays
 * with a connection that others get after us. So it is set for each transaction. */
static int find_pooler(df__pg_conn *c)
{
    PGresult *res = NULL;
    int rc = df__pg_query(c, "SELECT pg_catalog.pg_backend_pid()", &res);
    if (rc == DF_OK && res && PQntuples(res) == 1)
        c->is_pooled = strtol(PQgetvalue(res, 0, 0), NULL, 10) != PQbackendPID(c->pg);
    PQclear(res);
    return rc;
}

static int set_session(df__pg_conn *c, int has_timeout)
{
    df__buf sql;
    df__heap heap = df__tables_heap(c->stage);
    int rc = c->replication ? DF_OK : find_pooler(c);
    if (rc != DF_OK)
        return rc;
    if (c->is_pooled) {
        c->heap = heap;
        df__buf_init(&c->before, &c->heap);
        put_settings(c, "SET LOCAL", has_timeout, &c->before);
        return c->before.failed ? DF_ENOMEM : DF_OK;
    }
    df__buf_init(&sql, &heap);
    put_settings(c, "SET", has_timeout, &sql);
    df__buf_str(&sql, first_catalog);
    const char *text = df__buf_cstr(&sql);
    rc = text ? df__pg_query(c, text, NULL) : DF_ENOMEM;
    df__buf_free(&sql);
    return rc;
}

static int start(df__pg_conn *c, const PQconninfoOption *given)
{
    parameters p;
    memset(&p, 0, sizeof p);
    p.timeout_ms = c->connect_timeout_us / 1000;
    read_parameters(given, &p);
    if (c->replication && p.count + 1 < MAX_PARAMETERS) {
        take(&p, "replication", "database");
        p.names[p.count] = p.values[p.count] = NULL;
    }
    if (!p.has_sslmode && p.remote && !getenv("PGSSLMODE") && !c->warned_tls) {
        c->warned_tls = 1;
        df_stage_log(c->stage, DF_LOG_WARN,
                     "connectionString has no sslmode: the server is not verified; "
                     "sslmode=verify-full is safe, sslmode=disable says that this is meant");
    }
    c->pg = PQconnectStartParams(p.names, p.values, 0);
    if (!c->pg)
        return DF_ENOMEM;
    if (PQstatus(c->pg) == CONNECTION_BAD)
        return connect_failed(c);
    PQsetErrorVerbosity(c->pg, PQERRORS_VERBOSE); /* so that the state is in the message */
    PQsetNoticeReceiver(c->pg, df__pg_hear, c);
    int rc = finish_connect(c, p.timeout_ms);
    if (rc != DF_OK)
        return rc;
    PQsetErrorVerbosity(c->pg, PQERRORS_DEFAULT);
    if (PQserverVersion(c->pg) < 120000) {
        df__pg_disconnect(c);
        return df_stage_fail(c->stage, DF_ENOTSUP, "not_supported",
                             "PostgreSQL 12 or newer is needed");
    }
    return PQsetnonblocking(c->pg, 1) == 0 ? set_session(c, p.has_timeout) : DF_ENOMEM;
}

/* What was right once becomes right again: a secret or a certificate is being replaced. */
static int refuse_text(df__pg_conn *c, const char *why)
{
    return df_stage_fail(c->stage, c->connected ? DF_EAUTH : DF_EINVAL, "configuration", why);
}

/* Host and database may be told, what libpq itself would not show may not. */
static int hide_passwords(df_stage *st, const PQconninfoOption *given)
{
    int rc = DF_OK;
    for (; rc == DF_OK && given->keyword; given++) {
        if (given->val && given->dispchar[0] == '*') {
            df_bytes text = {given->val, strlen(given->val)};
            rc = df_stage_hide(st, text);
        }
    }
    return rc;
}

/* The files that libpq reads because the string names them. */
static int may_read(df_stage *st, const PQconninfoOption *given)
{
    static const char *const names[] = {"sslrootcert", "sslcert",   "sslkey",
                                        "sslcrl",      "sslcrldir", "passfile"};
    for (; given->keyword; given++) {
        for (size_t i = 0; given->val && given->val[0] && i < sizeof names / sizeof *names; i++)
            if (strcmp(given->keyword, names[i]) == 0 && strcmp(given->val, "system") != 0 &&
                df_stage_file(st, given->val) != DF_OK)
                return DF_EAUTH;
    }
    return DF_OK;
}

int df__pg_connect(df__pg_conn *c)
{
    char why[400];
    df_bytes text;
    int is_error = 0;
    int rc = df_secret_get(c->string, c->stage, &text);
    if (rc != DF_OK)
        return rc;
    PQconninfoOption *given = df__pg_conninfo_read_bytes(text, why, sizeof why, &is_error);
    if (!given)
        return is_error ? refuse_text(c, why) : DF_ENOMEM;
    c->late = 0;
    rc = hide_passwords(c->stage, given);
    if (rc == DF_OK)
        rc = may_read(c->stage, given);
    if (rc == DF_OK) {
        rc =
            df__pg_conninfo_no_root(given, why, sizeof why) ? refuse_text(c, why) : start(c, given);
    }
    PQconninfoFree(given);
    if (rc != DF_OK)
        df__pg_disconnect(c);
    c->connected |= rc == DF_OK;
    return rc;
}

/* One that is not known yet, since it is in a secret, is looked at when it is there. */
int df__pg_conn_check(const df__pg_conn *c, df_stage *st)
{
    char why[400];
    df_bytes text;
    int is_error = 0;
    if (!c->string || df_secret_get(c->string, st, &text) != DF_OK)
        return DF_OK;
    PQconninfoOption *given = df__pg_conninfo_read_bytes(text, why, sizeof why, &is_error);
    PQconninfoFree(given);
    if (given || !is_error)
        return given ? DF_OK : DF_ENOMEM;
    return df_stage_problem(st, DF_ERROR, "connectionString", why + strlen("connectionString: "));
}

int df__pg_missing(const df__pg_conn *c)
{
    if (c->table_seen) {
        return df_stage_failf(c->stage, DF_EIO, "schema_changed",
                              "table %s is gone; the flow goes on when it is there again",
                              c->table);
    }
    return df_stage_failf(c->stage, DF_ENOTFOUND, "configuration",
                          "table %s does not exist, or the user of connectionString may not see "
                          "its schema (autoCreateTable: true makes it)",
                          c->table);
}
