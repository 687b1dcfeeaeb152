/* SPDX-License-Identifier: Apache-2.0
 * say.c: what the commands of dfproc print: messages, results, help. */
#include <stdarg.h>
#include <stdio.h>

#include "common/help.h"
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

int dfproc_misuse(const app_args *args, const char *format, ...)
{
    df__buf usage;
    va_list list;
    fputs("dfproc: ", stderr);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    df__buf_init(&usage, &df__heap_libc);
    app_help_usage(&usage, &dfproc_program, args->command);
    fprintf(stderr, "\n%s", df__buf_cstr(&usage) ? usage.data : "");
    df__buf_free(&usage);
    return EXIT_USAGE;
}

int dfproc_write(void *user, const char *text, size_t len)
{
    df__buf *out = user;
    df__buf_add(out, text, len);
    return out->failed ? DF_ENOMEM : DF_OK;
}

int dfproc_print(df__buf *out)
{
    int rc = EXIT_DONE;
    if (out->failed)
        rc = dfproc_fail("out of memory");
    else if ((out->len && fwrite(out->data, 1, out->len, stdout) != out->len) || fflush(stdout))
        rc = dfproc_fail("cannot write to standard output");
    df__buf_free(out);
    return rc;
}

int dfproc_help(const app_args *args)
{
    static const char *const formats[] = {"man", "bash", "zsh", "fish"};
    df__buf out;
    df__buf_init(&out, &df__heap_libc);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (app_args_value(args, formats[i])) {
            app_help_format(&out, &dfproc_program, formats[i]);
            return dfproc_print(&out);
        }
    if (app_args_value(args, "words")) {
        for (const app_command *c = dfproc_program.commands; c->name; c++)
            df__buf_printf(&out, "%s\n", c->name);
    } else if (args->operand_count) {
        const app_command *c = app_command_find(&dfproc_program, args->operands[0]);
        if (!c)
            return dfproc_misuse(args, "no command \"%s\"", args->operands[0]);
        app_help_command(&out, &dfproc_program, c);
    } else {
        app_help_program(&out, &dfproc_program);
    }
    return dfproc_print(&out);
}
