/* SPDX-License-Identifier: Apache-2.0
 * help_man.c: the man page in man(7) macros, from a program's table. */
#include <ctype.h>
#include <string.h>

#include "help_files.h"

enum { WRAP = 78 };

/* Text with roff's special characters made harmless, in lines of moderate length. */
static void add_text(df__buf *out, const char *text)
{
    int line_start = 1;
    size_t begin = out->len;
    for (const char *p = text; *p; p++) {
        if (line_start && (*p == '.' || *p == '\''))
            df__buf_str(out, "\\&");
        line_start = *p == '\n';
        if (*p == ' ' && out->len - begin + strcspn(p + 1, " \n") + 4 > WRAP) {
            df__buf_char(out, '\n');
            begin = out->len;
            line_start = 1;
        } else if (*p == '\\')
            df__buf_str(out, "\\e");
        else if (*p == '-')
            df__buf_str(out, "\\-");
        else if (*p == '\n' && p[1] == '\n')
            df__buf_str(out, "\n.PP"), line_start = 0;
        else
            df__buf_char(out, *p);
    }
    df__buf_char(out, '\n');
}

static void add_item(df__buf *out, const char *name, const char *text)
{
    df__buf_str(out, ".TP\n.B ");
    add_text(out, name);
    add_text(out, text);
}

static void add_pairs(df__buf *out, const char *title, const app_pair *pairs)
{
    if (!pairs)
        return;
    df__buf_printf(out, ".SH %s\n", title);
    for (; pairs->name; pairs++)
        add_item(out, pairs->name, pairs->text);
}

static void add_option(df__buf *out, const app_option *o)
{
    df__buf_str(out, ".TP\n");
    if (o->letter)
        df__buf_printf(out, "\\fB\\-%c\\fR, ", o->letter);
    df__buf_str(out, "\\fB\\-\\-");
    for (const char *p = o->name; *p; p++)
        df__buf_printf(out, *p == '-' ? "\\%c" : "%c", *p);
    df__buf_str(out, "\\fR");
    if (o->value)
        df__buf_printf(out, " \\fI%s\\fR", o->value);
    df__buf_char(out, '\n');
    add_text(out, o->doc);
}

static void add_command(df__buf *out, const app_program *program, const app_command *c)
{
    df__buf_printf(out, ".SS %s%s%s", program->name, c == program->bare ? "" : " ",
                   c == program->bare ? "" : c->name);
    df__buf_printf(out, "%s%s\n", c->operands[0] ? " " : "", c->operands);
    add_text(out, c->summary);
    if (c->doc) {
        df__buf_str(out, ".PP\n");
        add_text(out, c->doc);
    }
    for (const app_option *o = c->options; o && o->name; o++)
        if (o->doc)
            add_option(out, o);
}

void app_help_man(df__buf *out, const app_program *program)
{
    df__buf_str(out, ".\\\" Made by the program itself: help --man. Do not edit.\n.TH ");
    for (const char *p = program->name; *p; p++)
        df__buf_char(out, (char)toupper((unsigned char)*p));
    df__buf_printf(out, " %s %s \"%s %s\" \"%s\"\n", program->section ? program->section : "1",
                   program->date, program->name, program->version,
                   program->section ? "System Administration" : "User Commands");
    df__buf_printf(out, ".SH NAME\n%s \\- ", program->name);
    add_text(out, program->summary);
    df__buf_printf(out, ".SH SYNOPSIS\n.B %s\n.I COMMAND\n[\\fIOPTIONS\\fR]\n", program->name);
    if (program->bare) {
        df__buf_printf(out, ".br\n.B %s\n", program->name);
        add_text(out, program->bare->operands);
    }
    df__buf_str(out, ".SH DESCRIPTION\n");
    add_text(out, program->doc);
    df__buf_str(out, ".SH COMMANDS\n");
    for (const app_command *c = program->commands; c->name; c++)
        add_command(out, program, c);
    if (program->bare)
        add_command(out, program, program->bare);
    add_pairs(out, "EXIT STATUS", program->exits);
    add_pairs(out, "ENVIRONMENT", program->environment);
    add_pairs(out, "FILES", program->files);
    add_pairs(out, "EXAMPLES", program->examples);
}
