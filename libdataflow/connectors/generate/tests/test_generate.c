/* SPDX-License-Identifier: Apache-2.0
 * test_generate.c: templates of the generate source, and the source itself in whole pipelines. */
#include "support/support.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connectors/generate/template.h"
#include "connectors/memory/memory.h"

static df_bytes bytes(const char *s)
{
    return (df_bytes){s, strlen(s)};
}

/* One record of a template as text, freed by the caller. */
static char *render(const char *text, uint64_t seed, uint64_t seq)
{
    df__template *t = malloc(sizeof *t);
    df__template_in in = {.seed = seed, .seq = seq, .now = "NOW", .now_len = 3};
    char err[160], *buf;
    size_t len;
    assert_non_null(t);
    assert_int_equal(df__template_compile(t, bytes(text), err, sizeof err), DF_OK);
    buf = calloc(1, t->max_len + 1);
    assert_non_null(buf);
    len = df__template_write(t, &in, buf);
    assert_true(len <= t->max_len);
    free(t);
    return buf;
}

static void assert_renders(const char *text, uint64_t seq, const char *want)
{
    char *got = render(text, 1, seq);
    assert_string_equal(got, want);
    free(got);
}

static void test_fixed(void **state)
{
    (void)state;
    assert_renders("", 0, "");
    assert_renders("plain } $ {", 0, "plain } $ {");
    assert_renders("{\"id\":${seq}}", 18446744073709551615u, "{\"id\":18446744073709551615}");
    assert_renders("${seq}${seq}", 7, "77");
    assert_renders("${int:5:5}|${int:-3:-3}", 0, "5|-3");
    assert_renders("${float:1.5:1.5}", 0, "1.50");
    assert_renders("${float:-0.25:-0.25:3}", 0, "-0.250");
    assert_renders("${choice:only}", 0, "only");
    assert_renders("${choice:a:b}", 0, "a:b");
    assert_renders("${string:0}", 0, "");
    assert_renders("${now}", 0, "NOW");
}

static void test_random(void **state)
{
    int seen_low = 0, seen_high = 0, seen[3] = {0, 0, 0};
    (void)state;
    for (uint64_t seq = 0; seq < 2000; seq++) {
        char *n = render("${int:-2:2}", 9, seq), *c = render("${choice:aa|b|}", 9, seq);
        int v = (int)strtol(n, NULL, 10);
        assert_in_range(v + 2, 0, 4);
        seen_low |= v == -2;
        seen_high |= v == 2;
        seen[0] |= strcmp(c, "aa") == 0;
        seen[1] |= strcmp(c, "b") == 0;
        seen[2] |= strcmp(c, "") == 0;
        free(n);
        free(c);
    }
    assert_true(seen_low && seen_high && seen[0] && seen[1] && seen[2]);
}

static void test_wide_range(void **state)
{
    (void)state;
    for (uint64_t seq = 0; seq < 200; seq++) {
        char *n = render("${int:-999999999999999999:999999999999999999}", 3, seq);
        long long v = strtoll(n, NULL, 10);
        assert_true(v >= -999999999999999999 && v <= 999999999999999999);
        free(n);
    }
}

static void test_shapes(void **state)
{
    char *uuid = render("${uuid}", 1, 1), *text = render("${string:25}", 1, 1);
    (void)state;
    assert_int_equal(strlen(uuid), 36);
    assert_int_equal(uuid[8], '-');
    assert_int_equal(uuid[14], '4');
    assert_non_null(strchr("89ab", uuid[19]));
    assert_int_equal(strlen(text), 25);
    for (size_t i = 0; i < 25; i++)
        assert_true(isalnum((unsigned char)text[i]) || strchr("_-", text[i]));
    free(uuid);
    free(text);
}

static void test_same_seed_same_records(void **state)
{
    const char *t = "${int:0:1000000}${uuid}${string:9}${float:0:9:4}";
    char *a = render(t, 5, 77), *b = render(t, 5, 77), *c = render(t, 6, 77), *d = render(t, 5, 78);
    (void)state;
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    assert_string_not_equal(a, d);
    free(a);
    free(b);
    free(c);
    free(d);
}

static void test_bad_templates(void **state)
{
    static const char *const bad[][2] = {
        {"${", "not closed"},
        {"${seq", "not closed"},
        {"${}", "unknown placeholder"},
        {"${nope}", "unknown placeholder ${nope}"},
        {"${seq:1}", "${seq}"},
        {"${int}", "${int:LOW:HIGH}"},
        {"${int:2:1}", "${int:LOW:HIGH}"},
        {"${int:x:1}", "${int:LOW:HIGH}"},
        {"${int:1:99999999999999999999}", "${int:LOW:HIGH}"},
        {"${float:1:2:0}", "${float:"},
        {"${float:1:2:10}", "${float:"},
        {"${float:1.234:2}", "${float:"},
        {"${choice}", "${choice:"},
        {"${string:-1}", "${string:LENGTH}"},
        {"${string:70000}", "${string:LENGTH}"},
    };
    df__template *t = malloc(sizeof *t);
    char err[160];
    (void)state;
    assert_non_null(t);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(df__template_compile(t, bytes(bad[i][0]), err, sizeof err), DF_ESPEC);
        if (!strstr(err, bad[i][1]))
            fail_msg("%s: %s", bad[i][0], err);
    }
    free(t);
}

