/* SPDX-License-Identifier: Apache-2.0
 * inner.h: what the files of spec/ share: the fields of a spec, overrides. */
#ifndef DF_SPEC_INNER_H
#define DF_SPEC_INNER_H

#include "spec/spec.h"

/* Fills g->settings from the spec's own fields and checks those that only others use. */
int df__fields_fill(df__graph *g, const df__doc *spec, int cron);
/* Fills the errors block's own fields; `has_sink`: a type is given. */
int df__fields_errors(df__graph *g, const df__doc *errors, int has_sink);
/* A schedule in the form of CronJobs, one that comes at some time. DF_ESPEC: problems were added.
 */
int df__schedule_check(df__graph *g, const df__doc *node);
/* `requests` and `limits` of resources (NULL: none are given). DF_ESPEC: problems were added. */
int df__resources_check(df__graph *g, const df__doc *node, const char *field);
/* "sink.config.table=orders": puts a value in the place of one of the document. whole: `root` has
 * spec as a member, which a path may leave out; without, a path may begin with it all the same.
 * DF_ESPEC: problems were added, which name the override; DF_ENOMEM. */
int df__spec_override(df__graph *g, df__doc *root, int whole, const char *text);
/* After the stages: rules that need both. */
int df__fields_finish(df__graph *g, const df__doc *spec, int cron);

#endif
