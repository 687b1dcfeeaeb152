/* SPDX-License-Identifier: Apache-2.0
 * source.h: one Kafka source and its partitions.
 *
 * The source thread makes every call; a header says so where it is another thread. */
#ifndef DF_CONNECTORS_KAFKA_SOURCE_H
#define DF_CONNECTORS_KAFKA_SOURCE_H

#include "client/words.h"
#include "options.h"
#include "types/coder.h"
#include "wake.h"

/* What becomes of a partition that was met. */
enum df__kafka_part_state {
    DF__KAFKA_PART_OFF,     /* not ours */
    DF__KAFKA_PART_ON,      /* read */
    DF__KAFKA_PART_RESTART, /* ours; the next df__kafka_serve_control has it fetched again */
    DF__KAFKA_PART_PARKED   /* ours, and not read: see df__kafka_out_of_range */
};

/* Whether markFile has it that the group had an offset of a partition. */
enum df__kafka_mark_state { DF__KAFKA_MARK_UNKNOWN, DF__KAFKA_MARK_NONE, DF__KAFKA_MARK_HAS };

typedef struct df__kafka_part df__kafka_part;
typedef struct df__kafka_topic df__kafka_topic;
struct df__kafka_part {
    df__kafka_topic *of;
    df_partition *part; /* NULL: never opened */
    df__kafka_part *touched_next;
    int32_t id, epoch;   /* epoch of the leader that `next` is of, -1: unknown */
    int32_t acked_epoch; /* that belongs to `acked` */
    enum df__kafka_part_state state;
    enum df__kafka_mark_state mark;
    int touched, reached, tries;
    int gap_tries;       /* a gap before the next message is looked at again while over 1 */
    int held;            /* the group has an offset of it from us, or had one when we got it */
    int gone;            /* that offset is gone: the topic was deleted */
    int renew;           /* with the state RESTART: all that was read of it is over */
    int stored;          /* it began at a position that was stored with its records */
    int fresh;           /* neither core nor group has an offset: begins where `startFrom` says */
    int begun;           /* the core has it open, over lost connections as well */
    int64_t next;        /* offset expected next; negative: the client's logical offsets */
    int64_t begin;       /* where the core began to read it, or began anew */
    int64_t lost;        /* position of the core that means nothing any more; -1: none */
    int64_t acked, sent; /* to be committed, and committed or under way; -1: none */
    int64_t end;         /* bounded runs: stop before this offset */
    int64_t all;         /* nothing that can be read was there before this offset; -1: unknown */
    int64_t bad;         /* offset of the last broken message set */
};

enum { DF__KAFKA_GAP_TRIES = 2 };
enum { DF__KAFKA_FETCH = 256 }; /* messages taken from the client at once */

/* read.c: messages that were taken from the client, until they are records of a batch. */
typedef struct df__kafka_fetched {
    rd_kafka_message_t *messages[DF__KAFKA_FETCH]; /* not yet added; NULL: discarded */
    size_t at, have;
    int held;                /* the next message waits for its schema */
    df__kafka_part *touched; /* partitions of the batch, each of which needs a mark */
    df_header *headers;      /* of the message at hand */
    size_t header_cap;
} df__kafka_fetched;

/* assign.c: membership in the group, and what is to be done about what it gave us. */
typedef struct df__kafka_group {
    int subscribed, joined; /* joined: partitions were assigned once, perhaps none */
    int sticky;             /* the client may use the cooperative assignor */
    int revoking;           /* partitions are being closed: nothing is committed meanwhile */
    int closing;            /* the client ends: what it gives and takes no longer counts */
    int restart, reassign;  /* some are RESTART; some of those cannot seek */
    int64_t forward_until;  /* queues are led to `data` again and again until then; 0: no need */
    int64_t session_ms;
} df__kafka_group;

/* anew.c: whether the topic may be another one of the same name by now. */
typedef struct df__kafka_trust {
    int doubt;           /* the client does not know the topic, or not all of it, any more */
    int64_t doubt_until; /* the doubt ends at the first good answer after that */
    int silent;          /* exactly-once: a topic had nothing for a while, see df__kafka_trusts */
    int64_t sure_until;  /* until then the group's last answer counts */
    int64_t came;        /* when the client had messages last */
    int64_t learn_until; /* until then the group is asked what it holds; 0: no need */
    df__kafka_gate learn_gate, doubt_gate;
} df__kafka_trust;

/* lag.c: what is known of what is still to come, and whether the client fetches it. */
typedef struct df__kafka_lag {
    df__kafka_wake *wake; /* NULL: no thread */
    int falls_asleep;     /* the client, when its queue is full: see wake.c */
    df__kafka_target *targets;
    size_t target_cap, from;
    int64_t prefetch_bytes, prefetch_count; /* where the client stops to fetch */
    double mean;                            /* bytes of a message */
    df__kafka_gate gate, look_gate, wake_gate;
} df__kafka_lag;

/* owner.c: the token that partitions have with exactly-once. */
typedef struct df__kafka_owner_text {
    char *text;  /* NULL: none yet */
    size_t len;  /* 0: no metadata yet */
    size_t head; /* bytes before the metadata */
    df__kafka_gate gate;
} df__kafka_owner_text;

/* mark.c: the file markFile. */
typedef struct df__kafka_mark_file {
    int fd;     /* not above 0: no file */
    char *text; /* as it was when the source opened */
    int cut;    /* it ends within a line */
    int fresh;  /* it has lines that are not synced */
    df__kafka_gate gate;
} df__kafka_mark_file;

/* Times are ms of the monotonic clock. */
typedef struct df__kafka_source {
    df__kafka_source_options o;
    df_stage *st;
    rd_kafka_t *rk;
    rd_kafka_queue_t *data, *control;
    int fd;                 /* eventfd that the client writes when a queue was empty */
    df__kafka_coder *coder; /* NULL: values are handed on as they are */
    int bounded, exactly_once, dry;
    int ends_known;    /* bounded: df__kafka_take_ends has its answer */
    int first_known;   /* df__kafka_first_start has its answer */
    int told;          /* what the client lacks */
    int committing;    /* the answer to a commit that nothing waits for is not in */
    const char *label; /* what is read, for people */
    df__kafka_failure failure;
    df__kafka_part **parts; /* all */
    size_t part_count, part_cap;
    df__kafka_part **numbered; /* those the core has met, by its number; NULL: not ours */
    size_t numbered_cap;
    df__kafka_topic *topics, *last; /* that were met; the one of the last message */
    df__kafka_fetched fetched;
    df__kafka_group group;
    df__kafka_trust trust;
    df__kafka_lag lag;
    df__kafka_owner_text owner;
    df__kafka_mark_file mark;
    int64_t trouble_until, fenced_until; /* connection lost, member fenced lately */
    df__kafka_gates gates;
    df__kafka_gate commit_gate, retry_gate;
} df__kafka_source;

extern const df_source_ops df__kafka_source_ops;

#endif
