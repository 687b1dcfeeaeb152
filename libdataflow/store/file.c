/* SPDX-License-Identifier: Apache-2.0
 * file.c: positions in a folder. Two slots for a pipeline, written in turn: head with length,
 * generation and CRC32C, then stage, partition and position, each after its
 * length; write, fsync, rename, fsync of the folder. The newest slot that is whole wins. When both
 * are damaged the store refuses, since starting over would lose positions; when one cannot be read
 * it refuses too, since the other may be the older one. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/registry/env.h"
#include "util/codec.h"
#include "util/crashpoint.h"

enum { PATH = 1024, HEAD = 24 };
static const char magic[8] = "DFSTATE1";
#define MAX_STATE ((size_t)64 << 20)

typedef struct entry {
    struct entry *next;
    char *stage, *partition, *data;
    size_t len;
} entry;

typedef struct file_store {
    const df__heap *heap;
    df_env *env;
    char dir[PATH], base[256];
    int lock_fd;
    int slot;            /* to write next */
    int failing;         /* the last save */
    int error;           /* of it: errno */
    char why[160];       /* the same as text */
    uint64_t generation; /* of the newest */
    entry *entries, **entries_end;
    entry *next; /* positions mostly come in the order of the entries: the search begins here */
} file_store;

typedef struct slot {
    int rc, error; /* what reading it gave, errno */
    char *text;
    size_t len;
    uint64_t generation;
} slot;

/* ---- entries ------------------------------------------------------------------------------ */

static entry *find_from(entry *e, const entry *end, const char *stage, const char *partition)
{
    for (; e != end; e = e->next)
        if (strcmp(e->partition, partition) == 0 && strcmp(e->stage, stage) == 0)
            return e;
    return NULL;
}

static entry *find(file_store *s, const char *stage, const char *partition)
{
    entry *e = find_from(s->next, NULL, stage, partition);
    if (!e)
        e = find_from(s->entries, s->next, stage, partition);
    if (e)
        s->next = e->next;
    return e;
}

static void free_entry(const file_store *s, entry *e)
{
    df__free(s->heap, e->stage);
    df__free(s->heap, e->partition);
    df__free(s->heap, e->data);
    df__free(s->heap, e);
}

static void free_entries(file_store *s)
{
    while (s->entries) {
        entry *next = s->entries->next;
        free_entry(s, s->entries);
        s->entries = next;
    }
    s->entries_end = &s->entries;
    s->next = NULL;
}

static int put(file_store *s, const char *stage, const char *partition, df_bytes data)
{
    entry *e = find(s, stage, partition);
    char *copy = df__strndup(s->heap, data.data, data.len);
    if (!copy)
        return DF_ENOMEM;
    if (!e) {
        e = df__zalloc(s->heap, sizeof *e);
        if (!e) {
            df__free(s->heap, copy);
            return DF_ENOMEM;
        }
        e->stage = df__strdup(s->heap, stage);
        e->partition = df__strdup(s->heap, partition);
        if (!e->stage || !e->partition) {
            df__free(s->heap, copy);
            free_entry(s, e);
            return DF_ENOMEM;
        }
        *s->entries_end = e;
        s->entries_end = &e->next;
    }
    df__free(s->heap, e->data);
    e->data = copy;
    e->len = data.len;
    return DF_OK;
}

/* ---- the text of a slot: length-prefixed triples ------------------------------------------ */

static void add_field(df__buf *out, const char *data, size_t len)
{
    df__buf_printf(out, "%zu:", len);
    df__buf_add(out, data, len);
    df__buf_char(out, '\n');
}

static void render(const file_store *s, df__buf *out)
{
    const entry *e;
    for (e = s->entries; e; e = e->next) {
        add_field(out, e->stage, strlen(e->stage));
        add_field(out, e->partition, strlen(e->partition));
        add_field(out, e->data, e->len);
    }
}

