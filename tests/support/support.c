/* SPDX-License-Identifier: Apache-2.0
 * support.c: allocator, clock, leak checks, waiting, files; see support.h. */
#include "support/support.h"

#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/heap.h"

void support_assert_status(int status, int want, const char *call, const char *file, int line)
{
    if (status == want)
        return;
    print_error("%s is %s, wanted %s\n", call, df_status_name(status), df_status_name(want));
    _fail(file, line);
}

void support_assert_ok(int status, const char *call, const char *file, int line)
{
    support_assert_status(status, DF_OK, call, file, line);
}

/* ---- environment ---------------------------------------------------------------------------- */

static void count_bytes(support_host *h, int64_t bytes)
{
    int64_t now = atomic_fetch_add(&h->live_bytes, bytes) + bytes;
    int64_t peak = atomic_load(&h->peak_bytes);
    while (now > peak && !atomic_compare_exchange_weak(&h->peak_bytes, &peak, now))
        ;
}

void *support_realloc(void *user, void *old, size_t len)
{
    support_host *h = user;
    int64_t call, at, old_size = old ? (int64_t)malloc_usable_size(old) : 0;
    void *p;
    if (len == 0) {
        if (old) {
            atomic_fetch_sub(&h->live, 1);
            count_bytes(h, -old_size);
        }
        free(old);
        return NULL;
    }
    call = atomic_fetch_add(&h->calls, 1) + 1;
    at = atomic_load(&h->fail_at);
    if (at > 0 && call >= at && call <= at + atomic_load(&h->fail_count)) {
        atomic_fetch_add(&h->failed, 1);
        return NULL;
    }
    p = df__heap_libc.realloc(NULL, old, len);
    if (p) {
        if (!old)
            atomic_fetch_add(&h->live, 1);
        count_bytes(h, (int64_t)malloc_usable_size(p) - old_size);
    }
    return p;
}

static int64_t host_now(void *user)
{
    support_host *h = user;
    struct timespec t;
    int64_t frozen = atomic_load(&h->now_us);
    if (frozen)
        return frozen;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER; /* of all hosts */

static void host_log(void *user, int level, const char *line)
{
    support_host *h = user;
    size_t len;
    atomic_fetch_add(&h->log_lines, 1);
    pthread_mutex_lock(&log_lock);
    len = strlen(h->log);
    snprintf(h->log + len, sizeof h->log - len, "%s\n", line);
    pthread_mutex_unlock(&log_lock);
    if (getenv("DF_TEST_LOG"))
        fprintf(stderr, "log %d %s\n", level, line);
}

int support_logged(support_host *host, const char *text)
{
    int n = 0;
    pthread_mutex_lock(&log_lock);
    for (const char *at = host->log; (at = strstr(at, text)) != NULL; at++)
        n++;
    pthread_mutex_unlock(&log_lock);
    return n;
}

void support_log_clear(support_host *host)
{
    pthread_mutex_lock(&log_lock);
    host->log[0] = '\0';
    pthread_mutex_unlock(&log_lock);
}

static int host_thread(void *user, int started, const char *name)
{
    support_host *h = user;
    (void)name;
    atomic_fetch_add(&h->threads, started ? 1 : -1);
    return DF_OK;
}

df_env *support_env(support_host *host)
{
    df_env_options o = {.size = sizeof o,
                        .realloc = support_realloc,
                        .log = host_log,
                        .now_us = host_now,
                        .thread = host_thread,
                        .user = host,
                        .log_level = getenv("DF_TEST_LOG") ? DF_LOG_DEBUG : host->log_level};
    df_env *env = df_env_new(&o);
    assert_non_null(env);
    return env;
}

void support_env_free(df_env *env, support_host *host)
{
    df_env_free(env);
    assert_int_equal(atomic_load(&host->threads), 0);
    assert_int_equal(atomic_load(&host->live), 0);
    assert_int_equal(atomic_load(&host->live_bytes), 0);
}

/* ---- leaks ---------------------------------------------------------------------------------- */

static int count_entries(const char *path)
{
    DIR *dir = opendir(path);
    int n = 0;
    if (!dir)
        return -1;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

int support_fds(void)
{
    return count_entries("/proc/self/fd") - 1; /* the folder itself */
}

static void *do_nothing(void *user)
{
    return user;
}

/* Sanitizers start a thread of their own with the first one of the program, so there is one. A
 * thread that was joined may be listed for a moment. */
int support_threads(void)
{
    static int warm;
    pthread_t thread;
    int least, now;
    if (!warm && pthread_create(&thread, NULL, do_nothing, NULL) == 0)
        pthread_join(thread, NULL);
    warm = 1;
    least = count_entries("/proc/self/task");
    for (int i = 0; i < 20 && least > 1; i++) {
        support_sleep_ms(1);
        now = count_entries("/proc/self/task");
        least = now < least ? now : least;
    }
    return least;
}

/* ---- waiting -------------------------------------------------------------------------------- */

int64_t support_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t support_late_ms(void)
{
    int64_t sum_ns = 0;
    const struct dirent *entry;
    DIR *tasks = opendir("/proc/self/task");
    while (tasks && (entry = readdir(tasks)) != NULL) {
        char path[300];
        long long waited = 0;
        FILE *f;
        snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", entry->d_name);
        f = entry->d_name[0] != '.' ? fopen(path, "r") : NULL;
        if (f && fscanf(f, "%*d %lld", &waited) == 1)
            sum_ns += waited;
        if (f)
            fclose(f);
    }
    if (tasks)
        closedir(tasks);
    return sum_ns / 1000000;
}

void support_sleep_ms(int ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

int support_wait(int (*check)(void *user), void *user, int timeout_ms)
{
    int64_t until = support_now_ms() + timeout_ms;
    while (!check(user)) {
        if (support_now_ms() > until)
            return 0;
        support_sleep_ms(2);
    }
    return 1;
}

/* ---- files ---------------------------------------------------------------------------------- */

char *support_mkdir(void)
{
    const char *base = getenv("TMPDIR");
    char path[512];
    snprintf(path, sizeof path, "%s/df-test-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(path));
    return strdup(path);
}

void support_rmdir(char *dir)
{
    char path[1024];
    struct dirent *entry;
    DIR *d = opendir(dir);
    while (d && (entry = readdir(d))) {
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(dir);
    free(dir);
}

const char *support_path(char *buf, const char *dir, const char *name)
{
    snprintf(buf, 512, "%s/%s", dir, name);
    return buf;
}

void support_write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

char *support_read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t cap = 0;
    ssize_t len;
    if (!f)
        return strdup("");
    len = getdelim(&text, &cap, '\0', f);
    fclose(f);
    if (len < 0) {
        free(text);
        return strdup("");
    }
    return text;
}

#ifdef __SANITIZE_ADDRESS__
static int is_alone(void *user)
{
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;
    (void)user;
    if (!tasks)
        return 1;
    for (const struct dirent *e; (e = readdir(tasks));)
        count += e->d_name[0] != '.';
    closedir(tasks);
    return count <= 1;
}

/* A thread that a run gave up may end just when LeakSanitizer looks at its stack, which ends the
 * whole program. */
__attribute__((destructor)) static void threads_end_first(void)
{
    (void)support_wait(is_alone, NULL, 2000);
}
#endif
