/* SPDX-License-Identifier: Apache-2.0
 * test_spec.c: a manifest becomes a graph with its settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/registry/add.h"
#include "support/spec_bench.h"

static const char manifest[] =
    "apiVersion: dataflow.dataflow.io/v1\n"
    "kind: DataFlow\n"
    "metadata:\n"
    "  name: orders\n"
    "  namespace: shop\n"
    "  labels: {a: b}\n"
    "spec:\n"
    "  source:\n"
    "    type: well\n"
    "    config: {topic: '${env:TOPIC}', rate: '7'}\n"
    "  transformations:\n"
    "    - type: plain\n"
    "    - type: fork\n"
    "      when: $.x == 1\n"
    "      config:\n"
    "        routes:\n"
    "          - condition: $.a\n"
    "            sink: {type: tank, config: {table: ta}}\n"
    "          - condition: $.b\n"
    "            sink: {type: tank, config: {tableSecretRef: {name: s, key: k}}}\n"
    "    - type: erase\n"
    "      config: {fields: [p, q]}\n"
    "    - type: put\n"
    "      config: {fields: {a: '${now}'}}\n"
    "  sink:\n"
    "    type: tank\n"
    "    config: {table: main}\n"
    "  errors:\n"
    "    type: pipe\n"
    "    ackPolicy: afterMainSinkSuccess\n"
    "  deliveryGuarantee: atLeastOnce\n"
    "  memoryLimit: 16MiB\n"
    "  transformWorkers: 4\n"
    "  maxUncommitted: 5000\n"
    "  stopTimeout: 5s\n"
    "  revokeTimeout: 3\n"
    "  checkpointPersistence: false\n"
    "  checkpointSyncOnAck: true\n"
    "  checkpointSaveInterval: 1m\n"
    "  ackGranularity: message\n"
    "  strictIdempotency: true\n"
    "  replicas: 1\n"
    "  resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {cpu: 1.5, memory: 1e9}}\n"
    "  nodeSelector: {disk: ssd}\n"
    "  affinity: {nodeAffinity: {a: [b]}}\n"
    "  tolerations: [{key: a, operator: Exists, effect: NoSchedule}]\n"
    "  imagePullSecrets: [{name: reg}]\n"
    "  processorImage: img:1\n"
    "  processorVersion: 1.10\n"
    "  collapseBatchOnMessageAck: false\n"
    "  checkpointReset: false\n"
    "  maintenance: {startTime: \"2026-01-02T03:04:05.5+01:00\", duration: 1h, repeat: weekly,"
    " timezone: Europe/Berlin, description: d, suspended: false}\n"
    "status: {phase: Running}\n";

static void expect(const bench *b, const char *problems)
{
    char text[8192];
    bench_problems(b, text, sizeof text);
    assert_string_equal(text, problems);
}

static void check_settings(const df__settings *s)
{
    assert_true(s->memory_limit == 16 << 20);
    assert_true(s->transform_workers == 4);
    assert_true(s->max_uncommitted == 5000);
    assert_true(s->stop_timeout_us == 5000000);
    assert_true(s->revoke_timeout_us == 3000000);
    assert_true(s->checkpoint_interval_us == 60000000);
    assert_true(s->retry_cap_us == 600000000);
    assert_int_equal(s->checkpoint_persistence, 0);
    assert_int_equal(s->checkpoint_sync_on_ack, 1);
    assert_int_equal(s->ack_granularity, 1);
    assert_int_equal(s->error_ack, DF__ACK_AFTER_MAIN);
    assert_int_equal(s->error_policy, DF__POLICY_STOP);
    assert_int_equal(s->guarantee, DF__GUARANTEE_AT_LEAST);
    assert_int_equal(s->strict_idempotency, 1);
}

static void check_stage(const bench *b, const char *name, int role, const char *kind, int port)
{
    const df__stage_spec *s = bench_stage(b, name);
    assert_non_null(s);
    assert_int_equal(s->role, role);
    assert_string_equal(s->kind, kind);
    assert_int_equal(s->exit, port);
    assert_false(s->broken);
    assert_non_null(s->self);
    assert_true(role == DF_TRANSFORM ? s->transform != NULL : s->connector != NULL);
}

static void test_manifest(void **state)
{
    static const char *const order[] = {"source",  "0 plain", "1 fork", "1 fork/0", "1 fork/1",
                                        "2 erase", "3 put",   "sink",   "errors"};
    const df__stage_spec *s;
    const bench_well *well;
    size_t i = 0;
    df_ref ref;
    bench b;
    (void)state;
    bench_open(&b, 0);
    assert_int_equal(bench_load(&b, manifest, sizeof manifest - 1, "flow.yaml"), DF_OK);
    expect(&b, "");
    assert_string_equal(b.g.name, "orders");
    assert_string_equal(b.g.space, "shop");
    assert_string_equal(b.g.manifest_kind, "DataFlow");
    assert_string_equal(b.g.file, "flow.yaml");
    check_settings(&b.g.settings);
    for (s = b.g.stages; s; s = s->next)
        assert_string_equal(s->name, order[i++]);
    assert_int_equal(i, 9);
    check_stage(&b, "source", DF_SOURCE, "well", 0);
    check_stage(&b, "1 fork", DF_TRANSFORM, "fork", 0);
    check_stage(&b, "1 fork/0", DF_SINK, "tank", 1);
    check_stage(&b, "1 fork/1", DF_SINK, "tank", 2);
    check_stage(&b, "sink", DF_SINK, "tank", 0);
    check_stage(&b, "errors", DF_ERROR_SINK, "pipe", 0);
    assert_int_equal(b.g.next_exit, 3);
    assert_string_equal(bench_stage(&b, "1 fork/0")->route_label, "$.a");
    assert_string_equal(bench_stage(&b, "1 fork/1")->route_label, "$.b");
    assert_string_equal(bench_stage(&b, "1 fork/1")->field,
                        "spec.transformations[1].config.routes[1].sink");
    assert_string_equal(bench_stage(&b, "sink")->route_label, "default");
    assert_string_equal(bench_stage(&b, "errors")->route_label, "error");
    assert_non_null(bench_stage(&b, "1 fork")->when);
    assert_string_equal(bench_stage(&b, "1 fork")->when_text, "$.x == 1");
    assert_null(bench_stage(&b, "2 erase")->when);
    assert_string_equal(bench_stage(&b, "2 erase")->field, "spec.transformations[2]");
    assert_string_equal(bench_stage(&b, "2 erase")->config_field, "spec.transformations[2].config");
    assert_int_equal(bench_stage(&b, "2 erase")->line, 21);
    well = bench_stage(&b, "source")->self;
    assert_true(well->rate == 7);
    assert_string_equal(well->topic.data, ""); /* a check resolves nothing */
    assert_int_equal(df__secrets_ref_at(b.g.secrets, 0, &ref), DF_OK);
    assert_string_equal(ref.field, "spec.source.config.topic");
    assert_int_equal(df__secrets_ref_at(b.g.secrets, 1, &ref), DF_OK);
    assert_string_equal(ref.field,
                        "spec.transformations[1].config.routes[1].sink.config.tableSecretRef");
    assert_int_equal(df__secrets_ref_at(b.g.secrets, 2, &ref), DF_DONE);
    bench_close(&b);
}

