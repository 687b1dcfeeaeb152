/* SPDX-License-Identifier: Apache-2.0
 * replay_source.c: the source of a replay: records as they were when they were refused, under the
 * partitions that they came from ("replay/orders/3"). Its positions are numbers of error records;
 * what is acknowledged goes into the ledger. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "dfproc/replay.h"

enum { READ_MAX = DFPROC_REPLAY_OPEN / 2 };

/* Records of one partition that were added and are not marked, oldest first. */
typedef struct part {
    df_partition *part;
    char name[560];
    uint64_t *ids;
    size_t count, cap;
    uint64_t marked; /* records of it that are in the ledger */
    uint64_t acked;  /* records of it that are delivered */
    int touched;     /* by this read */
    int taken;       /* the ledger has what the sink knows */
} part;

/* It outlives a source that is closed and opened again: what was read stays with the flow then, and
 * what is held comes next. */
struct dfproc_replay_feed {
    part *parts;
    size_t count, cap, last;
    size_t open; /* records of all partitions that are not marked */
    int held;    /* the next record is there already */
    int ended;   /* there is no next one */
};
typedef struct dfproc_replay_feed instance;

/* ---- partitions ----------------------------------------------------------------------------- */

static part *find(instance *self, const dfproc_replay_row *row)
{
    char name[560];
    df__text_printf(name, sizeof name, "replay/%s", row->partition);
    if (self->last < self->count && !strcmp(self->parts[self->last].name, name))
        return &self->parts[self->last];
    for (size_t i = 0; i < self->count; i++)
        if (!strcmp(self->parts[i].name, name)) {
            self->last = i;
            return &self->parts[i];
        }
    return NULL;
}

static int cannot_write(df_stage *st, const dfproc_replay *r)
{
    return df_stage_failf(st, DF_EIO, "write", "%s: what was replayed cannot be written: %s",
                          r->ledger.path, strerror(errno));
}

/* A sink that holds positions (exactlyOnce) knows of records that a crash kept out of the ledger.
 */
static int take_position(df_stage *st, dfproc_replay *r, part *p)
{
    df_position at = {.size = sizeof at};
    const char *text = NULL;
    if (df_partition_position(p->part, &at) == DF_OK && at.data.data)
        text = memchr(at.data.data, ' ', at.data.len);
    for (size_t left = text ? at.data.len - (size_t)(text - (const char *)at.data.data) : 0;
         left >= 17; left -= 17, text += 17) {
        char digits[17];
        uint64_t id;
        memcpy(digits, text + 1, 16);
        digits[16] = 0;
        id = strtoull(digits, NULL, 16);
        if (dfproc_ids_has(&r->ledger.done, id))
            continue;
        if (dfproc_ledger_add(&r->ledger, &id, 1) != DF_OK)
            return cannot_write(st, r);
        if (dfproc_ids_add(&r->ledger.done, id) < 0)
            return DF_ENOMEM;
    }
    p->taken = 1;
    return DF_OK;
}

static int open_part(instance *self, df_stage *st, const dfproc_replay *r)
{
    part *p;
    int rc;
    if (df__grow(&df__heap_libc, &self->parts, &self->cap, self->count, sizeof *self->parts) !=
        DF_OK)
        return DF_ENOMEM;
    p = &self->parts[self->count];
    memset(p, 0, sizeof *p);
    df__text_printf(p->name, sizeof p->name, "replay/%s", r->row.partition);
    rc = df_partition_open(st, p->name, &p->part);
    if (rc != DF_OK)
        return rc;
    self->last = self->count++;
    return DF_OK;
}

/* "COUNT ID ID ...": how many were added, and the newest of them, as many as can be open. */
static int mark(part *p, df_batch *into)
{
    size_t first = p->count > DFPROC_REPLAY_OPEN ? p->count - DFPROC_REPLAY_OPEN : 0;
    df__buf text;
    int rc;
    df__buf_init(&text, &df__heap_libc);
    df__buf_printf(&text, "%" PRIu64, p->marked + p->count);
    for (size_t i = first; i < p->count; i++)
        df__buf_printf(&text, " %016" PRIx64, p->ids[i]);
    rc = text.failed ? DF_ENOMEM : df_batch_mark(into, p->part, (df_bytes){text.data, text.len});
    df__buf_free(&text);
    p->touched = 0;
    return rc;
}

/* ---- records -------------------------------------------------------------------------------- */

