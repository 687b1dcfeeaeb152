/* SPDX-License-Identifier: Apache-2.0
 * test_memory.c: what the connector keeps is memory of its stage: it comes from the env's
 * allocator, counts in the budget, and is given back. */
#include <string.h>

#include "core/stage/stage.h"
#include "connectors/postgresql/cdc/relation.h"
#include "connectors/postgresql/sink/encode.h"
#include "connectors/postgresql/sink/guess.h"
#include "connectors/postgresql/sink/rejects.h"
#include "support/support.h"
#include "tables/memory.h"

typedef struct bench {
    df__heap env; /* counts its blocks */
    size_t blocks;
    df_stage st;
    df__heap heap;
} bench;

static void *counted(void *user, void *old, size_t len)
{
    bench *b = user;
    void *p = df__heap_libc.realloc(df__heap_libc.user, old, len);
    b->blocks += !old && p;
    b->blocks -= old && len == 0;
    return p;
}

static void begin(bench *b)
{
    memset(b, 0, sizeof *b);
    b->env = (df__heap){counted, b};
    b->st.heap = &b->env;
    b->heap = df__tables_heap(&b->st);
}

static void assert_taken(bench *b, size_t least)
{
    assert_true(b->blocks > 0);
    assert_true(atomic_load(&b->st.charged) >= (int64_t)least);
}

static void assert_back(bench *b)
{
    assert_int_equal(b->blocks, 0);
    assert_int_equal(atomic_load(&b->st.charged), 0);
}

static void values_of_a_row_count(void **state)
{
    bench b;
    df__pg_encoder e;
    (void)state;
    begin(&b);
    df__pg_encoder_init(&e, &b.heap);
    assert_ok(df__pg_encoder_room(&e, 100));
    assert_taken(&b, 100 * sizeof(df_value));
    df__pg_encoder_free(&e);
    assert_back(&b);
}

static void refusals_count(void **state)
{
    bench b;
    df__pg_rejects r;
    (void)state;
    begin(&b);
    df__pg_rejects_init(&r, &b.heap);
    assert_ok(df__pg_rejects_add(&r, 0, "type_mismatch", "a reason"));
    assert_taken(&b, sizeof "a reason");
    df__pg_rejects_free(&r);
    assert_back(&b);
}

static void guesses_count(void **state)
{
    bench b;
    df__pg_guesses g;
    const df_value one = {.type = DF_V_INT, .u.i = 1};
    (void)state;
    begin(&b);
    df__pg_guesses_init(&g, &b.heap);
    assert_ok(df__pg_guesses_value(&g, (df_bytes){"a", 1}, &one));
    assert_taken(&b, sizeof(df__pg_guess));
    df__pg_guesses_free(&g);
    assert_back(&b);
}

static void relations_count(void **state)
{
    static const char wire[] = "R\0\0\0\x07public\0t\0d\0\1\1id\0\0\0\0\x17\xff\xff\xff\xff";
    bench b;
    df__pgo_message m;
    df__pg_relation *r = NULL;
    (void)state;
    begin(&b);
    assert_ok(df__pgo_decode((df_bytes){wire, sizeof wire - 1}, 0, &m));
    assert_ok(df__pg_relation_read(&m, &b.heap, &r));
    assert_string_equal(r->full.data, "public.t");
    assert_taken(&b, sizeof *r);
    df__pg_relation_free(r);
    assert_back(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_a_row_count),
        cmocka_unit_test(refusals_count),
        cmocka_unit_test(guesses_count),
        cmocka_unit_test(relations_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