static void test_filled_again_for_the_run(void **state)
{
    const df__stage_spec *fork;
    df__fill f = {.mode = DF__FILL_RUN};
    void *self;
    bench b;
    (void)state;
    bench_open(&b, 0);
    assert_int_equal(bench_load(&b, manifest, sizeof manifest - 1, "flow.yaml"), DF_OK);
    fork = bench_stage(&b, "1 fork");
    self = calloc(1, df__stage_size(fork));
    assert_non_null(self);
    f.arena = &b.g.arena;
    f.secrets = b.g.secrets;
    assert_int_equal(df__stage_fill(&b.g, fork, &f, self), DF_OK);
    assert_int_equal(b.g.next_exit, 3); /* the routed sinks are those of the check */
    df__options_release(b.g.arena.heap, df__stage_options(fork), self);
    free(self);
    expect(&b, "");
    bench_close(&b);
}

/* An alias is what it stands for written out: each fork has sinks of its own. */
static void test_routes_by_alias(void **state)
{
    static const char yaml[] =
        "source: {type: well, config: {topic: a}}\n"
        "sink: &main {type: tank, config: {table: t}}\n"
        "transformations:\n"
        "- {type: fork, config: {routes: &routes [{condition: $.a, sink: *main}]}}\n"
        "- {type: fork, config: {routes: *routes}}\n"
        "- {type: fork, config: {routes: *routes}}\n";
    static const char *const forks[] = {"0 fork", "1 fork", "2 fork"};
    bench b;
    (void)state;
    bench_open(&b, 0);
    assert_int_equal(bench_load(&b, yaml, sizeof yaml - 1, "f"), DF_OK);
    for (int i = 0; i < 3; i++) {
        const df__stage_spec *fork = bench_stage(&b, forks[i]), *sink;
        df__fill f = {.mode = DF__FILL_RUN, .arena = &b.g.arena, .secrets = b.g.secrets};
        df_list *routes = calloc(1, df__stage_size(fork));
        char name[32];
        snprintf(name, sizeof name, "%s/0", forks[i]);
        sink = bench_stage(&b, name);
        assert_non_null(sink);
        assert_int_equal(sink->exit, i + 1);
        assert_non_null(routes);
        assert_int_equal(df__stage_fill(&b.g, fork, &f, routes), DF_OK);
        const int *exit = (const void *)((const char *)routes->items + sizeof(df_condition *));
        assert_int_equal(*exit, i + 1);
        df__options_release(b.g.arena.heap, df__stage_options(fork), routes);
        free(routes);
    }
    assert_int_equal(b.g.next_exit, 4);
    expect(&b, "");
    bench_close(&b);
}

