/* SPDX-License-Identifier: Apache-2.0
 *
 * dataflow_ext.h: for people who write connectors and transforms. The built-in ones are written
 * against it too. Read dataflow.h first; what an operation may do with one record and its values is
 * in dataflow_record.h, which this header includes; for a system that speaks Avro there is a codec
 * in dataflow_avro.h. What programs ask of a connector beside running it is in dataflow_manage.h.
 * connectors/template is a whole connector to copy.
 *
 * THE STORY. A connector or transform is a const table: name, help, size of one instance, option
 * rows, and operations; NULL means "cannot". The core allocates the instance zeroed, fills the
 * options at their offsets, and calls the operations. It owns retry, back-off, batching, rewind,
 * splitting and the error exit; an operation answers honestly and returns.
 *
 * WORDS.
 *   stage       one running instance of a connector or transform: `self` is its memory, df_stage
 *               what the core gives it
 *   partition   one ordered part of a source: a Kafka partition, a file, a table
 *   batch       records of one or more partitions that were read together and share memory
 *   offset      the source's own number of a record; gaps mean nothing, -1: it has none
 *   seq         records of a partition so far, counted by the core from 0
 *   position    the source's own bytes: "resuming here re-reads nothing before"
 *   mark        a position after records that were added (df_batch_mark)
 *   end         of a record: everything that came of it is durable in a sink or in the error sink,
 *               or is counted as filtered, left out, skipped or abandoned
 *   watermark   of a partition: the newest mark before which every record has ended
 *   room        payload bytes that a read may still add: its share of the memory budget
 *   parcel      records of one or more batches, in order, given to one sink together
 *   settle      to say how a parcel ended: by the answer of write, or with df_stage_settle
 *   absorb      of a sink: to copy what it needs of a parcel, so that the core frees the memory
 *               before the records are durable (DF_ABSORBED)
 *   refuse,     to say of a record that it can never pass; it leaves through the error exit. The
 *   reject      functions for it are df_record_reject and df_parcel_reject
 *   error exit  where a refused record goes: the error sink; without one it ends the run, or is
 *               counted as skipped (errors.policy)
 *   child       a record that an expansion made of another one, its parent
 *   trait       what an instance can or cannot (DF_CAN_REPLAY, ...)
 *   bounded     a run that ends where the source ended when it was opened
 *   drain       nothing more is read, all that was read is delivered; at a stop, at the end of the
 *               input, and after a failure that ends the run
 *   generation  of a partition: raised when it is given away or sent back; what is under way of an
 *               older one is let go
 *   end said    the source has called df_partition_end: it has nothing more of the partition. When
 *               all of it has ended and its position is saved, the core calls `ended`
 *   range       of a parcel: for each partition its first and last record, as source offsets
 *   owner       an opaque token of a partition, from a source to a sink of the same system, which
 *               stores positions there in its own transaction (Kafka: metadata of a group)
 *   claim       a sink that holds positions becomes the owner of a partition's; `epoch` is its
 *               number as the owner
 *   fence       to shut out an older owner: what it still writes is refused (DF_EFENCED)
 *   begun       a block of which a sink keeps a durable note under a name (partition and range)
 *               before it writes it, so that after a crash it can write the same block again
 *
 * THE LIFE OF A SOURCE. What each operation does and answers is said at its member.
 *   probe    instead of all that follows, on an instance of its own: one look at the server
 *            (`dfproc validate --connect`)
 *   check    when the manifest is checked, before anything is connected, on an instance of its own:
 *            what it leaves in `self` is gone before open. Once more on the instance that runs: of
 *            a sink, and of another stage that named a problem of an option whose value is a
 *            reference (${env:}, ${file:}, a Secret), of which nothing was known the first time
 *   open     connects, opens the partitions it has from the start
 *   read     again and again, with room 0 too, at least once a second (less often while nothing
 *            comes, when it has DF_CAN_SLEEP)
 *   ack      between reads, when watermarks have moved
 *   ended    between reads, for a partition whose end was said, when all of it is settled
 *   seek     between reads, when a sink lost what it had accepted: back to the watermark
 *   close    at the end, and after a failure of open or read with DF_EIO or DF_ETIMEOUT: then a
 *            back-off, and open again; its partitions resume at their last read mark
 *   Partitions come and go inside read: df_partition_open, df_partition_close, df_partition_end.
 *   A whole partition:  open ─► add, mark ... ─► end ─► (settled, saved, acked) ─► ended ─► gone
 *   What takes the end back, so that the source says it again when it is there: seek, and a close
 *   of the source.
 *
 * THE LIFE OF A SINK.
 *   probe, check, open   as above; open again after each close that a failure caused
 *   claim         exactly-once: for each partition, before the source reads of it
 *   write         parcels, in order; the next one may come before an earlier one is settled
 *   poll          while one is answered PENDING or ABSORBED
 *   An absorbing sink:  write (ABSORBED) ... ─► flush, by commit_interval_ms or at a drain ─►
 *                 df_parcel_return, df_stage_settle for each parcel ─► DF_OK
 *   flush         at a drain, a revoke, the end of a transaction: until it answers DF_OK
 *   resolve       exactly-once: after write answered DF_EUNKNOWN, close and open
 *   close         at the end, and after DF_EIO, DF_ETIMEOUT, DF_EUNKNOWN, DF_EREWIND: everything
 *                 unsettled is given again, in order, after a back-off
 *
 * WHAT AN ANSWER DOES. docs/errors.md says what each code means; what follows depends on where.
 * "Again" is: close, a back-off, open, and then the same once more.
 *
 *                 source: open,            sink: write, settle           sink: open, flush,
 *                 read, ended                                            poll
 *   DF_AGAIN      read: nothing came       the parcel is given again     flush: called again
 *   DF_EIO,       again; reading goes on   again, all that is            again
 *   DF_ETIMEOUT   at the last mark read    unsettled, in order
 *   DF_EUNKNOWN   ends the run             again; exactly-once: resolve  again
 *                                          is asked first
 *   DF_EREWIND    ends the run             again, and the source goes    as any other
 *                                          back to its watermark; one
 *                                          that cannot ends the run
 *   DF_EDATA      ends the run             the records named are         as any other
 *                                          refused; none named: halved
 *   DF_ETOOBIG    ends the run             halved; a single record is    as any other
 *                                          refused
 *   DF_EFENCED    ends the run             the parcel's partitions are   as any other
 *                                          given up, and the run ends
 *   DF_EAUTH      before the stage's first success it ends the run; later: again, secrets are read
 *                 anew, for 10 minutes, then the run ends (DF_ETEMPORARY)
 *   DF_ENOMEM     again, three times, then the run ends (DF_ETEMPORARY)
 *   DF_ECANCELED  read: nothing came       not written, given again if   flush, poll: nothing
 *                                          a partition was given away;   came of it
 *                                          else it ends the run
 *   any other     ends the run             ends the run                  open: ends the run; flush,
 *                                                                        poll: again
 *
 *   check     any failure is a problem of the manifest
 *   probe     is told as it is
 *   ack       asked again with the next watermark, after a back-off; DF_EFENCED ends the run
 *   seek      any failure ends the run
 *   claim     DF_EIO, DF_ETIMEOUT, DF_EAUTH as write, and claim again; any other ends the run
 *   resolve   DF_OK: written; DF_AGAIN: not, it is given again; DF_EFENCED as write; DF_EIO,
 *             DF_ETIMEOUT, DF_EAUTH, DF_EUNKNOWN: again; any other ends the run
 *   settle    of a parcel answered DF_ABSORBED: all but DF_OK is as DF_EREWIND, since its
 *             bytes are gone
 *   apply,    DF_EDATA: what is left of the batch is refused; any other ends the run, and nothing
 *   expand    of the batch goes to a sink
 *   ended     DF_ECANCELED: the partition goes on, as if its end had not been said
 * A run that ends so reads no more, lets the sinks drain (but the one that failed), saves positions
 * and returns the code. The text is the one of df_stage_fail with the same status.
 *
 * THREADS. One instance is never in two operations at once.
 *   source thread    open, read, ack, ended, seek, close of the source
 *   pipeline thread  apply, expand, close of transforms; with `transformWorkers` above 1 `apply`
 *                    runs on threads of their own, each with an instance of its own
 *   sink thread      open, claim, write, poll, flush, resolve, close of one sink
 *   the caller's     check (df_pipeline_check and df_pipeline_start), open of transforms
 *                    (df_pipeline_start), probe, offsets, set_offsets, release, reread
 *   any              before
 * From any thread: df_stage_settle, df_stage_current, df_stage_wake, df_stage_stopping,
 * df_stage_describe, df_stage_now, df_stage_clock_us, df_stage_log, df_stage_logf, df_stage_hide,
 * df_stage_metric, df_stage_metric_of, df_stage_charge, df_stage_connected, df_stage_waits,
 * df_partition_lag, df_partition_owner, df_schema_hold, df_schema_free. All else: on the thread
 * that runs the operation. None of them is called for a stage whose `close` has returned.
 *
 * BLOCKING. Operations may block only in df_stage_wait, which returns early when the stage must
 * come back; poll a library's descriptor there, and never call what may block without limit.
 *
 * MEMORY. What `read` adds is copied into the batch. Values borrowed from a record live until it
 * changes or the operation returns; see df_parcel_root for sinks.
 */
