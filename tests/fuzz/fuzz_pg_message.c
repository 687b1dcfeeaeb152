/* SPDX-License-Identifier: Apache-2.0
 * What a PostgreSQL server says about an error: the state in its text is five characters of its
 * alphabet or none, and every state has an answer. */
#include <stdlib.h>
#include <string.h>

#include "dataflow.h"
#include "connectors/postgresql/client/sqlstate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char *text = malloc(size + 1), state[6] = "?";
    const char *reason = NULL;
    must(text != NULL);
    memcpy(text, data, size);
    text[size] = 0;
    df__pg_sqlstate_in(text, state);
    must(state[0] == 0 || (strlen(state) == 5 && strspn(state, letters) == 5));
    must(df__pg_sqlstate(state, &reason) < 0 && reason != NULL);
    must(df__pg_sqlstate_remedy(state) != NULL);
    must(df__pg_sqlstate(text, &reason) < 0 && reason != NULL);
    free(text);
    return 0;
}
