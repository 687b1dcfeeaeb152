/* SPDX-License-Identifier: Apache-2.0
 * say.c: what a handle says: its name, the text of the last failure, the problems of its graph. */
#include "core/pipeline/pipeline.h"

#include <stdarg.h>

int df__pipeline_fail(df_pipeline *p, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    df__secrets_vprintf(p->secrets, p->error, sizeof p->error, format, args);
    va_end(args);
    return status;
}

const char *df_pipeline_errmsg(const df_pipeline *p)
{
    return p ? p->error : "";
}

const char *df__pipeline_name(const df_pipeline *p)
{
    return p->name ? p->name : p->graph.name ? p->graph.name : "dataflow";
}

const char *df__pipeline_space(const df_pipeline *p)
{
    return p->space ? p->space : p->graph.space ? p->graph.space : "";
}

int df_pipeline_problem_at(const df_pipeline *p, size_t index, df_problem *ret)
{
    return p && ret ? df__problem_at(p->graph.problems, index, ret) : DF_EINVAL;
}

static int first_problem(df_pipeline *p)
{
    df_problem at = {.size = sizeof at};
    size_t i = 0;
    while (df__problem_at(p->graph.problems, i++, &at) == DF_OK)
        if (at.severity == DF_ERROR)
            break;
    char place[32] = "";
    if (at.line)
        df__text_printf(place, sizeof place, ":%d:%d", at.line, at.column);
    return df__pipeline_fail(p, DF_ESPEC, "%s%s: %s%s%s%s%s%s", at.file ? at.file : "<text>", place,
                             at.field ? at.field : "", at.field && *at.field ? ": " : "",
                             at.text ? at.text : "", at.hint ? " (" : "", at.hint ? at.hint : "",
                             at.hint ? ")" : "");
}

int df__pipeline_result(df_pipeline *p, int rc)
{
    if (rc == DF_ENOMEM)
        return df__pipeline_fail(p, rc, "no memory");
    if (df__problems_count(p->graph.problems, DF_ERROR))
        return first_problem(p);
    return rc;
}
