/* SPDX-License-Identifier: Apache-2.0
 * position.c: where a run keeps its read positions. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dfproc/run.h"

/* The plan knows best: many sources and sinks hold positions themselves, and a manifest may
 * refuse (checkpointPersistence). */
static int wants_store(yyjson_val *plan)
{
    return !strcmp(app_json_text(plan, "position"), "store");
}

static int default_dir(char *dir, size_t len)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n = 0;
    if (state && *state == '/')
        n = snprintf(dir, len, "%s/dataflow", state);
    else if (home && *home == '/')
        n = snprintf(dir, len, "%s/.local/state/dataflow", home);
    return n > 0 && (size_t)n < len;
}

/* Makes the folder and the ones above it. 0, or -1 with errno when one can be neither made nor
 * written. */
static int make_dirs(const char *dir)
{
    char path[4096];
    struct stat info;
    size_t len = strlen(dir);
    if (!len || len >= sizeof path) {
        errno = len ? ENAMETOOLONG : ENOENT;
        return -1;
    }
    for (size_t i = 1; i <= len; i++)
        if (dir[i] == '/' || !dir[i]) {
            snprintf(path, sizeof path, "%.*s", (int)i, dir);
            if (mkdir(path, 0700) && errno != EEXIST && stat(path, &info))
                return -1;
        }
    if (!stat(dir, &info) && !S_ISDIR(info.st_mode)) {
        errno = ENOTDIR;
        return -1;
    }
    return access(dir, R_OK | W_OK | X_OK);
}

/* Why the folder cannot be used, and the way out. */
static int dir_failed(const char *dir)
{
    dfproc_fail("read positions cannot be kept in %s: %s; --state-dir names another folder", dir,
                strerror(errno));
    return DF_EIO;
}

/* A manifest without a name is known by its path. */
static void name_by_path(const char *file, char *name, size_t len)
{
    char *path = realpath(file, NULL);
    const char *whole = path ? path : file, *base = strrchr(whole, '/');
    uint64_t hash = 14695981039346656037ULL;
    for (const char *p = whole; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 1099511628211ULL;
    snprintf(name, len, "%s-%08llx", base ? base + 1 : whole, (unsigned long long)(hash >> 32));
    free(path);
}

int dfproc_is_named(yyjson_val *plan)
{
    yyjson_val *who = yyjson_obj_get(plan, "pipeline");
    const char *name = app_json_text(who, "name");
    return *name && (*app_json_text(who, "namespace") || strcmp(name, "dataflow"));
}

void dfproc_name_by_file(const char *file, char *name, size_t len)
{
    const char *base = strrchr(file, '/');
    base = base ? base + 1 : file;
    size_t stem = strcspn(base, ".");
    snprintf(name, len, "%.*s", (int)(stem ? stem : strlen(base)), base);
}

void dfproc_store_name(yyjson_val *plan, const dfproc_job_options *o, char *name, size_t len)
{
    yyjson_val *who = yyjson_obj_get(plan, "pipeline");
    const char *own = o->name ? o->name : app_json_text(who, "name");
    const char *space = o->space ? o->space : app_json_text(who, "namespace");
    if (o->name || dfproc_is_named(plan))
        snprintf(name, len, "%s%s%s", space, *space ? "." : "", own);
    else
        name_by_path(o->file, name, len);
}

int dfproc_state_dir(const dfproc_job_options *o, char *dir, size_t len)
{
    if (o->state_dir)
        snprintf(dir, len, "%s", o->state_dir);
    else if (!o->keep_positions || !default_dir(dir, len))
        return DF_DONE;
    return make_dirs(dir) ? dir_failed(dir) : DF_OK;
}

/* The files of --state-dir, or those of the default folder. */
static int choose_files(dfproc_job *job, const dfproc_job_options *o, const char *name,
                        df_store *store)
{
    char dir[4096];
    int rc = dfproc_state_dir(o, dir, sizeof dir);
    if (rc == DF_DONE)
        app_console_log(
            &job->flow.console, DF_LOG_WARN,
            "read positions are kept in memory only: --state-dir says where to keep them");
    if (rc != DF_OK)
        return rc;
    rc = df_store_file(job->flow.env, dir, name, store);
    if (rc != DF_OK)
        dfproc_fail("%s: %s", dir, df_env_errmsg(job->flow.env));
    else
        app_console_logf(&job->flow.console, DF_LOG_INFO,
                         "read positions are kept in %s; checkpointReset: true forgets them", dir);
    return rc;
}

int dfproc_store_files(dfproc_job *job, const dfproc_job_options *o, df_store *store)
{
    char name[600];
    yyjson_doc *doc = dfproc_report(&job->flow, DF_REPORT_PLAN);
    int rc = wants_store(yyjson_doc_get_root(doc)) ? DF_OK : DF_DONE;
    dfproc_store_name(yyjson_doc_get_root(doc), o, name, sizeof name);
    yyjson_doc_free(doc);
    return rc == DF_OK ? choose_files(job, o, name, store) : rc;
}

int dfproc_store_choose(dfproc_job *job, const dfproc_job_options *o, df_store *store)
{
    yyjson_doc *doc;
    yyjson_val *plan;
    int rc;
    if (!dfproc_asks_cluster(o))
        return dfproc_store_files(job, o, store);
    doc = dfproc_report(&job->flow, DF_REPORT_PLAN);
    plan = yyjson_doc_get_root(doc);
    rc = dfproc_cluster_open(job, o, plan, wants_store(plan) ? store : NULL);
    yyjson_doc_free(doc);
    return rc;
}
