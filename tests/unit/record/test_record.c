/* SPDX-License-Identifier: Apache-2.0
 * Records: bytes stay until something changes, fates, and payloads that are not JSON. */
#include "support/record_help.h"

static void untouched_bytes_are_forwarded(void **state)
{
    static const char json[] = " { \"a\" : 1.0 , \"a\" : 2 } ";
    df_value v, gone = typed_value(DF_V_ABSENT);
    df_bytes out;
    held h;
    (void)state;
    held_init(&h, json);
    assert_int_equal(get(&h.r, "a", &v), DF_OK);
    assert_int_equal(set(&h.r, "q", &gone), DF_OK);
    assert_int_equal(set(&h.r, "q.r", &gone), DF_OK);
    assert_int_equal(df_record_payload(&h.r, &out), DF_OK);
    assert_ptr_equal(out.data, json);
    assert_false(h.r.changed);
    held_free(&h);
}

static void written_once(void **state)
{
    df_value v = int_value(2);
    df_bytes first, second;
    df__arena a;
    held h;
    (void)state;
    held_init(&h, "{\"a\":1}");
    assert_int_equal(set(&h.r, "a", &v), DF_OK);
    assert_int_equal(df_record_payload(&h.r, &first), DF_OK);
    df__arena_init(&a, &df__heap_libc, 512);
    assert_int_equal(df__record_write(&h.r, &a, &second), DF_OK);
    assert_ptr_equal(first.data, second.data);
    v = int_value(3);
    assert_int_equal(set(&h.r, "a", &v), DF_OK);
    assert_int_equal(df__record_write(&h.r, &a, &second), DF_OK);
    assert_text(second, "{\"a\":3}");
    assert_text(h.r.payload, "{\"a\":1}"); /* the original stays for the error sink */
    df__arena_free(&a);
    held_free(&h);
}

/* Refused by whatever would end it or make something else of it; JSON is parsed for that once. */
static void promised_json_is_checked(void **state)
{
    df_value one = int_value(1);
    df_bytes other = bytes_of("{}");
    const df__tree *tree;
    held h;
    int how;
    (void)state;
    for (how = 0; how < 4; how++) {
        held_init(&h, "not JSON");
        df_record_json_only(&h.r, "do so");
        if (how == 0)
            df_record_drop(&h.r);
        else if (how == 1)
            assert_int_equal(df_record_set_payload(&h.r, other), DF_OK);
        else if (how == 2)
            assert_int_equal(df_record_set_root(&h.r, &one), DF_EDATA);
        else
            assert_int_equal(df_record_root(&h.r, &one), DF_EDATA);
        assert_int_equal(h.r.state, DF__RECORD_REJECTED);
        assert_non_null(strstr(h.r.reject->text, "not JSON: "));
        assert_non_null(strstr(h.r.reject->text, " (do so)"));
        assert_payload(&h.r, "not JSON");
        held_free(&h);
    }
    held_init(&h, "{\"a\":1}");
    df_record_json_only(&h.r, "do so");
    assert_int_equal(df__record_check(&h.r), DF_OK);
    tree = h.r.tree;
    assert_non_null(tree);
    assert_int_equal(get(&h.r, "a", &one), DF_OK);
    assert_ptr_equal(h.r.tree, tree);
    df_record_drop(&h.r);
    assert_int_equal(h.r.state, DF__RECORD_DROPPED);
    held_free(&h);
}

static void payload_is_replaced(void **state)
{
    df_value v;
    df_bytes out;
    held h;
    (void)state;
    held_init(&h, "not JSON");
    assert_int_equal(get(&h.r, "a", &v), DF_EDATA);
    assert_int_equal(get(&h.r, "a", &v), DF_EDATA);
    assert_non_null(strstr(h.r.why, "not JSON"));
    assert_int_equal(df_record_set_payload(&h.r, bytes_of("{\"a\":[1]}")), DF_OK);
    assert_int_equal(get(&h.r, "a[0]", &v), DF_OK);
    assert_json(&v, "1");
    assert_payload(&h.r, "{\"a\":[1]}");
    v = int_value(7);
    assert_int_equal(set(&h.r, "b", &v), DF_OK);
    assert_payload(&h.r, "{\"a\":[1],\"b\":7}");
    assert_int_equal(df_record_set_payload(&h.r, bytes_of("raw")), DF_OK);
    assert_payload(&h.r, "raw");
    assert_int_equal(set(&h.r, "b", &v), DF_EDATA);
    assert_payload(&h.r, "raw");
    assert_int_equal(df_record_set_payload(&h.r, bytes_of(NULL)), DF_OK);
    assert_int_equal(df_record_payload(&h.r, &out), DF_OK);
    assert_null(out.data);
    assert_int_equal(df_record_root(&h.r, &v), DF_EDATA);
    assert_text(h.r.payload, "not JSON");
    held_free(&h);
}

