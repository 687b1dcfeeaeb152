/* SPDX-License-Identifier: Apache-2.0
 * test_statement.c: the statement protocol against a coordinator that fails in every way: what is
 * asked again, what never is, and what is known of a statement whose answer was lost. Each through
 * a whole flow. ctest: threaded */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/net/http_peer.h"

typedef support_fixture fixture;

/* What the coordinator does with a statement that writes. */
enum post { POST_GOOD, POST_LOST, POST_BUSY, POST_LARGE };

typedef struct coordinator {
    http_peer peer;
    enum post post;
    int next; /* status of the first answers to a nextUri; 0: they are good */
    int bad_nexts;
    const char *state;   /* of the statement in the list of queries; "": it is not there */
    const char *error;   /* of the statement: "NAME","TYPE" in its JSON; NULL: it ends well */
    int failures;        /* how many fail with it; 0: all */
    const char *token;   /* that is asked for; NULL: none */
    const char *foreign; /* where its nextUri leads; NULL: here */
    int down;            /* the token of which number Keycloak does not give; each lives a second */
    _Atomic int posts, nexts, denied, deletes, lookups, tokens;
    char sql[8192];
} coordinator;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of `sql` */

static const char columns[] =
    "{\"id\":\"q1\",\"columns\":[{\"name\":\"column_name\",\"type\":\"varchar\"},{\"name\":"
    "\"data_type\",\"type\":\"varchar\"},{\"name\":\"is_nullable\",\"type\":\"varchar\"}],\"data\":"
    "[[\"id\",\"bigint\",\"NO\"],[\"v\",\"varchar(5)\",\"YES\"],[\"d\",\"double\",\"YES\"]],"
    "\"stats\":{\"state\":\"FINISHED\"}}";

static int say(peer_conn *c, const char *json)
{
    peer_reply(c, 200, "Content-Type: application/json\r\n", json);
    return 1;
}

static int say_next(coordinator *w, peer_conn *c)
{
    char text[512];
    snprintf(text, sizeof text, "{\"id\":\"q2\",\"nextUri\":\"%s/v1/statement/q2/1\",\"stats\":{}}",
             w->foreign ? w->foreign : w->peer.url);
    return say(c, text);
}

static int write_statement(coordinator *w, peer_conn *c, const peer_request *q)
{
    int first = w->posts++ == 0;
    pthread_mutex_lock(&lock); /* each connection has a thread of its own */
    snprintf(w->sql, sizeof w->sql, "%s", q->body);
    pthread_mutex_unlock(&lock);
    if (w->post == POST_LOST && first)
        return 0;
    if (w->post == POST_LARGE) {
        peer_reply(c, 413, "", "");
        return 1;
    }
    if (w->post == POST_BUSY && first) {
        peer_reply(c, 503, "Retry-After: 0\r\n", "");
        return 1;
    }
    return say_next(w, c);
}

static int look_up(coordinator *w, peer_conn *c)
{
    char text[512];
    w->lookups++;
    snprintf(
        text, sizeof text,
        "{\"id\":\"q3\",\"columns\":[{\"name\":\"state\",\"type\":\"varchar\"}],\"data\":[%s%s%s],"
        "\"stats\":{}}",
        w->state[0] ? "[\"" : "", w->state, w->state[0] ? "\"]" : "");
    return say(c, text);
}

static int give_token(coordinator *w, peer_conn *c)
{
    if (++w->tokens != w->down)
        return say(c, "{\"access_token\":\"good-token\",\"expires_in\":1}");
    peer_reply(c, 503, "", "");
    return 1;
}

static int follow(coordinator *w, peer_conn *c)
{
    char text[512];
    int n = w->nexts++;
    /* It runs on until its client has seen that Keycloak is down. */
    if (w->tokens < w->down)
        return say_next(w, c);
    if (w->next && n < w->bad_nexts) {
        peer_reply(c, w->next, "Retry-After: 0\r\n", "");
        return 1;
    }
    if (!w->error || (w->failures && n >= w->failures))
        return say(c, "{\"id\":\"q2\",\"updateType\":\"INSERT\",\"updateCount\":1,\"stats\":{}}");
    snprintf(text, sizeof text, "{\"id\":\"q2\",\"stats\":{},\"error\":{%s\"errorName\":%s}}",
             strstr(w->error, "message") ? "" : "\"message\":\"hidden-value\",", w->error);
    return say(c, text);
}

