/* SPDX-License-Identifier: Apache-2.0
 * test_copies.c: copies of Secrets of other namespaces: who may have one, what is in it, and what
 * is done about what is there. */
#include "unit/operator/fixture.h"

#include "dfoperator/secrets/copy.h"

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
                strstr(seen.problem, "kubectl -n vault annotate secret pg " OP_ALLOW "=shop"));
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
    memcpy(refused, seen.problem, sizeof refused);
    op_copy_read(&seen, DF_ENOTFOUND, NULL);
    assert_string_equal(seen.problem, refused);
    op_copy_read(&seen, DF_EAUTH, NULL);
    assert_non_null(strstr(seen.problem, "secrets.otherNamespaces"));
    json_object_put(row.keys);
    json_object_put(source);
    json_object_put(flow);
}

#define OURS                                                                                       \
    "{'metadata': {'uid': 'c', 'resourceVersion': '7', 'ownerReferences': [{'controller': true, "  \
    "'uid': 'u1'}]}, 'type': 'Opaque', 'data': {'dsn': %s}}"
#define THEIRS "{'metadata': {'uid': 'c'}, 'type': 'Opaque', 'data': {'dsn': %s}}"
#define OF_OURS                                                                                    \
    "'metadata': {'uid': 'c', 'ownerReferences': [{'controller': true, 'uid': 'u1'}]}, 'data': "   \
    "{'dsn': %s}}"
#define FROZEN "{'type': 'Opaque', 'immutable': true, " OF_OURS
#define TYPED "{'type': 'kubernetes.io/tls', " OF_OURS
/* Our labels, and no owner. `note`: of which Secret it says to be a copy. */
#define LABELLED(note)                                                                             \
    "{'metadata': {'uid': 'c', 'labels': {'" OP_LABEL_OWNED "': 'true', '" OP_LABEL_NAME           \
    "': 'orders', '" OP_LABEL_KIND "': 'DataFlow'}" note "}, 'type': 'Opaque', 'data': {'dsn': "   \
    "%s}}"
#define LEFT LABELLED(", 'annotations': {'" OP_GROUP "/copy-of': 'vault/pg'}")
#define OTHER LABELLED(", 'annotations': {'" OP_GROUP "/copy-of': 'vault/other'}")

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
        /* labels can be anybody's */
        {1, 1, 1, LABELLED(""), "old", OP_COPY_IS_DONE, OP_COPY_REFUSED},
        {1, 1, 1, OTHER, "old", OP_COPY_IS_DONE, OP_COPY_REFUSED},
        {1, 1, 0, LABELLED(""), "old", OP_COPY_IS_DONE, OP_COPY_REFUSED},
        {0, 1, 0, LABELLED(""), "old", OP_COPY_IS_DONE, OP_COPY_GONE},
        {1, 1, 1, LEFT, "old", OP_COPY_UPDATE, OP_COPY_MADE},
        {0, 1, 0, LEFT, "old", OP_COPY_REMOVE, OP_COPY_GONE},
        /* what no update can change is made anew */
        {1, 1, 1, FROZEN, "eA==", OP_COPY_IS_DONE, OP_COPY_MADE},
        {1, 1, 1, FROZEN, "old", OP_COPY_REMOVE, OP_COPY_NEW},
        {1, 1, 1, TYPED, "old", OP_COPY_REMOVE, OP_COPY_NEW},
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

/* API servers leave out empty data: a copy of a Secret without the key is as it should be. */
static void test_nothing_to_copy(void **state)
{
    json_object *flow = fixture_flow("DataFlow", FIXTURE_KAFKA), *source;
    op_copy_row row = row_of_dsn();
    op_copy_seen seen = {.row = &row, .flow = flow};
    op_copy_state then;
    (void)state;
    row.recorded = 1;
    source = op_json("{'metadata': {'annotations': {'" OP_ALLOW "': '*'}}, 'data': {'x': 'eA=='}}");
    op_copy_read(&seen, DF_OK, source);
    seen.live = op_json("{'metadata': {'uid': 'c', 'ownerReferences': [{'controller': true, 'uid': "
                        "'u1'}]}, 'type': 'Opaque'}");
    assert_int_equal(op_copy_decide(&seen, &then), OP_COPY_IS_DONE);
    assert_int_equal(then, OP_COPY_MADE);
    json_object_put(seen.live);
    json_object_put(seen.data);
    json_object_put(source);
    json_object_put(row.keys);
    json_object_put(flow);
}

/* A right that is refused for a moment takes no Secret away from running pods; for long, it does.
 */
static void test_right_is_gone(void **state)
{
    static const struct {
        int rc;
        op_copy_step step;
        op_copy_state then;
    } rows[] = {
        {DF_EAUTH, OP_COPY_IS_DONE, OP_COPY_MADE},
        {DF_EAUTH, OP_COPY_IS_DONE, OP_COPY_MADE},
        {DF_EAUTH, OP_COPY_IS_DONE, OP_COPY_MADE},
        {DF_EAUTH, OP_COPY_REMOVE, OP_COPY_REFUSED},
        {DF_ENOTFOUND, OP_COPY_REMOVE, OP_COPY_REFUSED},
        {DF_EAUTH, OP_COPY_IS_DONE, OP_COPY_MADE},
    };
    json_object *flow = fixture_flow("DataFlow", FIXTURE_KAFKA);
    op_copy_row row = row_of_dsn();
    (void)state;
    row.recorded = 1;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        op_copy_seen seen = {.row = &row, .flow = flow};
        op_copy_state then;
        op_copy_step step;
        seen.live = op_json(OURS, "eA==");
        op_copy_read(&seen, rows[i].rc, NULL);
        step = op_copy_decide(&seen, &then);
        if (step != rows[i].step || then != rows[i].then)
            fail_msg("look %zu: step %d, then %d", i, (int)step, (int)then);
        json_object_put(seen.live);
    }
    json_object_put(row.keys);
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
        cmocka_unit_test(test_grants),        cmocka_unit_test(test_words),
        cmocka_unit_test(test_decisions),     cmocka_unit_test(test_nothing_to_copy),
        cmocka_unit_test(test_right_is_gone), cmocka_unit_test(test_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
