/* SPDX-License-Identifier: Apache-2.0
 * kafka.h: what the files of the Kafka connector share.
 *
 * One client per stage. The source thread (or sink thread) makes every call of the client, but
 * for the wake-up thread, which only asks for watermarks.
 */
#ifndef DF_CONNECTORS_KAFKA_H
#define DF_CONNECTORS_KAFKA_H

#include <stdarg.h>

#include <librdkafka/rdkafka.h>

#include "dataflow_ext.h"

/* Options that source and sink have in common, first in both structs. */
typedef struct df__kafka_tls df__kafka_tls;
typedef struct df__kafka_sasl df__kafka_sasl;
typedef struct df__kafka_token df__kafka_token;
typedef struct df__kafka_common {
    df_bytes brokers, topic, security;
    df__kafka_tls *tls;   /* NULL: no block */
    df__kafka_sasl *sasl; /* NULL: no block */
    df_list properties;
    df__kafka_token *token; /* no option: that gets access tokens; NULL: none are needed */
    int flaw; /* no option: of the broker's certificate, OpenSSL's number; 0: none was found */
} df__kafka_common;

typedef struct df__kafka_source_options {
    df__kafka_common common;
    df_bytes group, instance;
    int format, start_from, out_of_range, cooperative;
    df_list topics, start_offsets;
    df_bytes pattern, start_time;
    df_bytes avro_schema, avro_schema_file;
    void *registry;
    int64_t max_wait, min_bytes, max_bytes, partition_max_bytes, read_timeout, write_timeout;
} df__kafka_source_options;

/* The block topicCreate. */
typedef struct df__kafka_create {
    int64_t partitions, replication;
    df_list config;
} df__kafka_create;

typedef struct df__kafka_sink_options {
    df__kafka_common common;
    int async, idempotent, acks, compression;
    int64_t open_requests, flush_messages, flush_bytes, flush_frequency;
    df_bytes key;
    df_list headers;
    df_bytes topic_from, topic_allow;
    df__kafka_create *create; /* NULL: no block */
    int tombstones;
    df_bytes transactional_id;
    int64_t transaction_timeout;
} df__kafka_sink_options;

enum { DF__KAFKA_EARLIEST, DF__KAFKA_LATEST, DF__KAFKA_STOP };
enum { DF__KAFKA_BATCH = 1000000 }; /* bytes of one request, when nothing else is said */
/* startFrom has the first two as well. */
enum { DF__KAFKA_TIMESTAMP = 2, DF__KAFKA_OFFSETS };

extern const df_options df__kafka_source_table, df__kafka_sink_table;
extern const df_source_ops df__kafka_source_ops;
extern const df_sink_ops df__kafka_sink_ops;

/* Rows of the metrics table. */
enum {
    DF__KAFKA_WAKEUPS,
    DF__KAFKA_REPEATED,
    DF__KAFKA_LOST,
    DF__KAFKA_REFETCHED,
    DF__KAFKA_REBALANCES,
    DF__KAFKA_COMMITS,
    DF__KAFKA_UNVERIFIED
};

/* ---- position.c: the text of a position ------------------------------------------------------ */

/* {"offset":17} or {"offset":17,"leaderEpoch":3}; the length. cap: at least 64. */
size_t df__kafka_position_write(char *buf, size_t cap, int64_t offset, int32_t epoch);
/* DF_EDATA: not a position of ours. */
int df__kafka_position_read(df_bytes text, int64_t *ret_offset, int32_t *ret_epoch);
/* The name of a partition: "orders/3". DF_EDATA: not one of ours. */
int df__kafka_partition_read(const char *name, char *topic, size_t cap, int32_t *ret_id);
/* With the leader's epoch the client finds out about truncated logs, from 2.1.0 on. */
void df__kafka_set_epoch(rd_kafka_topic_partition_t *row, int32_t epoch);

/* ---- words.c: what errors mean --------------------------------------------------------------- */

/* The outcome of an operation that is told later, when the operation may fail. */
typedef struct df__kafka_failure {
    int status; /* DF_OK: none */
    const char *reason;
    char text[480];
} df__kafka_failure;

