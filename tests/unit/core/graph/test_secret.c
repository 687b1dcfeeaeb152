/* SPDX-License-Identifier: Apache-2.0
 * test_secret.c: secrets resolve on use, follow a refresh, and never stand in a text.
 * ctest: threaded */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <unistd.h>

#include "core/graph/secret.h"
#include "util/buf.h"

static const char *answer = "first-value";
static int status = DF_OK, calls;

static int resolve(void *user, const df_ref *ref, df_answer *a)
{
    (void)ref;
    assert_ptr_equal(user, &calls);
    calls++;
    return status == DF_OK ? df_answer_set(a, answer, strlen(answer)) : status;
}

static df__secrets *new_set(void)
{
    df__secrets *s = df__secrets_new(&df__heap_libc, resolve, &calls);
    assert_non_null(s);
    answer = "first-value";
    status = DF_OK;
    calls = 0;
    return s;
}

static const enum df__hide ALL = DF__HIDE_ALL;

#define BYTES(s)                                                                                   \
    (df_bytes)                                                                                     \
    {                                                                                              \
        (s), strlen(s)                                                                             \
    }
static const df_bytes none = {NULL, 0};

static void test_literal(void **state)
{
    df__secrets *s = new_set();
    df_secret *secret = df__secret_new(s, NULL, BYTES("hunter22"), ALL);
    df_bytes value;
    char err[64], text[] = "password hunter22, again hunter22; hunter";
    (void)state;
    assert_int_equal(df__secret_value(secret, &value, err, sizeof err), DF_OK);
    assert_string_equal(value.data, "hunter22");
    assert_int_equal(calls, 0);
    df__secrets_scrub(s, text);
    assert_string_equal(text, "password ***, again ***; hunter");
    df__secrets_free(s);
}

static void test_resolves_once(void **state)
{
    df__secrets *s = new_set();
    df_ref ref = {sizeof ref, DF_REF_SECRET, "ns", "db", "password", "spec.sink.config.password"};
    df_secret *secret = df__secret_new(s, &ref, none, ALL);
    df_bytes value;
    char err[128];
    (void)state;
    assert_ptr_equal(df__secret_new(s, &ref, none, ALL),
                     secret); /* one for the check and the run */
    assert_int_equal(calls, 0);
    assert_int_equal(df__secret_value(secret, &value, err, sizeof err), DF_OK);
    assert_int_equal(df__secret_value(secret, &value, err, sizeof err), DF_OK);
    assert_string_equal(value.data, "first-value");
    assert_int_equal(calls, 1);
    answer = "second-value";
    df__secrets_refresh(s);
    assert_int_equal(df__secret_value(secret, &value, err, sizeof err), DF_OK);
    assert_string_equal(value.data, "second-value");
    assert_int_equal(calls, 2);
    df__secrets_free(s);
}

/* Only a value that is another one counts, and only of what can change. */
static void test_since(void **state)
{
    df__secrets *s = new_set();
    df_ref ref = {sizeof ref, DF_REF_SECRET, "ns", "db", "password", "f"};
    df_ref env = {sizeof env, DF_REF_ENV, NULL, "A", NULL, "f"};
    df_secret *secret = df__secret_new(s, &ref, none, ALL);
    df_bytes value;
    char err[128];
    int64_t first, second;
    (void)state;
    df__secret_value(df__secret_new(s, &env, none, ALL), &value, err, sizeof err);
    df__secret_value(df__secret_new(s, NULL, BYTES("literal"), ALL), &value, err, sizeof err);
    assert_int_equal(df__secrets_since(s), 0);
    df__secret_value(secret, &value, err, sizeof err);
    first = df__secrets_since(s);
    assert_true(first > INT64_C(1600000000000000));
    support_sleep_ms(1); /* the clock moves on */
    df__secrets_refresh(s);
    df__secret_value(secret, &value, err, sizeof err);
    assert_int_equal(df__secrets_since(s), first);
    answer = "second-value";
    df__secrets_refresh(s);
    df__secret_value(secret, &value, err, sizeof err);
    second = df__secrets_since(s);
    assert_int_not_equal(second, first);
    status = DF_ENOTFOUND; /* what was read before goes on */
    df__secrets_refresh(s);
    assert_int_not_equal(df__secret_value(secret, &value, err, sizeof err), DF_OK);
    assert_int_equal(df__secrets_since(s), second);
    df__secrets_free(s);
}

