/* SPDX-License-Identifier: Apache-2.0
 * test_args.c: command lines of the programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The programs' code is in no library. */
#include "../../../apps/common/args.h"

#include "../../../apps/common/args.c"

static const app_option options[] = {{"limit", 'l', "N", NULL, "Limit."},
                                     {"until-exhausted", 'u', NULL, NULL, "End."},
                                     {"hidden", 0, NULL, NULL, NULL},
                                     {"set", 's', "PATH=VALUE...", NULL, "Sets."},
                                     {0}};
static const app_command commands[] = {
    {"run", "Runs.", "FILE", "file", NULL, options, 1, 1, NULL},
    {"list", "Lists.", "[NAME...]", NULL, NULL, NULL, 0, -1, NULL},
    {0}};
static const app_program program = {.name = "p", .commands = commands};

static int parse(app_args *args, const app_command *command, const char *words, char *err)
{
    static char copy[400];
    static char *argv[80];
    int argc = 0;
    memset(args, 0, sizeof *args);
    args->program = &program;
    args->command = command;
    strncpy(copy, words, sizeof copy - 1);
    for (char *save = NULL, *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    err[0] = 0;
    return app_args_parse(args, argc, argv, err, 200);
}

static void good(void **state)
{
    static const struct {
        const char *words, *limit, *until, *operand;
    } rows[] = {
        {"f", NULL, NULL, "f"},
        {"f --limit 3", "3", NULL, "f"},
        {"--limit=3 f", "3", NULL, "f"},
        {"--limit= f", "", NULL, "f"},
        {"-l 3 -u f", "3", "", "f"},
        {"-l3 f --until-exhausted", "3", "", "f"},
        {"-- --limit", NULL, NULL, "--limit"},
        {"-u -", NULL, "", "-"},
        {"--limit -5 f", "-5", NULL, "f"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        app_args args;
        char err[200];
        const char *limit, *until;
        assert_int_equal(parse(&args, &commands[0], rows[i].words, err), 0);
        limit = app_args_value(&args, "limit");
        until = app_args_value(&args, "until-exhausted");
        assert_int_equal(limit == NULL, rows[i].limit == NULL);
        assert_int_equal(until == NULL, rows[i].until == NULL);
        if (limit)
            assert_string_equal(limit, rows[i].limit);
        assert_int_equal(args.operand_count, 1);
        assert_string_equal(args.operands[0], rows[i].operand);
    }
}

static void several_values_of_one_option(void **state)
{
    const char *list[APP_REPEATS_MAX + 1];
    char err[200], words[400] = "f";
    app_args args;
    (void)state;
    assert_int_equal(parse(&args, &commands[0], "--set a=1 f -l 3 -s b=x=y --set=a=2", err), 0);
    app_args_list(&args, "set", list);
    assert_string_equal(list[0], "a=1");
    assert_string_equal(list[1], "b=x=y");
    assert_string_equal(list[2], "a=2");
    assert_null(list[3]);
    assert_string_equal(app_args_value(&args, "limit"), "3");
    app_args_list(&args, "limit", list); /* the last one counts */
    assert_null(list[0]);
    app_args_list(&args, "nothing", list);
    assert_null(list[0]);
    for (int i = 0; i <= APP_REPEATS_MAX; i++)
        memcpy(words + 1 + (size_t)i * 4, " -sa", 5);
    assert_int_equal(parse(&args, &commands[0], words, err), -1);
    assert_string_equal(err, "option -sa is given too often");
}

static void bad(void **state)
{
    static const struct {
        const char *words, *err;
    } rows[] = {
        {"", "FILE is missing"},
        {"a b", "unexpected \"b\""},
        {"f --limit", "option --limit needs a value"},
        {"f -u=1", "option -u=1 takes no value"},
        {"f --until-exhausted=1", "option --until-exhausted=1 takes no value"},
        {"f --limt 3", "unknown option --limt (did you mean --limit?)"},
        {"f --hiddem", "unknown option --hiddem"},
        {"f -z", "unknown option -z"},
        {"f --", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        app_args args;
        char err[200];
        int rc = parse(&args, &commands[0], rows[i].words, err);
        assert_int_equal(rc, rows[i].err ? -1 : 0);
        if (rows[i].err)
            assert_string_equal(err, rows[i].err);
    }
}

static void help_needs_no_operands(void **state)
{
    app_args args;
    char err[200];
    (void)state;
    assert_int_equal(parse(&args, &commands[0], "--help", err), 0);
    assert_true(args.help);
    assert_int_equal(parse(&args, &commands[1], "a b c", err), 0);
    assert_int_equal(args.operand_count, 3);
}

static void numbers(void **state)
{
    long long n = 7;
    (void)state;
    assert_int_equal(app_args_number("0", 0, 10, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(app_args_number("-3", -5, 10, &n), 0);
    assert_int_equal(n, -3);
    assert_int_equal(app_args_number("9223372036854775807", 0, INT64_MAX, &n), 0);
    assert_true(n == INT64_MAX);
    n = 7;
    assert_int_equal(app_args_number("9223372036854775808", 0, INT64_MAX, &n), -1);
    assert_int_equal(app_args_number("11", 0, 10, &n), -1);
    assert_int_equal(app_args_number("", 0, 10, &n), -1);
    assert_int_equal(app_args_number("-", -1, 10, &n), -1);
    assert_int_equal(app_args_number("1x", 0, 10, &n), -1);
    assert_int_equal(app_args_number(" 1", 0, 10, &n), -1);
    assert_int_equal(n, 7);
}

static void names(void **state)
{
    (void)state;
    assert_ptr_equal(app_command_find(&program, "list"), &commands[1]);
    assert_null(app_command_find(&program, "lis"));
    assert_ptr_equal(app_command_nearest(&program, "rn"), &commands[0]);
    assert_null(app_command_nearest(&program, "something"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),    cmocka_unit_test(several_values_of_one_option),
        cmocka_unit_test(bad),     cmocka_unit_test(help_needs_no_operands),
        cmocka_unit_test(numbers), cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
