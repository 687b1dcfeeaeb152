/* SPDX-License-Identifier: Apache-2.0
 * command.h: the command line and the environment of a pod's process, made from the pod template:
 * its arguments with the places of files replaced. No secret is in either. */
#ifndef DFOPERATOR_COMMAND_H
#define DFOPERATOR_COMMAND_H

#include <json-c/json.h>

#include "common/console.h"
#include "dfoperator/local/place.h"

/* What all processes share. */
typedef struct op_command_base {
    const op_place *place;
    char dfproc[300];
    char kubeconfig[1500]; /* files; "": as in a pod */
    int json;              /* how they log */
} op_command_base;

/* As the command line of the operator says it. */
typedef struct op_command_named {
    const char *kubeconfig; /* files; NULL: found as the operator's own */
    const char *context;    /* NULL: the current one */
    const char *dfproc;     /* the program; NULL: beside this one, else in PATH */
} op_command_named;

typedef struct op_command_of {
    const char *folder; /* below the place */
    const char *pod;
    int port;
} op_command_of;

typedef struct op_command {
    char **argv, **env;
} op_command;

/* Where the program is, and how it reaches the cluster. 0, or -1 with the text in `err` (300
 * bytes). */
int op_command_find(op_command_base *ret, const op_place *place, const op_command_named *named,
                    char *err);
/* 0, or -1: no memory. Freed in any case. */
int op_command_make(const op_command_base *base, json_object *template, const op_command_of *of,
                    op_command *ret);
void op_command_free(op_command *command);

#endif
