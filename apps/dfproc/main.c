/* SPDX-License-Identifier: Apache-2.0
 * main.c: entry of dfproc: finds the command, parses its options, runs it. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/help.h"
#include "dfproc/dfproc.h"

/* Where messages go once there is a console; it may want JSON lines. */
static app_console *messages;

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
    if (messages && messages->json)
        app_console_log(messages, DF_LOG_ERROR, text);
    else
        fprintf(stderr, "dfproc: %s\n", text);
    return EXIT_FAILED;
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
    else if (fwrite(out->data, 1, out->len, stdout) != out->len || fflush(stdout))
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

static int show_help(const app_command *command)
{
    df__buf out;
    df__buf_init(&out, &df__heap_libc);
    if (command)
        app_help_command(&out, &dfproc_program, command);
    else
        app_help_program(&out, &dfproc_program);
    return dfproc_print(&out);
}

static int no_command(const char *word)
{
    const app_command *near = app_command_nearest(&dfproc_program, word);
    fprintf(stderr, "dfproc: no command \"%s\"", word);
    if (near)
        fprintf(stderr, " (did you mean %s?)", near->name);
    fputs("; dfproc help lists them\n", stderr);
    return EXIT_USAGE;
}

/* A standard descriptor that was closed is taken by one that fails with EBADF, so that no socket
 * or file of the flow gets its number and the records with it. */
static void fill_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

static int dispatch(int argc, char **argv)
{
    app_args args = {.program = &dfproc_program};
    char err[300];
    int words = 2;
    if (argc < 2) {
        show_help(NULL);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        return show_help(NULL);
    if (!strcmp(argv[1], "--version")) {
        printf("dfproc %s\n", DF_PROGRAM_VERSION);
        return EXIT_DONE;
    }
    args.command = app_command_find(&dfproc_program, argv[1]);
    if (argv[1][0] == '-') {
        args.command = dfproc_program.bare;
        words = 1;
    }
    if (!args.command)
        return no_command(argv[1]);
    if (app_args_parse(&args, argc - words, argv + words, err, sizeof err) < 0)
        return dfproc_misuse(&args, "%s", err);
    if (args.help)
        return show_help(args.command);
    return args.command->run(&args);
}

int main(int argc, char **argv)
{
    int rc;
    mallopt(M_ARENA_MAX, 2);
    fill_descriptors();
    rc = dispatch(argc, argv);
    if ((fflush(stdout) || ferror(stdout)) && rc == EXIT_DONE)
        rc = dfproc_fail("cannot write to standard output: %s", strerror(errno));
    return rc;
}