/* Keeps the first failure. */
void df__kafka_fail(df__kafka_failure *f, int status, const char *reason, const char *format, ...)
    DF_PRINTF(4, 5);
/* Reports it to the core. */
int df__kafka_raise(const df__kafka_failure *f, df_stage *st);

/* What an error of the client means; status DF_OK: it recovers by itself. */
typedef struct df__kafka_rule {
    rd_kafka_resp_err_t err;
    int status;
    const char *reason, *remedy;
} df__kafka_rule;
df__kafka_rule df__kafka_rule_of(rd_kafka_t *rk, rd_kafka_resp_err_t err);
/* Lets one log line through in 60 s. Any thread. */
typedef struct df__kafka_gate {
    int64_t next; /* ms of the monotonic clock */
} df__kafka_gate;
int df__kafka_gate_open(df__kafka_gate *gate, int64_t interval_ms);
int64_t df__kafka_clock_ms(void);

/* Each kind of line for people has a gate of its own. */
typedef struct df__kafka_gates {
    df__kafka_gate log, error, down;
} df__kafka_gates;
/* What the client says of an error, and what people shall read: words, with what to do. */
typedef struct df__kafka_said {
    const df__kafka_common *o;
    const char *text;
    char words[480];
} df__kafka_said;
/* As df__kafka_rule_of, with what only the text tells: why TLS did not come about. */
df__kafka_rule df__kafka_rule_said(rd_kafka_t *rk, rd_kafka_resp_err_t err, df__kafka_said *said);
/* Whether one certificate of the chain that a broker showed is good; opaque is a source or a sink,
 * whose first member df__kafka_common is. Any thread. */
/* Signature: rd_kafka_conf_set_ssl_cert_verify_cb. */
int df__kafka_verify(rd_kafka_t *rk, const char *broker, int32_t id, int *flaw, int depth,
                     const char *der, size_t size, char *text, size_t cap, void *opaque);
/* Warns of an error that the client recovers from by itself; `text` is the client's. */
void df__kafka_warn(df_stage *st, const df__kafka_common *o, df__kafka_gates *gates,
                    rd_kafka_resp_err_t err, const char *text);
/* The same as one line of text; what it means, NULL: not known. */
void df__kafka_words(char *out, size_t cap, const df__kafka_common *o, rd_kafka_resp_err_t err,
                     const char *text);
const char *df__kafka_cause(const char *text);
/* A line of the client's own log. Any thread. */
typedef struct df__kafka_line {
    const char *facility, *text;
} df__kafka_line;
void df__kafka_log(df_stage *st, df__kafka_gates *gates, int level, const df__kafka_line *line);

/* ---- properties.c: the option `properties` --------------------------------------------------- */

enum { DF__KAFKA_FOR_SOURCE = 1, DF__KAFKA_FOR_SINK = 2 };
/* Why a property is refused, as text; 0: it is allowed. */
int df__kafka_property_refused(df_bytes name, int role, char *text, size_t cap);

/* ---- config.c: configuration of the client --------------------------------------------------- */

/* With exactly-once; see transact.c. */
typedef struct df__kafka_txn {
    char *id;           /* transactional.id; NULL: no transactions */
    int same_cluster;   /* as the source; 0: not known yet */
    int fenced;         /* another instance has taken over */
    int open;           /* begun, and neither committed nor aborted */
    int batch_most;     /* bytes of one request, learnt from refusals; 0: as configured */
    int64_t timeout_ms; /* after that the brokers abort it */
    int64_t begun_ms;   /* of the monotonic clock */
} df__kafka_txn;

/* Builds the client's configuration. Problems go to `check` (DF_ERROR with the option's name) or,
 * when checking is 0, to df_stage_fail. NULL: it cannot work, *ret_status tells the failure. */