static void test_old_values_stay_hidden(void **state)
{
    df__secrets *s = new_set();
    df_ref ref = {sizeof ref, DF_REF_ENV, NULL, "A", NULL, "f"};
    df_secret *secret = df__secret_new(s, &ref, none, ALL);
    df_bytes value;
    char err[128], text[] = "first-value second-value";
    (void)state;
    df__secret_value(secret, &value, err, sizeof err);
    answer = "second-value";
    df__secrets_refresh(s);
    df__secret_value(secret, &value, err, sizeof err);
    df__secrets_scrub(s, text);
    assert_string_equal(text, "*** ***");
    df__secrets_free(s);
}

static void test_failure_names_the_reference(void **state)
{
    df__secrets *s = new_set();
    df_ref ref = {sizeof ref, DF_REF_SECRET, "ns", "db", "pw", "f"};
    df_ref env = {sizeof env, DF_REF_ENV, NULL, "A", NULL, "f"};
    df_ref file = {sizeof file, DF_REF_FILE, NULL, "x", NULL, "f"};
    static const struct {
        int status;
        const char *want;
    } of_files[] = {
        {DF_EINVAL, "${file:x}: no plain file: a folder, a pipe or a device; name a file"},
        {DF_EAUTH, "${file:x}: this user may not read it"},
        {DF_ETOOBIG, "${file:x}: larger than 1 MiB"},
        {DF_EIO, "${file:x}: it cannot be read"},
    };
    df_bytes value = {"untouched", 9};
    char err[128];
    (void)state;
    status = DF_ENOTFOUND;
    assert_int_equal(df__secret_value(df__secret_new(s, &ref, none, ALL), &value, err, sizeof err),
                     DF_ENOTFOUND);
    assert_string_equal(err, "Secret ns/db, key pw: not found; mount this Secret, "
                             "or name another key");
    assert_string_equal(value.data, "untouched");
    assert_int_equal(df__secret_value(df__secret_new(s, &env, none, ALL), &value, err, sizeof err),
                     DF_ENOTFOUND);
    assert_string_equal(err, "${env:A}: not found; set this environment variable");
    for (size_t i = 0; i < sizeof of_files / sizeof *of_files; i++) {
        status = of_files[i].status;
        assert_int_equal(
            df__secret_value(df__secret_new(s, &file, none, ALL), &value, err, sizeof err), status);
        assert_string_equal(err, of_files[i].want);
    }
    status = DF_OK;
    assert_int_equal(df__secret_value(df__secret_new(s, &env, none, ALL), &value, err, sizeof err),
                     DF_OK);
    df__secrets_free(s);
}

static void check_value(df__secrets *s, const char *text, enum df__hide what, const char *want)
{
    df_secret *secret = df__secret_template(s, BYTES(text), "f", what);
    df_bytes value;
    char err[128];
    assert_non_null(secret);
    assert_int_equal(df__secret_value(secret, &value, err, sizeof err), DF_OK);
    assert_int_equal(value.len, strlen(want));
    assert_memory_equal(value.data, want, value.len);
}

/* ${env:NAME:-default}: of a variable that is not set, or empty, as a shell has it. */
static void test_default_of_a_variable(void **state)
{
    df__secrets *s = new_set();
    char text[] = "first-value dev-secret other-one";
    df__reference r;
    char err[160];
    (void)state;
    check_value(s, "a ${env:X:-b} c", DF__HIDE_FILES, "a first-value c");
    status = DF_ENOTFOUND;
    df__secrets_refresh(s);
    check_value(s, "a ${env:X:-b} c", DF__HIDE_FILES, "a b c");
    check_value(s, "${env:X:-}", DF__HIDE_FILES, "");
    check_value(s, "${env:X:-a:-b$}", DF__HIDE_FILES, "a:-b$");
    check_value(s, "${env:X:-other-one}", DF__HIDE_FILES, "other-one");
    check_value(s, "${env:X:-dev-secret}", ALL, "dev-secret");
    df__secrets_scrub(s, text);
    assert_string_equal(text, "first-value *** other-one");
    status = DF_OK;
    answer = "";
    df__secrets_refresh(s);
    check_value(s, "${env:X:-b}", DF__HIDE_FILES, "b");
    check_value(s, "${env:X}", DF__HIDE_FILES, "");
    assert_int_equal(df__reference_next(BYTES("${env:X-b}"), 0, &r, err, sizeof err), DF_ESPEC);
    assert_non_null(strstr(err, ":- before a default"));
    assert_int_equal(df__reference_next(BYTES("${env:X:-${env:Y:-b}}"), 0, &r, err, sizeof err),
                     DF_ESPEC);
    assert_non_null(strstr(err, "cannot hold a reference"));
    assert_int_equal(df__reference_next(BYTES("${env::-b}"), 0, &r, err, sizeof err), DF_ESPEC);
    assert_int_equal(df__reference_next(BYTES("${file:/a:-b}"), 0, &r, err, sizeof err), DF_OK);
    assert_int_equal(r.fallback, 0); /* a name of a file may have it */
    assert_int_equal(r.name_len, 5);
    df__secrets_free(s);
}

