/* SPDX-License-Identifier: Apache-2.0
 * double_begun.c: a sink that begins blocks, shaped like one whose server forgets a block that it
 * got before under the same name: a note of each partition's block, the block, the position.
 * Nothing of it is one step, so a crash may fall between. See doubles.h. */
#include <stdio.h>
#include <string.h>

#include "support/doubles.h"

static struct doubles_block *block_of(doubles *d, const char *name)
{
    for (size_t i = 0; i < DOUBLES_PARTITIONS; i++) {
        struct doubles_block *b = &d->blocks[i];
        if (!b->partition[0])
            snprintf(b->partition, sizeof b->partition, "%s", name);
        if (strcmp(b->partition, name) == 0)
            return b;
    }
    return NULL;
}

static int begun_claim(void *self, df_stage *st, df_position *partition)
{
    doubles *d = df_stage_user(st);
    struct doubles_block *b;
    (void)self;
    pthread_mutex_lock(&d->lock);
    b = block_of(d, partition->name);
    partition->epoch = ++b->epoch;
    if (b->begun[0])
        partition->begun = (df_bytes){b->begun, strlen(b->begun)};
    partition->data = (df_bytes){b->position, strlen(b->position)};
    partition->seq = b->seq;
    pthread_mutex_unlock(&d->lock);
    return b->position[0] ? DF_OK : DF_ENOTFOUND;
}

static int begun_open(void *self, df_stage *st)
{
    df_limits limits = {.size = sizeof limits, .min_interval_ms = 2};
    (void)self;
    return df_stage_limits(st, &limits);
}

/* The server knows the names of blocks that it has. Lock held. */
static int insert(doubles *d, df_parcel *parcel, const df_range *range, struct doubles_block *b)
{
    char name[96];
    snprintf(name, sizeof name, "%s:%lld-%lld", range->name, (long long)range->first,
             (long long)range->last);
    if (strcmp(name, b->inserted) == 0) {
        d->repeated++;
        return DF_OK;
    }
    for (size_t i = range->first_index; i < range->end_index; i++) {
        df_info info = {.size = sizeof info};
        df_bytes payload;
        int rc = df_record_info(df_parcel_at(parcel, i), &info);
        if (rc == DF_OK && strcmp(info.partition, range->name) != 0)
            continue;
        if (rc == DF_OK)
            rc = df_parcel_payload(parcel, i, &payload);
        if (rc == DF_OK)
            rc = doubles_row(d, payload);
        if (rc < 0)
            return rc;
    }
    snprintf(b->inserted, sizeof b->inserted, "%s", name);
    return DF_OK;
}

static void put(char *to, size_t size, df_bytes text)
{
    snprintf(to, size, "%.*s", (int)text.len, text.data ? (const char *)text.data : "");
}

/* Lock held. */
static int write_all(doubles *d, df_parcel *parcel)
{
    size_t ranges, count;
    const df_range *range = df_parcel_range(parcel, &ranges);
    const df_position *rows = df_parcel_positions(parcel, &count);
    int rc = DF_OK;
    for (size_t i = 0; i < count; i++) {
        const df_position *at = DF_ROW(df_position, rows, i);
        put(block_of(d, at->name)->begun, sizeof d->blocks[0].begun, at->data);
    }
    for (size_t i = 0; i < ranges && rc == DF_OK; i++) {
        const df_range *r = DF_ROW(df_range, range, i);
        rc = insert(d, parcel, r, block_of(d, r->name));
        if (rc == DF_OK && d->crash_at && ++d->inserts == d->crash_at)
            return DF_EINTERNAL; /* the block is there, its position is not */
    }
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const df_position *at = DF_ROW(df_position, rows, i);
        struct doubles_block *b = block_of(d, at->name);
        put(b->position, sizeof b->position, at->data);
        b->seq = at->seq;
        b->begun[0] = '\0';
    }
    return rc;
}

static int begun_write(void *self, df_stage *st, df_parcel *parcel)
{
    doubles *d = df_stage_user(st);
    int rc;
    (void)self;
    pthread_mutex_lock(&d->lock);
    rc = write_all(d, parcel);
    pthread_mutex_unlock(&d->lock);
    return rc < 0 ? df_stage_fail(st, rc, "test", "told to crash") : rc;
}

const df_sink_ops doubles_begun_ops = {
    .size = sizeof(df_sink_ops),
    .open = begun_open,
    .write = begun_write,
    .claim = begun_claim,
};
