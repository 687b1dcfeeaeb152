/* SPDX-License-Identifier: Apache-2.0
 * main.c: entry of dfproc: finds the command, parses its options, runs it. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/help.h"
#include "dfproc/dfproc.h"

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
    if (dfproc_left_behind()) /* a library still runs: what exit would tear down is in use */
        _exit(rc);
    return rc;
}