static void test_without_resolver(void **state)
{
    df__secrets *s = df__secrets_new(&df__heap_libc, NULL, NULL);
    df_ref env = {sizeof env, DF_REF_ENV, NULL, "A", NULL, "f"};
    df_bytes value;
    char err[128];
    (void)state;
    assert_int_equal(df__secret_value(df__secret_new(s, &env, none, ALL), &value, err, sizeof err),
                     DF_ENOTSUP);
    assert_non_null(strstr(err, "no resolver"));
    assert_int_equal(df__secret_value(df__secret_none(), &value, err, sizeof err), DF_ESTATE);
    df__secrets_free(s);
}

static void test_template(void **state)
{
    df__secrets *s = new_set();
    df_secret *secret =
        df__secret_template(s, BYTES("pg://u:${env:P}@h/$${x}?f=${file:/f}"), "f", ALL);
    df_bytes value;
    df_ref ref;
    char err[128], text[] = "pg://u:first-value@h";
    (void)state;
    assert_int_equal(df__secret_value(secret, &value, err, sizeof err), DF_OK);
    assert_string_equal(value.data, "pg://u:first-value@h/${x}?f=first-value");
    assert_int_equal(calls, 2);
    df__secrets_scrub(s, text);
    assert_string_equal(text, "pg://u:***@h");
    assert_int_equal(df__secrets_ref_at(s, 0, &ref), DF_OK);
    assert_int_equal(ref.kind, DF_REF_ENV);
    assert_string_equal(ref.name, "P");
    assert_int_equal(df__secrets_ref_at(s, 1, &ref), DF_OK);
    assert_string_equal(ref.name, "/f");
    assert_int_equal(df__secrets_ref_at(s, 2, &ref), DF_DONE);
    df__secrets_free(s);
}

static void test_scrub(void **state)
{
    df__secrets *s = new_set();
    char text[] = "abcd abcdefgh p@ss/w\xc3\xb6rd abc";
    char empty[] = "";
    (void)state;
    df__secrets_know(s, BYTES("abcd"));
    df__secrets_know(s, BYTES("abcdefgh")); /* the longer one goes first */
    df__secrets_know(s, BYTES("abc"));      /* too short to hide */
    df__secrets_know(s, BYTES("p@ss/w\xc3\xb6rd"));
    df__secrets_scrub(s, text);
    assert_string_equal(text, "*** *** *** abc");
    df__secrets_scrub(s, empty);
    assert_string_equal(empty, "");
    df__secrets_scrub(NULL, empty);
    df__secrets_free(s);
}

/* Libraries cut and split what they repeat: eight bytes of a secret in a row are hidden. */
static void test_pieces(void **state)
{
    df__secrets *s = new_set();
    char cut[] = "cannot open /x/Q7fj3kLm9", split[] = "a3kLm9Zt4b, Q7fj3kL; 9Zt4vB2w, 4vB2w";
    char joined[] = "Q7fj3kLm9Zt4vB2wQ7fj3kLm9Zt4vB2w=Q7fj3kLmLm9Zt4vB", half[] = "Q7fj3kLm";
    (void)state;
    assert_int_equal(df__secrets_know(s, BYTES("Q7fj3kLm9Zt4vB2w")), DF_OK);
    df__secrets_scrub(s, cut);
    assert_string_equal(cut, "cannot open /x/***");
    df__secrets_scrub(s, split);
    assert_string_equal(split, "a***b, Q7fj3kL; ***, 4vB2w");
    df__secrets_scrub(s, joined);
    assert_string_equal(joined, "******=******");
    df__secrets_scrub(s, half);
    assert_string_equal(half, "***");
    df__secrets_free(s);
}

