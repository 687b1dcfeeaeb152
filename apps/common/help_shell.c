/* SPDX-License-Identifier: Apache-2.0
 * help_shell.c: completion for bash, zsh and fish, from a program's table. Words that depend on
 * the build, such as the kinds of sources, are asked from the program when they are needed. */
#include <stdio.h>
#include <string.h>

#include "help_files.h"

/* "@sources" -> what the shell runs to get the words; NULL: `words` itself. */
static const char *word_command(const char *words)
{
    static const app_pair asked[] = {{"@sources", "connectors --words source"},
                                     {"@sinks", "connectors --words sink"},
                                     {"@connectors", "connectors --words any"},
                                     {"@transforms", "transforms --words"},
                                     {"@commands", "help --words"},
                                     {NULL, NULL}};
    for (const app_pair *a = asked; a->name; a++)
        if (!strcmp(a->name, words))
            return a->text;
    return NULL;
}

static void bash_action(df__buf *out, const app_program *program, const char *words)
{
    const char *command = words ? word_command(words) : NULL;
    if (!words)
        df__buf_str(out, "COMPREPLY=()");
    else if (!strcmp(words, "file"))
        df__buf_str(out, "COMPREPLY=($(compgen -f -- \"$cur\")); compopt -o filenames");
    else if (!strcmp(words, "dir"))
        df__buf_str(out, "COMPREPLY=($(compgen -d -- \"$cur\")); compopt -o filenames");
    else if (command)
        df__buf_printf(out, "COMPREPLY=($(compgen -W \"$(%s %s 2>/dev/null)\" -- \"$cur\"))",
                       program->name, command);
    else
        df__buf_printf(out, "COMPREPLY=($(compgen -W \"%s\" -- \"$cur\"))", words);
}

/* "@sources @sinks" are the words of the first operand and of the others. */
static const char *second_words(const char *words, char *first, size_t len)
{
    const char *space = words && words[0] == '@' ? strchr(words, ' ') : NULL;
    snprintf(first, len, "%.*s", space ? (int)(space - words) : 0, words ? words : "");
    return space ? space + 1 : NULL;
}

static void bash_operands(df__buf *out, const app_program *program, const char *words)
{
    char first[40];
    const char *second = second_words(words, first, sizeof first);
    if (!second) {
        bash_action(out, program, words);
        return;
    }
    df__buf_str(out, "if [ \"$COMP_CWORD\" = 2 ]; then ");
    bash_action(out, program, first);
    df__buf_str(out, "\n            else ");
    bash_action(out, program, second);
    df__buf_str(out, "; fi");
}

static void bash_command(df__buf *out, const app_program *program, const app_command *c)
{
    df__buf_printf(out, "    %s)\n        case $prev in\n", c == program->bare ? "-*" : c->name);
    for (const app_option *o = c->options; o && o->name; o++) {
        if (!o->doc || !o->value)
            continue;
        df__buf_printf(out, "        --%s", o->name);
        if (o->letter)
            df__buf_printf(out, " | -%c", o->letter);
        df__buf_str(out, ") ");
        bash_action(out, program, o->words);
        df__buf_str(out, "; return ;;\n");
    }
    df__buf_str(out, "        esac\n        if [[ $cur == -* ]]; then\n"
                     "            COMPREPLY=($(compgen -W \"--help");
    for (const app_option *o = c->options; o && o->name; o++)
        if (o->doc)
            df__buf_printf(out, " --%s", o->name);
    df__buf_printf(out, "%s\" -- \"$cur\"))\n        else\n            ",
                   c == program->bare ? " --version" : "");
    bash_operands(out, program, c->words);
    df__buf_str(out, "\n        fi\n        ;;\n");
}

void app_help_bash(df__buf *out, const app_program *program)
{
    df__buf_printf(
        out,
        "# bash completion for %s. Made by the program itself: help --bash.\n"
        "_%s() {\n    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
        "    COMPREPLY=()\n    # bash splits --name=value\n"
        "    [ \"$cur\" = = ] && cur=\n"
        "    [ \"$prev\" = = ] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
        "    if [ \"$COMP_CWORD\" = 1 ] && [[ $cur != -* ]]; then\n"
        "        COMPREPLY=($(compgen -W \"",
        program->name, program->name);
    for (const app_command *c = program->commands; c->name; c++)
        df__buf_printf(out, "%s%s", c == program->commands ? "" : " ", c->name);
    df__buf_str(out, "\" -- \"$cur\"))\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n");
    for (const app_command *c = program->commands; c->name; c++)
        bash_command(out, program, c);
    if (program->bare)
        bash_command(out, program, program->bare);
    df__buf_printf(out, "    esac\n}\ncomplete -F _%s %s\n", program->name, program->name);
}

/* A text for zsh's and fish's single quotes. */
static void add_quoted(df__buf *out, const char *text, const char *bad)
{
    for (const char *p = text; *p; p++)
        if (*p == '\'')
            df__buf_str(out, "'\\''");
        else if (strchr(bad, *p))
            df__buf_printf(out, "\\%c", *p);
        else
            df__buf_char(out, *p);
}

