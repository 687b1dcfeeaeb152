/* SPDX-License-Identifier: Apache-2.0
 * iceberg.c: `dfproc iceberg orphans`: files that no table names are shown, and left. `dfproc
 * iceberg expire`: former snapshots go, and the files that only they name. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/visible.h"
#include "dataflow_manage.h"
#include "dfproc/dfproc.h"
#include "util/rfc3339.h"
#include "util/scalar.h"

enum { AGE_HOURS = 72 };

typedef struct request {
    int64_t age_us; /* -1: as the command has it */
    int is_json;
    df_expiry expiry;
} request;

typedef struct listing {
    int is_json, failed;
    int64_t count, bytes, states;
} listing;

static size_t write_time(int64_t time_us, char out[DF__RFC3339_MAX])
{
    const df__instant at = {.sec = time_us / 1000000};
    return df__rfc3339_write(at, 0, DF__RFC3339_SEC, out);
}

static void put_line(listing *all, df__buf *text)
{
    const char *line = df__buf_cstr(text);
    all->failed |= !line || puts(line) == EOF;
    df__buf_free(text);
}

static void tell(void *user, const df_leftover *row)
{
    listing *all = user;
    char time[DF__RFC3339_MAX];
    df__buf text;
    df__buf_init(&text, &df__heap_libc);
    size_t len = write_time(row->time_us, time);
    all->count++;
    all->bytes += row->bytes;
    if (all->is_json) {
        df__buf_str(&text, "{\"name\":");
        df__buf_json(&text, row->name, strlen(row->name));
        df__buf_printf(&text, ",\"bytes\":%" PRId64 ",\"time\":\"%.*s\"}", row->bytes, (int)len,
                       time);
    } else {
        df__buf_printf(&text, "%.*s %12" PRId64 " ", (int)len, time, row->bytes);
        app_visible(&text, row->name, strlen(row->name), 0);
    }
    put_line(all, &text);
}

static void tell_expired(void *user, const df_expired *row)
{
    listing *all = user;
    char time[DF__RFC3339_MAX];
    df__buf text;
    df__buf_init(&text, &df__heap_libc);
    int len = (int)write_time(row->time_us, time);
    all->count += row->is_file != 0;
    all->states += !row->is_file;
    all->bytes += row->is_file ? row->bytes : 0;
    if (all->is_json && row->is_file) {
        df__buf_str(&text, "{\"name\":");
        df__buf_json(&text, row->name, strlen(row->name));
        df__buf_printf(&text, ",\"bytes\":%" PRId64 "}", row->bytes);
    } else if (all->is_json) {
        df__buf_printf(&text, "{\"snapshot\":\"%s\",\"time\":\"%.*s\"}", row->name, len, time);
    } else if (row->is_file) {
        df__buf_printf(&text, "%12" PRId64 " ", row->bytes);
        app_visible(&text, row->name, strlen(row->name), 0);
    } else {
        df__buf_printf(&text, "snapshot %s of %.*s", row->name, len, time);
    }
    put_line(all, &text);
}

/* What came of it, after the rows. */
static int finish(const dfproc_flow *flow, listing *all, int status)
{
    all->failed |= fflush(stdout) != 0;
    if (status < 0)
        dfproc_fail("%s: %s", flow->file, df_pipeline_errmsg(flow->pipeline));
    else if (all->failed)
        dfproc_fail("not all could be written to the standard output");
    return status < 0 ? dfproc_exit_code(status) : all->failed ? EXIT_FAILED : EXIT_DONE;
}

static int orphans(dfproc_flow *flow, const request *q)
{
    listing all = {.is_json = q->is_json};
    int64_t age_us = q->age_us < 0 ? (int64_t)AGE_HOURS * 3600 * 1000000 : q->age_us;
    int rc = finish(flow, &all, df_pipeline_leftovers(flow->pipeline, age_us, tell, &all));
    if (rc == EXIT_DONE && !q->is_json)
        fprintf(stderr,
                "%" PRId64 " file%s, %" PRId64
                " bytes, that no snapshot names; nothing was removed\n",
                all.count, all.count == 1 ? "" : "s", all.bytes);
    return rc;
}

static int expire(dfproc_flow *flow, const request *q)
{
    listing all = {.is_json = q->is_json};
    df_expiry how = q->expiry;
    how.age_us = q->age_us < 0 ? how.age_us : q->age_us;
    int rc = finish(flow, &all, df_pipeline_expire(flow->pipeline, &how, tell_expired, &all));
    if (rc == EXIT_DONE && !q->is_json)
        fprintf(stderr, "%" PRId64 " snapshot%s and %" PRId64 " file%s, %" PRId64 " bytes, %s\n",
                all.states, all.states == 1 ? "" : "s", all.count, all.count == 1 ? "" : "s",
                all.bytes, how.apply ? "are gone" : "would go; --apply removes them");
    return rc;
}

/* What other programs do well, and a flow need not. */
static int refer(void)
{
    dfproc_fail("compact is left to an engine, while the flow runs: Trino's ALTER TABLE ... "
                "EXECUTE optimize, Spark's CALL system.rewrite_data_files. Neither touches the "
                "positions of the flow");
    return EXIT_USAGE;
}

static int read_request(const app_args *args, request *ret)
{
    const char *age = app_args_value(args, "older-than"), *keep = app_args_value(args, "keep");
    int is_orphans = strcmp(args->operands[0], "orphans") == 0;
    char *end = NULL;
    *ret = (request){.age_us = -1, .expiry = DF_EXPIRY_INIT};
    if (!is_orphans && strcmp(args->operands[0], "expire") != 0)
        return app_misuse(args, "orphans or expire, not \"%s\"", args->operands[0]);
    if (age && !df__parse_duration((df_bytes){age, strlen(age)}, &ret->age_us))
        return app_misuse(args, "--older-than: a duration like 72h, not \"%s\"", age);
    ret->is_json = app_args_value(args, "json") != NULL;
    ret->expiry.apply = app_args_value(args, "apply") != NULL;
    if (is_orphans && (keep || ret->expiry.apply))
        return app_misuse(args, "--%s goes with expire", keep ? "keep" : "apply");
    if (keep)
        ret->expiry.keep = strtoll(keep, &end, 10);
    if (keep && (*end || end == keep || ret->expiry.keep < 1))
        return app_misuse(args, "--keep: a number from 1 on, not \"%s\"", keep);
    return EXIT_DONE;
}

int dfproc_iceberg(const app_args *args)
{
    df_pipeline_options options = DF_PIPELINE_OPTIONS_INIT;
    const char *what = args->operands[0];
    dfproc_flow flow;
    request q;
    if (strcmp(what, "compact") == 0)
        return refer();
    int rc = read_request(args, &q);
    if (rc != EXIT_DONE)
        return rc;
    rc = dfproc_open(&flow, DF_LOG_INFO, APP_LOG_TEXT);
    if (rc == EXIT_DONE)
        rc = dfproc_ready(&flow, args, &options, args->operands[1]);
    if (rc == EXIT_DONE)
        rc = dfproc_has_secrets(&flow);
    if (rc == EXIT_DONE)
        rc = strcmp(what, "orphans") == 0 ? orphans(&flow, &q) : expire(&flow, &q);
    dfproc_close(&flow);
    return rc;
}
