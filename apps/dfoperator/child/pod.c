/* SPDX-License-Identifier: Apache-2.0
 * pod.c: see pod.h. It fits the Pod Security level "restricted", needs no shell, and holds no
 * secret: those are files that dfproc reads. */
#include "dfoperator/child/pod.h"

#include <stdio.h>
#include <string.h>

#include "dfoperator/object/keys.h"
#include "dfoperator/object/tree.h"

/* What a DataFlow without `resources` gets. */
#define RESOURCES                                                                                  \
    "{'requests': {'cpu': '100m', 'memory': '128Mi'}, 'limits': {'cpu': '500m', 'memory': "        \
    "'512Mi'}}"

#define POD_SECURITY                                                                               \
    "{'runAsNonRoot': true, 'runAsUser': 65532, 'runAsGroup': 65532, 'fsGroup': 65532, "           \
    "'seccompProfile': {'type': 'RuntimeDefault'}}"

/* dfproc ends by itself within stopTimeout; the rest is for a sink that is slow to commit. */
#define GRACE_S "600"

static json_object *image_of(const op_wish *wish)
{
    json_object *spec = op_get(wish->flow, "spec");
    const char *image = op_text(spec, "processorImage"), *tag = op_text(spec, "processorVersion");
    char text[1024];
    if (*image)
        return json_object_new_string(image);
    if (!*tag || !wish->settings->repository)
        return json_object_new_string(wish->settings->image);
    snprintf(text, sizeof text, "%s:%s", wish->settings->repository, tag);
    return json_object_new_string(text);
}

/* So that a pod that starts again does not forget its positions again. */
static int add_reset(const op_wish *wish, json_object *args)
{
    char text[40];
    if (!wish->reset)
        return 0;
    snprintf(text, sizeof text, "--reset=%lld", (long long)wish->reset);
    return json_object_array_add(args, json_object_new_string(text));
}

/* Where the pod keeps positions, whose turn it waits for, and which flow they are of. */
static int add_cluster_args(const op_wish *wish, json_object *args)
{
    const struct {
        const char *option, *value;
    } rows[] = {{"--checkpoint=kubernetes:", wish->names.checkpoint},
                {"--lease=", wish->names.base},
                {"--uid=", op_text(wish->flow, "metadata.uid")},
                {"--kind=", op_kinds[wish->kind].kind}};
    /* That of a DataFlow is the default: its pods stay as they are. */
    size_t count = sizeof rows / sizeof rows[0] - (wish->kind == OP_FLOW);
    char text[400];
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof text, "%s%s", rows[i].option, rows[i].value);
        if (json_object_array_add(args, json_object_new_string(text)))
            return -1;
    }
    return add_reset(wish, args);
}

static json_object *args_of(const op_wish *wish)
{
    const char *space = op_text(wish->flow, "metadata.namespace");
    const char *name = op_text(wish->flow, "metadata.name");
    json_object *args;
    char space_arg[320], name_arg[320];
    snprintf(space_arg, sizeof space_arg, "--namespace=%s", space);
    snprintf(name_arg, sizeof name_arg, "--name=%s", name);
    args = op_json("['--spec-path=/etc/dataflow/spec.json', %s, %s]", space_arg, name_arg);
    if (args && wish->kind == OP_CRON)
        json_object_array_add(args, json_object_new_string("--until-exhausted"));
    if (args && op_wish_needs_api(wish) && add_cluster_args(wish, args)) {
        json_object_put(args);
        return NULL;
    }
    return args;
}

static json_object *env_of(const op_settings *s)
{
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%lld", (long long)s->progress_timeout_s);
    return op_json("[{'name': 'LOG_LEVEL', 'value': %s}, {'name': "
                   "'PROCESSOR_PROGRESS_TIMEOUT_SECONDS', 'value': %s}, {'name': 'POD_NAME', "
                   "'valueFrom': {'fieldRef': {'apiVersion': 'v1', 'fieldPath': "
                   "'metadata.name'}}}]",
                   s->processor_level ? s->processor_level : "info", seconds);
}

static json_object *mounts_of(int secrets)
{
    return op_json(secrets ? "[{'name': 'spec', 'mountPath': '/etc/dataflow', 'readOnly': true}, "
                             "{'name': 'secrets', 'mountPath': '/etc/dataflow/secrets', "
                             "'readOnly': true}]" /* the whole volume: subPath is never renewed */
                           : "[{'name': 'spec', 'mountPath': '/etc/dataflow', 'readOnly': true}]");
}

static json_object *volumes_of(const op_wish *wish, int secrets)
{
    return secrets ? op_json("[{'name': 'spec', 'configMap': {'name': %s}}, {'name': 'secrets', "
                             "'projected': {'defaultMode': 288, 'sources': %o}}]", /* 0440 */
                             wish->names.spec, wish->refs.sources)
                   : op_json("[{'name': 'spec', 'configMap': {'name': %s}}]", wish->names.spec);
}

