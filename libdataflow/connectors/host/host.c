/* SPDX-License-Identifier: Apache-2.0
 * host.c: source and sink whose other side is the program around the library: what it pushes
 * into a port is read here, what arrives here it takes from a port. */

#include "core/port/port.h"
#include "core/stage/stage.h"

struct host {
    df__slot *slot;
    df_partition *part;
    uint64_t base; /* sequence number before the first record of this run */
};

static int attach(struct host *h, df_stage *st, int mode)
{
    h->slot = df__ports_attach(df__stage_ports(st), st, mode);
    return h->slot ? DF_OK : df_stage_fail(st, DF_ENOMEM, NULL, "no memory for a port");
}

static void host_close(void *self, df_stage *st)
{
    struct host *h = self;
    (void)st;
    if (h->slot)
        df__slot_detach(h->slot);
    h->slot = NULL;
}

/* ---- source: the host feeds ------------------------------------------------------------------ */

static int source_open(void *self, df_stage *st)
{
    struct host *h = self;
    df_position at = {.size = sizeof at};
    int rc = df_partition_open(st, "host", &h->part);
    if (rc < 0)
        return rc;
    if (df_partition_position(h->part, &at) == DF_OK)
        h->base = at.seq;
    return attach(h, st, DF_FEED);
}

/* The host counts what it pushed, so the mark carries no position of its own. */
static int source_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    struct host *h = self;
    df_bytes none = {NULL, 0};
    int rc;
    if (df_batch_room(into) == 0)
        return DF_AGAIN;
    rc = df__slot_read(h->slot, into, df_partition_number(h->part));
    if (rc == DF_OK)
        return df_batch_mark(into, h->part, none);
    if (rc != DF_AGAIN)
        return rc;
    rc = df_stage_wait(st, -1, 0, timeout_ms);
    return rc < 0 ? rc : DF_AGAIN;
}

static int source_ack(void *self, df_stage *st, const df_position *rows, size_t count)
{
    struct host *h = self;
    (void)st;
    if (count && rows[0].seq >= h->base)
        df__slot_acked(h->slot, rows[0].seq - h->base);
    return DF_OK;
}

static const df_source_ops source_ops = {
    .size = sizeof(df_source_ops),
    .open = source_open,
    .read = source_read,
    .ack = source_ack,
    .close = host_close,
};

/* ---- sink: the host takes -------------------------------------------------------------------- */

static int sink_open(void *self, df_stage *st)
{
    return attach(self, st, DF_TAKE);
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    struct host *h = self;
    (void)st;
    return df__slot_offer(h->slot, parcel);
}

static int sink_poll(void *self, df_stage *st, int timeout_ms)
{
    int rc = df_stage_wait(st, -1, 0, timeout_ms);
    (void)self;
    return rc < 0 ? rc : DF_OK;
}

/* A slow host is no failure: DF_AGAIN, and the core asks again. */
static int sink_flush(void *self, df_stage *st, int timeout_ms)
{
    struct host *h = self;
    int64_t until = df_stage_clock_us(st) + timeout_ms * (int64_t)1000;
    while (!df__slot_idle(h->slot)) {
        int64_t left = (until - df_stage_clock_us(st)) / 1000;
        int rc = left > 0 ? df_stage_wait(st, -1, 0, (int)left) : DF_AGAIN;
        if (rc < 0 || left <= 0)
            return rc;
    }
    return DF_OK;
}

static const df_sink_ops sink_ops = {
    .size = sizeof(df_sink_ops),
    .open = sink_open,
    .write = sink_write,
    .poll = sink_poll,
    .flush = sink_flush,
    .close = host_close,
};

extern const df_connector df_connector_host;
const df_connector df_connector_host = {
    .size = sizeof(df_connector),
    .name = "host",
    .doc = "The program around the library: it feeds the source and takes from the sink.",
    .source_size = sizeof(struct host),
    .sink_size = sizeof(struct host),
    .source_flags = DF_IS_LINE | DF_CAN_SLEEP,
    .source = &source_ops,
    .sink = &sink_ops,
};