/* Metadata as they were, and how often the record was replayed. Those of trees are not scalars. */
static int add_metadata(df_record *record, const dfproc_replay_row *row)
{
    df_walk walk = {.index = 0};
    df_value replays = {.type = DF_V_INT};
    int rc = DF_OK;
    while (rc == DF_OK && df_value_walk(&row->metadata, &walk) == DF_OK) {
        char name[256];
        if (walk.value.type == DF_V_OBJECT || walk.value.type == DF_V_ARRAY ||
            walk.name.len >= sizeof name)
            continue;
        memcpy(name, walk.name.data, walk.name.len);
        name[walk.name.len] = 0;
        if (strcmp(name, "key") != 0 && strcmp(name, "timestamp") != 0 &&
            strcmp(name, "offset") != 0)
            rc = df_record_set_meta(record, name, &walk.value);
    }
    replays.u.i = row->replays + 1;
    return rc == DF_OK ? df_record_set_meta(record, "replays", &replays) : rc;
}

static int add(instance *self, df_stage *st, part *p, df_batch *into)
{
    dfproc_replay *r = df_stage_user(st);
    dfproc_replay_row *row = &r->row;
    df_record *record = NULL;
    df_input in = {.size = sizeof in,
                   .payload = row->payload,
                   .key = row->key,
                   .headers = row->headers,
                   .header_count = row->header_count,
                   .time_us = row->time_us,
                   .offset = row->offset,
                   .partition = df_partition_number(p->part),
                   .op = row->op};
    int rc = DF_ENOMEM;
    if (df__grow(&df__heap_libc, &p->ids, &p->cap, p->count, sizeof *p->ids) == DF_OK)
        rc = df_batch_add(into, &in, &record);
    if (rc != DF_OK)
        return rc;
    if (record && add_metadata(record, row) != DF_OK) /* it is in the batch, and not whole */
        return df_stage_fail(st, DF_ESTATE, NULL, "no memory for a record: replay again");
    if (record && r->decoder && !row->decoded && df_decoder_read(r->decoder, record) != DF_OK)
        return df_stage_failf(st, DF_ESTATE, NULL, "the source's codec: %s: replay again",
                              df_pipeline_errmsg(r->codec));
    p->ids[p->count++] = row->id;
    p->touched = 1;
    self->open++;
    self->held = 0;
    return DF_OK;
}

/* The next record that is to be replayed: DF_OK, DF_AGAIN, DF_DONE. */
static int hold(instance *self, df_stage *st, dfproc_replay *r)
{
    int rc = DF_OK;
    while (!self->held && !self->ended && rc == DF_OK) {
        if (r->limit && r->taken == r->limit)
            rc = DF_DONE;
        else
            rc = dfproc_replay_next(r);
        if (rc == DF_OK && r->row.fate == DFPROC_REPLAYS) {
            self->held = 1;
            r->taken++;
        }
        self->ended = rc == DF_DONE;
    }
    if (rc < 0)
        return df_stage_failf(st, DF_ESTATE, NULL, "the error sink cannot be read: %s",
                              df_pipeline_errmsg(r->reader.pipeline));
    return self->held ? DF_OK : self->ended ? DF_DONE : DF_AGAIN;
}

/* Adds the record that is held. DF_AGAIN: not in this read, for its partition has to be opened
 * first, which is done before the first record of a read. */
static int add_held(instance *self, df_stage *st, dfproc_replay *r, df_batch *into,
                    size_t *io_added)
{
    part *p = find(self, &r->row);
    int rc = DF_OK;
    if ((!p || !p->taken) && *io_added)
        return DF_AGAIN;
    if (!p)
        rc = open_part(self, st, r);
    p = find(self, &r->row);
    if (rc == DF_OK && !p->taken)
        rc = take_position(st, r, p);
    if (rc != DF_OK)
        return rc;
    if (dfproc_ids_has(&r->ledger.done, r->row.id)) { /* the sink knew it */
        self->held = 0;
        return DF_OK;
    }
    rc = add(self, st, p, into);
    *io_added += rc == DF_OK;
    return rc;
}

static int mark_all(instance *self, df_batch *into)
{
    int rc = DF_OK;
    for (size_t i = 0; i < self->count && rc == DF_OK; i++)
        if (self->parts[i].touched)
            rc = mark(&self->parts[i], into);
    return rc;
}