static json_object *container_of(const op_wish *wish, int secrets)
{
    json_object *image = image_of(wish), *args = args_of(wish), *env = env_of(wish->settings);
    json_object *mounts = mounts_of(secrets), *own = op_get(wish->flow, "spec.resources");
    json_object *resources = own ? json_object_get(own) : op_json(RESOURCES);
    json_object *container = op_json(
        "{'name': '" OP_CONTAINER "', 'image': %o, 'args': %o, 'env': %o, "
        "'ports': [{'name': 'metrics', 'containerPort': 9090, 'protocol': 'TCP'}], "
        "'startupProbe': {'httpGet': {'path': '/readyz', 'port': 9090}, 'periodSeconds': 2, "
        "'timeoutSeconds': 5, 'failureThreshold': 600}, "
        "'livenessProbe': {'httpGet': {'path': '/livez', 'port': 9090}, 'periodSeconds': 30, "
        "'timeoutSeconds': 5, 'failureThreshold': 3}, "
        "'readinessProbe': {'httpGet': {'path': '/readyz', 'port': 9090}, 'periodSeconds': 10, "
        "'timeoutSeconds': 5, 'failureThreshold': 3}, "
        "'resources': %o, 'volumeMounts': %o, "
        "'terminationMessagePath': '/dev/termination-log', "
        "'terminationMessagePolicy': 'FallbackToLogsOnError', "
        "'securityContext': {'allowPrivilegeEscalation': false, 'readOnlyRootFilesystem': true, "
        "'capabilities': {'drop': ['ALL']}}}",
        image, args, env, resources, mounts);
    json_object_put(image);
    json_object_put(args);
    json_object_put(env);
    json_object_put(mounts);
    json_object_put(resources);
    return container;
}

/* What a person says about the place of the pod is copied. */
static int copy_fields(json_object *pod, json_object *spec)
{
    static const char *const fields[] = {"nodeSelector", "affinity", "tolerations",
                                         "imagePullSecrets"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        json_object *value = op_get(spec, fields[i]);
        if (value && op_put(pod, fields[i], op_copy(value)))
            return -1;
    }
    return 0;
}

static json_object *pod_of(const op_wish *wish)
{
    int secrets = json_object_array_length(wish->refs.sources) > 0;
    json_object *container = container_of(wish, secrets), *volumes = volumes_of(wish, secrets);
    json_object *pod =
        op_json("{'containers': [%o], 'volumes': %o, 'serviceAccountName': %s, "
                "'automountServiceAccountToken': %b, 'restartPolicy': %s, "
                "'terminationGracePeriodSeconds': " GRACE_S ", 'enableServiceLinks': false, "
                "'securityContext': " POD_SECURITY "}",
                container, volumes, wish->names.processor, op_wish_needs_api(wish),
                wish->kind == OP_CRON ? "Never" : "Always");
    json_object_put(container);
    json_object_put(volumes);
    if (pod && !copy_fields(pod, op_get(wish->flow, "spec")))
        return pod;
    json_object_put(pod);
    return NULL;
}

static json_object *annotations_of(const op_wish *wish)
{
    char number[24], flow[320];
    json_object *notes;
    snprintf(flow, sizeof flow, "%s/%s", op_kinds[wish->kind].kind,
             op_text(wish->flow, "metadata.name"));
    notes = op_json("{'" OP_SPEC_HASH "': %s, '" OP_FLOW_UID "': %s, '" OP_FLOW_ANNOTATION "': %s}",
                    wish->hash, op_text(wish->flow, "metadata.uid"), flow);
    if (notes && wish->reset) {
        snprintf(number, sizeof number, "%lld", (long long)wish->reset);
        json_object_object_add(notes, OP_RESET_NUMBER, json_object_new_string(number));
    }
    return notes;
}

/* Labels and annotations are taken over, and the pod. */
static json_object *template_of(json_object *labels, json_object *annotations, json_object *pod)
{
    json_object *template = NULL;
    if (labels && annotations && pod)
        template = op_json("{'metadata': {'labels': %o, 'annotations': %o}, 'spec': %o}", labels,
                           annotations, pod);
    json_object_put(labels);
    json_object_put(annotations);
    json_object_put(pod);
    return template;
}

json_object *op_pod_template(const op_wish *wish)
{
    return template_of(op_labels(wish->kind, op_text(wish->flow, "metadata.name")),
                       annotations_of(wish), pod_of(wish));
}

/* ---- triggers ------------------------------------------------------------------------------ */

static json_object *trigger_container(json_object *trigger)
{
    static const char *const fields[] = {"command", "args", "env", "resources", "imagePullPolicy"};
    json_object *container =
        op_json("{'name': '" OP_TRIGGER_CONTAINER "', 'image': %s, 'resources': " RESOURCES
                ", 'terminationMessagePolicy': 'FallbackToLogsOnError', 'securityContext': "
                "{'allowPrivilegeEscalation': false, 'capabilities': {'drop': ['ALL']}}}",
                op_text(trigger, "image"));
    for (size_t i = 0; container && i < sizeof fields / sizeof fields[0]; i++) {
        json_object *value = op_get(trigger, fields[i]);
        if (value && op_put(container, fields[i], op_copy(value))) {
            json_object_put(container);
            return NULL;
        }
    }
    return container;
}

json_object *op_pod_trigger(const op_wish *wish, json_object *trigger)
{
    json_object *labels = op_labels(wish->kind, op_text(wish->flow, "metadata.name"));
    json_object *container = trigger_container(trigger), *pod = NULL;
    if (container)
        pod = op_json("{'containers': [%o], 'serviceAccountName': %s, "
                      "'automountServiceAccountToken': false, 'restartPolicy': 'Never', "
                      "'enableServiceLinks': false, 'securityContext': " POD_SECURITY "}",
                      container, wish->names.processor);
    json_object_put(container);
    if (labels && pod && /* they serve no metrics */
        !op_put(labels, "app", json_object_new_string("dataflow-trigger")) &&
        !copy_fields(pod, op_get(wish->flow, "spec")))
        return template_of(labels, annotations_of(wish), pod);
    json_object_put(labels);
    json_object_put(pod);
    return NULL;
}
