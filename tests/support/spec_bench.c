/* SPDX-License-Identifier: Apache-2.0
 * spec_bench.c: kinds for the tests of documents and options: "well" is a source, "tank" a sink,
 * "pipe" both; "keep", "erase", "fork", "put" and "plain" are transformations. */
#include "support/spec_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROW(name, type, of, flags, where, def)                                                     \
    {                                                                                              \
        name, type, of, flags, where, def, "doc of " name, NULL, 0, 0, NULL                        \
    }

static const df_option tls_rows[] = {
    ROW("ca", DF_OPT_TEXT, 0, DF_OPT_REF, offsetof(bench_tls, ca), NULL),
    ROW("verify", DF_OPT_BOOL, 0, 0, offsetof(bench_tls, verify), "true"),
};
static const df_options tls_options = DF_OPTIONS(tls_rows, bench_tls);

static const df_option auth_rows[] = {
    ROW("user", DF_OPT_TEXT, 0, DF_OPT_REF | DF_OPT_REQUIRED, offsetof(bench_auth, user), NULL),
    ROW("password", DF_OPT_SECRET, 0, DF_OPT_REQUIRED, offsetof(bench_auth, password), NULL),
    {"tls", DF_OPT_BLOCK, 0, 0, offsetof(bench_auth, tls), NULL, "Third level.", NULL, 0, 0,
     &tls_options},
};
static const df_options auth_options = DF_OPTIONS(auth_rows, bench_auth);

static const df_option registry_rows[] = {
    ROW("url", DF_OPT_TEXT, 0, DF_OPT_REQUIRED, offsetof(bench_registry, url), NULL),
    {"auth", DF_OPT_BLOCK, 0, 0, offsetof(bench_registry, auth), NULL, "Second level.", NULL, 0, 0,
     &auth_options},
};
static const df_options registry_options = DF_OPTIONS(registry_rows, bench_registry);

static const df_option column_rows[] = {
    ROW("name", DF_OPT_TEXT, 0, DF_OPT_REQUIRED, offsetof(bench_column, name), NULL),
    ROW("type", DF_OPT_TEXT, 0, 0, offsetof(bench_column, type), "text"),
    ROW("path", DF_OPT_PATH, 0, 0, offsetof(bench_column, path), NULL),
};
static const df_options column_options = DF_OPTIONS(column_rows, bench_column);

static const char *const modes[] = {"append", "upsert", "PLAIN_TEXT", NULL};

static const df_option tank_rows[] = {
    ROW("table", DF_OPT_TEXT, 0, DF_OPT_REQUIRED | DF_OPT_REF, offsetof(bench_tank, table), NULL),
    ROW("label", DF_OPT_TEXT, 0, 0, offsetof(bench_tank, label), "none yet"),
    ROW("brokers", DF_OPT_TEXT, DF_OPT_TEXT, 0, offsetof(bench_tank, brokers), NULL),
    ROW("note", DF_OPT_TEXT, 0, DF_OPT_LITERAL, offsetof(bench_tank, note), NULL),
    ROW("password", DF_OPT_SECRET, 0, 0, offsetof(bench_tank, password), NULL),
    ROW("autoCreate", DF_OPT_BOOL, 0, 0, offsetof(bench_tank, create), NULL),
    {"mode", DF_OPT_ENUM, 0, 0, offsetof(bench_tank, mode), "append", "How rows are written.",
     modes, 0, 0, NULL},
    {"level", DF_OPT_ENUM, 0, 0, offsetof(bench_tank, level), NULL, "No default.", modes, 0, 0,
     NULL},
    {"batchSize", DF_OPT_INT, 0, 0, offsetof(bench_tank, batch), NULL, "Rows at once.", NULL, 1,
     10000, NULL},
    {"size", DF_OPT_SIZE, 0, 0, offsetof(bench_tank, size), "1MiB", "Bytes.", NULL, 1024, 1 << 30,
     NULL},
    {"wait", DF_OPT_DURATION, 0, 0, offsetof(bench_tank, wait), "5s", "Time.", NULL, 1000,
     3600000000, NULL},
    {"ratio", DF_OPT_DOUBLE, 0, 0, offsetof(bench_tank, ratio), NULL, "A number.", NULL, 0, 1,
     NULL},
    ROW("key", DF_OPT_PATH, 0, 0, offsetof(bench_tank, key), NULL),
    ROW("only", DF_OPT_CONDITION, 0, 0, offsetof(bench_tank, only), NULL),
    ROW("hosts", DF_OPT_LIST, DF_OPT_TEXT, DF_OPT_REF, offsetof(bench_tank, hosts), NULL),
    ROW("numbers", DF_OPT_LIST, DF_OPT_INT, 0, offsetof(bench_tank, numbers), NULL),
    ROW("paths", DF_OPT_LIST, DF_OPT_PATH, 0, offsetof(bench_tank, paths), NULL),
    ROW("secrets", DF_OPT_LIST, DF_OPT_SECRET, 0, offsetof(bench_tank, secrets), NULL),
    {"columns", DF_OPT_LIST, DF_OPT_BLOCK, 0, offsetof(bench_tank, columns), NULL,
     "A list of blocks.", NULL, 0, 0, &column_options},
    ROW("properties", DF_OPT_MAP, 0, 0, offsetof(bench_tank, properties), NULL),
    ROW("any", DF_OPT_ANY, 0, 0, offsetof(bench_tank, any), NULL),
    ROW("anys", DF_OPT_LIST, DF_OPT_ANY, 0, offsetof(bench_tank, anys), NULL),
    {"registry", DF_OPT_BLOCK, 0, 0, offsetof(bench_tank, registry), NULL, "First level.", NULL, 0,
     0, &registry_options},
    ROW("soon", DF_OPT_TEXT, 0, DF_OPT_LATER, offsetof(bench_tank, label), NULL),
    ROW("old", DF_OPT_TEXT, 0, DF_OPT_DEPRECATED, offsetof(bench_tank, note), NULL),
};
const df_options bench_tank_options = DF_OPTIONS(tank_rows, bench_tank);

