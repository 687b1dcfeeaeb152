/* SPDX-License-Identifier: Apache-2.0
 * test_pattern.c: patterns against libc's regexec, and the time and steps that they take. */
#include "support/support.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/pattern.h"

static df__pattern *compile(const char *text, const char **why)
{
    size_t states = DF__PATTERN_STATES;
    return df__pattern_compile(&df__heap_libc, (df_bytes){text, strlen(text)}, &states, why);
}

/* ---- beside libc ----------------------------------------------------------------------------- */

static void compare(const char *pattern, const char *const *texts, size_t count)
{
    const char *why = "";
    df__pattern *p = compile(pattern, &why);
    regex_t theirs;
    int rc = regcomp(&theirs, pattern, REG_EXTENDED | REG_NOSUB);
    if (!p != (rc != 0))
        fail_msg("\"%s\": ours: %s, libc: %d", pattern, p ? "fine" : why, rc);
    for (size_t i = 0; p && i < count; i++) {
        int want = regexec(&theirs, texts[i], 0, NULL, 0) == 0;
        if (df__pattern_matches(p, texts[i], strlen(texts[i])) != want)
            fail_msg("\"%s\" over \"%s\": libc says %d", pattern, texts[i], want);
    }
    if (rc == 0)
        regfree(&theirs);
    df__pattern_free(p);
}

static void test_the_plain_forms(void **state)
{
    static const char *const texts[] = {
        "",    "a", "b",       "ab",     "ba",   "abc", "xabcx", "aaa",  "aaaa", "a b",
        "a-b", "]", "[",       "-",      "^",    "$",   "a\nb",  "\n",   "A",    "0",
        "7",   "_", "foo bar", "foobar", "{",    "}",   ")",     "a{1}", "\\",   "ab12",
        "\t",  "~", "z",       "acab",   "caab", ".",   "a.b",   "|"};
    static const char *const patterns[] = {
        "", "a", "^a", "a$", "^$", "^", "$", "a|b", "a|", "|a", "a||b", "()", "(|a)b", "a*", "a+",
        "a?b", "(ab)*c", "^(a|b)+$", "a{2}", "a{2,}", "a{2,3}$", "^a{0}$", "^a{0,1}$",
        "^(ab){1,2}$", "a{,2}", "a{,}", ".", "^.$", "^..$", "a.b", "[abc]", "[^abc]", "[a-c]+$",
        "[]]", "[^]]", "[]-]", "[a-]", "[-a]", "[--a]", "[%--]", "[[:alpha:]]", "[[:digit:]_]",
        "[^[:space:]]", "[[:punct:]]", "[[:cntrl:]]", "[[:xdigit:]]$", "[[:graph:]]", "[[:print:]]",
        "[[:blank:]]", "[[:upper:]]", "[[:lower:]]", "[[:alnum:]]", "[[=a=]]", "[[.a.]-c]",
        "[[.-.]]", "\\.", "\\[", "\\$", "\\*", "\\\\", "\\w", "\\W", "\\s", "\\S", "\\bfoo\\b",
        "\\<foo", "bar\\>", "o\\Bb", "\\`a", "b\\'", "a^b", "a$b", "(^a|b)", "(a|b$)c", "((a))",
        "(a*)*b", "(a*)+$", "(a|b*)*c", "a**", "a+?", "a{2}{2}", ")", "a)", "}", "a}", "^a|b$",
        "(a(b(c)))", "[a\\]", "\\n", "x*", "([ac]*a[ac]{3})b", "(ab|a)(bc|c)?$", "a{1,2}{2}$",
        "(a|ab)(c|bcd)?(d*)$",
        /* refused by both */
        "*", "*a", "a|*b", "(*a)", "(", "(a", "[", "[a", "[]", "[^]", "[z-a]", "[a-z-9]",
        "[[:nope:]]", "[[.ab.]]", "[[:alpha:]", "a{", "a{1", "a{x}", "a{3,2}", "a{1,2", "{1}", "^*",
        "\\", "a{99999}", "[[:alpha:]-z]", "[a-[:digit:]]", "+", "?", "(+)", "$+"};
    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        compare(patterns[i], texts, sizeof texts / sizeof *texts);
}

static uint64_t seed = 88172645463325252u;

static unsigned pick(unsigned below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed % below);
}

