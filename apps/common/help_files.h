/* SPDX-License-Identifier: Apache-2.0
 * help_files.h: the files that are generated from a program's table; see help.h. */
#ifndef APP_HELP_FILES_H
#define APP_HELP_FILES_H

#include "args.h"
#include "util/buf.h"

void app_help_man(df__buf *out, const app_program *program);
void app_help_bash(df__buf *out, const app_program *program);
void app_help_zsh(df__buf *out, const app_program *program);
void app_help_fish(df__buf *out, const app_program *program);

#endif
