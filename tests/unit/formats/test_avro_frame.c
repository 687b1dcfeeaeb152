/* SPDX-License-Identifier: Apache-2.0
 * test_avro_frame.c: the frame of a schema registry, and what is none, by its name. */
#include "support/avro_help.h"

static void frames(void **state)
{
    static const unsigned char raw[] = {0, 0x01, 0x02, 0x03, 0xff, 7, 8};
    unsigned char again[DF_AVRO_FRAME];
    df__avro_frame f;
    df__avro_error error;
    (void)state;
    assert_int_equal(df__avro_frame_read((df_bytes){raw, 7}, &f, &error), DF_OK);
    assert_int_equal(f.id, 0x010203ff);
    assert_int_equal(f.body.len, 2);
    df_avro_frame_write(f.id, again);
    assert_memory_equal(again, raw, sizeof again);
    assert_int_equal(df__avro_frame_read((df_bytes){raw, 5}, &f, &error), DF_OK);
    assert_int_equal(f.body.len, 0);
}

static void others(void **state)
{
    static const struct {
        const char *hex, *want;
    } cases[] = {{"00000000", "ends inside"},
                 {"c301", "single-object"},
                 {"4f626a01", "container file"},
                 {"7b7d", "looks like JSON"},
                 {"0300 00112233445566778899aabbccddeeff", "AWS Glue"},
                 {"0200", "does not begin with 0"},
                 {"", "is empty"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char raw[32];
        df__avro_frame f;
        df__avro_error error = {""};
        df_bytes payload = {raw, unhex(cases[i].hex, raw)};
        assert_int_equal(df__avro_frame_read(payload, &f, &error), DF_EDATA);
        if (!strstr(error.text, cases[i].want))
            fail_msg("%s: %s", cases[i].hex, error.text);
    }
}

static void guids(void **state)
{
    unsigned char raw[17];
    char text[37];
    (void)state;
    unhex("01 00112233445566778899aabbccddeeff", raw);
    assert_int_equal(df_avro_guid((df_bytes){raw, 17}, text), DF_OK);
    assert_string_equal(text, "00112233-4455-6677-8899-aabbccddeeff");
    assert_int_equal(df_avro_guid((df_bytes){raw, 16}, text), DF_EDATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(frames), cmocka_unit_test(others),
                                       cmocka_unit_test(guids)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
