/* SPDX-License-Identifier: Apache-2.0
 * test_file.c: positions in a folder: what is stored comes back, a torn or damaged slot
 * leaves the state before it, nothing is ever lost silently. */
#include "support/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/graph/secret.h"

typedef support_fixture fixture;

static df_store open_store(fixture *f)
{
    df_store store = {.size = sizeof store};
    assert_ok(df_store_file(f->env, f->dir, "p", &store));
    return store;
}

static void close_store(df_store *store)
{
    store->user_free(store->user);
}

static int save(df_store *store, const char *partition, const char *text)
{
    df_state row = {sizeof row, "source", partition, {text, text ? strlen(text) : 0}};
    return store->save(store->user, &row, 1);
}

static int load(df_store *store, const char *partition, char *text, size_t size)
{
    struct df_answer answer = {.heap = &df__heap_libc};
    int rc = store->load(store->user, "source", partition, &answer);
    snprintf(text, size, "%.*s", (int)answer.len, rc == DF_OK ? (const char *)answer.data : "");
    df__answer_free(&answer);
    return rc;
}

static void assert_stored(fixture *f, const char *partition, const char *want)
{
    df_store store = open_store(f);
    char text[256];
    if (want) {
        assert_ok(load(&store, partition, text, sizeof text));
        assert_string_equal(text, want);
    } else {
        assert_status(load(&store, partition, text, sizeof text), DF_ENOTFOUND);
    }
    close_store(&store);
}

/* Saves in a store of its own, so each save is the newest generation. */
static void save_once(fixture *f, const char *partition, const char *text)
{
    df_store store = open_store(f);
    assert_ok(save(&store, partition, text));
    close_store(&store);
}

static size_t file_size(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

/* ---- what is stored comes back ------------------------------------------------------------ */

static void test_rows(void **state)
{
    fixture *f = *state;
    df_state rows[] = {{sizeof *rows, "a", "p/0", {"1", 1}},
                       {sizeof *rows, "a", "p/1", {"", 0}},
                       {sizeof *rows, "b", "p/0", {"x\n7:y\n", 6}}};
    df_store store = open_store(f);
    struct df_answer answer = {.heap = &df__heap_libc};
    assert_status(store.load(store.user, "a", "p/0", &answer), DF_ENOTFOUND);
    assert_ok(store.save(store.user, rows, 3));
    rows[0].data = (df_bytes){"22", 2};
    rows[1].data = (df_bytes){NULL, 0}; /* remove */
    assert_ok(store.save(store.user, rows, 2));
    assert_ok(store.save(store.user, rows + 1, 1)); /* removing what is not there */
    close_store(&store);
    store = open_store(f);
    assert_ok(store.load(store.user, "a", "p/0", &answer));
    assert_memory_equal(answer.data, "22", 2);
    assert_status(store.load(store.user, "a", "p/1", &answer), DF_ENOTFOUND);
    assert_ok(store.load(store.user, "b", "p/0", &answer));
    assert_int_equal(answer.len, 6);
    assert_memory_equal(answer.data, "x\n7:y\n", 6);
    df__answer_free(&answer);
    close_store(&store);
}

static void test_nothing_to_store(void **state)
{
    fixture *f = *state;
    df_state row = {sizeof row, "a", "p", {NULL, 0}};
    df_store store = open_store(f);
    assert_ok(store.save(store.user, &row, 1)); /* an empty state is a state */
    close_store(&store);
    assert_stored(f, "x", NULL);
}

static void test_slots_alternate(void **state)
{
    fixture *f = *state;
    save_once(f, "x", "1");
    assert_true(file_size(f->slot[0]) > 0);
    assert_int_equal(file_size(f->slot[1]), 0);
    save_once(f, "x", "2");
    assert_true(file_size(f->slot[1]) > 0);
    save_once(f, "x", "3");
    assert_int_equal(unlink(f->slot[0]), 0); /* the newest: the one before it is found */
    assert_stored(f, "x", "2");
    assert_int_equal(unlink(f->slot[1]), 0);
    assert_stored(f, "x", NULL);
}

/* ---- damage ------------------------------------------------------------------------------- */

/* The newest slot is cut at every byte; the state before it must come back each time. */
static void test_torn_at_every_byte(void **state)
{
    fixture *f = *state;
    char *whole;
    size_t len;
    save_once(f, "x", "old");
    save_once(f, "x", "newest");
    len = file_size(f->slot[1]);
    whole = malloc(len);
    int fd = open(f->slot[1], O_RDONLY);
    assert_int_equal(read(fd, whole, len), len);
    close(fd);
    for (size_t cut = 0; cut < len; cut++) {
        fd = open(f->slot[1], O_WRONLY | O_TRUNC);
        assert_int_equal(write(fd, whole, cut), cut);
        close(fd);
        assert_stored(f, "x", "old");
    }
    fd = open(f->slot[1], O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, whole, len), len);
    close(fd);
    assert_stored(f, "x", "newest");
    free(whole);
}

