/* SPDX-License-Identifier: Apache-2.0
 * console.c: log lines and the progress line on standard error, see console.h. */
#include "console.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A pipe that poll calls writable takes this many bytes without blocking. */
enum { PIECE = 4096 };

static const char *const level_words[] = {"", "error", "warn", "info", "debug"};
static const char *const level_colours[] = {"", "\033[31m", "\033[33m", "", "\033[2m"};

int app_log_level(const char *word)
{
    for (int i = DF_LOG_ERROR; word && i <= DF_LOG_DEBUG; i++)
        if (!strcasecmp(word, level_words[i]))
            return i;
    return word && !strcasecmp(word, "warning") ? DF_LOG_WARN : 0;
}

/* systemd says which stream is its journal's. */
static int is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat info;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &info) == 0 &&
           info.st_dev == device && info.st_ino == inode;
}

void app_console_init(app_console *c, int fd, int level, int format)
{
    const char *term = getenv("TERM"), *plain = getenv("NO_COLOR");
    memset(c, 0, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    c->fd = fd;
    c->terminal = isatty(fd) && (!term || strcmp(term, "dumb"));
    c->json = format == APP_LOG_JSON || (format == APP_LOG_AUTO && !isatty(fd));
    c->journal = is_journal(fd);
    c->colour = c->terminal && !(plain && *plain);
    c->level = level ? level : app_log_level(getenv("LOG_LEVEL"));
    if (!c->level)
        c->level = DF_LOG_INFO;
}

void app_console_labels(app_console *c, const char *space, const char *name)
{
    pthread_mutex_lock(&c->lock);
    df__text_set(c->space, sizeof c->space, space, strlen(space));
    df__text_set(c->name, sizeof c->name, name, strlen(name));
    pthread_mutex_unlock(&c->lock);
}

/* Writes all of it, or says no as soon as the reader does not keep up. */
static int write_now(int fd, const char *data, size_t len)
{
    while (len > 0) {
        struct pollfd p = {fd, POLLOUT, 0};
        size_t piece = len < PIECE ? len : PIECE;
        ssize_t n;
        if (poll(&p, 1, 0) <= 0 || !(p.revents & POLLOUT))
            return -1;
        n = write(fd, data, piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static void add_time(df__buf *b)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    df__buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", utc.tm_year + 1900, utc.tm_mon + 1,
                   utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000);
}

static void add_json_line(const app_console *c, df__buf *b, int level, const char *message)
{
    df__buf_str(b, "{\"ts\":\"");
    add_time(b);
    df__buf_printf(b, "\",\"level\":\"%s\",\"msg\":", level_words[level]);
    df__buf_json(b, message, strlen(message));
    if (c->name[0]) {
        if (c->space[0]) {
            df__buf_str(b, ",\"namespace\":");
            df__buf_json(b, c->space, strlen(c->space));
        }
        df__buf_str(b, ",\"pipeline\":");
        df__buf_json(b, c->name, strlen(c->name));
    }
}

static void add_text_line(const app_console *c, df__buf *b, int level, const char *message)
{
    struct timespec now;
    struct tm local;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    df__buf_printf(b, "%02d:%02d:%02d ", local.tm_hour, local.tm_min, local.tm_sec);
    if (level <= DF_LOG_WARN || level == DF_LOG_DEBUG) {
        const char *colour = c->colour ? level_colours[level] : "";
        df__buf_printf(b, "%s%s%s: ", colour, level_words[level], *colour ? "\033[0m" : "");
    }
    /* Control characters in a message, those of 8 bits too, must not reach the terminal. */
    for (const char *p = message; *p; p++) {
        int eight = (unsigned char)*p == 0xc2 && ((unsigned char)p[1] & 0xe0) == 0x80;
        p += eight;
        df__buf_char(b, eight || (unsigned char)*p < 0x20 || *p == 0x7f ? ' ' : *p);
    }
}

/* Puts one finished line out, above the progress line. Called under the lock. */
static void put_line(app_console *c, int level, df__buf *line)
{
    static const char *const priorities[] = {"<6>", "<3>", "<4>", "<6>", "<7>"};
    const char *mark = c->journal ? priorities[level] : "";
    df__buf all;
    df__buf_init(&all, &df__heap_libc);
    if (c->progress[0])
        df__buf_str(&all, "\r\033[K");
    if (c->dropped)
        df__buf_printf(&all,
                       c->json ? "%s{\"level\":\"warn\",\"msg\":\"%lu log lines dropped\"}\n"
                               : "%s%lu log lines dropped\n",
                       c->journal ? priorities[DF_LOG_WARN] : "", c->dropped);
    df__buf_str(&all, mark);
    df__buf_add(&all, line->data, line->len);
    df__buf_char(&all, '\n');
    df__buf_str(&all, c->progress);
    if (all.failed || line->failed || write_now(c->fd, all.data, all.len) < 0)
        c->dropped++;
    else
        c->dropped = 0;
    df__buf_free(&all);
}

void app_console_log(void *user, int level, const char *message)
{
    app_console *c = user;
    df__buf line;
    if (level < DF_LOG_ERROR || level > c->level)
        return;
    df__buf_init(&line, &df__heap_libc);
    pthread_mutex_lock(&c->lock);
    if (level == DF_LOG_ERROR)
        df__text_set(c->failure, sizeof c->failure, message, strlen(message));
    if (c->json) {
        add_json_line(c, &line, level, message);
        df__buf_char(&line, '}');
    } else {
        add_text_line(c, &line, level, message);
    }
    put_line(c, level, &line);
    pthread_mutex_unlock(&c->lock);
    df__buf_free(&line);
}

void app_console_failure(app_console *c, char *ret, size_t len)
{
    pthread_mutex_lock(&c->lock);
    df__text_set(ret, len, c->failure, strlen(c->failure));
    pthread_mutex_unlock(&c->lock);
}

void app_console_logf(app_console *c, int level, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    df__text_vprintf(text, sizeof text, format, args);
    va_end(args);
    app_console_log(c, level, text);
}

void app_console_event(app_console *c, const char *message, const char *members, const char *text)
{
    if (c->level >= DF_LOG_INFO)
        app_console_told(c, message, members, text);
}

void app_console_told(app_console *c, const char *message, const char *members, const char *text)
{
    df__buf line;
    df__buf_init(&line, &df__heap_libc);
    pthread_mutex_lock(&c->lock);
    if (c->json) {
        add_json_line(c, &line, DF_LOG_INFO, message);
        df__buf_printf(&line, ",%s}", members);
    } else {
        df__buf_str(&line, text);
    }
    put_line(c, DF_LOG_INFO, &line);
    pthread_mutex_unlock(&c->lock);
    df__buf_free(&line);
}

void app_console_line(app_console *c, const char *who, const char *text)
{
    df__buf line;
    df__buf_init(&line, &df__heap_libc);
    pthread_mutex_lock(&c->lock);
    if (!c->json)
        df__buf_printf(&line, "%s: ", who);
    df__buf_str(&line, text);
    put_line(c, DF_LOG_INFO, &line);
    pthread_mutex_unlock(&c->lock);
    df__buf_free(&line);
}

void app_console_progress(app_console *c, const char *line)
{
    char out[sizeof c->progress + 8];
    if (!c->terminal)
        return;
    pthread_mutex_lock(&c->lock);
    if (line || c->progress[0]) {
        df__text_set(c->progress, sizeof c->progress, line ? line : "", line ? strlen(line) : 0);
        snprintf(out, sizeof out, "\r%s\033[K", c->progress);
        (void)write_now(c->fd, out, strlen(out));
    }
    pthread_mutex_unlock(&c->lock);
}

int app_console_width(const app_console *c)
{
    struct winsize size;
    if (ioctl(c->fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}