/* Cuts one field off; the text is NUL-terminated in place. 0: damaged. */
static int take_field(char **at, char *end, df_bytes *ret)
{
    size_t n = 0;
    char *p = *at;
    while (p < end && *p >= '0' && *p <= '9' && n < MAX_STATE)
        n = n * 10 + (size_t)(*p++ - '0');
    if (p == *at || p >= end || *p != ':' || n + 1 > (size_t)(end - p) - 1 || p[1 + n] != '\n')
        return 0;
    ret->data = p + 1;
    ret->len = n;
    p[1 + n] = '\0';
    *at = p + n + 2;
    return 1;
}

static int parse(file_store *s, char *text, size_t len)
{
    char *at = text, *end = text + len;
    free_entries(s);
    while (at < end) {
        df_bytes stage, partition, data;
        if (!take_field(&at, end, &stage) || !take_field(&at, end, &partition) ||
            !take_field(&at, end, &data))
            return DF_ESTATE;
        if (put(s, stage.data, partition.data, data) != DF_OK)
            return DF_ENOMEM;
    }
    return DF_OK;
}

/* A warning in the log. */
static void say(const file_store *s, const char *format, ...) DF_PRINTF(2, 3);
static void say(const file_store *s, const char *format, ...)
{
    char line[PATH + 500];
    int n = snprintf(line, sizeof line, "state in %s: ", s->dir);
    va_list args;
    va_start(args, format);
    vsnprintf(line + n, sizeof line - (size_t)n, format, args);
    va_end(args);
    df__env_log(s->env, DF_LOG_WARN, line);
}

/* ---- slots -------------------------------------------------------------------------------- */

static void slot_path(const file_store *s, int which, const char *suffix, char *path)
{
    snprintf(path, PATH + 300, "%s/%s.%d%s", s->dir, s->base, which, suffix);
}

static uint64_t get64(const unsigned char *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static void put64(unsigned char *p, uint64_t v)
{
    for (int i = 0; i < 8; i++, v >>= 8)
        p[i] = (unsigned char)v;
}

/* head: magic, generation, length (32 bit), crc (32 bit) of all before it and the text */
static uint32_t checksum(const unsigned char *head, const char *text, size_t len)
{
    return df__crc32c(df__crc32c(0, head, HEAD - 4), text, len);
}

/* DF_ESTATE: the file is shorter; DF_EIO: it cannot be read, errno says why. */
static int read_all(int fd, void *to, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(fd, (char *)to + got, len - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? DF_ESTATE : DF_EIO;
        got += (size_t)n;
    }
    return DF_OK;
}

/* The format's digit is looked at last: only a whole slot can be one of another version. */
static int read_content(const file_store *s, int fd, slot *ret)
{
    unsigned char head[HEAD];
    uint64_t tail;
    int rc = read_all(fd, head, HEAD);
    if (rc != DF_OK)
        return rc;
    ret->generation = get64(head + 8);
    tail = get64(head + 16);
    ret->len = (uint32_t)tail;
    if (memcmp(head, magic, sizeof magic - 1) != 0 || ret->len > MAX_STATE)
        return DF_ESTATE;
    ret->text = df__alloc(s->heap, ret->len + 1);
    if (!ret->text)
        return DF_ENOMEM;
    rc = read_all(fd, ret->text, ret->len);
    if (rc != DF_OK)
        return rc;
    if (checksum(head, ret->text, ret->len) != (uint32_t)(tail >> 32))
        return DF_ESTATE;
    return head[7] == (unsigned char)magic[7] ? DF_OK : DF_ENOTSUP;
}

/* Not a pipe or a file that somebody planted in a shared folder. Else it is told, errno set. */
static int is_ours(const file_store *s, const char *path, int fd)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return 0;
    if (S_ISREG(info.st_mode) && info.st_uid == geteuid() && !(info.st_mode & 022))
        return 1;
    say(s, "%s is not a plain file of this user that nobody else can write", path);
    errno = S_ISDIR(info.st_mode) ? EISDIR : EPERM;
    return 0;
}

