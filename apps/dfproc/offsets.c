/* SPDX-License-Identifier: Apache-2.0
 * offsets.c: `dfproc offsets`: what a consumer group has stored, and setting it: first shown, then,
 * with --apply, stored. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/visible.h"
#include "dataflow_manage.h"
#include "dfproc/dfproc.h"
#include "util/rfc3339.h"

enum { NAME_MAX_LEN = 300 };

typedef struct row {
    char partition[NAME_MAX_LEN];
    df_offset now;
    int64_t wanted; /* -1: it stays as it is */
} row;

typedef struct table {
    row *rows;
    size_t count;
    int failed; /* no memory */
} table;

/* What --to says: a word, a time, or an offset. */
typedef struct target {
    const char *partition; /* number, not ended by NUL; len 0: all */
    size_t partition_len;
    const char *where;
} target;

static target target_of(const char *text)
{
    const char *equals = strchr(text, '=');
    target t = {text, equals ? (size_t)(equals - text) : 0, equals ? equals + 1 : text};
    return t;
}

static int is_time(const char *where, int64_t *ret_us)
{
    df__stamp stamp;
    if (df__stamp_parse((df_bytes){where, strlen(where)}, &stamp) != DF_OK)
        return 0;
    *ret_us = (stamp.local - (stamp.has_zone ? stamp.offset : 0)) * 1000000 + stamp.nsec / 1000;
    return 1;
}

static int is_offset(const char *where, int64_t *ret)
{
    long long n;
    if (app_args_number(where, 0, INT64_MAX, &n) < 0)
        return 0;
    *ret = n;
    return 1;
}

/* What stands after the last slash. */
static const char *number_in(const char *partition, size_t len)
{
    size_t at = len;
    while (at > 0 && partition[at - 1] != '/')
        at--;
    return partition + at;
}

/* What is wrong with a --to; NULL: nothing. *io_time: -1, or the time of another one. */
static const char *target_fault(const target *t, int64_t *io_time)
{
    int64_t n;
    const char *number = number_in(t->partition, t->partition_len);
    for (; number < t->partition + t->partition_len; number++)
        if (*number < '0' || *number > '9')
            return "is not the number of a partition, or TOPIC/NUMBER, before =";
    if (!strcmp(t->where, "earliest") || !strcmp(t->where, "latest"))
        return NULL;
    if (is_offset(t->where, &n))
        return t->partition_len ? NULL : "is an offset: say of which partition (3=1200)";
    if (!is_time(t->where, &n) || n < 0)
        return "is none of earliest, latest, a time such as 2026-11-29T12:00:00Z, or "
               "[TOPIC/]PARTITION=OFFSET";
    if (*io_time >= 0 && *io_time != n)
        return "is a second time; reset the partitions one after the other";
    *io_time = n;
    return NULL;
}

/* ---- what is there --------------------------------------------------------------------------- */

static void add_row(void *user, const df_offset *at)
{
    table *t = user;
    row *more = realloc(t->rows, (t->count + 1) * sizeof *more);
    if (!more) {
        t->failed = 1;
        return;
    }
    t->rows = more;
    row *r = &t->rows[t->count++];
    df__text_set(r->partition, sizeof r->partition, at->partition, strlen(at->partition));
    r->now = *at;
    r->now.partition = NULL;
    r->wanted = -1;
}

/* It names a partition with its topic. */
static int is_whole(const target *t)
{
    return number_in(t->partition, t->partition_len) != t->partition;
}

static int aims_at(const target *t, const row *r)
{
    const char *name = r->partition;
    if (!is_whole(t))
        name = number_in(name, strlen(name));
    return !t->partition_len ||
           (strlen(name) == t->partition_len && !memcmp(name, t->partition, t->partition_len));
}

static int64_t offset_for(const target *t, const row *r)
{
    int64_t n = 0;
    if (!strcmp(t->where, "earliest"))
        return r->now.first;
    if (!strcmp(t->where, "latest"))
        return r->now.end;
    return is_offset(t->where, &n) ? n : r->now.at_time;
}

