/* SPDX-License-Identifier: Apache-2.0
 * growth: how CPU per record grows with message size, fields, depth and steps, through the public
 * API: a file of lines -> steps -> null; and with partitions, sinks and pipelines (growth_flows.c).
 * Prints tables with fitted exponents.
 *     growth [--quick] [records|flows]
 * Exit code 1: an exponent above 1.05, or another goal in the table is missed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "dataflow.h"
#include "growth.h"

enum { POINTS_MAX = 12, TEXT_MAX = 16384 };

typedef struct axis {
    const char *name, *work;
    int points[POINTS_MAX + 1]; /* 0 at the end */
    int fit_from;               /* smaller ones are mostly the fixed cost of a record */
    void (*record)(FILE *out, int x, unsigned n);
    void (*steps)(FILE *out, int x);
} axis;

static size_t bytes_each = 48u << 20; /* of one measurement */
static int repeats = 5;

/* ---- records --------------------------------------------------------------------------------- */

static void sized(FILE *out, int size, unsigned n)
{
    int fill = size - 46;
    fprintf(out, "{\"id\":%010u,\"on\":true,\"user\":\"u\",\"text\":\"", 1000000000 + n);
    for (int i = 0; i < fill; i++)
        (void)fputc("the quick brown fox "[i % 20], out);
    fputs("\"}\n", out);
}

static void wide(FILE *out, int fields, unsigned n)
{
    fprintf(out, "{\"on\":true");
    for (int i = 1; i < fields; i++)
        fprintf(out, ",\"fieldName%d\":\"%07u\"", i, n % 1000000);
    fputs("}\n", out);
}

/* Every name is there twice. */
static void doubled(FILE *out, int fields, unsigned n)
{
    fprintf(out, "{\"on\":true");
    for (int i = 1; i < fields; i++)
        fprintf(out, ",\"fieldName%d\":\"%07u\"", i % (fields / 2 + 1), n % 1000000);
    fputs("}\n", out);
}

static void deep(FILE *out, int depth, unsigned n)
{
    fprintf(out, "{\"on\":true,\"user\":%u", n);
    for (int i = 0; i < depth; i++)
        fprintf(out, ",\"level\":{\"name\":\"n%u\"", n % 1000);
    for (int i = 0; i < depth; i++)
        (void)fputc('}', out);
    fputs("}\n", out);
}

