/* SPDX-License-Identifier: Apache-2.0
 * stage.c: instances, and what their code may ask of us; see stage.h and dataflow_ext.h. */
#include "core/stage/stage.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/registry/env.h"
#include "core/graph/option.h"
#include "record/record.h"
#include "util/clock.h"

/* ---- life --------------------------------------------------------------------------------- */

static int fill(df_stage *st, enum df__fill_mode mode)
{
    df__fill f;
    memset(&f, 0, sizeof f);
    f.arena = &st->arena;
    f.secrets = st->secrets;
    f.mode = mode;
    f.stage = st->spec->name;
    f.literal = st->spec->role == DF_TRANSFORM;
    return df__stage_fill((df__graph *)st->graph, st->spec, &f, st->self);
}

/* Nothing takes what this sink refuses. */
static int stops_at_refused(const df__graph *g, const df__stage_spec *spec)
{
    const df__stage_spec *at;
    for (at = g->stages; at; at = at->next)
        if (at->role == DF_ERROR_SINK)
            return 0;
    if (g->settings.guarantee == DF__GUARANTEE_EXACTLY && (spec->traits & DF_TAKES_ERRORS))
        return 0;
    return spec->role == DF_SINK && g->settings.error_policy == DF__POLICY_STOP;
}

/* The stage because of which a sink gets another record when one is read again, as after a crash:
 * a sink that finds repeated records by their content cannot. NULL: none; or nothing is read again.
 */
static const char *varied_by(const df__graph *g, const df__stage_spec *spec)
{
    const df__stage_spec *at, *source = df__graph_source(g);
    if (spec->role == DF_SOURCE || spec->role == DF_TRANSFORM || !source ||
        (source->traits & DF_IS_LINE) || g->settings.guarantee == DF__GUARANTEE_EXACTLY)
        return NULL;
    for (at = g->stages; at; at = at->next)
        if (at->traits & DF_VARIES)
            return at->name;
    return NULL;
}

/* The identity says what stored positions belong to. A source whose own system holds the positions
 * (a topic) has none: the names of its partitions say it. */
static void identify(df_stage *st, const df__stage_spec *source)
{
    st->identity[0] = '\0';
    if (source && !(source->traits & DF_HOLDS_POSITION))
        df__source_identity(source, st->identity);
    st->info.source_identity = st->identity;
}

void df__stage_describe(df_stage *st)
{
    const df__graph *g = st->graph;
    st->info.size = sizeof st->info;
    st->info.space = g->space ? g->space : "";
    st->info.pipeline = g->name ? g->name : "";
    st->info.stage = st->spec->name;
    st->info.kind = st->spec->kind;
    st->info.is_error_sink = st->spec->role == DF_ERROR_SINK;
    st->info.exactly_once = g->settings.guarantee == DF__GUARANTEE_EXACTLY;
    st->info.stops_at_refused = stops_at_refused(g, st->spec);
    st->info.varied_by = varied_by(g, st->spec);
    identify(st, df__graph_source(g));
    st->info.memory_share = (uint64_t)g->settings.memory_limit / 4;
}

/* The problem that a fill found, for the text of a failed start. */
static void say_problem(const df__graph *g, df__fault *why)
{
    df_problem p = {.size = sizeof p};
    size_t n = df__problems_count(g->problems, 0);
    if (n && df__problem_at(g->problems, n - 1, &p) == DF_OK)
        df__text_printf(why->text, DF__TEXT, "%s: %s", p.field ? p.field : "", p.text);
}

static void no_stage(df__fault *why)
{
    memset(why, 0, sizeof *why);
    why->status = DF_ENOMEM;
    df__text_set(why->text, DF__TEXT, "no memory or no descriptor", 26);
}

