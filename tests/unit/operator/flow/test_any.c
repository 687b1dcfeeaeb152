/* SPDX-License-Identifier: Apache-2.0
 * test_any.c: plans for any spec over any state of a cluster, also with plans that break off:
 * few plans lead to an end, and it is the same one.
 * ctest: timeout=600 */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/flow/flow.h"
#include "unit/operator/model.h"

static unsigned long seed;

static int dice(int sides)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int)((seed >> 33) % (unsigned long)sides);
}

static void random_spec(model *m)
{
    static const struct {
        const char *path, *value;
    } rows[] = {{"replicas", "0"},
                {"replicas", "1"},
                {"replicas", "3"},
                {"maintenance", "{'suspended': true}"},
                {"maintenance", "{'startTime': '2026-09-21T13:00:00Z', 'duration': '10h'}"},
                {"checkpointReset", "true"},
                {"checkpointPersistence", "false"},
                {"restartNonce", "2"},
                {"podDisruptionBudget", "true"},
                {"upgradePolicy", "'OnSpecChange'"},
                {"nodeSelector", "{'a': 'b'}"},
                {"processorVersion", "'7'"},
                {"resources", "{'limits': {'cpu': '1000m', 'memory': '1024Mi'}}"},
                {"sink.config.tabel", "'x'"},
                {"sink.config.connectionStringSecretRef.namespace", "'vault'"},
                {"sink.config.connectionStringSecretRef.namespace", "'shop'"}};
    json_object *spec = op_json(dice(2) ? FIXTURE_POLL : FIXTURE_KAFKA);
    op_put(m->flow, "spec", spec);
    for (int i = dice(4); i > 0; i--) {
        int r = dice((int)(sizeof rows / sizeof rows[0]));
        model_spec(m, rows[r].path, rows[r].value);
    }
    if (!dice(6))
        model_annotate(m, OP_RESET, "true");
}

/* Something is done to one object: gone, changed, somebody else's. */
static void disturb(model *m, const char *key, json_object *object)
{
    switch (dice(6)) {
    case 0:
        json_object_object_del(m->objects, key);
        break;
    case 1:
        if (strncmp(key, "Lease", 5) != 0 && !strstr(key, "checkpoint"))
            op_put(object, "metadata.labels.app", json_object_new_string("other"));
        break;
    case 2:
        op_put(object, "spec.replicas", json_object_new_int(9));
        break;
    case 3:
        op_put(object, "metadata.ownerReferences", NULL);
        break;
    case 4:
        op_put(object, "metadata.ownerReferences.0.uid", json_object_new_string("earlier"));
        break;
    default:
        json_object_object_add(
            m->objects, key,
            op_json("{'metadata': {'name': %s, 'uid': 'theirs'}, 'hidden': true}",
                    strchr(key, '/') + 1));
    }
}

static void disturb_some(model *m)
{
    for (int i = dice(4); i > 0; i--) {
        int at = dice(8);
        char key[200] = "";
        json_object_object_foreach(m->objects, name, object)
        {
            (void)object;
            if (at-- == 0)
                snprintf(key, sizeof key, "%s", name);
        }
        if (*key)
            disturb(m, key, json_object_object_get(m->objects, key));
    }
}

static void copy_model(model *to, const model *from)
{
    *to = *from;
    to->flow = op_copy(from->flow);
    to->objects = op_copy(from->objects);
    to->pods = op_copy(from->pods);
    to->created = op_copy(from->created);
}

/* What is left of an end: all but numbers that count writes. */
static void shape(model *m, char hex[DF__SHA256_HEX])
{
    json_object *all =
        op_json("{'objects': %o, 'spec': %o, 'phase': %s, 'message': %s}", m->objects,
                op_get(m->flow, "spec"), op_text(m->flow, "status.phase"),
                op_text(m->flow, "status.message"));
    json_object_object_foreach(op_get(all, "objects"), key, object)
    {
        (void)key;
        op_put(object, "metadata.generation", NULL);
        op_put(object, "metadata.uid", NULL);
        op_put(object, "status.observedGeneration", NULL);
    }
    assert_int_equal(op_hash(all, hex), 0);
    json_object_put(all);
}

/* The plan breaks off after some actions, as when the operator is killed; then others follow. */
static void settle_with_crashes(model *m)
{
    for (int i = 0; i < 3; i++) {
        op_plan p;
        model_plan(m, &p);
        model_run(m, &p, (size_t)dice((int)p.action_count + 1));
        op_plan_free(&p);
        memset(&m->fights, 0, sizeof m->fights); /* forgotten by a new process */
        if (dice(2))
            model_controllers(m);
    }
    model_settle(m);
}

static void test_any(void **state)
{
    (void)state;
    for (unsigned long round = 0; round < 400; round++) {
        char one[DF__SHA256_HEX], two[DF__SHA256_HEX];
        model m, crashed;
        int worked;
        seed = round * 7919 + 17;
        model_begin(&m, fixture_env, fixture_flow("DataFlow", FIXTURE_POLL));
        random_spec(&m);
        if (dice(4))
            model_settle(&m);
        if (dice(2))
            random_spec(&m);
        disturb_some(&m);
        copy_model(&crashed, &m);
        worked = model_settle(&m);
        if (worked > 4)
            fail_msg("round %lu: %d plans had actions", round, worked);
        settle_with_crashes(&crashed);
        shape(&m, one);
        shape(&crashed, two);
        if (strcmp(one, two) != 0)
            fail_msg("round %lu:\n%s\n%s\n%s\n%s", round, json_object_to_json_string(m.objects),
                     json_object_to_json_string(crashed.objects),
                     json_object_to_json_string(m.flow), json_object_to_json_string(crashed.flow));
        model_end(&m);
        model_end(&crashed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_any)};
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