/* A reader of another thread gets the tree without touching the record. */
static void tree_for_readers(void **state)
{
    static const char *const payloads[] = {"{\"a\":1}", "raw"};
    df__arena scratch;
    df__tree *t = NULL;
    df_value v;
    char err[100];
    held h;
    size_t i;
    (void)state;
    df__arena_init(&scratch, &df__heap_libc, 512);
    held_init(&h, "{\"a\":0}");
    assert_int_equal(df__record_tree(&h.r, &scratch, &t, err, sizeof err), DF_OK);
    df__tree_root(t, &v);
    assert_json(&v, "{\"a\":0}");
    assert_null(h.r.tree);
    for (i = 0; i < 2; i++) {
        assert_int_equal(df_record_set_payload(&h.r, bytes_of(payloads[i])), DF_OK);
        assert_int_equal(df__record_tree(&h.r, &scratch, &t, err, sizeof err),
                         i ? DF_EDATA : DF_OK);
        df__tree_root(t, &v);
        if (i)
            assert_non_null(strstr(err, "not JSON"));
        else
            assert_json(&v, payloads[i]);
    }
    assert_int_equal(df_record_set_payload(&h.r, bytes_of(NULL)), DF_OK);
    assert_int_equal(df__record_tree(&h.r, &scratch, &t, err, sizeof err), DF_EDATA);
    held_free(&h);
    df__arena_free(&scratch);
}

static void tombstone(void **state)
{
    df_value v = int_value(1);
    df_bytes out;
    held h;
    (void)state;
    held_init(&h, NULL);
    assert_int_equal(df_record_payload(&h.r, &out), DF_OK);
    assert_null(out.data);
    assert_int_equal(set(&h.r, "a", &v), DF_EDATA);
    assert_non_null(strstr(h.r.why, "no payload"));
    assert_int_equal(df_record_set_root(&h.r, &v), DF_OK);
    assert_payload(&h.r, "1");
    held_free(&h);
}

/* A value that JSON cannot hold is no root: the record keeps the one it has. */
static void root_that_cannot_be_written(void **state)
{
    df_value text = {.type = DF_V_STRING, .text = "\xFF\xFE", .len = 2};
    df_value number = {.type = DF_V_NUMBER, .text = "1x", .len = 2};
    held h;
    (void)state;
    held_init(&h, "{\"a\":1}");
    assert_int_equal(df_record_set_root(&h.r, &text), DF_EDATA);
    assert_int_equal(df_record_set_root(&h.r, &number), DF_EDATA);
    assert_payload(&h.r, "{\"a\":1}");
    held_free(&h);
}

/* What only looks at a payload, however it is spaced and escaped, does not rewrite it. */
static void replaced_bytes_are_forwarded(void **state)
{
    static const char text[] = "{ \"a\" : 1.0, \"b\":\"\\u0041\" }";
    df_value v;
    held h;
    (void)state;
    held_init(&h, "{}");
    assert_int_equal(df_record_set_payload(&h.r, bytes_of(text)), DF_OK);
    assert_int_equal(get(&h.r, "b", &v), DF_OK);
    assert_payload(&h.r, text);
    held_free(&h);
}

/* A part of the record becomes the whole, with and without an edit before. */
static void root_from_a_part(void **state)
{
    df_value v, x = int_value(9);
    held h;
    int edited;
    (void)state;
    for (edited = 0; edited < 2; edited++) {
        held_init(&h, "{\"op\":\"u\",\"after\":{\"id\":10.0,\"l\":[{}]},\"before\":null}");
        if (edited)
            assert_int_equal(set(&h.r, "new", &x), DF_OK);
        assert_int_equal(get(&h.r, "after", &v), DF_OK);
        assert_int_equal(df_record_set_root(&h.r, &v), DF_OK);
        assert_payload(&h.r, "{\"id\":10.0,\"l\":[{}]}");
        assert_int_equal(set(&h.r, "z", &x), DF_OK);
        assert_int_equal(set(&h.r, "l[0].q", &x), DF_OK);
        assert_payload(&h.r, "{\"id\":10.0,\"l\":[{\"q\":9}],\"z\":9}");
        assert_int_equal(get(&h.r, "op", &v), DF_OK);
        assert_int_equal(v.type, DF_V_ABSENT);
        held_free(&h);
    }
}

static void fates(void **state)
{
    held h;
    (void)state;
    held_init(&h, "{}");
    assert_true(df_record_live(&h.r));
    h.r.held = 1;
    assert_false(df_record_live(&h.r));
    h.r.held = 0;
    df_record_drop(&h.r);
    assert_false(df_record_live(&h.r));
    assert_int_equal(h.r.state, DF__RECORD_DROPPED);
    held_free(&h);

    held_init(&h, "{}");
    assert_int_equal(df_record_failf(&h.r, DF_EDATA, "field %d is %s", 3, "bad"), DF_EDATA);
    assert_string_equal(h.r.reject->text, "field 3 is bad");
    assert_int_equal(h.r.reject->status, DF_EDATA);
    assert_string_equal(h.r.reject->reason, "invalid_data");
    assert_false(df_record_live(&h.r));
    df_record_drop(&h.r); /* a rejected record stays rejected, and keeps its first reason */
    assert_int_equal(df_record_reject(&h.r, DF_EINVAL, "other", "later"), DF_EINVAL);
    assert_int_equal(h.r.state, DF__RECORD_REJECTED);
    assert_string_equal(h.r.reject->text, "field 3 is bad");
    held_free(&h);

    held_init(&h, "{}");
    assert_int_equal(df_record_reject(&h.r, DF_EDATA, "cast_error", NULL), DF_EDATA);
    assert_string_equal(h.r.reject->reason, "cast_error");
    assert_non_null(h.r.reject->text);
    held_free(&h);
}

