/* SPDX-License-Identifier: Apache-2.0
 * process.c: usage of this process from /proc and getrusage, see process.h. */
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

int64_t app_clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static long count_fds(void)
{
    long n = 0;
    DIR *d = opendir("/proc/self/fd");
    if (!d)
        return 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n - 3; /* ".", ".." and the folder itself */
}

/* Whole number number `field` (from 0) of a line of numbers that starts at p. */
static unsigned long long field_at(const char *p, int field)
{
    unsigned long long n = 0;
    for (; field > 0 && *p; field--) {
        p += strcspn(p, " ");
        p += strspn(p, " ");
    }
    for (; *p >= '0' && *p <= '9'; p++)
        n = n * 10 + (unsigned long long)(*p - '0');
    return n;
}

static size_t read_small(const char *path, char *buf, size_t len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, buf, len - 1) : 0;
    if (fd >= 0)
        close(fd);
    buf[n > 0 ? n : 0] = 0;
    return n > 0 ? (size_t)n : 0;
}

/* Start of the process: boot time plus field 22 of stat, in clock ticks. */
static double start_time(void)
{
    char text[4096];
    const char *p;
    double ticks;
    struct timespec boot, now;
    if (!read_small("/proc/self/stat", text, sizeof text) || !(p = strrchr(text, ')')))
        return 0;
    ticks = (double)field_at(p + 2, 19);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec - (double)boot.tv_sec + ticks / (double)sysconf(_SC_CLK_TCK);
}

uint64_t app_process_rss(void)
{
    char text[256];
    if (!read_small("/proc/self/statm", text, sizeof text))
        return 0;
    return field_at(text, 1) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Of this program. ru_maxrss is not: it goes on from what ran before exec in the same process. */
static uint64_t peak_rss(void)
{
    char text[4096];
    const char *p;
    if (!read_small("/proc/self/status", text, sizeof text) || !(p = strstr(text, "\nVmHWM:")))
        return 0;
    p += strlen("\nVmHWM:");
    return field_at(p + strspn(p, " \t"), 0) * 1024;
}

void app_process_usage(app_usage *ret)
{
    struct rusage use;
    struct rlimit limit;
    char text[256];
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    memset(ret, 0, sizeof *ret);
    if (!getrusage(RUSAGE_SELF, &use))
        ret->cpu_s = seconds(use.ru_utime) + seconds(use.ru_stime);
    if (read_small("/proc/self/statm", text, sizeof text))
        ret->virtual_size = field_at(text, 0) * page;
    ret->rss = app_process_rss();
    ret->peak_rss = peak_rss();
    if (ret->peak_rss < ret->rss)
        ret->peak_rss = ret->rss;
    ret->fds = count_fds();
    if (!getrlimit(RLIMIT_NOFILE, &limit))
        ret->max_fds = (long)limit.rlim_cur;
    ret->start_s = start_time();
}

static void add_family(df__buf *out, const char *name, const char *type, const char *help)
{
    df__buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s ", name, help, name, type, name);
}

void app_process_metrics(df__buf *out)
{
    app_usage u;
    app_process_usage(&u);
    add_family(out, "process_cpu_seconds_total", "counter", "Processor time spent, in seconds.");
    df__buf_printf(out, "%.3f\n", u.cpu_s);
    add_family(out, "process_resident_memory_bytes", "gauge", "Memory in use.");
    df__buf_printf(out, "%llu\n", (unsigned long long)u.rss);
    add_family(out, "process_virtual_memory_bytes", "gauge", "Address space in use.");
    df__buf_printf(out, "%llu\n", (unsigned long long)u.virtual_size);
    add_family(out, "process_open_fds", "gauge", "Open file descriptors.");
    df__buf_printf(out, "%ld\n", u.fds);
    add_family(out, "process_max_fds", "gauge", "Limit of open file descriptors.");
    df__buf_printf(out, "%ld\n", u.max_fds);
    add_family(out, "process_start_time_seconds", "gauge", "Start of the process since 1970.");
    df__buf_printf(out, "%.2f\n", u.start_s);
}

int app_file_read(const char *path, size_t limit, df__buf *out, char *err, size_t err_len)
{
    int is_stdin = !strcmp(path, "-");
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    int rc = -1;
    if (fd < 0) {
        snprintf(err, err_len, "%s: %s", path, strerror(errno));
        return -1;
    }
    for (;;) {
        char *at = df__buf_reserve(out, 65536);
        ssize_t n = at ? read(fd, at, 65536) : -1;
        if (!at)
            snprintf(err, err_len, "%s: out of memory", path);
        else if (n < 0 && errno == EINTR)
            continue;
        else if (n < 0)
            snprintf(err, err_len, "%s: %s", path, strerror(errno));
        else if (n == 0)
            rc = 0;
        else if (out->len + (size_t)n > limit)
            snprintf(err, err_len, "%s: larger than %zu bytes", path, limit);
        else {
            out->len += (size_t)n;
            continue;
        }
        break;
    }
    if (!is_stdin)
        close(fd);
    return rc;
}

void app_process_close(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}
