/* SPDX-License-Identifier: Apache-2.0
 * place.h: a private folder for what child processes read: specs and Secrets. What an operator that
 * was killed left in it is removed by the next one of the same user. */
#ifndef DFOPERATOR_PLACE_H
#define DFOPERATOR_PLACE_H

#include "dataflow.h"

enum { OP_PLACE_PATH = 1024 };

typedef struct op_place {
    char path[300];
    int lock; /* its descriptor: held as long as the place is used; -1: there is none */
} op_place;

/* In $XDG_RUNTIME_DIR, else $TMPDIR, else /tmp. 0, or -1 with the text in `err` (300 bytes). */
int op_place_open(op_place *ret, char *err);
/* Removes all of it. */
void op_place_close(op_place *place);

/* PATH/NAME, whole or not at all; folders of it are made. Readable for us alone. A file that says
 * the same already is left. 0, or -1: errno. */
int op_place_write(const op_place *place, const char *name, df_bytes content);
/* A file or a folder with all that is in it. */
void op_place_remove(const op_place *place, const char *name);

#endif
