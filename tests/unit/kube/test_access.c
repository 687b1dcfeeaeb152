/* SPDX-License-Identifier: Apache-2.0
 * test_access.c: kubeconfig files as kubectl reads them, and what is said when they cannot be used.
 */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kube/access.h"

static char *dir;

static int make_dir(void **state)
{
    (void)state;
    dir = support_mkdir();
    unsetenv("KUBECONFIG");
    unsetenv("KUBERNETES_SERVICE_HOST");
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    support_rmdir(dir);
    return 0;
}

static const char *file(char *path, const char *name, const char *text)
{
    support_write_file(support_path(path, dir, name), text);
    return path;
}

#define MAIN                                                                                       \
    "apiVersion: v1\nkind: Config\ncurrent-context: dev\n"                                         \
    "clusters:\n"                                                                                  \
    "- name: one\n  cluster: {server: 'https://one:6443/', certificate-authority: ca.pem}\n"       \
    "- name: two\n  cluster: {server: https://two, certificate-authority-data: Y2E=, "             \
    "insecure-skip-tls-verify: true, proxy-url: 'http://proxy:3128'}\n"                            \
    "users:\n"                                                                                     \
    "- name: joe\n  user: {token: secret-token, client-certificate: /abs/joe.pem, "                \
    "client-key: keys/joe.key}\n"                                                                  \
    "- name: ann\n  user: {tokenFile: token, client-certificate-data: Y2VydA==, "                  \
    "client-key-data: a2V5}\n"                                                                     \
    "- name: cloud\n  user: {exec: {command: get-token}}\n"                                        \
    "- name: bad\n  user: {client-key-data: '***'}\n"                                              \
    "contexts:\n"                                                                                  \
    "- name: dev\n  context: {cluster: one, user: joe}\n"                                          \
    "- name: prod\n  context: {cluster: two, user: ann, namespace: shop}\n"                        \
    "- name: cloud\n  context: {cluster: two, user: cloud}\n"                                      \
    "- name: bad\n  context: {cluster: two, user: bad}\n"                                          \
    "- name: nobody\n  context: {cluster: two, user: nobody}\n"                                    \
    "- name: nowhere\n  context: {cluster: three, user: joe}\n"

static void test_contexts(void **state)
{
    char path[512], err[KUBE_TEXT] = "", want[600];
    kube_access a;
    (void)state;
    file(path, "config", MAIN);
    assert_ok(kube_access_from_files(path, NULL, &a, err));
    assert_string_equal(a.context, "dev");
    assert_string_equal(a.namespace_, "default");
    assert_string_equal(a.server, "https://one:6443");
    snprintf(want, sizeof want, "%s/ca.pem", dir);
    assert_string_equal(a.ca_file, want);
    assert_string_equal(a.cert_file, "/abs/joe.pem");
    snprintf(want, sizeof want, "%s/keys/joe.key", dir);
    assert_string_equal(a.key_file, want);
    assert_string_equal(a.token, "secret-token");
    assert_false(a.insecure);
    kube_access_free(&a);
    assert_ok(kube_access_from_files(path, "prod", &a, err));
    assert_string_equal(a.namespace_, "shop");
    assert_string_equal(a.proxy, "http://proxy:3128");
    assert_true(a.insecure);
    assert_int_equal(a.ca.len, 2);
    assert_memory_equal(a.ca.data, "ca", 2);
    assert_memory_equal(a.key.data, "key", 3);
    assert_null(a.token);
    snprintf(want, sizeof want, "%s/token", dir);
    assert_string_equal(a.token_file, want);
    kube_access_free(&a);
    assert_null(a.server);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *context, *text;
        int rc;
    } rows[] = {
        {"cloud", "by a program", DF_ENOTSUP},     {"bad", "no base64", DF_EINVAL},
        {"nobody", "no such user", DF_EINVAL},     {"nowhere", "no such cluster", DF_EINVAL},
        {"missing", "no such context", DF_EINVAL},
    };
    char path[512], err[KUBE_TEXT];
    kube_access a;
    (void)state;
    file(path, "config", MAIN);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_status(kube_access_from_files(path, rows[i].context, &a, err), rows[i].rc);
        if (!strstr(err, rows[i].text))
            fail_msg("%s: %s", rows[i].context, err);
        assert_null(strstr(err, "secret"));
    }
    assert_status(kube_access_from_files("/nowhere/config", NULL, &a, err), DF_ENOTFOUND);
    file(path, "broken", "clusters: [");
    assert_status(kube_access_from_files(path, NULL, &a, err), DF_EINVAL);
    assert_non_null(strstr(err, "line "));
    file(path, "none", "clusters: []\n");
    assert_status(kube_access_from_files(path, NULL, &a, err), DF_EINVAL);
    assert_non_null(strstr(err, "no context is chosen"));
    file(path, "list", "- a\n");
    assert_status(kube_access_from_files(path, NULL, &a, err), DF_EINVAL);
}

/* The first file that sets a name wins; one that is not there is left out. */
static void test_list_of_files(void **state)
{
    char one[512], two[512], list[1200], err[KUBE_TEXT];
    kube_access a;
    (void)state;
    file(one, "first", "clusters:\n- name: one\n  cluster: {server: https://first}\n");
    file(two, "second", MAIN);
    snprintf(list, sizeof list, "%s:/nowhere/x:%s", one, two);
    setenv("KUBECONFIG", list, 1);
    assert_ok(kube_access_find(NULL, NULL, &a, err));
    assert_string_equal(a.server, "https://first");
    assert_string_equal(a.token, "secret-token");
    kube_access_free(&a);
    unsetenv("KUBECONFIG");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contexts),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_list_of_files),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
