/* SPDX-License-Identifier: Apache-2.0
 * test_pack.c: texts come out of the packing as they went in, whatever the first one was, and are
 * small when they are like it. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/objects.h"

/* As texts of one kind are: a form with a few words of its own. */
static size_t text_of(char *ret, size_t cap, int number, int len)
{
    size_t at = (size_t)snprintf(
        ret, cap, "{\"metadata\":{\"name\":\"df-%06d\",\"uid\":\"%08x\"},\"spec\":\"", number,
        (unsigned)number * 2654435761u);
    unsigned random = 7;
    for (int i = 0; i < len; i++)
        ret[at++] = (char)(' ' + (random = random * 1103515245u + 12345u) / 65536u % 95);
    ret[at] = '\0';
    return at;
}

static void test_like(void **state)
{
    static char text[40000];
    kube_objects all = {0};
    char key[32];
    size_t at = 0, plain = 0;
    const kube_object *o;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        size_t len = text_of(text, sizeof text, i, 2000);
        snprintf(key, sizeof key, "n/df-%d", i);
        assert_int_equal(kube_objects_pack(&all, kube_objects_add(&all, key), text, len), DF_OK);
        plain += len;
    }
    assert_in_range(all.bytes, 1000, plain / 20);
    while ((o = kube_objects_next(&all, &at))) {
        char *is = kube_object_text(o);
        size_t len = text_of(text, sizeof text, (int)strtol(o->key + 5, NULL, 10), 2000);
        assert_int_equal(o->text_len, len);
        assert_string_equal(is, text);
        free(is);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "n/df-%d", i);
        kube_objects_remove(&all, key);
    }
    assert_int_equal(all.bytes, 0);
    kube_objects_free(&all);
}

static void comes_back(kube_objects *all, const char *text, size_t len)
{
    kube_object *o = kube_objects_add(all, "a");
    char *is;
    assert_int_equal(kube_objects_pack(all, o, text, len), DF_OK);
    is = kube_object_text(o);
    assert_int_equal(o->text_len, len);
    assert_memory_equal(is, text, len + 1);
    free(is);
}

/* A first one that is short, longer than what is kept of it, or of bytes that are no text. */
static void test_unlike(void **state)
{
    static char text[40000];
    static const int lengths[] = {0, 1, 8000, 9000, 16384, 30000};
    (void)state;
    for (size_t first = 0; first < sizeof lengths / sizeof *lengths; first++) {
        kube_objects all = {0};
        comes_back(&all, text, text_of(text, sizeof text, 1, lengths[first]));
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            comes_back(&all, text, text_of(text, sizeof text, (int)i, lengths[i]));
        comes_back(&all, "", 0);
        comes_back(&all, "\xff\0\x01", 3);
        kube_objects_set_text(&all, kube_objects_get(&all, "a"), strdup("plain"), 5);
        assert_int_equal(all.bytes, 5);
        kube_objects_free(&all);
    }
    kube_objects all = {0};
    comes_back(&all, "", 0);
    comes_back(&all, "{}", 2);
    kube_objects_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_like),
        cmocka_unit_test(test_unlike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
