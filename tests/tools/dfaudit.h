/* SPDX-License-Identifier: Apache-2.0
 * dfaudit.h: what the files of the audit share.
 */
#ifndef TESTS_TOOLS_DFAUDIT_H
#define TESTS_TOOLS_DFAUDIT_H

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>

/* The command line. */
typedef struct audit_options {
    const char *brokers, *topic, *source, *pg, *table, *file, *kind, *group, *config, *where;
    const char *transaction;
    long long count, partitions, producers, size, keys, rate, from, timeout;
    long long expect_count, max_duplicates, expect_unparsed;
    double bad;
    int no_gaps, ordered, to_stdout;
} audit_options;

/* Ends the program: it cannot tell. */
_Noreturn void audit_die(const char *what, const char *why);

/* ---- dfaudit_record.c: the record and the tally ---------------------------------------------- */

enum { AUDIT_TEXT = 1 << 17, AUDIT_NOTE = (1 << 17) - 1024 };

uint32_t audit_crc(const char *data, size_t len); /* CRC-32C */
/* Whether record (producer, seq) is spoilt in a run with --bad PCT: the same answer in produce and
 * check. */
int audit_is_bad(const audit_options *o, uint64_t producer, uint64_t seq);
/* How many records producer p of o->producers writes. */
uint64_t audit_share(const audit_options *o, uint64_t p);
/* The key of a record; length 0: none. */
size_t audit_key(const audit_options *o, uint64_t producer, uint64_t seq, char *key, size_t cap);
/* Writes the record's JSON into AUDIT_TEXT bytes; the length. */
size_t audit_write(const audit_options *o, uint64_t p, uint64_t seq, char *out);
/* Turns the record into one that no table can take; the kinds follow each other. */
size_t audit_spoil(const audit_options *o, uint64_t seq, char *out, size_t len);

typedef struct audit_set { /* what one producer's records did */
    unsigned char *seen;   /* bit by sequence number */
    size_t cap;            /* bytes */
    uint64_t max, unique;
    int used;
    uint64_t *last; /* by key number: newest sequence + 1 */
    size_t last_cap;
} audit_set;

typedef struct audit_tally {
    audit_set sets[256];
    uint64_t count, unique, duplicates, min, max, sum, order, crc, unparsed;
} audit_tally;

/* One record as five texts: producer, seq, key, amount, note; and its checksum. */
void audit_take(audit_tally *t, const char *const field[5], const char *crc);
/* One record as JSON. What has no producer and sequence number counts as unparsed. */
void audit_take_json(audit_tally *t, const char *text, size_t len);
/* Prints the result; 0 when every expectation holds. */
int audit_judge(const audit_tally *t, const audit_options *o);

/* ---- dfaudit_kafka.c: topics ----------------------------------------------------------------- */

int audit_produce(const audit_options *o);
/* Counts all records of the topic, from its beginning to its end. */
void audit_check_topic(const audit_options *o, audit_tally *t);
/* create, delete, dump (all that a message has, one JSON line each), edge (messages at the edges);
 * 0: no such command. */
int audit_topic(const char *what, const audit_options *o);
/* {"0":17,"1":-1}: committed offsets of a group; `set` sets all of them to --from first. */
void audit_group(const audit_options *o, int set);

#endif