df_stage *df__stage_new(const df__graph *g, const df__stage_spec *spec, df__secrets *secrets,
                        enum df__fill_mode mode, df__fault *why)
{
    const df__heap *heap = df__env_heap(g->env);
    df_stage *st = df__zalloc(heap, sizeof *st);
    int rc = DF_ENOMEM;
    no_stage(why);
    if (!st)
        return NULL;
    st->spec = spec;
    st->graph = g;
    st->heap = heap;
    st->env = g->env;
    st->secrets = secrets;
    st->limits.size = sizeof st->limits;
    st->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&st->lock, NULL);
    df__arena_init(&st->arena, heap, 1024);
    st->self_size = df__stage_size(spec);
    st->self = df__zalloc(heap, st->self_size + 1);
    st->metric_count = df__metric_count(spec->connector);
    df__stage_describe(st);
    if (st->self && st->wake_fd >= 0)
        rc = fill(st, mode);
    if (rc == DF_OK)
        return st;
    if (rc != DF_ENOMEM) {
        why->status = DF_ESPEC;
        say_problem(g, why);
    }
    df__stage_free(st);
    return NULL;
}

int df__stage_status(const df_stage *st, int rc)
{
    return rc < 0 && st->no_memory ? DF_ENOMEM : rc;
}

void df__stage_free(df_stage *st)
{
    if (!st)
        return;
    if (st->self && df__stage_options(st->spec))
        df__options_release(st->heap, df__stage_options(st->spec), st->self);
    if (st->wake_fd >= 0)
        close(st->wake_fd);
    df__stage_free_series(st);
    df__free(st->heap, st->partitions);
    df__free(st->heap, st->partition_slots);
    df__free(st->heap, st->self);
    df__stage_free_memory(st);
    pthread_mutex_destroy(&st->lock);
    df__free(st->heap, st);
}

const df_source_ops *df__stage_source(const df_stage *st)
{
    return st->spec->connector ? st->spec->connector->source : NULL;
}

const df_sink_ops *df__stage_sink(const df_stage *st)
{
    return st->spec->connector ? st->spec->connector->sink : NULL;
}

int df__stage_check(df_stage *st)
{
    int (*check)(void *, df_stage *) = NULL;
    if (st->spec->transform)
        check = DF__OP(st->spec->transform, check);
    else if (st->spec->role == DF_SOURCE)
        check = DF__OP(df__stage_source(st), check);
    else
        check = DF__OP(df__stage_sink(st), check);
    st->in_check = 1;
    int rc = check ? check(st->self, st) : DF_OK;
    st->in_check = 0;
    return rc;
}

struct df__ports *df__stage_ports(df_stage *st)
{
    return st->ports;
}

int df_stage_describe(const df_stage *st, df_stage_info *ret)
{
    size_t size = ret->size;
    memcpy(ret, &st->info, size < sizeof st->info ? size : sizeof st->info);
    ret->size = size;
    return DF_OK;
}

int df_schema_new(df_stage *st, const df_field *fields, size_t count, df_schema **ret)
{
    return df__schema_new(st->heap, fields, count, ret);
}

void *df_stage_user(const df_stage *st)
{
    return st->spec->transform ? st->spec->transform->user : st->spec->connector->user;
}

int df_stage_limits(df_stage *st, const df_limits *limits)
{
    size_t n = limits->size < sizeof st->limits ? limits->size : sizeof st->limits;
    memcpy(&st->limits, limits, n);
    st->limits.size = sizeof st->limits;
    return DF_OK;
}

/* ---- failures ----------------------------------------------------------------------------- */

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *word;
    } words[] = {
        {DF_EIO, "connection_error"},       {DF_ETIMEOUT, "timeout"},     {DF_EUNKNOWN, "timeout"},
        {DF_EDATA, "invalid_data"},         {DF_ETOOBIG, "invalid_data"}, {DF_EAUTH, "auth_error"},
        {DF_ECANCELED, "context_canceled"}, {DF_EFENCED, "fenced"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].status == status)
            return words[i].word;
    return "unknown";
}

int df_stage_fail(df_stage *st, int status, const char *reason, const char *text)
{
    if (!reason)
        reason = reason_of(status);
    pthread_mutex_lock(&st->lock);
    st->fault.status = status;
    df__text_set(st->fault.reason, DF__REASON, reason, strlen(reason));
    df__secrets_printf(st->secrets, st->fault.text, DF__TEXT, "%s", text);
    pthread_mutex_unlock(&st->lock);
    return status;
}

int df_stage_failf(df_stage *st, int status, const char *reason, const char *format, ...)
{
    char text[DF__TEXT];
    va_list args;
    va_start(args, format);
    df__secrets_vprintf(st->secrets, text, sizeof text, format, args);
    va_end(args);
    return df_stage_fail(st, status, reason, text);
}