static void small(FILE *out, int x, unsigned n)
{
    (void)x;
    sized(out, 120, n);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void edit_one(FILE *out, int x)
{
    (void)x;
    fputs("  - {type: filter, config: {condition: $.on}}\n"
          "  - {type: insertField, config: {fields: {user: x}}}\n",
          out);
}

static void edit_all(FILE *out, int x)
{
    (void)x;
    fputs("  - {type: snakeCase}\n", out);
}

static void mask_all(FILE *out, int x)
{
    (void)x;
    fputs("  - {type: mask, config: {fields: [$.*]}}\n", out);
}

static void flatten_all(FILE *out, int x)
{
    (void)x;
    fputs("  - {type: insertField, config: {fields: {a.b: x}}}\n"
          "  - {type: structFlatten}\n",
          out);
}

static void names_deep(FILE *out, int x)
{
    (void)x;
    fputs("  - {type: camelCase, config: {deep: true}}\n", out);
}

static void filters(FILE *out, int count)
{
    for (int i = 1; i < count; i++)
        fputs("  - {type: filter, config: {condition: $.on}}\n", out);
}

static void edits(FILE *out, int count)
{
    for (int i = 1; i < count; i++)
        fputs("  - {type: mask, config: {fields: [$.user]}}\n", out);
}

/* ---- one measurement ------------------------------------------------------------------------- */

double growth_cpu(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static double run_once(df_env *env, const char *manifest)
{
    df_text text = {sizeof text, "growth.yaml", manifest, strlen(manifest)};
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    df_pipeline *p = df_pipeline_new(env, NULL);
    double begun = 0, spent = -1;
    int rc = p ? df_pipeline_load(p, &text) : DF_ENOMEM;
    if (rc == DF_OK) {
        begun = growth_cpu();
        rc = df_pipeline_run(p, &run);
        spent = growth_cpu() - begun;
    }
    if (rc != DF_OK) {
        fprintf(stderr, "growth: %s\n", p ? df_pipeline_errmsg(p) : "no memory");
        spent = -1;
    }
    df_pipeline_free(p);
    return spent;
}

/* Nanoseconds for each record: the best of some runs, since noise only adds. -1: failed. */
static double measure(df_env *env, const axis *a, int x, const char *path)
{
    static char manifest[TEXT_MAX];
    FILE *out = fopen(path, "w"), *text = fmemopen(manifest, sizeof manifest, "w");
    unsigned n = 0;
    double best = -1;
    if (!out || !text)
        return -1;
    while (ftell(out) < (long)bytes_each && n < 200000)
        a->record(out, x, n++);
    fprintf(text, "source: {type: stdio, config: {path: %s}}\ntransformations:\n", path);
    a->steps(text, x);
    fputs("sink: {type: 'null'}\n", text);
    fclose(text);
    fclose(out);
    for (int i = 0; i < repeats; i++) {
        double spent = run_once(env, manifest);
        if (spent < 0)
            return -1;
        if (best < 0 || spent < best)
            best = spent;
    }
    return best * 1e9 / n;
}

/* ---- tables ---------------------------------------------------------------------------------- */

double growth_slope(const double *x, const double *y, int count)
{
    double sx = 0, sy = 0, sxx = 0, sxy = 0;
    for (int i = 0; i < count; i++) {
        sx += x[i];
        sy += y[i];
        sxx += x[i] * x[i];
        sxy += x[i] * y[i];
    }
    return (count * sxy - sx * sy) / (count * sxx - sx * sx);
}

static int show_axis(df_env *env, const axis *a, const char *path)
{
    double xs[POINTS_MAX], ys[POINTS_MAX], exponent;
    int used = 0;
    printf("| %s | %s |", a->name, a->work);
    for (int i = 0; a->points[i]; i++) {
        double ns = measure(env, a, a->points[i], path);
        if (ns < 0)
            return 1;
        printf("%s %d: %.0f", i ? "," : "", a->points[i], ns);
        (void)fflush(stdout);
        if (a->points[i] >= a->fit_from) {
            xs[used] = log(a->points[i]);
            ys[used++] = log(ns);
        }
    }
    exponent = growth_slope(xs, ys, used);
    printf(" | exponent %.3f from %d on | ≤ 1.05 | %s |\n", exponent, a->fit_from,
           exponent <= 1.05 ? "yes" : "**no**");
    return exponent > 1.05;
}

/* Steps from 1 (none) to 51: nanoseconds for one more. */
static int show_chain(df_env *env, const axis *a, const char *path)
{
    double xs[POINTS_MAX], ys[POINTS_MAX], each;
    int used = 0;
    printf("| %s | %s |", a->name, a->work);
    for (int i = 0; a->points[i]; i++) {
        xs[used] = a->points[i];
        ys[used] = measure(env, a, a->points[i], path);
        if (ys[used] < 0)
            return 1;
        printf("%s %d: %.0f", i ? "," : "", a->points[i] - 1, ys[used]);
        (void)fflush(stdout);
        used++;
    }
    each = growth_slope(xs + 1, ys + 1, used - 1);
    printf(" | %.1f ns for a step | ≤ 60 | %s |\n", each, each <= 60 ? "yes" : "**no**");
    return each > 60;
}

static const axis axes[] = {
    {"message size, bytes",
     "filter, set a field",
     {64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 0},
     4096,
     sized,
     edit_one},
    {"fields",
     "filter, set a field",
     {5, 20, 50, 100, 200, 500, 1000, 2000, 0},
     50,
     wide,
     edit_one},
    {"fields", "rename all", {5, 20, 50, 100, 200, 500, 1000, 2000, 0}, 50, wide, edit_all},
    {"fields", "flatten", {5, 20, 50, 100, 200, 500, 1000, 2000, 0}, 50, wide, flatten_all},
    {"fields", "mask all", {5, 20, 50, 100, 200, 500, 1000, 2000, 0}, 50, wide, mask_all},
    {"fields, each twice",
     "mask all",
     {5, 20, 50, 100, 200, 500, 1000, 2000, 0},
     50,
     doubled,
     mask_all},
    {"depth", "filter, set a field", {1, 3, 10, 30, 100, 300, 1000, 0}, 30, deep, edit_one},
    {"depth", "rename all", {1, 3, 10, 30, 100, 300, 1000, 0}, 30, deep, names_deep},
};
static const axis chains[] = {
    {"steps", "filter on a bool", {1, 2, 6, 11, 21, 31, 51, 0}, 1, small, filters},
    {"steps", "mask a field", {1, 2, 6, 11, 21, 31, 51, 0}, 1, small, edits},
};

static int show_records(df_env *env)
{
    char path[] = "/tmp/df-growth-XXXXXX";
    int fd = mkstemp(path), bad = 0;
    if (fd < 0)
        return 1;
    close(fd);
    for (size_t i = 0; i < sizeof axes / sizeof axes[0]; i++)
        bad |= show_axis(env, &axes[i], path);
    for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++)
        bad |= show_chain(env, &chains[i], path);
    unlink(path);
    return bad;
}

int main(int argc, char **argv)
{
    int bad = 0, quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    const char *part = argc > 1 + quick ? argv[1 + quick] : "";
    df_env *env;
    if (quick) {
        bytes_each = 8u << 20;
        repeats = 3;
    }
    printf("| grows | work | ns of CPU for a record; MiB | fit | goal | met |\n"
           "|---|---|---|---|---|---|\n");
    if (strcmp(part, "flows") != 0) {
        env = df_env_new(NULL);
        if (!env)
            return 2;
        bad |= show_records(env);
        df_env_free(env);
    }
    if (strcmp(part, "records") != 0)
        bad |= growth_flows(quick);
    return bad;
}