static void read_slot(const file_store *s, int which, slot *ret)
{
    char path[PATH + 300];
    int fd;
    slot_path(s, which, "", path);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        ret->error = errno;
        ret->rc = errno == ENOENT ? DF_ENOTFOUND : DF_EIO;
        return;
    }
    if (!is_ours(s, path, fd)) {
        ret->error = errno;
        ret->rc = DF_EIO;
        close(fd);
        return;
    }
    ret->rc = read_content(s, fd, ret);
    ret->error = errno;
    close(fd);
}

/* A slot that cannot be read now, or by this version, may be the newest: the other one would be a
 * step back. errno belongs to DF_EIO. */
static int choose(const slot *slots, int *ret_newest)
{
    int result = DF_ENOTFOUND;
    *ret_newest = -1;
    for (int i = 0; i < 2; i++) {
        if (slots[i].rc == DF_EIO || slots[i].rc == DF_ENOMEM || slots[i].rc == DF_ENOTSUP) {
            errno = slots[i].error;
            return slots[i].rc;
        }
        if (slots[i].rc == DF_ESTATE)
            result = DF_ESTATE;
        else if (slots[i].rc == DF_OK &&
                 (*ret_newest < 0 || slots[i].generation > slots[*ret_newest].generation))
            *ret_newest = i;
    }
    return *ret_newest >= 0 ? DF_OK : result;
}

static int load_newest(file_store *s)
{
    slot slots[2] = {{0}};
    int rc, newest;
    read_slot(s, 0, &slots[0]);
    read_slot(s, 1, &slots[1]);
    rc = choose(slots, &newest);
    if (rc == DF_OK) {
        s->generation = slots[newest].generation;
        s->slot = 1 - newest;
        rc = parse(s, slots[newest].text, slots[newest].len);
        if (slots[1 - newest].rc == DF_ESTATE)
            say(s, "slot %s.%d is damaged; going on from the other one, records may come twice",
                s->base, 1 - newest);
    }
    df__free(s->heap, slots[0].text);
    df__free(s->heap, slots[1].text);
    return rc == DF_ENOTFOUND ? DF_OK : rc;
}

static int write_all(int fd, const void *data, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = write(fd, (const char *)data + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        done += (size_t)n;
    }
    return 1;
}

static int sync_folder(const file_store *s)
{
    int fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ok, error;
    if (fd < 0)
        return 0;
    ok = fsync(fd) == 0;
    error = errno;
    close(fd);
    errno = error;
    return ok;
}

/* Said once until a save is well again: it is tried again and again. */
static int write_failed(file_store *s, int error)
{
    if (!s->failing)
        say(s,
            "positions of %s cannot be written: %s; until they can, no progress is "
            "acknowledged and records may come twice after a restart",
            s->base, strerror(error));
    s->failing = 1;
    s->error = error;
    return DF_EIO;
}

/* 0, or errno; the same below. */
static int write_temporary(const char *path, const unsigned char *head, const df__buf *text)
{
    int error = 0, fd;
    unlink(path); /* of a run that was killed; what is new is made here and nowhere else */
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    if (!write_all(fd, head, HEAD))
        error = errno;
    DF_CRASHPOINT("store.half");
    if (!error && (!write_all(fd, text->data, text->len) || fsync(fd) != 0))
        error = errno;
    DF_CRASHPOINT("store.synced");
    if (close(fd) != 0 && !error)
        error = errno;
    return error;
}

static int put_in_place(const file_store *s, const char *temporary, const char *path)
{
    if (rename(temporary, path) != 0)
        return errno;
    DF_CRASHPOINT("store.swapped");
    return sync_folder(s) ? 0 : errno;
}

