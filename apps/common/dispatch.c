/* SPDX-License-Identifier: Apache-2.0
 * dispatch.c: see dispatch.h. */
#include "common/dispatch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/console.h"
#include "common/help.h"

const app_option app_help_options[] = {
    {"man", 0, NULL, NULL, NULL},  {"bash", 0, NULL, NULL, NULL},  {"zsh", 0, NULL, NULL, NULL},
    {"fish", 0, NULL, NULL, NULL}, {"words", 0, NULL, NULL, NULL}, {0}};

static int fail(const app_program *program, const char *text)
{
    fprintf(stderr, "%s: %s\n", program->name, text);
    return EXIT_FAILED;
}

int app_print(const app_program *program, df__buf *out)
{
    int rc = EXIT_DONE;
    if (out->failed)
        rc = fail(program, "out of memory");
    else if ((out->len && fwrite(out->data, 1, out->len, stdout) != out->len) || fflush(stdout))
        rc = fail(program, "cannot write to standard output");
    df__buf_free(out);
    return rc;
}

int app_misuse(const app_args *args, const char *format, ...)
{
    df__buf usage;
    va_list list;
    fprintf(stderr, "%s: ", args->program->name);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    df__buf_init(&usage, &df__heap_libc);
    app_help_usage(&usage, args->program, args->command);
    fprintf(stderr, "\n%s", df__buf_cstr(&usage) ? usage.data : "");
    df__buf_free(&usage);
    return EXIT_USAGE;
}

/* debug, info, error, panic, or a number: the higher the more is said. 0: none of them. */
static int zap_level(const char *word)
{
    long long n;
    if (!strcmp(word, "panic"))
        return DF_LOG_ERROR;
    if (app_args_number(word, 1, 127, &n) == 0)
        return DF_LOG_DEBUG;
    return app_log_level(word);
}

static int zap_options(const app_args *args, int *level, int *format)
{
    const char *word = app_args_value(args, "zap-log-level");
    const char *encoder = app_args_value(args, "zap-encoder");
    const char *devel = app_args_value(args, "zap-devel");
    int is_devel = devel && (!strcmp(devel, "true") || !strcmp(devel, "1"));
    int said = word ? zap_level(word) : is_devel ? DF_LOG_DEBUG : 0;
    if (word && !said)
        return app_misuse(
            args, "--zap-log-level is debug, info, error, panic or a number, not \"%s\"", word);
    if (encoder && strcmp(encoder, "json") != 0 && strcmp(encoder, "console") != 0)
        return app_misuse(args, "--zap-encoder is json or console, not \"%s\"", encoder);
    if (!*level && !app_log_level(getenv("LOG_LEVEL")))
        *level = said;
    if (encoder)
        *format = strcmp(encoder, "json") ? APP_LOG_TEXT : APP_LOG_JSON;
    else if (is_devel)
        *format = APP_LOG_TEXT;
    return EXIT_DONE;
}

int app_log_options(const app_args *args, int *ret_level, int *ret_format)
{
    static const char *const formats[] = {"auto", "text", "json"};
    const char *level = app_args_value(args, "log-level");
    const char *format = app_args_value(args, "log-format");
    *ret_level = level ? app_log_level(level) : 0;
    *ret_format = APP_LOG_AUTO;
    if (zap_options(args, ret_level, ret_format) != EXIT_DONE)
        return EXIT_USAGE;
    if (level && !*ret_level)
        return app_misuse(args, "--log-level is debug, info, warn or error, not \"%s\"", level);
    for (int i = APP_LOG_AUTO; format && i <= APP_LOG_JSON; i++)
        if (!strcmp(format, formats[i])) {
            *ret_format = i;
            format = NULL;
        }
    return format ? app_misuse(args, "--log-format is auto, text or json, not \"%s\"", format)
                  : EXIT_DONE;
}

static int show_help(const app_program *program, const app_command *command)
{
    df__buf out;
    df__buf_init(&out, &df__heap_libc);
    if (command)
        app_help_command(&out, program, command);
    else
        app_help_program(&out, program);
    return app_print(program, &out);
}

static int show_words(const app_program *program)
{
    df__buf out;
    df__buf_init(&out, &df__heap_libc);
    for (const app_command *c = program->commands; c->name; c++)
        df__buf_printf(&out, "%s\n", c->name);
    return app_print(program, &out);
}

int app_help(const app_args *args)
{
    const app_program *program = args->program;
    const app_command *about = NULL;
    for (const app_option *o = app_help_options; o->name; o++) {
        df__buf out;
        df__buf_init(&out, &df__heap_libc);
        if (app_args_value(args, o->name) && !app_help_format(&out, program, o->name))
            return app_print(program, &out);
        df__buf_free(&out);
    }
    if (app_args_value(args, "words"))
        return show_words(program);
    if (args->operand_count && !(about = app_command_find(program, args->operands[0])))
        return app_misuse(args, "no command \"%s\"", args->operands[0]);
    return show_help(program, about);
}

static int no_command(const app_program *program, const char *word)
{
    const app_command *near = app_command_nearest(program, word);
    fprintf(stderr, "%s: no command \"%s\"", program->name, word);
    if (near)
        fprintf(stderr, " (did you mean %s?)", near->name);
    fprintf(stderr, "; %s help lists them\n", program->name);
    return EXIT_USAGE;
}

static int run_command(const app_program *program, int argc, char **argv)
{
    app_args args = {.program = program};
    char err[300];
    int words = 2;
    if (argc < 2) {
        show_help(program, NULL);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        return show_help(program, NULL);
    if (!strcmp(argv[1], "--version")) {
        printf("%s %s\n", program->name, program->version);
        return EXIT_DONE;
    }
    args.command = app_command_find(program, argv[1]);
    if (argv[1][0] == '-') {
        args.command = program->bare;
        words = 1;
    }
    if (!args.command)
        return no_command(program, argv[1]);
    if (app_args_parse(&args, argc - words, argv + words, err, sizeof err) < 0)
        return app_misuse(&args, "%s", err);
    if (args.help)
        return show_help(program, args.command);
    return args.command->run(&args);
}

int app_dispatch(const app_program *program, int argc, char **argv)
{
    int rc = run_command(program, argc, argv);
    if ((fflush(stdout) || ferror(stdout)) && rc == EXIT_DONE) {
        fprintf(stderr, "%s: cannot write to standard output: %s\n", program->name,
                strerror(errno));
        rc = EXIT_FAILED;
    }
    return rc;
}
