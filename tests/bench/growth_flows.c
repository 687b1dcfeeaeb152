/* SPDX-License-Identifier: Apache-2.0
 * growth_flows.c: how a flow's cost grows with its partitions and its sinks, and what pipelines
 * cost that wait beside each other in one process. */
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dataflow.h"
#include "growth.h"

enum { PIPELINES_MAX = 200, TEXT_MAX = 4096, HEAD = 16 };

/* ---- memory: an allocator that counts ------------------------------------------------------ */

typedef struct meter {
    atomic_size_t live, peak;
} meter;

/* The size stands before each block. */
static void *count_realloc(void *user, void *old, size_t len)
{
    meter *m = user;
    size_t had = 0, live, peak;
    unsigned char *block = old ? (unsigned char *)old - HEAD : NULL;
    if (block)
        memcpy(&had, block, sizeof had);
    if (len == 0) {
        atomic_fetch_sub(&m->live, had);
        free(block);
        return NULL;
    }
    block = realloc(block, len + HEAD);
    if (!block)
        return NULL;
    memcpy(block, &len, sizeof len);
    live = atomic_fetch_add(&m->live, len - had) + len - had;
    peak = atomic_load(&m->peak);
    while (live > peak && !atomic_compare_exchange_weak(&m->peak, &peak, live))
        ;
    return block + HEAD;
}

