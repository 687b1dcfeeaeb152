/* SPDX-License-Identifier: Apache-2.0
 * options.h: reads settings.h from the command line and the environment. */
#ifndef DFOPERATOR_OPTIONS_H
#define DFOPERATOR_OPTIONS_H

#include "common/args.h"
#include "dfoperator/serve.h"
#include "dfoperator/plan/settings.h"

/* Texts that had to be made. */
typedef struct op_texts {
    char image[300], repository[300], identity[300];
    op_places places; /* of the webhook's certificate; the addresses are the command line's */
} op_texts;

/* `pod_namespace`: of the access to the cluster. EXIT_DONE or EXIT_USAGE, the reason printed. Texts
 * of `ret` live as long as `texts` and the environment. */
int op_settings_read(const app_args *args, const char *pod_namespace, op_settings *ret,
                     op_texts *texts);

#endif
