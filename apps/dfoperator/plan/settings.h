/* SPDX-License-Identifier: Apache-2.0
 * settings.h: what the command line and the environment say to the operator. */
#ifndef DFOPERATOR_SETTINGS_H
#define DFOPERATOR_SETTINGS_H

#include <stdint.h>

#include "dataflow.h"

typedef struct op_settings {
    df_env *env;            /* whose validator checks specs */
    const char *image;      /* of processors: PROCESSOR_IMAGE, or made from the version */
    const char *repository; /* of `image` without its tag: spec.processorVersion is put behind */
    const char *processor_level; /* PROCESSOR_LOG_LEVEL */
    const char *namespace_;      /* watched; NULL: all */
    const char *own_namespace;   /* where the election's Lease lives */
    const char *identity;        /* of this process in the Lease and in events */
    int64_t progress_timeout_s;  /* PROCESSOR_PROGRESS_TIMEOUT_SECONDS; 0: off */
    int64_t reconcile_timeout_s; /* RECONCILE_TIMEOUT_SECONDS */
    int64_t pending_us;          /* RECONCILE_PENDING_REQUEUE_SECONDS: a flow that starts is looked
                                    at again after it */
    int64_t start_limit_s;       /* STEP_START_TIMEOUT_SECONDS: a step of a cron's run that has not
                                    begun by then fails; 0: never */
    int64_t secrets_us;          /* SECRETS_REFRESH_SECONDS: copies of Secrets are compared again
                                    after it */
    int copies;                  /* SECRETS_OF_OTHER_NAMESPACES */
    int workers;                 /* MAX_CONCURRENT_RECONCILES: keys in work at once */
} op_settings;

#endif