#ifndef DATAFLOW_EXT_H
#define DATAFLOW_EXT_H

#include "dataflow_manage.h"
#include "dataflow_record.h" /* and dataflow.h with it */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct df_partition df_partition; /* one ordered part of a source */
typedef struct df_secret df_secret;       /* a value that cannot be printed by accident */

/* ---- options: one table fills, checks, documents, and makes schemas ----------------------- */

/* Member type in the instance */
enum {
    DF_OPT_TEXT = 1,  /* df_bytes, NUL-terminated copy; data NULL when absent without default.
                         With `of` DF_OPT_TEXT a list of texts may be written as well; the member
                         then has its items with a comma between: [a, b] is "a,b" */
    DF_OPT_SECRET,    /* df_secret *; text, ${env:}, ${file:} and the <name>SecretRef twin */
    DF_OPT_BOOL,      /* int */
    DF_OPT_INT,       /* int64_t; DF_UNSET when absent without default */
    DF_OPT_DOUBLE,    /* double; NaN when absent without default */
    DF_OPT_SIZE,      /* int64_t bytes, "64MiB" */
    DF_OPT_DURATION,  /* int64_t µs, "30s", "1m30s"; a plain number is seconds */
    DF_OPT_ENUM,      /* int: index into choices, case-insensitive; -1 when absent */
    DF_OPT_PATH,      /* df_path * */
    DF_OPT_CONDITION, /* df_condition * */
    DF_OPT_LIST,      /* df_list of `of` */
    DF_OPT_MAP,       /* df_list of df_pair, in the order written; values are text */
    DF_OPT_BLOCK,     /* pointer to the block's struct; NULL when absent */
    DF_OPT_ANY,       /* df_bytes: the node as JSON text */
    DF_OPT_STAGE      /* a nested stage (router's sink): int, its exit for df_record_route */
};
enum {
    DF_OPT_REQUIRED = 1,
    DF_OPT_REF = 2, /* has a SecretRef twin, which wins over the plain field */
    DF_OPT_DEPRECATED = 4,
    DF_OPT_LATER = 8,     /* known, refused with "not supported yet" when used */
    DF_OPT_HOST = 16,     /* checked here, used by the program around (a schedule) */
    DF_OPT_IDENTITY = 32, /* part of the source's identity: stored positions belong to it */
    DF_OPT_LITERAL = 64,  /* no ${env:} or ${file:} in it */
    DF_OPT_PARTS = 128    /* SECRET: only parts of it are (a connection string has a host too);
                             the connector tells them with df_stage_hide before it says anything */
};
#define DF_UNSET INT64_MIN

/* What an option of type LIST or MAP fills, in memory of the instance. Items of a LIST of TEXT,
 * PATH, CONDITION, INT, SECRET or BLOCK are df_bytes, df_path *, df_condition *, int64_t,
 * df_secret *, or the block's struct by value. */