/* Every single byte of the newest slot is turned. */
static void test_damaged_at_every_byte(void **state)
{
    fixture *f = *state;
    unsigned char byte;
    save_once(f, "x", "old");
    save_once(f, "x", "newest");
    for (size_t at = 0; at < file_size(f->slot[1]); at++) {
        int fd = open(f->slot[1], O_RDWR);
        assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        assert_stored(f, "x", "old");
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        close(fd);
    }
    assert_stored(f, "x", "newest");
}

static void refuses(fixture *f, int status, const char *why)
{
    df_store store = {.size = sizeof store};
    assert_status(df_store_file(f->env, f->dir, "p", &store), status);
    assert_non_null(strstr(df_env_errmsg(f->env), why));
    assert_null(store.user); /* ret_ is untouched */
}

static void test_both_damaged(void **state)
{
    fixture *f = *state;
    save_once(f, "x", "old");
    save_once(f, "x", "new");
    assert_int_equal(truncate(f->slot[0], 30), 0);
    assert_int_equal(truncate(f->slot[1], 30), 0);
    refuses(f, DF_ESTATE, "damaged");
    assert_int_equal(unlink(f->slot[0]), 0); /* one is gone, the other damaged: refused too */
    refuses(f, DF_ESTATE, "damaged");
}

static void test_a_left_over_temporary_is_ignored(void **state)
{
    fixture *f = *state;
    char path[512];
    save_once(f, "x", "1");
    support_write_file(support_path(path, f->dir, "p.1.new"), "half a sl");
    assert_stored(f, "x", "1");
    save_once(f, "x", "2");
    assert_stored(f, "x", "2");
}

static void test_unreadable(void **state)
{
    fixture *f = *state;
    save_once(f, "x", "1");
    assert_int_equal(unlink(f->slot[0]), 0);
    assert_int_equal(mkdir(f->slot[0], 0700), 0); /* no file: reading it fails */
    refuses(f, DF_EIO, "cannot be read: Is a directory");
    assert_int_equal(rmdir(f->slot[0]), 0);
    save_once(f, "x", "1");
    save_once(f, "x", "2");
    assert_int_equal(unlink(f->slot[1]), 0);
    assert_int_equal(symlink(f->slot[1], f->slot[1]), 0); /* cannot be opened: it may be newer */
    refuses(f, DF_EIO, "cannot be read");
    assert_int_equal(unlink(f->slot[1]), 0);
    assert_stored(f, "x", "1");
}

/* ---- the world around it ------------------------------------------------------------------ */

static void test_lock(void **state)
{
    fixture *f = *state;
    df_store first = open_store(f), other = {.size = sizeof other};
    char want[80];
    snprintf(want, sizeof want, "is in use by process %ld on ", (long)getpid());
    refuses(f, DF_EFENCED, want);
    refuses(f, DF_EFENCED, ": stop it, or give this one another name or folder");
    assert_ok(df_store_file(f->env, f->dir, "q", &other)); /* another pipeline may */
    close_store(&other);
    close_store(&first);
    first = open_store(f);
    close_store(&first);
}