static void test_bare(void **state)
{
    static const char yaml[] = "source: {type: well, config: {topic: a}}\n"
                               "sink: {type: tank, config: {table: t}}\n";
    static const char json[] = "{\"source\":{\"type\":\"well\",\"config\":{\"topic\":\"a\"}},"
                               "\"sink\":{\"type\":\"tank\",\"config\":{\"table\":\"t\"}},"
                               "\"transformations\":null,\"errors\":null,\"maintenance\":null}";
    const char *const texts[] = {yaml, json};
    size_t i;
    (void)state;
    for (i = 0; i < 2; i++) {
        bench b;
        bench_open(&b, 0);
        assert_int_equal(bench_load(&b, texts[i], strlen(texts[i]), NULL), DF_OK);
        expect(&b, "");
        assert_null(b.g.name);
        assert_null(b.g.manifest_kind);
        assert_string_equal(b.g.file, "<text>");
        assert_true(b.g.settings.memory_limit == 64 << 20);
        assert_true(b.g.settings.max_uncommitted == 1000000);
        assert_true(b.g.settings.stop_timeout_us == 20000000);
        assert_true(b.g.settings.checkpoint_persistence == 1);
        assert_int_equal(b.g.settings.guarantee, DF__GUARANTEE_AT_LEAST);
        assert_non_null(bench_stage(&b, "source"));
        assert_non_null(bench_stage(&b, "sink"));
        bench_close(&b);
    }
}