static int answer(peer_conn *c, const peer_request *q)
{
    coordinator *w = c->peer->user;
    if (strstr(q->head, "/realms/"))
        return give_token(w, c);
    if (w->token && !strstr(q->head, w->token)) {
        w->denied++;
        peer_reply(c, 401, "", "JWT expired");
        return 1;
    }
    if (!strncmp(q->head, "DELETE", 6)) {
        w->deletes++;
        peer_reply(c, 204, "", "");
        return 1;
    }
    if (!strncmp(q->head, "GET", 3))
        return follow(w, c);
    if (strstr(q->body, "information_schema"))
        return say(c, columns);
    return strstr(q->body, "system.runtime") ? look_up(w, c) : write_statement(w, c, q);
}

static void begin(coordinator *w)
{
    w->peer.user = w;
    w->state = w->state ? w->state : "";
    peer_start(&w->peer, answer);
}

/* Runs the lines through the sink; the message of a failure in `message`. */
static int run(fixture *f, coordinator *w, const char *lines, const char *more, char *message)
{
    char yaml[2048];
    support_write_file(f->in, lines);
    snprintf(yaml, sizeof yaml,
             "source: {type: stdio, config: {path: %s}}\n"
             "sink:\n  type: trino\n  config: {serverURL: '%s', catalog: iceberg, schema: s, "
             "table: t, %s}\n"
             "errors: {type: stdio, config: {path: %s}}\n"
             "stopTimeout: 1s\n",
             f->in, w->peer.url, more, f->errors);
    f->p = support_load(f->env, yaml);
    assert_ok(df_pipeline_start(f->p, NULL));
    int rc = DF_AGAIN;
    df_stats s = {.size = sizeof s};
    int64_t until = support_now_ms() + 60000;
    do { /* a file is followed: the run ends when all of it was written */
        assert_ok(df_pipeline_stats(f->p, NULL, &s));
        rc = df_pipeline_wait(f->p, 20);
    } while (rc == DF_AGAIN && s.sent + s.errored < 2 && support_now_ms() < until);
    if (rc == DF_AGAIN)
        df_pipeline_stop(f->p, DF_STOP_DRAIN);
    rc = df_pipeline_wait(f->p, 60000);
    snprintf(message, 512, "%s", df_pipeline_errmsg(f->p));
    support_assert_conserved(f->p);
    df_pipeline_free(f->p);
    f->p = NULL;
    return rc;
}

static const char two[] = "{\"id\":1,\"v\":\"it's\"}\n{\"id\":2,\"d\":0.5}\n";
#define INSERT                                                                                     \
    "INSERT INTO \"iceberg\".\"s\".\"t\" (\"id\",\"v\",\"d\") VALUES "                             \
    "(BIGINT'1','it''s',NULL),(BIGINT'2',NULL,DOUBLE'0.5')"

static void test_good(void **state)
{
    static coordinator w;
    char message[512];
    begin(&w);
    assert_ok(run(*state, &w, two, "batchSize: 2", message));
    peer_stop(&w.peer);
    assert_string_equal(w.sql, INSERT);
    assert_int_equal(w.posts, 1);
}

/* 502 and 503 on a page: the same page again, and the statement was sent once. */
static void test_pages_are_asked_again(void **state)
{
    static coordinator w = {.next = 502, .bad_nexts = 3};
    char message[512];
    begin(&w);
    assert_ok(run(*state, &w, two, "batchSize: 2", message));
    assert_int_equal(w.posts, 1);
    assert_int_equal(w.nexts, 4);
    peer_stop(&w.peer);
}

/* The answer to a POST is lost: the server's list says that it was applied. */
static void test_lost_and_applied(void **state)
{
    static coordinator w = {.post = POST_LOST, .state = "FINISHED"};
    char message[512];
    begin(&w);
    assert_ok(run(*state, &w, two, "batchSize: 2", message));
    assert_int_equal(w.posts, 1);
    assert_int_equal(w.lookups, 1);
    peer_stop(&w.peer);
}

static void test_lost_and_failed(void **state)
{
    static coordinator w = {.post = POST_LOST, .state = "FAILED"};
    char message[512];
    begin(&w);
    assert_ok(run(*state, &w, two, "batchSize: 2", message));
    assert_int_equal(w.posts, 2);
    peer_stop(&w.peer);
}

/* A restarted coordinator knows nothing of it: sent again, which is at least once. */
static void test_lost_and_unknown(void **state)
{
    static coordinator w = {.next = 404, .bad_nexts = 1};
    char message[512];
    begin(&w);
    assert_ok(run(*state, &w, two, "batchSize: 2", message));
    assert_int_equal(w.posts, 2);
    assert_int_equal(w.lookups, 1);
    peer_stop(&w.peer);
}