typedef struct df__kafka_setup {
    df_stage *st;
    int checking;
    uint64_t share; /* bytes of memory that the client may use */
    rd_kafka_conf_t *conf;
    int status;
    const df__kafka_txn *txn; /* sink: id NULL: no transactions */
    int files[3];             /* in memory: certificates and keys, until the client is made */
    size_t file_count;
} df__kafka_setup;
int df__kafka_setup_source(df__kafka_setup *s, const df__kafka_source_options *o);
int df__kafka_setup_sink(df__kafka_setup *s, const df__kafka_sink_options *o);
/* Of a consumer that only looks. group: NULL: none. */
int df__kafka_setup_probe(df__kafka_setup *s, const df__kafka_common *o, const char *group);
/* A property of the finished configuration as a number. */
int64_t df__kafka_setup_number(const df__kafka_setup *s, const char *name);
/* Sets a property; option: what to name when the client does not take it (NULL: the property). */
void df__kafka_set(df__kafka_setup *s, const char *option, const char *name, const char *value);
/* Gives back what the client did not take over. */
void df__kafka_setup_end(df__kafka_setup *s);
/* Why it cannot be the name of a topic; NULL: it can. */
const char *df__kafka_topic_fault(df_bytes topic);
/* The rules that source and sink share. Problems only. */
void df__kafka_check_common(df_stage *st, const df__kafka_common *o);

/* ---- security.c: protocol, tls, sasl --------------------------------------------------------- */

extern const df_options df__kafka_tls_table, df__kafka_sasl_table;
/* Problems only. */
void df__kafka_security_check(df_stage *st, const df__kafka_common *o);
/* Reads certificates and secrets, each time anew. s->status tells when that failed. */
void df__kafka_security_set(df__kafka_setup *s, const df__kafka_common *o);
/* Reports that the client could not be made; text: its own. While certificates are replaced, key
 * and certificate may not fit each other for a moment. */
int df__kafka_no_client(df_stage *st, const df__kafka_common *o, const char *text);

/* ---- token.c: access tokens of OAUTHBEARER --------------------------------------------------- */

typedef struct df__kafka_oauth {
    df_bytes url, scope, ca_file;
    df_secret *client_id, *client_secret;
    df_list extensions;
} df__kafka_oauth;
/* security.c: NULL: another mechanism. */
const df__kafka_oauth *df__kafka_oauth_of(const df__kafka_common *o);
/* After the client was made: gets a token, and a new one in time. Nothing to do for others. */
int df__kafka_token_start(df_stage *st, rd_kafka_t *rk, df__kafka_common *o);
/* Before the client ends. */
void df__kafka_token_stop(df__kafka_common *o);
/* 1: the newest failure is one that somebody must mend. */
int df__kafka_token_refused(const df__kafka_common *o);

/* ---- reach.c: open waits for a broker -------------------------------------------------------- */

typedef struct df__kafka_reach {
    df_stage *st;
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    const df__kafka_common *o;
    const df__kafka_failure *failure; /* that `serve` sets */
    void (*serve)(void *self);        /* takes the errors that the client has to tell */
    void *self;
} df__kafka_reach;
/* DF_OK: a broker has answered; DF_EIO: none within some seconds; what `serve` found; or
 * DF_ECANCELED. */
int df__kafka_reach_broker(const df__kafka_reach *r);

/* ---- look.c: a client that joins no group and makes no topic --------------------------------- */

typedef struct df__kafka_node { /* a broker, as the cluster names it */
    int32_t id;
    char place[272]; /* host:port */
    int answered;
    const char *cause; /* why not; NULL: not known */
} df__kafka_node;

/* Zeroed, but for the first four. */
typedef struct df__kafka_look {
    df__kafka_common o; /* a copy, first: df__kafka_verify */
    df_stage *st;
    const char *group; /* NULL: of a sink */
    int may_miss;      /* a run makes the topic */
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *replies;
    df__kafka_failure failure;
    char trouble[400]; /* the newest error that the client recovers from by itself */
    df__kafka_node *brokers;
    int broker_count, partition_count;
    int read_count; /* partitions whose end was read, or a message */
} df__kafka_look;

/* Connects, reads topic and brokers. */
int df__kafka_look_begin(df__kafka_look *p);
/* The last call, also after a failed one: lets go of it. The answer is rc, or what it failed with.
 */
