/* SPDX-License-Identifier: Apache-2.0
 * scrape.c: see scrape.h. A sweep asks the pods that there are when it
 * begins. */
#include "dfoperator/metrics/scrape.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dfoperator/metrics/figures.h"
#include "dfoperator/metrics/prom.h"
#include "kube/moment.h"

enum { AT_ONCE = 16, POD_MAX = 2 << 20, FRESH_US = 1000000, STALE_US = 5000000 };

const char *const op_scrape_failures[OP_SCRAPE_FAILURES + 1] = {
    "unreachable", "timeout", "too_large", "malformed", "no_time", NULL};

/* What a pod said last, or the sum of a flow. Tables are sorted by key. */
typedef struct entry {
    char *key, *flow; /* flow: of a pod, once it was asked; NULL before */
    op_figures figures;
} entry;

typedef struct table {
    entry *rows;
    size_t count;
} table;

typedef struct sweep sweep;

/* A pod that is asked now. */
typedef struct asked {
    sweep *sweep;
    size_t index; /* in the sweep's keys; SIZE_MAX: nobody */
    df__http_request *request;
    op_target target;
} asked;

struct sweep {
    op_scrape *scrape;
    int running;
    op_prom *joined; /* the texts; NULL: figures only */
    char **keys;
    size_t count, begun, first; /* begins with keys[first], so that all have their turn */
    asked asked[AT_ONCE];
    kube_timer end;
};

struct op_scrape {
    op_scrape_config config;
    df__http *http;
    kube_timer tick, stale;
    sweep figures, text;
    table pods, flows;
    _Atomic uint64_t failed[OP_SCRAPE_FAILURES];
    /* Between those who want a text and the loop. */
    pthread_mutex_t lock;
    pthread_cond_t said;
    kube_post post;
    int posted, closed;
    uint64_t rounds; /* of texts that have ended */
    int64_t text_us; /* when the newest did */
    df__buf newest;
};

/* ---- tables ---------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->key, ((const entry *)b)->key);
}

static entry *find(const table *t, const char *key)
{
    const entry wanted = {.key = (char *)(uintptr_t)key};
    return t->count ? bsearch(&wanted, t->rows, t->count, sizeof wanted, by_key) : NULL;
}

static void free_table(table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->rows[i].key);
        free(t->rows[i].flow);
    }
    free(t->rows);
    *t = (table){0};
}

/* Rows of `keys`, sorted, with what an older table knows of them. */
static table take_over(table *old, char **keys, size_t count)
{
    table t = {.rows = calloc(count + 1, sizeof(entry))};
    for (size_t i = 0; t.rows && i < count; i++) {
        entry *before = find(old, keys[i]), *e = &t.rows[t.count];
        *e = (entry){.key = strdup(keys[i]), .figures = OP_FIGURES_NONE};
        if (!e->key)
            break;
        if (before) {
            e->figures = before->figures;
            e->flow = before->flow;
            before->flow = NULL;
        }
        t.count++;
    }
    free_table(old);
    return t;
}

static int by_flow(const void *a, const void *b)
{
    return strcmp((*(entry *const *)a)->flow, (*(entry *const *)b)->flow);
}

/* The row of a flow, which is the last one or a new one. NULL: no memory. */
static entry *row_of(table *sums, const char *flow)
{
    entry *last = sums->count ? &sums->rows[sums->count - 1] : NULL;
    if (last && !strcmp(last->key, flow))
        return last;
    last = &sums->rows[sums->count];
    *last = (entry){.key = strdup(flow), .figures = OP_FIGURES_NONE};
    sums->count += last->key != NULL;
    return last->key ? last : NULL;
}

/* Sums of the pods, by flow. */
static table sum_up(const table *of)
{
    table sums = {.rows = calloc(of->count + 1, sizeof(entry))};
    const entry **pods = calloc(of->count + 1, sizeof *pods);
    size_t told = 0, in_row = 0;
    for (size_t i = 0; pods && i < of->count; i++)
        if (of->rows[i].flow)
            pods[told++] = &of->rows[i];
    if (told)
        qsort(pods, told, sizeof *pods, by_flow);
    for (size_t i = 0; sums.rows && i < told; i++) {
        size_t rows = sums.count;
        entry *row = row_of(&sums, pods[i]->flow);
        in_row = rows == sums.count ? in_row : 0;
        if (row)
            op_figures_add(&row->figures, &pods[i]->figures, in_row++);
    }
    free(pods);
    return sums;
}

/* The new sums take the place of the old ones before anybody hears of them. */
static void tell_news(op_scrape *s)
{
    table old = s->flows;
    s->flows = sum_up(&s->pods);
    for (size_t i = 0; s->config.changed && i < s->flows.count; i++) {
        const entry *before = find(&old, s->flows.rows[i].key);
        if (!before || !op_figures_equal(&before->figures, &s->flows.rows[i].figures))
            s->config.changed(s->config.user, s->flows.rows[i].key);
    }
    free_table(&old);
}

