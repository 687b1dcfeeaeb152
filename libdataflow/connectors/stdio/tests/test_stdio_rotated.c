/* SPDX-License-Identifier: Apache-2.0
 * test_stdio_rotated.c: which of the files beside a path are queued, and in which order. */
#include "support/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/stdio/lines.h"

typedef struct fixture {
    char *dir, path[512];
    df__stdio_source s;
} fixture;

/* A file with its own name as content, last written at `sec`. */
static int file_of(const fixture *f, const char *ending, int sec)
{
    char path[600];
    struct timespec times[2] = {{.tv_sec = sec}, {.tv_sec = sec}};
    int fd;
    snprintf(path, sizeof path, "%s%s", f->path, ending);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, path, strlen(path)), (ssize_t)strlen(path));
    assert_int_equal(futimens(fd, times), 0);
    return fd;
}

static void begin(fixture *f)
{
    memset(f, 0, sizeof *f);
    f->dir = support_mkdir();
    support_path(f->path, f->dir, "in");
    f->s.path = (df_bytes){f->path, strlen(f->path)};
    f->s.fd = -1;
}

static void end(fixture *f)
{
    df__stdio_forget_next(&f->s);
    support_rmdir(f->dir);
}

/* The file at the path was rotated after it was opened: the one after it has a rotated name as
 * well, and must not be read before it. */
static void test_rotated_meanwhile(void **state)
{
    fixture f;
    int first, second, third, last;
    (void)state;
    begin(&f);
    first = file_of(&f, ".3", 100);
    second = file_of(&f, ".2", 200);
    third = file_of(&f, ".1", 300);
    last = file_of(&f, "", 400);
    assert_int_equal(df__stdio_queue_rotated(&f.s, NULL, first, second), DF_AGAIN);
    assert_int_equal(f.s.next_count, 0);
    /* The last one is removed: the third is the newest there is. */
    assert_int_equal(unlink(f.path), 0);
    assert_int_equal(df__stdio_queue_rotated(&f.s, NULL, third, last), DF_OK);
    assert_int_equal(f.s.next_count, 0);
    close(first);
    close(second);
    close(third);
    close(last);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rotated_meanwhile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