static const df_option well_rows[] = {
    ROW("topic", DF_OPT_TEXT, 0, DF_OPT_REQUIRED | DF_OPT_REF, offsetof(bench_well, topic), NULL),
    {"rate", DF_OPT_INT, 0, 0, offsetof(bench_well, rate), "10", "Records a second.", NULL, 1, 0,
     NULL},
};
static const df_options well_options = DF_OPTIONS(well_rows, bench_well);

typedef struct keep {
    df_condition *condition;
} keep;
static const df_option keep_rows[] = {
    ROW("condition", DF_OPT_CONDITION, 0, DF_OPT_REQUIRED, offsetof(keep, condition), NULL),
};
static const df_options keep_options = DF_OPTIONS(keep_rows, keep);

typedef struct erase {
    df_list fields;
    df_bytes with;
} erase;
static const df_option erase_rows[] = {
    ROW("fields", DF_OPT_LIST, DF_OPT_PATH, DF_OPT_REQUIRED, offsetof(erase, fields), NULL),
    {"with", DF_OPT_TEXT, 0, 0, offsetof(erase, with), "*", "Short text.", NULL, 1, 4, NULL},
};
static const df_options erase_options = DF_OPTIONS(erase_rows, erase);

typedef struct route {
    df_condition *condition;
    int sink;
} route;
static const df_option route_rows[] = {
    ROW("condition", DF_OPT_CONDITION, 0, DF_OPT_REQUIRED, offsetof(route, condition), NULL),
    ROW("sink", DF_OPT_STAGE, 0, DF_OPT_REQUIRED, offsetof(route, sink), NULL),
};
static const df_options route_options = DF_OPTIONS(route_rows, route);
typedef struct forks {
    df_list routes;
} forks;
static const df_option fork_rows[] = {
    {"routes", DF_OPT_LIST, DF_OPT_BLOCK, DF_OPT_REQUIRED, offsetof(forks, routes), NULL,
     "Conditions and sinks.", NULL, 0, 0, &route_options},
};
static const df_options fork_options = DF_OPTIONS(fork_rows, forks);

typedef struct put {
    df_list fields;
} put;
static const df_option put_rows[] = {
    ROW("fields", DF_OPT_MAP, 0, DF_OPT_REQUIRED, offsetof(put, fields), NULL),
};
static const df_options put_options = DF_OPTIONS(put_rows, put);

static int read_nothing(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    (void)self;
    (void)st;
    (void)into;
    (void)timeout_ms;
    return DF_DONE;
}

static int write_nothing(void *self, df_stage *st, df_parcel *parcel)
{
    (void)self;
    (void)st;
    (void)parcel;
    return DF_OK;
}

static int apply_nothing(void *self, df_stage *st, df_batch *batch)
{
    (void)self;
    (void)st;
    (void)batch;
    return DF_OK;
}

