/* SPDX-License-Identifier: Apache-2.0
 * test_bad_manifests.c: each wrong manifest of vectors/bad-manifests gives exactly the problems
 * written after it: place, field, text, hint.
 *
 * A case is "==== name", the manifest, "---->", and one line for each problem. A line "@escaped"
 * before the manifest says that \xNN, \r, \n, \t in it stand for bytes; "@no-newline" after it
 * cuts the last line end. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/spec_bench.h"

#ifndef DF_TEST_DIR
#define DF_TEST_DIR "tests"
#endif

enum { PROBLEMS = 16384 };

static char *read_file(const char *name)
{
    char path[512];
    FILE *f;
    char *text;
    size_t n;
    df__text_printf(path, sizeof path, "%s/vectors/bad-manifests/%s.txt", DF_TEST_DIR, name);
    f = fopen(path, "rb");
    assert_non_null(f);
    text = calloc(1, 1 << 20);
    assert_non_null(text);
    n = fread(text, 1, (1 << 20) - 1, f);
    fclose(f);
    assert_true(n > 0 && n < (1 << 20) - 1);
    return text;
}

static int hex(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static size_t unescape(char *s, size_t len)
{
    static const char from[] = "rnt", to[] = "\r\n\t";
    size_t i, n = 0;
    for (i = 0; i < len; i++) {
        const char *hit = s[i] == '\\' && i + 1 < len ? strchr(from, s[i + 1]) : NULL;
        if (s[i] == '\\' && i + 3 < len && s[i + 1] == 'x') {
            s[n++] = (char)(hex(s[i + 2]) * 16 + hex(s[i + 3]));
            i += 3;
        } else if (hit) {
            s[n++] = to[hit - from];
            i++;
        } else {
            s[n++] = s[i];
        }
    }
    return n;
}

static void check_case(const char *file, const char *name, char *text, size_t len,
                       const char *expected)
{
    static const char escaped[] = "@escaped\n", cut[] = "@no-newline\n";
    char got[PROBLEMS];
    bench b;
    int escapes = strncmp(text, escaped, sizeof escaped - 1) == 0, rc;
    if (escapes) {
        text += sizeof escaped - 1;
        len -= sizeof escaped - 1;
    }
    if (len >= sizeof cut - 1 && memcmp(text + len - (sizeof cut - 1), cut, sizeof cut - 1) == 0) {
        len -= sizeof cut - 1;
        if (len > 0 && text[len - 1] == '\n')
            len--;
    }
    if (escapes)
        len = unescape(text, len);
    bench_open(&b, 0);
    rc = bench_load(&b, text, len, strcmp(file, "json") == 0 ? "case.json" : "case.yaml");
    bench_problems(&b, got, sizeof got);
    bench_close(&b);
    if (rc != DF_ESPEC || strcmp(got, expected) != 0)
        fail_msg("%s.txt, case \"%s\": status %d\nexpected:\n%sgot:\n%s", file, name, rc, expected,
                 got);
}

static size_t run_file(const char *file)
{
    char *all = read_file(file), *at = all;
    size_t count = 0;
    while (at && strncmp(at, "==== ", 5) == 0) {
        char *name = at + 5, *text = strchr(name, '\n'), *end, *expected, *next;
        assert_non_null(text);
        *text++ = '\0';
        end = strstr(text, "---->\n");
        assert_non_null(end);
        expected = end + 6;
        next = strstr(expected, "==== ");
        at = next;
        if (next) {
            char keep = *next;
            *next = '\0';
            check_case(file, name, text, (size_t)(end - text), expected);
            *next = keep;
        } else {
            check_case(file, name, text, (size_t)(end - text), expected);
        }
        count++;
    }
    free(all);
    return count;
}

#define FILE_TEST(name, least)                                                                     \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        assert_true(run_file(#name) >= (least));                                                   \
    }

FILE_TEST(yaml, 40)
FILE_TEST(json, 30)
FILE_TEST(manifest, 20)
FILE_TEST(stages, 40)
FILE_TEST(router, 12)
FILE_TEST(options, 80)
FILE_TEST(fields, 50)
FILE_TEST(cron, 15)

/* A file that is not in the list above would be run by nobody. */
static void test_every_file_is_run(void **state)
{
    static const char *const files[] = {"yaml.txt",   "json.txt",    "manifest.txt", "stages.txt",
                                        "router.txt", "options.txt", "fields.txt",   "cron.txt"};
    DIR *folder = opendir(DF_TEST_DIR "/vectors/bad-manifests");
    struct dirent *e;
    (void)state;
    assert_non_null(folder);
    while ((e = readdir(folder)) != NULL) {
        size_t i = 0, count = sizeof files / sizeof files[0];
        while (i < count && strcmp(e->d_name, files[i]) != 0)
            i++;
        if (i == count && e->d_name[0] != '.')
            fail_msg("tests/vectors/bad-manifests/%s: no test runs it: give it a FILE_TEST here",
                     e->d_name);
    }
    closedir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yaml),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_stages),
        cmocka_unit_test(test_router),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_cron),
        cmocka_unit_test(test_every_file_is_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