/* In a child: files may not grow, as on a full disk. 0: the save failed and changed nothing. */
static int child_on_a_full_disk(fixture *f)
{
    struct rlimit limit = {40, 40};
    df_store store = {.size = sizeof store};
    if (df_store_file(f->env, f->dir, "p", &store) != DF_OK)
        return 1;
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 2;
    if (save(&store, "x", "a text that is longer than the limit of forty bytes") != DF_EIO)
        return 3;
    if (access(f->slot[1], F_OK) == 0)
        return 4;
    close_store(&store);
    return 0;
}

static void expect_refused(fixture *f)
{
    df_store store = {.size = sizeof store};
    assert_status(df_store_file(f->env, f->dir, "p", &store), DF_EIO);
}

/* In a folder that others can write, too, nothing of theirs is followed, read or waited for. */
static void test_planted_files(void **state)
{
    fixture *f = *state;
    char victim[512], path[512], *text;
    df_store store;
    support_path(victim, f->dir, "victim");
    support_write_file(victim, "precious");
    assert_int_equal(symlink("victim", support_path(path, f->dir, "p.0.new")), 0);
    store = open_store(f);
    assert_ok(save(&store, "a", "1"));
    close_store(&store);
    text = support_read_file(victim);
    assert_string_equal(text, "precious");
    free(text);
    assert_stored(f, "a", "1");
    assert_int_equal(symlink("victim", f->slot[1]), 0);
    expect_refused(f);
    assert_int_equal(unlink(f->slot[1]), 0);
    assert_int_equal(mkfifo(f->slot[1], 0600), 0); /* at once: nobody writes into it */
    expect_refused(f);
    assert_int_equal(unlink(f->slot[1]), 0);
    assert_int_equal(chmod(f->slot[0], 0622), 0);
    expect_refused(f);
    assert_int_equal(chmod(f->slot[0], 0600), 0);
    support_path(path, f->dir, "p.lock");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("victim", path), 0);
    expect_refused(f);
    assert_int_equal(unlink(path), 0);
    assert_stored(f, "a", "1");
}

static void test_full_disk(void **state)
{
    fixture *f = *state;
    int status = -1, entries = 0;
    DIR *dir;
    pid_t child;
    save_once(f, "x", "1");
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(child_on_a_full_disk(f));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_stored(f, "x", "1");
    dir = opendir(f->dir);
    while (readdir(dir))
        entries++;
    closedir(dir);
    assert_int_equal(entries, 4); /* ., .., the slot, the lock: no half file stays */
    save_once(f, "x", "2");
    assert_stored(f, "x", "2");
}

/* A failed save must not be taken for done by the next one. */
static void test_save_after_a_failed_one(void **state)
{
    fixture *f = *state;
    df_store store = open_store(f);
    char path[512];
    assert_ok(save(&store, "x", "1"));
    support_path(path, f->dir, "p.1.new");
    assert_int_equal(mkdir(path, 0700), 0); /* the temporary cannot be opened */
    assert_status(save(&store, "x", "2"), DF_EIO);
    assert_status(save(&store, "x", "3"), DF_EIO);
    assert_int_equal(rmdir(path), 0);
    assert_ok(save(&store, "y", "4"));
    close_store(&store);
    assert_stored(f, "x", "3");
    assert_stored(f, "y", "4");
}

static void test_folders(void **state)
{
    fixture *f = *state;
    df_store store = {.size = sizeof store};
    char path[512], deep[600], *longest = malloc(3000);
    support_write_file(support_path(path, f->dir, "file"), "no folder");
    assert_status(df_store_file(f->env, path, "p", &store), DF_EIO);
    assert_non_null(strstr(df_env_errmsg(f->env), path));
    snprintf(deep, sizeof deep, "%s/below", path);
    assert_status(df_store_file(f->env, deep, "p", &store), DF_EIO);
    memset(longest, 'a', 2999);
    longest[2999] = '\0';
    assert_status(df_store_file(f->env, longest, "p", &store), DF_EINVAL);
    assert_status(df_store_file(f->env, f->dir, "", &store), DF_EINVAL);
    free(longest);
    snprintf(deep, sizeof deep, "%s/one/two/", f->dir); /* made when missing */
    assert_ok(df_store_file(f->env, deep, "p", &store));
    assert_ok(save(&store, "x", "1"));
    close_store(&store);
    snprintf(path, sizeof path, "%.400s/one/two/p.0", f->dir);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%.400s/one/two/p.lock", f->dir);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%.400s/one/two", f->dir);
    assert_int_equal(rmdir(path), 0);
    snprintf(path, sizeof path, "%.400s/one", f->dir);
    assert_int_equal(rmdir(path), 0);
}

