/* SPDX-License-Identifier: Apache-2.0
 * test_stdio_follow.c: a model of a file that is written while it is followed. By seed, lines are
 * appended whole and in pieces, the file is renamed and made anew, copied and cut off, replaced,
 * and the reader is killed; what must come out is every line, whole, in order, and more than once
 * only after a kill. DF_SEED: another schedule; DF_FOLLOW_STEPS: a longer one. */
#include "support/support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct model {
    char *dir;
    char in[512], out[512];
    pid_t reader;
    uint64_t seed;
    int written; /* lines whose end is there */
    int torn;    /* the line after them is there in part */
    int renames, kills;
} model;

static unsigned pick(model *m, unsigned below)
{
    m->seed ^= m->seed << 13;
    m->seed ^= m->seed >> 7;
    m->seed ^= m->seed << 17;
    return (unsigned)(m->seed % below);
}

/* ---- the reader: a process of its own, so that it can be killed ------------------------------ */

static void show(void *user, int level, const char *line)
{
    (void)user;
    fprintf(stderr, "log %d %s\n", level, line);
}

static void read_for_ever(const model *m)
{
    df_env_options options = {.size = sizeof options, .log = show, .log_level = DF_LOG_DEBUG};
    char text[2048];
    df_text manifest = {.size = sizeof manifest, .text = text};
    df_store store = {.size = sizeof store};
    df_pipeline_options o = {.size = sizeof o, .name = "test", .store = &store};
    df_env *env = df_env_new(getenv("DF_TEST_LOG") ? &options : NULL);
    df_pipeline *p;
    manifest.len = (size_t)snprintf(text, sizeof text,
                                    "source: {type: stdio, config: {path: %s, follow: true}}\n"
                                    "sink: {type: stdio, config: {path: %s}}\n",
                                    m->in, m->out);
    if (df_store_file(env, m->dir, "test", &store) != DF_OK)
        _exit(3);
    p = df_pipeline_new(env, &o);
    if (!p || df_pipeline_load(p, &manifest) != DF_OK)
        _exit(4);
    df_pipeline_run(p, NULL);
    _exit(5);
}

static void start(model *m)
{
    m->reader = fork();
    assert_true(m->reader >= 0);
    if (!m->reader)
        read_for_ever(m);
}

static void stop(model *m)
{
    int status;
    kill(m->reader, SIGKILL);
    assert_int_equal(waitpid(m->reader, &status, 0), m->reader);
    assert_true(WIFSIGNALED(status)); /* it had not ended by itself */
}

/* ---- the writer ------------------------------------------------------------------------------ */

static void add(const char *path, const char *text, size_t len, int flags)
{
    int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
}

