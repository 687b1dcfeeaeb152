/* SPDX-License-Identifier: Apache-2.0
 * thread.c: what every thread of a run does: begin, tell the pipeline thread, end. */
#include "core/run/run.h"

#include <signal.h>
#include <sys/prctl.h>

#include "core/registry/env.h"

int df__thread_start(df__runner *r, pthread_t *thread, void *(*run)(void *), void *arg)
{
    sigset_t all, old;
    pthread_attr_t attr;
    int rc;
    (void)r;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, (size_t)512 << 10);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(thread, &attr, run, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return rc == 0 ? DF_OK : DF_ENOMEM;
}

void df__thread_stop(pthread_t thread, df__mailbox *box, df__msg *exit_msg, int left)
{
    exit_msg->type = DF__C_EXIT;
    df__mailbox_send(box, exit_msg);
    if (left)
        pthread_detach(thread);
    else
        pthread_join(thread, NULL);
}

void df__thread_begin(df__runner *r, const char *name)
{
    const df_env_options *o = &r->graph->env->options;
    prctl(PR_SET_NAME, name);
    if (o->thread)
        o->thread(o->user, 1, name);
}

void df__thread_end(df__runner *r, const char *name)
{
    const df_env_options *o = &r->graph->env->options;
    if (o->thread)
        o->thread(o->user, 0, name);
}

void df__run_send(df__runner *r, df__msg *m, int type, int status)
{
    m->type = type;
    m->status = status;
    df__mailbox_send(&r->box, m);
}

void df__transform_close(df_stage *st)
{
    if (!st || st->closed)
        return;
    st->closed = 1;
    if (DF__OP(st->spec->transform, close))
        st->spec->transform->close(st->self, st);
}

int df__runner_left(const df__runner *r)
{
    return atomic_load(&r->gone) || r->flow.stats.left;
}
