/* SPDX-License-Identifier: Apache-2.0
 * test_dispatch.c: which level and form of logs the options ask for, and the flags of programs of
 * controller-runtime among them. */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "common/console.h"
#include "common/dispatch.h"

static const app_option options[] = {{"log-level", 0, "LEVEL", NULL, "Level."},
                                     {"log-format", 0, "FORMAT", NULL, "Format."},
                                     APP_ZAP_OPTIONS,
                                     {0}};
static const app_command commands[] = {{"run", "Runs.", "[FILE]", NULL, NULL, options, 0, 1, NULL},
                                       {0}};
static const app_program program = {.name = "p", .commands = commands};

static int read_options(const char *words, int *level, int *format, int *operands)
{
    char copy[200], err[200], *argv[20];
    app_args args = {.program = &program, .command = &commands[0]};
    int argc = 0;
    df__text_set(copy, sizeof copy, words, strlen(words));
    for (char *save = NULL, *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    assert_int_equal(app_args_parse(&args, argc, argv, err, sizeof err), 0);
    *operands = args.operand_count;
    return app_log_options(&args, level, format);
}

static void test_log_options(void **state)
{
    static const struct {
        const char *words, *variable;
        int level, format; /* level 0: the environment decides, else info */
    } rows[] = {
        {"", NULL, 0, APP_LOG_AUTO},
        {"--zap-log-level=debug", NULL, DF_LOG_DEBUG, APP_LOG_AUTO},
        {"--zap-log-level 5", NULL, DF_LOG_DEBUG, APP_LOG_AUTO},
        {"--zap-log-level=error", NULL, DF_LOG_ERROR, APP_LOG_AUTO},
        {"--zap-log-level=panic", NULL, DF_LOG_ERROR, APP_LOG_AUTO},
        {"--zap-log-level=debug", "warn", 0, APP_LOG_AUTO},
        {"--zap-log-level=debug", "loud", DF_LOG_DEBUG, APP_LOG_AUTO},
        {"--zap-log-level=debug --log-level=warn", NULL, DF_LOG_WARN, APP_LOG_AUTO},
        {"--zap-encoder=json", NULL, 0, APP_LOG_JSON},
        {"--zap-encoder=console --log-format=json", NULL, 0, APP_LOG_JSON},
        {"--zap-devel", NULL, DF_LOG_DEBUG, APP_LOG_TEXT},
        {"--zap-devel=false", NULL, 0, APP_LOG_AUTO},
        {"--zap-devel=true --zap-log-level=info --zap-encoder=json", NULL, DF_LOG_INFO,
         APP_LOG_JSON},
        {"--zap-stacktrace-level=panic --zap-time-encoding=rfc3339nano", NULL, 0, APP_LOG_AUTO},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int level, format, operands;
        if (rows[i].variable)
            setenv("LOG_LEVEL", rows[i].variable, 1);
        else
            unsetenv("LOG_LEVEL");
        if (read_options(rows[i].words, &level, &format, &operands) != EXIT_DONE ||
            level != rows[i].level || format != rows[i].format || operands)
            fail_msg("%s: level %d, format %d", rows[i].words, level, format);
    }
    unsetenv("LOG_LEVEL");
}

/* A flag of Go takes the word behind it never as its value. */
static void test_switch(void **state)
{
    int level, format, operands;
    (void)state;
    assert_int_equal(read_options("--zap-devel false", &level, &format, &operands), EXIT_DONE);
    assert_int_equal(operands, 1);
    assert_int_equal(level, DF_LOG_DEBUG);
}

static void test_wrong(void **state)
{
    static const char *const rows[] = {"--zap-log-level=loud", "--zap-log-level=-1",
                                       "--zap-encoder=xml", "--log-level=loud", "--log-format=xml"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int level, format, operands;
        assert_int_equal(read_options(rows[i], &level, &format, &operands), EXIT_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_options),
        cmocka_unit_test(test_switch),
        cmocka_unit_test(test_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
