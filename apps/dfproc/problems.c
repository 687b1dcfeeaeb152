/* SPDX-License-Identifier: Apache-2.0
 * problems.c: what is wrong with a manifest: as lines for people, or collected as JSON. */
#include <stdio.h>
#include <string.h>

#include "dfproc/dfproc.h"

/* "flow.yaml:3:5: error: spec.sink: text (hint)", the word in colour. */
static void add_line(const dfproc_flow *flow, const df_problem *p, df__buf *out)
{
    const char *word = p->severity == DF_WARNING ? "warning" : "error";
    const char *colour = p->severity == DF_WARNING ? "\033[33m" : "\033[31m";
    df__buf_printf(out, "%s:", p->file ? p->file : flow->file);
    if (p->line)
        df__buf_printf(out, "%d:%d:", p->line, p->column);
    if (!flow->console.json)
        df__buf_printf(out, flow->console.colour ? " %s%s\033[0m:" : " %.0s%s:", colour, word);
    if (p->field && *p->field)
        df__buf_printf(out, " %s:", p->field);
    df__buf_printf(out, " %s", p->text);
    if (p->hint && *p->hint)
        df__buf_printf(out, " (%s)", p->hint);
}

static void add_member(df__buf *out, const char *name, const char *text)
{
    df__buf_printf(out, ",\"%s\":", name);
    if (text && *text)
        df__buf_json(out, text, strlen(text));
    else
        df__buf_str(out, "null");
}

void dfproc_problem_json(df__buf *out, const char *severity, const df_problem *p)
{
    df__buf_printf(out, "%s{\"severity\":\"%s\"", out->len ? "," : "", severity);
    add_member(out, "file", p->file);
    if (p->line)
        df__buf_printf(out, ",\"line\":%d,\"column\":%d", p->line, p->column);
    else
        df__buf_str(out, ",\"line\":null,\"column\":null");
    add_member(out, "path", p->field);
    add_member(out, "text", p->text);
    add_member(out, "hint", p->hint);
    df__buf_char(out, '}');
}

void dfproc_tell_problem(dfproc_flow *flow, const df_problem *p)
{
    df__buf out;
    if (flow->problems) {
        dfproc_problem_json(flow->problems, p->severity == DF_WARNING ? "warning" : "error", p);
        return;
    }
    df__buf_init(&out, &df__heap_libc);
    add_line(flow, p, &out);
    if (df__buf_cstr(&out) && flow->console.json)
        app_console_log(&flow->console, p->severity == DF_WARNING ? DF_LOG_WARN : DF_LOG_ERROR,
                        out.data);
    else if (!out.failed)
        fprintf(stderr, "%s\n", out.data);
    df__buf_free(&out);
}
