/* SPDX-License-Identifier: Apache-2.0
 * rewind.h: a sink lost what it had accepted. The other sinks finish, then the source goes back to
 * its watermarks and everything after them comes again, in a new generation. */
#ifndef DF_CORE_FLOW_REWIND_H
#define DF_CORE_FLOW_REWIND_H

#include "core/flow/ledger.h"

typedef struct df__flow df__flow;
typedef struct df__sink df__sink;

enum df__rewind_step {
    DF__REWIND_NONE,
    DF__REWIND_FINISHING, /* the sinks that lost nothing finish */
    DF__REWIND_SEEKING
};

typedef struct df__rewind {
    enum df__rewind_step step;
    size_t seeks; /* outstanding */
} df__rewind;

void df__flow_rewind(df__flow *f, df__sink *s); /* begins one, because of this sink */
/* Seeks when the other sinks have finished, and ends the rewind when all seeks are answered. */
void df__flow_rewind_advance(df__flow *f);

#endif
