/* SPDX-License-Identifier: Apache-2.0
 * statement.h: one statement on its way. It is posted, once, and its replies are followed from one
 * nextUri to the next until there is none. Nothing here waits by itself:
 *
 *     df__trino_post(t, sql, len, TRINO_EFFECT_READS);
 *     while ((rc = df__trino_step(t)) == DF_OK || rc == DF_AGAIN)
 *         rc == DF_OK ? use(&t->page) : df__trino_wait(t, timeout_ms);
 *
 * A GET of a nextUri is asked again when its answer is lost, since the server keeps a page until
 * the next one is asked for. The POST of a statement that writes never is. */
#ifndef DF_TRINO_STATEMENT_H
#define DF_TRINO_STATEMENT_H

#include "client/page.h"
#include "client/session.h"
#include "client/words.h"

enum df__trino_effect { TRINO_EFFECT_READS, TRINO_EFFECT_WRITES };

typedef struct df__trino_statement {
    df__trino_session *session;
    df__http_request *request;
    df__buf sql, next, body; /* next: the nextUri to ask; empty: post */
    df__trino_page page;     /* of the last step that answered DF_OK */
    enum df__trino_effect effect;
    char id[96];     /* the server's name for it; "": not known yet */
    char source[48]; /* ours, in the server's list of queries */
    int is_running, is_posted;
    int relogged; /* a token was refused and another got, since the last good reply */
    unsigned tries;
    int64_t due_us, since_us, until_us; /* next try; first failure in a row; limit, 0: none */
    const df__trino_word *word;         /* of the error that ended it; NULL: none */
} df__trino_statement;

/* A statement of this session, not posted; the session must outlive it. */
void df__trino_statement_init(df__trino_statement *t, df__trino_session *s);
/* Cancels what runs and frees it. */
void df__trino_statement_free(df__trino_statement *t);
/* Takes a copy of the text. timeout_us: of the whole, 0: none. DF_ENOMEM. */
int df__trino_post(df__trino_statement *t, df_bytes sql, enum df__trino_effect effect,
                   int64_t timeout_us);
/* DF_OK: a reply came, see t->page; DF_AGAIN: not yet; DF_DONE: that was the last. A failure has
 * its text on the stage: DF_EIO, DF_ETIMEOUT, DF_EAUTH, DF_ENOTFOUND (TRINO_FATE_MISSING), DF_EDATA
 * (ROW, COLUMNS), DF_ETOOBIG (LARGE), DF_EINVAL (NEVER), DF_EUNKNOWN: it may have been applied. */
int df__trino_step(df__trino_statement *t);
/* Waits for something to come, at most that long. DF_OK, DF_ECANCELED, DF_EIO. */
int df__trino_wait(df__trino_statement *t, int timeout_ms);
/* The next reply, waited for: as df__trino_step, but never DF_AGAIN. */
int df__trino_next(df__trino_statement *t);
/* Follows a statement to its end and drops its rows. DF_OK at the end; a failure
 * as df__trino_next. */
int df__trino_finish(df__trino_statement *t);
/* Ends it at the server, and waits at most a second for that. */
void df__trino_cancel(df__trino_statement *t);

#endif
