/* SPDX-License-Identifier: Apache-2.0
 * setup.h: the configuration of a client while it is made, and the setting of its properties. */
#ifndef DF_CONNECTORS_KAFKA_SETUP_H
#define DF_CONNECTORS_KAFKA_SETUP_H

#include "common.h"

/* Zeroed, but for the first three. Problems go to the report of `check` (DF_ERROR with the option's
 * name) or, when checking is 0, to df_stage_fail; the first one decides on `status`. */
typedef struct df__kafka_setup {
    df_stage *st;
    int checking;
    uint64_t share; /* bytes of memory that the client may use; 0: not known */
    rd_kafka_conf_t *conf;
    int status;
    int files[3]; /* in memory: certificates and keys, until the client is made */
    size_t file_count;
    df__kafka_own dates;
} df__kafka_setup;

/* Tells what is wrong with an option, and makes the setup fail with DF_EINVAL. */
void df__kafka_setup_problem(df__kafka_setup *s, const char *option, const char *text);
/* Sets a property; option: what to name when the client does not take it (NULL: the property). */
void df__kafka_set(df__kafka_setup *s, const char *option, const char *name, const char *value);
/* The same for a text that is no option of ours. */
void df__kafka_set_text(df__kafka_setup *s, const char *name, const char *value);
/* The same for a number that is no option of ours. */
void df__kafka_set_number(df__kafka_setup *s, const char *name, int64_t value);
/* The same for the number of an option; DF_UNSET: it was not given, and nothing is set. */
void df__kafka_set_option(df__kafka_setup *s, const char *option, const char *name, int64_t value);
/* Milliseconds of an option in microseconds, rounded up; DF_UNSET stays what it is. */
int64_t df__kafka_option_ms(int64_t us);
/* A property of the finished configuration as a number; 0: it is not known, or no number. */
int64_t df__kafka_setup_number(const df__kafka_setup *s, const char *name);
/* Gives back what the client did not take over: the files, and the configuration unless conf is
 * NULL, as rd_kafka_new leaves it. */
void df__kafka_setup_end(df__kafka_setup *s);

#endif
