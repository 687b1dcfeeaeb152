/* SPDX-License-Identifier: Apache-2.0
 * test_execute.c: which requests a plan becomes, and what its status says when one of them fails.
 * ctest: threaded */
#include "unit/kube/kube_fixture.h"

#include <stdio.h>
#include <string.h>

#include "dfoperator/work/execute.h"
#include "dfoperator/object/tree.h"
#include "support/net/play.h"

typedef struct world {
    kube_fixture f;
    json_object *flow;
    op_plan plan;
    int done, rc;
    char events[400], text[KUBE_TEXT]; /* text: why it failed */
} world;

static void on_done(void *user, int rc, const char *text, int64_t wait_us)
{
    world *w = user;
    (void)wait_us;
    df__text_set(w->text, sizeof w->text, text, strlen(text));
    w->rc = rc;
    w->done = 1;
}

static void on_tell(void *user, json_object *flow, int warning, const char *reason,
                    const char *note)
{
    world *w = user;
    size_t len = strlen(w->events);
    (void)flow;
    (void)note;
    snprintf(w->events + len, sizeof w->events - len, "%s%s ", warning ? "!" : "", reason);
}

static void plan_apply(world *w, op_verb verb, int is_new)
{
    op_action *a = op_plan_add(&w->plan, verb, OP_CONFIG_MAP, "df-a-spec",
                               op_json("{'metadata': {'name': 'df-a-spec'}}"));
    assert_non_null(a);
    a->is_new = is_new;
    a->event = "Made";
    a->failure = "NotMade";
    a->failed = "Failed to make it";
}

static void begin(world *w, const play_turn *turns, int count)
{
    memset(w, 0, sizeof *w);
    w->plan.again_us = -1;
    w->flow = op_json("{'apiVersion': 'dataflow.dataflow.io/v1', 'kind': 'DataFlow', 'metadata': "
                      "{'name': 'a', 'namespace': 'n', 'uid': 'u1', 'resourceVersion': '7'}, "
                      "'status': {'phase': 'Pending', 'conditions': [{'type': 'Ready', 'status': "
                      "'True'}, {'type': 'Reconciled', 'status': 'True'}]}}");
    kube_fixture_begin(&w->f, turns, count);
}

static int end(world *w, int rc, const char *events)
{
    op_executor executor = {.client = w->f.client, .tell = on_tell, .user = w};
    op_execution *e = op_execute(&executor, w->flow, &w->plan, on_done, w);
    assert_non_null(e);
    kube_fixture_until(&w->f, &w->done);
    assert_int_equal(w->f.server.at, w->f.server.count); /* all that was expected was asked */
    json_object_put(w->flow);
    kube_fixture_end(&w->f);
    assert_status(w->rc, rc);
    assert_string_equal(w->events, events);
    return 0;
}

#define MAP "/api/v1/namespaces/n/configmaps/df-a-spec"
#define STATUS "PATCH /apis/dataflow.dataflow.io/v1/namespaces/n/dataflows/a/status"
#define FLOW "GET /apis/dataflow.dataflow.io/v1/namespaces/n/dataflows/a"
#define OF_VERSION(version)                                                                        \
    "{\"kind\":\"DataFlow\",\"metadata\":{\"name\":\"a\",\"uid\":\"u1\","                          \
    "\"resourceVersion\":\"" version "\"}}"
#define OWNER                                                                                      \
    "\"dataflow.dataflow.io/kind\":\"DataFlow\"},\"ownerReferences\":[{\"apiVersion\":"            \
    "\"dataflow.dataflow.io/v1\",\"kind\":\"DataFlow\",\"name\":\"a\",\"uid\":\"u1\","             \
    "\"controller\":true}]"
/* Made by us, and somebody took our label away. */
#define UNLABELLED                                                                                 \
    "{\"kind\":\"ConfigMap\",\"metadata\":{\"uid\":\"u5\",\"annotations\":"                        \
    "{\"dataflow.dataflow.io/applied\":\"1\"},\"labels\":{" OWNER "}}"
