/* SPDX-License-Identifier: Apache-2.0
 * test_documents.c: files of several YAML documents, and the Secrets in them. */
#include <string.h>

#include "common/documents.h"
#include "support/support.h"

static void what_is_in_a_file(void **state)
{
    static const struct {
        const char *text, *seen; /* line kind/space/name flow, for each */
    } rows[] = {
        {"", ""},
        {"# nothing\n---\n...\n---\n", ""},
        {"source: 1\n", "1 // flow;"},
        {"# a\n%YAML 1.1\n---\nsource: 1\n", "3 // flow;"},
        {"\xef\xbb\xbf---\r\nkind: Secret\r\nmetadata: {name: a, namespace: n}\r\n---\r\n",
         "1 Secret/n/a;"},
        {"kind: Secret\nmetadata:\n  name: s\n---\napiVersion: dataflow.dataflow.io/v1\n"
         "kind: DataFlow\nmetadata: {name: f, namespace: n}\n---\n# only a remark\n---\n"
         "kind: ConfigMap\n",
         "1 Secret//s;4 DataFlow/n/f flow;10 ConfigMap//;"},
        {"kind: DataFlowCron\n...\n---\nkind: Job\n", "1 DataFlowCron// flow;3 Job//;"},
        {"--- {kind: Secret}\n---\tx\n--- # y\n---z: 1\n", "1 Secret//;2 // flow;3 // flow;"},
        {"a: |\n  ---\n  b\n", "1 // flow;"},
        {"a: [1\n---\nkind: Secret\n", "1 // flow;2 Secret//;"},
        {"kind: Job\napiVersion: dataflow.dataflow.io/v1\n", "1 Job// flow;"},
        {"a: &x {name: y}\nmetadata: *x\nkind: Secret\n", "1 Secret//y;"},
        {"kind: [a]\nmetadata: b\n", "1 // flow;"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        app_documents d;
        df__buf seen;
        df__buf_init(&seen, &df__heap_libc);
        assert_int_equal(app_documents_read(&d, rows[i].text, strlen(rows[i].text)), 0);
        for (size_t k = 0; k < d.count; k++)
            df__buf_printf(&seen, "%d %s/%s/%s%s;", d.rows[k].line, d.rows[k].kind, d.rows[k].space,
                           d.rows[k].name, d.rows[k].is_flow ? " flow" : "");
        assert_string_equal(df__buf_cstr(&seen), rows[i].seen);
        df__buf_free(&seen);
        app_documents_free(&d);
    }
}

static void values_of_a_secret(void **state)
{
    static const char text[] = "kind: Secret\nstringData: {a: plain, both: first}\n"
                               "data: {b: Zm9v, both: Zm9v, bad: 'x y', list: [1], \"\": Zg==}\n";
    static const struct {
        const char *key, *value, *why;
    } rows[] = {{"a", "plain", NULL},
                {"b", "foo", NULL},
                {"both", "first", NULL},
                {"", "f", NULL},
                {"bad", "", "its value is not base64"},
                {"list", "", "it has no such key"},
                {"none", "", "it has no such key"}};
    app_documents d;
    (void)state;
    assert_int_equal(app_documents_read(&d, text, strlen(text)), 0);
    assert_int_equal(d.count, 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        df__buf out;
        const char *why;
        df__buf_init(&out, &df__heap_libc);
        why = app_document_secret(text, &d.rows[0], rows[i].key, &out);
        if (rows[i].why)
            assert_string_equal(why, rows[i].why);
        else
            assert_null(why);
        if (!why)
            assert_string_equal(df__buf_cstr(&out), rows[i].value);
        df__buf_free(&out);
    }
    app_documents_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_a_file),
        cmocka_unit_test(values_of_a_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
