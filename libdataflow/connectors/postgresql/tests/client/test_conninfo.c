/* SPDX-License-Identifier: Apache-2.0
 * Connection strings that can never work are refused before any connection, with what to do, and
 * without a part of the password. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "connectors/postgresql/client/conninfo.h"

#define GOOD NULL
#define ENCODE "%40"

/* The password, or the piece of it that would show, is "canary". */
static const struct {
    const char *text, *want; /* a part of the message; GOOD: accepted */
} cases[] = {
    {"postgres://u:canary@h/db", GOOD},
    {"postgresql://u:canary@h:5432,[::1]:5433/db?sslmode=disable", GOOD},
    {"postgres://u:c%40n%2Fry@h/db?application_name=a@b&sslmode=verify-full", GOOD},
    {"postgres://u:can?ary@h/db", GOOD},
    {"postgres://u:can#ary@h/db", GOOD},
    {"postgres:///db?host=/var/run/postgresql", GOOD},
    {"postgres://h/db?user=u&password=canary", GOOD},
    {"postgres://u@bücher.example/db", GOOD},
    {"postgres://h/db?ssl=true", GOOD},
    {"host=h dbname=db password='can ary'", GOOD},
    {"host=a,b port=1,2", GOOD},
    {"host=a,b port=1", GOOD},
    {"host=a,b port=,", GOOD},
    {"postgres://u:canary/x@h/db", ENCODE},
    {"postgres://u:x@canary@h/db", ENCODE},
    {"postgres://u:x@can:ary@h:1/db", ENCODE},
    {"postgres://u:1234/canary@h:1/db", ENCODE},
    {"postgres://u:canary%@h/db", ENCODE},
    {"postgres://u:canary%zz@h/db", ENCODE},
    {"postgres://u:%00canary@h/db", ENCODE},
    {"postgres://u:canary@h:99999/db", "1 to 65535"},
    {"postgres://u:canary@h:0/db", "1 to 65535"},
    {"postgres://u:x@h:canary/db", "1 to 65535"},
    {"postgres://u:canary@h:1,i:,j:70000/db", "1 to 65535"},
    {"postgres://u:canary@:5432/db", "names no host"},
    {"postgres://u:canary@h,,i/db", "names no host"},
    {"postgres://u:canary@h:,:1/db", "names no host"},
    {"", "names no host"},
    {"dbname=db password=canary", "names no host"},
    {"host=a,b,c port=1,2 password=canary", "2 ports for 3 hosts"},
    {"host='a b' password=canary", "no host name has"},
    {"postgres://u:canary@h/db?sslmode=bogus", "sslmode may be disable"},
    {"postgres://u:canary@h/db?sslmode=disable,allow", "sslmode may be"},
    {"host=h target_session_attrs=any-old password=canary", "target_session_attrs may be any,"},
    {"postgres://u:canary@h/db?connect_timeout=soon", "connect_timeout must be a whole number"},
    {"postgres://u:canary@h/db?sslmod=require", "unknown parameter \"sslmod\""},
    {"postgres://u:canary@h/db?sslmode=require&x=1", "unknown parameter \"x\""},
    {"host=h service=canary", "service files"},
    {"mysql://u:canary@h/db", "neither"},
    {"host=h password=x canary", "neither"},
    {"host=h canary=1", "neither"},
};

/* What becomes of the parameter options, and of the others. */
static const struct {
    const char *text, *options, *sslmode;
} settings[] = {
    {"postgres://u:canary@h/db?search_path=a,b&sslmode=disable", " -c search_path=a,b", "disable"},
    {"postgres://h/db?sslmode=disable&search_path=my%20x%5cy", " -c search_path=my\\ x\\\\y",
     "disable"},
    {"postgres://h/db?options=-cjit%3Doff&statement_timeout=5s&TimeZone=Asia/Tokyo&my.own=1%262",
     "-cjit=off -c statement_timeout=5s -c TimeZone=Asia/Tokyo -c my.own=1&2", NULL},
    {"postgres://h/db?search_path=", " -c search_path=", NULL},
    {"host=h search_path = 'a b' sslmode=disable password='can''ary", NULL, NULL},
    {"host=h search_path = 'a b\\'c' sslmode=disable", " -c search_path=a\\ b'c", "disable"},
    {"lock_timeout=1s host=h", " -c lock_timeout=1s", NULL},
    {"postgres://u:search_path=a@h/db?sslmode=disable", "", "disable"},
    {"host=h password='x search_path=a'", "", NULL},
    {"postgres://h/db?searchpath=a", NULL, NULL},
    {"postgres://h/db?.x=a", NULL, NULL},
    {"host=h searchpath=a", NULL, NULL},
};

static const char *value_of(const PQconninfoOption *given, const char *name)
{
    for (; given->keyword; given++)
        if (strcmp(given->keyword, name) == 0)
            return given->val;
    return NULL;
}

