/* SPDX-License-Identifier: Apache-2.0
 * test_type.c: names of types, as the server writes them. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "connectors/trino/types/type.h"

/* "array(row(a:bigint,b:decimal(10,2)))": kinds by number, so that a test can say all of it. */
static void show(const df__trino_type *t, df__buf *b)
{
    df__buf_printf(b, "%d", (int)t->kind);
    if (t->precision || t->scale)
        df__buf_printf(b, ":%d.%d", t->precision, t->scale);
    for (size_t i = 0; i < t->part_count; i++) {
        df__buf_str(b, i ? "," : "(");
        if (t->names[i].data)
            df__buf_printf(b, "%s=", (const char *)t->names[i].data);
        show(&t->parts[i], b);
    }
    df__buf_str(b, t->part_count ? ")" : "");
}

static void test_names(void **state)
{
    static const struct {
        const char *text, *shown; /* NULL: refused */
    } cases[] = {
        {"bigint", "5"},
        {"DECIMAL(10, 2)", "8:10.2"},
        {"decimal(38,0)", "8:38.0"},
        {"varchar", "9"},
        {"varchar(10)", "9:10.0"},
        {"timestamp(6)", "16:6.0"},
        {"timestamp", "16:3.0"},
        {"timestamp with time zone", "17:3.0"},
        {"timestamp(12) with time zone", "17:12.0"},
        {"time(0) with time zone", "15"},
        {"interval day to second", "0"},
        {"hyperloglog", "0"},
        {"array(varchar)", "20(9)"},
        {"map(varchar, array(row(a bigint, b decimal(3,1))))", "21(9,20(22(a=5,b=8:3.1)))"},
        {"row(x bigint, \"a \"\"b,(\" timestamp(3) with time zone)", "22(x=5,a \"b,(=17:3.0)"},
        {"row(bigint, timestamp(3) with time zone)", "22(5,17:3.0)"},
        {"row(time timestamp with time zone)", "22(time=17:3.0)"},
        {"row(date date)", "22(date=13)"},
        {"", NULL},
        {"array(", NULL},
        {"array()", NULL},
        {"array", NULL},
        {"map(varchar)", NULL},
        {"decimal(2,3)", NULL},
        {"decimal(x)", NULL},
        {"row(\"a bigint)", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        df__arena arena;
        df__trino_type type;
        df__buf b;
        df__arena_init(&arena, &df__heap_libc, 1024);
        df__buf_init(&b, &df__heap_libc);
        int rc =
            df__trino_type_parse(&arena, (df_bytes){cases[i].text, strlen(cases[i].text)}, &type);
        if (!cases[i].shown) {
            assert_status(rc, DF_EDATA);
        } else {
            assert_ok(rc);
            show(&type, &b);
            assert_string_equal(df__buf_cstr(&b), cases[i].shown);
            assert_string_equal(type.name.data, cases[i].text);
        }
        df__buf_free(&b);
        df__arena_free(&arena);
    }
}

/* Far deeper than any type: refused, and the stack is not used up. */
static void test_deep(void **state)
{
    char text[6000] = "";
    df__arena arena;
    df__trino_type type;
    (void)state;
    for (int i = 0; i < 900; i++)
        memcpy(text + 6 * i, "array(", 6);
    memset(text + 5400, ')', 500);
    df__arena_init(&arena, &df__heap_libc, 1024);
    assert_status(df__trino_type_parse(&arena, (df_bytes){text, 5900}, &type), DF_EDATA);
    memset(text, 0, sizeof text);
    for (int i = 0; i < 40; i++)
        memcpy(text + 6 * i, "array(", 6);
    memcpy(text + 240, "bigint", 6);
    memset(text + 246, ')', 40);
    assert_status(df__trino_type_parse(&arena, (df_bytes){text, 286}, &type), DF_EDATA);
    df__arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_deep),
    };
    return cmocka_run_group_tests_name("type", tests, NULL, NULL);
}
