/* SPDX-License-Identifier: Apache-2.0
 * help.c: help texts from a program's table, see help.h. */
#include "help.h"

#include <string.h>

#include "help_files.h"

enum { WRAP = 79, NAME_COLUMN = 24 };

void app_text_wrap(df__buf *out, const char *text, size_t indent, size_t at)
{
    const char *p = text;
    while (*p) {
        size_t word = strcspn(p, " \n");
        if (at > indent && at + 1 + word > WRAP) {
            df__buf_char(out, '\n');
            at = 0;
        }
        if (at < indent)
            df__buf_printf(out, "%*s", (int)(indent - at), "");
        else if (at > indent)
            df__buf_char(out, ' ');
        at = (at < indent ? indent : at > indent ? at + 1 : at) + word;
        df__buf_add(out, p, word);
        p += word;
        if (*p == '\n') {
            df__buf_char(out, '\n');
            at = 0;
        }
        p += *p ? 1 : 0;
    }
    df__buf_char(out, '\n');
}

static void add_row(df__buf *out, const char *name, const char *text)
{
    size_t len = strlen(name) + 2;
    df__buf_printf(out, "  %s", name);
    if (len + 2 > NAME_COLUMN) {
        df__buf_char(out, '\n');
        len = 0;
    }
    if (len)
        df__buf_printf(out, "%*s", (int)(NAME_COLUMN - len), "");
    app_text_wrap(out, text, NAME_COLUMN, len ? NAME_COLUMN : 0);
}

static void add_pairs(df__buf *out, const char *title, const app_pair *pairs)
{
    if (!pairs)
        return;
    df__buf_printf(out, "\n%s:\n", title);
    for (; pairs->name; pairs++)
        add_row(out, pairs->name, pairs->text);
}

static void add_options(df__buf *out, const app_command *command)
{
    df__buf_str(out, "\noptions:\n");
    for (const app_option *o = command->options; o && o->name; o++) {
        df__buf name;
        if (!o->doc)
            continue;
        df__buf_init(&name, &df__heap_libc);
        if (o->letter)
            df__buf_printf(&name, "-%c, ", o->letter);
        df__buf_printf(&name, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        if (df__buf_cstr(&name))
            add_row(out, name.data, o->doc);
        df__buf_free(&name);
    }
    add_row(out, "-h, --help", "Shows this help.");
}

static int has_options(const app_command *command)
{
    for (const app_option *o = command->options; o && o->name; o++)
        if (o->doc)
            return 1;
    return 0;
}

void app_help_usage(df__buf *out, const app_program *program, const app_command *command)
{
    df__buf_printf(out, "usage: %s", program->name);
    if (command && command != program->bare)
        df__buf_printf(out, " %s", command->name);
    if (!command)
        df__buf_str(out, " COMMAND");
    if (!command || has_options(command))
        df__buf_str(out, " [OPTIONS]");
    if (command && command->operands[0])
        df__buf_printf(out, " %s", command->operands);
    df__buf_char(out, '\n');
}

void app_help_command(df__buf *out, const app_program *program, const app_command *command)
{
    app_help_usage(out, program, command);
    df__buf_printf(out, "\n%s\n", command->summary);
    if (command->doc) {
        df__buf_char(out, '\n');
        app_text_wrap(out, command->doc, 0, 0);
    }
    add_options(out, command);
}

void app_help_program(df__buf *out, const app_program *program)
{
    df__buf_printf(out, "%s: %s\n\n", program->name, program->summary);
    app_help_usage(out, program, NULL);
    if (program->bare)
        df__buf_printf(out, "       %s %s\n", program->name, program->bare->operands);
    df__buf_str(out, "\ncommands:\n");
    for (const app_command *c = program->commands; c->name; c++)
        add_row(out, c->name, c->summary);
    df__buf_printf(out, "\n%s COMMAND --help tells more about a command.\n", program->name);
    add_pairs(out, "examples", program->examples);
    add_pairs(out, "exit codes", program->exits);
    add_pairs(out, "environment", program->environment);
}

int app_help_format(df__buf *out, const app_program *program, const char *format)
{
    static const struct {
        const char *name;
        void (*make)(df__buf *out, const app_program *program);
    } formats[] = {{"man", app_help_man},
                   {"bash", app_help_bash},
                   {"zsh", app_help_zsh},
                   {"fish", app_help_fish}};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (!strcmp(formats[i].name, format)) {
            formats[i].make(out, program);
            return 0;
        }
    return -1;
}