void df_stage_foundf(df_stage *st, const char *format, ...)
{
    char text[DF__TEXT];
    va_list args;
    va_start(args, format);
    df__secrets_vprintf(st->secrets, text, sizeof text, format, args);
    va_end(args);
    df_stage_fail(st, DF_OK, "", text);
}

void df__stage_fault(df_stage *st, int status, df__fault *ret)
{
    const char *word = reason_of(status), *text = df_status_text(status);
    pthread_mutex_lock(&st->lock);
    *ret = st->fault;
    pthread_mutex_unlock(&st->lock);
    if (ret->status == status && ret->text[0])
        return;
    ret->status = status;
    df__text_set(ret->reason, DF__REASON, word, strlen(word));
    df__text_set(ret->text, DF__TEXT, text, strlen(text));
}

static int has_reference(const df__doc *n)
{
    const df__doc *child;
    df__reference r;
    char err[8];
    if (!n || n->kind == DF__DOC_SCALAR)
        return n && df__reference_next(n->text, 0, &r, err, sizeof err) == DF_OK;
    for (child = n->first; child; child = child->next)
        if (has_reference(child))
            return 1;
    return 0;
}

/* During a check an option with a reference is empty, and nothing can be said about its value. */
static int is_unknown(const df_stage *st, const char *option)
{
    char name[128], twin[160];
    df__text_set(name, sizeof name, option, strcspn(option, ".["));
    df__text_printf(twin, sizeof twin, "%sSecretRef", name);
    if (st->spec->transform)
        return 0;
    return has_reference(df__doc_member(st->spec->config, name)) ||
           df__doc_member(st->spec->config, twin);
}

int df_stage_problem(df_stage *st, int severity, const char *option, const char *text)
{
    char field[256], shown[DF__TEXT];
    const char *base = st->spec->config_field ? st->spec->config_field
                       : st->spec->field      ? st->spec->field
                                              : st->spec->name;
    if (st->checking && option && is_unknown(st, option)) {
        st->unsure = 1;
        return DF_OK;
    }
    df__text_printf(field, sizeof field, "%s%s%s", base, option ? "." : "", option ? option : "");
    df__secrets_printf(st->secrets, shown, sizeof shown, "%s", text);
    df__problem_add(st->graph->problems, severity,
                    df__doc_at(st->spec->config, option ? option : ""), field, shown);
    return severity == DF_ERROR ? DF_ESPEC : DF_OK;
}

void df_stage_retry_after(df_stage *st, int delay_ms)
{
    st->retry_after_ms = delay_ms;
}

int df__stage_retry_after(df_stage *st)
{
    int ms = st ? st->retry_after_ms : 0;
    if (st)
        st->retry_after_ms = 0;
    return ms;
}

void df_stage_log(df_stage *st, int level, const char *text)
{
    char line[DF__TEXT + 160];
    df__secrets_printf(st->secrets, line, sizeof line, "%s/%s: %s", st->info.pipeline,
                       st->info.stage, text);
    df__env_log(st->env, level, line);
}

void df_stage_logf(df_stage *st, int level, const char *format, ...)
{
    char text[DF__TEXT];
    va_list args;
    va_start(args, format);
    df__secrets_vprintf(st->secrets, text, sizeof text, format, args);
    va_end(args);
    df_stage_log(st, level, text);
}

/* ---- waiting ------------------------------------------------------------------------------ */

/* The time of its probe is over. */
static int is_late(const df_stage *st)
{
    return st->until_us && df__monotonic_us() >= st->until_us;
}

static int until_late(const df_stage *st, int timeout_ms)
{
    int64_t left = st->until_us ? (st->until_us - df__monotonic_us() + 999) / 1000 : INT_MAX;
    return timeout_ms < 0 || timeout_ms > left ? (int)left : timeout_ms;
}

int df_stage_stopping(const df_stage *st)
{
    return atomic_load(&st->stopping) || atomic_load(&st->canceled) || is_late(st);
}

void df_stage_wake(df_stage *st)
{
    uint64_t one = 1;
    ssize_t n = write(st->wake_fd, &one, sizeof one);
    (void)n; /* full: it wakes anyway */
}

