/* SPDX-License-Identifier: Apache-2.0
 * case_run.c: runs one test case from its first record to its end. */
#include <stdio.h>
#include <string.h>

#include "common/process.h"
#include "dfproc/cases.h"

enum { CASE_US = 30000000 };

/* Days since 1970 of a date in the Gregorian calendar. */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, in_era = y - era * 400;
    int64_t day = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + day - 719468;
}

/* RFC 3339 in UTC, fraction allowed. */
static int parse_time(const char *text, int64_t *ret_us)
{
    int y, mo, d, h, mi, sec, used = 0;
    int64_t us = 0;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &sec, &used) < 6)
        return -1;
    text += used;
    if (*text == '.')
        for (int64_t unit = 100000; *++text >= '0' && *text <= '9'; unit /= 10)
            us += unit * (*text - '0');
    if (strcmp(text, "Z") || mo < 1 || mo > 12 || d < 1 || h > 23 || mi > 59 || sec > 59 ||
        d > days_of(y + mo / 12, mo % 12 + 1, 1) - days_of(y, mo, 1))
        return -1;
    *ret_us = (days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec) * 1000000 + us;
    return 0;
}

int dfproc_cases_clock(dfproc_suite *s, yyjson_val *one, int64_t other_us)
{
    s->flow.frozen_us = other_us;
    s->flow.frozen = other_us != 0;
    if (!yyjson_obj_get(one, "now"))
        return 0;
    s->flow.frozen = 1;
    return parse_time(app_json_text(one, "now"), &s->flow.frozen_us);
}

void dfproc_cases_problems(const dfproc_suite *s, df__buf *out)
{
    for (size_t i = 0;; i++) {
        df_problem p = {.size = sizeof p};
        if (df_pipeline_problem_at(s->flow.pipeline, i, &p) != DF_OK)
            return;
        df__buf_printf(out, "%s: %s\n", p.field ? p.field : "", p.text);
    }
}

static int run_to_end(dfproc_suite *s, dfproc_capture *c, df__buf *why)
{
    df_pipeline *p = s->flow.pipeline;
    int64_t until_us = app_clock_us() + CASE_US;
    int rc = df_pipeline_start(p, NULL);
    while (rc == DF_OK || rc == DF_AGAIN) {
        size_t taken = dfproc_capture_take(c);
        rc = df_pipeline_wait(p, taken ? 0 : 2);
        if (rc != DF_AGAIN)
            break;
        if (app_clock_us() > until_us) {
            df_pipeline_stop(p, DF_STOP_NOW);
            df__buf_printf(why, "  not finished after %d s\n", CASE_US / 1000000);
            return df_pipeline_wait(p, -1);
        }
    }
    dfproc_capture_take(c);
    return rc;
}

int dfproc_cases_run(dfproc_suite *s, dfproc_capture *c, df__buf *why)
{
    df_pipeline_options options = DF_PIPELINE_OPTIONS_INIT;
    yyjson_doc *plan;
    int rc;
    options.resolve = df_resolve_process;
    rc = dfproc_build(&s->flow, &options, 1);
    if (rc != EXIT_DONE)
        return rc == EXIT_USAGE ? DF_ESPEC : DF_ESTATE;
    plan = dfproc_report(&s->flow, DF_REPORT_PLAN);
    rc = DF_ESTATE;
    if (dfproc_capture_open(c, plan, DFPROC_SINKS) == EXIT_DONE &&
        dfproc_capture_ports(c, s->flow.pipeline, DF_TAKE) == EXIT_DONE)
        rc = run_to_end(s, c, why);
    else
        df__buf_str(why, "  its sinks cannot be watched\n");
    dfproc_capture_close(c);
    yyjson_doc_free(plan);
    return rc;
}