int df__kafka_look_end(df__kafka_look *p, int rc);
/* DF_OK: ask again; DF_ECANCELED: the time is over; or what it failed with. */
int df__kafka_look_pause(df__kafka_look *p);
/* Takes the error of an answer; DF_OK: asking again may help. */
int df__kafka_look_error(df__kafka_look *p, rd_kafka_resp_err_t err);
/* All partitions; NULL: no memory. */
rd_kafka_topic_partition_list_t *df__kafka_look_partitions(df__kafka_look *p, int64_t offset);
/* Fills in what the group committed. */
int df__kafka_look_committed(df__kafka_look *p, rd_kafka_topic_partition_list_t *list);

/* ---- offsets.c: offsets of the group, seen and set ------------------------------------------- */

int df__kafka_offsets(void *self, df_stage *st, int64_t time_us, df_offset_fn each, void *user);
int df__kafka_set_offsets(void *self, df_stage *st, const df_offset *rows, size_t count);

/* ---- probe.c: a look before a run ------------------------------------------------------------ */

/* The operation `probe`, with what stands before `rk`. */
int df__kafka_probe(df__kafka_look *p);

/* ---- letgo.c: the end of a client ------------------------------------------------------------ */

/* Leaves the group and destroys the client; after limit_ms, whole seconds, it is left behind and
 * goes on by itself. keep: leaves the group only. Afterwards there are no callbacks. */
void df__kafka_let_go(df_stage *st, rd_kafka_t *rk, int limit_ms, int keep);
/* Around telling a line of a client's log, on any thread. 0: its stage is gone, tell nothing (and
 * do not call the end). */
int df__kafka_tell_begin(const rd_kafka_t *rk);
void df__kafka_tell_end(void);

/* ---- wake.c: a full prefetch queue must not put fetching to sleep ---------------------------- */

typedef struct df__kafka_wake df__kafka_wake;
typedef struct df__kafka_target {
    const char *topic;
    int32_t partition;
    int64_t next; /* offset expected next */
} df__kafka_target;

/* Starts the thread. NULL: no memory or no thread. */
df__kafka_wake *df__kafka_wake_start(df_stage *st, rd_kafka_t *rk);
/* These partitions have more and the local queue runs low; count 0: rest. */
void df__kafka_wake_want(df__kafka_wake *w, const df__kafka_target *targets, size_t count);
/* Asks for the ends of all partitions of ours; the answers come later. */
void df__kafka_wake_look(df__kafka_wake *w);
/* The end of a partition as of the last answer; -1: unknown. */
int64_t df__kafka_wake_end(df__kafka_wake *w, const char *topic, int32_t partition);
/* Ends and joins the thread; before the client is destroyed. */
void df__kafka_wake_stop(df__kafka_wake *w);

/* ---- source ---------------------------------------------------------------------------------- */

enum { DF__KAFKA_OFF, DF__KAFKA_ON, DF__KAFKA_RESTART, DF__KAFKA_PARKED };

