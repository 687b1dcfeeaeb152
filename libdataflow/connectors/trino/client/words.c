/* SPDX-License-Identifier: Apache-2.0
 * words.c: the server's error names. Source: StandardErrorCode and ErrorType in core/trino-spi of
 * https://github.com/trinodb/trino, tag 476. */
#include "client/words.h"

#include <stddef.h>
#include <string.h>

static const df__trino_word words[] = {
    {"TABLE_NOT_FOUND", TRINO_FATE_MISSING, 1, NULL},
    {"SCHEMA_NOT_FOUND", TRINO_FATE_MISSING, 1, NULL},
    {"CATALOG_NOT_FOUND", TRINO_FATE_MISSING, 1, NULL},
    {"COLUMN_NOT_FOUND", TRINO_FATE_COLUMNS, 1, NULL},
    {"TYPE_MISMATCH", TRINO_FATE_COLUMNS, 1, NULL},
    {"COLUMN_TYPE_UNKNOWN", TRINO_FATE_COLUMNS, 1, NULL},
    {"MISMATCHED_COLUMN_ALIASES", TRINO_FATE_COLUMNS, 1, NULL},
    {"PERMISSION_DENIED", TRINO_FATE_DENIED, 1, NULL},
    {"QUERY_TEXT_TOO_LARGE", TRINO_FATE_LARGE, 1, NULL},
    {"STACK_OVERFLOW", TRINO_FATE_LARGE, 1, NULL},
    {"QUERY_EXCEEDED_COMPILER_LIMIT", TRINO_FATE_LARGE, 0, NULL},
    {"QUERY_HAS_TOO_MANY_STAGES", TRINO_FATE_LARGE, 1, NULL},
    {"CONSTRAINT_VIOLATION", TRINO_FATE_ROW, 0, NULL},
    {"INVALID_CAST_ARGUMENT", TRINO_FATE_ROW, 0, NULL},
    {"INVALID_LITERAL", TRINO_FATE_ROW, 0, NULL},
    {"INVALID_FUNCTION_ARGUMENT", TRINO_FATE_ROW, 0, NULL},
    {"NUMERIC_VALUE_OUT_OF_RANGE", TRINO_FATE_ROW, 0, NULL},
    {"INVALID_ROW_FILTER", TRINO_FATE_NEVER, 1, NULL},
    {"MERGE_TARGET_ROW_MULTIPLE_MATCHES", TRINO_FATE_NEVER, 1,
     "the table has several rows of one conflictKey (Trino 478 to 481 say this without cause too)"},
    {"NOT_SUPPORTED", TRINO_FATE_NEVER, 1, NULL},
    {"USER_CANCELED", TRINO_FATE_AGAIN, 1, NULL},
    {"ADMINISTRATIVELY_KILLED", TRINO_FATE_AGAIN, 1, NULL},
    {"ADMINISTRATIVELY_PREEMPTED", TRINO_FATE_AGAIN, 1, NULL},
    {"ABANDONED_QUERY", TRINO_FATE_AGAIN, 1, NULL},
    {"ABANDONED_TASK", TRINO_FATE_AGAIN, 1, NULL},
    {"TRANSACTION_CONFLICT", TRINO_FATE_AGAIN, 1, NULL},
    {"QUERY_REJECTED", TRINO_FATE_AGAIN, 1, NULL},
    {"EXCEEDED_TIME_LIMIT", TRINO_FATE_AGAIN, 1,
     "raise queryTimeoutSeconds, or the limits of the server"},
    {"INVALID_SESSION_PROPERTY", TRINO_FATE_NEVER, 1, "check sessionProperties"},
};

/* An error of a user that is not known here: its text may hold a part of the statement. */
static const struct {
    const char *type;
    df__trino_word word;
} types[] = {
    {"USER_ERROR", {"", TRINO_FATE_NEVER, 0, NULL}},
    {"INTERNAL_ERROR", {"", TRINO_FATE_AGAIN, 0, NULL}},
    {"INSUFFICIENT_RESOURCES", {"", TRINO_FATE_AGAIN, 1, NULL}},
    {"EXTERNAL", {"", TRINO_FATE_AGAIN, 0, NULL}},
};

/* Parser and planner have names of their own for it, and older ones the words alone. A failure of
 * the compiler is one of the server, unless it says that what it made was too large. */
static const df__trino_word too_large = {"", TRINO_FATE_LARGE, 0, NULL};

static const df__trino_word another_user = {
    "", TRINO_FATE_DENIED, 1,
    "leave `user` out, so that the statements run under the name of the token or password, or "
    "allow that one the other name in the server's rules"};

static int is_too_large(const char *name, const char *text)
{
    return strstr(text, "statement is too large") ||
           (strcmp(name, "COMPILER_ERROR") == 0 && strstr(text, "too large"));
}

const df__trino_word *df__trino_word_of(const char *name, const char *type, const char *text)
{
    if (is_too_large(name, text))
        return &too_large;
    if (strcmp(name, "PERMISSION_DENIED") == 0 && strstr(text, "cannot impersonate user"))
        return &another_user;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].name, name) == 0)
            return &words[i];
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].type, type) == 0)
            return &types[i].word;
    return &types[1].word;
}
