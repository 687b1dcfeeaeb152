/* SPDX-License-Identifier: Apache-2.0
 * seat.c: see seat.h. */
#include "dfoperator/local/seat.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dfoperator/child/pod.h"
#include "dfoperator/object/keys.h"
#include "dfoperator/object/tree.h"

#define SECOND INT64_C(1000000)

/* Bound and not listened on, with SO_REUSEADDR on both sides: the process can listen there, and
 * the kernel gives the port to nobody that asks for any. */
int op_seat_reserve(op_seat *seat)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        bind(fd, (struct sockaddr *)&at, sizeof at) ||
        getsockname(fd, (struct sockaddr *)&at, &len)) {
        close(fd);
        return -1;
    }
    seat->reserve = fd;
    seat->port = ntohs(at.sin_port);
    return 0;
}

int64_t op_seat_pause(int64_t last_us, int64_t ran_us)
{
    if (!last_us || ran_us >= 60 * SECOND)
        return SECOND;
    return last_us * 2 < 300 * SECOND ? last_us * 2 : 300 * SECOND;
}

static json_object *end_of(const op_seat *seat)
{
    return op_json("{'terminated': {'exitCode': %n, 'message': %s}}", (int64_t)seat->code,
                   seat->last);
}

static const char *phase_of(const op_seat *seat)
{
    return !seat->is_over ? "Running" : seat->code ? "Failed" : "Succeeded";
}

static json_object *state_of(const op_seat *seat)
{
    if (seat->process)
        return op_json("{'running': {}}");
    if (seat->is_over)
        return end_of(seat);
    return op_json(seat->has_ended ? "{'waiting': {'reason': 'CrashLoopBackOff'}}"
                                   : "{'waiting': {'reason': 'ContainerCreating'}}");
}

/* The template's annotations, and where the metrics are. */
static int put_port(json_object *pod, json_object *given, int number)
{
    json_object *all = given ? op_copy(given) : json_object_new_object();
    char port[12];
    snprintf(port, sizeof port, "%d", number);
    if (!all || json_object_object_add(all, OP_METRICS_PORT, json_object_new_string(port))) {
        json_object_put(all);
        return -1;
    }
    return op_put(pod, "metadata.annotations", all);
}

json_object *op_seat_show(const op_seat *seat, json_object *template)
{
    json_object *state = state_of(seat), *end = seat->has_ended ? end_of(seat) : NULL;
    json_object *container = NULL, *pod = NULL;
    if (state)
        container = op_json("{'name': '" OP_CONTAINER "', 'ready': %b, 'restartCount': %n, "
                            "'state': %o, 'lastState': %o}",
                            seat->ready, (int64_t)seat->restarts, state, end);
    if (container)
        pod = op_json("{'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': %s, 'namespace': "
                      "%s, 'uid': %s, 'labels': %o}, 'status': {'phase': %s, 'podIP': "
                      "'127.0.0.1', 'containerStatuses': [%o]}}",
                      seat->pod, seat->space, seat->pod, op_get(template, "metadata.labels"),
                      phase_of(seat), container);
    if (pod && (put_port(pod, op_get(template, "metadata.annotations"), seat->port) ||
                (seat->stopping && op_put(pod, "metadata.deletionTimestamp",
                                          json_object_new_string("1970-01-01T00:00:00Z"))))) {
        json_object_put(pod);
        pod = NULL;
    }
    json_object_put(state);
    json_object_put(end);
    json_object_put(container);
    return pod;
}