void df__stage_opens(df_stage *st)
{
    if (st->opened && st->secrets)
        df__secrets_refresh(st->secrets); /* an old one may be why it has to open again */
    st->opened = 1;
    atomic_store(&st->stopping, 0); /* the close before a retry had set it */
    atomic_store(&st->disconnected, 0);
    atomic_store(&st->waits_for, NULL);
}

void df__stage_cancel(df_stage *st)
{
    atomic_store(&st->canceled, 1);
    df_stage_wake(st);
}

int df_stage_wait(df_stage *st, int fd, short events, int timeout_ms)
{
    struct pollfd p[2] = {{st->wake_fd, POLLIN, 0}, {fd, events, 0}};
    uint64_t count;
    int n;
    if (atomic_load(&st->canceled) || is_late(st))
        return DF_ECANCELED;
    n = poll(p, fd >= 0 ? 2 : 1, st->until_us ? until_late(st, timeout_ms) : timeout_ms);
    if (n < 0 && errno != EINTR)
        return df_stage_failf(st, DF_EIO, NULL, "poll: %s", strerror(errno));
    if (p[0].revents) {
        ssize_t got = read(st->wake_fd, &count, sizeof count);
        (void)got;
    }
    if (atomic_load(&st->canceled) || is_late(st))
        return DF_ECANCELED;
    return n > 0 && fd >= 0 && p[1].revents ? DF_OK : DF_AGAIN;
}

/* ---- the rest ----------------------------------------------------------------------------- */

int64_t df_stage_now(const df_stage *st)
{
    return df__env_now(st->env);
}

int64_t df_stage_clock_us(const df_stage *st)
{
    return df__env_clock(st->env);
}

int df_stage_traits(df_stage *st, unsigned set, unsigned clear)
{
    enum {
        ALL = DF_CAN_REPLAY | DF_CAN_EXACTLY_ONCE | DF_IS_IDEMPOTENT | DF_HOLDS_POSITION |
              DF_IS_LINE | DF_COMMITS_FOR_SOURCE | DF_VARIES | DF_TAKES_ERRORS | DF_CAN_SLEEP |
              DF_IS_SHARED | DF_OVERLAPS
    };
    /* The spec is shared by check and by the instances that run. */
    df__stage_spec *spec = (df__stage_spec *)(uintptr_t)st->spec;
    if (((set | clear) & ~(unsigned)ALL) || (set & clear))
        return DF_EINVAL;
    atomic_store(&spec->traits, (atomic_load(&spec->traits) | set) & ~clear);
    return DF_OK;
}

void df_stage_connected(df_stage *st, int is_connected)
{
    if (atomic_exchange(&st->disconnected, !is_connected) == is_connected && st->publish)
        st->publish(st);
}

void df_stage_waits(df_stage *st, const char *what)
{
    if (atomic_exchange(&st->waits_for, what) != what && st->publish)
        st->publish(st);
}

int df_secret_get(df_secret *secret, df_stage *st, df_bytes *ret)
{
    char why[DF__TEXT];
    if (st->in_check)
        return df__secret_literal(secret, ret);
    int rc = df__secret_value(secret, ret, why, sizeof why);
    return rc < 0 ? df_stage_fail(st, rc, NULL, why) : rc;
}

int df_stage_file(df_stage *st, const char *path)
{
    const df__fence *fence = st->secrets ? df__secrets_fence(st->secrets) : NULL;
    if (!fence || df__fence_file(fence, path))
        return DF_OK;
    return df_stage_failf(st, DF_EAUTH, "permission", "%s: only files in %s may be used here", path,
                          fence->files);
}

int df_stage_hide(df_stage *st, df_bytes text)
{
    return st->secrets && text.len ? df__secrets_know(st->secrets, text) : DF_OK;
}

df_columns *df_columns_new(df_stage *st, const char *const *names, size_t count)
{
    df_columns *c = df__arena_zalloc(&st->arena, sizeof *c);
    if (!c || df__columns_init(c, &st->arena, names, count) != DF_OK)
        return NULL;
    return c;
}

void df_stage_settle(df_stage *st, df_parcel *parcel, int status)
{
    st->settle(st, parcel, status);
}
