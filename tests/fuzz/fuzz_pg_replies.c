/* SPDX-License-Identifier: Apache-2.0
 * A PostgreSQL server that answers anything: the bytes are its answers, message by message, to a
 * sink that reads the catalog and writes a parcel through libpq. Whatever comes, the sink ends,
 * with a status of its own and one line of text, and nothing counts as written that the server did
 * not complete. The first byte says the options of the sink. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "connectors/postgresql/sink/sink.h"
#include "core/flow/parcel.h"
#include "core/stage/stage.h"
#include "record/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
const char *__lsan_default_suppressions(void);

/* libpq 15 forgets a result when a COPY begins behind a description of rows. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libpq.so";
}

enum { GROUPS = 24, SILENCE_MS = 20, HEAD = 5 };

typedef struct answers {
    df__buf groups[GROUPS]; /* what is sent for one message of the client */
    int completes[GROUPS];  /* it may say that a statement is done */
    size_t count, at;
    int completed; /* statements behind the end of a COPY */
} answers;

static char folder[] = "/tmp/fuzz_pg_XXXXXX";
static char conninfo[200];
static int listener;

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static void clean_up(void)
{
    char path[200];
    (void)snprintf(path, sizeof path, "%s/.s.PGSQL.5432", folder);
    (void)unlink(path);
    (void)rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    (void)argc;
    (void)argv;
    must(mkdtemp(folder) != NULL);
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s/.s.PGSQL.5432", folder);
    (void)snprintf(conninfo, sizeof conninfo,
                   "host=%s user=u dbname=d sslmode=disable gssencmode=disable", folder);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    must(bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 8) == 0);
    must(atexit(clean_up) == 0);
    return 0;
}

/* ---- answers from bytes -----------------------------------------------------------------------
 */

typedef struct maker {
    const uint8_t *at, *end;
} maker;

static unsigned next(maker *m)
{
    return m->at < m->end ? *m->at++ : 0;
}

static df_bytes field(maker *m)
{
    size_t len = next(m) % 64, left = (size_t)(m->end - m->at);
    df_bytes out = {m->at, len < left ? len : left};
    m->at += out.len;
    return out;
}

static void add_int(df__buf *b, uint32_t v, int bytes)
{
    while (bytes-- > 0)
        df__buf_char(b, (char)(v >> (8 * bytes)));
}

static size_t begin(df__buf *b, char type)
{
    df__buf_char(b, type);
    add_int(b, 0, 4);
    return b->len - 4;
}

static void finish(df__buf *b, size_t at)
{
    uint32_t len = (uint32_t)(b->len - at);
    must(!b->failed);
    for (int i = 0; i < 4; i++)
        b->data[at + (size_t)i] = (char)(len >> (24 - 8 * i));
}

static void add_row_description(df__buf *b, unsigned columns)
{
    size_t at = begin(b, 'T');
    add_int(b, columns, 2);
    for (unsigned i = 0; i < columns; i++) {
        df__buf_add(b, "c", 2);
        df__buf_add(b, "\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0", 18);
    }
    finish(b, at);
}

/* values[i] or, where the bytes say so, one of their own. */
static void add_data_row(df__buf *b, maker *m, const char *const *values, unsigned columns)
{
    size_t at = begin(b, 'D');
    add_int(b, columns, 2);
    for (unsigned i = 0; i < columns; i++) {
        unsigned how = next(m);
        df_bytes text = {values ? values[i] : "t", values ? strlen(values[i]) : 1};
        if (how % 16 == 1) {
            add_int(b, UINT32_MAX, 4);
            continue;
        }
        if (how % 16 == 2)
            text = field(m);
        add_int(b, (uint32_t)text.len, 4);
        df__buf_add(b, text.data, text.len);
    }
    finish(b, at);
}

static void add_complete(df__buf *b, const char *tag)
{
    size_t at = begin(b, 'C');
    df__buf_add(b, tag, strlen(tag) + 1);
    finish(b, at);
}