/* libc takes \B and \< beside one another for more than they say; each alone is compared above. */
static void test_made_by_chance(void **state)
{
    static const char *const parts[] = {"a",     "b",   "c",     ".", "a", "b",    "[ab]",
                                        "[^a]",  "(",   ")",     "|", "*", "+",    "?",
                                        "{1,2}", "{2}", "{0,1}", "^", "$", "[b-c]"};
    (void)state;
    for (int n = 0; n < 20000; n++) {
        char pattern[128] = "", text[8][16] = {{0}};
        const char *texts[8];
        for (unsigned i = 0, len = 1 + pick(9); i < len; i++) {
            size_t at = strlen(pattern);
            snprintf(pattern + at, sizeof pattern - at, "%s",
                     parts[pick(sizeof parts / sizeof *parts)]);
        }
        for (unsigned t = 0; t < 8; t++) {
            for (unsigned i = 0, len = pick(10); i < len; i++)
                text[t][i] = "abcd"[pick(4)];
            texts[t] = text[t];
        }
        compare(pattern, texts, 8);
    }
}

/* ---- limits ---------------------------------------------------------------------------------- */

static char *repeated(const char *unit, size_t times)
{
    size_t len = strlen(unit);
    char *text = malloc(len * times + 1);
    assert_non_null(text);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * len, unit, len);
    text[len * times] = '\0';
    return text;
}

static int64_t time_of(const char *pattern, const char *text)
{
    const char *why = "";
    df__pattern *p = compile(pattern, &why);
    int64_t begun = support_now_ms();
    assert_non_null(p);
    assert_int_equal(df__pattern_matches(p, text, strlen(text)), 0);
    df__pattern_free(p);
    return support_now_ms() - begun;
}

/* 800 kB took minutes, or the memory of the machine, where each place of the text was tried. */
static void test_time_grows_with_the_text_only(void **state)
{
    static const char *const patterns[] = {"error.*timeout", "(a*)*b", "[rore]*e[ro]{18}x",
                                           "(r|ro|o|or|e)*x$", "((r*o*)*(o*r*)*)*x"};
    char *text = repeated("error", 160000);
    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        assert_true(time_of(patterns[i], text) < 5000);
    free(text);
}

static void test_what_is_too_much_is_refused(void **state)
{
    const char *why = "";
    char *groups = repeated("(", 65);
    size_t states = 20;
    (void)state;
    assert_null(compile("((a{100}){100})", &why));
    assert_non_null(strstr(why, "unfold"));
    assert_null(compile("(((((((a{9}){9}){9}){9}){9}){9}){9})", &why));
    assert_null(compile(groups, &why));
    assert_non_null(strstr(why, "groups"));
    assert_null(compile("(a)\\1", &why));
    assert_non_null(strstr(why, "back-references"));
    /* the steps of one condition are counted together */
    df__pattern *p = df__pattern_compile(&df__heap_libc, (df_bytes){"a{15}", 5}, &states, &why);
    assert_non_null(p);
    assert_int_equal(states, 4);
    assert_null(df__pattern_compile(&df__heap_libc, (df_bytes){"a{15}", 5}, &states, &why));
    df__pattern_free(p);
    free(groups);
}

/* Both ways to answer, the table and the run, give one answer: a pattern grows over the table's
 * size by a part that never matters. */
static void test_with_and_without_a_table(void **state)
{
    static const char *const texts[] = {"", "abc", "xxabcabc", "ab", "foo abc", "abc foo", "cab"};
    static const char *const patterns[] = {"^abc", "abc$", "(abc)+$", "\\<abc\\>", "a?b?c?$", "^$"};
    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        char large[128];
        const char *why = "";
        df__pattern *a = compile(patterns[i], &why), *b;
        snprintf(large, sizeof large, "(%s|[01]*0[01]{18}2)", patterns[i]);
        b = compile(large, &why);
        assert_non_null(a);
        assert_non_null(b);
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
            assert_int_equal(df__pattern_matches(a, texts[t], strlen(texts[t])),
                             df__pattern_matches(b, texts[t], strlen(texts[t])));
        df__pattern_free(a);
        df__pattern_free(b);
    }
}

/* Bytes are bytes: a NUL is one as well, and no locale changes what a letter is. */
static void test_bytes(void **state)
{
    const char *why = "";
    df__pattern *dot = compile("^.$", &why), *any = compile("^[^a]{2}$", &why);
    (void)state;
    assert_int_equal(df__pattern_matches(dot, "\xC3\xA9", 2), 0);
    assert_int_equal(df__pattern_matches(dot, "\xE9", 1), 1);
    assert_int_equal(df__pattern_matches(dot, "\0", 1), 0);
    assert_int_equal(df__pattern_matches(any, "\0\xFF", 2), 1);
    df__pattern_free(dot);
    df__pattern_free(any);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_plain_forms),
        cmocka_unit_test(test_made_by_chance),
        cmocka_unit_test(test_time_grows_with_the_text_only),
        cmocka_unit_test(test_what_is_too_much_is_refused),
        cmocka_unit_test(test_with_and_without_a_table),
        cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
