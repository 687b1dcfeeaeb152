/* SPDX-License-Identifier: Apache-2.0
 * args.c: parses a command line by a program's table, see args.h. */
#include "args.h"

#include <stdio.h>
#include <string.h>

size_t app_word_distance(const char *a, const char *b)
{
    enum { WORD_MAX = 40 };
    size_t row[WORD_MAX + 1];
    size_t la = strlen(a), lb = strlen(b);
    if (la > WORD_MAX || lb > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t best = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[lb];
}

static const app_option *option_find(const app_command *c, const char *name, size_t len)
{
    for (const app_option *o = c->options; o && o->name; o++)
        if (strlen(o->name) == len && !memcmp(o->name, name, len))
            return o;
    return NULL;
}

static const app_option *option_letter(const app_command *c, char letter)
{
    for (const app_option *o = c->options; o && o->name; o++)
        if (o->letter && o->letter == letter)
            return o;
    return NULL;
}

static int option_unknown(const app_command *c, const char *word, char *err, size_t err_len)
{
    const app_option *near = NULL;
    size_t best = 3;
    for (const app_option *o = c->options; o && o->name; o++) {
        size_t d = o->doc ? app_word_distance(word + strspn(word, "-"), o->name) : best;
        if (d < best) {
            best = d;
            near = o;
        }
    }
    if (near)
        snprintf(err, err_len, "unknown option %s (did you mean --%s?)", word, near->name);
    else
        snprintf(err, err_len, "unknown option %s", word);
    return -1;
}

static int repeat(app_args *args, const app_option *o, const char *value, const char **ret_problem)
{
    size_t len = strlen(o->value);
    if (len < 3 || strcmp(o->value + len - 3, "...") != 0)
        return 0;
    if (args->repeat_count == APP_REPEATS_MAX) {
        *ret_problem = "is given too often";
        return -1;
    }
    args->repeats[args->repeat_count].option = o;
    args->repeats[args->repeat_count++].value = value;
    return 0;
}

/* One option word at argv[*at]; may take the next word as its value. */
static int option_take(app_args *args, char **argv, int argc, int *at, const char **ret_problem)
{
    const app_command *c = args->command;
    const char *word = argv[*at], *value = NULL;
    const app_option *o;
    *ret_problem = "unknown";
    if (word[1] == '-') {
        size_t len = strcspn(word + 2, "=");
        o = option_find(c, word + 2, len);
        value = word[2 + len] ? word + 2 + len + 1 : NULL;
    } else {
        o = option_letter(c, word[1]);
        value = word[2] ? word + 2 : NULL;
    }
    if (!o)
        return -1;
    if (!o->value && value) {
        *ret_problem = "takes no value";
        return -1;
    }
    if (o->value && !value && *o->value == '[') {
        value = "true";
    } else if (o->value && !value) {
        if (*at + 1 >= argc) {
            *ret_problem = "needs a value";
            return -1;
        }
        value = argv[++*at];
    }
    args->values[o - c->options] = o->value ? value : "";
    return o->value ? repeat(args, o, value, ret_problem) : 0;
}

int app_args_parse(app_args *args, int argc, char **argv, char *err, size_t err_len)
{
    const app_command *c = args->command;
    int operands = 0, only_operands = 0;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i], *problem;
        if (only_operands || word[0] != '-' || !word[1]) {
            argv[operands++] = argv[i];
        } else if (!strcmp(word, "--")) {
            only_operands = 1;
        } else if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
            args->help = 1;
        } else if (option_take(args, argv, argc, &i, &problem) < 0) {
            if (!strcmp(problem, "unknown"))
                return option_unknown(c, word, err, err_len);
            snprintf(err, err_len, "option %s %s", word, problem);
            return -1;
        }
    }
    args->operands = argv;
    args->operand_count = operands;
    if (args->help)
        return 0;
    if (operands < c->min_operands) {
        snprintf(err, err_len, "%s is missing", c->operands);
        return -1;
    }
    if (c->max_operands >= 0 && operands > c->max_operands) {
        snprintf(err, err_len, "unexpected \"%s\"", argv[c->max_operands]);
        return -1;
    }
    return 0;
}

const char *app_args_value(const app_args *args, const char *name)
{
    const app_option *o = option_find(args->command, name, strlen(name));
    return o ? args->values[o - args->command->options] : NULL;
}

void app_args_list(const app_args *args, const char *name, const char *ret[APP_REPEATS_MAX + 1])
{
    const app_option *o = option_find(args->command, name, strlen(name));
    int n = 0;
    for (int i = 0; i < args->repeat_count; i++)
        if (args->repeats[i].option == o)
            ret[n++] = args->repeats[i].value;
    ret[n] = NULL;
}

int app_args_number(const char *text, long long min, long long max, long long *ret)
{
    long long n = 0;
    int negative = *text == '-';
    const char *p = text + negative;
    if (!*p)
        return -1;
    for (; *p; p++) {
        if (*p < '0' || *p > '9' || n > (9223372036854775807LL - (*p - '0')) / 10)
            return -1;
        n = n * 10 + (*p - '0');
    }
    n = negative ? -n : n;
    if (n < min || n > max)
        return -1;
    *ret = n;
    return 0;
}

const app_command *app_command_find(const app_program *program, const char *name)
{
    for (const app_command *c = program->commands; c->name; c++)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}

const app_command *app_command_nearest(const app_program *program, const char *name)
{
    const app_command *near = NULL;
    size_t best = 3;
    for (const app_command *c = program->commands; c->name; c++) {
        size_t d = app_word_distance(name, c->name);
        if (d < best) {
            best = d;
            near = c;
        }
    }
    return near;
}
