/* SPDX-License-Identifier: Apache-2.0
 * test_faults.c: each system call of the file store fails once with each error. A save then
 * says so and loses nothing; a start finds the newest state or refuses with the reason, and never
 * takes a disk error for damage. A state of another version is refused as such. */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/graph/secret.h"
#include "util/codec.h"

/* ---- calls that fail; these stand before the C library's ---------------------------------- */

static int armed, fault_at, fault_error, calls;
static const char *faulted; /* name of the call that failed */

static int fails(const char *name)
{
    if (!armed || ++calls != fault_at)
        return 0;
    faulted = name;
    errno = fault_error;
    return 1;
}

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list args;
    va_start(args, flags);
    if (flags & O_CREAT)
        mode = va_arg(args, mode_t);
    va_end(args);
    return fails("open") ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t read(int fd, void *data, size_t len)
{
    return fails("read") ? -1 : syscall(SYS_read, fd, data, len);
}

ssize_t write(int fd, const void *data, size_t len)
{
    return fails("write") ? -1 : syscall(SYS_write, fd, data, len);
}

int fsync(int fd)
{
    return fails("fsync") ? -1 : (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
    return fails("rename") ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static void arm(int at, int error)
{
    armed = 1;
    calls = 0;
    fault_at = at;
    fault_error = error;
    faulted = NULL;
}

static const int errors[] = {EIO, ENOSPC, EMFILE, ENFILE, EINTR, EACCES, EROFS, EDQUOT};
enum { ERRORS = sizeof errors / sizeof errors[0] };

/* ---- fixture -------------------------------------------------------------------------------- */

typedef support_fixture fixture;

static int teardown(void **state)
{
    armed = 0;
    return support_teardown(state);
}

static int open_store(fixture *f, df_store *store)
{
    *store = (df_store){.size = sizeof *store};
    return df_store_file(f->env, f->dir, "p", store);
}

static int save(df_store *store, const char *text)
{
    df_state row = {sizeof row, "source", "x", {text, strlen(text)}};
    return store->save(store->user, &row, 1);
}

static void assert_holds(df_store *store, const char *want)
{
    struct df_answer answer = {.heap = &df__heap_libc};
    assert_ok(store->load(store->user, "source", "x", &answer));
    assert_int_equal(answer.len, strlen(want));
    assert_memory_equal(answer.data, want, answer.len);
    df__answer_free(&answer);
}

static void assert_stored(fixture *f, const char *want)
{
    df_store store;
    assert_ok(open_store(f, &store));
    assert_holds(&store, want);
    store.user_free(store.user);
}

static void save_once(fixture *f, const char *text)
{
    df_store store;
    assert_ok(open_store(f, &store));
    assert_ok(save(&store, text));
    store.user_free(store.user);
}

/* ---- a save ------------------------------------------------------------------------------- */

/* What a process that dies after the failed save would find: the old state or the new one. */
static void assert_old_or_new(fixture *f)
{
    pid_t child = fork();
    int status = -1;
    assert_true(child >= 0);
    if (child == 0) {
        struct df_answer answer = {.heap = &df__heap_libc};
        df_store store;
        char lock[512];
        (void)unlink(support_path(lock, f->dir, "p.lock")); /* of the parent */
        _exit(open_store(f, &store) == DF_OK &&
                      store.load(store.user, "source", "x", &answer) == DF_OK && answer.len == 3 &&
                      (memcmp(answer.data, "old", 3) == 0 || memcmp(answer.data, "new", 3) == 0)
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* 0: the save has fewer calls than `at`. */
static int save_with_fault(fixture *f, int at, int error)
{
    df_store store;
    int rc;
    save_once(f, "old");
    assert_ok(open_store(f, &store));
    arm(at, error);
    rc = save(&store, "new");
    armed = 0;
    assert_true(rc == DF_EIO || (rc == DF_OK && (!faulted || error == EINTR)));
    assert_old_or_new(f);
    if (rc != DF_OK)
        assert_ok(save(&store, "new")); /* the next try goes well */
    store.user_free(store.user);
    assert_stored(f, "new");
    return faulted != NULL;
}

static void test_each_call_of_a_save(void **state)
{
    fixture *f = *state;
    int at = 0;
    for (size_t e = 0; e < ERRORS; e++) {
        for (at = 1; save_with_fault(f, at, errors[e]); at++)
            assert_true(at < 50);
        assert_true(at > 7); /* open, write, write, fsync, rename, open, fsync */
    }
}

static void test_a_save_that_goes_on_failing(void **state)
{
    fixture *f = *state;
    df_store store;
    int lines;
    save_once(f, "old");
    assert_ok(open_store(f, &store));
    lines = atomic_load(&f->host.log_lines);
    for (int i = 0; i < 20; i++) {
        arm(1 + i % 7, ENOSPC);
        assert_status(save(&store, "new"), DF_EIO);
    }
    armed = 0;
    assert_int_equal(atomic_load(&f->host.log_lines), lines + 1); /* said once */
    assert_old_or_new(f);
    assert_ok(save(&store, "new"));
    store.user_free(store.user);
    assert_stored(f, "new");
}

/* ---- a start ------------------------------------------------------------------------------ */

/* 0: the start has fewer calls than `at`. */
static int start_with_fault(fixture *f, int at, int error)
{
    df_store store;
    int rc;
    arm(at, error);
    rc = open_store(f, &store);
    armed = 0;
    if (rc == DF_OK) {
        assert_true(!faulted || error == EINTR);
        assert_holds(&store, "new");
        store.user_free(store.user);
    } else {
        assert_status(rc, DF_EIO);
        assert_non_null(strstr(df_env_errmsg(f->env), strerror(error)));
        assert_null(strstr(df_env_errmsg(f->env), "damaged"));
        assert_null(store.user);
    }
    assert_stored(f, "new");
    return faulted != NULL;
}

static void test_each_call_of_a_start(void **state)
{
    fixture *f = *state;
    int at = 0;
    save_once(f, "old");
    save_once(f, "new");
    for (size_t e = 0; e < ERRORS; e++) {
        for (at = 1; start_with_fault(f, at, errors[e]); at++)
            assert_true(at < 50);
        assert_true(at > 7); /* the lock, and of each slot open, read, read */
    }
}

/* A damaged slot and a disk error at the other one: the error is told, not "both damaged". */
static void test_damaged_and_unreadable(void **state)
{
    fixture *f = *state;
    df_store store;
    save_once(f, "old");
    save_once(f, "new");
    assert_int_equal(truncate(f->slot[0], 30), 0);
    for (int at = 2; at < 20; at++) {
        arm(at, EIO);
        int rc = open_store(f, &store);
        armed = 0;
        if (rc == DF_OK) {
            assert_null(faulted);
            store.user_free(store.user);
            return;
        }
        assert_status(rc, DF_EIO);
        assert_non_null(strstr(df_env_errmsg(f->env), "cannot be read"));
    }
    fail();
}

/* ---- another version ---------------------------------------------------------------------- */

/* A slot with a future format's digit, whole: its checksum is right. */
static void make_version(const char *path, char digit)
{
    unsigned char data[512];
    int fd = open(path, O_RDWR);
    ssize_t len = read(fd, data, sizeof data);
    uint32_t sum;
    assert_true(len > 24);
    data[7] = (unsigned char)digit;
    sum = df__crc32c(df__crc32c(0, data, 20), data + 24, (size_t)len - 24);
    for (int i = 0; i < 4; i++)
        data[20 + i] = (unsigned char)(sum >> (8 * i));
    assert_int_equal(pwrite(fd, data, (size_t)len, 0), len);
    close(fd);
}

static void test_another_version(void **state)
{
    fixture *f = *state;
    df_store store;
    save_once(f, "old");
    save_once(f, "new");
    make_version(f->slot[1], '1'); /* the checksum is made as the store makes it */
    assert_stored(f, "new");
    for (int which = 1; which >= 0; which--) { /* one slot, then both */
        make_version(f->slot[which], '2');
        assert_status(open_store(f, &store), DF_ENOTSUP);
        assert_non_null(strstr(df_env_errmsg(f->env), "another version"));
        assert_null(store.user);
    }
    make_version(f->slot[0], '1');
    make_version(f->slot[1], '1');
    assert_stored(f, "new"); /* refusing changed nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_call_of_a_save, support_setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_save_that_goes_on_failing, support_setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_call_of_a_start, support_setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_and_unreadable, support_setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_version, support_setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