static void test_too_large(void **state)
{
    df__template *t = malloc(sizeof *t);
    char err[160], *many = calloc(1, 300 * 6 + 1);
    (void)state;
    assert_non_null(t);
    assert_non_null(many);
    for (int i = 0; i < 300; i++)
        memcpy(many + i * 6, "${seq}", 6);
    assert_int_equal(df__template_compile(t, bytes(many), err, sizeof err), DF_ESPEC);
    many[0] = '\0';
    for (int i = 0; i < 17; i++)
        strncat(many, "${string:65536}", 20);
    assert_int_equal(df__template_compile(t, bytes(many), err, sizeof err), DF_ESPEC);
    assert_non_null(strstr(err, "longer than"));
    free(many);
    free(t);
}

static void test_now(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {951782399999999, "2000-02-28T23:59:59.999999Z"},
        {951782400000000, "2000-02-29T00:00:00.000000Z"},
        {1798761600000000, "2027-01-01T00:00:00.000000Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
    };
    char buf[32];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf[df__template_now(cases[i].us, buf)] = '\0';
        assert_string_equal(buf, cases[i].text);
    }
}

/* ---- pipelines ------------------------------------------------------------------------------ */

static void assert_row(df__memory *m, size_t index, const char *want)
{
    const df__memory_row *row = m->out.at[index];
    assert_int_equal(row->payload.len, strlen(want));
    assert_memory_equal(row->payload.data, want, row->payload.len);
}

static void test_count_and_order(void **state)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    df__memory *m = df__memory_hold("gen-count");
    (void)state;
    assert_ok(support_run(env,
                          "source: {type: generate, config: {count: 20000, template: 'n${seq}', "
                          "key: 'k${seq}'}}\n"
                          "sink: {type: memory, config: {server: gen-count}}\n",
                          NULL));
    assert_int_equal(df__memory_count(m), 20000);
    for (size_t i = 0; i < 20000; i++) {
        char want[32];
        snprintf(want, sizeof want, "n%zu", i);
        assert_row(m, i, want);
    }
    assert_memory_equal(m->out.at[19999]->key.data, "k19999", 6);
    df__memory_release(m);
    support_env_free(env, &host);
}

static void test_partitions_have_their_share(void **state)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    df__memory *m = df__memory_hold("gen-parts");
    uint64_t next[3] = {0, 1, 2};
    (void)state;
    assert_ok(support_run(env,
                          "source: {type: generate, config: {count: 1000, partitions: 3, "
                          "template: '${seq}'}}\n"
                          "sink: {type: memory, config: {server: gen-parts}}\n",
                          NULL));
    assert_int_equal(df__memory_count(m), 1000);
    for (size_t i = 0; i < 1000; i++) {
        char text[32] = "";
        uint64_t n;
        memcpy(text, m->out.at[i]->payload.data, m->out.at[i]->payload.len);
        n = strtoull(text, NULL, 10);
        assert_int_equal(n, next[n % 3]);
        next[n % 3] += 3;
    }
    df__memory_release(m);
    support_env_free(env, &host);
}

static void test_rate_is_kept(void **state)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    int64_t begun = support_now_ms(), took;
    (void)state;
    assert_ok(support_run(env,
                          "source: {type: generate, config: {count: 100, rate: 200}}\n"
                          "sink: {type: \"null\"}\n",
                          NULL));
    took = support_now_ms() - begun;
    assert_in_range(took, 450, 5000);
    support_env_free(env, &host);
}

static void test_bad_options(void **state)
{
    static const char *const bad[] = {"{template: '${nope}'}", "{key: '${int}'}", "{rate: -1}",
                                      "{partitions: 0}",       "{count: -1}",     "{rat: 1}"};
    support_host host = {0};
    df_env *env = support_env(&host);
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        df_pipeline *p = df_pipeline_new(env, NULL);
        df_stage_def source = {
            .size = sizeof source, .role = DF_SOURCE, .kind = "generate", .config = bad[i]};
        df_stage_def sink = {.size = sizeof sink, .role = DF_SINK, .kind = "null"};
        int rc = df_pipeline_add(p, &source);
        if (rc == DF_OK)
            rc = df_pipeline_add(p, &sink);
        if (rc == DF_OK)
            rc = df_pipeline_check(p);
        if (rc != DF_ESPEC)
            fail_msg("%s: %s", bad[i], df_status_name(rc));
        df_pipeline_free(p);
    }
    support_env_free(env, &host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_wide_range),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_same_seed_same_records),
        cmocka_unit_test(test_bad_templates),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_now),
        cmocka_unit_test(test_count_and_order),
        cmocka_unit_test(test_partitions_have_their_share),
        cmocka_unit_test(test_rate_is_kept),
        cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