static void test_busy(void **state)
{
    static coordinator w = {.post = POST_BUSY};
    char message[512];
    begin(&w);
    assert_ok(run(*state, &w, two, "batchSize: 2", message));
    assert_int_equal(w.posts, 2);
    assert_int_equal(w.lookups, 0);
    peer_stop(&w.peer);
}

/* One row is at fault: the parcel is halved until it is found, and the value is in no text. */
static void test_row_is_refused(void **state)
{
    static coordinator w = {.error = "\"CONSTRAINT_VIOLATION\",\"errorType\":\"USER_ERROR\""};
    fixture *f = *state;
    char message[512];
    begin(&w);
    assert_ok(run(f, &w, two, "batchSize: 2", message));
    char *errors = support_read_file(f->errors);
    assert_non_null(strstr(errors, "CONSTRAINT_VIOLATION"));
    assert_null(strstr(errors, "hidden-value"));
    free(errors);
    assert_int_equal(w.posts, 3);
    peer_stop(&w.peer);
}

/* A text that is too long for the parser, the planner or the compiler, or for what is before the
 * server: the parcel is halved, and a record that is alone is refused. */
static void test_too_large(void **state)
{
    static const char *const errors[] = {
        "\"SYNTAX_ERROR\",\"message\":\"statement is too large\",\"errorType\":\"USER_ERROR\"",
        "\"STACK_OVERFLOW\",\"errorType\":\"INTERNAL_ERROR\"",
        "\"COMPILER_ERROR\",\"message\":\"Method too large\",\"errorType\":\"INTERNAL_ERROR\"",
        "413"};
    fixture *f = *state;
    for (size_t i = 0; i < 4; i++) {
        static coordinator w;
        char message[512];
        memset(&w, 0, sizeof w);
        if (strcmp(errors[i], "413") == 0)
            w.post = POST_LARGE;
        else
            w.error = errors[i];
        remove(f->errors);
        begin(&w);
        assert_ok(run(f, &w, two, "batchSize: 2", message));
        char *refused = support_read_file(f->errors);
        assert_non_null(strchr(strchr(refused, '\n') + 1, '\n'));
        free(refused);
        assert_int_equal(w.posts, 3);
        peer_stop(&w.peer);
    }
}

/* A failure of the compiler that is not about size is the server's: no record is at fault. */
static void test_compiler_fails(void **state)
{
    static coordinator w = {.error = "\"COMPILER_ERROR\",\"errorType\":\"INTERNAL_ERROR\"",
                            .failures = 1};
    fixture *f = *state;
    char message[512];
    remove(f->errors);
    begin(&w);
    assert_ok(run(f, &w, two, "batchSize: 2", message));
    assert_int_equal(w.posts, 2);
    char *refused = support_read_file(f->errors);
    assert_string_equal(refused, "");
    free(refused);
    peer_stop(&w.peer);
}

/* What no row can be at fault for ends the run, and refuses none. */
static void test_never(void **state)
{
    static coordinator w = {.error = "\"NOT_SUPPORTED\",\"errorType\":\"USER_ERROR\""};
    fixture *f = *state;
    char message[512];
    begin(&w);
    assert_status(run(f, &w, two, "batchSize: 2", message), DF_EINVAL);
    assert_non_null(strstr(message, "NOT_SUPPORTED"));
    peer_stop(&w.peer);
}

/* A token that stands in the manifest and is refused: told, and no hot loop. */
static void test_given_token(void **state)
{
    static coordinator w = {.token = "bearer good"};
    char message[512];
    begin(&w);
    assert_status(run(*state, &w, two, "keycloak: {token: stale-token}", message), DF_EAUTH);
    assert_non_null(strstr(message, "JWT expired"));
    assert_non_null(strstr(message, "check keycloak"));
    assert_null(strstr(message, "stale-token"));
    assert_int_equal(w.denied, 1);
    peer_stop(&w.peer);
}

static int run_with_keycloak(fixture *f, coordinator *w, char *message)
{
    char more[256];
    begin(w);
    snprintf(more, sizeof more,
             "batchSize: 2, keycloak: {serverURL: '%s', realm: r, clientID: c, clientSecret: s}",
             w->peer.url);
    int rc = run(f, w, two, more, message);
    peer_stop(&w->peer);
    return rc;
}

/* Keycloak is down and the token ends while an INSERT runs: it is followed to its end, and not sent
 * again. */
static void test_no_token_while_it_runs(void **state)
{
    static coordinator w = {.down = 2, .token = "Bearer good-token"};
    char message[512];
    assert_ok(run_with_keycloak(*state, &w, message));
    assert_true(w.tokens > 1);
    assert_int_equal(w.posts, 1);
    assert_int_equal(w.lookups, 0);
}

