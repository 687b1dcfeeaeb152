/* SPDX-License-Identifier: Apache-2.0
 * refused.c: reads the envelopes of refused records, see refused.h. */
#include "dfproc/refused.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int dfproc_same_origin(const dfproc_seen *a, const dfproc_seen *b)
{
    return a->offset >= 0 && a->offset == b->offset && !strcmp(a->partition, b->partition);
}

int dfproc_refusals_read(dfproc_refusals *r, const dfproc_capture *c)
{
    const dfproc_watch *w = NULL;
    char err[200];
    for (size_t i = 0; i < c->count; i++)
        if (!strcmp(c->watches[i].role, "error_sink"))
            w = &c->watches[i];
    if (!w || !w->count)
        return 0;
    r->rows = calloc(w->count, sizeof *r->rows);
    if (!r->rows)
        return -1;
    snprintf(r->sink, sizeof r->sink, "%s", w->stage);
    for (size_t i = 0; i < w->count; i++) {
        const dfproc_seen *seen = &w->rows[i];
        dfproc_refusal *row = &r->rows[r->count++];
        yyjson_val *error;
        row->seen = seen;
        row->doc =
            seen->payload ? app_json_read(seen->payload, seen->payload_len, err, sizeof err) : NULL;
        error = yyjson_obj_get(yyjson_doc_get_root(row->doc), "error");
        row->where = app_json_text(error, "where");
        row->reason = app_json_text(error, "reason");
        row->message = app_json_text(error, "message");
    }
    return 0;
}

void dfproc_refusals_free(dfproc_refusals *r)
{
    for (size_t i = 0; i < r->count; i++)
        yyjson_doc_free(r->rows[i].doc);
    free(r->rows);
    memset(r, 0, sizeof *r);
}

dfproc_refusal *dfproc_next_refusal(dfproc_refusals *r, const dfproc_seen *from, const char *where)
{
    for (size_t i = 0; i < r->count; i++) {
        dfproc_refusal *row = &r->rows[i];
        if (!row->told && (!from || dfproc_same_origin(from, row->seen)) &&
            (!where || !strcmp(where, row->where))) {
            row->told = 1;
            return row;
        }
    }
    return NULL;
}
