/* SPDX-License-Identifier: Apache-2.0
 * embed: W16, what a flow costs inside a program: one thread pushes records of 100 bytes, a
 * function of the program sees each of them on its way, the main thread takes them out and checks
 * count, order and content. All threads share one core. The floor is a copy of the same bytes and
 * the same call. Prints one JSON line. embed [RECORDS] */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataflow_ext.h"

enum { SIZE = 100, ROWS = 512 };

static uint64_t seen; /* by the function, whose calls never overlap */

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what, const char *text)
{
    fprintf(stderr, "embed: %s: %s\n", what, text);
    exit(1);
}

static void must(int rc, const char *what, const char *text)
{
    if (rc < 0)
        fail(what, text && *text ? text : df_status_text(rc));
}

/* Every record is another one: its number stands in its first bytes. */
static void write_record(char *at, uint64_t number)
{
    memset(at, 'x', SIZE);
    memcpy(at, &number, sizeof number);
}

static void look(df_bytes payload)
{
    seen += ((const unsigned char *)payload.data)[0];
}

static int apply(void *self, df_stage *st, df_batch *batch)
{
    (void)self;
    (void)st;
    for (size_t i = 0; i < df_batch_count(batch); i++) {
        df_bytes payload;
        int rc = df_record_payload(df_batch_at(batch, i), &payload);
        if (rc < 0)
            return rc;
        look(payload);
    }
    return DF_OK;
}

/* ---- the flow -------------------------------------------------------------------------------- */

typedef struct feeder {
    df_port *port;
    uint64_t records;
} feeder;

static void *feed(void *user)
{
    feeder *f = user;
    static char text[ROWS][SIZE];
    df_input rows[ROWS];
    memset(rows, 0, sizeof rows);
    for (size_t i = 0; i < ROWS; i++) {
        rows[i].size = sizeof rows[i];
        rows[i].payload = (df_bytes){text[i], SIZE};
        rows[i].offset = -1;
    }
    for (uint64_t sent = 0; sent < f->records;) {
        size_t count = f->records - sent < ROWS ? (size_t)(f->records - sent) : ROWS, from = 0;
        for (size_t i = 0; i < count; i++)
            write_record(text[i], sent + i);
        while (from < count) {
            size_t taken = 0;
            int rc = df_port_push(f->port, rows + from, count - from, &taken);
            if (rc < 0 || rc == DF_DONE)
                fail("push", df_status_text(rc));
            if (rc == DF_AGAIN)
                (void)sched_yield();
            from += rc == DF_OK ? taken : 0;
        }
        sent += count;
    }
    df_port_close(f->port);
    return NULL;
}

/* Asserts that the next records of the topic, in order, are in this parcel. */
static uint64_t check(df_parcel *parcel, uint64_t next)
{
    size_t count = df_parcel_count(parcel);
    for (size_t i = 0; i < count; i++, next++) {
        df_bytes payload;
        uint64_t number;
        must(df_parcel_payload(parcel, i, &payload), "a record", NULL);
        if (payload.len != SIZE)
            fail("a record", "another size");
        memcpy(&number, payload.data, sizeof number);
        if (number != next)
            fail("a record", "another one was due");
    }
    return next;
}

static df_pipeline *flow_new(df_env *env)
{
    static const char yaml[] =
        "source: {type: host}\ntransformations: [{type: look}]\nsink: {type: host}\n";
    static const df_transform type = {
        .size = sizeof type, .name = "look", .doc = "Sees each record.", .apply = apply};
    const df_text spec = {sizeof spec, "embed.yaml", yaml, sizeof yaml - 1};
    must(df_transform_register(env, &type), "register", df_env_errmsg(env));
    df_pipeline *p = df_pipeline_new(env, NULL);
    if (!p)
        fail("a pipeline", "out of memory");
    must(df_pipeline_load(p, &spec), "load", df_pipeline_errmsg(p));
    return p;
}

static df_port *port_of(df_pipeline *p, const char *stage, int mode)
{
    const df_port_options o = {.size = sizeof o, .stage = stage, .mode = mode};
    df_port *port;
    must(df_port_open(p, &o, &port), stage, df_pipeline_errmsg(p));
    return port;
}

static double run_flow(df_env *env, uint64_t records)
{
    df_pipeline *p = flow_new(env);
    feeder f = {port_of(p, "source", DF_FEED), records};
    df_port *out = port_of(p, "sink", DF_TAKE);
    pthread_t thread;
    uint64_t next = 0;
    double begin = now();
    must(df_pipeline_start(p, NULL), "start", df_pipeline_errmsg(p));
    if (pthread_create(&thread, NULL, feed, &f))
        fail("a thread", "cannot be made");
    while (next < records) {
        df_parcel *parcel;
        int rc = df_port_take(out, -1, &parcel);
        must(rc, "take", NULL);
        if (rc == DF_DONE)
            break;
        if (rc == DF_AGAIN)
            continue;
        next = check(parcel, next);
        must(df_port_settle(out, parcel, DF_OK), "settle", NULL);
    }
    (void)pthread_join(thread, NULL);
    must(df_pipeline_wait(p, -1), "wait", df_pipeline_errmsg(p));
    double seconds = now() - begin;
    if (next != records)
        fail("the flow", "records are missing");
    df_port_close(out);
    df_pipeline_free(p);
    return seconds;
}

/* ---- the floor ------------------------------------------------------------------------------- */

static double run_floor(uint64_t records)
{
    static char from[ROWS][SIZE], to[ROWS][SIZE];
    void (*volatile call)(df_bytes) = look;
    double begin = now();
    for (uint64_t i = 0; i < records; i++) {
        write_record(from[i % ROWS], i);
        memcpy(to[i % ROWS], from[i % ROWS], SIZE);
        call((df_bytes){to[i % ROWS], SIZE});
    }
    return now() - begin;
}

int main(int argc, char **argv)
{
    uint64_t records = argc > 1 ? strtoull(argv[1], NULL, 10) : 5000000;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    if (!records || sched_setaffinity(0, sizeof one, &one))
        fail("start", "RECORDS is a number, and core 0 is needed");
    df_env *env = df_env_new(NULL);
    if (!env)
        fail("start", "out of memory");
    double floor = run_floor(records), flow = run_flow(env, records);
    printf("{\"records\":%" PRIu64 ",\"floor_s\":%.4f,\"flow_s\":%.4f,\"seen\":%" PRIu64 "}\n",
           records, floor, flow, seen);
    df_env_free(env);
    return 0;
}
