/* SPDX-License-Identifier: Apache-2.0
 * counts.c: see counts.h. */
#include "core/stage/counts.h"

#include <string.h>

#include "util/buf.h"

void df__observe(df__histogram *h, double start, double value, uint64_t n)
{
    double edge = start;
    int k = 0;
    while (k < DF__BUCKETS - 1 && value > edge) {
        edge *= 2;
        k++;
    }
    h->bucket[k] += n;
    h->count += n;
    h->sum += value * (double)n;
}

void df__count_error(df__counts *c, enum df__during during, const char *reason, const char *text)
{
    df__error_kind *kind = c->kinds;
    c->errors++;
    df__text_set(c->reason, sizeof c->reason, reason, strlen(reason));
    df__text_set(c->text, sizeof c->text, text, strlen(text));
    while (kind < c->kinds + DF__ERROR_KINDS - 1 && kind->count &&
           (kind->during != during || strcmp(kind->reason, c->reason) != 0))
        kind++;
    if (!kind->count) {
        int is_last = kind == c->kinds + DF__ERROR_KINDS - 1;
        kind->during = during;
        memcpy(kind->reason, is_last ? "unknown" : c->reason,
               is_last ? sizeof "unknown" : sizeof kind->reason);
    }
    kind->count++;
}
