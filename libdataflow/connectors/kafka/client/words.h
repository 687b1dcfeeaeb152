/* SPDX-License-Identifier: Apache-2.0
 * words.h: what errors of the client mean: for the core a status, for people a sentence. */
#ifndef DF_CONNECTORS_KAFKA_WORDS_H
#define DF_CONNECTORS_KAFKA_WORDS_H

#include "common.h"
#include "gate.h"

/* The outcome of an operation that is told later, when the operation may fail. */
typedef struct df__kafka_failure {
    int status; /* DF_OK: none */
    const char *reason;
    char text[480];
} df__kafka_failure;

/* Keeps a failure to be reported later; the first one stays. reason: a literal, or NULL. */
void df__kafka_fail(df__kafka_failure *f, int status, const char *reason, const char *format, ...)
    DF_PRINTF(4, 5);
/* Reports it to the core, and is its status. Not when there is none. */
int df__kafka_raise(const df__kafka_failure *f, df_stage *st);

/* What an error of the client means; status DF_OK: it recovers by itself. */
typedef struct df__kafka_rule {
    rd_kafka_resp_err_t err;
    int status;
    const char *reason, *remedy; /* literals; NULL with DF_OK */
} df__kafka_rule;

/* The rule of an error; of RD_KAFKA_RESP_ERR__FATAL that of the error that was fatal, which `rk`
 * knows. For other errors `rk` may be NULL. */
df__kafka_rule df__kafka_rule_of(rd_kafka_t *rk, rd_kafka_resp_err_t err);

/* An error as the client's text has it, and as a sentence for people: what, and what to do. */
typedef struct df__kafka_error_text {
    const df__kafka_common *o;
    const char *text;
    char words[480];
} df__kafka_error_text;

/* As df__kafka_rule_of, with what only the client's text tells: why TLS did not come about, why a
 * user was refused. Fills in error->words. */
df__kafka_rule df__kafka_rule_of_text(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                                      df__kafka_error_text *error);

/* Each kind of line for people has a gate of its own; so has each broker, by its number, that is
 * not where the cluster says. */
enum { DF__KAFKA_NAMED = 16 };
typedef struct df__kafka_gates {
    df__kafka_gate log, error, down, named[DF__KAFKA_NAMED];
    int64_t failed_ms; /* when a connection failed last; 0: never */
} df__kafka_gates;

/* Warns of an error that the client recovers from by itself, at most once a minute; `text` is the
 * client's. */
void df__kafka_warn(df_stage *st, const df__kafka_common *o, df__kafka_gates *gates,
                    rd_kafka_resp_err_t err, const char *text);
/* An error as one sentence for people, cut off at cap; `text` is the client's. */
void df__kafka_words(char *out, size_t cap, const df__kafka_common *o, rd_kafka_resp_err_t err,
                     const char *text);
/* What a text of the client about a broker means, a literal; NULL: not known. */
const char *df__kafka_cause(const char *text);

/* A broker that the cluster names, at an address that the option brokers does not have. */
typedef struct df__kafka_named {
    int id; /* -1: not known */
    const char *address, *cause;
    int len; /* of address */
} df__kafka_named;

/* Who names it, and that it is not reached there, as a sentence; cut off at cap. */
void df__kafka_named_words(char *out, size_t cap, const df__kafka_common *o,
                           const df__kafka_named *broker);
/* Keeps which broker has answered, by the client's name for it; the first one stays, since other
 * threads read it. */
void df__kafka_note_answer(df__kafka_common *o, const char *name);
/* An error of a question to the brokers in few words, a literal; "no answer" when none came. */
const char *df__kafka_words_of(rd_kafka_resp_err_t err);

/* A line of the client's own log. */
typedef struct df__kafka_line {
    int level; /* as syslog's */
    const char *facility, *text;
} df__kafka_line;

/* Logs it in our words, at most once a minute, or drops it when the same comes as an error; lines
 * for debugging pass as they are. Any thread, between df__kafka_tell_begin and df__kafka_tell_end.
 */
void df__kafka_log(df_stage *st, const df__kafka_common *o, df__kafka_gates *gates,
                   const df__kafka_line *line);

#endif
