/* SPDX-License-Identifier: Apache-2.0
 * args.h: command lines of our programs. One table per program describes commands and options;
 * parsing, --help, the man page and shell completion are all made from it. */
#ifndef APP_ARGS_H
#define APP_ARGS_H

#include <stddef.h>

enum { APP_OPTIONS_MAX = 32, APP_REPEATS_MAX = 64 };

typedef struct app_args app_args;

typedef struct app_option {
    const char *name;  /* without dashes */
    char letter;       /* short form or 0 */
    const char *value; /* name of the value ("N"); NULL: a switch; "PATH=VALUE...": may be given
                          several times; "[BOOL]": only behind a "=", else it is "true" */
    const char *words; /* completion: "file", "dir", or the possible words; NULL: none */
    const char *doc;   /* NULL: hidden */
} app_option;

typedef struct app_command {
    const char *name, *summary;
    const char *operands; /* "FILE...", for people */
    const char *words;    /* completion of operands, as in app_option; "@sources @sinks" ask the
                                        program, for the first operand and the others */
    const char *doc;      /* a paragraph or two for the help and the man page */
    const app_option *options;      /* name NULL at the end; NULL: none */
    int min_operands, max_operands; /* max -1: any number */
    int (*run)(const app_args *args);
} app_command;

typedef struct app_pair {
    const char *name, *text;
} app_pair;

typedef struct app_program {
    const char *name, *version, *summary, *doc;
    const char *date;            /* of the texts, for the man page */
    const char *section;         /* of the man page; NULL: 1, of a user's commands */
    const app_command *commands; /* name NULL at the end */
    const app_command *bare;     /* the form without a command word, or NULL */
    const app_pair *exits, *environment, *files, *examples; /* name NULL at the end */
} app_program;

struct app_args {
    const app_program *program;
    const app_command *command;
    const char *values[APP_OPTIONS_MAX]; /* by row of command->options; switches: "" */
    struct {
        const app_option *option;
        const char *value;
    } repeats[APP_REPEATS_MAX]; /* of options that may be given several times, in order */
    int repeat_count;
    char *const *operands;
    int operand_count;
    int help; /* --help was asked for */
};

/* Fills `args` from argv[0..argc), which holds options and operands of args->command and is
 * reordered. 0, or -1 with one line in `err`. */
int app_args_parse(app_args *args, int argc, char **argv, char *err, size_t err_len);
/* Value of an option; "" for a switch that is set; NULL when absent. */
const char *app_args_value(const app_args *args, const char *name);
/* All values of an option that may be given several times, in order, NULL at the end. */
void app_args_list(const app_args *args, const char *name, const char *ret[APP_REPEATS_MAX + 1]);
/* Whole number in [min, max] from text; 0 or -1. */
int app_args_number(const char *text, long long min, long long max, long long *ret);
/* Edit distance of two short words; long ones count as far apart. */
size_t app_word_distance(const char *a, const char *b);
/* The command of that name, or NULL. */
const app_command *app_command_find(const app_program *program, const char *name);
/* The command whose name is nearest to a mistyped one, or NULL. */
const app_command *app_command_nearest(const app_program *program, const char *name);

#endif