/* 0 or an exit code. */
static int aim(const table *t, const char *text)
{
    target to = target_of(text);
    size_t hits = 0;
    for (size_t i = 0; i < t->count; i++) {
        row *r = &t->rows[i];
        if (!aims_at(&to, r))
            continue;
        if (hits++ && to.partition_len)
            return dfproc_fail("--to %s: several topics have this partition: write TOPIC/%s", text,
                               text);
        r->wanted = offset_for(&to, r);
        if (r->wanted < r->now.first || r->wanted > r->now.end)
            return dfproc_fail("%s has the offsets %" PRId64 " to %" PRId64 ", not %" PRId64,
                               r->partition, r->now.first, r->now.end, r->wanted);
    }
    return hits ? EXIT_DONE : dfproc_fail("--to %s: there is no such partition", text);
}

/* ---- what is shown --------------------------------------------------------------------------- */

static const char *number_text(char *buf, size_t len, int64_t n)
{
    if (n < 0)
        df__text_set(buf, len, "-", 1);
    else
        df__text_printf(buf, len, "%" PRId64, n);
    return buf;
}

static void add_now(df__buf *out, const row *r)
{
    char stored[24], lag[24];
    df__buf_printf(
        out, "  %10s %10" PRId64 " %10" PRId64 " %10s\n",
        number_text(stored, sizeof stored, r->now.stored), r->now.first, r->now.end,
        number_text(lag, sizeof lag, r->now.stored < 0 ? -1 : r->now.end - r->now.stored));
}

/* What a reset does: counted in offsets, of which some may hold no record. */
static void add_change(df__buf *out, const row *r)
{
    char stored[24];
    int64_t step = r->wanted - r->now.stored;
    df__buf_printf(out, "  %s -> %" PRId64, number_text(stored, sizeof stored, r->now.stored),
                   r->wanted);
    if (r->now.first == r->now.end)
        df__buf_str(out, ": the partition is empty");
    else if (r->now.stored < 0)
        df__buf_printf(out, ": none was stored; %" PRId64 " to read", r->now.end - r->wanted);
    else if (step == 0)
        df__buf_str(out, ": as it is");
    else
        df__buf_printf(out, ": %" PRId64 " %s", step < 0 ? -step : step,
                       step < 0 ? "read again" : "skipped");
    if (r->now.at_time >= 0 && r->wanted == r->now.end && r->now.first != r->now.end &&
        r->now.at_time == r->now.end)
        df__buf_str(out, "; no record is of that time or later, so it begins at the end of now");
    df__buf_char(out, '\n');
}

static void add_table(df__buf *out, const table *t, int reset)
{
    if (!reset)
        df__buf_printf(out, "%-20s  %10s %10s %10s %10s\n", "partition", "next", "first", "end",
                       "lag");
    for (size_t i = 0; i < t->count; i++) {
        if (reset && t->rows[i].wanted < 0)
            continue;
        df__buf_printf(out, reset ? "%s" : "%-20s", t->rows[i].partition);
        if (reset)
            add_change(out, &t->rows[i]);
        else
            add_now(out, &t->rows[i]);
    }
}

static void add_number(df__buf *out, const char *name, int64_t n)
{
    if (n < 0)
        df__buf_printf(out, ",\"%s\":null", name);
    else
        df__buf_printf(out, ",\"%s\":%" PRId64, name, n);
}

static void add_json(df__buf *out, const table *t, int reset, int applied)
{
    df__buf_str(out, "{\"partitions\":[");
    for (size_t i = 0; i < t->count; i++) {
        const row *r = &t->rows[i];
        df__buf_str(out, i ? ",{\"partition\":" : "{\"partition\":");
        df__buf_json(out, r->partition, strlen(r->partition));
        add_number(out, "next", r->now.stored);
        add_number(out, "first", r->now.first);
        add_number(out, "end", r->now.end);
        add_number(out, "lag", r->now.stored < 0 ? -1 : r->now.end - r->now.stored);
        if (reset)
            add_number(out, "new", r->wanted);
        df__buf_char(out, '}');
    }
    df__buf_char(out, ']');
    if (reset)
        df__buf_printf(out, ",\"applied\":%s", applied ? "true" : "false");
    df__buf_str(out, "}\n");
}