/* An error, or a notice: some of its fields. */
static void add_error(df__buf *b, maker *m, char type)
{
    static const char codes[] = "CCMMDHPpqWstcdnFLR";
    static const char *const states[] = {"23505", "23514", "42601", "22P02", "DF001", "XX000",
                                         "57P01", "0A000", "25006", "40001", "42703", "08006"};
    size_t at = begin(b, type);
    unsigned count = next(m) % 12;
    df__buf_add(b, "SERROR\0VERROR", 14);
    for (unsigned i = 0; i < count; i++) {
        unsigned how = next(m);
        char code = codes[how % (sizeof codes - 1)];
        df_bytes text = field(m);
        df__buf_char(b, code);
        if (code == 'C' && how & 128)
            df__buf_str(b, states[how % (sizeof states / sizeof states[0])]);
        else if (code == 'W' && how & 128)
            df__buf_str(b, how & 64 ? "COPY t, line 1" : "COPY dataflow_stage, line 9, column a");
        else
            df__buf_add(b, text.data, text.len);
        df__buf_char(b, 0);
    }
    df__buf_char(b, 0);
    finish(b, at);
}

static void add_catalog(df__buf *b, maker *m)
{
    static const char *const a[] = {"a",  "t",    "f",  "f", "integer",    "integer",
                                    "-1", "int4", "t",  "f", ",",          "f",
                                    "",   "t",    "23", "f", "pg_catalog", "1"};
    static const char *const c[] = {"b", "f", "f", "t",      "mood", "mood",  "-1", "mood",   "f",
                                    "f", ",", "t", "x\001y", "f",    "16400", "f",  "public", "1"};
    static const char *const v[] = {
        "v", "f", "f", "f", "varchar(9)[]", "varchar[]", "13",         "varchar", "t", "t",
        ",", "f", "",  "f", "1043",         "f",         "pg_catalog", "1"};
    add_row_description(b, 18);
    add_data_row(b, m, a, 18);
    add_data_row(b, m, next(m) & 1 ? c : v, 18);
    add_complete(b, "SELECT 2");
}

static void add_plain_message(answers *r, df__buf *b, maker *m)
{
    df_bytes body;
    size_t at;
    switch (next(m) % 6) {
    case 0:
        add_row_description(b, next(m) % 24);
        break;
    case 1:
        add_data_row(b, m, NULL, next(m) % 24);
        break;
    case 2:
        at = begin(b, "GHSKIVA23stnW"[next(m) % 13]);
        body = field(m);
        df__buf_add(b, body.data, body.len);
        finish(b, at);
        break;
    case 3: /* any bytes */
        body = field(m);
        df__buf_add(b, body.data, body.len);
        r->completes[r->count] = 1;
        break;
    case 4:
        df__buf_add(b, "Z\0\0\0\5T", 6);
        break;
    default:
        df__buf_add(b,
                    "S\0\0\0\x18"
                    "client_encoding\0SJIS",
                    25);
    }
}

/* 0: the group ends here, without being ready for more. */
static int add_message(answers *r, df__buf *b, maker *m)
{
    static const char *const tags[] = {"SET", "COPY 1", "INSERT 0 1", "COMMIT", "COPY 99", ""};
    switch (next(m) % 10) {
    case 0:
    case 1:
        add_complete(b, tags[next(m) % 6]);
        r->completes[r->count] = 1;
        return 1;
    case 2:
        add_error(b, m, 'E');
        return 1;
    case 3:
        add_error(b, m, 'N');
        return 1;
    case 4:
        add_catalog(b, m);
        r->completes[r->count] = 1;
        return 1;
    case 5: /* facts */
        add_row_description(b, 9);
        add_data_row(b, m, NULL, 9);
        add_complete(b, "SELECT 1");
        r->completes[r->count] = 1;
        return 1;
    case 6:
    case 7:
        df__buf_add(b, "G\0\0\0\x0b\0\0\2\0\0\0\0", 12);
        return 0;
    case 8:
        add_plain_message(r, b, m);
        return 1;
    default:
        return 0;
    }
}