static const df_source_ops source_ops = {.size = sizeof source_ops, .read = read_nothing};
static const df_sink_ops sink_ops = {.size = sizeof sink_ops, .write = write_nothing};

static const df_connector connectors[] = {
    {.size = sizeof(df_connector),
     .name = "well",
     .doc = "A source of the tests.",
     .source_size = sizeof(bench_well),
     .source_options = &well_options,
     .source = &source_ops},
    {.size = sizeof(df_connector),
     .name = "tank",
     .doc = "A sink of the tests.",
     .sink_size = sizeof(bench_tank),
     .sink_options = &bench_tank_options,
     .sink = &sink_ops},
    {.size = sizeof(df_connector),
     .name = "pipe",
     .doc = "Both, without options.",
     .source_size = 1,
     .sink_size = 1,
     .source = &source_ops,
     .sink = &sink_ops},
};

static const df_transform transforms[] = {
    {.size = sizeof(df_transform),
     .name = "keep",
     .doc = "Keeps.",
     .self_size = sizeof(keep),
     .options = &keep_options,
     .apply = apply_nothing},
    {.size = sizeof(df_transform),
     .name = "erase",
     .doc = "Erases.",
     .self_size = sizeof(erase),
     .options = &erase_options,
     .apply = apply_nothing},
    {.size = sizeof(df_transform),
     .name = "fork",
     .doc = "Routes.",
     .self_size = sizeof(forks),
     .options = &fork_options,
     .apply = apply_nothing},
    {.size = sizeof(df_transform),
     .name = "put",
     .doc = "Puts.",
     .self_size = sizeof(put),
     .options = &put_options,
     .apply = apply_nothing},
    {.size = sizeof(df_transform),
     .name = "plain",
     .doc = "No options.",
     .self_size = 1,
     .apply = apply_nothing},
};

static long allocations, failing;

static void *count_realloc(void *user, void *old, size_t len)
{
    (void)user;
    if (len == 0) {
        free(old);
        return NULL;
    }
    if (++allocations == failing)
        return NULL;
    return realloc(old, len);
}

static int answer_env(void *user, const df_ref *ref, df_answer *answer)
{
    (void)user;
    if (strstr(ref->name, "missing"))
        return DF_ENOTFOUND;
    return df_answer_set(answer, ref->name, strlen(ref->name));
}

void bench_open(bench *b, long fail_at)
{
    size_t i;
    memset(b, 0, sizeof *b);
    b->env = df_env_new(NULL);
    assert_non_null(b->env);
    for (i = 0; i < sizeof connectors / sizeof connectors[0]; i++)
        if (df_connector_register(b->env, &connectors[i]) != DF_OK)
            fail_msg("kind %s", connectors[i].name);
    for (i = 0; i < sizeof transforms / sizeof transforms[0]; i++)
        if (df_transform_register(b->env, &transforms[i]) != DF_OK)
            fail_msg("kind %s", transforms[i].name);
    b->heap.realloc = count_realloc;
    failing = 0;
    b->g.env = b->env;
    b->g.problems = df__problems_new(&df__heap_libc);
    b->g.secrets = df__secrets_new(&b->heap, answer_env, NULL);
    assert_true(b->g.problems && b->g.secrets);
    allocations = 0;
    failing = fail_at;
    df__arena_init(&b->g.arena, &b->heap, 512);
}

void bench_close(bench *b)
{
    df__graph_release(&b->g);
    df__arena_free(&b->g.arena);
    df__problems_free(b->g.problems);
    df__secrets_free(b->g.secrets);
    df_env_free(b->env);
}

long bench_allocations(void)
{
    return allocations;
}

int bench_load(bench *b, const char *text, size_t len, const char *file)
{
    df_text in = {sizeof in, file, text, len};
    return df__spec_load(&b->g, &in);
}

const df__stage_spec *bench_stage(const bench *b, const char *name)
{
    const df__stage_spec *s;
    for (s = b->g.stages; s; s = s->next)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

void bench_problems(const bench *b, char *buf, size_t len)
{
    df_problem p;
    size_t i, n = 0;
    buf[0] = '\0';
    memset(&p, 0, sizeof p);
    p.size = sizeof p;
    for (i = 0; df__problem_at(b->g.problems, i, &p) == DF_OK; i++)
        n += df__text_printf(buf + n, len - n, "%s%d:%d %s: %s%s%s\n",
                             p.severity == DF_WARNING ? "warning " : "", p.line, p.column, p.field,
                             p.text, p.hint ? " | " : "", p.hint ? p.hint : "");
}