/* ---- a sweep --------------------------------------------------------------------------------- */

static void fill(sweep *r);

static void failed(op_scrape *s, enum op_scrape_failure why)
{
    atomic_fetch_add(&s->failed[why], 1);
}

static void say(op_scrape *s, df__buf *text)
{
    pthread_mutex_lock(&s->lock);
    df__buf_free(&s->newest);
    s->newest = *text;
    s->posted = 0;
    s->rounds++;
    s->text_us = s->config.loop->now();
    pthread_cond_broadcast(&s->said);
    pthread_mutex_unlock(&s->lock);
    kube_timer_set(s->config.loop, &s->stale, STALE_US);
}

/* Everybody who waited has it by now. */
static void on_stale(kube_timer *t)
{
    op_scrape *s = t->user;
    pthread_mutex_lock(&s->lock);
    df__buf_free(&s->newest);
    pthread_mutex_unlock(&s->lock);
}

static void end_sweep(sweep *r)
{
    op_scrape *s = r->scrape;
    df__buf text;
    kube_timer_clear(&r->end);
    for (asked *a = r->asked; a < r->asked + AT_ONCE; a++) {
        if (a->request)
            failed(s, OP_SCRAPE_TIMEOUT);
        df__http_end(a->request);
        a->request = NULL;
    }
    for (; r->begun < r->count; r->begun++)
        failed(s, OP_SCRAPE_NO_TIME);
    for (size_t i = 0; i < r->count; i++)
        free(r->keys[i]);
    free(r->keys);
    r->keys = NULL;
    r->running = 0;
    if (!r->joined) {
        tell_news(s);
        return;
    }
    df__buf_init(&text, &df__heap_libc);
    if (s->config.more)
        s->config.more(s->config.user, &text);
    op_prom_write(r->joined, &text);
    op_prom_free(r->joined);
    r->joined = NULL;
    say(s, &text);
}

static void on_end(kube_timer *t)
{
    sweep *r = t->user;
    r->first += r->begun; /* the next sweep begins with those that had no turn */
    end_sweep(r);
}

static enum op_scrape_failure failure_of(const df__http_reply *reply)
{
    return reply->rc == DF_ETIMEOUT  ? OP_SCRAPE_TIMEOUT
           : reply->rc == DF_ETOOBIG ? OP_SCRAPE_TOO_LARGE
                                     : OP_SCRAPE_UNREACHABLE;
}

/* What a pod says for the figures of its flow. */
static void keep_figures(const asked *a, const op_figures *figures)
{
    entry *pod = find(&a->sweep->scrape->pods, a->sweep->keys[a->index]);
    if (!pod)
        return;
    if (!pod->flow || strcmp(pod->flow, a->target.flow) != 0) {
        free(pod->flow);
        pod->flow = strdup(a->target.flow);
    }
    pod->figures = *figures;
    pod->figures.read_at_us = kube_wall_us();
}

static void take_text(const asked *a, df_bytes text)
{
    const op_target *t = &a->target;
    const op_prom_origin of = {t->space, t->name, t->pod, a->index};
    op_prom *joined = a->sweep->joined;
    const char *why;
    op_figures figures;
    if (joined ? op_prom_add(joined, text, &of, &why) : op_figures_read(text, &figures))
        failed(a->sweep->scrape, OP_SCRAPE_MALFORMED);
    else if (!joined)
        keep_figures(a, &figures);
}

static void on_reply(void *user, df__http_request *request)
{
    asked *a = user;
    const df__http_reply *reply = df__http_reply_of(request);
    if (reply->rc == DF_OK && reply->status == 200)
        take_text(a, reply->body);
    else
        failed(a->sweep->scrape, failure_of(reply));
    df__http_end(request);
    a->request = NULL;
    fill(a->sweep);
}

/* 0: it is asked. */
static int ask(asked *a)
{
    op_scrape *s = a->sweep->scrape;
    const kube_object *pod =
        kube_objects_get(s->config.pods(s->config.user), a->sweep->keys[a->index]);
    df__http_call call = {.url = a->target.url,
                          .done = on_reply,
                          .user = a,
                          .total_us = s->config.pod_us,
                          .max_reply = POD_MAX};
    if (!pod || s->config.target(s->config.user, pod, &a->target) < 0)
        return -1;
    if (df__http_start(s->http, &call, &a->request) == DF_OK)
        return 0;
    a->request = NULL;
    failed(s, OP_SCRAPE_UNREACHABLE);
    return -1;
}

