/* SPDX-License-Identifier: Apache-2.0
 * connect.c: validate --connect: one look at each server of a flow. */
#include <stdio.h>
#include <string.h>

#include "common/visible.h"
#include "dataflow_manage.h"
#include "dfproc/dfproc.h"

typedef struct looks {
    const dfproc_flow *flow;
    df__buf *rows; /* NULL: for people */
} looks;

static const char *word_of(const df_probe *row)
{
    return row->status == DF_OK ? "ok" : row->status == DF_ENOTSUP ? "skipped" : "failed";
}

static void add_row(df__buf *out, const df_probe *row)
{
    static const char *const roles[] = {"", "source", "transform", "sink", "error sink"};
    const char *const texts[][2] = {{"stage", row->stage},   {"role", roles[row->role]},
                                    {"type", row->kind},     {"result", word_of(row)},
                                    {"reason", row->reason}, {"text", row->text}};
    df__buf_str(out, out->len ? ",{" : "{");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        df__buf_printf(out, "%s\"%s\":", i ? "," : "", texts[i][0]);
        df__buf_json(out, texts[i][1], strlen(texts[i][1]));
    }
    df__buf_char(out, '}');
}

static void tell(void *user, const df_probe *row)
{
    looks *all = user;
    df__buf text;
    if (all->rows)
        add_row(all->rows, row);
    df__buf_init(&text, &df__heap_libc);
    app_visible(&text, row->text, strlen(row->text), 0);
    if (!df__buf_cstr(&text))
        dfproc_fail("out of memory");
    else if (row->status != DF_OK && row->status != DF_ENOTSUP)
        dfproc_fail("%s: %s (%s): %s", all->flow->file, row->stage, row->kind, text.data);
    else if (!all->rows)
        printf("%s: %s (%s): %s: %s\n", all->flow->file, row->stage, row->kind, word_of(row),
               text.data);
    df__buf_free(&text);
}

int dfproc_connect(dfproc_flow *flow, df__buf *rows)
{
    looks all = {flow, rows};
    int rc = dfproc_has_secrets(flow);
    if (rc != EXIT_DONE)
        return rc;
    rc = df_pipeline_probe(flow->pipeline, 0, tell, &all);
    fflush(stdout);
    return dfproc_exit_code(rc);
}