static void make_answers(answers *r, maker *m)
{
    memset(r, 0, sizeof *r);
    while (m->at < m->end && r->count < GROUPS) {
        df__buf *b = &r->groups[r->count];
        unsigned messages = next(m) % 6;
        int whole = 1;
        df__buf_init(b, &df__heap_libc);
        while (whole && messages-- > 0)
            whole = add_message(r, b, m);
        if (whole)
            df__buf_add(b, "Z\0\0\0\5I", 6);
        must(!b->failed);
        r->count++;
    }
}

/* ---- the server -------------------------------------------------------------------------------
 */

static int read_all(int fd, char *to, size_t len)
{
    while (len > 0) {
        struct pollfd p = {fd, POLLIN, 0};
        ssize_t n = poll(&p, 1, SILENCE_MS) > 0 ? read(fd, to, len) : 0;
        if (n <= 0)
            return 0;
        to += n;
        len -= (size_t)n;
    }
    return 1;
}

static uint32_t be32(const char *at)
{
    const unsigned char *s = (const unsigned char *)at;
    return (uint32_t)s[0] << 24 | (uint32_t)s[1] << 16 | (uint32_t)s[2] << 8 | s[3];
}

static int skip(int fd, size_t len)
{
    char rest[4096];
    for (; len > sizeof rest; len -= sizeof rest)
        if (!read_all(fd, rest, sizeof rest))
            return 0;
    return read_all(fd, rest, len);
}

static void send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        data += n;
        len -= (size_t)n;
    }
}

static void greet(int fd)
{
    static const char hello[] = "R\0\0\0\x08\0\0\0\0"
                                "S\0\0\0\x18server_version\00015.0"
                                "\0S\0\0\0\x19"
                                "client_encoding\0UTF8"
                                "\0K\0\0\0\x0c\0\0\0\1\0\0\0\2Z\0\0\0\5I";
    send_all(fd, hello, sizeof hello - 1);
}

static void *serve(void *user)
{
    answers *r = user;
    char head[HEAD];
    int fd = accept(listener, NULL, NULL);
    struct pollfd p = {fd, POLLIN, 0};
    (void)poll(&p, 1, 10000); /* the machine may be busy: only later is silence an end */
    if (read_all(fd, head, 4) && skip(fd, be32(head) - 4))
        greet(fd);
    while (read_all(fd, head, HEAD) && skip(fd, be32(head + 1) - 4)) {
        if (!strchr("Qcf", head[0]))
            continue;
        if (r->at == r->count)
            break;
        r->completed += head[0] == 'c' && r->completes[r->at];
        send_all(fd, r->groups[r->at].data, r->groups[r->at].len);
        r->at++;
    }
    (void)close(fd);
    return NULL;
}

/* ---- the sink ---------------------------------------------------------------------------------
 */

extern const df_connector df_connector_postgresql;

typedef struct sink {
    df__stage_spec spec;
    df_stage st;
    df__pg_sink s;
    df_env *env;
    df_parcel *parcel;
    df_record records[2];
    df__arena arena;
    int settled, status;
} sink;

static void take_end(df_stage *st, df_parcel *parcel, int status)
{
    sink *k = st->owner;
    (void)parcel;
    k->settled = 1;
    k->status = status;
}

static void silent(void *user, int level, const char *line)
{
    (void)user;
    (void)level;
    must(strlen(line) < 2000 && !strchr(line, '\n'));
}

static void make_stage(sink *k)
{
    df_env_options o = DF_ENV_OPTIONS_INIT;
    o.log = silent;
    k->env = df_env_new(&o);
    k->spec.connector = &df_connector_postgresql;
    k->spec.name = k->spec.kind = "sink";
    k->st.spec = &k->spec;
    k->st.heap = &df__heap_libc;
    k->st.env = k->env;
    k->st.owner = k;
    k->st.settle = take_end;
    k->st.wake_fd = eventfd(0, EFD_NONBLOCK);
    k->st.info.pipeline = k->st.info.stage = "f";
    df__arena_init(&k->st.arena, &df__heap_libc, 1024);
    must(k->env != NULL && k->st.wake_fd >= 0 && pthread_mutex_init(&k->st.lock, NULL) == 0);
}