static void fill(sweep *r)
{
    int busy = 0;
    for (asked *a = r->asked; a < r->asked + AT_ONCE; a++) {
        while (!a->request && r->begun < r->count) {
            a->sweep = r;
            a->index = (r->first + r->begun++) % r->count;
            if (ask(a) == 0)
                break;
        }
        busy |= a->request != NULL;
    }
    if (!busy) /* not inside the callback of a request */
        kube_timer_set(r->scrape->config.loop, &r->end, 0);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_pods(sweep *r)
{
    const kube_objects *pods = r->scrape->config.pods(r->scrape->config.user);
    const kube_object *o;
    size_t at = 0;
    r->count = 0;
    r->keys = calloc(pods->count + 1, sizeof *r->keys);
    while (r->keys && r->count < pods->count && (o = kube_objects_next(pods, &at))) {
        char *key = strdup(o->key);
        if (key)
            r->keys[r->count++] = key;
    }
    if (r->count)
        qsort(r->keys, r->count, sizeof *r->keys, by_text);
}

static void begin_sweep(sweep *r, op_prom *joined)
{
    op_scrape *s = r->scrape;
    r->running = 1;
    r->begun = 0;
    r->joined = joined;
    list_pods(r);
    if (!joined)
        s->pods = take_over(&s->pods, r->keys, r->count);
    kube_timer_set(s->config.loop, &r->end, s->config.round_us);
    fill(r);
}

static void on_tick(kube_timer *t)
{
    op_scrape *s = t->user;
    if (!s->figures.running)
        begin_sweep(&s->figures, NULL);
    kube_timer_set(s->config.loop, &s->tick, s->config.every_us);
}

/* ---- a text, wanted by another thread -------------------------------------------------------- */

static void on_wanted(kube_post *post)
{
    op_scrape *s = post->user;
    op_prom *joined = op_prom_new();
    df__buf nothing;
    if (joined) {
        begin_sweep(&s->text, joined);
        return;
    }
    df__buf_init(&nothing, &df__heap_libc);
    nothing.failed = 1;
    say(s, &nothing);
}

static int is_fresh(const op_scrape *s)
{
    return s->rounds && s->config.loop->now() - s->text_us < FRESH_US;
}

int op_scrape_text(op_scrape *s, df__buf *out)
{
    struct timespec until;
    uint64_t before;
    int rc = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += s->config.round_us / 1000000 + 2;
    pthread_mutex_lock(&s->lock);
    before = s->rounds;
    if (!s->closed && !s->posted && !is_fresh(s)) {
        s->posted = 1;
        kube_loop_post(s->config.loop, &s->post);
    }
    while (rc == 0 && s->posted && !s->closed && s->rounds == before)
        rc = pthread_cond_timedwait(&s->said, &s->lock, &until);
    if (s->closed || rc || s->newest.failed)
        rc = -1;
    else
        df__buf_add(out, s->newest.data, s->newest.len);
    pthread_mutex_unlock(&s->lock);
    return rc ? -1 : out->failed ? -1 : 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void init_lock(op_scrape *s)
{
    pthread_condattr_t attr;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->said, &attr);
    pthread_condattr_destroy(&attr);
}

op_scrape *op_scrape_new(const op_scrape_config *config)
{
    op_scrape *s = calloc(1, sizeof *s);
    df__http_config http = {.user_agent = "dfoperator", .http1 = 1, .keep_us = 5000000};
    if (!s || df__http_new(&http, &s->http) != DF_OK) {
        free(s);
        return NULL;
    }
    s->config = *config;
    s->config.every_us = config->every_us ? config->every_us : 15000000;
    s->config.pod_us = config->pod_us ? config->pod_us : 2000000;
    s->config.round_us = config->round_us ? config->round_us : 8000000;
    s->figures.scrape = s->text.scrape = s;
    s->figures.end = (kube_timer){.fire = on_end, .user = &s->figures};
    s->text.end = (kube_timer){.fire = on_end, .user = &s->text};
    s->post = (kube_post){.run = on_wanted, .user = s};
    df__buf_init(&s->newest, &df__heap_libc);
    init_lock(s);
    config->loop->other = s->http;
    s->stale = (kube_timer){.fire = on_stale, .user = s};
    s->tick = (kube_timer){.fire = on_tick, .user = s};
    if (config->every_us >= 0)
        kube_timer_set(config->loop, &s->tick, 0);
    return s;
}

void op_scrape_close(op_scrape *s)
{
    pthread_mutex_lock(&s->lock);
    s->closed = 1;
    pthread_cond_broadcast(&s->said);
    pthread_mutex_unlock(&s->lock);
}

void op_scrape_free(op_scrape *s)
{
    if (!s)
        return;
    s->config.changed = NULL;
    s->config.more = NULL;
    kube_timer_clear(&s->tick);
    if (s->figures.running)
        end_sweep(&s->figures);
    if (s->text.running)
        end_sweep(&s->text);
    kube_timer_clear(&s->stale);
    s->config.loop->other = NULL;
    df__http_free(s->http);
    free_table(&s->pods);
    free_table(&s->flows);
    df__buf_free(&s->newest);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->said);
    free(s);
}

void op_scrape_figures(const op_scrape *s, const char *flow, op_figures *ret)
{
    const entry *e = find(&s->flows, flow);
    *ret = e ? e->figures : (op_figures)OP_FIGURES_NONE;
}

uint64_t op_scrape_failed(const op_scrape *s, enum op_scrape_failure why)
{
    return atomic_load(&s->failed[why]);
}