typedef struct df_list {
    const void *items; /* the first one; undefined when count is 0 */
    size_t count;
    size_t item_size; /* bytes from one to the next */
} df_list;
typedef struct df_pair { /* one entry of a MAP; texts end in NUL */
    df_bytes name, value;
} df_pair;

typedef struct df_options df_options;
typedef struct df_option {
    const char *name;
    int type, of; /* of: item type of a LIST; TEXT: see DF_OPT_TEXT; else 0 */
    unsigned flags;
    size_t offset;              /* in the struct that this table fills */
    const char *def;            /* default as text, or NULL */
    const char *doc;            /* one sentence */
    const char *const *choices; /* ENUM: NULL at the end */
    int64_t min, max;        /* both 0: any; max < min: no upper bound; TEXT: length, LIST: count */
    const df_options *block; /* BLOCK, LIST of BLOCK */
} df_option;
struct df_options {
    size_t size;            /* of df_options */
    size_t row_size, count; /* of df_option */
    const df_option *rows;
    size_t struct_size; /* what the offsets point into */
};
#define DF_OPTIONS(rows, type)                                                                     \
    {                                                                                              \
        sizeof(df_options), sizeof(df_option), sizeof(rows) / sizeof((rows)[0]), rows,             \
            sizeof(type)                                                                           \
    }

/* ---- positions ---------------------------------------------------------------------------- */

typedef struct df_position {
    size_t size;
    uint32_t partition; /* number */
    const char *name;   /* of the partition */
    df_bytes data;      /* the source's own text: "resuming here re-reads nothing before" */
    uint64_t seq;       /* records of this partition covered, counted by the core, from 0 */
    uint64_t epoch;     /* of the owner; 0 without claim */
    df_bytes owner;     /* newest token that the source gave (df_partition_owner); in positions of
                           a parcel only, borrowed until it settles; data NULL: none */
    df_bytes begun;     /* filled by claim: where a block ends that the sink has begun under a name
                           and not finished; data NULL: none */
} df_position;

typedef struct df_lag {
    size_t size;
    int64_t records;   /* existing and not yet read; -1 unknown */
    int64_t newest_us; /* time of the newest existing record; -1 unknown */
} df_lag;

/* ---- what a connector implements ---------------------------------------------------------- */

/* A source opens partitions, adds records and marks positions. `read` has to be there. */
typedef struct df_source_ops {
    size_t size;
    /* Looks at the filled options and names what is wrong with df_stage_problem. No I/O, no wait.
     * DF_OK; a failure without a problem named is one of the whole stage. */
    int (*check)(void *self, df_stage *st);
    /* Connects, and opens the partitions that are there from the start (df_partition_open). May
     * wait. Called again after a failure: partitions opened then get their last read mark. */
    int (*open)(void *self, df_stage *st);
    /* Adds records until df_batch_room is used up or nothing waits, then returns DF_OK; DF_AGAIN
     * when nothing came within timeout_ms; DF_DONE at the end (bounded runs, end of a pipe),
     * together with the last records or after them. When df_batch_room is 0 it only serves its
     * client (group heart-beat, replication feedback) and returns DF_AGAIN; this happens at least
     * once a second, with timeout_ms 0. Partitions are opened and closed before the first
     * df_batch_add of a read: what was added to one that is closed then is forgotten. A record that
     * cannot be decoded is added raw and failed with df_record_fail. */
    int (*read)(void *self, df_stage *st, df_batch *into, int timeout_ms);
    /* Everything up to these positions is settled: commit it. Between reads, and nested inside
     * df_partition_close(FINISH). Positions only rise, and their texts are borrowed for the call;
     * walk rows with DF_ROW. DF_OK; a failure does not stop the flow: asked again with the next
     * watermark. NULL: nothing is to be committed. */
    int (*ack)(void *self, df_stage *st, const df_position *rows, size_t count);
    /* Goes back to a position, which is borrowed for the call; what was read after it is read
     * again. No bytes (`data` with len 0): to the beginning. For DF_CAN_REPLAY. */
    int (*seek)(void *self, df_stage *st, const df_position *to);
    /* Lets go of all that open and read took. Once for each open, even a failed one. Threads of its
     * own end here. No long wait: the next open, and the end of the run, wait for it. */
    void (*close)(void *self, df_stage *st);
    /* Like snprintf: the position from which reading gives record `r` again (its offset and
     * partition are set). Pure, any thread. With it a run that ends at a refused record ends
     * exactly there; NULL: at the mark before it. */
    size_t (*before)(void *self, const df_record *r, char *buf, size_t len);
    /* Everything of a partition that df_partition_end was called for has ended, its position is
     * saved: leave it, drop it. The handle is gone when this returns, and df_partition_open takes
     * the partition up again. DF_OK: its stored position stays; DF_DROP: it is removed from the
     * store (a file that is gone will not be asked for again). After a failure the source is closed
     * as after one of read, and says the end again when it was opened. NULL: as DF_OK. */
    int (*ended)(void *self, df_stage *st, df_partition *part);
    /* Connects as `open` would, looks whether what the options name is there and what may be done
     * with it, closes all of it again, and changes nothing anywhere: it joins no group, opens no
     * partition, commits nothing. DF_OK, best with df_stage_foundf; a failure with the words that
     * open or read would have for it. Nothing else is called on this instance, not even close. When
     * its time is over df_stage_wait says DF_ECANCELED: better than returning that is to tell what
     * was waited for. NULL: it offers no look. */
    int (*probe)(void *self, df_stage *st);
    /* Of a source with DF_HOLDS_POSITION whose positions are numbers: `each` for every partition,
     * rows borrowed; time_us as df_pipeline_offsets has it. As `probe`. NULL: both or none. */
    int (*offsets)(void *self, df_stage *st, int64_t time_us, df_offset_fn each, void *user);
    /* Stores `stored` of each row (DF_ROW), answers as df_pipeline_set_offsets. As `probe`. */
    int (*set_offsets)(void *self, df_stage *st, const df_offset *rows, size_t count);
    /* Removes what it holds in its own system: df_pipeline_release. As `probe`. NULL: nothing. */
    int (*release)(void *self, df_stage *st);
    /* Gives a record the value that `read` makes of its payload and headers, or rejects it. It is
     * never open: connects at the first call, ends with `close`. NULL: the payload is the value. */
    int (*decode)(void *self, df_stage *st, df_record *r);
    /* Asks whoever runs the flow: df_pipeline_reread. As `probe`. NULL: it cannot be asked. */
    int (*reread)(void *self, df_stage *st, const char *table);
} df_source_ops;

