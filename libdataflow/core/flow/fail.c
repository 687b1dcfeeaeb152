/* SPDX-License-Identifier: Apache-2.0
 * fail.c: see fail.h. It calls no other part of the flow, so that all of them can call it. */
#include <string.h>

#include "core/flow/flow.h"
#include "util/crashpoint.h"

void df__flow_abandon(df__flow *f, uint64_t records)
{
    f->stats.abandoned += records;
}

void df__flow_tell_retry(df__flow *f, const df__retry *r, int status, const char *stage,
                         const char *text)
{
    char line[DF__TEXT + 48];
    int64_t ms = (r->next_us - f->io.now(f->io.ctx)) / 1000;
    df__text_printf(line, sizeof line, "%s; next try in %.1f s", text,
                    ms > 0 ? (double)ms / 1000 : 0.0);
    f->io.event(f->io.ctx, DF_EVENT_RETRY, status, stage, line);
}

void df__flow_quiet(df__flow *f)
{
    if (f->admission.quiet)
        return;
    f->admission.quiet = 1;
    f->io.source_quiet(f->io.ctx);
}

void df__flow_enter(df__flow *f, enum df__phase phase)
{
    DF_CRASHPOINT("stop.phase");
    f->phase = phase;
    f->stop.phase_us = f->io.now(f->io.ctx);
    if (phase != DF__PHASE_SAVING)
        return;
    f->stop.end_us = f->stop.phase_us;
    df__retry_now(&f->saving.retry, f->stop.phase_us);
}

/* After a stop was asked or the run failed, or at the end of the input. */
void df__flow_drain(df__flow *f)
{
    f->stop.drain_us = f->io.now(f->io.ctx);
    if (f->phase != DF__PHASE_RUNNING)
        return;
    df__flow_enter(f, DF__PHASE_DRAINING);
    df__flow_quiet(f);
}

void df__flow_fail(df__flow *f, int status, const char *text)
{
    f->work.starved |= status == DF_ENOMEM;
    if (f->result == DF_OK) {
        f->result = status;
        df__text_set(f->text, DF__TEXT, text, strlen(text));
        f->io.event(f->io.ctx, DF_EVENT_STATE, status, NULL, text);
        if (!f->stop.asked)
            df__flow_drain(f);
    }
}

void df__flow_failf(df__flow *f, int status, const char *format, ...)
{
    char text[DF__TEXT];
    va_list args;
    va_start(args, format);
    df__text_vprintf(text, sizeof text, format, args);
    va_end(args);
    df__flow_fail(f, status, text);
}