typedef struct df__kafka_part df__kafka_part;
typedef struct df__kafka_topic df__kafka_topic;
struct df__kafka_part {
    df__kafka_topic *of;
    df_partition *part; /* NULL: never opened */
    df__kafka_part *touched_next;
    int32_t id, epoch;   /* epoch of the leader, -1: unknown */
    int32_t acked_epoch; /* that belongs to `acked` */
    int state;
    int touched, reached, tries;
    int gap_tries;       /* a gap before the next message is looked at again while over 1 */
    int held;            /* the group has an offset of it from us, or had one when we got it */
    int gone;            /* that offset is gone: the topic was deleted */
    int renew;           /* with the state RESTART: all that was read of it is over */
    int fresh;           /* nobody has read it: begins where `startFrom` says */
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

typedef struct df__kafka_source {
    df__kafka_source_options o;
    df_stage *st;
    rd_kafka_t *rk;
    rd_kafka_queue_t *data, *control;
    df__kafka_wake *wake;
    int fd; /* eventfd that the client writes when a queue was empty */
    int bounded, exactly_once, dry, ends_known;
    int falls_asleep;       /* the client, when its queue is full: see wake.c */
    int subscribed, sticky; /* sticky: the client may use the cooperative assignor */
    int joined, closing, revoking, restart, reassign, committing;
    int64_t forward_until; /* queues are led to `data` again and again until then; 0: no need */
    int64_t trouble_until, fenced_until;  /* ms: connection lost, member fenced lately */
    int doubt;                            /* the topic may be another one: see anew.c */
    int64_t sure_until, doubt_until, now; /* ms; `now`: of this read */
    df__kafka_failure failure;
    df__kafka_part **parts; /* all */
    size_t part_count, part_cap;
    df__kafka_topic *topics, *last; /* that were met; the one of the last message */
    const char *label;              /* what is read, for people */
    int first_known;                /* df__kafka_first_start has its answer */
    df__kafka_part *touched;
    rd_kafka_message_t *messages[DF__KAFKA_FETCH]; /* taken, not yet added; NULL: discarded */
    size_t at, have;
    df_header *headers;
    size_t header_cap;
    df__kafka_target *targets;
    size_t target_cap;
    int64_t session_ms;
    int64_t prefetch_bytes, prefetch_count; /* where the client stops to fetch */
    double mean;                            /* bytes of a message */
    df__kafka_gates gates;
    char *owner;                  /* the token that partitions have; NULL: none yet */
    size_t owner_len, owner_head; /* owner_head: bytes before the metadata */
    df__kafka_gate owner_gate;
    df__kafka_gate commit_gate, lag_gate, look_gate, wake_gate, retry_gate, doubt_gate;
} df__kafka_source;

/* owner.c: with exactly-once the sink commits for the group: gives it the group's metadata */
int df__kafka_owner_open(df__kafka_source *s);
/* Tells them when they have changed; at most once a second, or now. */
void df__kafka_owner_tell(df__kafka_source *s, int now);
/* source.c */
void df__kafka_client_error(df__kafka_source *s, rd_kafka_resp_err_t err, const char *text);

/* read.c: messages become records */
/* Adds what waits while there is room. *ret_added counts, marks without records
 * as one; the answer is a failure or DF_OK. */
int df__kafka_add_waiting(df__kafka_source *s, df_batch *into, size_t *ret_added);
/* Serves what comes through the control queue, and what waits for it. */
void df__kafka_serve_control(df__kafka_source *s);
/* The partition is fetched again from there. */
void df__kafka_restart_at(df__kafka_source *s, df__kafka_part *p, int64_t offset);

/* lag.c: what is still to come, and the wake-ups that keep a client fetching */
void df__kafka_keep_fetching(df__kafka_source *s);
/* Tells the lag now. */
void df__kafka_tell_lag(df__kafka_source *s);

/* parts.c: the partitions that were met. By name, made when missing (NULL: no
 * memory); */
df__kafka_part *df__kafka_part_at(df__kafka_source *s, const char *topic, int32_t id);
/* by name, NULL: never met. */
df__kafka_part *df__kafka_part_known(df__kafka_source *s, const char *topic, int32_t id);
const char *df__kafka_part_topic(const df__kafka_part *p);
/* How many partitions the topic had when the flow began, of those it began
 * with. */
int *df__kafka_part_first(df__kafka_topic *topic);
/* A row of that partition; NULL: no memory. */
rd_kafka_topic_partition_t *df__kafka_part_row(rd_kafka_topic_partition_list_t *list,
                                               const df__kafka_part *p);
/* Forgets messages of a partition that were taken from the client and not yet added. */
void df__kafka_discard(df__kafka_source *s, const df__kafka_part *p);

/* topics.c: what the options topic, topics and topicPattern name */
/* Problems only. */
void df__kafka_topics_check(df_stage *st, const df__kafka_source_options *o);
/* What is read, for people; lives as long as the stage. NULL: no memory. */
const char *df__kafka_topics_label(df__kafka_source *s);
int df__kafka_topics_subscribe(df__kafka_source *s);
/* The partitions that exist; must: each topic has to. */
int df__kafka_topics_list(df__kafka_source *s, int must, rd_kafka_topic_partition_list_t **ret);

/* start.c: where a flow begins and a bounded run ends */
/* Problems only. */
void df__kafka_start_check(df_stage *st, const df__kafka_source_options *o);
/* Bounded runs: asks for the ends of all partitions. */
int df__kafka_take_ends(df__kafka_source *s);
/* Finds out which partitions were there when the flow began: only those begin
 * elsewhere than at their start. */
int df__kafka_first_start(df__kafka_source *s);
/* Gives fresh partitions a number to begin at. A failure is told in s->failure.
 */
int df__kafka_start_fresh(df__kafka_source *s);

/* commit.c */
/* Asks the group's offsets, again and again for a while. */
int df__kafka_ask_committed(df__kafka_source *s, rd_kafka_topic_partition_list_t *list);
const char *df__kafka_words_of(rd_kafka_resp_err_t err);

/* assign.c */
void df__kafka_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque);
void df__kafka_committed(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque);
/* Sends what is acked and not yet committed; wait_ms 0: does not wait for the answer. */
int df__kafka_commit(df__kafka_source *s, int wait_ms);
/* Makes the client fetch partitions in state RESTART again, from `next`. */
void df__kafka_restart(df__kafka_source *s);
/* Leads the queues of all partitions to the data queue. */
void df__kafka_forward_all(df__kafka_source *s);

