/* SPDX-License-Identifier: Apache-2.0
 * test_position.c: positions as they are stored, those of earlier versions too. */
#include "support/support.h"

#include <string.h>

#include "connectors/iceberg/source/source.h"

static df_bytes text_of(const char *text)
{
    return (df_bytes){text, strlen(text)};
}

static void test_position(void **state)
{
    df__ice_spot at;
    (void)state;
    assert_int_equal(df__ice_position_read(text_of(""), &at), DF_OK);
    assert_int_equal(at.done, ICE_NO_SNAPSHOT);
    assert_int_equal(
        df__ice_position_read(
            text_of("{\"lastAckedSnapshotID\":\"12\",\"lastAckedSnapshotSequence\":3,"
                    "\"tableUUID\":\"u\",\"scanSnapshotID\":\"15\",\"scanFile\":2,"
                    "\"scanRowOffset\":7,\"commit\":\"0a1b\",\"scanCommit\":\"../x\"}"),
            &at),
        DF_OK);
    assert_int_equal(at.done, 12);
    assert_int_equal(at.done_sequence, 3);
    assert_string_equal(at.uuid, "u");
    assert_int_equal(at.target, 15);
    assert_int_equal(at.file, 2);
    assert_int_equal(at.row, 7);
    assert_string_equal(at.done_commit, "0a1b");
    assert_string_equal(at.target_commit, ""); /* no commit, so it goes into no address */
}

/* Its rows were counted over the whole snapshot, so it is begun anew. */
static void test_earlier(void **state)
{
    df__ice_spot at;
    (void)state;
    assert_int_equal(df__ice_position_read(
                         text_of("{\"lastAckedSnapshotID\":\"12\",\"lastAckedSnapshotSequence\":3,"
                                 "\"scanSnapshotID\":\"15\",\"scanRowOffset\":700000}"),
                         &at),
                     DF_OK);
    assert_int_equal(at.done, 12);
    assert_int_equal(at.target, ICE_NO_SNAPSHOT);
    assert_int_equal(at.file, 0);
    assert_int_equal(at.row, 0);
}

static void test_foreign(void **state)
{
    static const char *const texts[] = {
        "x", "[]", "{}", "{\"lastAckedSnapshotID\":12}",
        "{\"lastAckedSnapshotID\":\"1\",\"scanSnapshotID\":\"2\",\"scanFile\":-1}"};
    df__ice_spot at;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(df__ice_position_read(text_of(texts[i]), &at), DF_EDATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_position),
        cmocka_unit_test(test_earlier),
        cmocka_unit_test(test_foreign),
    };
    return cmocka_run_group_tests_name("position", tests, NULL, NULL);
}