static void test_settings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        char why[400] = "";
        int is_error = 0;
        PQconninfoOption *given =
            df__pg_conninfo_read(settings[i].text, why, sizeof why, &is_error);
        const char *options = given ? value_of(given, "options") : NULL;
        const char *sslmode = given ? value_of(given, "sslmode") : NULL;
        if (!settings[i].options) {
            assert_null(given);
            assert_int_equal(is_error, 1);
            continue;
        }
        assert_non_null(given);
        assert_string_equal(options ? options : "", settings[i].options);
        assert_string_equal(sslmode ? sslmode : "", settings[i].sslmode ? settings[i].sslmode : "");
        PQconninfoFree(given);
    }
}

static void test_each(void **state)
{
    (void)state;
    unsetenv("PGHOST");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char why[400] = "";
        int is_error = 0;
        PQconninfoOption *given = df__pg_conninfo_read(cases[i].text, why, sizeof why, &is_error);
        int right = cases[i].want ? !given && is_error && strstr(why, cases[i].want) != NULL
                                  : given != NULL;
        PQconninfoFree(given);
        if (!right)
            fail_msg("%s: %s", cases[i].text, why);
        assert_null(strstr(why, "canary"));
    }
}

static void test_local_hosts(void **state)
{
    static const char *const local[] = {
        "localhost", "127.0.0.1", "127.9.9.9", "::1",
        "/run/pg",   "@pg",       "",          "localhost,127.0.0.1,/tmp"};
    static const char *const remote[] = {"127.evil.example",
                                         "127.0.0.1.evil.example",
                                         "10.0.0.1",
                                         "localhost.evil.example",
                                         "127.0.0.1,db.example",
                                         "db,::1",
                                         "::2",
                                         "localhost,,db"};
    (void)state;
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        assert_true(df__pg_is_local(local[i]));
    for (size_t i = 0; i < sizeof remote / sizeof *remote; i++)
        assert_false(df__pg_is_local(remote[i]));
}

static void test_root_certificate(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"postgres://h/db?sslmode=verify-full&sslrootcert=/nonexistent/ca.pem", "/nonexistent"},
        {"postgres://h/db?sslmode=verify-ca&sslrootcert=/nonexistent/ca.pem", "verify-ca"},
        {"postgres://h/db?sslmode=verify-full", "sslrootcert=/path"},
        {"postgres://h/db?sslmode=verify-full&sslrootcert=/dev/null", NULL},
        {"postgres://h/db?sslmode=require", NULL},
        {"postgres://h/db", NULL},
    };
    (void)state;
    unsetenv("PGSSLMODE");
    unsetenv("PGSSLROOTCERT");
    setenv("HOME", "/nonexistent", 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char why[400] = "";
        int is_error = 0;
        PQconninfoOption *given = df__pg_conninfo_read(rows[i].text, why, sizeof why, &is_error);
        assert_non_null(given);
        assert_int_equal(rows[i].want != NULL, df__pg_conninfo_no_root(given, why, sizeof why));
        assert_true(!rows[i].want || strstr(why, rows[i].want));
        PQconninfoFree(given);
    }
}

/* 0: as it should be. In a process of its own, which is another user. */
static int read_as_nobody(const char *text, const char *want)
{
    char why[400] = "";
    int is_error = 0;
    PQconninfoOption *given;
    if (setuid(123456))
        return 2;
    given = df__pg_conninfo_read(text, why, sizeof why, &is_error);
    if (want ? !given && is_error && strstr(why, want) != NULL : given != NULL)
        return 0;
    fprintf(stderr, "%s: %s\n", text, why);
    return 1;
}

/* As a container may run: the user of the process has no name. libpq would try for ever. */
static void test_a_user_without_name(void **state)
{
    static const char none[] = "names no user, and the one of this process (ID 123456)";
    const struct {
        const char *text, *pguser, *want;
    } rows[] = {
        {"postgres://127.0.0.1:1/db", NULL, none},      {"host=127.0.0.1 dbname=db", "", none},
        {"postgres://shop@127.0.0.1:1/db", NULL, NULL}, {"host=127.0.0.1 user=shop", NULL, NULL},
        {"postgres://127.0.0.1:1/db", "shop", NULL},
    };
    (void)state;
    if (geteuid() != 0)
        skip(); /* it takes root to be another user */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0) {
            unsetenv("PGUSER");
            if (rows[i].pguser)
                setenv("PGUSER", rows[i].pguser, 1);
            _exit(read_as_nobody(rows[i].text, rows[i].want));
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    setenv("PGUSER", "somebody", 1); /* whoever runs the tests */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each),
        cmocka_unit_test(test_local_hosts),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_root_certificate),
        cmocka_unit_test(test_a_user_without_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