/* A sink makes parcels durable, in the order given. `write` has to be there. */
typedef struct df_sink_ops {
    size_t size;
    /* As of a source. What it says with df_stage_limits holds for the run too. */
    int (*check)(void *self, df_stage *st);
    /* Connects; makes what has to be there. May wait. Called again after each close. */
    int (*open)(void *self, df_stage *st);
    /* Takes a parcel, which is yours to read until it is settled. May wait.
     * DF_OK: durable, but for those named with df_parcel_reject.
     * DF_AGAIN: not now; it is given again, in order (what was accepted before it failed).
     * DF_PENDING: df_stage_settle follows, in any order; `poll` is called meanwhile.
     * DF_ABSORBED: as PENDING and the bytes were copied; only OK or EREWIND may follow, so a commit
     * that conflicts is tried again inside. A record that does not fit after all is given back
     * before that (df_parcel_return).
     * DF_EDATA: nothing was applied; the records named with df_parcel_reject are at fault. If no
     * record is named, the core splits the parcel in half and gives both. Without an error sink
     * (`stops_at_refused`) say so whenever nothing can be left of the write: the core then sends
     * only what precedes the first refused record of each partition, so that the next start repeats
     * nothing. With exactly-once refusals are always told so and named: a parcel cannot be split
     * between two marks, and its positions wait until the refused records are durable. A sink that
     * has DF_TAKES_ERRORS gets the parcel again with an error record in the place of each. Any
     * other answer to refused records ends the run there (DF_EINTERNAL), since the positions have
     * passed them; only with errors.policy: skip nothing has to be first.
     * DF_ETOOBIG, DF_EIO, DF_ETIMEOUT, DF_EUNKNOWN, DF_EFENCED, DF_EAUTH: see dataflow.h. */
    int (*write)(void *self, df_stage *st, df_parcel *parcel);
    /* While a parcel is PENDING or ABSORBED and no other comes: lets the library below work for up
     * to timeout_ms; wait in df_stage_wait, which a new parcel ends. DF_OK or DF_AGAIN; after any
     * failure but DF_ECANCELED the sink is closed. NULL: other threads settle. */
    int (*poll)(void *self, df_stage *st, int timeout_ms);
    /* Everything pending becomes durable (drain, revoke, end, commit_interval_ms), and is settled:
     * DF_OK when it is, DF_AGAIN when timeout_ms was too short; it is called again then. NULL:
     * nothing has to be asked for. */
    int (*flush)(void *self, df_stage *st, int timeout_ms);
    /* Exactly-once: becomes the owner of the partition that is named (fences others) and tells its
     * stored position, before the source seeks: fill `epoch`, `data`, `seq`; DF_ENOTFOUND: none
     * stored, only `epoch` is filled. What `data` points to is yours and must stay until the next
     * claim or close of this instance. A sink that keeps a note of what it is about to write (name
     * and position of the block) fills `begun` with that position, as it was in the parcel, when
     * the note is there and the block is not known to be written. The first parcel with records of
     * the partition then has exactly those of it up to this position, and no other partition (the
     * source is given room for one record at a time until then); writing it under the same name
     * again writes it once. A block that was begun is not refused as a whole any more: DF_EDATA and
     * DF_ETOOBIG come before the note. */
    int (*claim)(void *self, df_stage *st, df_position *partition);
    /* After DF_EUNKNOWN and reopen: was this parcel applied? DF_OK yes, DF_AGAIN no, DF_EFENCED, or
     * a failure to ask. NULL: DF_EUNKNOWN is as DF_EIO. */
    int (*resolve)(void *self, df_stage *st, df_parcel *parcel);
    /* As of a source. No parcel may be settled after it; what is not settled is given again. */
    void (*close)(void *self, df_stage *st);
    /* As of a source: it makes no table, truncates and locks nothing, writes no record. */
    int (*probe)(void *self, df_stage *st);
    /* Calls `each` for what lies where it writes, is older than age_us and nothing names; removes
     * nothing. As `probe`, without a limit of time. NULL: it leaves nothing behind. */
    int (*leftovers)(void *self, df_stage *st, int64_t age_us, df_leftover_fn each, void *user);
    /* df_pipeline_expire. As `leftovers`. NULL: it has no former states. */
    int (*expire)(void *self, df_stage *st, const df_expiry *how, df_expired_fn each, void *user);
} df_sink_ops;

/* A metric of a connector's own; at most 32 for one. A name that the text format does not allow,
 * that begins with "process_", or that the library or an earlier connector has is left out. */
typedef struct df_metric {
    size_t size;             /* of df_metric */
    const char *name, *help; /* "dataflow_kafka_wakeups_total" */
    int type;                /* DF_COUNTER, DF_GAUGE, DF_HISTOGRAM */
    const char *label;       /* name of a label whose values df_stage_metric_of gives, or NULL */
    double start;            /* HISTOGRAM: its first upper edge, 15 more follow, each twice the one
                                before; 0: 0.001 */
} df_metric;
enum { DF_COUNTER = 1, DF_GAUGE, DF_HISTOGRAM };
#define DF_METRIC(name, help, type)                                                                \
    {                                                                                              \
        sizeof(df_metric), name, help, type, NULL, 0                                               \
    }
#define DF_METRIC_END                                                                              \
    {                                                                                              \
        sizeof(df_metric), NULL, NULL, 0, NULL, 0                                                  \
    }

/* Traits. The table of a connector says what its instances can as a rule; an instance that can more
 * or less, because of its options or of its server, says so with df_stage_traits. That of
 * a transform has none to begin with. */
