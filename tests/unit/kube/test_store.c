/* SPDX-License-Identifier: Apache-2.0
 * test_store.c: positions in a ConfigMap: what is sent, what conflicts become, what stops.
 * ctest: threaded */
#include "kube_fixture.h"

#include <stdio.h>

#include "core/graph/secret.h"
#include "kube/store.h"
#include "support/net/play.h"

typedef struct world {
    kube_fixture f;
    df_store store;
    char said[2048], err[KUBE_TEXT];
    int opened;
} world;

static void on_log(void *user, int level, const char *line)
{
    world *w = user;
    size_t at = strlen(w->said);
    (void)level;
    snprintf(w->said + at, sizeof w->said - at, "%s\n", line);
}

static int open_store(world *w, const char *uid)
{
    kube_store_config config = {.space = "shop",
                                .name = "df-a-checkpoint",
                                .source_type = "postgresql",
                                .stage = "source",
                                .writer = "pod-1",
                                .owner_uid = uid,
                                .min_interval_ms = 30000,
                                .log = on_log,
                                .user = w};
    int rc;
    w->store.size = sizeof w->store;
    rc = kube_store_open(w->f.client, &config, &w->store, w->err);
    w->opened = rc == DF_OK;
    return rc;
}

static int save(world *w, const char *partition, const char *position)
{
    df_state row = {sizeof row, "source", partition, {position, position ? strlen(position) : 0}};
    return w->store.save(w->store.user, &row, 1);
}

static void loads(world *w, const char *partition, const char *want)
{
    struct df_answer answer = {.heap = &df__heap_libc};
    int rc = w->store.load(w->store.user, "source", partition, &answer);
    assert_status(rc, want ? DF_OK : DF_ENOTFOUND);
    if (want)
        assert_int_equal(answer.len == strlen(want) && !memcmp(answer.data, want, answer.len), 1);
    df__answer_free(&answer);
}

static void end(world *w)
{
    assert_int_equal(w->f.server.at, w->f.server.count);
    if (w->opened)
        w->store.user_free(w->store.user);
    else
        kube_client_free(w->f.client);
    play_stop(&w->f.server);
}

#define BEGIN(turns)                                                                               \
    world w = {0};                                                                                 \
    (void)state;                                                                                   \
    kube_fixture_begin(&w.f, PLAY_TURNS(turns))
#define OWNER(uid)                                                                                 \
    "\"ownerReferences\":[{\"uid\":\"not\"},{\"uid\":\"" uid "\",\"controller\":true}]"
#define MAP_OF(uid, version, text)                                                                 \
    "{\"metadata\":{\"name\":\"df-a-checkpoint\",\"namespace\":\"shop\",\"resourceVersion\":"      \
    "\"" version "\",\"uid\":\"m\",\"labels\":{\"l\":\"1\"}," OWNER(                               \
        uid) "},\"data\":{\"other\":\"kept\",\"checkpoint.json\":\"" text "\"}}"
#define MAP(version, text) MAP_OF("flow", version, text)
#define GET(version, text)                                                                         \
    {                                                                                              \
        "GET ", NULL, 200, MAP(version, text)                                                      \
    }
/* As it stands inside a JSON string. */
#define TEXT_BY(writer, n)                                                                         \
    "{\\\"postgresql\\\":{\\\"lastReadOrderByValue\\\":" n                                         \
    ",\\\"dataflow\\\":{\\\"writer\\\":\\\"" writer "\\\",\\\"partition\\\":\\\"p\\\"}}}"
#define TEXT(n) TEXT_BY("pod-1", n)
#define WRITE(old, new, n)                                                                         \
    {                                                                                              \
        "PATCH /api/v1/namespaces/shop/configmaps/df-a-checkpoint?", NULL, 200, MAP(new, TEXT(n)), \
            .body = "{\"metadata\":{\"resourceVersion\":\"" old                                    \
                    "\"},\"data\":{\"checkpoint.json\":\"" TEXT(n) "\"}}"                          \
    }
#define CONFLICT                                                                                   \
    {                                                                                              \
        "PATCH ", NULL, 409, PLAY_REFUSED(409, "Conflict")                                         \
    }
#define AT(n) "{\"lastReadOrderByValue\":" n "}"

static void test_saved(void **state)
{
    static const play_turn turns[] = {
        {"GET /api/v1/namespaces/shop/configmaps/df-a-checkpoint HTTP", NULL, 200,
         MAP("1", "{\\\"postgresql\\\":{\\\"lastReadID\\\":7}}")},
        WRITE("1", "2", "8"),
        WRITE("2", "3", "9")};
    BEGIN(turns);
    assert_ok(open_store(&w, "flow"));
    assert_int_equal(w.store.min_interval_ms, 30000);
    loads(&w, "p", AT("7"));
    loads(&w, "#source", NULL);
    assert_ok(save(&w, "p", AT("8")));
    assert_ok(save(&w, "p", AT("9")));
    loads(&w, "p", AT("9"));
    loads(&w, "q", NULL);
    assert_string_equal(w.said, "");
    end(&w);
}

