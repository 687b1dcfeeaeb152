/* SPDX-License-Identifier: Apache-2.0
 * dfproc.h: what the commands of dfproc share: environment, loading a manifest, printing. */
#ifndef DFPROC_H
#define DFPROC_H

#include "common/args.h"
#include "common/console.h"
#include "common/json.h"
#include "dataflow.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_TEMPORARY = 75 };

/* One manifest and the pipeline made from it. */
typedef struct dfproc_flow {
    app_console console;
    df_env *env;
    df_pipeline *pipeline;
    df__buf manifest;
    const char *file;
    int64_t frozen_us; /* when `frozen`: the clock that the pipeline sees */
    int frozen;
} dfproc_flow;

/* Makes the environment. `level` as app_console_init. 0 or an exit code. */
int dfproc_open(dfproc_flow *flow, int level, int format);
/* Reads the manifest. 0 or an exit code, the reason printed. */
int dfproc_read(dfproc_flow *flow, const char *file);
/* Makes the pipeline from the manifest and checks it, in place of one that was there. Problems are
 * printed: all, or none when `quiet`. 0 or an exit code. */
int dfproc_build(dfproc_flow *flow, const df_pipeline_options *options, int quiet);
/* Prints each option that needs a folder of Secrets and has none, and each that names a Secret of
 * another namespace. 0 or an exit code. */
int dfproc_has_secrets(dfproc_flow *flow, const char *dir);
/* --secrets-dir, --files, --env-prefix, --show-values: where references lead. */
void dfproc_reach(const app_args *args, const char *secrets_dir, df_pipeline_options *options);
/* dfproc_open, dfproc_read and dfproc_build with defaults, for commands that only look. */
int dfproc_load(dfproc_flow *flow, const char *file);
void dfproc_close(dfproc_flow *flow);
/* A thread of a flow that was closed did not come back: leave by _exit. */
int dfproc_left_behind(void);

/* Writes a report of the pipeline; NULL when there is none. */
yyjson_doc *dfproc_report(dfproc_flow *flow, int what);
/* The description of all connectors and transforms; NULL: printed why. */
yyjson_doc *dfproc_describe(void);
/* Exit code for the status that ended a run. */
int dfproc_exit_code(int status);

/* A df_write_fn that appends to a df__buf. */
int dfproc_write(void *user, const char *text, size_t len);
/* Prints to standard output, frees the buffer; the exit code. */
int dfproc_print(df__buf *out);
/* Messages go to this console when it wants JSON lines; NULL: to standard error. */
void dfproc_messages(app_console *console);
/* "dfproc: text" on standard error; returns EXIT_FAILED. */
int dfproc_fail(const char *format, ...) DF_PRINTF(1, 2);
/* The same for a command line that makes no sense; returns EXIT_USAGE. */
int dfproc_misuse(const app_args *args, const char *format, ...) DF_PRINTF(2, 3);

/* There is no `what` ("sink") of that name among the rows of the description; returns EXIT_USAGE.
 */
int dfproc_not_found(const app_args *args, yyjson_val *rows, const char *what, const char *name);

extern const app_program dfproc_program;

int dfproc_run(const app_args *args);
int dfproc_pod(const app_args *args);
int dfproc_validate(const app_args *args);
int dfproc_explain(const app_args *args);
int dfproc_preview(const app_args *args);
int dfproc_test(const app_args *args);
int dfproc_connectors(const app_args *args);
int dfproc_transforms(const app_args *args);
int dfproc_init(const app_args *args);
int dfproc_fmt(const app_args *args);
int dfproc_version(const app_args *args);
int dfproc_help(const app_args *args);

#endif