static void test_cron(void **state)
{
    static const char cron[] =
        "apiVersion: dataflow.dataflow.io/v1\nkind: DataFlowCron\nmetadata: {name: n}\nspec:\n"
        "  source: {type: well, config: {topic: a}}\n  sink: {type: tank, config: {table: t}}\n"
        "  schedule: '*/5 1-3 * JAN mon,fri'\n  concurrencyPolicy: Forbid\n  suspend: false\n"
        "  successfulJobsHistoryLimit: 3\n  failedJobsHistoryLimit: 1\n"
        "  startingDeadlineSeconds: 100\n"
        "  triggers:\n    - name: a\n      image: i\n      command: [sh]\n      args: ['${X}']\n"
        "      env: [{name: A, value: '${Y}'}, {name: B, valueFrom: {x: {}}}]\n"
        "      resources: {limits: {cpu: 1}}\n      imagePullPolicy: Always\n";
    static const char bare[] =
        "source: {type: well, config: {topic: a}}\nsink: {type: tank, config: {table: t}}\n"
        "schedule: '* * * * *'\ntriggers: []\n";
    bench b;
    (void)state;
    bench_open(&b, 0);
    assert_int_equal(bench_load(&b, cron, sizeof cron - 1, NULL), DF_OK);
    expect(&b, "");
    assert_string_equal(b.g.manifest_kind, "DataFlowCron");
    bench_close(&b);
    bench_open(&b, 0);
    assert_int_equal(bench_load(&b, bare, sizeof bare - 1, NULL), DF_OK);
    expect(&b, "");
    bench_close(&b);
}

static void test_schedules(void **state)
{
    static const char *const good[] = {
        "* * * * *",    "\t0 0  1 1 0 ",         "59 23 31 12 6",     "0 0 29 2 *",
        "0 0 30 2 1",   "0 0 30 2 */2",          "0 0 31 * ?",        "1-59/2,0 */3 ? * *",
        "5/15 * * * *", "0 0 * jan-MAR Sun,SAT", "007 0 31 4,6,12 *", "*/90 * * * 0-6/7",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char yaml[256];
        bench b;
        int len = snprintf(yaml, sizeof yaml,
                           "source: {type: well, config: {topic: a}}\nsink: {type: tank, config: "
                           "{table: t}}\nconcurrencyPolicy: ''\nschedule: \"%s\"\n",
                           good[i]);
        bench_open(&b, 0);
        bench_load(&b, yaml, (size_t)len, NULL);
        expect(&b, "");
        bench_close(&b);
    }
}

static void test_warnings(void **state)
{
    static const char yaml[] =
        "source: {type: well, config: {topic: a}}\nsink: {type: tank, config: {table: t, old: x}}\n"
        "channelBufferSize: 500\nerrors: {type: pipe, ackPolicy: never}\n";
    bench b;
    (void)state;
    bench_open(&b, 0);
    assert_int_equal(bench_load(&b, yaml, sizeof yaml - 1, NULL), DF_OK);
    expect(
        &b,
        "warning 2:39 spec.sink.config.old: \"old\" is accepted for old manifests: doc of old\n"
        "warning 3:1 spec.channelBufferSize: \"channelBufferSize\" is accepted for old manifests: "
        "queues are bounded by memoryLimit, this has no effect\n"
        "warning 4:33 spec.errors.ackPolicy: with \"never\" the position stays before the first "
        "refused record; the flow stops reading at maxUncommitted\n");
    assert_int_equal(b.g.settings.error_ack, DF__ACK_NEVER);
    bench_close(&b);
}

static void test_policy_alone(void **state)
{
    static const char yaml[] =
        "source: {type: pipe}\nsink: {type: pipe}\nerrors: {policy: skip, ackPolicy: ''}\n";
    bench b;
    (void)state;
    bench_open(&b, 0);
    assert_int_equal(bench_load(&b, yaml, sizeof yaml - 1, NULL), DF_OK);
    assert_int_equal(b.g.settings.error_policy, DF__POLICY_SKIP);
    assert_null(bench_stage(&b, "errors"));
    bench_close(&b);
}

static void test_by_hand(void **state)
{
    df__stage_spec like = {.role = DF_SINK, .kind = "pipe"};
    const df__stage_spec *s;
    bench b;
    (void)state;
    bench_open(&b, 0);
    s = df__graph_add(&b.g, &like);
    assert_non_null(s);
    assert_string_equal(s->name, "pipe"); /* the kind */
    assert_null(df__graph_add(&b.g, &like));
    expect(&b, "0:0 pipe.type: there is already a stage named \"pipe\"\n");
    like.name = "other";
    assert_non_null(df__graph_add(&b.g, &like));
    bench_close(&b);
}