/* ---- headers.c ------------------------------------------------------------------------------- */

/* The client's headers as the row's; they stay the client's. DF_ENOMEM. */
int df__kafka_headers_take(df__kafka_source *s, const rd_kafka_headers_t *headers, df_input *in);

/* ---- anew.c: a topic that was deleted and made anew ------------------------------------------ */

/* Before offsets are committed: 1: they still mean what was read; 0: not known now, or the topic
 * is another one, which was told. */
int df__kafka_same_topic(df__kafka_source *s);
/* The client knows no topic, or no partition of that number, any more. */
void df__kafka_doubt(df__kafka_source *s);
/* While there is a doubt: asks, once in a while. */
void df__kafka_settle_doubt(df__kafka_source *s);
/* The group has no offset of the partition any more, but had one. */
void df__kafka_gone(df__kafka_source *s, df__kafka_part *p);
/* The broker does not have the offset to read: stops the partition or goes on elsewhere. */
void df__kafka_out_of_range(df__kafka_source *s, df__kafka_part *p, const char *why);

/* ---- sink ------------------------------------------------------------------------------------ */

enum { /* what the report of a record said */
       DF__KAFKA_WAITING,
       DF__KAFKA_DELIVERED,
       DF__KAFKA_REFUSED,
       DF__KAFKA_UNKNOWN
};

/* What the sink keeps of a parcel. The opaque of a message is the address of its item. */
typedef struct df__kafka_load df__kafka_load;
typedef struct df__kafka_item {
    df__kafka_load *load;
} df__kafka_item;
struct df__kafka_load {
    df__kafka_load *next;
    df_parcel *parcel;
    df__kafka_item *items;
    unsigned char *states, *wanted; /* of each record; wanted: see transact.c */
    size_t count, waiting, refused;
    size_t named;               /* records that were rejected */
    rd_kafka_resp_err_t reason; /* of the last refusal */
    int writing;                /* still inside write */
};

typedef struct df__kafka_text df__kafka_text;
typedef struct df__kafka_goals df__kafka_goals;
typedef struct df__kafka_sink {
    df__kafka_sink_options o;
    df_stage *st;
    rd_kafka_t *rk;
    df__kafka_goals *goals;  /* topics; see target.c */
    rd_kafka_queue_t *queue; /* delivery reports and errors */
    int fd;                  /* eventfd that the client writes when the queue was empty */
    df__kafka_failure failure;
    df__kafka_load *loads, **loads_end; /* parcels whose reports are not all in, in order */
    size_t under_way;                   /* messages handed to the client, no report yet */
    df__kafka_gates gates;
    df__kafka_text *key, *from, *texts; /* of key, topicFrom, headers; key NULL: the record's own */
    int no_key, dry;
    uint64_t share; /* bytes of memory that the client may use */
    df__kafka_txn txn;
    char *room; /* for one of these texts */
    size_t room_cap;
} df__kafka_sink;

/* sink.c */
/* Makes the client, reaches a broker, and with exactly-once begins to write transactions. */
int df__kafka_open_client(df__kafka_sink *s);
void df__kafka_destroy_client(df__kafka_sink *s);