static void zsh_action(df__buf *out, const app_program *program, const char *words)
{
    const char *command = words ? word_command(words) : NULL;
    if (!words)
        df__buf_str(out, " ");
    else if (!strcmp(words, "file"))
        df__buf_str(out, "_files");
    else if (!strcmp(words, "dir"))
        df__buf_str(out, "_files -/");
    else if (command)
        df__buf_printf(out, "($(%s %s 2>/dev/null))", program->name, command);
    else
        df__buf_printf(out, "(%s)", words);
}

static void zsh_command(df__buf *out, const app_program *program, const app_command *c)
{
    char first[40];
    const char *second = second_words(c->words, first, sizeof first);
    df__buf_printf(out, "    %s)\n        _arguments", c == program->bare ? "-*" : c->name);
    for (const app_option *o = c->options; o && o->name; o++) {
        if (!o->doc)
            continue;
        df__buf_str(out, " \\\n            ");
        if (o->letter) /* either of the two, once */
            df__buf_printf(out, "'(-%c --%s)'{-%c%s,--%s%s}'[", o->letter, o->name, o->letter,
                           o->value ? "+" : "", o->name, o->value ? "=" : "");
        else
            df__buf_printf(out, "'--%s%s[", o->name, o->value ? "=" : "");
        add_quoted(out, o->doc, "[]:");
        df__buf_char(out, ']');
        if (o->value) {
            df__buf_printf(out, ":%s:", o->value);
            zsh_action(out, program, o->words);
        }
        df__buf_char(out, '\'');
    }
    if (second) {
        df__buf_str(out, " \\\n            '1:operand:");
        zsh_action(out, program, first);
        df__buf_char(out, '\'');
    }
    df__buf_str(out, " \\\n            '*:");
    df__buf_str(out, c->operands[0] ? "operand:" : "nothing:");
    zsh_action(out, program, second ? second : c->words);
    df__buf_str(out, "'\n        ;;\n");
}

void app_help_zsh(df__buf *out, const app_program *program)
{
    df__buf_printf(
        out,
        "#compdef %s\n# Made by the program itself: help --zsh.\n_%s() {\n"
        "    if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n        local -a commands=(\n",
        program->name, program->name);
    for (const app_command *c = program->commands; c->name; c++) {
        df__buf_printf(out, "            '%s:", c->name);
        add_quoted(out, c->summary, ":");
        df__buf_str(out, "'\n");
    }
    df__buf_str(out, "        )\n        _describe command commands\n        return\n    fi\n"
                     "    local command=$words[2]\n    if [[ $command != -* ]]; then\n"
                     "        shift words\n        (( CURRENT-- ))\n    fi\n"
                     "    case $command in\n");
    for (const app_command *c = program->commands; c->name; c++)
        zsh_command(out, program, c);
    if (program->bare)
        zsh_command(out, program, program->bare);
    df__buf_printf(out, "    esac\n}\n_%s \"$@\"\n", program->name);
}

static void fish_words(df__buf *out, const app_program *program, const char *words)
{
    const char *command = words ? word_command(words) : NULL;
    if (!words)
        df__buf_str(out, " -f");
    else if (!strcmp(words, "file"))
        df__buf_str(out, " -F");
    else if (!strcmp(words, "dir"))
        df__buf_str(out, " -f -a '(__fish_complete_directories)'");
    else if (command)
        df__buf_printf(out, " -f -a '(%s %s 2>/dev/null)'", program->name, command);
    else
        df__buf_printf(out, " -f -a '%s'", words);
}

static void fish_options(df__buf *out, const app_program *program, const app_command *c,
                         const char *when)
{
    for (const app_option *o = c->options; o && o->name; o++) {
        if (!o->doc)
            continue;
        df__buf_printf(out, "complete -c %s -n '%s' -l %s", program->name, when, o->name);
        if (o->letter)
            df__buf_printf(out, " -s %c", o->letter);
        if (o->value) {
            df__buf_str(out, " -r");
            fish_words(out, program, o->words);
        }
        df__buf_str(out, " -d '");
        add_quoted(out, o->doc, "");
        df__buf_str(out, "'\n");
    }
}

static void fish_command(df__buf *out, const app_program *program, const app_command *c)
{
    const char *name = program->name;
    char when[100], first[40];
    const char *second = second_words(c->words, first, sizeof first);
    df__buf_printf(out, "complete -c %s -n '__fish_use_subcommand' -f -a %s -d '", name, c->name);
    add_quoted(out, c->summary, "");
    snprintf(when, sizeof when, "__fish_seen_subcommand_from %s", c->name);
    df__buf_printf(out, "'\ncomplete -c %s -n '%s", name, when);
    if (second) {
        df__buf_str(out, "; and test (count (commandline -opc)) -eq 2'");
        fish_words(out, program, first);
        df__buf_printf(out, "\ncomplete -c %s -n '%s; and test (count (commandline -opc)) -gt 2",
                       name, when);
    }
    df__buf_char(out, '\'');
    fish_words(out, program, second ? second : c->words);
    df__buf_char(out, '\n');
    fish_options(out, program, c, when);
}

void app_help_fish(df__buf *out, const app_program *program)
{
    df__buf_printf(out, "# fish completion for %s. Made by the program itself: help --fish.\n",
                   program->name);
    for (const app_command *c = program->commands; c->name; c++)
        fish_command(out, program, c);
    if (program->bare)
        fish_options(out, program, program->bare, "__fish_use_subcommand");
}