enum {
    DF_CAN_REPLAY = 1,          /* source: seek works; after a restart it can go back */
    DF_CAN_EXACTLY_ONCE = 2,    /* sink: claim and resolve work */
    DF_IS_IDEMPOTENT = 4,       /* sink: the same record twice is once */
    DF_HOLDS_POSITION = 8,      /* source: its own system stores what was acked */
    DF_IS_LINE = 16,            /* source without positions: a pipe */
    DF_COMMITS_FOR_SOURCE = 32, /* sink with exactly-once: its transaction stores the positions in
                                   the source's own system (df_position.owner), so it needs a source
                                   of its own kind, and that one does not commit */
    DF_VARIES = 64, /* source, transform: a record that is read again does not come out the same,
                       for example because the time of processing is in it */
    DF_TAKES_ERRORS = 128, /* sink with exactly-once: error records are in its parcels
                             (df_parcel_is_error), and it writes them where it keeps such, in the
                             transaction that holds the positions; there is no error sink. Said in
                             check. Without exactly-once it has no effect */
    DF_CAN_SLEEP = 256, /* source: while nothing comes it need not be called, since it has no client
                          to serve; a read that waits in df_stage_wait may then be given up to ten
                          seconds */
    DF_IS_SHARED = 512, /* source: flows that read the same share its partitions, each record goes
                          to one of them; said in the table, since spec.replicas asks before any
                          instance is there */
    DF_OVERLAPS = 1024  /* source: after a restart a row may come twice, copied and as a change */
};

typedef struct df_connector {
    size_t size;
    const char *name;                  /* the kind: `type` in a manifest */
    const char *doc;                   /* one sentence, for lists of connectors */
    size_t source_size, sink_size;     /* of one instance: the options struct, or longer */
    unsigned source_flags, sink_flags; /* traits: DF_CAN_REPLAY, ... */
    const df_options *source_options, *sink_options; /* what fills an instance; NULL: none */
    const df_source_ops *source;                     /* NULL: cannot */
    const df_sink_ops *sink;
    const df_metric *metrics; /* DF_METRIC_END at the end */
    const char *version;      /* of the library under it, for `dfproc version`; or NULL */
    void *user;               /* df_stage_user: one trampoline serves many classes of a binding */
    df_free_fn user_free;     /* with `user`, when the env is freed or the registering failed */
} df_connector;

/* A transform works in place (`apply`) or expands (`expand`), not both. Neither blocks. To refuse a
 * record, df_record_reject it and go on. A returned failure stops the pipeline: nothing of the
 * batch, and nothing that has not passed all transforms, goes to any sink; it is read again at the
 * next start. But DF_EDATA rejects the batch's remaining records: in an expansion those without
 * children and the parent of the newest child; the parents before it are complete. */
typedef struct df_transform {
    size_t size;
    const char *name;          /* the kind: `type` in a manifest */
    const char *doc;           /* one sentence, for lists of transformations */
    size_t self_size;          /* of one instance: the options struct, or longer */
    const df_options *options; /* what fills an instance; NULL: none */
    /* As of a source. */
    int (*check)(void *self, df_stage *st);
    /* Prepares what apply needs, once for each instance; no I/O, no wait: a failure is not tried
     * again, df_pipeline_start returns it. Memory from df_stage_alloc needs no close. */
    int (*open)(void *self, df_stage *st);
    /* Edits, drops, routes or rejects records of the batch; the order and number stay. DF_OK. */
    int (*apply)(void *self, df_stage *st, df_batch *batch);
    /* Reads `in` and emits into `out` with df_batch_emit; what it does not expand (and what is not
     * live, see df_record_live) it moves with df_batch_pass. A record neither emitted from nor
     * passed is filtered. DF_OK; DF_MORE: `out` is full (df_batch_room 0), called again with the
     * same `in` and a fresh `out`; df_batch_cursor is storage for where it was. Children that were
     * emitted go on, also when their parent is rejected after that: some may be in a sink already.
     * The parent leaves through the error exit then, beside them. */
    int (*expand)(void *self, df_stage *st, df_batch *in, df_batch *out);
    /* After the last batch, once for each instance, also when its open failed. */
    void (*close)(void *self, df_stage *st);
    const char *example;  /* JSON {"config","input","output"} for the documentation, or NULL */
    void *user;           /* df_stage_user */
    df_free_fn user_free; /* with `user`, when the env is freed or the registering failed */
} df_transform;

/* Registers a table; it is copied deep, so a binding may build it in memory it frees. Pipelines
 * that are made later know it, and it stays until the env is freed: there is no way to take it
 * back. Registering the same table (without a user_free) again is DF_OK and does nothing: a module
 * that brings several kinds is opened for each. DF_EEXISTS (another table has the name), DF_EINVAL
 * (a row that cannot work; text in df_env_errmsg). */
DF_API int df_connector_register(df_env *env, const df_connector *type);
/* The same for a transform. */
DF_API int df_transform_register(df_env *env, const df_transform *type);

/* The one symbol that a plug-in exports: `const df_plugin df_plugin_entry`. */
typedef struct df_plugin {
    size_t size;
    int version; /* DF_VERSION it was built with */
    /* Registers its tables and returns DF_OK, or the failure of that, which df_env_load_plugin then
     * returns; what was registered before stays. On the thread that called this, or that named one
     * of its kinds first. It may be called again: the object is never unloaded. */
    int (*init)(df_env *env);
} df_plugin;

/* ---- stage -------------------------------------------------------------------------------- */

typedef struct df_stage_info {
    size_t size;
    const char *space, *pipeline; /* namespace ("": none) and name, as metrics have them */
    const char *stage;            /* its name in the pipeline: "sink", "0 router/1" */
    const char *kind;             /* of the stage: "kafka" */
    int bounded;                  /* source: fix the end in open, DF_DONE there */
    int exactly_once;             /* deliveryGuarantee: claim, resolve and positions are used */
    int dry;                      /* change nothing outside */
    int is_error_sink;            /* its records are envelopes of refused ones */
    uint64_t memory_share;        /* bytes this stage may prefetch or buffer */
    int show_values;              /* else no value of a record in a text: it may be a card number */
    int stops_at_refused;         /* sink: a refused record ends the run, see write */
    const char *work_dir;         /* for temporary files, named after `stage`; NULL: make none */
    int position_holder;          /* DF_HOLDER_...: who keeps the positions of this run */
    const char *varied_by; /* sink: a stage before it that has DF_VARIES, so that a record that
                              comes again after a crash differs from what was written; else NULL */
    const char *source_identity; /* hash of what it reads; "": names of its partitions say it */
    void *user;                  /* df_pipeline_options.user; in `check` NULL */
} df_stage_info;
enum {
    DF_HOLDER_NONE,           /* none: a restart begins as configured */
    DF_HOLDER_SOURCE,         /* the source's own system: ack commits */
    DF_HOLDER_STORE,          /* the program's store: ack may forget what it kept */
    DF_HOLDER_SINK,           /* the sink, in its own system: an ack may commit too, for monitors */
    DF_HOLDER_SINK_FOR_SOURCE /* the sink, in the source's system: there is no ack, since a late
                                 commit of the source's could move the position back */
};