#define OUR_LABELS(uid)                                                                            \
    "{\"metadata\":{\"uid\":\"" uid "\",\"labels\":{\"app\":\"dataflow-processor\","               \
    "\"dataflow.dataflow.io/name\":\"a\",\"dataflow.dataflow.io/kind\":\"DataFlow\","              \
    "\"dataflow.dataflow.io/owned\":\"true\"}}}"
#define LABELLED                                                                                   \
    {                                                                                              \
        "PATCH " MAP, NULL, 200, UNLABELLED, .body = OUR_LABELS("u5")                              \
    }
#define OURS "{\"metadata\":{\"labels\":{\"dataflow.dataflow.io/owned\":\"true\"," OWNER "}}"

static void test_new_child(void **state)
{
    static const play_turn turns[] = {
        {FLOW, NULL, 200, OF_VERSION("7")},
        {"GET " MAP, NULL, 404, PLAY_REFUSED(404, "NotFound")},
        {"PATCH " MAP, NULL, 201, "{}"},
        {STATUS, NULL, 200, "{}",
         .body =
             "\"resourceVersion\":\"7\"},\"status\":{\"phase\":\"Running\",\"conditions\":null}}"},
    };
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    plan_apply(&w, OP_APPLY, 1);
    w.plan.status = op_json("{'phase': 'Running'}");
    end(&w, DF_OK, "Made ");
}

static void test_of_somebody_else(void **state)
{
    static const play_turn turns[] = {
        {FLOW, NULL, 200, OF_VERSION("7")},
        {"GET " MAP, NULL, 200, "{\"metadata\":{\"name\":\"df-a-spec\"}}"},
        {STATUS, NULL, 200, "{}",
         .body = "\"message\":\"Failed to make it: ConfigMap df-a-spec is there"},
    };
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    plan_apply(&w, OP_APPLY, 1);
    plan_apply(&w, OP_APPLY, 0); /* behind the failure: not done */
    end(&w, DF_EEXISTS, "!NotMade ");
}

static void test_made_before(void **state)
{
    static const play_turn turns[] = {
        {FLOW, NULL, 200, OF_VERSION("7")},
        {"POST /api/v1/namespaces/n/configmaps", NULL, 409, PLAY_REFUSED(409, "AlreadyExists")},
        {"GET " MAP, NULL, 200, OURS},
    };
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    plan_apply(&w, OP_CREATE, 0);
    end(&w, DF_OK, "Made ");
}

/* Positions without our label are the flow's all the same: no informer sees them, so they get it
 * back, and nothing is begun or ended for their sake. */
