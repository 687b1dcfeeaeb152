/* SPDX-License-Identifier: Apache-2.0
 * test_select.c: where the statement of `query` ends. */
#include "connectors/postgresql/poll/select.h"
#include "support/record_help.h"

#define NONE "none"
#define MORE "more"

static const struct {
    const char *text, *want; /* NULL: all of it */
} cases[] = {
    {"SELECT 1", NULL},
    {"SELECT 1;", "SELECT 1"},
    {"SELECT 1 ; ;\n", "SELECT 1 "},
    {"SELECT 1; -- the newest\n", "SELECT 1"},
    {"SELECT 1; -- the newest", "SELECT 1"},
    {"SELECT 1; /* one /* in another */ ; */", "SELECT 1"},
    {"SELECT 1 -- no end;", NULL},
    {"SELECT 1 /* ; */ + 2", NULL},
    {"SELECT ';', \";\", $$;$$, $a$;$$;$a$", NULL},
    {"SELECT 'it''s;'", NULL},
    {"SELECT E'it\\'s;'; --", "SELECT E'it\\'s;'"},
    {"SELECT 'it\\'; --", "SELECT 'it\\'"},
    {"SELECT typE'\\'; -- no escape in a word", "SELECT typE'\\'"},
    {"SELECT a$1;", "SELECT a$1"},
    {"SELECT $1$ ; -- no tag", "SELECT $1$ "},
    {"SELECT 5 - -1;", "SELECT 5 - -1"},
    {"SELECT ';", NULL},
    {"SELECT /* ;", NULL},
    {"SELECT $$ ;", NULL},
    {"SELECT $", NULL},
    {"SELECT 1; SELECT 2", MORE},
    {"SELECT 1; 'x'", MORE},
    {"SELECT 1; -- a line\rSELECT 2", MORE},
    {"SELECT 1 -- a line\r; -- another", "SELECT 1 -- a line\r"},
    {"", NONE},
    {" \n;-- x\n/* y */", NONE},
};

static void ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        df_bytes text = {cases[i].text, strlen(cases[i].text)};
        size_t len = 0;
        int rc = df__pg_select_end(text, &len);
        const char *want = cases[i].want ? cases[i].want : cases[i].text;
        int code = DF_OK;
        if (strcmp(want, NONE) == 0 || strcmp(want, MORE) == 0)
            code = strcmp(want, NONE) == 0 ? DF_ENOTFOUND : DF_EDATA;
        if (rc != code || (rc == DF_OK && (len != strlen(want) || memcmp(text.data, want, len))))
            fail_msg("%s: %d, %.*s", cases[i].text, rc, (int)len, (const char *)text.data);
    }
}

/* No text is read past its end, wherever it is cut. */
static void cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t k = 0; k <= strlen(cases[i].text); k++) {
            char *copy = malloc(k ? k : 1);
            size_t len;
            memcpy(copy, cases[i].text, k);
            df__pg_select_end((df_bytes){copy, k}, &len);
            free(copy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends),
        cmocka_unit_test(cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
