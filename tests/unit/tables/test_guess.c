/* SPDX-License-Identifier: Apache-2.0
 * test_guess.c: the columns that a first batch of records asks for. */
#include "tables/guess.h"

#include <stdio.h>
#include <string.h>

#include "support/support.h"

enum { TEXT = 1000 };
static char found[TEXT]; /* name:type of each column, in order */

typedef struct guesser { /* options */
    int any_case, metadata;
    df_bytes prefix;
} guesser;

#define ROW_OF(n, t, m)                                                                            \
    {                                                                                              \
        .name = n, .type = t, .offset = offsetof(guesser, m), .doc = "As df__guesses has it."      \
    }
static const df_option option_rows[] = {
    ROW_OF("anyCase", DF_OPT_BOOL, any_case),
    ROW_OF("metadata", DF_OPT_BOOL, metadata),
    ROW_OF("prefix", DF_OPT_TEXT, prefix),
};
static const df_options options = DF_OPTIONS(option_rows, guesser);

static void put(const df__guessed *row)
{
    static const char *const names[] = {"nothing", "bool", "long", "decimal", "double", "moment",
                                        "stamp",   "date", "time", "bytes",   "text"};
    df__guess_type type = df__guess_type_of(row);
    size_t at = strlen(found);
    int n = snprintf(found + at, sizeof found - at, "%s%.*s:%s", at ? " " : "", (int)row->name.len,
                     (const char *)row->name.data, names[type.guess]);
    if (type.guess == DF__GUESS_DECIMAL)
        snprintf(found + at + n, sizeof found - at - (size_t)n, "(%d,%d)", type.precision,
                 type.scale);
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    const guesser *how = self;
    df__guesses g;
    (void)st;
    df__guess_init(&g, &df__heap_libc);
    g.any_case = how->any_case;
    g.metadata = how->metadata;
    g.prefix = how->prefix;
    assert_ok(df__guess_columns(&g, parcel));
    found[0] = '\0';
    for (size_t i = 0; i < g.count; i++)
        put(&g.rows[i]);
    df__guess_free(&g);
    return DF_OK;
}

static const df_sink_ops ops = {.size = sizeof ops, .write = sink_write};
static const df_connector connector = {.size = sizeof connector,
                                       .name = "guesser",
                                       .doc = "Tells the columns of its records.",
                                       .sink_size = sizeof(guesser),
                                       .sink_options = &options,
                                       .sink = &ops};

static int setup(void **state)
{
    support_fixture *f;
    if (support_setup(state))
        return -1;
    f = *state;
    found[0] = '\0';
    return df_connector_register(f->env, &connector);
}

static void columns_are(support_fixture *f, const char *lines, const char *config,
                        const char *expected)
{
    char yaml[1200];
    support_write_file(f->in, lines);
    snprintf(yaml, sizeof yaml,
             "source: {type: stdio, config: {path: %s}}\nsink: {type: guesser, config: {%s}}\n",
             f->in, config);
    assert_ok(support_run(f->env, yaml, NULL));
    assert_string_equal(found, expected);
}

/* Each value of the batch counts, not the first one alone. */
static void values(void **state)
{
    columns_are(*state,
                "{\"n\":null,\"b\":true,\"i\":1,\"d\":1,\"t\":\"x\",\"o\":{\"a\":1},\"l\":[1]}\n"
                "{\"n\":null,\"b\":null,\"i\":-9223372036854775808,\"d\":19.99,\"t\":\"y\"}\n"
                "{\"late\":\"2026-01-02T03:04:05.123456Z\"}\n",
                "", "n:nothing b:bool i:long d:decimal(38,10) t:text o:text l:text late:moment");
}

/* What no number keeps becomes text: too many digits, too many decimals, two kinds of value. */
static void widened(void **state)
{
    columns_are(*state,
                "{\"a\":1,\"b\":0.12345678901,\"c\":1e28,\"d\":1,\"e\":\"2026-01-02T03:04:05Z\"}\n"
                "{\"a\":\"x\",\"b\":1,\"c\":1,\"d\":true,\"e\":\"soon\"}\n",
                "", "a:text b:text c:text d:text e:text");
}

static void names(void **state)
{
    columns_are(*state, "{\"Id\":1,\"id\":\"x\",\"\":1}\n", "", "Id:long id:text");
    columns_are(*state, "{\"Id\":1,\"id\":2.5,\"\":1}\n", "anyCase: true", "Id:decimal(38,10)");
}

/* The time of a record is one, whatever its text; `data` has a column of its own. */
static void metadata(void **state)
{
    columns_are(*state,
                "{\"value\":1,\"_metadata\":{\"timestamp\":\"x\",\"offset\":7,\"data\":1}}\n",
                "metadata: true", "timestamp:moment offset:long");
    columns_are(*state,
                "{\"value\":1,\"_metadata\":{\"timestamp\":\"x\",\"offset\":7,\"data\":1}}\n",
                "metadata: true, prefix: m_", "m_timestamp:moment m_offset:long m_data:long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values, setup, support_teardown),
        cmocka_unit_test_setup_teardown(widened, setup, support_teardown),
        cmocka_unit_test_setup_teardown(names, setup, support_teardown),
        cmocka_unit_test_setup_teardown(metadata, setup, support_teardown),
    };
    return cmocka_run_group_tests_name("guess", tests, NULL, NULL);
}
