/* SPDX-License-Identifier: Apache-2.0
 * run.h: a running flow, as the main loop, the signal thread and the HTTP server see it. */
#ifndef DFPROC_RUN_H
#define DFPROC_RUN_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/http.h"
#include "common/progress.h"
#include "common/rates.h"
#include "dfproc/cluster.h"
#include "dfproc/dfproc.h"
#include "dfproc/heap.h"

typedef struct dfproc_job {
    dfproc_flow flow;
    char title[400];       /* "default/orders" */
    char name[256];        /* of a manifest without one: from its file; else "" */
    char result[2048];     /* of a run that failed; "": it did not, or did not begin */
    pthread_mutex_t lock;  /* of flow.pipeline, which is used by one thread at a time */
    app_progress progress; /* under the lock too */
    app_rates rates;       /* as well */
    dfproc_heap heap;
    int64_t progress_limit_s; /* PROCESSOR_PROGRESS_TIMEOUT_SECONDS; 0: off */
    _Atomic int64_t moved_us; /* app_clock_us when records were last seen to settle */
    app_http *http;
    int show_progress;
    atomic_int stopping;                       /* a signal asked for the end */
    const dfproc_cluster_calls *cluster_calls; /* NULL: the cluster is not asked for anything */
    dfproc_cluster *cluster;
    int reads_alone; /* takes the Lease first */
    atomic_int lost; /* and lost it */
    int resets_once; /* the cluster's store knows whether checkpointReset was obeyed already */
} dfproc_job;

/* What a command line asks for. Texts are borrowed. */
typedef struct dfproc_job_options {
    const char *file, *flow;  /* flow: which one of the file; NULL: the only one */
    const char *space, *name; /* NULL: from the manifest */
    const char *metrics, *state_dir, *secrets_dir;
    const app_args *args; /* for dfproc_reach */
    uint64_t limit;
    int from_start, until_exhausted, progress;
    int keep_positions; /* in a default folder when there is no state_dir */
    const char *checkpoint, *kubeconfig, *uid, *kind, *lease, *reset; /* of the form for pods */
    int is_pod;
    const char *termination_log; /* of a pod: why it ended; NULL: where the kubelet looks */
} dfproc_job_options;

/* Writes why the run ended for the kubelet: into `path`, NULL: its usual file, if that is there. */
void dfproc_last_words(dfproc_job *job, const char *path);
/* True when /livez should say yes. Any thread. */
int dfproc_job_live(dfproc_job *job, const df_stats *stats);
/* Starts the server of the job; routes in pages.c. 0 or an exit code. */
int dfproc_pages_start(dfproc_job *job, const char *address);
/* Writes the status to standard error: a line for the flow, one for each stage. Any thread. */
void dfproc_job_tell(dfproc_job *job);
/* The manifest says its name. A bare spec has none, the library calls it "dataflow". */
int dfproc_is_named(yyjson_val *plan);
/* Chooses where positions are kept and fills `store`: DF_OK, DF_DONE when none is needed, or a
 * failure, printed. */
int dfproc_store_choose(dfproc_job *job, const dfproc_job_options *options, df_store *store);

/* Opens the positions of the file that `options` names, as a run of it would. As
 * dfproc_store_choose. */
int dfproc_store_files(dfproc_job *job, const dfproc_job_options *options, df_store *store);
/* The folder of what runs keep, made when it is missing: DF_OK, DF_DONE when there is none, or a
 * failure, printed. */
int dfproc_state_dir(const dfproc_job_options *options, char *dir, size_t len);
/* Under which name a flow's files are in it. */
void dfproc_store_name(yyjson_val *plan, const dfproc_job_options *options, char *name, size_t len);
/* The flow asks its cluster: opens it, with the store of its positions in `store` when the plan
 * needs one. As dfproc_store_choose. */
int dfproc_cluster_open(dfproc_job *job, const dfproc_job_options *options, yyjson_val *plan,
                        df_store *store);
/* Takes the Lease when the flow needs one: waits for it, or for a stop. An exit code. */
int dfproc_cluster_take(dfproc_job *job);
/* 1: the run ended because the Lease was lost. */
int dfproc_cluster_lost(dfproc_job *job);
/* 1: nothing is read yet; why in `why` (DFPROC_CLUSTER_TEXT). Any thread. */
int dfproc_cluster_waits(dfproc_job *job, char *why);
/* After dfproc_close: gives the Lease back. */
void dfproc_cluster_close(dfproc_job *job);
/* 1: where positions are kept is the cluster's affair. */
int dfproc_asks_cluster(const dfproc_job_options *options);

#endif
