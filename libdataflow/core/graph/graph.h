/* SPDX-License-Identifier: Apache-2.0
 * graph.h: a pipeline as it was written: stages, links, settings. Built by spec/ and the public
 * add/link functions, read by the runtime. Lives until the pipeline is freed. */
#ifndef DF_CORE_GRAPH_GRAPH_H
#define DF_CORE_GRAPH_GRAPH_H

#include "dataflow_ext.h"
#include "document/document.h"
#include "util/arena.h"

typedef struct df__stage_spec df__stage_spec;
struct df__stage_spec {
    df__stage_spec *next; /* in order of definition */
    df__stage_spec *same; /* in the graph's table of names */
    int role;             /* DF_SOURCE, DF_TRANSFORM, DF_SINK, DF_ERROR_SINK */
    const char *name;     /* unique: "source", "sink", "errors", "0 mask", "routes[0]" */
    const char *kind;
    const char *field;             /* "spec.transformations[0]" */
    const char *config_field;      /* of config: "spec.sink.config", "spec.sink.kafka" */
    const df__doc *config;         /* may be NULL: all defaults; stays alive */
    const df_connector *connector; /* or */
    const df_transform *transform;
    df_condition *when; /* transforms: NULL: always */
    const char *when_text;
    const char *route_label; /* sinks: condition text of the route, "default" or "error" */
    int exit;                /* sinks: what df_record_route names to get here; 0: the main exit */
    int line, column;
    _Atomic unsigned traits; /* DF_CAN_..., of this instance */
    df_limits limits;        /* of a sink, as its check said them */
    const char *about;       /* what its check said for `explain`; NULL: nothing */
    void *self;              /* instance filled for check (no secrets) */
    int broken;              /* its options have problems: do not call check */
    int linted;              /* check was called: its problems are told once */
    int unsure;              /* and again when its references have values */
    const df__doc *origin;   /* the map with type and config; NULL: made by hand */
    const df__doc *place;    /* of its kind, for problems */
};

typedef struct df__link {
    struct df__link *next;
    const char *from, *exit, *to;
} df__link;

enum { DF__NAMES = 256 };
enum df__error_ack { DF__ACK_AFTER_WRITE, DF__ACK_NEVER, DF__ACK_AFTER_MAIN };
enum df__error_policy { DF__POLICY_STOP, DF__POLICY_SKIP };
enum df__guarantee_level { DF__GUARANTEE_AT_LEAST, DF__GUARANTEE_EXACTLY };

/* Spec-level fields, filled from the rows in spec/fields.c. */
typedef struct df__settings {
    int64_t memory_limit;           /* bytes; 64 MiB */
    int64_t transform_workers;      /* 1 */
    int64_t max_uncommitted;        /* records; 1,000,000 */
    int64_t stop_timeout_us;        /* 20 s */
    int64_t revoke_timeout_us;      /* 10 s */
    int64_t checkpoint_interval_us; /* checkpointSaveInterval; 30 s; ConfigMap store only */
    int64_t retry_cap_us;           /* EAUTH and such: 10 min */
    int checkpoint_persistence;     /* true */
    int checkpoint_sync_on_ack;     /* always so: a moved watermark is saved */
    int checkpoint_reset;           /* what is stored is forgotten at the start */
    int ack_granularity;            /* 0 batch, 1 message */
    int collapse_batch;             /* collapseBatchOnMessageAck: with message, parcels of one */
    enum df__error_ack error_ack;   /* errors.ackPolicy */
    enum df__error_policy error_policy; /* errors.policy */
    int guarantee;                      /* deliveryGuarantee */
    int strict_idempotency;
} df__settings;

struct df__option_slot;
typedef struct df__graph {
    struct df_env *env;
    df__arena arena; /* everything here lives in it */
    df__stage_spec *stages, **stages_end;
    df__stage_spec **names; /* DF__NAMES lists by hash; NULL: none yet */
    df__link *links, **links_end;
    df__settings settings;
    const char *space, *name, *manifest_kind; /* from metadata, or NULL */
    const char *file;
    const char *const *set; /* overrides, NULL at the end; NULL: none */
    struct df__problems *problems;
    struct df__secrets *secrets; /* gets the references that a check finds; may be NULL */
    int next_exit;               /* of the next routed sink, from 1 */
    /* Adds the stage that an option holds (DF_OPT_STAGE); set by df__graph_add. */
    int (*nested)(const struct df__option_slot *s);
} df__graph;

/* Puts a stage at the end of the order, and into the names. */
void df__graph_append(df__graph *g, df__stage_spec *s);
/* The stage of that name; NULL: none. */
df__stage_spec *df__graph_find(const df__graph *g, const char *name);
/* NULL: it has none yet. */
const df__stage_spec *df__graph_source(const df__graph *g);
/* Takes a stage out of the order and the names. */
void df__graph_remove(df__graph *g, df__stage_spec *s);
/* Moves a stage before another in the order. */
void df__graph_move(df__graph *g, df__stage_spec *s, df__stage_spec *before);

/* Everything in a graph's arena that is not memory of the arena: compiled paths, conditions. */
void df__graph_release(df__graph *g);
/* The settings that a pipeline without a manifest has; spec/fields.c has the rows of the others. */
void df__settings_default(df__settings *s);

#endif
