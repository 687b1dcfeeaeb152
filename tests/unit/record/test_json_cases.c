/* SPDX-License-Identifier: Apache-2.0
 * test_json_cases.c: vectors/json-cases.txt through both parsers of the library and through
 * json-c: what RFC 8259 takes is taken and means the same, what it refuses is refused. */
#include "support/record_help.h"

#include "document/document.h"

#ifndef DF_TEST_DIR
#define DF_TEST_DIR "tests"
#endif

enum { LEAST = 500 };

/* "<0a>" becomes a byte, "<200*[>" becomes 200 of them. */
static df__buf unescape(const char *text)
{
    df__buf out;
    df__buf_init(&out, &df__heap_libc);
    while (*text) {
        char *end = NULL;
        unsigned long n;
        const char *close = *text == '<' ? strchr(text, '>') : NULL;
        if (!close) {
            df__buf_char(&out, *text++);
            continue;
        }
        n = strtoul(text + 1, &end, 10);
        if (*end == '*')
            while (n--)
                df__buf_add(&out, end + 1, (size_t)(close - end - 1));
        else
            df__buf_char(&out, (char)strtoul(text + 1, NULL, 16));
        text = close + 1;
    }
    return out;
}

/* 1: json-c takes it; *ret may be NULL, which is its null. Its limit of nesting is raised. */
static int by_json_c(const char *text, size_t len, json_object **ret)
{
    json_tokener *tok = json_tokener_new_ex(1000);
    int taken;
    assert_non_null(tok);
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    *ret = json_tokener_parse_ex(tok, text, (int)len);
    if (json_tokener_get_error(tok) == json_tokener_continue)
        *ret = json_tokener_parse_ex(tok, " ", 1); /* a number may have gone on */
    taken = json_tokener_get_error(tok) == json_tokener_success;
    json_tokener_free(tok);
    return taken;
}

/* 1: bytes above 127 are there, and this json-c (0.18) takes them for control characters. */
static int beyond_json_c(const char *text, size_t len)
{
    static int blind = -1;
    json_object *got = NULL;
    if (blind < 0) {
        blind = !by_json_c("\"\xc3\xa9\"", 4, &got);
        json_object_put(got);
    }
    for (size_t i = 0; i < len && blind; i++)
        if (text[i] & 0x80)
            return 1;
    return 0;
}

/* Status of the record's parser; with `compare` what it wrote means `want` to json-c. */
static int by_record(df_bytes text, int compare, json_object *want)
{
    df__arena a;
    df__tree *t = NULL;
    df_bytes out;
    char err[200] = "";
    df__arena_init(&a, &df__heap_libc, 512);
    int rc = df__tree_parse(&a, text, &t, err, sizeof err);
    if (rc == DF_OK) {
        assert_int_equal(df__tree_write(t, &a, &out), DF_OK);
        if (compare && !beyond_json_c(out.data, out.len)) {
            json_object *got = NULL;
            if (!by_json_c(out.data, out.len, &got) || !json_object_equal(got, want))
                fail_msg("%.*s became %.*s", (int)text.len, (const char *)text.data, (int)out.len,
                         (const char *)out.data);
            json_object_put(got);
        }
    } else {
        assert_true(err[0] != '\0');
    }
    df__arena_free(&a);
    return rc;
}

/* 1: the manifest's parser takes it; without a byte order mark, which it allows. */
static int by_spec(df_bytes text)
{
    df__arena a;
    df__problems *p = df__problems_new(&df__heap_libc);
    df_text in = {sizeof in, "x.json", text.data, text.len};
    int taken;
    df__arena_init(&a, &df__heap_libc, 4096);
    taken = df__doc_parse(&a, &in, p) != NULL;
    assert_true(taken || df__problems_count(p, DF_ERROR) > 0);
    df__arena_free(&a);
    df__problems_free(p);
    return taken;
}

static void check(int line, char kind, const char *escaped)
{
    df__buf text = unescape(escaped);
    df_bytes bytes = {text.data ? text.data : "", text.len};
    json_object *theirs = NULL;
    int good = kind == 'y' || kind == 't';
    int taken = by_json_c(bytes.data, bytes.len, &theirs);
    int rc = by_record(bytes, good && taken, theirs);
    if (rc != (good ? DF_OK : DF_EDATA))
        fail_msg("line %d: %c %.60s: status %d", line, kind, escaped, rc);
    if (by_spec(bytes) != good && (bytes.len < 3 || memcmp(bytes.data, "\xef\xbb\xbf", 3) != 0))
        fail_msg("line %d: %c %.60s: the manifest's parser differs", line, kind, escaped);
    if (strchr("yn", kind) && taken != (kind != 'n') && !beyond_json_c(bytes.data, bytes.len))
        fail_msg("line %d: %c %.60s: json-c differs", line, kind, escaped);
    json_object_put(theirs);
    df__buf_free(&text);
}

static void cases(void **state)
{
    static char row[256];
    FILE *f = fopen(DF_TEST_DIR "/vectors/json-cases.txt", "rb");
    int count = 0, line = 0;
    (void)state;
    assert_non_null(f);
    while (fgets(row, sizeof row, f)) {
        line++;
        row[strcspn(row, "\n")] = '\0';
        if (!row[0] || row[0] == '#')
            continue;
        assert_true(strchr("ynNtr", row[0]) != NULL && row[1] == ' ');
        check(line, row[0], row + 2);
        count++;
    }
    fclose(f);
    assert_true(count >= LEAST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
