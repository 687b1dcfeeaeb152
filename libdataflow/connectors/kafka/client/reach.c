/* SPDX-License-Identifier: Apache-2.0
 * reach.c: a stage is open when a broker has answered: without this wait it would count as ready
 * while no broker is there.
 */
#include "reach.h"

enum { REACH_MS = 5000, SLICE_MS = 100, LONG_SLICE_MS = 500, LONG_EACH = 8 };

/* A later slice is long: a far broker may need more time for one answer. */
static int slice_of(int turn)
{
    return turn % LONG_EACH == LONG_EACH - 1 ? LONG_SLICE_MS : SLICE_MS;
}

/* 1: a broker has answered. An answer that comes after its slice still tells the client the name
 * of the cluster. */
static int answered(const df__kafka_reach *r, int slice_ms)
{
    const rd_kafka_metadata_t *meta = NULL;
    char *cluster = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(r->rk, 0, r->topic, &meta, slice_ms);
    if (meta) {
        df__kafka_note_answer(r->o, meta->orig_broker_name);
        rd_kafka_metadata_destroy(meta);
    }
    if (err)
        cluster = rd_kafka_clusterid(r->rk, 0);
    if (cluster)
        rd_kafka_mem_free(r->rk, cluster);
    return !err || cluster != NULL;
}

int df__kafka_reach_broker(const df__kafka_reach *r)
{
    int64_t limit = df__kafka_clock_ms() + REACH_MS;
    for (int turn = 0; df__kafka_clock_ms() < limit; turn++) {
        int64_t rest = df__kafka_clock_ms() + slice_of(turn);
        int found = answered(r, slice_of(turn));
        r->serve(r->self); /* errors of connections and refusals are told now */
        if (r->failure->status != DF_OK)
            return df__kafka_raise(r->failure, r->st);
        if (found)
            return DF_OK;
        rest -= df__kafka_clock_ms();
        if (df_stage_wait(r->st, -1, 0, rest > 0 ? (int)rest : 0) == DF_ECANCELED ||
            df_stage_stopping(r->st))
            return DF_ECANCELED;
    }
    const char *brokers = r->o->brokers.data, *topic = r->o->topic.data;
    if (!topic) /* several topics */
        return df_stage_failf(r->st, DF_EIO, "connection_error", "no broker of %s can be reached",
                              brokers);
    return df_stage_failf(r->st, DF_EIO, "connection_error",
                          "topic %s: no broker of %s can be reached", topic, brokers);
}