/* How a sink likes its parcels. Unset members (0) mean no limit. When the user set batchSize the
 * sink passes it as `rows` (exactly that many, or fewer after `interval_ms`). With exactly-once a
 * parcel ends at a mark of the source, so it may be larger than all of these. */
typedef struct df_limits {
    size_t size;
    int64_t min_interval_ms; /* between flushes while little waits */
    uint64_t good_bytes;     /* flush at once at this size */
    uint64_t max_bytes;  /* payload and key; a record that would exceed it begins the next parcel */
    uint64_t max_rows;   /* records in one parcel */
    int64_t rows;        /* batchSize as the user set it; 0: adaptive */
    int64_t interval_ms; /* batchFlushIntervalSeconds with batchSize; 0: none */
    /* For a sink that absorbs and commits now and then (a table of files): `flush` is called when
     * the parcel it absorbed first is so old, or when it has absorbed so many payload bytes, and at
     * drains as ever. With one of them set, what it has absorbed does not count for maxUncommitted:
     * a crash repeats it. Both 0: at drains and at that bound only. Said in check, `explain` shows
     * them. */
    int64_t commit_interval_ms;
    uint64_t commit_bytes;
} df_limits;

/* What the stage should know of the pipeline around it: set ret->size, the rest is filled. Texts
 * live as long as the stage. In `check` the manifest is all that is known: bounded, dry,
 * show_values and position_holder are 0 there, not yet those of the run. Any thread. DF_OK. */
DF_API int df_stage_describe(const df_stage *st, df_stage_info *ret);
/* `user` of the table that this stage was made from; the table's user_free ends it. */
DF_API void *df_stage_user(const df_stage *st);
/* How a sink likes its parcels. Copied; the last call counts. In check, where `explain` sees it, or
 * in open, whose word holds from then on: the next open repeats it only when it changes. DF_OK. */
DF_API int df_stage_limits(df_stage *st, const df_limits *limits);
/* Changes the traits of this instance: those of `set` it has, those of `clear` it has not: its
 * table does not count for them. In check (options decide: upsertMode makes a sink idempotent),
 * where the manifest is judged by them, or in open (the server decides: a table's engine), where
 * reports show them from then on; what a running flow relies on (REPLAY, HOLDS_POSITION, LINE) only
 * check may change. DF_EINVAL: a bit that is no trait, or one in both. */
DF_API int df_stage_traits(df_stage *st, unsigned set, unsigned clear);
/* Says whether the stage has its connection, when that changes between open and close: metrics and
 * status show it. Open and a return of DF_EIO say so by themselves. Any thread. */
DF_API void df_stage_connected(df_stage *st, int connected);
/* Says what the stage waits for ("the group"; static text), when another party has to act first:
 * status and metrics show it until NULL is said, or the stage opens again. Any thread. */
DF_API void df_stage_waits(df_stage *st, const char *what);
/* Reports a failure: status, a reason word for metrics ("timeout", "auth_error", docs/errors.md;
 * NULL: from the status) and one line of text. "connection_error" is tried again at least each
 * 10 s, others each 30 s. Returns status, so that it can be `return`ed. */
DF_API int df_stage_fail(df_stage *st, int status, const char *reason, const char *text);
/* The same with the text made as by printf, cut after some hundred bytes; a secret in an argument
 * is replaced before that. Values of records are an argument only where show_values says so. */
DF_API int df_stage_failf(df_stage *st, int status, const char *reason, const char *format, ...)
    DF_PRINTF(4, 5);
/* In probe: what is there, one line for people ("topic orders, 12 partitions"), made as by printf.
 * In check, which then answers DF_OK: what `explain` says of the stage. The last call counts. */
DF_API void df_stage_foundf(df_stage *st, const char *format, ...) DF_PRINTF(2, 3);
/* In check: a problem with the option at `option` ("tls.caFile"; NULL: the stage), DF_ERROR or
 * DF_WARNING; df_pipeline_problem_at tells it with its place in the manifest. Go on and name the
 * next one. Returns DF_ESPEC for an error, DF_OK for a warning, and for an option whose value is a
 * reference that is not known yet: then nothing is told, and check is called again at the start. */
DF_API int df_stage_problem(df_stage *st, int severity, const char *option, const char *text);
/* The same with the text made as by printf. */
DF_API int df_stage_problemf(df_stage *st, int severity, const char *option, const char *format,
                             ...) DF_PRINTF(4, 5);
/* In check or open: a path that is a part of an option's text. Lives as long as the stage. NULL:
 * told as a problem of `option`. */
DF_API const df_path *df_stage_path(df_stage *st, const char *option, df_bytes text);
/* The paths of the parents of a path, outermost first, root left out: a and a.b of a.b.c. They live
 * as long as the stage. DF_ENOMEM. */
DF_API int df_stage_parents(df_stage *st, const df_path *path, const df_path ***ret_paths,
                            size_t *ret_count);
/* The value of a JSON text; it lives as long as the stage and may be put into any record. DF_ESPEC:
 * told as a problem of `option`. */
DF_API int df_stage_value(df_stage *st, const char *option, df_bytes text, df_value *ret);
/* The label of the route that leaves through `exit` (a number that a DF_OPT_STAGE option was filled
 * with): a router's condition as written, for metrics; "": none. Lives as long as the pipeline. */
