/* SPDX-License-Identifier: Apache-2.0
 * snapshot.c: `dfproc snapshot`: asks a flow that runs elsewhere to read tables of its source
 * again. */
#include "dataflow_manage.h"
#include "dfproc/dfproc.h"

int dfproc_snapshot(const app_args *args)
{
    df_pipeline_options options = DF_PIPELINE_OPTIONS_INIT;
    const char *tables[APP_REPEATS_MAX + 1];
    dfproc_flow flow;
    app_args_list(args, "table", tables);
    if (!tables[0])
        return app_misuse(args, "--table says which one");
    int rc = dfproc_open(&flow, DF_LOG_INFO, APP_LOG_TEXT);
    if (rc == EXIT_DONE)
        rc = dfproc_ready(&flow, args, &options, args->operands[0]);
    for (const char **table = tables; *table && rc == EXIT_DONE; table++) {
        int status = df_pipeline_reread(flow.pipeline, *table);
        if (status < 0)
            dfproc_fail("%s: %s", flow.file, df_pipeline_errmsg(flow.pipeline));
        rc = dfproc_exit_code(status);
    }
    dfproc_close(&flow);
    return rc;
}
