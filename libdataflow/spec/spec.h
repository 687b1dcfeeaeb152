/* SPDX-License-Identifier: Apache-2.0
 * spec.h: from a document to a graph. A whole manifest or a bare spec, both layouts. */
#ifndef DF_SPEC_SPEC_H
#define DF_SPEC_SPEC_H

#include "core/graph/graph.h"
#include "core/graph/option.h"

/* Loads a document into a graph. g has env, arena, problems (and secrets, when references shall be
 * known); settings are set to their defaults first. DF_ESPEC: problems were added; DF_ENOMEM. */
int df__spec_load(df__graph *g, const df_text *text);
/* Rewrites source.kafka: {...} into source.config: {...}, all else byte for byte. DF_ESPEC with
 * problems, DF_ENOMEM, or what `write` answered. */
int df__spec_format(const df__heap *heap, const df_text *in, df__problems *problems,
                    df_write_fn write, void *user);
/* Rows of the fields of spec (cron: those that only a DataFlowCron has), of every stage, and of
 * spec.errors beside those of a stage; for df_env_describe. */
const df_options *df__spec_rows(int cron);
/* Of every stage. */
const df_options *df__spec_stage_rows(void);
/* Of spec.errors, beside those of a stage. */
const df_options *df__spec_error_rows(void);

#endif