static int write_slot(file_store *s, const df__buf *text)
{
    char path[PATH + 300], temporary[PATH + 300];
    unsigned char head[HEAD];
    int error;
    memcpy(head, magic, sizeof magic);
    put64(head + 8, s->generation + 1);
    put64(head + 16, text->len);
    put64(head + 16, (uint64_t)checksum(head, text->data, text->len) << 32 | text->len);
    slot_path(s, s->slot, "", path);
    slot_path(s, s->slot, ".new", temporary);
    DF_CRASHPOINT("store.begin");
    error = write_temporary(temporary, head, text);
    if (!error)
        error = put_in_place(s, temporary, path);
    if (error) {
        unlink(temporary);
        return write_failed(s, error);
    }
    DF_CRASHPOINT("store.renamed");
    s->generation++;
    s->slot = 1 - s->slot;
    s->failing = 0;
    return DF_OK;
}

/* ---- the interface ------------------------------------------------------------------------ */

static int store_load(void *user, const char *stage, const char *partition, df_answer *answer)
{
    const entry *e = find(user, stage, partition);
    return e ? df_answer_set(answer, e->data, e->len) : DF_ENOTFOUND;
}

static void drop(file_store *s, const char *stage, const char *partition)
{
    entry *gone = find(s, stage, partition), **at = &s->entries;
    if (!gone)
        return;
    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    if (!gone->next)
        s->entries_end = at;
    free_entry(s, gone);
}

static int store_save(void *user, const df_state *rows, size_t count)
{
    file_store *s = user;
    df__buf text;
    int rc = DF_OK;
    s->error = 0;
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const df_state *row = (const void *)((const char *)rows + i * rows[0].size);
        if (row->data.data)
            rc = put(s, row->stage, row->partition, row->data);
        else
            drop(s, row->stage, row->partition);
    }
    df__buf_init(&text, s->heap);
    df__buf_cstr(&text);
    render(s, &text);
    if (rc == DF_OK)
        rc = text.failed ? DF_ENOMEM : write_slot(s, &text);
    df__buf_free(&text);
    return rc;
}

static const char *store_errmsg(void *user)
{
    file_store *s = user;
    char text[128];
    if (!s->error)
        return NULL;
    df__text_printf(s->why, sizeof s->why, "%s", strerror_r(s->error, text, sizeof text));
    return s->why;
}

static int store_list(void *user, int (*each)(void *ctx, const df_state *row), void *ctx)
{
    const file_store *s = user;
    const entry *e;
    int rc = DF_OK;
    for (e = s->entries; e && rc == DF_OK; e = e->next) {
        df_state row = {.size = sizeof row, .stage = e->stage, .partition = e->partition};
        row.data = (df_bytes){e->data, e->len};
        rc = each(ctx, &row);
    }
    return rc;
}

static void store_free(void *user)
{
    file_store *s = user;
    free_entries(s);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    df__free(s->heap, s);
}

/* The name becomes part of a file name: what is not plain is written as its code. */
static void plain_name(char *to, size_t cap, const char *name)
{
    size_t n = 0;
    for (; *name && n + 4 < cap; name++) {
        unsigned char c = (unsigned char)*name;
        int plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
        n += (size_t)snprintf(to + n, cap - n, plain ? "%c" : "%%%02x", c);
    }
}

/* The lock holds "process 17 on HOST" for whoever finds it taken. */
static void sign_lock(const file_store *s)
{
    char host[65] = "", text[128];
    size_t len;
    gethostname(host, sizeof host - 1);
    len = df__text_printf(text, sizeof text, "process %ld on %s", (long)getpid(), host);
    if (ftruncate(s->lock_fd, 0) == 0)
        (void)!pwrite(s->lock_fd, text, len, 0); /* of no use but for a message */
}