DF_API const char *df_stage_route(const df_stage *st, int exit);
/* When a server says when to come back: called before the failure is returned, it makes the
 * back-off that follows at least delay_ms long, also longer than usual; later ones are as usual. A
 * stop and new credentials break it like any other. */
DF_API void df_stage_retry_after(df_stage *st, int delay_ms);
/* A line for the log, DF_LOG_..., with pipeline and stage in front; secrets are replaced, a long
 * text is cut. Not for each record, and not for what df_stage_fail says: the core tells that. Any
 * thread. */
DF_API void df_stage_log(df_stage *st, int level, const char *text);
/* The same with the text made as by printf. Any thread. */
DF_API void df_stage_logf(df_stage *st, int level, const char *format, ...) DF_PRINTF(3, 4);
/* 1: the operation should return soon, since the stage is about to be closed, or the run ends
 * without waiting for what is not settled. For loops that do not wait: df_stage_wait returns early
 * by itself, with DF_ECANCELED in the second case. Any thread. */
DF_API int df_stage_stopping(const df_stage *st);
/* Waits until fd (-1: none) has events (POLLIN, POLLOUT; an error or a hang-up counts as one) or
 * timeout_ms passed; below 0 there is no limit but the wakes. DF_OK: fd is ready. DF_AGAIN:
 * timeout, or the stage was woken because work waits for it: finish what is begun or come back with
 * it, and return as soon as that is well. DF_ECANCELED: return at once, with DF_ECANCELED; what is
 * half done counts as not done. DF_EIO: poll failed. On the thread of the operation. */
DF_API int df_stage_wait(df_stage *st, int fd, short events, int timeout_ms);
/* Makes the df_stage_wait that this stage is in return DF_AGAIN, or else its next one; calls before
 * it returns count as one. For callbacks of a client library on threads of its own. Never blocks,
 * takes no lock; not after close has returned. Any thread. */
DF_API void df_stage_wake(df_stage *st);
/* Zeroed memory that lives as long as the stage (of `check`: until check returns): taken once, not
 * for each record or each open, since nothing gives it back. On the stage's own thread. NULL: no
 * memory. */
DF_API void *df_stage_alloc(df_stage *st, size_t size);
/* As realloc of C, with the env's allocator: old NULL makes a block, len 0 frees it. What is left
 * at the end is freed with the stage, after its close. The bytes count: a sink's in the memory
 * budget like those of df_stage_charge. A block belongs to the stage's own thread. NULL: no memory,
 * the old block stands. */
DF_API void *df_stage_realloc(df_stage *st, void *old, size_t len);
/* µs since 1970 by the env's clock, which a host may have replaced; it may go back. Any thread. */
DF_API int64_t df_stage_now(const df_stage *st);
/* µs of a clock that never goes back, for time-outs and intervals; tests hold it still. Any
 * thread. */
DF_API int64_t df_stage_clock_us(const df_stage *st);
/* Adds to a counter, sets a gauge, observes for a histogram: `index` is the row of the table's
 * metrics. A counter never falls: a negative value is ignored. Any thread. */
DF_API void df_stage_metric(df_stage *st, size_t index, double value);
/* The same for the series whose label has the value `of` (a slot, a table; cut to 63 bytes). A
 * metric keeps 64 values of its label apart; further ones are counted as "other". Any thread. */
DF_API void df_stage_metric_of(df_stage *st, size_t index, const char *of, double value);
/* Bytes this stage holds outside batches and parcels (a library's buffers, a file under way);
 * negative gives back. A sink's count in the memory budget: beyond an eighth of memoryLimit for all
 * sinks together they take room from reading. A source has memory_share of df_stage_info for its
 * own, and is not measured. Any thread. */
DF_API void df_stage_charge(df_stage *st, int64_t bytes);
/* The newest value of a secret; borrowed until the next call for it. DF_ENOTFOUND and others with
 * the text set on st. In `check` only a value that stands in the manifest itself; DF_ESTATE without
 * a text: it is a reference, and nothing is read then. */
DF_API int df_secret_get(df_secret *secret, df_stage *st, df_bytes *ret);
/* Asked before a file that an option names is opened: DF_OK, or DF_EAUTH with the text set when it
 * lies outside the folder that the host allows (df_pipeline_options.files). */
DF_API int df_stage_file(df_stage *st, const char *path);
/* Replaces this text, from now on, in everything the library tells (a password out of a connection
 * string, a token that a server gave). Shorter than 4 bytes: not hidden. DF_ENOMEM. Any thread. */
DF_API int df_stage_hide(df_stage *st, df_bytes text);

/* ---- source side -------------------------------------------------------------------------- */

/* Opens the partition `name`, or takes it up again; in open, or in read (assignment) before its
 * first df_batch_add. Loads where to resume (sink, then store, then last read mark):
 * df_partition_position. May wait for the store. The handle lives until df_partition_close or the
 * close of the source. A failure is returned from the operation as it is. */
DF_API int df_partition_open(df_stage *st, const char *name, df_partition **ret);
/* For df_input.partition: counted from 0 in the order of the first open; a name keeps its number
 * for the whole run, also when the partition was closed meanwhile. */
DF_API uint32_t df_partition_number(const df_partition *part);
/* Where to resume, after df_partition_open (set ret->size): go there before the first df_batch_add.
 * After a reconnect it is the last mark that was read, so what is under way does not come twice.
 * DF_ENOTFOUND: nothing stored, begin as configured, or where the source's own system says. The
 * text is borrowed until the operation returns. */
DF_API int df_partition_position(const df_partition *part, df_position *ret);
/* Metadata that every record of the partition has ("topic", "partition", "table"); a scalar,
 * copied. At each open, before its first record: saying again what is known costs nothing, another
 * value holds for the records added from then on. A string that is not UTF-8, or that holds a NUL,
 * becomes BYTES. DF_ENOMEM. */
DF_API int df_partition_meta(df_partition *part, const char *name, const df_value *value);
/* Records that are added to the partition from now on have this schema, unless they got one of
 * their own; NULL: none. */
