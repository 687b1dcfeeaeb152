/* SPDX-License-Identifier: Apache-2.0
 * signals.h: a thread that turns signals into calls. SIGTERM and SIGINT ask for an end, the second
 * one at once (if it is not the first one's echo), and two seconds after that the process leaves by
 * force; SIGHUP asks for a reload, SIGUSR1 for the status. */
#ifndef APP_SIGNALS_H
#define APP_SIGNALS_H

typedef struct app_signals app_signals;

typedef struct app_signal_calls {
    void (*stop)(void *user, int count); /* 1: gently, 2: at once, 3: by force, right now */
    void (*reload)(void *user);
    void (*status)(void *user);
    void *user;
} app_signal_calls;

/* Blocks the signals in the calling thread and those it makes later: call it before any thread
 * is made. SIGPIPE is ignored. */
void app_signals_block(void);
/* Between block and start: the signals end the process (1), or wait again (0). */
void app_signals_default(int on);
/* Starts the thread. NULL: no memory or no descriptors. */
app_signals *app_signals_start(const app_signal_calls *calls);
/* Ends the thread; NULL is fine. */
void app_signals_end(app_signals *s);

#endif
