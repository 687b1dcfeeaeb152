/* SPDX-License-Identifier: Apache-2.0
 * slot.c: `dfproc slot drop`: what a flow's source holds in its own system goes, for a flow that
 * does not come back. The operator's Job for a deleted flow runs it. */
#include <string.h>

#include "dataflow_manage.h"
#include "dfproc/dfproc.h"

int dfproc_slot(const app_args *args)
{
    df_pipeline_options options = DF_PIPELINE_OPTIONS_INIT;
    dfproc_flow flow;
    if (strcmp(args->operands[0], "drop") != 0)
        return app_misuse(args, "drop, not \"%s\"", args->operands[0]);
    int rc = dfproc_open(&flow, DF_LOG_INFO, APP_LOG_TEXT);
    if (rc == EXIT_DONE)
        rc = dfproc_ready(&flow, args, &options, args->operands[1]);
    if (rc == EXIT_DONE) {
        int status = df_pipeline_release(flow.pipeline);
        if (status < 0)
            dfproc_fail("%s: %s", flow.file, df_pipeline_errmsg(flow.pipeline));
        rc = dfproc_exit_code(status);
    }
    dfproc_close(&flow);
    return rc;
}