static void make_sink(df__pg_sink *s, unsigned options)
{
    s->opt.table = (df_bytes){"t", 1};
    s->opt.upsert = options & 1;
    s->opt.auto_create = options >> 1 & 1;
    s->opt.raw = (options & 12) == 12;
    s->opt.on_conflict = (int)(options >> 4 & 3) % 3;
    s->stops = options >> 6 & 1;
    s->conn.show_values = options >> 7 & 1;
    memcpy(s->catalog.name.table, "t", 2);
    s->conn.table = s->catalog.name.table;
    s->conn.notice = df__pg_checks_notice;
    s->conn.user = s;
    s->memory.heap = df__heap_libc;
    df__buf_init(&s->sql, &s->memory.heap);
    df__buf_init(&s->raw.text, &s->memory.heap);
    df__arena_init(&s->catalog.table.arena, &s->memory.heap, 4096);
    df__pg_work_init(&s->works[0], &s->memory.heap);
    df__pg_work_init(&s->works[1], &s->memory.heap);
    df__pg_checks_init(&s->checks, &s->memory.heap);
    df__pg_encoder_init(&s->encoder, &s->memory.heap);
    s->prepared = 1;
}

static void make_parcel(sink *k)
{
    static const char *const texts[] = {"{\"a\":1,\"b\":\"x\",\"v\":[\"1\"]}", "{\"a\":2}"};
    df__arena_init(&k->arena, &df__heap_libc, 4096);
    k->parcel = df__parcel_new(&df__heap_libc, NULL);
    must(k->parcel != NULL);
    for (int i = 0; i < 2; i++) {
        k->records[i].arena = &k->arena;
        k->records[i].payload = (df_bytes){texts[i], strlen(texts[i])};
        must(df__parcel_add(k->parcel, &k->records[i], NULL) == DF_OK);
    }
}

static void free_sink(sink *k)
{
    df_connector_postgresql.sink->close(&k->s, &k->st);
    df__parcel_free(k->parcel);
    df__stage_free_series(&k->st);
    df__stage_free_memory(&k->st);
    df__arena_free(&k->st.arena);
    df__arena_free(&k->arena);
    (void)close(k->st.wake_fd);
    pthread_mutex_destroy(&k->st.lock);
    df_env_free(k->env);
}

static int write_parcel(sink *k)
{
    int rc = df__pg_catalog_load(&k->s);
    if (rc != DF_OK || !k->s.conn.pg)
        return rc == DF_OK ? DF_EIO : rc;
    rc = df__pg_write(&k->s, k->parcel);
    for (int i = 0; rc == DF_PENDING && !k->settled; i++) {
        must(i < 1000);
        (void)df__pg_poll(&k->s, SILENCE_MS);
    }
    return rc == DF_PENDING ? k->status : rc;
}

static void check(const sink *k, const answers *r, int rc)
{
    must(rc <= 0);
    if (rc == DF_OK && k->parcel->refused.count + k->parcel->refused.left_out < k->parcel->count)
        must(r->completed > 0);
    must(strlen(k->st.fault.text) < sizeof k->st.fault.text);
    must(!strchr(k->st.fault.text, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    maker m = {data + 1, data + size};
    pthread_t server;
    answers r;
    sink *k = calloc(1, sizeof *k);
    if (size < 2 || !k) {
        free(k);
        return 0;
    }
    make_answers(&r, &m);
    make_stage(k);
    make_sink(&k->s, data[0]);
    k->s.conn.stage = &k->st;
    make_parcel(k);
    must(pthread_create(&server, NULL, serve, &r) == 0);
    k->s.conn.pg = PQconnectdb(conninfo);
    must(k->s.conn.pg != NULL && PQstatus(k->s.conn.pg) == CONNECTION_OK);
    PQsetNoticeReceiver(k->s.conn.pg, df__pg_hear, &k->s.conn);
    must(PQsetnonblocking(k->s.conn.pg, 1) == 0);
    int rc = write_parcel(k);
    df__pg_disconnect(&k->s.conn);
    must(pthread_join(server, NULL) == 0);
    check(k, &r, rc);
    free_sink(k);
    free(k);
    for (size_t i = 0; i < r.count; i++)
        df__buf_free(&r.groups[i]);
    return 0;
}