/* ---- the command ----------------------------------------------------------------------------- */

static int store(dfproc_flow *flow, const table *t)
{
    df_offset *rows = calloc(t->count + 1, sizeof *rows);
    size_t n = 0;
    int rc;
    if (!rows)
        return dfproc_fail("out of memory");
    for (size_t i = 0; i < t->count; i++) {
        if (t->rows[i].wanted < 0)
            continue;
        rows[n] = (df_offset){.size = sizeof rows[n], .partition = t->rows[i].partition};
        rows[n++].stored = t->rows[i].wanted;
    }
    rc = df_pipeline_set_offsets(flow->pipeline, rows, n);
    free(rows);
    if (rc < 0)
        dfproc_fail("%s: %s", flow->file, df_pipeline_errmsg(flow->pipeline));
    return dfproc_exit_code(rc);
}

static int check_targets(const app_args *args, const char *const *to, int64_t *ret_time)
{
    *ret_time = -1;
    for (size_t i = 0; to[i]; i++) {
        target t = target_of(to[i]);
        const char *fault = target_fault(&t, ret_time);
        if (fault)
            return app_misuse(args, "--to %s %s", to[i], fault);
    }
    return EXIT_DONE;
}

static int work(const app_args *args, dfproc_flow *flow, table *t, const char *const *to)
{
    int reset = to[0] != NULL, apply = app_args_value(args, "apply") != NULL;
    int64_t time_us;
    df__buf out;
    int rc = check_targets(args, to, &time_us);
    if (rc != EXIT_DONE)
        return rc;
    rc = df_pipeline_offsets(flow->pipeline, time_us, add_row, t);
    if (rc < 0) {
        dfproc_fail("%s: %s", flow->file, df_pipeline_errmsg(flow->pipeline));
        return dfproc_exit_code(rc);
    }
    if (t->failed)
        return dfproc_fail("out of memory");
    for (size_t i = 0; to[i] && rc == EXIT_DONE; i++)
        rc = aim(t, to[i]);
    if (rc == EXIT_DONE && reset && apply)
        rc = store(flow, t);
    if (rc != EXIT_DONE)
        return rc;
    df__buf_init(&out, &df__heap_libc);
    if (app_args_value(args, "json"))
        add_json(&out, t, reset, apply);
    else
        add_table(&out, t, reset);
    if (reset && time_us >= 0)
        dfproc_note("a time is that of the first record which has it or a later one; where "
                    "producers set the times, an older record may follow, and a younger one may "
                    "be before it");
    if (reset && !apply)
        dfproc_note("nothing was stored; --apply does it");
    return dfproc_print(&out);
}

int dfproc_offsets(const app_args *args)
{
    int reset = !strcmp(args->operands[0], "reset"), rc;
    const char *to[APP_REPEATS_MAX + 1];
    df_pipeline_options options = DF_PIPELINE_OPTIONS_INIT;
    dfproc_flow flow;
    table t = {0};
    app_args_list(args, "to", to);
    if (!reset && strcmp(args->operands[0], "show") != 0)
        return app_misuse(args, "show or reset, not \"%s\"", args->operands[0]);
    if (reset != (to[0] != NULL))
        return app_misuse(args, reset ? "reset needs --to WHERE" : "show takes no --to");
    rc = dfproc_open(&flow, 0, APP_LOG_TEXT);
    if (rc == EXIT_DONE)
        rc = dfproc_ready(&flow, args, &options, args->operands[1]);
    if (rc == EXIT_DONE)
        rc = work(args, &flow, &t, to);
    free(t.rows);
    dfproc_close(&flow);
    return rc;
}
