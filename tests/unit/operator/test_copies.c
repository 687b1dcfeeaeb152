/* SPDX-License-Identifier: Apache-2.0
 * test_copies.c: copies of Secrets of other namespaces: who may have one, what is in it, and what
 * is done about what is there. */
#include "fixture.h"

#include "dfoperator/copy.h"

static json_object *source_of(const char *grant)
{
    return op_json("{'metadata': {'annotations': {'" OP_ALLOW "': %s}}, 'data': {'dsn': 'eA==', "
                   "'other': 'eQ=='}}",
                   grant);
}

static op_copy_row row_of_dsn(void)
{
    static char space[] = "vault", name[] = "pg";
    op_copy_row row = {.space = space, .name = name, .copy = "df-orders-secret-1", .wanted = 1};
    row.keys = op_json("{'dsn': null}");
    return row;
}

static void test_grants(void **state)
{
    static const struct {
        const char *grant;
        int good;
    } rows[] = {{"shop", 1},     {"a,shop", 1}, {" a , shop ", 1}, {"a\nshop\nb", 1}, {"*", 1},
                {"a shop b", 1}, {"", 0},       {"shop2", 0},      {"xshop", 0},      {"sho", 0},
                {"shop-a,b", 0}, {"SHOP", 0},   {"sh*", 0},        {"**", 0},         {"shop/", 0}};
    json_object *flow = fixture_flow("DataFlow", FIXTURE_KAFKA);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        op_copy_row row = row_of_dsn();
        op_copy_seen seen = {.row = &row, .flow = flow};
        json_object *source = source_of(rows[i].grant);
        op_copy_read(&seen, DF_OK, source);
        if ((seen.data != NULL) != rows[i].good)
            fail_msg("\"%s\"", rows[i].grant);
        if (rows[i].good)
            assert_string_equal(json_object_to_json_string_ext(seen.data, 0), "{\"dsn\":\"eA==\"}");
        else
            assert_non_null(
                strstr(row.problem, "kubectl -n vault annotate secret pg " OP_ALLOW "=shop"));
        json_object_put(seen.data);
        json_object_put(source);
        json_object_put(row.keys);
    }
    json_object_put(flow);
}

/* A Secret that is not there and one that does not allow it are told in the same words. */
static void test_words(void **state)
{
    json_object *flow = fixture_flow("DataFlow", FIXTURE_KAFKA), *source = source_of("other");
    op_copy_row row = row_of_dsn();
    op_copy_seen seen = {.row = &row, .flow = flow};
    char refused[OP_REFS_TEXT];
    (void)state;
    op_copy_read(&seen, DF_OK, source);
    memcpy(refused, row.problem, sizeof refused);
    op_copy_read(&seen, DF_ENOTFOUND, NULL);
    assert_string_equal(row.problem, refused);
    op_copy_read(&seen, DF_EAUTH, NULL);
    assert_non_null(strstr(row.problem, "secrets.otherNamespaces"));
    json_object_put(row.keys);
    json_object_put(source);
    json_object_put(flow);
}

#define OURS                                                                                       \
    "{'metadata': {'uid': 'c', 'resourceVersion': '7', 'ownerReferences': [{'controller': true, "  \
    "'uid': 'u1'}]}, 'data': {'dsn': %s}}"
#define THEIRS "{'metadata': {'uid': 'c'}, 'data': {'dsn': %s}}"

static void test_decisions(void **state)
{
    static const struct {
        int wanted, recorded, granted;
        const char *live, *value; /* the copy that is there */
        op_copy_step step;
        op_copy_state then;
    } rows[] = {
        {1, 0, 1, NULL, NULL, OP_COPY_IS_DONE, OP_COPY_GRANTED}, /* not before it is recorded */
        {1, 1, 1, NULL, NULL, OP_COPY_CREATE, OP_COPY_MADE},
        {1, 1, 1, OURS, "eA==", OP_COPY_IS_DONE, OP_COPY_MADE},
        {1, 1, 1, OURS, "old", OP_COPY_UPDATE, OP_COPY_MADE},
        {1, 1, 1, THEIRS, "eA==", OP_COPY_IS_DONE, OP_COPY_REFUSED},
        {1, 1, 0, OURS, "eA==", OP_COPY_REMOVE, OP_COPY_REFUSED},
        {1, 1, 0, NULL, NULL, OP_COPY_IS_DONE, OP_COPY_REFUSED},
        {1, 1, 0, THEIRS, "eA==", OP_COPY_IS_DONE, OP_COPY_REFUSED},
        {0, 1, 0, OURS, "eA==", OP_COPY_REMOVE, OP_COPY_GONE},
        {0, 1, 0, NULL, NULL, OP_COPY_IS_DONE, OP_COPY_GONE},
        {0, 1, 0, THEIRS, "eA==", OP_COPY_IS_DONE, OP_COPY_GONE},
    };
    json_object *flow = fixture_flow("DataFlow", FIXTURE_KAFKA);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        op_copy_row row = row_of_dsn();
        op_copy_seen seen = {.row = &row, .flow = flow};
        op_copy_state then;
        op_copy_step step;
        row.wanted = rows[i].wanted;
        row.recorded = rows[i].recorded;
        seen.live = rows[i].live ? op_json(rows[i].live, rows[i].value) : NULL;
        seen.data = rows[i].granted ? op_json("{'dsn': 'eA=='}") : NULL;
        step = op_copy_decide(&seen, &then);
        if (step != rows[i].step || then != rows[i].then)
            fail_msg("row %zu: step %d, then %d", i, (int)step, (int)then);
        json_object_put(seen.live);
        json_object_put(seen.data);
        json_object_put(row.keys);
    }
    json_object_put(flow);
}

static void test_object(void **state)
{
    json_object *flow = fixture_flow("DataFlow", FIXTURE_KAFKA);
    op_copy_row row = row_of_dsn();
    op_copy_seen seen = {.row = &row, .flow = flow};
    json_object *object;
    (void)state;
    seen.data = op_json("{'dsn': 'eA=='}");
    seen.live = op_json(OURS, "old");
    object = op_copy_object(&seen);
    assert_string_equal(op_text(object, "metadata.name"), "df-orders-secret-1");
    assert_string_equal(op_text(object, "metadata.namespace"), "shop");
    assert_string_equal(op_text(object, "metadata.resourceVersion"), "7");
    assert_string_equal(op_text(object, "type"), "Opaque");
    assert_string_equal(op_text(object, "data.dsn"), "eA==");
    assert_string_equal(op_label(object, OP_LABEL_OWNED), "true");
    assert_string_equal(op_annotation(object, OP_GROUP "/copy-of"), "vault/pg");
    assert_int_equal(op_belongs_to(object, OP_FLOW, flow), OP_OURS);
    json_object_put(object);
    json_object_put(seen.live);
    json_object_put(seen.data);
    json_object_put(row.keys);
    json_object_put(flow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grants),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
