/* SPDX-License-Identifier: Apache-2.0
 * port.c: a host opens its end of a pipeline; why it cannot is in df_pipeline_errmsg. */
#include "core/pipeline/pipeline.h"

#include <stddef.h>
#include <string.h>

/* Why df_port_open failed, for df_pipeline_errmsg. */
static int fail_open(df_pipeline *p, const df_port_options *o, int rc)
{
    static const char *const modes[] = {"DF_FEED", "DF_TAKE", "DF_TAP"};
    const char *mode = modes[o->mode - DF_FEED];
    const df__stage_spec *s = p->graph.stages;
    char text[400];
    size_t at;
    if (rc == DF_ENOMEM) {
        df__text_printf(text, sizeof text, "no memory or no descriptor for a port");
    } else if (rc == DF_ENOTSUP) {
        df__text_printf(text, sizeof text, "stage %.100s cannot be opened with %s: it is no %s",
                        o->stage, mode, o->mode == DF_FEED ? "source" : "sink");
    } else if (rc == DF_EEXISTS) {
        df__text_printf(text, sizeof text,
                        "stage %.100s has a %s port already, or its input was "
                        "ended by df_port_close",
                        o->stage, mode);
    } else {
        at = df__text_printf(text, sizeof text, "no stage is named %.100s; there are:", o->stage);
        for (; s; s = s->next)
            at +=
                df__text_printf(text + at, sizeof text - at, " %s%s", s->name, s->next ? "," : "");
    }
    return df__pipeline_fail(p, rc, "%s", text);
}

int df_port_open(df_pipeline *p, const df_port_options *options, df_port **ret_port)
{
    df_port_options o = {.size = sizeof o};
    int rc;
    if (!p)
        return DF_EINVAL;
    if (!options || !ret_port || options->size < offsetof(df_port_options, queue_bytes))
        return df__pipeline_fail(p, DF_EINVAL,
                                 "df_port_open needs options with their size, "
                                 "and a place for the port");
    memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    if (!o.stage || o.mode < DF_FEED || o.mode > DF_TAP)
        return df__pipeline_fail(p, DF_EINVAL,
                                 "df_port_open needs a stage and DF_FEED, "
                                 "DF_TAKE or DF_TAP");
    rc = df__ports_open(p->ports, &o, ret_port);
    return rc < 0 ? fail_open(p, &o, rc) : DF_OK;
}