/* A gateway that refuses tokens for a while, also fresh ones, in the middle of an INSERT. */
static void test_refused_while_it_runs(void **state)
{
    static coordinator w = {.next = 401, .bad_nexts = 4};
    char message[512];
    assert_ok(run_with_keycloak(*state, &w, message));
    assert_true(w.tokens > 1);
    assert_int_equal(w.posts, 1);
}

/* A token must not go where a reply leads. */
static void test_foreign_address(void **state)
{
    static coordinator w = {.foreign = "http://127.0.0.1:1"};
    char message[512];
    begin(&w);
    w.state = "FINISHED";
    assert_ok(run(*state, &w, two, "batchSize: 2", message));
    assert_int_equal(w.lookups, 1);
    assert_int_equal(w.nexts, 0);
    peer_stop(&w.peer);
}

/* Of the records of a key one row of the MERGE is left, which does what all of them do. */
static void test_merge(void **state)
{
    static coordinator w;
    char message[512];
    begin(&w);
    assert_ok(run(*state, &w, "{\"id\":1,\"v\":\"a\"}\n{\"id\":1,\"d\":2}\n",
                  "upsertMode: true, conflictKey: id, batchSize: 2", message));
    peer_stop(&w.peer);
    assert_string_equal(
        w.sql,
        "MERGE INTO \"iceberg\".\"s\".\"t\" AS t USING (VALUES (CAST(BIGINT'1' AS bigint),CAST('a' "
        "AS "
        "varchar(5)),CAST(DOUBLE'2' AS double),'111',false)) AS s (\"id\",\"v\",\"d\",\"$set\","
        "\"$gone\") ON t.\"id\" = s.\"id\" WHEN MATCHED AND s.\"$gone\" THEN DELETE WHEN MATCHED "
        "THEN "
        "UPDATE SET \"v\" = IF(substr(s.\"$set\", 2, 1) = '1', s.\"v\", t.\"v\"), \"d\" = "
        "IF(substr(s.\"$set\", 3, 1) = '1', s.\"d\", t.\"d\") WHEN NOT MATCHED AND NOT s.\"$gone\" "
        "THEN INSERT (\"id\",\"v\",\"d\") VALUES (s.\"id\",s.\"v\",s.\"d\")");
}

/* Keys that the server takes for equal are one key, however they are written. */
static void test_merge_of_equal_keys(void **state)
{
    static coordinator w;
    char message[512];
    begin(&w);
    assert_ok(run(*state, &w, "{\"id\":1,\"d\":1,\"v\":\"a\"}\n{\"id\":2,\"d\":1.0,\"v\":\"b\"}\n",
                  "upsertMode: true, conflictKey: d, batchSize: 2", message));
    peer_stop(&w.peer);
    assert_non_null(strstr(w.sql, "(VALUES (CAST(BIGINT'2' AS bigint),CAST('b' AS varchar(5)),"
                                  "CAST(DOUBLE'1.0' AS double),'111',false)) AS s"));
}

static void test_half_a_certificate(void **state)
{
    fixture *f = *state;
    f->p = df_pipeline_new(f->env, NULL);
    assert_non_null(f->p);
    const char *yaml = "source: {type: stdio}\nsink:\n  type: trino\n  config: {serverURL: "
                       "'https://x', catalog: c, schema: s, table: t, tls: {certFile: /x.pem}}\n";
    df_text spec = {.size = sizeof spec, .text = yaml, .len = strlen(yaml)};
    assert_ok(df_pipeline_load(f->p, &spec));
    assert_status(df_pipeline_check(f->p), DF_ESPEC);
    char *problems = support_problems(f->p);
    assert_non_null(strstr(problems, "the certificate of the client and its key go together"));
    free(problems);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, support_setup, support_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_good),
        CASE(test_pages_are_asked_again),
        CASE(test_lost_and_applied),
        CASE(test_lost_and_failed),
        CASE(test_lost_and_unknown),
        CASE(test_busy),
        CASE(test_row_is_refused),
        CASE(test_too_large),
        CASE(test_compiler_fails),
        CASE(test_never),
        CASE(test_merge_of_equal_keys),
        CASE(test_half_a_certificate),
        CASE(test_given_token),
        CASE(test_no_token_while_it_runs),
        CASE(test_refused_while_it_runs),
        CASE(test_foreign_address),
        CASE(test_merge),
    };
    return cmocka_run_group_tests_name("statement", tests, NULL, NULL);
}