/* Others change what is theirs of the object: a label, another member. */
static void test_conflict_without_harm(void **state)
{
    static const play_turn turns[] = {
        GET("1", TEXT("8")),
        CONFLICT,
        GET("5", TEXT("8")),
        WRITE("5", "6", "9"),
        CONFLICT,
        GET("7", "{\\\"trino\\\":{\\\"lastReadID\\\":1},\\\"postgresql\\\":{}}"),
        {"PATCH ", NULL, 200, MAP("8", "{}"),
         .body = "{\\\"trino\\\":{\\\"lastReadID\\\":1},"
                 "\\\"postgresql\\\":{\\\"lastRead"}};
    BEGIN(turns);
    assert_ok(open_store(&w, NULL));
    assert_ok(save(&w, "p", AT("9")));
    assert_ok(save(&w, "p", AT("10")));
    assert_string_equal(w.said, "");
    end(&w);
}

/* No reply: it may have been applied; then the version has moved by our own doing. */
static void test_perhaps_applied(void **state)
{
    static const play_turn turns[] = {GET("1", TEXT("8")),
                                      {"PATCH ", NULL, 504, PLAY_REFUSED(504, "Timeout")},
                                      GET("2", TEXT("9")),
                                      WRITE("2", "3", "9"),
                                      {"PATCH ", NULL, 0, "", PLAY_DROP},
                                      GET("3", TEXT("9")),
                                      WRITE("3", "4", "10")};
    BEGIN(turns);
    assert_ok(open_store(&w, NULL));
    assert_ok(save(&w, "p", AT("9")));
    assert_ok(save(&w, "p", AT("10")));
    assert_string_equal(w.said, "");
    end(&w);
}

/* Another pod wrote: the farther position stays, whichever it is. */
static void test_two_writers(void **state)
{
    static const play_turn turns[] = {
        GET("1", TEXT("8")),  CONFLICT, GET("5", TEXT_BY("pod-2", "7")),
        WRITE("5", "6", "9"), CONFLICT, GET("7", TEXT_BY("pod-2", "50")),
        WRITE("7", "8", "50")};
    BEGIN(turns);
    assert_ok(open_store(&w, NULL));
    assert_ok(save(&w, "p", AT("9")));
    assert_ok(save(&w, "p", AT("10")));
    loads(&w, "p", AT("50"));
    assert_non_null(strstr(w.said, "also written by pod-2"));
    end(&w);
}

/* It cannot be told who is farther: this one is fenced, and stays so. */
static void test_fenced(void **state)
{
    static const play_turn turns[] = {
        GET("1", TEXT("8")), CONFLICT,
        GET("5", "{\\\"postgresql\\\":{\\\"dataflow\\\":{\\\"writer\\\":\\\"pod-2\\\","
                 "\\\"partitions\\\":{\\\"p\\\":\\\"17 3\\\"}}}}")};
    BEGIN(turns);
    assert_ok(open_store(&w, NULL));
    assert_status(save(&w, "p", AT("9")), DF_EFENCED);
    assert_non_null(strstr(w.said, "pod-2 has written positions meanwhile"));
    assert_status(save(&w, "p", AT("10")), DF_EFENCED);
    end(&w);
}

static void test_damaged_meanwhile(void **state)
{
    static const play_turn turns[] = {GET("1", TEXT("8")), CONFLICT, GET("5", "oops")};
    BEGIN(turns);
    assert_ok(open_store(&w, NULL));
    assert_status(save(&w, "p", AT("9")), DF_EFENCED);
    assert_status(save(&w, "p", AT("9")), DF_EFENCED);
    end(&w);
}

/* Deleted: made again, as it was. Made by somebody else meanwhile: filled again. */
static void test_gone(void **state)
{
    static const play_turn turns[] = {GET("1", TEXT("8")),
                                      {"PATCH ", NULL, 404, PLAY_REFUSED(404, "NotFound")},
                                      {"GET ", NULL, 404, PLAY_REFUSED(404, "NotFound")},
                                      {"POST /api/v1/namespaces/shop/configmaps?", NULL, 201,
                                       MAP("20", TEXT("9")),
                                       .body = "\"labels\":{\"l\":\"1\"}," OWNER(
                                           "flow") "},\"data\":{\"checkpoint.json\":\"" TEXT("9")},
                                      {"PATCH ", NULL, 404, PLAY_REFUSED(404, "NotFound")},
                                      {"GET ", NULL, 404, PLAY_REFUSED(404, "NotFound")},
                                      {"POST ", NULL, 409, PLAY_REFUSED(409, "AlreadyExists")},
                                      {"GET ", NULL, 200, MAP("30", "")},
                                      WRITE("30", "31", "10")};
    BEGIN(turns);
    assert_ok(open_store(&w, "flow"));
    assert_ok(save(&w, "p", AT("9")));
    assert_non_null(strstr(w.said, "is gone; it is made again"));
    assert_ok(save(&w, "p", AT("10")));
    end(&w);
}

