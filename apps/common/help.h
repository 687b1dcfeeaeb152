/* SPDX-License-Identifier: Apache-2.0
 * help.h: help texts, the man page and shell completion, all from a program's table. */
#ifndef APP_HELP_H
#define APP_HELP_H

#include "args.h"
#include "util/buf.h"

/* Adds `text` in lines of at most 79 columns, each indented, the first one going on at column `at`;
 * ends with a newline. */
void app_text_wrap(df__buf *out, const char *text, size_t indent, size_t at);
/* What `PROGRAM help` prints. */
void app_help_program(df__buf *out, const app_program *program);
/* What `PROGRAM COMMAND --help` prints. */
void app_help_command(df__buf *out, const app_program *program, const app_command *command);
/* One line: "usage: dfproc run FILE [OPTIONS]". */
void app_help_usage(df__buf *out, const app_program *program, const app_command *command);
/* "man", "bash", "zsh" or "fish". 0, or -1 for another word. */
int app_help_format(df__buf *out, const app_program *program, const char *format);

#endif