static const char *owner_of(const file_store *s, char *text, size_t len)
{
    ssize_t got = pread(s->lock_fd, text, len - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    for (char *c = text; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return *text ? text : "another process";
}

/* Two processes with one state would overwrite each other's positions. */
static int take_lock(file_store *s)
{
    char path[PATH + 300];
    snprintf(path, sizeof path, "%s/%s.lock", s->dir, s->base);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (s->lock_fd < 0 || !is_ours(s, path, s->lock_fd))
        return DF_EIO;
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return DF_EFENCED;
    sign_lock(s);
    return DF_OK;
}

static int make_folder(char *dir)
{
    char *at = dir;
    while (*at) {
        at++;
        if (*at && *at != '/')
            continue;
        char kept = *at;
        *at = '\0';
        if (mkdir(dir, 0700) != 0 && errno != EEXIST)
            return DF_EIO;
        *at = kept;
    }
    return DF_OK;
}

/* A volume of a pod is often open to its group, so this is no refusal. */
static void look_at_folder(const file_store *s)
{
    struct stat info;
    if (stat(s->dir, &info) == 0 && (info.st_mode & 022))
        say(s,
            "%s may write to this folder and so remove or hold back positions; chmod %s keeps "
            "it for its owner",
            info.st_mode & 02 ? "every user" : "its group", info.st_mode & 02 ? "go-w" : "g-w");
}

static int open_store(file_store *s)
{
    df_env *env = s->env;
    char owner[128];
    int rc = make_folder(s->dir);
    if (rc != DF_OK)
        return df__env_fail(env, rc, "state folder %s: %s", s->dir, strerror(errno));
    look_at_folder(s);
    rc = take_lock(s);
    if (rc == DF_EFENCED)
        return df__env_fail(env, rc,
                            "state of %s in %s is in use by %s: stop it, or give this one another "
                            "name or folder",
                            s->base, s->dir, owner_of(s, owner, sizeof owner));
    if (rc != DF_OK)
        return df__env_fail(env, rc, "state of %s in %s cannot be locked: %s", s->base, s->dir,
                            strerror(errno));
    rc = load_newest(s);
    if (rc == DF_ESTATE)
        return df__env_fail(env, rc,
                            "both slots of the state of %s in %s are damaged; remove them "
                            "to start from the beginning",
                            s->base, s->dir);
    if (rc == DF_ENOTSUP)
        return df__env_fail(env, rc,
                            "the state of %s in %s was written by another version of this "
                            "library; use that one, or remove it to start from the beginning",
                            s->base, s->dir);
    if (rc == DF_EIO)
        return df__env_fail(env, rc,
                            "the state of %s in %s cannot be read: %s; it is untouched, "
                            "start again when it can",
                            s->base, s->dir, strerror(errno));
    return rc == DF_OK ? DF_OK : df__env_fail(env, rc, "no memory for the state of %s", s->base);
}

int df_store_file(df_env *env, const char *dir, const char *pipeline, df_store *ret_store)
{
    file_store *s = df__zalloc(&env->heap, sizeof *s);
    df_store store = {.size = ret_store->size,
                      .load = store_load,
                      .save = store_save,
                      .user_free = store_free,
                      .list = store_list,
                      .errmsg = store_errmsg};
    int rc;
    if (!s)
        return df__env_fail(env, DF_ENOMEM, "no memory");
    s->heap = &env->heap;
    s->env = env;
    s->lock_fd = -1;
    s->entries_end = &s->entries;
    plain_name(s->base, sizeof s->base, pipeline);
    if (strlen(dir) >= PATH || !s->base[0]) {
        store_free(s);
        return df__env_fail(env, DF_EINVAL, "state folder or pipeline name is too long or empty");
    }
    memcpy(s->dir, dir, strlen(dir) + 1);
    rc = open_store(s);
    if (rc != DF_OK) {
        store_free(s);
        return rc;
    }
    store.user = s;
    memcpy(ret_store, &store, ret_store->size < sizeof store ? ret_store->size : sizeof store);
    return DF_OK;
}