static void test_lost_label(void **state)
{
    static const play_turn absent[] = {{"GET " MAP, NULL, 200, UNLABELLED}, LABELLED};
    static const play_turn made[] = {
        {FLOW, NULL, 200, OF_VERSION("7")},
        {"POST /api/v1/namespaces/n/configmaps", NULL, 409, PLAY_REFUSED(409, "AlreadyExists")},
        {"GET " MAP, NULL, 200, UNLABELLED},
        LABELLED,
    };
    static const play_turn refused[] = {
        {"GET " MAP, NULL, 200, UNLABELLED},
        {"PATCH " MAP, NULL, 403, PLAY_REFUSED(403, "Forbidden")},
    };
    static const struct {
        const play_turn *turns;
        int count, rc;
        const char *events;
    } rows[] = {
        {PLAY_TURNS(absent), DF_EFENCED, "LabelsRestored "},
        {PLAY_TURNS(made), DF_OK, "LabelsRestored "},
        {PLAY_TURNS(refused), DF_EAUTH, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world w;
        begin(&w, rows[i].turns, rows[i].count);
        if (i != 1)
            op_plan_absence(&w.plan, OP_CONFIG_MAP, "df-a-spec");
        plan_apply(&w, OP_CREATE, 0);
        end(&w, rows[i].rc, rows[i].events);
    }
}

static void test_refused(void **state)
{
    static const play_turn turns[] = {
        {FLOW, NULL, 200, OF_VERSION("7")},
        {"PATCH " MAP, NULL, 403, PLAY_REFUSED(403, "Forbidden")},
        {STATUS, NULL, 200, "{}", .body = "\"reason\":\"Error\""},
    };
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    plan_apply(&w, OP_APPLY, 0);
    end(&w, DF_EAUTH, "!NotMade ");
}

/* A namespace that goes is refused with the status of a missing right: the server's words tell. */
static void test_words_of_the_server(void **state)
{
    static const play_turn turns[] = {
        {FLOW, NULL, 200, OF_VERSION("7")},
        {"PATCH " MAP, NULL, 403,
         "{\"kind\":\"Status\",\"code\":403,\"reason\":\"Forbidden\",\"message\":\"configmaps "
         "\\\"df-a-spec\\\" is forbidden: unable to create new content in namespace n because it "
         "is "
         "being terminated\"}"},
        {STATUS, NULL, 200, "{}"},
    };
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    plan_apply(&w, OP_APPLY, 0);
    end(&w, DF_EAUTH, "!NotMade ");
    assert_non_null(strstr(w.text, "because it is being terminated"));
    assert_null(strstr(w.text, "credentials"));
}

/* What the server answers with an error of its own is told by a condition of the last status: that
 * of the plan is not true. */
static void test_the_servers(void **state)
{
    static const play_turn turns[] = {
        {FLOW, NULL, 200, OF_VERSION("7")},
        {"PATCH " MAP, NULL, 500, PLAY_REFUSED(500, "InternalError")},
        {STATUS, NULL, 200, "{}",
         .body = "\"reason\":\"Retrying\",\"message\":\"Failed to make it: PATCH http"},
    };
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    plan_apply(&w, OP_APPLY, 0);
    w.plan.status = op_json("{'phase': 'Running'}"); /* without a condition to tell it by */
    end(&w, DF_EUNKNOWN, "");
}

/* The server's troubles, and an old copy, are not the flow's: its status stays. */
static void test_not_the_flows(void **state)
{
    static const struct {
        play_turn turn;
        int rc;
    } rows[] = {
        {{"PATCH " MAP, NULL, 0, NULL, PLAY_DROP}, DF_EUNKNOWN},
        {{"PATCH " MAP, NULL, 429, PLAY_REFUSED(429, "TooManyRequests")}, DF_EIO},
        {{"PATCH " MAP, NULL, 409, PLAY_REFUSED(409, "Conflict")}, DF_EFENCED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        play_turn turns[] = {{FLOW, NULL, 200, OF_VERSION("7")}, rows[i].turn};
        world w;
        begin(&w, turns, 2);
        plan_apply(&w, OP_APPLY, 0);
        w.plan.status = op_json("{'phase': 'Running'}");
        end(&w, rows[i].rc, "");
    }
}

/* Nothing is done for a flow that is gone, or that is not what the plan saw any more. */
static void test_of_the_past(void **state)
{
    static const struct {
        play_turn turn;
        int rc;
    } rows[] = {
        {{FLOW, NULL, 404, PLAY_REFUSED(404, "NotFound")}, DF_EFENCED},
        {{FLOW, NULL, 200, OF_VERSION("8")}, DF_EFENCED},
        {{FLOW, NULL, 0, NULL, PLAY_DROP}, DF_EIO},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world w;
        begin(&w, &rows[i].turn, 1);
        plan_apply(&w, i ? OP_APPLY : OP_CREATE, 1);
        w.plan.status = rows[i].rc == DF_EFENCED ? op_json("{'phase': 'Running'}") : NULL;
        end(&w, rows[i].rc, "");
    }
}

/* What the plan believes to be gone is there: nothing is done, and nothing is said. */
static void test_absence(void **state)
{
    static const play_turn is_there[] = {
        {"GET " MAP, NULL, 200,
         "{\"kind\":\"ConfigMap\",\"metadata\":{\"labels\":{\"dataflow.dataflow.io/"
         "owned\":\"true\"}}}"},
    };
    static const play_turn is_gone[] = {
        {"GET " MAP, NULL, 404, PLAY_REFUSED(404, "NotFound")},
        {FLOW, NULL, 200, OF_VERSION("7")},
        {"PATCH " MAP, NULL, 200, "{}"},
        {STATUS, NULL, 200, "{}"},
    };
    (void)state;
    for (int gone = 0; gone < 2; gone++) {
        world w;
        begin(&w, gone ? is_gone : is_there, gone ? 4 : 1);
        op_plan_absence(&w.plan, OP_CONFIG_MAP, "df-a-spec");
        plan_apply(&w, OP_APPLY, 0);
        op_plan_event(&w.plan, 1, "Lost", "because");
        w.plan.status = op_json("{'phase': 'Error'}");
        end(&w, gone ? DF_OK : DF_EFENCED, gone ? "Made !Lost " : "");
    }
}

static void test_deleted(void **state)
{
    static const play_turn turns[] = {
        {FLOW, NULL, 200, OF_VERSION("7")},
        {"DELETE " MAP, NULL, 404, PLAY_REFUSED(404, "NotFound"), .body = "\"uid\":\"x\""},
    };
    world w;
    json_object *live = op_json("{'metadata': {'name': 'df-a-spec', 'uid': 'x'}}");
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    op_plan_delete(&w.plan, OP_CONFIG_MAP, live);
    json_object_put(live);
    end(&w, DF_OK, "");
}

/* The flow itself may not be read: nothing is done, and no action is blamed for it. */
static void test_failed_get(void **state)
{
    static const play_turn turns[] = {
        {FLOW, NULL, 403, PLAY_REFUSED(403, "Forbidden")},
        {STATUS, NULL, 200, "{}", .body = "\"message\":\"Failed to get the object: "},
    };
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    plan_apply(&w, OP_APPLY, 0);
    w.plan.status = op_json("{'phase': 'Running'}");
    end(&w, DF_EAUTH, "!FailedGet ");
}

/* Told when it is of the flow; a copy that was old is not. */
static void test_failed_status(void **state)
{
    static const play_turn refused[] = {
        {FLOW, NULL, 200, OF_VERSION("7")},
        {"PATCH " MAP, NULL, 200, "{}"},
        {STATUS, NULL, 422, PLAY_REFUSED(422, "Invalid")},
    };
    static const play_turn old[] = {
        {FLOW, NULL, 200, OF_VERSION("7")},
        {"PATCH " MAP, NULL, 200, "{}"},
        {STATUS, NULL, 409, PLAY_REFUSED(409, "Conflict")},
    };
    (void)state;
    for (int i = 0; i < 2; i++) {
        world w;
        begin(&w, i ? old : refused, 3);
        plan_apply(&w, OP_APPLY, 0);
        w.plan.status = op_json("{'phase': 'Running'}");
        end(&w, i ? DF_EFENCED : DF_EINVAL, i ? "Made " : "Made !StatusUpdateFailed ");
    }
}

/* ---- what the original operator made --------------------------------------------------------- */

#define DEPLOYMENT "/apis/apps/v1/namespaces/n/deployments/df-a"
#define FORMER "/apis/apps/v1/namespaces/n/deployments/dataflow-a"
#define FORMER_MAP "/api/v1/namespaces/n/configmaps/dataflow-a-spec"
#define OF_FORMER(more)                                                                            \
    "{\"metadata\":{\"uid\":\"u7\"," more                                                          \
    "\"ownerReferences\":[{\"apiVersion\":\"dataflow.dataflow.io/v1\",\"kind\":\"DataFlow\","      \
    "\"name\":\"a\",\"uid\":\"u1\",\"controller\":true}]},\"spec\":{\"selector\":{\"matchLabels\"" \
    ":{\"app\":\"dataflow-processor\"}}}}"
#define OF_US                                                                                      \
    "{\"metadata\":{\"uid\":\"u7\",\"ownerReferences\":[{\"apiVersion\":"                          \
    "\"dataflow.dataflow.io/v1\",\"kind\":\"DataFlow\",\"name\":\"a\",\"uid\":\"u1\","             \
    "\"controller\":true}]},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":"                     \
    "\"dataflow-processor\",\"dataflow.dataflow.io/name\":\"a\",\"dataflow.dataflow.io/kind\":"    \
    "\"DataFlow\"}}}}"
#define NOT_THERE 404, PLAY_REFUSED(404, "NotFound")
#define BEFORE                                                                                     \
    {FLOW, NULL, 200, OF_VERSION("7")},                                                            \
    {                                                                                              \
        "PATCH " MAP, NULL, 200, "{}"                                                              \
    }
#define WAITS(name)                                                                                \
    {                                                                                              \
        STATUS, NULL, 200, "{}",                                                                   \
            .body =                                                                                \
                "\"message\":\"Waiting for Deployment " name " of the operator before to end\""    \
    }

static void plan_deployment(world *w, int is_new)
{
    op_action *a = op_plan_add(&w->plan, OP_APPLY, OP_DEPLOYMENT, "df-a",
                               op_json("{'metadata': {'name': 'df-a'}}"));
    assert_non_null(a);
    a->is_new = is_new;
    a->event = "Started";
}

/* It goes before the first pod of ours, and when that has all it needs: pods of two operators never
 * read at once, and the status says what is waited for. What is not of this flow stays. */
static void test_takes_over(void **state)
{
    static const play_turn runs[] = {
        BEFORE,
        {"GET " FORMER, NULL, 200, OF_FORMER("")},
        {"DELETE " FORMER, NULL, 200, "{}", .body = "\"propagationPolicy\":\"Foreground\""},
        WAITS("dataflow-a"),
    };
    static const play_turn ends[] = {
        BEFORE,
        {"GET " FORMER, NULL, 200, OF_FORMER("\"deletionTimestamp\":\"2026-01-01T00:00:00Z\",")},
        WAITS("dataflow-a"),
    };
    static const play_turn later[] = {
        BEFORE,
        {"GET " FORMER, NULL, NOT_THERE},
        {"GET " DEPLOYMENT, NULL, 200, OF_FORMER("")},
        {"DELETE " DEPLOYMENT, NULL, 200, "{}", .body = "\"uid\":\"u7\""},
        WAITS("df-a"),
    };
    static const play_turn map[] = {
        BEFORE,
        {"GET " FORMER, NULL, NOT_THERE},
        {"GET " DEPLOYMENT, NULL, NOT_THERE},
        {"GET " FORMER_MAP, NULL, 200, OF_FORMER("")},
        {"DELETE " FORMER_MAP, NULL, 200, "{}", .body = "\"uid\":\"u7\""},
        {"PATCH " DEPLOYMENT, NULL, 200, "{}"},
    };
    static const play_turn foreign[] = {
        BEFORE,
        {"GET " FORMER, NULL, 200, "{\"metadata\":{\"name\":\"dataflow-a\",\"uid\":\"u8\"}}"},
        {"GET " DEPLOYMENT, NULL, 200, OF_US},
        {"GET " FORMER_MAP, NULL, NOT_THERE},
        {"PATCH " DEPLOYMENT, NULL, 200, "{}"},
    };
    static const play_turn refused[] = {
        BEFORE,
        {"GET " FORMER, NULL, 200, OF_FORMER("")},
        {"DELETE " FORMER, NULL, 403, PLAY_REFUSED(403, "Forbidden")},
        {STATUS, NULL, 200, "{}", .body = "\"message\":\"Failed to take over from the operator"},
    };
    static const struct {
        const play_turn *turns;
        int count, rc;
        const char *events;
    } rows[] = {
        {PLAY_TURNS(runs), DF_EFENCED, "Made TakenOver "},
        {PLAY_TURNS(ends), DF_EFENCED, "Made "},
        {PLAY_TURNS(later), DF_EFENCED, "Made TakenOver "},
        {PLAY_TURNS(map), DF_OK, "Made TakenOver Started "},
        {PLAY_TURNS(foreign), DF_OK, "Made Started "},
        {PLAY_TURNS(refused), DF_EAUTH, "Made !CleanupFailed "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world w;
        begin(&w, rows[i].turns, rows[i].count);
        plan_apply(&w, OP_APPLY, 0);
        plan_deployment(&w, 0);
        w.plan.takes_over = 1;
        if (rows[i].rc != DF_OK)
            w.plan.status = op_json("{'phase': 'Running'}");
        end(&w, rows[i].rc, rows[i].events);
    }
}

/* No informer has seen it, and its selector can never change: an apply would be refused for ever.
 */
static void test_other_selector(void **state)
{
    static const play_turn turns[] = {
        {FLOW, NULL, 200, OF_VERSION("7")},
        {"GET " DEPLOYMENT, NULL, 200, OF_FORMER("")},
        {"GET " FORMER, NULL, NOT_THERE},
        {"GET " DEPLOYMENT, NULL, 200, OF_FORMER("")},
        {"DELETE " DEPLOYMENT, NULL, 200, "{}",
         .body = "\"propagationPolicy\":\"Foreground\",\"preconditions\":{\"uid\":\"u7\"}"},
        WAITS("df-a"),
    };
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    plan_deployment(&w, 1);
    w.plan.status = op_json("{'phase': 'Running'}");
    end(&w, DF_EFENCED, "TakenOver ");
}

/* It is used on, and seen from now on. */
static void test_unlabelled_positions(void **state)
{
    static const play_turn turns[] = {
        {FLOW, NULL, 200, OF_VERSION("7")},
        {"POST /api/v1/namespaces/n/configmaps", NULL, 409, PLAY_REFUSED(409, "AlreadyExists")},
        {"GET " MAP, NULL, 200, OF_FORMER("")},
        {"PATCH " MAP, NULL, 200, "{}", .body = OUR_LABELS("u7")},
    };
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    plan_apply(&w, OP_CREATE, 0);
    end(&w, DF_OK, "TakenOver ");
}

#define CRON_JOB "/apis/batch/v1/namespaces/n/cronjobs/dfc-a"
#define POSITIONS "/api/v1/namespaces/n/configmaps/df-a-checkpoint"
#define OUR_POSITIONS "/api/v1/namespaces/n/configmaps/dfc-a-checkpoint"
#define OF_CRON(more, rest)                                                                        \
    "{\"metadata\":{\"uid\":\"u7\",\"resourceVersion\":\"9\"," more                                \
    "\"ownerReferences\":[{\"apiVersion\":\"dataflow.dataflow.io/v1\",\"kind\":\"DataFlowCron\","  \
    "\"name\":\"a\",\"uid\":\"u1\",\"controller\":true}]}" rest "}"
#define CRON                                                                                       \
    {                                                                                              \
        "GET /apis/dataflow.dataflow.io/v1/namespaces/n/dataflowcrons/a", NULL, 200,               \
            "{\"kind\":\"DataFlowCron\",\"metadata\":{\"name\":\"a\",\"uid\":\"u1\","              \
            "\"resourceVersion\":\"7\"}}"                                                          \
    }
#define CRON_STATUS "PATCH /apis/dataflow.dataflow.io/v1/namespaces/n/dataflowcrons/a/status"
#define DATA ",\"data\":{\"checkpoint.json\":\"{}\"}"

/* Its positions have another name than ours. They are moved when none of its runs goes on, and none
 * begins meanwhile. */
static void test_cron_taken_over(void **state)
{
    static const play_turn runs[] = {
        CRON,
        {"GET " CRON_JOB, NULL, 200, OF_CRON("", ",\"spec\":{\"suspend\":false}")},
        {"PATCH " CRON_JOB, NULL, 200, "{}", .body = "\"spec\":{\"suspend\":true}"},
        {CRON_STATUS, NULL, 200, "{}",
         .body = "Waiting for runs of CronJob dfc-a of the operator before to end"},
    };
    static const play_turn waits[] = {
        CRON,
        {"GET " CRON_JOB, NULL, 200,
         OF_CRON("", ",\"spec\":{\"suspend\":true},\"status\":{\"active\":[{\"name\":\"j-1\"}]}")},
        {CRON_STATUS, NULL, 200, "{}", .body = "Waiting for Job j-1 of the operator before to end"},
    };
    static const play_turn moves[] = {
        CRON,
        {"GET " CRON_JOB, NULL, 200, OF_CRON("", ",\"spec\":{\"suspend\":true}")},
        {"GET " POSITIONS, NULL, 200, OF_CRON("", DATA)},
        {"GET " OUR_POSITIONS, NULL, 200, OF_CRON("\"name\":\"dfc-a-checkpoint\",", "")},
        {"PATCH " OUR_POSITIONS, NULL, 200, "{}",
         .body = "{\"metadata\":{\"uid\":\"u7\",\"resourceVersion\":\"9\"}" DATA "}"},
        {"DELETE " POSITIONS, NULL, 200, "{}", .body = "\"resourceVersion\":\"9\""},
        {"PATCH " CRON_JOB, NULL, 200, "{}"},
    };
    static const play_turn moved[] = {
        /* and ended before it was removed */
        CRON,
        {"GET " CRON_JOB, NULL, 200, OF_CRON("", ",\"spec\":{\"suspend\":true}")},
        {"GET " POSITIONS, NULL, 200, OF_CRON("", DATA)},
        {"GET " OUR_POSITIONS, NULL, 200, OF_CRON("\"name\":\"dfc-a-checkpoint\",", DATA)},
        {"DELETE " POSITIONS, NULL, 200, "{}", .body = "\"resourceVersion\":\"9\""},
        {"PATCH " CRON_JOB, NULL, 200, "{}"},
    };
    static const play_turn newer[] = {
        /* ours went on already: the others are left */
        CRON,
        {"GET " CRON_JOB, NULL, 200,
         OF_CRON("\"labels\":{\"dataflow.dataflow.io/kind\":\"DataFlowCron\"},", "")},
        {"GET " POSITIONS, NULL, 200, OF_CRON("", DATA)},
        {"GET " OUR_POSITIONS, NULL, 200,
         OF_CRON("\"name\":\"dfc-a-checkpoint\",", ",\"data\":{\"checkpoint.json\":\"1\"}")},
        {"PATCH " CRON_JOB, NULL, 200, "{}"},
    };
    static const struct {
        const play_turn *turns;
        int count, rc;
        const char *events;
    } rows[] = {
        {PLAY_TURNS(runs), DF_EFENCED, "TakenOver "},
        {PLAY_TURNS(waits), DF_EFENCED, ""},
        {PLAY_TURNS(moves), DF_OK, "TakenOver TakenOver Started "},
        {PLAY_TURNS(moved), DF_OK, "TakenOver Started "},
        {PLAY_TURNS(newer), DF_OK, "Started "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world w;
        op_action *a;
        begin(&w, rows[i].turns, rows[i].count);
        op_put(w.flow, "kind", json_object_new_string("DataFlowCron"));
        a = op_plan_add(&w.plan, OP_APPLY, OP_CRON_JOB, "dfc-a",
                        op_json("{'metadata': {'name': 'dfc-a'}}"));
        assert_non_null(a);
        a->event = "Started";
        w.plan.takes_over = 1;
        end(&w, rows[i].rc, rows[i].events);
    }
}

/* The original writes a phase when the first run has ended: until then nothing but its CronJob
 * tells that it was here. */
static void test_cron_without_phase(void **state)
{
    static const play_turn turns[] = {
        CRON,
        {"GET " CRON_JOB, NULL, 200, OF_CRON("", ",\"spec\":{\"suspend\":true}")},
        {"GET " CRON_JOB, NULL, 200, OF_CRON("", ",\"spec\":{\"suspend\":true}")},
        {"GET " POSITIONS, NULL, NOT_THERE},
        {"GET " CRON_JOB, NULL, 200, OF_CRON("", ",\"spec\":{\"suspend\":true}")},
        {"PATCH " CRON_JOB, NULL, 200, "{}"},
    };
    world w;
    op_action *a;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    op_put(w.flow, "kind", json_object_new_string("DataFlowCron"));
    a = op_plan_add(&w.plan, OP_APPLY, OP_CRON_JOB, "dfc-a",
                    op_json("{'metadata': {'name': 'dfc-a'}}"));
    assert_non_null(a);
    a->is_new = 1;
    a->event = "Started";
    end(&w, DF_OK, "Started ");
}

/* The original cut no names; ours are at most 63 characters long. */
#define SIXTY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG SIXTY "a"
#define LONG_FLOW "/apis/dataflow.dataflow.io/v1/namespaces/n/dataflows/" LONG
#define DEPLOYMENTS "/apis/apps/v1/namespaces/n/deployments/"
#define MAPS "/api/v1/namespaces/n/configmaps/"
#define CUT "df-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-d8aa9763"
#define CUT_POSITIONS "df-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-201ee168"
#define POSITIONS_OF(more, rest)                                                                   \
    "{\"metadata\":{\"uid\":\"u7\",\"resourceVersion\":\"9\"," more                                \
    "\"ownerReferences\":[{\"apiVersion\":\"dataflow.dataflow.io/v1\",\"kind\":\"DataFlow\","      \
    "\"name\":\"" LONG "\",\"uid\":\"u1\",\"controller\":true}]}" rest "}"

static void test_long_name(void **state)
{
    static const play_turn runs[] = {
        {"GET " LONG_FLOW, NULL, 200, OF_VERSION("7")},
        {"GET " DEPLOYMENTS "dataflow-" LONG, NULL, NOT_THERE},
        {"GET " DEPLOYMENTS "df-" LONG, NULL, 200, OF_FORMER("")},
        {"DELETE " DEPLOYMENTS "df-" LONG, NULL, 200, "{}",
         .body = "\"propagationPolicy\":\"Foreground\""},
        {"PATCH " LONG_FLOW "/status", NULL, 200, "{}",
         .body = "Waiting for Deployment df-" LONG " of the operator before to end"},
    };
    static const play_turn moves[] = {
        {"GET " LONG_FLOW, NULL, 200, OF_VERSION("7")},
        {"GET " DEPLOYMENTS "dataflow-" LONG, NULL, NOT_THERE},
        {"GET " DEPLOYMENTS "df-" LONG, NULL, NOT_THERE},
        {"GET " DEPLOYMENTS CUT, NULL, NOT_THERE},
        {"GET " MAPS "dataflow-" LONG "-spec", NULL, NOT_THERE},
        {"GET " MAPS "df-" LONG "-spec", NULL, 200, OF_FORMER("")},
        {"DELETE " MAPS "df-" LONG "-spec", NULL, 200, "{}", .body = "\"uid\":\"u7\""},
        {"GET " MAPS "df-" LONG "-checkpoint", NULL, 200, POSITIONS_OF("", DATA)},
        {"GET " MAPS CUT_POSITIONS, NULL, 200, POSITIONS_OF("\"name\":\"" CUT_POSITIONS "\",", "")},
        {"PATCH " MAPS CUT_POSITIONS, NULL, 200, "{}", .body = DATA},
        {"DELETE " MAPS "df-" LONG "-checkpoint", NULL, 200, "{}",
         .body = "\"resourceVersion\":\"9\""},
        {"PATCH " DEPLOYMENT, NULL, 200, "{}"},
    };
    (void)state;
    for (int i = 0; i < 2; i++) {
        world w;
        begin(&w, i ? moves : runs,
              i ? (int)(sizeof moves / sizeof moves[0]) : (int)(sizeof runs / sizeof runs[0]));
        op_put(w.flow, "metadata.name", json_object_new_string(LONG));
        plan_deployment(&w, 0);
        w.plan.takes_over = 1;
        end(&w, i ? DF_OK : DF_EFENCED,
            i ? "TakenOver TakenOver TakenOver Started " : "TakenOver ");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_child),
        cmocka_unit_test(test_of_somebody_else),
        cmocka_unit_test(test_made_before),
        cmocka_unit_test(test_lost_label),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_the_servers),
        cmocka_unit_test(test_not_the_flows),
        cmocka_unit_test(test_of_the_past),
        cmocka_unit_test(test_deleted),
        cmocka_unit_test(test_absence),
        cmocka_unit_test(test_words_of_the_server),
        cmocka_unit_test(test_failed_get),
        cmocka_unit_test(test_failed_status),
        cmocka_unit_test(test_takes_over),
        cmocka_unit_test(test_other_selector),
        cmocka_unit_test(test_unlabelled_positions),
        cmocka_unit_test(test_cron_taken_over),
        cmocka_unit_test(test_cron_without_phase),
        cmocka_unit_test(test_long_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
