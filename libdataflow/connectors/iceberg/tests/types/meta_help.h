/* SPDX-License-Identifier: Apache-2.0
 * meta_help.h: a table's metadata out of a catalog's answer. */
#ifndef DF_ICEBERG_TESTS_META_HELP_H
#define DF_ICEBERG_TESTS_META_HELP_H

#include "connectors/iceberg/types/meta.h"
#include "support/support.h"

static inline void read_meta(const char *reply, df__ice_meta *m)
{
    char why[ICE_SHOWN];
    df__ice_answer a = {.status = 200};
    df__buf_init(&a.body, &df__heap_libc);
    df__buf_str(&a.body, reply);
    assert_int_equal(df__ice_meta_read(&a, m, why), DF_OK);
    df__buf_free(&a.body);
}

#endif
