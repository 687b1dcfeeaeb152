/* SPDX-License-Identifier: Apache-2.0
 * process.h: a program that runs as a child process: its standard error is read by line, and its
 * end is told on the loop. It is asked to end when the thread that started it does. */
#ifndef DFOPERATOR_PROCESS_H
#define DFOPERATOR_PROCESS_H

#include "kube/loop.h"

typedef struct op_process op_process;

enum { OP_PROCESS_LINE = 2048 };

typedef struct op_process_config {
    kube_loop *loop;
    char *const *argv, *const *env;             /* argv[0]: a path, or a name to be found in PATH */
    void (*line)(void *user, const char *text); /* on a thread of its own */
    /* `last`: the begin of its last line. The process is gone then. */
    void (*ended)(void *user, int code, const char *last);
    void *user;
} op_process_config;

/* Standard output is ours; standard input is empty. NULL: errno says why. */
op_process *op_process_start(const op_process_config *config);
long op_process_id(const op_process *p);
void op_process_signal(const op_process *p, int number);

#endif