/* A text is scrubbed whole and cut then, at every length of the text and of the secret. */
static void test_hides_before_cutting(void **state)
{
    char secret[400], shown[64];
    (void)state;
    for (size_t len = 4; len < sizeof secret; len += len < 80 ? 1 : 40) {
        df__secrets *s = new_set();
        for (size_t i = 0; i < len; i++)
            secret[i] = (char)('A' + i % 26);
        secret[len] = '\0';
        assert_int_equal(df__secrets_know(s, BYTES(secret)), DF_OK);
        for (int before = 0; before < 70; before++) {
            df__secrets_printf(s, shown, sizeof shown, "%*s%s.", before, "", secret);
            assert_null(strpbrk(shown, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
            assert_int_equal(strlen(shown), before + 4 < 63 ? before + 4 : 63);
        }
        df__secrets_free(s);
    }
}

/* What of a value is hidden depends on where it stands. */
static void test_what_is_hidden(void **state)
{
    static const struct {
        int kind;
        enum df__hide what;
        const char *text, *shown;
    } rows[] = {
        {DF_REF_ENV, DF__HIDE_FILES, "${env:A}", "first-value first-va"},
        {DF_REF_FILE, DF__HIDE_FILES, "${file:/a}", "*** ***"},
        {DF_REF_ENV, DF__HIDE_ALL, "${env:A}", "*** ***"},
        {DF_REF_ENV, DF__HIDE_PARTS, "x${env:A}", "first-value first-va"},
        {DF_REF_FILE, DF__HIDE_PARTS, "x${file:/a}", "*** ***"},
        {DF_REF_FILE, DF__HIDE_PARTS, "${file:/a}", "*** first-va"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        df__secrets *s = new_set();
        df_secret *secret = df__secret_template(s, BYTES(rows[i].text), "f", rows[i].what);
        char err[64], text[] = "first-value first-va";
        df_bytes value;
        assert_int_equal(df__secret_value(secret, &value, err, sizeof err), DF_OK);
        df__secrets_scrub(s, text);
        assert_string_equal(text, rows[i].shown);
        df__secrets_free(s);
    }
}

/* So many references in one text and so many texts took seconds. */
static void test_many_references(void **state)
{
    enum { MANY = 40000 };
    df__secrets *s = new_set();
    df__buf text;
    df_bytes value;
    df_ref ref;
    size_t n = 0;
    char err[128], one[32];
    clock_t begin = clock();
    (void)state;
    df__buf_init(&text, &df__heap_libc);
    for (int i = 0; i < MANY; i++) {
        snprintf(one, sizeof one, "${env:A%d}", i);
        df__buf_str(&text, one);
        assert_non_null(df__secret_template(s, BYTES(one), "f", DF__HIDE_FILES));
    }
    value = (df_bytes){text.data, text.len};
    assert_int_equal(df__secret_value(df__secret_template(s, value, "f", DF__HIDE_FILES), &value,
                                      err, sizeof err),
                     DF_OK);
    assert_int_equal(value.len, MANY * strlen("first-value"));
    while (df__secrets_ref_at(s, n, &ref) == DF_OK)
        n++;
    assert_int_equal(n, 2 * MANY);
    assert_int_equal(df__secrets_ref_at(s, 7, &ref), DF_OK);
    assert_string_equal(ref.name, "A7");
    assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < SUPPORT_SLOWER);
    df__buf_free(&text);
    df__secrets_free(s);
}

static void test_scrub_encoded(void **state)
{
    df__secrets *s = new_set();
    char upper[] = "x p%40ss%2Fw%C3%B6rd y", lower[] = "x p%40ss%2fw%c3%b6rd y";
    (void)state;
    df__secrets_know(s, BYTES("p@ss/w\xc3\xb6rd"));
    df__secrets_scrub(s, upper);
    df__secrets_scrub(s, lower);
    assert_string_equal(upper, "x *** y");
    assert_string_equal(lower, "x *** y");
    df__secrets_free(s);
}

static void test_references(void **state)
{
    df__reference r;
    char err[128];
    const char text[] = "a${env:B_1}${file:/x y}$${z}$";
    (void)state;
    assert_int_equal(df__reference_next(BYTES(text), 0, &r, err, sizeof err), DF_OK);
    assert_int_equal(r.kind, DF_REF_ENV);
    assert_int_equal(r.begin, 1);
    assert_memory_equal(text + r.name, "B_1", r.name_len);
    assert_int_equal(df__reference_next(BYTES(text), r.end, &r, err, sizeof err), DF_OK);
    assert_int_equal(r.kind, DF_REF_FILE);
    assert_memory_equal(text + r.name, "/x y", r.name_len);
    assert_int_equal(df__reference_next(BYTES(text), r.end, &r, err, sizeof err), DF_OK);
    assert_int_equal(r.kind, 0);
    assert_int_equal(df__reference_next(BYTES(text), r.end, &r, err, sizeof err), DF_DONE);
    assert_int_equal(df__reference_next(BYTES("${env:1A}"), 0, &r, err, sizeof err), DF_ESPEC);
    assert_int_equal(df__reference_next(BYTES("${"), 0, &r, err, sizeof err), DF_ESPEC);
    assert_int_equal(df__reference_next(BYTES("${x}"), 0, &r, err, sizeof err), DF_ESPEC);
    assert_true(df__reference_any(BYTES("a${b")));
    assert_false(df__reference_any(BYTES("a$b")));
    assert_false(df__reference_any(none));
}

static void put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int ask(void *folder, int kind, const char *name, const char *key, df_answer *a)
{
    df_ref ref = {sizeof ref, kind, NULL, name, key, "f"};
    return df_resolve_process(folder, &ref, a);
}

static void test_process(void **state)
{
    char dir[] = "/tmp/secret-XXXXXX", path[128];
    df_answer a = {&df__heap_libc, NULL, 0};
    (void)state;
    assert_non_null(mkdtemp(dir));
    df__text_printf(path, sizeof path, "%s/key", dir);
    put_file(path, "from a file\n\n");
    assert_int_equal(ask(NULL, DF_REF_FILE, path, NULL, &a), DF_OK);
    assert_string_equal(a.data, "from a file\n"); /* one line end is cut */
    assert_int_equal(ask(NULL, DF_REF_FILE, "/nowhere/x", NULL, &a), DF_ENOTFOUND);
    assert_int_equal(ask(NULL, DF_REF_FILE, dir, NULL, &a), DF_EINVAL);
    setenv("DF_TEST_VALUE", "of env", 1);
    assert_int_equal(ask(NULL, DF_REF_ENV, "DF_TEST_VALUE", NULL, &a), DF_OK);
    assert_string_equal(a.data, "of env");
    assert_int_equal(ask(NULL, DF_REF_ENV, "DF_TEST_NOT_THERE", NULL, &a), DF_ENOTFOUND);
    assert_int_equal(ask(NULL, DF_REF_SECRET, "db", "key", &a), DF_ENOTSUP);
    assert_int_equal(ask(dir, DF_REF_SECRET, "..", "key", &a), DF_EINVAL);
    assert_int_equal(ask(dir, DF_REF_SECRET, "a/b", "key", &a), DF_EINVAL);
    assert_int_equal(ask(dir, DF_REF_SECRET, "db", "key", &a), DF_ENOTFOUND);
    assert_int_equal(ask((void *)"/tmp", DF_REF_SECRET, dir + 5, "key", &a), DF_OK);
    assert_string_equal(a.data, "from a file\n");
    df__answer_free(&a);
    unlink(path);
    rmdir(dir);
}

static void test_answer(void **state)
{
    df_answer a = {&df__heap_libc, NULL, 0};
    (void)state;
    assert_int_equal(df_answer_set(&a, NULL, 0), DF_OK);
    assert_int_equal(a.len, 0);
    assert_int_equal(df_answer_set(&a, "x\0y", 3), DF_OK);
    assert_int_equal(a.len, 3);
    assert_int_equal(df_answer_set(&a, NULL, 3), DF_EINVAL);
    assert_int_equal(df_answer_set(NULL, "x", 1), DF_EINVAL);
    df__answer_free(&a);
    assert_null(a.data);
}

static df__secrets *shared;

static void *use(void *arg)
{
    df_secret *secret = arg;
    df_bytes value;
    char err[64], text[64];
    int i;
    for (i = 0; i < 2000; i++) {
        if (df__secret_value(secret, &value, err, sizeof err) != DF_OK)
            return arg;
        df__text_set(text, sizeof text, "first-value", 11);
        df__secrets_scrub(shared, text);
        if (i % 100 == 0)
            df__secrets_refresh(shared);
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[3];
    int i;
    (void)state;
    shared = new_set();
    for (i = 0; i < 3; i++) {
        char name[2] = {(char)('A' + i), 0};
        df_ref ref = {sizeof ref, DF_REF_ENV, NULL, name, NULL, "f"};
        assert_int_equal(
            pthread_create(&threads[i], NULL, use, df__secret_new(shared, &ref, none, ALL)), 0);
    }
    for (i = 0; i < 3; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    df__secrets_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literal),
        cmocka_unit_test(test_resolves_once),
        cmocka_unit_test(test_since),
        cmocka_unit_test(test_old_values_stay_hidden),
        cmocka_unit_test(test_failure_names_the_reference),
        cmocka_unit_test(test_default_of_a_variable),
        cmocka_unit_test(test_without_resolver),
        cmocka_unit_test(test_template),
        cmocka_unit_test(test_scrub),
        cmocka_unit_test(test_scrub_encoded),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_hides_before_cutting),
        cmocka_unit_test(test_what_is_hidden),
        cmocka_unit_test(test_many_references),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_process),
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
