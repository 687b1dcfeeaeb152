/* SPDX-License-Identifier: Apache-2.0
 * dispatch.h: from a command line to the command of a program, and how a command ends. */
#ifndef APP_DISPATCH_H
#define APP_DISPATCH_H

#include "common/args.h"
#include "util/buf.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_TEMPORARY = 75 };

/* Finds the command, parses its options and runs it; answers --help and --version itself. The exit
 * code, also of a standard output that cannot be written. */
int app_dispatch(const app_program *program, int argc, char **argv);
/* A line on standard error about a command line that makes no sense, with the usage; returns
 * EXIT_USAGE. */
int app_misuse(const app_args *args, const char *format, ...) DF_PRINTF(2, 3);
/* Prints to standard output and frees the buffer; the exit code. */
int app_print(const app_program *program, df__buf *out);
/* The flags for logs that programs of controller-runtime have, not shown by the help: manifests
 * that were made for the original go on. The last three change nothing of our lines. */
#define APP_ZAP_OPTIONS                                                                            \
    {"zap-log-level", 0, "LEVEL", NULL, NULL}, {"zap-encoder", 0, "ENCODER", NULL, NULL},          \
        {"zap-devel", 0, "[BOOL]", NULL, NULL}, {"zap-stacktrace-level", 0, "LEVEL", NULL, NULL},  \
    {                                                                                              \
        "zap-time-encoding", 0, "ENCODING", NULL, NULL                                             \
    }
/* The options log-level and log-format, as app_console_init takes them; without them those of
 * APP_ZAP_OPTIONS, which $LOG_LEVEL precedes. EXIT_DONE or EXIT_USAGE. */
int app_log_options(const app_args *args, int *ret_level, int *ret_format);
/* The command "help" of a program, and its options. */
int app_help(const app_args *args);
extern const app_option app_help_options[];

#endif
