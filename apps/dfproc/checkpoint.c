/* SPDX-License-Identifier: Apache-2.0
 * checkpoint.c: `dfproc checkpoint`: shows the stored positions of a flow, or forgets them: in the
 * folder where a run of a manifest keeps them, or in the cluster. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/visible.h"
#include "dfproc/run.h"

typedef int each_row(void *ctx, const df_state *row);

static int add_row(void *ctx, const df_state *row)
{
    df__buf *out = ctx;
    df__buf_printf(out, "%s ", row->stage);
    app_visible(out, row->partition, strlen(row->partition), 0);
    df__buf_str(out, ": ");
    app_visible(out, row->data.data, row->data.len, 0);
    df__buf_char(out, '\n');
    return out->failed ? DF_ENOMEM : DF_OK;
}

static int print_rows(df__buf *out)
{
    if (!out->len)
        dfproc_note("no positions are stored");
    return app_print(&dfproc_program, out);
}

/* ---- of a manifest ------------------------------------------------------------------------- */

typedef struct names {
    char *texts[2];
    struct names *next;
} names;

/* A row's texts belong to the store, which changes when rows go. */
static int note_row(void *ctx, const df_state *row)
{
    names **list = ctx, *n = calloc(1, sizeof *n);
    if (!n)
        return DF_ENOMEM;
    n->texts[0] = strdup(row->stage);
    n->texts[1] = strdup(row->partition);
    n->next = *list;
    *list = n;
    return n->texts[0] && n->texts[1] ? DF_OK : DF_ENOMEM;
}

static int forget_rows(const df_store *store)
{
    names *list = NULL, *next;
    int rc = store->list(store->user, note_row, &list);
    for (; list; list = next) {
        df_state row = {.size = sizeof row, .stage = list->texts[0], .partition = list->texts[1]};
        next = list->next;
        if (rc == DF_OK)
            rc = store->save(store->user, &row, 1);
        free(list->texts[0]);
        free(list->texts[1]);
        free(list);
    }
    return rc == DF_OK ? EXIT_DONE
                       : dfproc_fail("positions cannot be forgotten: %s", df_status_text(rc));
}

static int use_store(const df_store *store, int reset)
{
    df__buf out;
    if (reset)
        return forget_rows(store);
    df__buf_init(&out, &df__heap_libc);
    store->list(store->user, add_row, &out);
    return print_rows(&out);
}

static int of_manifest(const app_args *args, int reset)
{
    dfproc_job *job = calloc(1, sizeof *job);
    dfproc_job_options o = {.file = args->operands[1], .args = args, .keep_positions = 1};
    app_args own = *args;
    df_store store = {.size = sizeof store};
    int rc;
    if (!job)
        return dfproc_fail("out of memory");
    own.operands++;
    own.operand_count--;
    o.state_dir = app_args_value(args, "state-dir");
    rc = dfproc_load(&job->flow, &own);
    if (rc == EXIT_DONE) {
        int found = dfproc_store_files(job, &o, &store);
        rc = found == DF_OK     ? use_store(&store, reset)
             : found == DF_DONE ? dfproc_fail("this flow keeps no positions in a folder: \"dfproc "
                                              "explain\" says where they are")
                                : EXIT_FAILED;
        if (found == DF_OK)
            store.user_free(store.user);
    }
    dfproc_close(&job->flow);
    free(job);
    return rc;
}

/* ---- in the cluster ------------------------------------------------------------------------ */

static int of_cluster(const app_args *args, int reset)
{
    char err[DFPROC_CLUSTER_TEXT] = "";
    dfproc_cluster_options options = {.kubeconfig = app_args_value(args, "kubeconfig"),
                                      .space = app_args_value(args, "namespace"),
                                      .name = app_args_value(args, "name"),
                                      .map = app_args_value(args, "map"),
                                      .source_type = "",
                                      .stage = ""};
    const dfproc_cluster_calls *calls;
    dfproc_cluster *cluster = NULL;
    df__buf out;
    int rc;
    if (!options.space || !options.name)
        return app_misuse(args, "FILE, or --namespace and --name, are needed");
    calls = dfproc_cluster_module();
    if (!calls)
        return EXIT_FAILED;
    df__buf_init(&out, &df__heap_libc);
    rc = calls->open(&options, &cluster, err);
    if (rc == DF_OK)
        rc = reset ? calls->reset(cluster, err) : calls->show(cluster, add_row, &out, err);
    calls->close(cluster, 0);
    if (rc == DF_OK)
        return reset ? EXIT_DONE : print_rows(&out);
    df__buf_free(&out);
    return dfproc_fail("%s", err);
}

int dfproc_checkpoint(const app_args *args)
{
    int reset = !strcmp(args->operands[0], "reset");
    if (!reset && strcmp(args->operands[0], "show") != 0)
        return app_misuse(args, "show or reset, not \"%s\"", args->operands[0]);
    if (args->operand_count > 1 && app_args_value(args, "namespace"))
        return app_misuse(args, "FILE and --namespace are two places");
    return args->operand_count > 1 ? of_manifest(args, reset) : of_cluster(args, reset);
}
