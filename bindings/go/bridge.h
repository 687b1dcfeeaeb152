/* SPDX-License-Identifier: Apache-2.0
 * bridge.h: what Go cannot say itself: structs with pointers to its memory, and functions that the
 * library calls. A handle is a cgo.Handle: a number that stands for a Go value. */
#ifndef DATAFLOW_GO_BRIDGE_H
#define DATAFLOW_GO_BRIDGE_H
#include <dataflow_ext.h>

df_env *dfgo_env_new(int level, const char *module_path, uintptr_t log);
int dfgo_transform(df_env *env, const char *name, const char *doc, uintptr_t function);
int dfgo_sink(df_env *env, const char *name, const char *doc, uintptr_t make);
/* `run` is what dfgo_run answers for the stages of the pipeline. */
df_pipeline *dfgo_pipeline_new(df_env *env, const char *name, int resolve, df_store *store,
                               uintptr_t run);
uintptr_t dfgo_run(const df_stage *st);
int dfgo_load(df_pipeline *p, const char *file, const char *text, size_t len);
/* Bytes as char: of a void pointer cgo looks through all that it lies in. */
int dfgo_push(df_port *port, const df_input *like, const char *payload, const char *key);
/* A value of a text type, or any other one with `text` NULL. */
int dfgo_set(df_record *r, const df_path *path, df_value *like, const char *text, size_t len);
int dfgo_set_json(df_record *r, const df_path *path, const char *text, size_t len);
int64_t dfgo_value_int(const df_value *v);
double dfgo_value_double_bits(const df_value *v);
/* Writes into memory of malloc; NULL: none. */
char *dfgo_report(df_pipeline *p, int what, size_t *ret_len);
#endif