static int line_of(int n, char *buf, size_t len)
{
    return snprintf(buf, len, "{\"n\":%d,\"x\":\"%.*s\"}\n", n, n % 40,
                    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst");
}

static void complete(model *m)
{
    char line[128];
    int len = line_of(m->written + 1, line, sizeof line);
    if (!m->torn)
        return;
    add(m->in, line + m->torn, (size_t)(len - m->torn), O_APPEND);
    m->torn = 0;
    m->written++;
}

static void append(model *m, const char *path, int count, int flags)
{
    char text[8192];
    size_t len = 0;
    for (int i = 0; i < count; i++)
        len += (size_t)line_of(++m->written, text + len, sizeof text - len);
    add(path, text, len, flags);
}

static void tear(model *m)
{
    char line[128];
    int len = line_of(m->written + 1, line, sizeof line);
    if (m->torn)
        return;
    m->torn = 1 + (int)pick(m, (unsigned)len - 2);
    add(m->in, line, (size_t)m->torn, O_APPEND);
}

/* ---- what came out --------------------------------------------------------------------------- */

/* Lines 1 to the answer came, each before the next one; -1: something else came. The last line may
 * be on its way. */
static int came(const model *m, int *ret_again)
{
    char *text = support_read_file(m->out), *at = text, *end, want[128];
    int newest = 0, n;
    *ret_again = 0;
    for (; (end = strchr(at, '\n')) != NULL && newest >= 0; at = end + 1) {
        *end = '\0';
        if (sscanf(at, "{\"n\":%d", &n) != 1 || n > newest + 1 || n < 1) {
            fprintf(stderr, "after line %d: %s\n", newest, at);
            newest = -1;
            break;
        }
        line_of(n, want, sizeof want);
        want[strlen(want) - 1] = '\0';
        if (strcmp(at, want) != 0) {
            fprintf(stderr, "not a whole line: %s\n", at);
            newest = -1;
            break;
        }
        *ret_again += n <= newest;
        newest = n > newest ? n : newest;
    }
    free(text);
    return newest;
}

static int has_all(void *user)
{
    const model *m = user;
    int again, newest = access(m->out, R_OK) == 0 ? came(m, &again) : 0;
    return newest < 0 || newest >= m->written;
}

static void catch_up(model *m)
{
    int again;
    if (!support_wait(has_all, m, 20000))
        fprintf(stderr, "came to line %d of %d\n", came(m, &again), m->written);
    assert_int_equal(came(m, &again), m->written);
    if (!m->kills)
        assert_int_equal(again, 0);
}

/* The position at the end of the file that is at the path now is stored. */
static int is_stored(void *user)
{
    const model *m = user;
    char want[96], slot[600];
    struct stat info;
    int found = 0;
    if (stat(m->in, &info) < 0)
        return 0;
    snprintf(want, sizeof want, ":%llu %llu %llu ", (unsigned long long)info.st_size,
             (unsigned long long)info.st_dev, (unsigned long long)info.st_ino);
    for (int i = 0; i < 2 && !found; i++) {
        char text[4096] = "";
        int fd;
        snprintf(slot, sizeof slot, "%s/test.%d", m->dir, i);
        fd = open(slot, O_RDONLY);
        if (fd < 0)
            continue;
        found = read(fd, text, sizeof text - 1) > 24 &&
                memmem(text, sizeof text, want, strlen(want)) != NULL;
        close(fd);
    }
    return found;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void step_append(model *m)
{
    complete(m);
    append(m, m->in, 1 + (int)pick(m, 30), O_APPEND);
}

static void rotate(model *m)
{
    char other[600];
    snprintf(other, sizeof other, "%s.%d", m->in, ++m->renames);
    assert_int_equal(rename(m->in, other), 0);
    append(m, other, 1 + (int)pick(m, 5), O_APPEND); /* the writer has it open still */
    append(m, m->in, 1 + (int)pick(m, 5), O_APPEND);
}

/* Until a file that is written now has a later time than the newest one: times are as coarse as the
 * system's tick, which a busy machine may delay. */
static void wait_for_tick(const model *m)
{
    struct stat newest, probe;
    char other[600];
    snprintf(other, sizeof other, "%s/tick", m->dir);
    assert_int_equal(stat(m->in, &newest), 0);
    do {
        add(other, "x", 1, O_TRUNC);
        assert_int_equal(stat(other, &probe), 0);
    } while (probe.st_mtim.tv_sec == newest.st_mtim.tv_sec &&
             probe.st_mtim.tv_nsec <= newest.st_mtim.tv_nsec);
}

/* Renamed once or several times; the reader sees it, is halted meanwhile, or is killed before. */
static void step_rename(model *m)
{
    int times = 1 + (int)pick(m, 3), how = (int)pick(m, 3);
    step_append(m);
    catch_up(m);
    assert_true(support_wait(is_stored, m, 10000));
    if (pick(m, 2))
        step_append(m);
    if (how == 0)
        stop(m);
    else if (how == 1)
        kill(m->reader, SIGSTOP);
    for (int i = 0; i < times; i++) {
        rotate(m);
        wait_for_tick(m);
    }
    if (how == 0) {
        m->kills++;
        start(m);
    } else {
        kill(m->reader, SIGCONT);
    }
    catch_up(m);
    assert_true(support_wait(is_stored, m, 10000));
}

static void step_cut(model *m)
{
    complete(m);
    catch_up(m);
    assert_int_equal(truncate(m->in, 0), 0);
    append(m, m->in, 1 + (int)pick(m, 60), O_APPEND);
}

static void step_replace(model *m)
{
    char other[600];
    complete(m);
    catch_up(m);
    snprintf(other, sizeof other, "%s.new", m->in);
    append(m, other, 1 + (int)pick(m, 60), O_TRUNC);
    assert_int_equal(rename(other, m->in), 0);
    catch_up(m);
}

static void step_kill(model *m)
{
    stop(m);
    m->kills++;
    start(m);
}

static void (*const steps[])(model *) = {step_append, step_append, step_append,  tear,     tear,
                                         step_rename, step_cut,    step_replace, step_kill};

static void begin(model *m, uint64_t seed)
{
    memset(m, 0, sizeof *m);
    m->seed = seed * 0x9e3779b97f4a7c15u + 1;
    m->dir = support_mkdir();
    support_path(m->in, m->dir, "in");
    support_path(m->out, m->dir, "out");
    append(m, m->in, 3, O_APPEND);
    start(m);
}

static void finish(model *m)
{
    complete(m);
    catch_up(m);
    stop(m);
    support_rmdir(m->dir);
}

static void test_model(void **state)
{
    const char *seed = getenv("DF_SEED"), *steps_text = getenv("DF_FOLLOW_STEPS");
    int count = steps_text ? (int)strtol(steps_text, NULL, 10) : 40;
    (void)state;
    for (uint64_t i = 1; i <= 3; i++) {
        model m;
        begin(&m, seed ? strtoull(seed, NULL, 10) : i);
        for (int n = 0; n < count; n++) {
            unsigned next = pick(&m, sizeof steps / sizeof *steps);
            if (getenv("DF_TEST_LOG"))
                fprintf(stderr, "step %u, %d lines\n", next, m.written);
            steps[next](&m);
        }
        finish(&m);
        if (seed)
            break;
    }
}

/* Each change once, and nothing came twice: no kill was among them. */
static void test_each_change(void **state)
{
    static void (*const each[])(model *) = {tear, step_append, step_cut, step_replace};
    model m;
    (void)state;
    begin(&m, 7);
    for (size_t i = 0; i < sizeof each / sizeof *each; i++)
        each[i](&m);
    finish(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_change),
        cmocka_unit_test(test_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
