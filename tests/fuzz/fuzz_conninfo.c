/* SPDX-License-Identifier: Apache-2.0
 * A connection string: what is refused has a reason, which shows nothing of a password. (More is
 * taken than libpq takes: settings of the server beside its own parameters.) */
#include <stdlib.h>
#include <string.h>

#include "connectors/postgresql/client/conninfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static void try_text(const char *text)
{
    char why[400] = "";
    int is_error = 0;
    PQconninfoOption *given = df__pg_conninfo_read(text, why, sizeof why, &is_error);
    must(given || !is_error || why[0]);
    must(!strstr(why, "Canary"));
    if (given)
        (void)df__pg_conninfo_no_root(given, why, sizeof why);
    PQconninfoFree(given);
    (void)df__pg_is_local(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const heads[] = {"", "postgres://u:Canary", "password=Canary"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        size_t head = strlen(heads[i]);
        char *text = malloc(head + size + 1);
        must(text != NULL);
        memcpy(text, heads[i], head);
        memcpy(text + head, data, size);
        text[head + size] = 0;
        if (!strstr(text + head, "Canary")) /* else it may be the name of a parameter */
            try_text(text);
        free(text);
    }
    return 0;
}
