/* SPDX-License-Identifier: Apache-2.0
 * clock.h: `--local`: the CronJobs that are kept here. What is due while the operator runs becomes
 * a Job; what was due while it did not, or while the machine slept longer than the CronJob allows,
 * has no run. */
#ifndef DFOPERATOR_CLOCK_H
#define DFOPERATOR_CLOCK_H

#include "dfoperator/cluster/cluster.h"

typedef struct op_clocks op_clocks;

typedef struct op_clocks_config {
    kube_loop *loop;
    op_cluster *cluster; /* in which CronJobs and Jobs are kept */
    /* Makes a Job, or removes one. */
    void (*start)(void *user, json_object *job);
    void (*end)(void *user, const char *space, const char *name);
    void *user;
} op_clocks_config;

/* NULL: no memory. */
op_clocks *op_clocks_new(const op_clocks_config *config);
/* A CronJob is as this says now; its next time is waited for from now on. */
void op_clocks_put(op_clocks *c, json_object *cron_job);
void op_clocks_suspend(op_clocks *c, const char *space, const char *name, int suspend);
void op_clocks_drop(op_clocks *c, const char *space, const char *name);
void op_clocks_free(op_clocks *c);

/* The last time that was due after `seen_s`, is not too old, and is later than the one that was
 * started last (status.lastScheduleTime), so that a clock that is set back starts none again; 0:
 * none. `next_s`: how long until the next look. `seen_s` becomes `now_s`. */
int64_t op_clock_due(json_object *cron_job, int64_t *seen_s, int64_t now_s, int64_t *next_s);
/* The Job of a CronJob for a due time, as the cluster makes it. NULL: no memory. */
json_object *op_clock_job(json_object *cron_job, int64_t due_s);

#endif
