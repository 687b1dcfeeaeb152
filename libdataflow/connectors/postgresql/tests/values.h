/* SPDX-License-Identifier: Apache-2.0
 * values.h: what tests of values share: JSON text as a value, which lives as long as the program.
 */
#ifndef DF_PG_TESTS_VALUES_H
#define DF_PG_TESTS_VALUES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "record/record.h"

static df__arena arena;

static inline df_value json(const char *text)
{
    df__tree *tree = NULL;
    char why[200];
    df_value v;
    df_bytes in = {text, strlen(text)};
    assert_int_equal(df__tree_parse(&arena, in, &tree, why, sizeof why), DF_OK);
    df__tree_root(tree, &v);
    return v;
}

static inline int set_up(void **state)
{
    (void)state;
    df__arena_init(&arena, &df__heap_libc, 4096);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    df__arena_free(&arena);
    return 0;
}

#endif