/* A pod may have no right to make it: then the operator does, and it is filled again. */
static void test_made_by_the_operator(void **state)
{
    static const play_turn turns[] = {GET("1", TEXT("8")),
                                      {"PATCH ", NULL, 404, PLAY_REFUSED(404, "NotFound")},
                                      {"GET ", NULL, 404, PLAY_REFUSED(404, "NotFound")},
                                      {"POST ", NULL, 403, PLAY_REFUSED(403, "Forbidden")},
                                      {"GET ", NULL, 200, MAP("30", "")},
                                      WRITE("30", "31", "10")};
    BEGIN(turns);
    assert_ok(open_store(&w, NULL));
    assert_status(save(&w, "p", AT("9")), DF_EAUTH);
    assert_ok(save(&w, "p", AT("10")));
    end(&w);
}

/* The old ConfigMap of a flow that was deleted and applied again. */
static void test_of_another_flow(void **state)
{
    static const play_turn at_start[] = {{"GET ", NULL, 200, MAP_OF("old", "1", "")}};
    static const play_turn later[] = {
        GET("1", ""), CONFLICT, {"GET ", NULL, 200, MAP_OF("new", "9", "")}};
    {
        BEGIN(at_start);
        assert_status(open_store(&w, "flow"), DF_EFENCED);
        assert_non_null(strstr(w.err, "belongs to the flow with uid old, this is flow"));
        end(&w);
    }
    {
        BEGIN(later);
        assert_ok(open_store(&w, NULL));
        assert_status(save(&w, "p", AT("1")), DF_EFENCED);
        end(&w);
    }
}

static void test_refused_at_start(void **state)
{
    static const play_turn turns[] = {GET("1", "{\\\"postgresql\\\":{\\\"hm\\\":1}}"),
                                      {"GET ", NULL, 404, PLAY_REFUSED(404, "NotFound")},
                                      {"GET ", NULL, 403, PLAY_REFUSED(403, "Forbidden")},
                                      {"GET ", NULL, 200, "[]"}};
    BEGIN(turns);
    assert_status(open_store(&w, NULL), DF_ESTATE);
    assert_non_null(strstr(w.err, "ConfigMap shop/df-a-checkpoint: the positions in it cannot be "
                                  "used: member \"postgresql\""));
    assert_non_null(strstr(w.err, "dfproc checkpoint reset"));
    assert_status(open_store(&w, NULL), DF_ENOTFOUND);
    assert_status(open_store(&w, NULL), DF_EAUTH);
    assert_status(open_store(&w, NULL), DF_EDATA);
    end(&w);
}

/* The server is away: the pipeline is told so, each time, and people once. */
static void test_away(void **state)
{
    static const play_turn turns[] = {GET("1", TEXT("8")),
                                      {"PATCH ", NULL, 429, PLAY_REFUSED(429, "TooManyRequests")},
                                      {"PATCH ", NULL, 403, PLAY_REFUSED(403, "Forbidden")},
                                      WRITE("1", "2", "11"),
                                      {"PATCH ", NULL, 503, ""},
                                      {"GET ", NULL, 503, ""}};
    BEGIN(turns);
    char *first;
    assert_ok(open_store(&w, NULL));
    assert_status(save(&w, "p", AT("9")), DF_EIO);
    assert_status(save(&w, "p", AT("10")), DF_EAUTH);
    first = strstr(w.said, "positions cannot be written");
    assert_non_null(first);
    assert_null(strstr(first + 1, "positions cannot be written"));
    assert_ok(save(&w, "p", AT("11")));
    assert_status(save(&w, "p", AT("12")), DF_EIO);
    assert_non_null(strstr(first + 1, "positions cannot be written"));
    assert_null(strstr(w.said, "hidden"));
    end(&w);
}

static void test_for_people(void **state)
{
    static const play_turn turns[] = {
        GET("1", "{}"),
        GET("1", TEXT("8")),
        CONFLICT,
        GET("2", TEXT("9")),
        {"PATCH ", NULL, 200, MAP("3", "{}"), .body = "\"checkpoint.json\":\"{}\""},
        {"GET ", NULL, 404, PLAY_REFUSED(404, "NotFound")},
        {"POST ", NULL, 201, MAP("3", "{}"), .body = "\"name\":\"df-a-checkpoint\""}};
    BEGIN(turns);
    df__buf text;
    df__buf_init(&text, &df__heap_libc);
    assert_ok(kube_store_read(w.f.client, "shop", "df-a-checkpoint", &text, w.err));
    assert_string_equal(text.data, "{}");
    assert_ok(kube_store_clear(w.f.client, "shop", "df-a-checkpoint", w.err));
    assert_ok(kube_store_clear(w.f.client, "shop", "df-a-checkpoint", w.err));
    df__buf_free(&text);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_saved),
        cmocka_unit_test(test_conflict_without_harm),
        cmocka_unit_test(test_perhaps_applied),
        cmocka_unit_test(test_two_writers),
        cmocka_unit_test(test_fenced),
        cmocka_unit_test(test_damaged_meanwhile),
        cmocka_unit_test(test_gone),
        cmocka_unit_test(test_made_by_the_operator),
        cmocka_unit_test(test_of_another_flow),
        cmocka_unit_test(test_refused_at_start),
        cmocka_unit_test(test_away),
        cmocka_unit_test(test_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
