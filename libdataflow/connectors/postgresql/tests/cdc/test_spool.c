/* SPDX-License-Identifier: Apache-2.0
 * test_spool.c: transactions under way, against a model of sub-transactions that are released and
 * undone in all ways; in memory, in files, at the border; files that cannot be written. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "captured.h"
#include "connectors/postgresql/cdc/pgoutput.h"
#include "connectors/postgresql/cdc/spool.h"
#include "support/support.h"

enum { DEPTH = 6, CHANGES = 4000, INNER = 512, OUT = 1000 };

/* ---- a transaction as a server has it -------------------------------------------------------- */

typedef struct sub {
    uint32_t xid;               /* 0: it has changed nothing yet */
    uint32_t done[INNER];       /* those inside it that were released */
    size_t done_count, changes; /* changes: how many the transaction had when it began */
} sub;

typedef struct model {
    sub stack[DEPTH];
    int depth;
    uint32_t xid; /* given last */
    uint64_t seed;
    uint64_t changes[CHANGES]; /* that stand: their LSNs */
    size_t count;
    uint64_t lsn;
} model;

static unsigned dice(model *m, unsigned sides)
{
    m->seed = m->seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (unsigned)(m->seed >> 33) % sides;
}

static size_t text_of(uint64_t lsn, char *to)
{
    size_t len = (size_t)(lsn * 2654435761U >> 7) % 300;
    for (size_t i = 0; i < len; i++)
        to[i] = (char)('a' + (lsn + i) % 26);
    return len;
}

/* Outer ones get their numbers first. */
static uint32_t number_of(model *m, int depth)
{
    for (int i = 0; i <= depth; i++)
        if (!m->stack[i].xid) {
            m->xid += m->xid == UINT32_MAX ? 4 : 1; /* no transaction has 0, 1 or 2 */
            m->stack[i].xid = m->xid;
        }
    return m->stack[depth].xid;
}

static void change(model *m, df__pg_spool *s, df__pg_kept *t)
{
    char text[300];
    uint32_t xid = number_of(m, m->depth);
    m->lsn++;
    assert_ok(df__pg_spool_add(s, t, xid, m->lsn, (df_bytes){text, text_of(m->lsn, text)}));
    m->changes[m->count++] = m->lsn;
}

static void begin(model *m)
{
    sub *inner = &m->stack[++m->depth];
    memset(inner, 0, sizeof *inner);
    inner->changes = m->count;
}

static void release(model *m)
{
    sub *inner = &m->stack[m->depth--], *outer = &m->stack[m->depth];
    for (size_t i = 0; i < inner->done_count; i++)
        outer->done[outer->done_count++] = inner->done[i];
    if (inner->xid)
        outer->done[outer->done_count++] = inner->xid;
}

/* The server names those inside it first. */
static void undo(model *m, df__pg_spool *s, df__pg_kept *t)
{
    sub *inner = &m->stack[m->depth--];
    for (size_t i = 0; i < inner->done_count; i++)
        assert_ok(df__pg_spool_undo(s, t, inner->done[i]));
    if (inner->xid)
        assert_ok(df__pg_spool_undo(s, t, inner->xid));
    m->count = inner->changes;
}

static void step(model *m, df__pg_spool *s, df__pg_kept *t)
{
    unsigned n = dice(m, 10);
    if (n == 0 && m->depth + 1 < DEPTH)
        begin(m);
    else if (n == 1 && m->depth > 0 && m->stack[m->depth - 1].done_count < INNER / 2)
        release(m);
    else if (n == 2 && m->depth > 0)
        undo(m, s, t);
    else if (m->count < CHANGES)
        change(m, s, t);
}

static void compare(model *m, df__pg_spool *s, df__pg_kept *t)
{
    char want[300];
    uint64_t lsn;
    df_bytes got;
    for (size_t i = 0; i < m->count; i++) {
        assert_ok(df__pg_spool_next(s, t, &lsn, &got));
        assert_int_equal(lsn, m->changes[i]);
        size_t len = text_of(lsn, want);
        assert_int_equal(got.len, len);
        assert_memory_equal(got.data, want, len);
    }
    assert_status(df__pg_spool_next(s, t, &lsn, &got), DF_DONE);
}

