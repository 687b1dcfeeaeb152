/* SPDX-License-Identifier: Apache-2.0
 * test_changed.c: which rows are older than what a stream has brought: snapshots as the server
 * writes them, and changes at random against a plain list. */
#include <stdio.h>
#include <string.h>

#include "connectors/postgresql/cdc/changed.h"
#include "support/support.h"

enum { CHANGES = 20000, KEYS = 300, OPEN = 40 };

#define BYTES(text)                                                                                \
    (df_bytes)                                                                                     \
    {                                                                                              \
        (text), strlen(text)                                                                       \
    }

static void views(void **state)
{
    static const char *const bad[] = {"", "5", "5:", "5:9", "a:9:", "5:b:", "5:9:x", "5:9:6,x"};
    df__pg_view v = {0};
    (void)state;
    assert_int_equal(df__pg_view_read(&v, &df__heap_libc, "10:20:"), DF_OK);
    assert_true(df__pg_view_sees(&v, 19));
    assert_false(df__pg_view_sees(&v, 20));
    assert_int_equal(df__pg_view_read(&v, &df__heap_libc, "10:20:10,15"), DF_OK);
    assert_true(df__pg_view_sees(&v, 9));
    assert_false(df__pg_view_sees(&v, 10));
    assert_true(df__pg_view_sees(&v, 11));
    assert_false(df__pg_view_sees(&v, 15));
    /* The stream says the lower half of a number. */
    assert_int_equal(df__pg_view_read(&v, &df__heap_libc, "8589934590:8589934597:8589934591"),
                     DF_OK);
    assert_true(df__pg_view_sees(&v, UINT32_MAX - 1));
    assert_false(df__pg_view_sees(&v, UINT32_MAX));
    assert_true(df__pg_view_sees(&v, 4));
    assert_false(df__pg_view_sees(&v, 5));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(df__pg_view_read(&v, &df__heap_libc, bad[i]), DF_EDATA);
    df__pg_view_free(&v, &df__heap_libc);
}

static void ages(void **state)
{
    df__pg_changed c;
    df__pg_view v = {0};
    (void)state;
    df__pg_changed_init(&c, &df__heap_libc, 1 << 20);
    assert_int_equal(df__pg_view_read(&v, &df__heap_libc, "10:20:12"), DF_OK);
    assert_int_equal(df__pg_changed_look(&c, BYTES("a"), &v), PG_ROW_STANDS);
    df__pg_changed_add(&c, BYTES("a"), 11, 1);
    assert_int_equal(df__pg_changed_look(&c, BYTES("a"), &v), PG_ROW_STANDS);
    df__pg_changed_add(&c, BYTES("a"), 12, 0);
    assert_int_equal(df__pg_changed_look(&c, BYTES("a"), &v), PG_ROW_PART);
    df__pg_changed_add(&c, BYTES("a"), 21, 1);
    df__pg_changed_add(&c, BYTES("a"), 22, 0);
    assert_int_equal(df__pg_changed_look(&c, BYTES("a"), &v), PG_ROW_OLD);
    assert_int_equal(df__pg_changed_look(&c, BYTES("b"), &v), PG_ROW_STANDS);
    df__pg_changed_all(&c, 12);
    assert_int_equal(df__pg_changed_look(&c, BYTES("b"), &v), PG_ROW_OLD);
    assert_int_equal(df__pg_view_read(&v, &df__heap_libc, "22:30:22"), DF_OK);
    df__pg_changed_forget(&c, &v);
    assert_int_equal(df__pg_changed_look(&c, BYTES("b"), &v), PG_ROW_STANDS);
    assert_int_equal(df__pg_changed_look(&c, BYTES("a"), &v), PG_ROW_PART);
    df__pg_changed_clear(&c);
    assert_int_equal(df__pg_changed_look(&c, BYTES("a"), &v), PG_ROW_STANDS);
    df__pg_changed_free(&c);
    df__pg_view_free(&v, &df__heap_libc);
}

