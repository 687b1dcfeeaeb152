/* SPDX-License-Identifier: Apache-2.0
 * test_status.c: codes, names, fates, and that docs/errors.md has them all. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_every_code(void **state)
{
    char *doc = support_read_file(DF_TEST_DIR "/../docs/errors.md");
    int seen[64] = {0}, status = 99;
    size_t n = 0;
    (void)state;
    while (df_status_at(n, &status) == DF_OK) {
        char row[64];
        assert_in_range(status + 32, 0, 63);
        assert_false(seen[status + 32]);
        seen[status + 32] = 1;
        assert_true(strncmp(df_status_name(status), "DF_", 3) == 0);
        assert_true(df_status_text(status)[0] != '\0');
        assert_in_range(df_status_fate(status), DF_FATE_NONE, DF_FATE_STOP);
        assert_int_equal(df_status_fate(status) == DF_FATE_NONE, status >= 0);
        snprintf(row, sizeof row, "\n| %s |", df_status_name(status));
        if (!strstr(doc, row))
            fail_msg("docs/errors.md has no row for %s", df_status_name(status));
        n++;
    }
    assert_int_equal(n, 26);
    for (int code = DF_EINTERNAL; code <= DF_MORE; code++)
        assert_true(seen[code + 32]); /* no hole */
    status = 99;
    assert_status(df_status_at(n, &status), DF_DONE);
    assert_int_equal(status, 99);
    free(doc);
}

static void test_fates(void **state)
{
    static const int rows[][2] = {
        {DF_OK, DF_FATE_NONE},         {DF_AGAIN, DF_FATE_NONE},     {DF_EIO, DF_FATE_RETRY},
        {DF_ETIMEOUT, DF_FATE_RETRY},  {DF_EAUTH, DF_FATE_RETRY},    {DF_EUNKNOWN, DF_FATE_RESOLVE},
        {DF_EDATA, DF_FATE_REJECT},    {DF_ETOOBIG, DF_FATE_SPLIT},  {DF_EREWIND, DF_FATE_REWIND},
        {DF_EFENCED, DF_FATE_RELEASE}, {DF_EINTERNAL, DF_FATE_STOP}, {-1000, DF_FATE_STOP},
        {1000, DF_FATE_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(df_status_fate(rows[i][0]), rows[i][1]);
    assert_string_equal(df_status_name(-1000), "DF_UNKNOWN_STATUS");
    assert_string_equal(df_status_text(1000), "unknown status");
}

static void test_version(void **state)
{
    char text[32];
    int v = df_version();
    (void)state;
    assert_int_equal(v, DF_VERSION);
    snprintf(text, sizeof text, "%d.%d.%d", v / 10000, v / 100 % 100, v % 100);
    assert_string_equal(df_version_string(), text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code),
        cmocka_unit_test(test_fates),
        cmocka_unit_test(test_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