static void run(uint64_t seed, size_t limit, const char *dir)
{
    enum { AT_ONCE = 3 };
    static model m[AT_ONCE];
    df__pg_spool s;
    df__pg_kept *t[AT_ONCE];
    df__pg_spool_init(&s, &df__heap_libc, dir, limit);
    memset(m, 0, sizeof m);
    for (int i = 0; i < AT_ONCE; i++) { /* one of them just before numbers begin anew */
        m[i].seed = seed * 31 + (uint64_t)i;
        m[i].xid = i == 1 ? UINT32_MAX - 3 : 1000 + (uint32_t)i;
        t[i] = df__pg_spool_begin(&s, number_of(&m[i], 0));
        assert_non_null(t[i]);
        assert_ptr_equal(df__pg_spool_find(&s, m[i].stack[0].xid), t[i]);
    }
    for (int n = 0; n < 3000; n++) {
        int i = (int)dice(&m[0], AT_ONCE);
        step(&m[i], &s, t[i]);
        assert_true(s.held <= limit);
    }
    for (int i = 0; i < AT_ONCE; i++)
        compare(&m[i], &s, t[i]);
    df__pg_spool_drop(&s, t[1]);
    df__pg_spool_clear(&s);
    assert_int_equal(s.held, 0);
    assert_int_equal(s.filed, 0);
    assert_null(s.kept);
}

static void as_the_model(void **state)
{
    int fds = support_fds();
    char *dir = support_mkdir();
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        run(seed, 1 << 20, dir); /* never a file */
        run(seed, 0, dir);       /* never a tail */
        run(seed, 2000, dir);
    }
    assert_int_equal(support_fds(), fds);
    assert_int_equal(rmdir(dir), 0); /* nothing with a name was made */
    free(dir);
}

/* ---- as servers send it ---------------------------------------------------------------------- */