/* Too many for the limit: it says so, and is of use again when it is emptied. */
static void limit(void **state)
{
    df__pg_changed c;
    char key[32];
    int i;
    (void)state;
    df__pg_changed_init(&c, &df__heap_libc, 8192);
    for (i = 0; i < 1000 && !c.is_lost; i++) {
        snprintf(key, sizeof key, "[\"%d\"]", i);
        assert_int_equal(df__pg_changed_add(&c, BYTES(key), 7, 1), DF_OK);
    }
    assert_true(i > 20 && i < 1000);
    assert_int_equal(df__pg_changed_add(&c, BYTES("more"), 7, 1), DF_OK);
    assert_int_equal(c.count, 0);
    df__pg_changed_clear(&c);
    assert_int_equal(df__pg_changed_add(&c, BYTES("one"), 7, 1), DF_OK);
    assert_int_equal(c.count, 1);
    df__pg_changed_free(&c);
}

typedef struct model {
    uint32_t last[KEYS], whole[KEYS]; /* 0: none */
    uint64_t seed;
} model;

static unsigned dice(model *m, unsigned sides)
{
    m->seed = m->seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (unsigned)(m->seed >> 33) % sides;
}

/* A snapshot near the number, with some transactions before it open. */
static void take_view(model *m, uint32_t xid, df__pg_view *v)
{
    char text[32 + OPEN * 12];
    int len = snprintf(text, sizeof text, "1:%u:", xid + 1 - dice(m, 3));
    const char *between = "";
    for (uint32_t at = xid > OPEN ? xid - OPEN : 1; at + 3 < xid; at++)
        if (dice(m, 4) == 0) {
            len += snprintf(text + len, sizeof text - (size_t)len, "%s%u", between, at);
            between = ",";
        }
    assert_int_equal(df__pg_view_read(v, &df__heap_libc, text), DF_OK);
}

static enum df__pg_age expected(const model *m, unsigned key, const df__pg_view *v)
{
    if (!m->last[key] || df__pg_view_sees(v, m->last[key]))
        return PG_ROW_STANDS;
    return m->whole[key] && !df__pg_view_sees(v, m->whole[key]) ? PG_ROW_OLD : PG_ROW_PART;
}

static void compare(model *m, df__pg_changed *c, const df__pg_view *v)
{
    char key[64];
    for (unsigned k = 0; k < KEYS; k++) {
        snprintf(key, sizeof key, "[\"%0*u\"]", (int)(k % 30), k);
        assert_int_equal(df__pg_changed_look(c, BYTES(key), v), expected(m, k, v));
    }
}

static void at_random(void **state)
{
    static model m = {.seed = 1};
    df__pg_changed c;
    df__pg_view v = {0};
    char key[64];
    (void)state;
    df__pg_changed_init(&c, &df__heap_libc, 1 << 20);
    for (uint32_t xid = 1; xid <= CHANGES; xid++) {
        unsigned k = dice(&m, KEYS);
        int whole = dice(&m, 2) == 0;
        snprintf(key, sizeof key, "[\"%0*u\"]", (int)(k % 30), k);
        assert_int_equal(df__pg_changed_add(&c, BYTES(key), xid, whole), DF_OK);
        m.last[k] = xid;
        m.whole[k] = whole ? xid : m.whole[k];
        if (dice(&m, 100) != 0)
            continue;
        take_view(&m, xid, &v);
        compare(&m, &c, &v);
        df__pg_changed_forget(&c, &v);
        for (k = 0; k < KEYS; k++)
            if (df__pg_view_sees(&v, m.last[k]))
                m.last[k] = m.whole[k] = 0;
        compare(&m, &c, &v);
    }
    df__pg_changed_free(&c);
    df__pg_view_free(&v, &df__heap_libc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views),
        cmocka_unit_test(ages),
        cmocka_unit_test(limit),
        cmocka_unit_test(at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