/* Root may write anywhere, so this is looked at by another user's eyes only. */
static int lines_at_open(fixture *f, mode_t mode)
{
    int before = atomic_load(&f->host.log_lines);
    df_store store;
    assert_int_equal(chmod(f->dir, mode), 0);
    store = open_store(f);
    assert_ok(save(&store, "a", "1"));
    assert_ok(save(&store, "a", "2"));
    close_store(&store);
    return atomic_load(&f->host.log_lines) - before;
}

/* It is taken, with one warning: volumes of pods often are. */
static void test_a_folder_that_others_may_write(void **state)
{
    fixture *f = *state;
    char made[512], lock[600];
    struct stat info;
    df_store store = {.size = sizeof store};
    mode_t mask = umask(0);
    assert_int_equal(lines_at_open(f, 0700), 0);
    assert_int_equal(lines_at_open(f, 0755), 0);
    assert_int_equal(lines_at_open(f, 0770), 1);
    assert_int_equal(lines_at_open(f, 0777), 1);
    assert_ok(df_store_file(f->env, support_path(made, f->dir, "made"), "p", &store));
    close_store(&store);
    umask(mask);
    assert_int_equal(stat(made, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    snprintf(lock, sizeof lock, "%s/p.lock", made);
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(rmdir(made), 0);
}

static void test_read_only_folder(void **state)
{
    fixture *f = *state;
    df_store store = {.size = sizeof store};
    int status = -1;
    pid_t child;
    assert_int_equal(chmod(f->dir, 0555), 0);
    child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(77);
        _exit(df_store_file(f->env, f->dir, "p", &store) == DF_EIO ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(f->dir, 0755), 0);
    assert_int_equal(status, 0);
}

static void test_names_are_made_plain(void **state)
{
    static const char *const names[] = {"../../etc/passwd", "a/b", "A b", "a%2fb", "\xc3\xa4"};
    fixture *f = *state;
    df_store stores[5];
    for (size_t i = 0; i < 5; i++) {
        stores[i] = (df_store){.size = sizeof *stores};
        assert_ok(df_store_file(f->env, f->dir, names[i], &stores[i]));
        assert_ok(save(&stores[i], "x", names[i]));
    }
    for (size_t i = 0; i < 5; i++) {
        char text[64];
        close_store(&stores[i]);
        assert_ok(df_store_file(f->env, f->dir, names[i], &stores[i]));
        assert_ok(load(&stores[i], "x", text, sizeof text));
        assert_string_equal(text, names[i]);
        close_store(&stores[i]);
    }
}

static void test_no_memory(void **state)
{
    fixture *f = *state;
    df_state rows[] = {{sizeof *rows, "a", "1", {"1", 1}}, {sizeof *rows, "a", "2", {"2", 1}}};
    int rc = DF_ENOMEM, i;
    save_once(f, "x", "kept");
    for (i = 1; rc == DF_ENOMEM && i < 100; i++) {
        df_store store = {.size = sizeof store};
        atomic_store(&f->host.fail_at, atomic_load(&f->host.calls) + i);
        atomic_store(&f->host.fail_count, 1);
        rc = df_store_file(f->env, f->dir, "p", &store);
        if (rc == DF_OK) {
            rc = store.save(store.user, rows, 2);
            close_store(&store);
        }
    }
    atomic_store(&f->host.fail_at, 0);
    assert_ok(rc);
    assert_true(i > 6);
    assert_stored(f, "x", "kept");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_nothing_to_store, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_slots_alternate, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_torn_at_every_byte, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_damaged_at_every_byte, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_both_damaged, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_a_left_over_temporary_is_ignored, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_unreadable, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_lock, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_planted_files, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_full_disk, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_save_after_a_failed_one, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_folders, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_a_folder_that_others_may_write, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_read_only_folder, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_names_are_made_plain, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, support_setup, support_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
