/* SPDX-License-Identifier: Apache-2.0
 * topic.h: what a topic may be called, and patterns for the names of topics. */
#ifndef DF_CONNECTORS_KAFKA_TOPIC_H
#define DF_CONNECTORS_KAFKA_TOPIC_H

#include <regex.h>

#include "dataflow_ext.h"

/* Why it cannot be the name of a topic, to follow the name in a sentence; NULL: it can. */
const char *df__kafka_topic_fault(df_bytes topic);
/* Compiles a pattern that has to match the whole name. DF_ESPEC: it is no POSIX extended regular
 * expression, or too long, and `why` says so; else the caller ends it with regfree. */
int df__kafka_pattern_compile(regex_t *re, df_bytes text, char *why, size_t cap);
/* Tells a problem of `option` when df__kafka_pattern_compile would refuse it; DF_OK: it would not.
 */
int df__kafka_pattern_check(df_stage *st, const char *option, df_bytes text);

#endif