static double resident_bytes(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*s %ld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* ---- one run --------------------------------------------------------------------------------- */

static int failed(df_pipeline *p)
{
    fprintf(stderr, "growth: %s\n", p ? df_pipeline_errmsg(p) : "no memory");
    df_pipeline_free(p);
    return 1;
}

static df_pipeline *loaded(df_env *env, const char *manifest)
{
    df_text text = {sizeof text, "growth.yaml", manifest, strlen(manifest)};
    df_pipeline *p = df_pipeline_new(env, NULL);
    if (p && df_pipeline_load(p, &text) == DF_OK)
        return p;
    failed(p);
    return NULL;
}

/* CPU seconds of a whole run, -1: failed. Frees the pipeline. */
static double run_to_end(df_pipeline *p)
{
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    double begun = growth_cpu();
    if (!p || df_pipeline_run(p, &run) != DF_OK) {
        if (p)
            failed(p);
        return -1;
    }
    df_pipeline_free(p);
    return growth_cpu() - begun;
}

/* ---- partitions ------------------------------------------------------------------------------ */

static df_pipeline *of_partitions(df_env *env, int partitions, long count, long rate)
{
    char text[TEXT_MAX];
    snprintf(text, sizeof text,
             "source: {type: generate, config: {partitions: %d, count: %ld, rate: %ld}}\n"
             "sink: {type: 'null'}\n",
             partitions, count, rate);
    return loaded(env, text);
}

/* Bytes that one partition more costs, with little else in memory; -1: failed. */
static double partition_bytes_once(int partitions)
{
    double peaks[2];
    for (int i = 0; i < 2; i++) {
        meter m = {0};
        df_env_options options = DF_ENV_OPTIONS_INIT;
        options.realloc = count_realloc;
        options.user = &m;
        df_env *env = df_env_new(&options);
        if (!env || run_to_end(of_partitions(env, i ? partitions : 1, 4000, 4000)) < 0)
            return -1;
        df_env_free(env);
        peaks[i] = (double)atomic_load(&m.peak);
    }
    return (peaks[1] - peaks[0]) / (partitions - 1);
}

/* A stall of the machine makes batches pile up, so the least of some tries counts. */
static double partition_bytes(int partitions)
{
    double best = -1;
    for (int i = 0; i < 4; i++) {
        double bytes = partition_bytes_once(partitions);
        if (bytes >= 0 && (best < 0 || bytes < best))
            best = bytes;
    }
    return best;
}

static int show_partitions(df_env *env, long count, int repeats)
{
    static const int points[] = {1, 10, 100, 1000};
    double ns[4], bytes, more;
    printf("| partitions | generate → null |");
    for (int i = 0; i < 4; i++) {
        ns[i] = -1;
        for (int k = 0; k < repeats; k++) {
            double spent = run_to_end(of_partitions(env, points[i], count, 0));
            if (spent < 0)
                return 1;
            if (ns[i] < 0 || spent * 1e9 / (double)count < ns[i])
                ns[i] = spent * 1e9 / (double)count;
        }
        printf("%s %d: %.0f ns", i ? "," : "", points[i], ns[i]);
        (void)fflush(stdout);
    }
    bytes = partition_bytes(1000);
    more = (ns[3] / ns[0] - 1) * 100;
    printf(" | %+.1f %% CPU at 1000; %.0f bytes for a partition | ≤ 10 %%, ≤ 4096 | %s |\n", more,
           bytes, more <= 10 && bytes >= 0 && bytes <= 4096 ? "yes" : "**no**");
    return more > 10 || bytes < 0 || bytes > 4096;
}

/* ---- sinks ----------------------------------------------------------------------------------- */

static const char *const edit = "{fields: {origin: growth}}";

/* generate → set a field → `sinks` files of lines. NULL: failed. */
static df_pipeline *of_sinks(df_env *env, int sinks, long count)
{
    char config[64], name[16];
    df_stage_def source = {
        .size = sizeof source, .role = DF_SOURCE, .kind = "generate", .config = config};
    df_stage_def change = {
        .size = sizeof change, .role = DF_TRANSFORM, .kind = "insertField", .config = edit};
    df_stage_def sink = {.size = sizeof sink,
                         .role = DF_SINK,
                         .name = name,
                         .kind = "stdio",
                         .config = "{path: /dev/null}"};
    df_pipeline *p = df_pipeline_new(env, NULL);
    snprintf(config, sizeof config, "{count: %ld}", count);
    if (!p || df_pipeline_add(p, &source) != DF_OK || df_pipeline_add(p, &change) != DF_OK) {
        failed(p);
        return NULL;
    }
    for (int i = 0; i < sinks; i++) {
        snprintf(name, sizeof name, "sink%d", i);
        if (df_pipeline_add(p, &sink) != DF_OK ||
            (i > 0 && df_pipeline_link(p, "insertField", "out", name) != DF_OK)) {
            failed(p);
            return NULL;
        }
    }
    return p;
}

static int show_sinks(df_env *env, long count, int repeats)
{
    static const int points[] = {1, 2, 4, 8};
    double xs[4], ns[4], each;
    printf("| sinks | generate → set a field → lines |");
    for (int i = 0; i < 4; i++) {
        xs[i] = points[i];
        ns[i] = -1;
        for (int k = 0; k < repeats; k++) {
            double spent = run_to_end(of_sinks(env, points[i], count));
            if (spent < 0)
                return 1;
            if (ns[i] < 0 || spent * 1e9 / (double)count < ns[i])
                ns[i] = spent * 1e9 / (double)count;
        }
        printf("%s %d: %.0f ns", i ? "," : "", points[i], ns[i]);
        (void)fflush(stdout);
    }
    each = growth_slope(xs, ns, 4) / ns[0] * 100;
    printf(" | %+.1f %% CPU for a sink more | ≤ 15 %% | %s |\n", each,
           each <= 15 ? "yes" : "**no**");
    return each > 15;
}

/* ---- pipelines ------------------------------------------------------------------------------- */

/* Starts pipelines up to `count` and waits until all run. 0: done. */
static int start_more(df_env *env, df_pipeline **all, int *have, int count)
{
    static const char manifest[] =
        "source: {type: generate, config: {rate: 0.0001}}\n"
        "transformations:\n  - {type: insertField, config: {fields: {origin: growth}}}\n"
        "sink: {type: 'null'}\n";
    const struct timespec tick = {0, 10000000};
    df_run_options run = {.size = sizeof run};
    df_stats stats = {.size = sizeof stats};
    for (; *have < count; (*have)++) {
        all[*have] = loaded(env, manifest);
        if (!all[*have] || df_pipeline_start(all[*have], &run) != DF_OK)
            return 1;
    }
    for (int i = 0; i < count; i++)
        while (df_pipeline_stats(all[i], NULL, &stats) == DF_OK && !stats.ready)
            nanosleep(&tick, NULL);
    return 0;
}

static int show_pipelines(df_env *env, int seconds)
{
    static df_pipeline *all[PIPELINES_MAX];
    static const int points[] = {1, 10, 100, 200};
    double memory[4], cpu = 0, each;
    int have = 0, bad = 0;
    const struct timespec span = {seconds, 0};
    printf("| pipelines in a process | waiting |");
    for (int i = 0; i < 4 && !bad; i++) {
        bad = start_more(env, all, &have, points[i]);
        cpu = growth_cpu();
        nanosleep(&span, NULL);
        cpu = (growth_cpu() - cpu) / seconds * 100 / points[i] * 100;
        memory[i] = resident_bytes() / 1048576;
        printf("%s %d: %.1f MiB, %.2f %%", i ? "," : "", points[i], memory[i],
               cpu * points[i] / 100);
        (void)fflush(stdout);
    }
    for (int i = 0; i < have; i++)
        df_pipeline_stop(all[i], DF_STOP_NOW);
    for (int i = 0; i < have; i++)
        df_pipeline_free(all[i]);
    if (bad)
        return 1;
    each = (memory[3] - memory[0]) / (points[3] - points[0]);
    bad = each > 2 || cpu >= 0.2;
    printf(" | %.3f MiB for a pipeline, %.2f %% of a core for 100 | ≤ 2 MiB, < 0.2 %% | %s |\n",
           each, cpu, bad ? "**no**" : "yes");
    return bad;
}

int growth_flows(int quick)
{
    df_env *env;
    int bad = 0;
    mallopt(M_ARENA_MAX, 2); /* as dfproc does */
    env = df_env_new(NULL);
    if (!env)
        return 1;
    bad |= show_pipelines(env, quick ? 3 : 10);
    bad |= show_partitions(env, quick ? 200000 : 2000000, quick ? 2 : 5);
    bad |= show_sinks(env, quick ? 200000 : 1000000, quick ? 2 : 5);
    df_env_free(env);
    return bad;
}
