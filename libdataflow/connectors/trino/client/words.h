/* SPDX-License-Identifier: Apache-2.0
 * words.h: what an error of the server means for the flow. */
#ifndef DF_TRINO_WORDS_H
#define DF_TRINO_WORDS_H

/* What to do after it. */
enum df__trino_fate {
    TRINO_FATE_AGAIN,   /* may work later */
    TRINO_FATE_ROW,     /* values of a row are at fault */
    TRINO_FATE_COLUMNS, /* the columns may have changed: look again */
    TRINO_FATE_MISSING, /* table, schema or catalog are not there */
    TRINO_FATE_DENIED,
    TRINO_FATE_LARGE, /* the statement's text is too long */
    TRINO_FATE_NEVER  /* a person must change the server, a right or the manifest */
};

typedef struct df__trino_word {
    const char *name; /* as the server writes it: TABLE_NOT_FOUND */
    enum df__trino_fate fate;
    int open;         /* its text never holds a value of a row */
    const char *hint; /* what to do; NULL: the server's words say it */
} df__trino_word;

/* By name, else by the type of the error (USER_ERROR, INTERNAL_ERROR, …); `text` is what the server
 * says of it. Never NULL. */
const df__trino_word *df__trino_word_of(const char *name, const char *type, const char *text);

#endif
