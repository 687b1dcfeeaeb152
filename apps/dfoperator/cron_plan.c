/* SPDX-License-Identifier: Apache-2.0
 * cron_plan.c: what has to be done for a DataFlowCron. */
#include "dfoperator/plan.h"

void op_cron_plan(const op_view *view, const op_settings *settings, op_plan *ret)
{
    (void)view;
    (void)settings;
    (void)ret;
}
