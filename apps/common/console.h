/* SPDX-License-Identifier: Apache-2.0
 * console.h: the program's standard error: log lines (text on a terminal, JSON lines elsewhere)
 * and one progress line below them. Any thread; never blocks: what a full pipe cannot take is
 * dropped and counted. */
#ifndef APP_CONSOLE_H
#define APP_CONSOLE_H

#include <pthread.h>
#include <stddef.h>

#include "dataflow.h"
#include "util/buf.h"

enum { APP_LOG_AUTO, APP_LOG_TEXT, APP_LOG_JSON };

typedef struct app_console {
    pthread_mutex_t lock;
    int fd, level;
    int json;     /* log lines are JSON */
    int journal;  /* systemd's journal reads: each line begins with its priority, as <4> */
    int terminal; /* a progress line can be drawn */
    int colour;
    char space[128], name[256]; /* labels of the pipeline in JSON lines */
    char progress[400];         /* what is drawn now; "" nothing */
    unsigned long dropped;
    char failure[2048]; /* the last line of level error */
} app_console;

/* Environment variable LOG_LEVEL decides when `level` is 0; an unknown word there is ignored. */
void app_console_init(app_console *c, int fd, int level, int format);
void app_console_labels(app_console *c, const char *space, const char *name);
/* The log callback of a df_env; `user` is the console. */
void app_console_log(void *user, int level, const char *line);
void app_console_logf(app_console *c, int level, const char *format, ...) DF_PRINTF(3, 4);
/* The last line of level error; "": none was said. */
void app_console_failure(app_console *c, char *ret, size_t len);
/* A line with extra members: `members` is JSON text like "\"sent\":1" for JSON lines; `text` is
 * what a terminal shows. */
void app_console_event(app_console *c, const char *message, const char *members, const char *text);
/* The same whatever the level is: somebody asked for it. */
void app_console_told(app_console *c, const char *message, const char *members, const char *text);
/* A log line of another program: as it is in JSON, else with `who` before it. */
void app_console_line(app_console *c, const char *who, const char *text);
/* Draws the progress line; NULL removes it. Nothing when there is no terminal. */
void app_console_progress(app_console *c, const char *line);
/* Columns of the terminal; 80 when unknown. */
int app_console_width(const app_console *c);
/* DF_LOG_... of "debug", "info", "warn", "error"; 0: no such word. */
int app_log_level(const char *word);

#endif
