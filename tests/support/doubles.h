/* SPDX-License-Identifier: Apache-2.0
 * doubles.h: small stages that use one corner of dataflow_ext.h each. The suites run real
 * pipelines with them: a transactional sink, an asynchronous sink, a source with partitions that
 * come and go, an expanding transform, a sink with nested options; and shapes of connectors: change
 * data capture, a group whose positions the sink commits, blocks with names, files with commits. */
#ifndef TEST_SUPPORT_DOUBLES_H
#define TEST_SUPPORT_DOUBLES_H

#include <pthread.h>

#include "dataflow_ext.h"
#include "support/support.h"

enum { DOUBLES_PARTITIONS = 16 };

/* What the doubles of one env share: the "server" on the other side. Lock it to look inside. */
typedef struct doubles {
    pthread_mutex_t lock;
    char **rows; /* payloads in the order in which they became durable */
    size_t row_count, row_cap;
    char **errors; /* error records that the transactional sink took, the same way */
    size_t error_count, error_cap;
    struct doubles_stored {
        char name[64], data[64];
        uint64_t seq, epoch;
        int used;
    } stored[DOUBLES_PARTITIONS];
    int fail_writes;  /* this many writes of the transactional sink answer fail_status */
    int fail_status;  /* DF_EUNKNOWN: see fail_applied */
    int fail_applied; /* the failing write was applied all the same */
    int acks, revokes, settled, resolved, claims;
    uint64_t acked[DOUBLES_PARTITIONS]; /* position of the newest ack by partition index */
    char nested[256];                   /* what the nested options came out as */
    size_t ends, rows_at_end[DOUBLES_PARTITIONS]; /* partitions that ended; rows there were then */
    uint64_t generation, group[DOUBLES_PARTITIONS]; /* test-group: token, positions */
    int refused_tokens, holder;
    int lose_absorbed;     /* test-async: so many parcels that it absorbed are lost */
    size_t lost_rows;      /* in `rows` all the same */
    uint64_t counted;      /* test-count: records */
    struct doubles_block { /* test-begun: notes, names of blocks, positions */
        char partition[64], begun[64], inserted[96], position[64];
        uint64_t seq, epoch;
    } blocks[DOUBLES_PARTITIONS];
    int crash_at, inserts; /* after that insert; so many there were */
    int repeated;          /* blocks that the server had */
    int commits;           /* test-lake */
} doubles;

doubles *doubles_new(void);
void doubles_free(doubles *d);
/* Registers test-txn, test-async, test-nested, test-count, test-begun, test-lake
 * (sinks), test-parts, test-cdc
 * (sources), test-group (both), test-expand. */
int doubles_register(doubles *d, df_env *env);
size_t doubles_count(doubles *d);
/* 1 when some row is this text. */
int doubles_has(doubles *d, const char *text);
/* 1 when no row occurs twice. */
int doubles_unique(doubles *d);

/* What the suites that run doubles share: an env with all of them, and a folder. */
typedef struct doubles_fixture {
    support_host host;
    df_env *env;
    doubles *d;
    char *dir;
} doubles_fixture;

int doubles_setup(void **state);
int doubles_teardown(void **state);
/* Runs a manifest to its end; fails the test with the problem. */
void doubles_run(doubles_fixture *f, const char *yaml);

/* For the doubles themselves: a durable row; call with the lock held. */
int doubles_row(doubles *d, df_bytes payload);
int doubles_error(doubles *d, df_bytes envelope);

extern const df_sink_ops doubles_txn_ops, doubles_async_ops, doubles_nested_ops;
extern const df_sink_ops doubles_group_sink_ops, doubles_begun_ops, doubles_lake_ops;
extern const df_source_ops doubles_parts_ops, doubles_cdc_ops, doubles_group_source_ops;
extern const df_options doubles_txn_options;
extern const df_options doubles_cdc_options, doubles_group_options, doubles_lake_options;
extern const df_options doubles_parts_options, doubles_async_options, doubles_nested_options;
extern const df_transform doubles_expand;
size_t doubles_txn_size(void);
size_t doubles_async_size(void);
size_t doubles_parts_size(void);
size_t doubles_cdc_size(void);
size_t doubles_group_size(void);
size_t doubles_lake_size(void);
size_t doubles_nested_size(void);

#endif
