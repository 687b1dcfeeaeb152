/* SPDX-License-Identifier: Apache-2.0
 * builtin.c: the connectors that are part of the library itself. The registry of an env starts
 * with them. */
#include "dataflow_ext.h"

extern const df_connector df_connector_stdio, df_connector_memory, df_connector_null,
    df_connector_generate, df_connector_host;
extern const df_connector *const df__builtin_connectors[];

const df_connector *const df__builtin_connectors[] = {
    &df_connector_stdio,    &df_connector_memory, &df_connector_null,
    &df_connector_generate, &df_connector_host,   NULL};