/* deliver.c: parcels on their way */
/* Takes all reports that wait; timeout_ms for the first. */
void df__kafka_serve(df__kafka_sink *s, int timeout_ms);
/* The client lets go of every message, and so of every byte of the parcels. */
void df__kafka_purge(df__kafka_sink *s);
/* Hands a parcel to the client: DF_PENDING, or a failure, after which the client holds nothing. */
int df__kafka_deliver(df__kafka_sink *s, df_parcel *parcel);
/* Sends again what was refused with others and settles what has ended; failures as above. */
int df__kafka_advance(df__kafka_sink *s);
/* A parcel that waits for its reports; NULL: no memory. */
df__kafka_load *df__kafka_add_load(df__kafka_sink *s, df_parcel *parcel);
/* Hands record `index` to the client, or rejects it. DF_DONE: the transaction is lost and takes no
 * more; a report says why. */
int df__kafka_place_record(df__kafka_sink *s, df__kafka_load *load, size_t index);
/* Waits a while for reports. On a failure nothing of ours may stay in the client. */
int df__kafka_reports(df__kafka_sink *s);
void df__kafka_refuse(df__kafka_load *load, size_t index, rd_kafka_resp_err_t err);

/* transact.c: exactly-once */
/* In open, before the client is made: whether there are transactions, and under which id. */
int df__kafka_transact_begin(df__kafka_sink *s, const df_stage_info *info);
/* Ends what a former producer of the id has left, and shuts it out. */
int df__kafka_transact_open(df__kafka_sink *s);
/* Writes a parcel and its positions, or nothing. */
int df__kafka_transact_write(df__kafka_sink *s, df_parcel *parcel);
int df__kafka_claim(void *self, df_stage *st, df_position *partition);
int df__kafka_resolve(void *self, df_stage *st, df_parcel *parcel);

/* target.c: the topics. A handle of one: */
typedef struct df__kafka_goal df__kafka_goal;
const char *df__kafka_goal_name(const df__kafka_goal *goal);
rd_kafka_topic_t *df__kafka_goal_topic(const df__kafka_goal *goal);
/* Problems only. */
void df__kafka_goals_check(const df__kafka_sink_options *o, df_stage *st);
int df__kafka_goals_open(df__kafka_sink *s);
/* Before the client is destroyed. */
void df__kafka_goals_close(df__kafka_sink *s);
/* The topic of that name; data NULL: of the option topic. DF_EDATA: no record may go there, and
 * *ret_why says why; DF_ENOMEM without, others with a text set on the stage. */
int df__kafka_goal_of(df__kafka_sink *s, df_bytes name, df__kafka_goal **ret, const char **ret_why);
/* A problem of `option` when it is no regular expression. */
int df__kafka_pattern_check(df_stage *st, const char *option, df_bytes text);

/* create.c: the block topicCreate */
extern const df_options df__kafka_create_table;
/* Problems only. */
void df__kafka_create_check(df_stage *st, const df__kafka_create *o);
/* DF_OK: the topic is there and visible. tell: whether to warn of what is different. */
int df__kafka_create_topic(df__kafka_sink *s, const char *name, int tell);

/* address.c: key and headers of what is sent. One record of a parcel: */
typedef struct df__kafka_place {
    df_parcel *parcel;
    size_t index;
} df__kafka_place;
/* In check and open: compiles the options. DF_ESPEC: problems were told. */
int df__kafka_address(df__kafka_sink *s, df_stage *st);
/* The key, data NULL: none; borrowed until the next of these calls. DF_ENOMEM; DF_ETOOBIG: the
 * record cannot be looked into. */
int df__kafka_key(df__kafka_sink *s, const df__kafka_place *at, df_bytes *ret);
/* The name of the topic that topicFrom gives, as above. */
int df__kafka_topic_name(df__kafka_sink *s, const df__kafka_place *at, df_bytes *ret);
/* 1: the record is a delete. */
int df__kafka_is_delete(const df__kafka_place *at);
/* The headers, NULL: none. As above. */
int df__kafka_headers(df__kafka_sink *s, const df__kafka_place *at, rd_kafka_headers_t **ret);

#endif