DF_API void df_partition_schema(df_partition *part, const df_schema *schema);
/* Nothing more of the partition comes for now: a table's snapshot was read whole, a file was read
 * to its end. Said in open or in read, after its last df_batch_add and df_batch_mark; what was
 * added in the same read belongs to it. Returns at once; the partition lives on, acks of it still
 * come. When everything of it has ended and its last mark is saved where positions are kept (acked,
 * when that is the source's own system or a store), the core calls `ended`, once, however long that
 * takes: no limit of time as with df_partition_close. Nothing is added to it meanwhile. A seek of
 * the partition and a close of the source take the end back: it is said again when the source is
 * there again. A refused record that never ends (errors.ackPolicy: never) keeps the partition. Its
 * name stays in memory until the run ends. */
DF_API int df_partition_end(df_stage *st, df_partition *part);
/* Gives sinks of the same system the token of the partition's reader (for Kafka the metadata
 * of the consumer group, which change with each generation), so that they may store its positions
 * there in their own transaction. Copied; the newest one goes with each parcel when it is handed
 * over (df_position.owner), also with one that is tried again. len 0: no token. DF_ENOMEM. Any
 * thread. */
DF_API int df_partition_owner(df_partition *part, df_bytes token);
/* How far the source's end is from what was read (set lag->size), for metrics and status: whenever
 * the client tells it, at most a few times a second. -1: unknown. Any thread. */
DF_API void df_partition_lag(df_partition *part, const df_lag *lag);
/* The partition leaves this process. FINISH: its records are delivered and acked (nested call of
 * `ack`), at most revokeTimeout; LOST: another owner may have it already, nothing more is written
 * or acked. Legal inside read, before its first df_batch_add. What was not delivered in time comes
 * again to the next owner. Returns what `ack` answered; the handle is gone in any case. */
DF_API int df_partition_close(df_stage *st, df_partition *part, int how);
enum { DF_PARTITION_FINISH = 1, DF_PARTITION_LOST };

/* Payload bytes still welcome; 0: stop adding and return, with a mark if there is one. One record
 * may go past it: look before each one, not for its size. In a source it falls by payload, key,
 * headers and what the record will take in memory; a tree that was built counts like payload. In an
 * expansion it falls by what the children add to memory. 0 from the start: called to serve only. */
DF_API size_t df_batch_room(const df_batch *b);
/* Copies one record in; *ret_record (when not NULL) may get metadata until the operation returns.
 * A source that knows types adds a record without payload (data NULL), builds its tree with
 * df_value_new and df_value_put, and ends with df_record_set_root: no JSON text is made on the way,
 * and the room falls by what the tree takes. With a payload, the tree takes its place.
 * Records over the limit for one record become data errors by themselves. DF_ENOMEM; DF_EINVAL (no
 * partition of that number); DF_ESTATE (the room was 0 from the start of this read). */
DF_API int df_batch_add(df_batch *b, const df_input *in, df_record **ret_record);
/* Says that resuming at `position` re-reads nothing that was added to the partition so far.
 * Records after the newest mark belong to the next one. The position is copied: any bytes, empty
 * is the beginning. data NULL: no position, from a source that cannot go back (DF_IS_LINE): the
 * records settle by it, and a later run resumes nowhere. DF_ENOMEM; DF_ESTATE as df_batch_add. */
DF_API int df_batch_mark(df_batch *b, const df_partition *part, df_bytes position);
/* Zeroed memory that lives as long as the batch, which is until the last parcel with records of it
 * is settled or absorbed. NULL: no memory. */
DF_API void *df_batch_alloc(df_batch *b, size_t size);

/* ---- sink side ---------------------------------------------------------------------------- */

/* How many tries this parcel had before this one, with those of the parcel it was split from. A try
 * that was answered DF_AGAIN does not count. Records that come again after a rewind are in another
 * parcel, which begins at 0. */
DF_API int df_parcel_attempt(const df_parcel *parcel);
/* The positions that become durable with this parcel (exactly-once), one for each partition; walk
 * them with DF_ROW. A parcel without records may bring positions too: what was read was filtered.
 * Borrowed until the parcel settles. */
DF_API const df_position *df_parcel_positions(const df_parcel *parcel, size_t *ret_count);
/* What of a partition is in a parcel. A name for it that is the same after a restart: `name` and
 * the two offsets, where the source's offsets are (df_input.offset; -1 when it gives none). */
typedef struct df_range {
    size_t size;
    uint32_t partition;
    const char *name;    /* of the partition; lives as long as the pipeline */
    int64_t first, last; /* smallest and largest offset of its records */
    uint64_t records;    /* of it in the parcel; children of an expansion count each */
    size_t first_index,
        end_index; /* its records are in [first_index, end_index), maybe others too */
} df_range;
/* The ranges of the records in this parcel that are not rejected, without error records that the
 * main sink takes; one for each partition, in order of their first record. Computed by the call, in
 * time of the number of records; borrowed until the parcel settles or is given again. In write,
 * resolve, or while it is PENDING; not after ABSORBED. NULL: no memory (count is 0), or no
 * records. */
DF_API const df_range *df_parcel_range(df_parcel *parcel, size_t *ret_count);
/* Memory that lives until the parcel settles or is given again, not zeroed: rows as they are sent.
 * What a sink takes here beyond the size of the parcel it tells the budget with df_stage_charge. On
 * the sink's thread. NULL: no memory. */
DF_API void *df_parcel_alloc(df_parcel *parcel, size_t size);
/* A word for the sink's own use while the parcel is pending: NULL at first, and again after a try
 * that failed. */
DF_API void **df_parcel_slot(df_parcel *parcel);
/* Ends PENDING or ABSORBED: `status` as an answer of write, DF_OK: durable. Once for each parcel,
 * in any order, at the latest in `close`, also before write has returned; refusals are named before
 * it, and the parcel is not to be touched after it. What is not settled when close returns is given
 * again. Any thread. */
DF_API void df_stage_settle(df_stage *st, df_parcel *parcel, int status);
/* 1 or 0. 0: a partition with records in the parcel was given away or sent back: asked before the
 * point of no return, the sink rolls back and answers DF_ECANCELED, and gets what is left of the
 * parcel once more. What is written all the same may come twice. Any thread. */
DF_API int df_stage_current(df_stage *st, const df_parcel *parcel);

#ifdef __cplusplus
}
#endif
#endif
