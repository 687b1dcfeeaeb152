/* SPDX-License-Identifier: Apache-2.0
 * ioshim.c: preloaded before a program, it lets a seeded sample of system calls fail as they may:
 * interrupted, short, not now, no space, no descriptor, connection reset, broken disk.
 * DF_IOSHIM=SEED:PER_MILLION:FOLDER; files are touched below FOLDER only. With DF_IOSHIM_HANG set
 * an fsync or fdatasync below FOLDER never returns.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHORT = -1, MAX_FD = 4096 };

static uint64_t seed;
static uint64_t per_million;
static char folder[256];
static int hang;
static atomic_uint_fast64_t calls, faults;
static atomic_char ours[MAX_FD]; /* files below the folder */

/* Reports how many calls failed when the program ends by itself. */
__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("DF_IOSHIM_REPORT");
    FILE *f = path != NULL ? fopen(path, "a") : NULL;
    if (f == NULL)
        return;
    fprintf(f, "%llu %llu\n", (unsigned long long)calls, (unsigned long long)faults);
    (void)fclose(f);
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("DF_IOSHIM");
    char *end;
    if (text == NULL)
        return;
    hang = getenv("DF_IOSHIM_HANG") != NULL;
    seed = strtoull(text, &end, 10);
    if (*end != ':')
        return;
    per_million = strtoull(end + 1, &end, 10);
    if (*end == ':' && strlen(end + 1) < sizeof folder)
        memcpy(folder, end + 1, strlen(end + 1) + 1);
}

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* One of the errors, or 0: the call goes through. */
static int fault(const int *errors, size_t count, uint64_t *ret_random)
{
    uint64_t r = mix(seed ^ mix(atomic_fetch_add(&calls, 1)));
    *ret_random = r >> 40;
    if (count == 0 || r % 1000000 >= per_million)
        return 0;
    atomic_fetch_add(&faults, 1);
    return errors[(r >> 20) % count];
}

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* What may happen to a transfer on this descriptor. */
static int transfer_fault(int fd, int writing, uint64_t *ret_random)
{
    static const int file_read[] = {EINTR, SHORT, SHORT, EIO};
    static const int file_write[] = {EINTR, SHORT, SHORT, EIO, ENOSPC};
    static const int blocking[] = {EINTR, SHORT, SHORT, ECONNRESET};
    static const int waiting[] = {EINTR, SHORT, SHORT, EAGAIN, EAGAIN, ECONNRESET};
    struct stat info;
    if (fd <= 2 || per_million == 0 || fstat(fd, &info) != 0)
        return 0;
    if (S_ISREG(info.st_mode) && fd < MAX_FD && ours[fd])
        return writing ? fault(file_write, COUNT(file_write), ret_random)
                       : fault(file_read, COUNT(file_read), ret_random);
    if (!S_ISSOCK(info.st_mode))
        return 0;
    if (fcntl(fd, F_GETFL) & O_NONBLOCK)
        return fault(waiting, COUNT(waiting), ret_random);
    return fault(blocking, COUNT(blocking), ret_random);
}

/* -1: failed with errno; 0: go on with *len. */
static int before_transfer(int fd, int writing, size_t *len)
{
    uint64_t random = 0;
    int error = transfer_fault(fd, writing, &random);
    if (error == ECONNRESET) /* it is gone for both sides, as a real one */
        (void)shutdown(fd, SHUT_RDWR);
    if (error > 0) {
        errno = error;
        return -1;
    }
    if (error == SHORT && *len > 1)
        *len = 1 + random % (*len - 1);
    return 0;
}

ssize_t read(int fd, void *data, size_t len)
{
    return before_transfer(fd, 0, &len) != 0 ? -1 : REAL(read)(fd, data, len);
}

ssize_t write(int fd, const void *data, size_t len)
{
    return before_transfer(fd, 1, &len) != 0 ? -1 : REAL(write)(fd, data, len);
}

ssize_t recv(int fd, void *data, size_t len, int flags)
{
    return before_transfer(fd, 0, &len) != 0 ? -1 : REAL(recv)(fd, data, len, flags);
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
    return before_transfer(fd, 1, &len) != 0 ? -1 : REAL(send)(fd, data, len, flags);
}

static int simple_fault(const int *errors, size_t count)
{
    uint64_t random;
    int error = per_million > 0 ? fault(errors, count, &random) : 0;
    if (error > 0)
        errno = error;
    return error > 0;
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    static const int errors[] = {EINTR};
    return simple_fault(errors, 1) ? -1 : REAL(poll)(fds, count, timeout);
}

static int sync_fails(int fd)
{
    static const int errors[] = {EINTR, EIO, ENOSPC};
    int file = fd >= 0 && fd < MAX_FD && ours[fd];
    while (file && hang)
        pause();
    return file && simple_fault(errors, COUNT(errors));
}

int fsync(int fd)
{
    return sync_fails(fd) ? -1 : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
    return sync_fails(fd) ? -1 : REAL(fdatasync)(fd);
}

int rename(const char *from, const char *to)
{
    static const int errors[] = {EIO, ENOSPC};
    return simple_fault(errors, COUNT(errors)) ? -1 : REAL(rename)(from, to);
}

int eventfd(unsigned int value, int flags)
{
    static const int errors[] = {EMFILE};
    return simple_fault(errors, 1) ? -1 : REAL(eventfd)(value, flags);
}

int socket(int domain, int type, int protocol)
{
    static const int errors[] = {EMFILE};
    return simple_fault(errors, 1) ? -1 : REAL(socket)(domain, type, protocol);
}

static int is_ours(const char *path)
{
    return folder[0] != '\0' && strncmp(path, folder, strlen(folder)) == 0;
}

static int note(int fd, int mine)
{
    if (fd >= 0 && fd < MAX_FD)
        ours[fd] = (char)mine;
    return fd;
}

int open(const char *path, int flags, ...)
{
    static const int errors[] = {EINTR, EMFILE, EIO};
    mode_t mode = 0;
    va_list args;
    va_start(args, flags);
    if (flags & O_CREAT)
        mode = va_arg(args, mode_t);
    va_end(args);
    if (is_ours(path) && simple_fault(errors, COUNT(errors)))
        return -1;
    return note(REAL(open)(path, flags, mode), is_ours(path));
}

int close(int fd)
{
    (void)note(fd, 0);
    return REAL(close)(fd);
}