static void test_secrets_are_optional(void **state)
{
    static const char yaml[] = "source: {type: well, config: {topic: a}}\n"
                               "sink: {type: tank, config: {table: \"${env:X}\", password: p,"
                               " secrets: [\"${file:/x}\"], labelSecretRef: {}}}\n";
    bench b;
    df__secrets *kept;
    (void)state;
    bench_open(&b, 0);
    kept = b.g.secrets;
    b.g.secrets = NULL;
    assert_int_equal(bench_load(&b, yaml, sizeof yaml - 1, NULL), DF_ESPEC);
    expect(&b, "2:86 spec.sink.config.labelSecretRef: unknown field \"labelSecretRef\" | did you "
               "mean \"tableSecretRef\"?\n");
    b.g.secrets = kept;
    bench_close(&b);
}

static int keep_text(void *user, const char *text, size_t len)
{
    df__buf_add(user, text, len);
    return DF_OK;
}

static const df__doc *find_name(const df__doc *list, const char *name)
{
    const df__doc *n;
    for (n = list->first; n; n = n->next)
        if (strcmp(df__doc_member(n, "name")->text.data, name) == 0)
            return n;
    return NULL;
}

static void test_described(void **state)
{
    df__buf text;
    bench b;
    const df__doc *all, *tank, *routes;
    df_text in = {.size = sizeof in, .file = "describe.json"};
    (void)state;
    bench_open(&b, 0);
    assert_null(df__options_validate(df__spec_rows(0), SIZE_MAX));
    assert_null(df__options_validate(df__spec_rows(1), SIZE_MAX));
    assert_null(df__options_validate(df__spec_error_rows(), SIZE_MAX));
    assert_null(df__options_validate(df__spec_stage_rows(), SIZE_MAX));
    df__buf_init(&text, &df__heap_libc);
    assert_int_equal(df_env_describe(b.env, keep_text, &text), DF_OK);
    in.text = text.data;
    in.len = text.len;
    all = df__doc_parse(&b.g.arena, &in, b.g.problems);
    expect(&b, "");
    assert_non_null(all);
    assert_string_equal(df__doc_member(all, "version")->text.data, df_version_string());
    tank = find_name(df__doc_member(all, "connectors"), "tank");
    assert_non_null(tank);
    assert_null(df__doc_member(tank, "source"));
    assert_int_equal(df__doc_member(df__doc_member(tank, "sink"), "options")->count,
                     bench_tank_options.count);
    routes = find_name(df__doc_member(all, "transforms"), "fork");
    routes = df__doc_member(routes, "options")->first;
    assert_string_equal(df__doc_member(routes, "of")->text.data, "block");
    assert_int_equal(df__doc_member(routes, "options")->count, 2);
    assert_non_null(find_name(df__doc_member(all, "spec"), "memoryLimit"));
    assert_null(find_name(df__doc_member(all, "spec"), "schedule"));
    assert_non_null(find_name(df__doc_member(all, "cron"), "schedule"));
    assert_non_null(find_name(df__doc_member(all, "errors"), "ackPolicy"));
    assert_non_null(find_name(df__doc_member(all, "stage"), "when"));
    df__buf_free(&text);
    bench_close(&b);
}

/* Each allocation fails once: the answer is DF_ENOMEM, nothing leaks, and no problem is made up. */
static void test_every_allocation_fails(void **state)
{
    long i = 0;
    int rc;
    (void)state;
    do {
        bench b;
        bench_open(&b, ++i);
        rc = bench_load(&b, manifest, sizeof manifest - 1, NULL);
        assert_true(rc == DF_OK || rc == DF_ENOMEM);
        assert_int_equal(df__problems_count(b.g.problems, 0), 0);
        bench_close(&b);
    } while (rc != DF_OK);
    assert_true(i > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_filled_again_for_the_run),
        cmocka_unit_test(test_routes_by_alias),
        cmocka_unit_test(test_bare),
        cmocka_unit_test(test_cron),
        cmocka_unit_test(test_schedules),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_policy_alone),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_secrets_are_optional),
        cmocka_unit_test(test_described),
        cmocka_unit_test(test_every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