static int add_all(instance *self, df_stage *st, dfproc_replay *r, df_batch *into)
{
    size_t added = 0;
    int rc = DF_OK, marked;
    while (rc == DF_OK && added < READ_MAX && self->open < DFPROC_REPLAY_OPEN &&
           df_batch_room(into)) {
        rc = hold(self, st, r);
        if (rc == DF_OK)
            rc = add_held(self, st, r, into, &added);
    }
    marked = mark_all(self, into);
    if (marked !=
        DF_OK) /* the flow would forget what no mark is behind, and it is not read again */
        return df_stage_fail(st, DF_ESTATE, NULL, "no memory for a mark: replay again");
    if (added && rc != DF_ESTATE)
        return DF_OK; /* what failed fails in the next read, too */
    return rc < 0 || rc == DF_DONE ? rc : DF_AGAIN;
}

/* ---- operations ----------------------------------------------------------------------------- */

static int source_open(void *user, df_stage *st)
{
    instance *self = ((dfproc_replay *)df_stage_user(st))->feed;
    int rc = DF_OK;
    (void)user;
    for (size_t i = 0; i < self->count && rc == DF_OK; i++) /* it is opened again */
        rc = df_partition_open(st, self->parts[i].name, &self->parts[i].part);
    return rc;
}

static int source_read(void *user, df_stage *st, df_batch *into, int timeout_ms)
{
    dfproc_replay *r = df_stage_user(st);
    instance *self = r->feed;
    int rc = df_batch_room(into) ? add_all(self, st, r, into) : DF_AGAIN;
    (void)user;
    if (rc != DF_AGAIN || !df_batch_room(into))
        return rc;
    /* What the reader has next is of no use before an ack. */
    int full = self->held || self->open >= DFPROC_REPLAY_OPEN;
    rc = df_stage_wait(st, full ? -1 : df_port_fd(r->reader.port), POLLIN,
                       timeout_ms < 50 ? timeout_ms : 50);
    return rc == DF_OK ? DF_AGAIN : rc;
}

static part *part_of(instance *self, uint32_t number)
{
    for (size_t i = 0; i < self->count; i++)
        if (df_partition_number(self->parts[i].part) == number)
            return &self->parts[i];
    return NULL;
}

/* What is delivered goes into the ledger. What a failed write left out comes with the next one. */
int dfproc_replay_settle(dfproc_replay *r)
{
    instance *self = r->feed;
    for (size_t i = 0; i < self->count; i++) {
        part *p = &self->parts[i];
        size_t n = (size_t)(p->acked - p->marked);
        if (!n)
            continue;
        if (dfproc_ledger_add(&r->ledger, p->ids, n) != DF_OK)
            return DF_EIO;
        memmove(p->ids, p->ids + n, (p->count - n) * sizeof *p->ids);
        p->count -= n;
        p->marked += n;
        self->open -= n;
    }
    return DF_OK;
}

static int source_ack(void *user, df_stage *st, const df_position *rows, size_t count)
{
    dfproc_replay *r = df_stage_user(st);
    (void)user;
    for (size_t i = 0; i < count; i++) {
        const df_position *at = DF_ROW(df_position, rows, i);
        part *p = part_of(r->feed, at->partition);
        uint64_t upto = at->data.data && at->data.len ? strtoull(at->data.data, NULL, 10) : 0;
        if (p && upto > p->acked && upto - p->marked <= p->count)
            p->acked = upto;
    }
    return dfproc_replay_settle(r) == DF_OK ? DF_OK : cannot_write(st, r);
}

static int source_seek(void *user, df_stage *st, const df_position *to)
{
    (void)user;
    (void)to;
    return df_stage_fail(st, DF_ESTATE, NULL,
                         "a sink lost what it had taken: replay again, it goes on from there");
}

static void source_close(void *user, df_stage *st)
{
    (void)user;
    (void)st;
}

int dfproc_replay_register(df_env *env, dfproc_replay *r)
{
    static const df_source_ops ops = {.size = sizeof ops,
                                      .open = source_open,
                                      .read = source_read,
                                      .ack = source_ack,
                                      .seek = source_seek,
                                      .close = source_close};
    df_connector type = {.size = sizeof type,
                         .name = DFPROC_REPLAY_SOURCE,
                         .doc = "Records that were refused.",
                         .source_size = 1,
                         .source_flags = DF_HOLDS_POSITION | DF_CAN_REPLAY,
                         .source = &ops,
                         .user = r};
    r->feed = calloc(1, sizeof *r->feed);
    return r->feed ? df_connector_register(env, &type) : DF_ENOMEM;
}

void dfproc_replay_forget(dfproc_replay *r)
{
    for (size_t i = 0; r->feed && i < r->feed->count; i++)
        free(r->feed->parts[i].ids);
    if (r->feed)
        free(r->feed->parts);
    free(r->feed);
}