static void no_memory_to_say_why(void **state)
{
    counting c;
    held h;
    (void)state;
    counting_init(&c, 1);
    held_init_in(&h, &c.heap, bytes_of("{}"));
    assert_int_equal(df_record_fail(&h.r, DF_EDATA, "x"), DF_EDATA);
    assert_int_equal(h.r.state, DF__RECORD_REJECTED);
    assert_non_null(h.r.reject->text);
    held_free(&h);
}

static void plain_parts(void **state)
{
    char name[] = "h1", value[] = "v1";
    df_header headers[3] = {{name, {value, 2}}, {"h2", {NULL, 0}}, {"h1", {"", 0}}}, got;
    df_info info = {sizeof info, 0, 0, 0, NULL};
    df_bytes key;
    held h;
    (void)state;
    held_init(&h, "{}");
    h.r.time_us = 5;
    h.r.offset = 7;
    h.r.partition = "orders/3";
    assert_int_equal(df_record_set_op(&h.r, DF_OP_DELETE), DF_OK);
    assert_int_equal(df_record_set_op(&h.r, 99), DF_EINVAL);
    assert_int_equal(df_record_info(&h.r, &info), DF_OK);
    assert_int_equal(info.size, sizeof info);
    assert_int_equal(info.time_us, 5);
    assert_int_equal(info.offset, 7);
    assert_int_equal(info.op, DF_OP_DELETE);
    assert_string_equal(info.partition, "orders/3");
    assert_int_equal(df_record_set_headers(&h.r, headers, 3), DF_OK);
    memset(name, 'x', 2);
    memset(value, 'x', 2);
    assert_int_equal(df_record_header(&h.r, 0, &got), DF_OK);
    assert_string_equal(got.name, "h1");
    assert_text(got.value, "v1");
    assert_int_equal(df_record_header(&h.r, 1, &got), DF_OK);
    assert_null(got.value.data);
    assert_int_equal(df_record_header(&h.r, 3, &got), DF_DONE);
    assert_int_equal(df_record_key(&h.r, &key), DF_OK);
    assert_null(key.data);
    assert_int_equal(df_record_set_key(&h.r, bytes_of("")), DF_OK);
    assert_int_equal(df_record_key(&h.r, &key), DF_OK);
    assert_non_null(key.data);
    assert_int_equal(key.len, 0);
    assert_int_equal(df_record_set_key(&h.r, bytes_of(NULL)), DF_OK);
    assert_int_equal(df_record_key(&h.r, &key), DF_OK);
    assert_null(key.data);
    assert_int_equal(df_record_route(&h.r, 2, "errors"), DF_OK);
    assert_int_equal(h.r.route, 2);
    assert_string_equal(h.r.route_label, "errors");
    assert_int_equal(df_record_route(&h.r, -1, NULL), DF_EINVAL);
    held_free(&h);
}

static int fails_cleanly(const df__heap *heap)
{
    df_header header = {"name", {"value", 5}};
    df_value v = string_value("text"), root;
    df_bytes out;
    held h;
    int rc;
    held_init_in(&h, heap, bytes_of("{\"a\":{\"b\":1}}"));
    rc = df_record_set_headers(&h.r, &header, 1);
    if (rc == DF_OK)
        rc = df_record_set_key(&h.r, bytes_of("key"));
    if (rc == DF_OK)
        rc = df_record_set_meta(&h.r, "m", &v);
    if (rc == DF_OK)
        rc = df_record_set_payload(&h.r, bytes_of("{\"a\":{\"b\":2}}"));
    if (rc == DF_OK)
        rc = get(&h.r, "a", &root);
    if (rc == DF_OK)
        rc = df_record_set_root(&h.r, &root);
    if (rc == DF_OK)
        rc = set(&h.r, "c.d", &v);
    if (rc == DF_OK)
        rc = df_record_payload(&h.r, &out);
    if (rc == DF_OK)
        assert_text(out, "{\"b\":2,\"c\":{\"d\":\"text\"}}");
    held_free(&h);
    return rc;
}

static void no_memory(void **state)
{
    (void)state;
    each_failure(fails_cleanly);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(untouched_bytes_are_forwarded),
        cmocka_unit_test(written_once),
        cmocka_unit_test(promised_json_is_checked),
        cmocka_unit_test(payload_is_replaced),
        cmocka_unit_test(tree_for_readers),
        cmocka_unit_test(tombstone),
        cmocka_unit_test(root_from_a_part),
        cmocka_unit_test(root_that_cannot_be_written),
        cmocka_unit_test(replaced_bytes_are_forwarded),
        cmocka_unit_test(fates),
        cmocka_unit_test(no_memory_to_say_why),
        cmocka_unit_test(plain_parts),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
