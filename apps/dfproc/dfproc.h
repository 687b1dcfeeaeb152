/* SPDX-License-Identifier: Apache-2.0
 * dfproc.h: what the commands of dfproc share: environment, loading a manifest, printing. */
#ifndef DFPROC_H
#define DFPROC_H

#include "common/args.h"
#include "common/console.h"
#include "common/dispatch.h"
#include "common/documents.h"
#include "common/json.h"
#include "dataflow.h"

/* One manifest and the pipeline made from it. */
typedef struct dfproc_flow {
    app_console console;
    df_env *env;
    df_pipeline *pipeline;
    df__buf whole; /* the file, and what its documents are */
    app_documents documents;
    df__buf manifest; /* the document that is the flow; lines before it are empty */
    const char *file;
    int64_t frozen_us; /* when `frozen`: the clock that the pipeline sees */
    int frozen;
    const char *space; /* namespace that the document says; "": none */
    const char *secrets_dir;
    int secrets_from_file;                /* Secrets beside the flow give their values */
    const char *set[APP_REPEATS_MAX + 1]; /* --set */
    df__buf variables;                    /* of --env-file, as it is */
    df__buf *problems; /* gets problems as JSON objects, comma between; NULL: they are printed */
} dfproc_flow;

/* Makes the environment. `level` as app_console_init. 0 or an exit code. */
int dfproc_open(dfproc_flow *flow, int level, int format);
/* Reads the file of the manifest. 0 or an exit code, the reason printed. */
int dfproc_read(dfproc_flow *flow, const char *file);
/* Takes its flow of that name, NULL: the only one. Tells what else is left out of the file. 0 or an
 * exit code, the reason printed. */
int dfproc_choose(dfproc_flow *flow, const char *name);
/* Notes of what in the file is no flow. */
void dfproc_tell_left_out(const dfproc_flow *flow);
/* Takes a document by its index. */
int dfproc_take(dfproc_flow *flow, size_t index);
/* How a flow of several in the file is called. 0: --name cannot choose it, it is told by its line.
 */
enum { DFPROC_TITLE = 400 };
int dfproc_title(const dfproc_flow *flow, const app_document *d, char *buf, size_t len);
/* How many of the documents are flows. */
size_t dfproc_flows(const dfproc_flow *flow);
/* Makes the pipeline from the manifest and checks it, in place of one that was there. Problems are
 * printed: all, or none when `quiet`. 0 or an exit code. */
int dfproc_build(dfproc_flow *flow, const df_pipeline_options *options, int quiet);
/* Prints each option that needs a Secret that is nowhere, and each that names a Secret of another
 * namespace. 0 or an exit code. */
int dfproc_has_secrets(dfproc_flow *flow);
/* Looks at each server of a checked flow and prints what is there, or adds JSON objects to `rows`,
 * comma between. 0 or an exit code. */
int dfproc_connect(dfproc_flow *flow, df__buf *rows);
/* --files, --env-prefix, --env-file, --show-values, --work-dir: where references lead, and where
 * temporary files are made. 0 or an exit code. */
int dfproc_reach(const app_args *args, dfproc_flow *flow, df_pipeline_options *options);
/* Reads the file of --env-file. 0 or an exit code. */
int dfproc_env_file(dfproc_flow *flow, const char *file);
/* The value of a variable in it; 0: it has none of that name. */
int dfproc_env_find(const dfproc_flow *flow, const char *name, const char **ret, size_t *ret_len);
/* A df_resolve_fn; `user` is the flow. */
int dfproc_resolve(void *user, const df_ref *ref, df_answer *answer);
/* The value of a Secret beside the flow. NULL, "" when it is not there or not to be used, or why it
 * has no value. */
const char *dfproc_secret_of_file(dfproc_flow *flow, const df_ref *ref, df__buf *out);
/* dfproc_open, dfproc_read, dfproc_choose and dfproc_build with defaults, for commands that only
 * look. */
int dfproc_load(dfproc_flow *flow, const app_args *args);
/* An open flow for commands that connect: dfproc_reach, dfproc_read, dfproc_choose, dfproc_build
 * and dfproc_has_secrets with the options of the command line. */
int dfproc_ready(dfproc_flow *flow, const app_args *args, df_pipeline_options *options,
                 const char *file);
/* Prints a problem, or adds it to flow->problems. */
void dfproc_tell_problem(dfproc_flow *flow, const df_problem *p);
/* Adds it as a JSON object, a comma before it when there is something. */
void dfproc_problem_json(df__buf *out, const char *severity, const df_problem *p);
/* Stops a pipeline at once and waits for its end; NULL is nothing. */
void dfproc_end(df_pipeline *p);
void dfproc_close(dfproc_flow *flow);
/* A thread of a pipeline that was ended did not come back: what it may use must stay, and the
 * process leaves by _exit. */
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
/* Messages become problems there; NULL: no more. */
void dfproc_messages_json(df__buf *problems);
/* "dfproc: text" on standard error; returns EXIT_FAILED. */
int dfproc_fail(const char *format, ...) DF_PRINTF(1, 2);
/* A line that is no failure, on standard error. */
void dfproc_note(const char *text);

/* There is no `what` ("sink") of that name among the rows of the description; returns EXIT_USAGE.
 */
int dfproc_not_found(const app_args *args, yyjson_val *rows, const char *what, const char *name);

/* A transformation of the description has to do with the word. */
int dfproc_fits_word(yyjson_val *transform, const char *word);
/* "filter or remove": what others call by that word; NULL: nothing. */
const char *dfproc_synonym(const char *word, char *buf, size_t len);

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
int dfproc_checkpoint(const app_args *args);
int dfproc_offsets(const app_args *args);
int dfproc_replay_command(const app_args *args);
int dfproc_slot(const app_args *args);
int dfproc_snapshot(const app_args *args);
int dfproc_iceberg(const app_args *args);
int dfproc_version(const app_args *args);

#endif
