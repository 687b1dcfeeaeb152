/* SPDX-License-Identifier: Apache-2.0
 * trouble.c: see trouble.h. */
#include "dfoperator/child/trouble.h"

#include <string.h>

#include "dfoperator/child/pod.h"
#include "dfoperator/object/tree.h"
#include "util/buf.h"

enum { MESSAGE = 400 };

int op_pod_lives(json_object *pod)
{
    const char *phase = op_text(pod, "status.phase");
    return strcmp(phase, "Succeeded") != 0 && strcmp(phase, "Failed") != 0;
}

/* The last line that says something: what a process logged last is why it ended. */
static df_bytes last_line(const char *text)
{
    size_t len = strlen(text), from;
    while (len && strchr(" \r\n\t", text[len - 1]))
        len--;
    for (from = len; from && text[from - 1] != '\n';)
        from--;
    return (df_bytes){text + from, len - from};
}

/* Of a log line in JSON what it says: the result of the run, else its message. `line` otherwise;
 * borrowed from `object`, which is to be put back. */
static df_bytes words_of(df_bytes line, json_object **object)
{
    json_tokener *tokener = json_tokener_new();
    const char *words;
    *object = NULL;
    if (tokener && line.len && *(const char *)line.data == '{')
        *object = json_tokener_parse_ex(tokener, line.data, (int)line.len);
    if (tokener)
        json_tokener_free(tokener);
    words = op_text(*object, "result");
    words = *words ? words : op_text(*object, "msg");
    return *words ? (df_bytes){words, strlen(words)} : line;
}

static const char *meaning_of(int64_t code)
{
    static const struct {
        int64_t code;
        const char *text;
    } rows[] = {{0, "the source ended"},
                {1, "failed"},
                {2, "wrong manifest or command line"},
                {75, "gave up for now, may work later"},
                {137, "killed"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].code == code)
            return rows[i].text;
    return "unknown code";
}

/* "ended with code 2 (wrong manifest or command line): no such table"; `state`: a terminated
 * container's. */
static void tell_end(json_object *state, char ret[OP_TROUBLE_TEXT])
{
    int64_t code = op_int(state, "exitCode", -1);
    json_object *object;
    df_bytes line = words_of(last_line(op_text(state, "message")), &object);
    if (!strcmp(op_text(state, "reason"), "OOMKilled"))
        df__text_printf(ret, OP_TROUBLE_TEXT,
                        "was killed: it needed more memory than resources.limits.memory");
    else
        df__text_printf(ret, OP_TROUBLE_TEXT, "ended with code %lld (%s)%s%.*s", (long long)code,
                        meaning_of(code), line.len ? ": " : "",
                        (int)(line.len < MESSAGE ? line.len : MESSAGE), (const char *)line.data);
    json_object_put(object);
}

static int is_one_of(const char *text, const char *const *list)
{
    while (*list && strcmp(text, *list) != 0)
        list++;
    return *list != NULL;
}

/* A container that does not start or starts again and again. */
static op_trouble of_container(json_object *pod, json_object *container, char *ret)
{
    static const char *const image[] = {"ErrImagePull",        "ImagePullBackOff",
                                        "InvalidImageName",    "ErrImageNeverPull",
                                        "RegistryUnavailable", NULL};
    static const char *const config[] = {"CreateContainerConfigError", "CreateContainerError",
                                         "RunContainerError", NULL};
    json_object *waits = op_get(container, "state.waiting");
    json_object *ended = op_get(container, "state.terminated");
    const char *reason = op_text(waits, "reason"), *name = op_text(pod, "metadata.name");
    char end[OP_TROUBLE_TEXT];
    if (!ended && !strcmp(reason, "CrashLoopBackOff"))
        ended = op_get(container, "lastState.terminated");
    if (is_one_of(reason, image))
        df__text_printf(ret, OP_TROUBLE_TEXT, "Image %s of pod %s cannot be pulled: %.*s",
                        op_text(container, "image"), name, MESSAGE, op_text(waits, "message"));
    else if (is_one_of(reason, config))
        df__text_printf(ret, OP_TROUBLE_TEXT, "Pod %s cannot start: %.*s", name, MESSAGE,
                        op_text(waits, "message"));
    else if (ended) {
        tell_end(ended, end);
        df__text_printf(ret, OP_TROUBLE_TEXT, "Pod %s %s", name, end);
    } else
        return OP_NO_TROUBLE;
    return OP_FAILS;
}

static op_trouble of_pod(json_object *pod, char *ret)
{
    json_object *container = op_find(op_get(pod, "status.containerStatuses"), "name", OP_CONTAINER);
    json_object *trigger =
        op_find(op_get(pod, "status.containerStatuses"), "name", OP_TRIGGER_CONTAINER);
    json_object *place = op_find(op_get(pod, "status.conditions"), "type", "PodScheduled");
    if (!container)
        container = trigger;
    if (op_get(pod, "metadata.deletionTimestamp"))
        return OP_NO_TROUBLE;
    if (!container && !strcmp(op_text(place, "reason"), "Unschedulable")) {
        df__text_printf(ret, OP_TROUBLE_TEXT, "No node takes pod %s: %.*s",
                        op_text(pod, "metadata.name"), MESSAGE, op_text(place, "message"));
        return OP_WAITS;
    }
    return container ? of_container(pod, container, ret) : OP_NO_TROUBLE;
}

op_trouble op_trouble_of_pods(json_object **pods, size_t count, char ret[OP_TROUBLE_TEXT])
{
    op_trouble worst = OP_NO_TROUBLE;
    for (size_t i = 0; i < count; i++) {
        char text[OP_TROUBLE_TEXT];
        op_trouble one = of_pod(pods[i], text);
        if (one > worst) {
            worst = one;
            memcpy(ret, text, sizeof text);
        }
    }
    return worst;
}

op_trouble op_trouble_of_deployment(json_object *deployment, char ret[OP_TROUBLE_TEXT])
{
    json_object *c = op_find(op_get(deployment, "status.conditions"), "type", "ReplicaFailure");
    if (strcmp(op_text(c, "status"), "True") != 0)
        return OP_NO_TROUBLE;
    df__text_printf(ret, OP_TROUBLE_TEXT, "No replicas available: %.*s", MESSAGE,
                    op_text(c, "message"));
    return OP_FAILS;
}
