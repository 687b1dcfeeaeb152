/* SPDX-License-Identifier: Apache-2.0
 * test_log_json.c: log lines as JSON, and a reader that does not keep up. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <yyjson.h>

#include <cmocka.h>

/* The programs' code is in no library. */
#include "../../../apps/common/console.c"

static size_t read_all(int fd, char *buf, size_t len)
{
    ssize_t n = read(fd, buf, len - 1);
    buf[n > 0 ? n : 0] = 0;
    return n > 0 ? (size_t)n : 0;
}

static void lines_are_json(void **state)
{
    int fds[2];
    char text[2000];
    app_console c;
    yyjson_doc *doc;
    yyjson_val *root;
    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    app_console_init(&c, fds[1], DF_LOG_INFO, APP_LOG_AUTO);
    assert_true(c.json);
    app_console_labels(&c, "default", "or\"ders");
    app_console_log(&c, DF_LOG_DEBUG, "too low");
    app_console_log(&c, DF_LOG_WARN, "a \"quoted\"\nline \xff");
    read_all(fds[0], text, sizeof text);
    doc = yyjson_read(text, strlen(text), 0);
    root = yyjson_doc_get_root(doc);
    assert_non_null(root);
    assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "level")), "warn");
    assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "pipeline")), "or\"ders");
    assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "namespace")), "default");
    assert_int_equal(strlen(yyjson_get_str(yyjson_obj_get(root, "ts"))), 24);
    yyjson_doc_free(doc);
    app_console_event(&c, "finished", "\"sent\":3", "text");
    read_all(fds[0], text, sizeof text);
    assert_non_null(strstr(text, "\"msg\":\"finished\""));
    assert_non_null(strstr(text, ",\"sent\":3}\n"));
    close(fds[0]);
    close(fds[1]);
}

/* systemd takes <4> off and keeps it as the line's priority. */
static void lines_for_the_journal(void **state)
{
    int fds[2];
    char text[2000], stream[64];
    app_console c;
    struct stat info;
    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(fstat(fds[1], &info), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)info.st_dev,
             (unsigned long long)info.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    app_console_init(&c, fds[1], DF_LOG_INFO, APP_LOG_AUTO);
    app_console_log(&c, DF_LOG_WARN, "slow");
    app_console_event(&c, "finished", "\"sent\":3", "text");
    read_all(fds[0], text, sizeof text);
    assert_true(strncmp(text, "<4>{\"ts\":", 9) == 0);
    assert_non_null(strstr(text, "}\n<6>{\"ts\":"));
    /* another file of the same device: a redirected standard error */
    snprintf(stream, sizeof stream, "%llu:1", (unsigned long long)info.st_dev);
    setenv("JOURNAL_STREAM", stream, 1);
    app_console_init(&c, fds[1], DF_LOG_INFO, APP_LOG_AUTO);
    app_console_log(&c, DF_LOG_WARN, "slow");
    read_all(fds[0], text, sizeof text);
    assert_true(text[0] == '{');
    unsetenv("JOURNAL_STREAM");
    close(fds[0]);
    close(fds[1]);
}

static void text_has_no_control_characters(void **state)
{
    int fds[2];
    char text[2000];
    app_console c;
    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    app_console_init(&c, fds[1], DF_LOG_INFO, APP_LOG_TEXT);
    app_console_log(&c, DF_LOG_ERROR, "red\033[31m\r\n");
    read_all(fds[0], text, sizeof text);
    assert_non_null(strstr(text, "error: red [31m"));
    assert_null(strchr(text, '\033'));
    close(fds[0]);
    close(fds[1]);
}

/* A full pipe must not hold the flow up: lines are dropped and counted. */
static void never_blocks(void **state)
{
    int fds[2];
    static char text[1 << 20];
    app_console c;
    size_t lines = 0;
    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    app_console_init(&c, fds[1], DF_LOG_INFO, APP_LOG_JSON);
    for (int i = 0; i < 5000; i++)
        app_console_log(&c, DF_LOG_INFO, "the same line again and again");
    assert_true(c.dropped > 0 && c.dropped < 5000);
    for (size_t i = 0, n = read_all(fds[0], text, sizeof text); i < n; i++)
        lines += text[i] == '\n';
    assert_true(lines + c.dropped >= 5000);
    app_console_log(&c, DF_LOG_INFO, "after");
    assert_int_equal(c.dropped, 0);
    read_all(fds[0], text, sizeof text);
    assert_non_null(strstr(text, "log lines dropped"));
    close(fds[0]);
    close(fds[1]);
}

static void words(void **state)
{
    (void)state;
    assert_int_equal(app_log_level("INFO"), DF_LOG_INFO);
    assert_int_equal(app_log_level("warning"), DF_LOG_WARN);
    assert_int_equal(app_log_level("loud"), 0);
    assert_int_equal(app_log_level(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_json),
        cmocka_unit_test(lines_for_the_journal),
        cmocka_unit_test(text_has_no_control_characters),
        cmocka_unit_test(never_blocks),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
