/* SPDX-License-Identifier: Apache-2.0
 * cluster_run.c: a run in a pod: whether the cluster is asked, for what, and what is done when the
 * Lease is lost. */
#include <string.h>

#include "dfproc/run.h"

/* Saving after each ack would be a write of the whole cluster's store for each batch. */
enum { SYNC_MS = 250 };

int dfproc_asks_cluster(const dfproc_job_options *o)
{
    if (o->checkpoint)
        return strcmp(o->checkpoint, "none") != 0;
    return !o->keep_positions && !o->state_dir && dfproc_is_pod();
}

static void on_lost(void *user)
{
    dfproc_job *job = user;
    atomic_store(&job->lost, 1);
    df_pipeline_stop(job->flow.pipeline, DF_STOP_NOW);
}

static void on_log(void *user, int level, const char *line)
{
    dfproc_job *job = user;
    app_console_log(&job->flow.console, level, line);
}

static yyjson_val *source_of(yyjson_val *plan)
{
    yyjson_val *stage;
    size_t at, count;
    yyjson_arr_foreach (yyjson_obj_get(plan, "stages"), at, count, stage)
        if (!strcmp(app_json_text(stage, "role"), "source"))
            return stage;
    return NULL;
}

/* Pods of Kafka share their group; every other source has one reader. */
static int reads_alone(yyjson_val *source)
{
    return strcmp(app_json_text(source, "kind"), "kafka") != 0;
}

static int interval_ms(yyjson_val *plan)
{
    long long ms = app_json_number(plan, "checkpointSaveIntervalMs");
    if (app_json_true(plan, "checkpointSyncOnAck") || ms < SYNC_MS)
        return SYNC_MS;
    return ms > 86400000 ? 86400000 : (int)ms;
}

/* No reply, rights that come later, the old flow of this name that still goes. */
static int waiting_helps(int rc)
{
    return rc == DF_EIO || rc == DF_ETIMEOUT || rc == DF_EAUTH || rc == DF_EFENCED ||
           rc == DF_ENOMEM;
}

/* "kubernetes:MAP" */
static const char *map_of(const dfproc_job_options *o)
{
    const char *colon = o->checkpoint ? strchr(o->checkpoint, ':') : NULL;
    return colon ? colon + 1 : NULL;
}

int dfproc_cluster_open(dfproc_job *job, const dfproc_job_options *o, yyjson_val *plan,
                        df_store *store)
{
    char err[DFPROC_CLUSTER_TEXT] = "";
    yyjson_val *source = source_of(plan);
    dfproc_cluster_options options = {.kubeconfig = o->kubeconfig,
                                      .space = o->space,
                                      .name = o->name,
                                      .uid = o->uid,
                                      .kind = o->kind,
                                      .map = map_of(o),
                                      .lease = o->lease,
                                      .source_type = app_json_text(source, "kind"),
                                      .stage = app_json_text(source, "name"),
                                      .min_interval_ms = interval_ms(plan),
                                      .reset =
                                          app_json_true(plan, "checkpointReset") ? o->reset : NULL,
                                      .log = on_log,
                                      .lost = on_lost,
                                      .user = job};
    int rc;
    job->reads_alone = reads_alone(source);
    if (!store && !job->reads_alone)
        return DF_DONE;
    job->cluster_calls = dfproc_cluster_module();
    if (!job->cluster_calls)
        return DF_ENOTSUP;
    rc = job->cluster_calls->open(&options, &job->cluster, err);
    if (rc == DF_OK && store)
        rc = job->cluster_calls->store(job->cluster, store, err);
    job->resets_once = options.reset && store;
    if (rc != DF_OK) {
        dfproc_fail("%s", err);
        return waiting_helps(rc) ? DF_ETEMPORARY : rc;
    }
    if (store)
        app_console_logf(&job->flow.console, DF_LOG_INFO,
                         "read positions are kept in the cluster; checkpointReset: true forgets "
                         "them");
    return store ? DF_OK : DF_DONE;
}

int dfproc_cluster_take(dfproc_job *job)
{
    char err[DFPROC_CLUSTER_TEXT] = "";
    int rc;
    if (!job->cluster || !job->reads_alone)
        return EXIT_DONE;
    rc = job->cluster_calls->take(job->cluster, err);
    if (rc == DF_OK || rc == DF_ECANCELED)
        return EXIT_DONE; /* a stop that was asked for ends the pipeline as it starts */
    dfproc_fail("%s", err);
    return dfproc_exit_code(waiting_helps(rc) ? DF_ETEMPORARY : rc);
}

int dfproc_cluster_lost(dfproc_job *job)
{
    char why[DFPROC_CLUSTER_TEXT];
    if (!job->cluster || !job->reads_alone)
        return 0;
    return atomic_load(&job->lost) ||
           (!atomic_load(&job->stopping) && job->cluster_calls->waits(job->cluster, why));
}

int dfproc_cluster_waits(dfproc_job *job, char *why)
{
    return job->cluster && job->reads_alone && job->cluster_calls->waits(job->cluster, why);
}

/* A stage that did not come back may still write: then the Lease lapses by itself, after this
 * process has gone. */
void dfproc_cluster_close(dfproc_job *job)
{
    if (job->cluster && !dfproc_left_behind())
        job->cluster_calls->close(job->cluster, 1);
}
