/* SPDX-License-Identifier: Apache-2.0
 * signals.c: the signal thread, see signals.h. */
#include "signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "process.h"

/* `timeout` and some supervisors signal the process and its group: within ECHO_US that is one wish.
 */
enum { FORCE_US = 2000000, ECHO_US = 200000 };

struct app_signals {
    app_signal_calls calls;
    pthread_t thread;
    int signal_fd, end_fd, count;
    int64_t first_us;
};

/* those that end a process which does not know them; a status is asked for in vain before there is
 * one, and waits */
static void fill_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

void app_signals_block(void)
{
    sigset_t set;
    fill_set(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

void app_signals_default(int on)
{
    sigset_t set;
    fill_set(&set);
    pthread_sigmask(on ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

/* SIGHUP means reload, unless it came because the terminal went away. */
static int is_reload(int number)
{
    return number == SIGHUP && !(isatty(STDERR_FILENO) == 0 && errno == EIO);
}

static void handle(app_signals *s, int number)
{
    if (number == SIGUSR1) {
        s->calls.status(s->calls.user);
        return;
    }
    if (is_reload(number)) {
        s->calls.reload(s->calls.user);
        return;
    }
    if (s->count == 1 && app_clock_us() - s->first_us < ECHO_US)
        return;
    if (s->count == 0)
        s->first_us = app_clock_us();
    if (s->count < 2)
        s->count++;
    s->calls.stop(s->calls.user, s->count);
}

/* How long poll may wait: for ever, or until the process must leave by force. */
static int time_left(int64_t force_at_us)
{
    int64_t left = force_at_us - app_clock_us();
    return force_at_us < 0 ? -1 : left > 0 ? (int)(left / 1000) + 1 : 0;
}

static void *serve(void *arg)
{
    app_signals *s = arg;
    struct pollfd fds[2] = {{s->signal_fd, POLLIN, 0}, {s->end_fd, POLLIN, 0}};
    int64_t force_at_us = -1;
    for (;;) {
        struct signalfd_siginfo info;
        int n = poll(fds, 2, time_left(force_at_us));
        if (n > 0 && fds[1].revents)
            return NULL;
        if (force_at_us >= 0 && app_clock_us() >= force_at_us) {
            s->calls.stop(s->calls.user, 3);
            _exit(1);
        }
        if (n > 0 && fds[0].revents && read(s->signal_fd, &info, sizeof info) == sizeof info)
            handle(s, (int)info.ssi_signo);
        if (force_at_us < 0 && s->count >= 2)
            force_at_us = app_clock_us() + FORCE_US;
    }
}

app_signals *app_signals_start(const app_signal_calls *calls)
{
    sigset_t set;
    app_signals *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    fill_set(&set);
    sigaddset(&set, SIGUSR1);
    s->calls = *calls;
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    s->end_fd = eventfd(0, EFD_CLOEXEC);
    if (s->signal_fd >= 0 && s->end_fd >= 0 && !pthread_create(&s->thread, NULL, serve, s))
        return s;
    if (s->signal_fd >= 0)
        close(s->signal_fd);
    if (s->end_fd >= 0)
        close(s->end_fd);
    free(s);
    return NULL;
}

void app_signals_end(app_signals *s)
{
    uint64_t one = 1;
    if (!s)
        return;
    if (write(s->end_fd, &one, sizeof one) == sizeof one)
        pthread_join(s->thread, NULL);
    close(s->signal_fd);
    close(s->end_fd);
    free(s);
}