static size_t unhex(const char *hex, unsigned char *to)
{
    size_t len = strlen(hex) / 2;
    char digits[3] = "";
    for (size_t i = 0; i < len; i++) {
        memcpy(digits, hex + 2 * i, 2);
        to[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    return len;
}

/* "I4 ": kind and the first value of its row. */
static void note(const df__pgo_message *m, char *out)
{
    df__pgo_value v = {PGO_KIND_NULL, {"", 0}};
    if (m->row.at)
        df__pgo_value_at(m->row.at, &v);
    size_t len = strlen(out);
    snprintf(out + len, OUT - len, "%c%.*s ", m->kind, (int)v.data.len, (const char *)v.data.data);
}

static void read_back(df__pg_spool *s, df__pg_kept *t, char *out)
{
    df__pgo_message m;
    df_bytes change;
    uint64_t lsn;
    while (df__pg_spool_next(s, t, &lsn, &change) == DF_OK) {
        assert_ok(df__pgo_decode(change, 1, &m));
        note(&m, out);
    }
    df__pg_spool_drop(s, t);
}

/* What stands outside of the parts. */
static df__pg_kept *outside(df__pg_spool *s, const df__pgo_message *m, char *out)
{
    df__pg_kept *t = df__pg_spool_find(s, m->xid);
    note(m, out);
    if (m->kind == 'S') {
        assert_int_equal(t == NULL, m->flags & 1);
        return t ? t : df__pg_spool_begin(s, m->xid);
    }
    if (m->kind == 'A' && m->subxid != m->xid)
        assert_ok(df__pg_spool_undo(s, t, m->subxid));
    else if (m->kind == 'A')
        df__pg_spool_drop(s, t);
    else if (m->kind == 'c')
        read_back(s, t, out);
    return NULL;
}

static void follow(const char *const *captured, size_t limit, const char *want)
{
    unsigned char bytes[512];
    char out[OUT] = "";
    df__pg_spool s;
    df__pg_kept *t = NULL;
    char *dir = support_mkdir();
    df__pg_spool_init(&s, &df__heap_libc, dir, limit);
    for (uint64_t lsn = 1; *captured; captured++, lsn++) {
        df__pgo_message m;
        df_bytes wire = {bytes, unhex(*captured, bytes)};
        assert_ok(df__pgo_decode(wire, t != NULL, &m));
        if (!t)
            t = outside(&s, &m, out);
        else if (m.kind == 'E')
            t = NULL;
        else
            assert_ok(df__pg_spool_add(&s, t, m.xid, lsn, wire));
    }
    assert_null(s.kept);
    assert_string_equal(out, want);
    df__pg_spool_clear(&s);
    support_rmdir(dir);
}

/* The table is described again after what was undone, and not once more after the transaction. */
static void as_captured(void **state)
{
    (void)state;
    for (size_t limit = 0; limit <= 4096; limit += 1024) {
        follow(captured_15, limit, "S S S S S S A A S S S S c R I1 R I4 M U1 S S S A B I5 C ");
        follow(captured_18, limit, "S S S S S S A A S S S S c R I1 R I4 M U1 B I5 C ");
    }
}

/* ---- single cases ---------------------------------------------------------------------------- */

static void undone_while_it_is_read_back(void **state)
{
    df__pg_spool s;
    uint64_t lsn;
    df_bytes got;
    static char large[200000]; /* larger than what is read at once */
    char *dir = support_mkdir();
    (void)state;
    memset(large, 'x', sizeof large);
    df__pg_spool_init(&s, &df__heap_libc, dir, 10);
    df__pg_kept *t = df__pg_spool_begin(&s, 7);
    assert_ok(df__pg_spool_add(&s, t, 7, 1, (df_bytes){large, sizeof large}));
    assert_ok(df__pg_spool_add(&s, t, 9, 2, (df_bytes){"b", 1}));
    assert_ok(df__pg_spool_undo(&s, t, 8)); /* one that did nothing here: what is inside it goes */
    assert_ok(df__pg_spool_add(&s, t, 10, 3, (df_bytes){"", 0}));
    assert_ok(df__pg_spool_next(&s, t, &lsn, &got));
    assert_int_equal(got.len, sizeof large);
    assert_memory_equal(got.data, large, sizeof large);
    assert_ok(df__pg_spool_next(&s, t, &lsn, &got));
    assert_int_equal(lsn, 3);
    assert_int_equal(got.len, 0);
    assert_status(df__pg_spool_next(&s, t, &lsn, &got), DF_DONE);
    assert_null(df__pg_spool_find(&s, 8));
    df__pg_spool_clear(&s);
    support_rmdir(dir);
}

static void files_that_fail(void **state)
{
    struct rlimit was, small = {4096, 4096};
    df__pg_spool s;
    static const char bytes[3000];
    char *dir = support_mkdir();
    (void)state;
    df__pg_spool_init(&s, &df__heap_libc, "/nonexistent", 10);
    assert_true(df__pg_spool_try("/nonexistent") != 0);
    assert_int_equal(df__pg_spool_try(dir), 0);
    df__pg_kept *t = df__pg_spool_begin(&s, 7);
    assert_status(df__pg_spool_add(&s, t, 7, 1, (df_bytes){bytes, sizeof bytes}), DF_EIO);
    assert_true(s.error != 0);
    df__pg_spool_clear(&s);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    small.rlim_max = was.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    df__pg_spool_init(&s, &df__heap_libc, dir, 10);
    t = df__pg_spool_begin(&s, 7);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_ok(df__pg_spool_add(&s, t, 7, 1, (df_bytes){bytes, sizeof bytes}));
    int rc = df__pg_spool_add(&s, t, 7, 2, (df_bytes){bytes, sizeof bytes});
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_status(rc, DF_EIO);
    df__pg_spool_clear(&s);
    support_rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_model),
        cmocka_unit_test(as_captured),
        cmocka_unit_test(undone_while_it_is_read_back),
        cmocka_unit_test(files_that_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
