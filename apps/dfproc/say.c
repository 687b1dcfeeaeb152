/* SPDX-License-Identifier: Apache-2.0
 * say.c: what the commands of dfproc print: messages, results, help. */
#include <stdarg.h>
#include <stdio.h>

#include "dfproc/dfproc.h"

/* Where messages go once there is a console; it may want JSON lines. */
static app_console *messages;
static df__buf *problems;

void dfproc_messages_json(df__buf *to)
{
    problems = to;
}

void dfproc_messages(app_console *console)
{
    messages = console;
}

int dfproc_fail(const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    df__text_vprintf(text, sizeof text, format, args);
    va_end(args);
    if (problems)
        dfproc_problem_json(problems, "error", &(df_problem){.text = text});
    else if (messages && messages->json)
        app_console_log(messages, DF_LOG_ERROR, text);
    else
        fprintf(stderr, "dfproc: %s\n", text);
    return EXIT_FAILED;
}

void dfproc_note(const char *text)
{
    if (problems)
        dfproc_problem_json(problems, "note", &(df_problem){.text = text});
    else if (messages && messages->json)
        app_console_log(messages, DF_LOG_INFO, text);
    else
        fprintf(stderr, "%s\n", text);
}

int dfproc_write(void *user, const char *text, size_t len)
{
    df__buf *out = user;
    df__buf_add(out, text, len);
    return out->failed ? DF_ENOMEM : DF_OK;
}

int dfproc_print(df__buf *out)
{
    return app_print(&dfproc_program, out);
}
