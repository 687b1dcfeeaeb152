/* SPDX-License-Identifier: Apache-2.0
 * registry.h: the client of a schema registry. It asks without waiting: a source or sink that needs
 * a schema asks for it again and again, and waits for the client's descriptor in between. What it
 * learnt of a number is kept as long as the stage is open. */
#ifndef DF_CONNECTORS_KAFKA_REGISTRY_H
#define DF_CONNECTORS_KAFKA_REGISTRY_H

#include "dataflow_avro.h"
#include "format.h"
#include "net/calls.h"
#include "registry_reply.h"

/* One question and what is known of its answer. */
typedef struct df__kafka_schema df__kafka_schema;
struct df__kafka_schema {
    df__kafka_schema *next;
    char *path, *body;  /* body NULL: GET */
    uint32_t number;    /* by which it is found; of df__kafka_schema_numbered only */
    int depth, entered; /* of references; its own are looked at now */
    int any;            /* any answer will do */
    /* DF_AGAIN: not known yet; DF_OK; DF_EDATA: it is no schema of Avro, DF_ENOTFOUND: there is
     * none, DF_ESTATE: refused by the registry; the last three have a text. */
    int status;
    df_avro_schema *schema;   /* NULL: the answer had none (a look-up) */
    df_avro_program *program; /* of who reads with it */
    uint32_t id;              /* as the registry says */
    char *text;
    df__http_request *request; /* under way */
    int64_t due_ms;            /* not asked again before that */
    int64_t missed_ms;         /* since when the registry says that there is none; 0: it does not */
    int64_t pause_ms;
    df__kafka_reply reply; /* while its references are asked for */
    size_t server;         /* that was asked */
};

typedef struct df__kafka_registry df__kafka_registry;
/* Makes one from the options, without asking the registry; avro is borrowed for as long. DF_EINVAL,
 * DF_EAUTH, DF_ENOTSUP, DF_ENOMEM with the text set on the stage; free *ret in any case. */
int df__kafka_registry_new(df_stage *st, const df__kafka_registry_options *o, df_avro *avro,
                           df__kafka_registry **ret);
/* Ends its requests and frees it with all its schemas; NULL is nothing. */
void df__kafka_registry_free(df__kafka_registry *r);
/* Whether it answers and lets us in; waits for it. DF_OK, DF_EIO, DF_EAUTH, DF_ECANCELED. */
int df__kafka_registry_reach(df__kafka_registry *r);

/* The question for the schema of a number, made when missing; r keeps it, but may free one that
 * is DF_ENOTFOUND in the next of these calls. NULL: no memory. */
df__kafka_schema *df__kafka_schema_numbered(df__kafka_registry *r, uint32_t number);
/* The question for a path, made when missing; r keeps it. NULL: no memory. */
df__kafka_schema *df__kafka_schema_named(df__kafka_registry *r, const char *path);
/* A question of its own, also when the same was asked before; body NULL: GET. It lives until it is
 * dropped, or the registry ends. NULL: no memory. */
df__kafka_schema *df__kafka_schema_fresh(df__kafka_registry *r, const char *path, const char *body);
/* The end of a question that df__kafka_schema_fresh made, its schema and program with it. */
void df__kafka_schema_drop(df__kafka_registry *r, df__kafka_schema *schema);
/* Asks when it is time to, without waiting. DF_AGAIN: not known yet, come again; DF_EAUTH,
 * DF_ENOMEM: failed, and the text is set on the stage; or schema->status. */
int df__kafka_schema_get(df__kafka_registry *r, df__kafka_schema *schema);
/* What stands in its way, while a question is DF_AGAIN; NULL: nothing yet, the answer is on its
 * way. Borrowed until the next call. */
const char *df__kafka_registry_trouble(const df__kafka_registry *r);
/* Waits at most that long until something has come from the registry. DF_OK, also when nothing
 * has; DF_ECANCELED. */
int df__kafka_registry_wait(df__kafka_registry *r, int timeout_ms);
/* Asks, and waits for the answer: for open and probe only. DF_EIO: the registry cannot be asked;
 * DF_ECANCELED; others as df__kafka_schema_get. */
int df__kafka_schema_wait(df__kafka_registry *r, df__kafka_schema *schema);
/* Percent-encodes a subject into a path: "<before><name><after>". NULL: no memory; freed by
 * df__free(&df__heap_libc, …). */
char *df__kafka_registry_path(const char *before, const char *name, const char *after);

#endif
