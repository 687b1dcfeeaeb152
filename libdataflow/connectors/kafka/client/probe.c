/* SPDX-License-Identifier: Apache-2.0
 * probe.c: one look at a cluster before a run: asks for the topic, visits every broker that the
 * cluster names, and as a source reads the group's offsets and the ends of all partitions.
 */
#include <stdio.h>
#include <string.h>

#include "expiry.h"
#include "look.h"

enum { VISIT_MS = 4000, SURE_MS = 1500 };

/* Any request that goes to one broker does; its answer may be that it is not allowed. */
static int ask_broker(df__kafka_look *p, df__kafka_broker *b)
{
    char id[16], text[200];
    (void)snprintf(id, sizeof id, "%d", (int)b->id);
    rd_kafka_ConfigResource_t *of = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, id);
    rd_kafka_AdminOptions_t *how =
        rd_kafka_AdminOptions_new(p->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    int ok = of != NULL && how != NULL;
    if (ok) {
        (void)rd_kafka_AdminOptions_set_request_timeout(how, VISIT_MS, text, sizeof text);
        rd_kafka_AdminOptions_set_opaque(how, b);
        rd_kafka_DescribeConfigs(p->rk, &of, 1, how, p->replies);
    }
    if (of)
        rd_kafka_ConfigResource_destroy(of);
    if (how)
        rd_kafka_AdminOptions_destroy(how);
    return ok ? DF_OK : df_stage_fail(p->st, DF_ENOMEM, NULL, "no memory");
}

/* How many have answered. *ret_known: of the others it is known why they do not. */
static int count_answers(df__kafka_look *p, int *ret_known)
{
    rd_kafka_event_t *event;
    int answered = 0;
    while ((event = rd_kafka_queue_poll(p->replies, 0))) {
        df__kafka_broker *b = rd_kafka_event_opaque(event);
        if (b && rd_kafka_event_error(event) >= 0) /* negative: of the client itself */
            b->answered = 1;
        rd_kafka_event_destroy(event);
    }
    *ret_known = 1;
    for (int i = 0; i < p->broker_count; i++) {
        answered += p->brokers[i].answered;
        *ret_known &= p->brokers[i].answered || p->brokers[i].cause != NULL;
    }
    return answered;
}

/* Whoever corrects one address wants to know of the others too. */
static void tell_unreached(df__kafka_look *p)
{
    char text[sizeof p->failure.text] = "";
    size_t used = 0;
    for (int i = 0; i < p->broker_count; i++) {
        const df__kafka_broker *b = &p->brokers[i];
        const df__kafka_named named = {(int)b->id, b->address,
                                       b->cause != NULL ? b->cause : "no answer",
                                       (int)strlen(b->address)};
        if (b->answered)
            continue;
        if (used == 0)
            df__kafka_named_words(text, sizeof text, &p->o, &named);
        else
            (void)snprintf(text + used, sizeof text - used, "; broker %d at %s: %s", named.id,
                           b->address, named.cause);
        used = strlen(text);
    }
    if (used > 0)
        df__kafka_fail(&p->failure, DF_EIO, "connection_error", "%s: %s", p->label, text);
}

static int visit_brokers(df__kafka_look *p)
{
    int64_t begin = df__kafka_clock_ms();
    int rc = DF_OK, known = 0;
    for (int i = 0; i < p->broker_count && rc == DF_OK; i++)
        rc = ask_broker(p, &p->brokers[i]);
    while (rc == DF_OK && count_answers(p, &known) < p->broker_count) {
        int64_t passed = df__kafka_clock_ms() - begin;
        if (passed > VISIT_MS || (known && passed > SURE_MS))
            break;
        rc = df__kafka_look_pause(p);
    }
    tell_unreached(p);
    return p->failure.status;
}

/* ---- rights of a source ---------------------------------------------------------------------- */

static int read_offsets(df__kafka_look *p)
{
    rd_kafka_topic_partition_list_t *list = df__kafka_look_partitions(p, RD_KAFKA_OFFSET_INVALID);
    int rc = list != NULL ? df__kafka_look_committed(p, list)
                          : df_stage_fail(p->st, DF_ENOMEM, NULL, "no memory");
    if (list)
        rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

/* Fetches at the ends: assigned by hand, so that no group is joined. */
static int read_ends(df__kafka_look *p)
{
    rd_kafka_topic_partition_list_t *list = df__kafka_look_partitions(p, RD_KAFKA_OFFSET_END);
    if (!list)
        return df_stage_fail(p->st, DF_ENOMEM, NULL, "no memory");
    rd_kafka_resp_err_t err = rd_kafka_assign(p->rk, list);
    int rc = err ? df__kafka_look_error(p, err) : DF_OK;
    rd_kafka_topic_partition_list_destroy(list);
    while (rc == DF_OK && p->read_count < p->partitions->cnt)
        rc = df__kafka_look_pause(p);
    (void)rd_kafka_assign(p->rk, NULL);
    if (rc == DF_ECANCELED)
        df__kafka_fail(&p->failure, DF_ETIMEOUT, "timeout", "%s: %d of %d partitions answer",
                       p->label, p->read_count, p->partitions->cnt);
    return rc;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void tell(df__kafka_look *p)
{
    char there[96], several[32] = "";
    int count = p->partitions->cnt;
    if (p->o.topic.data == NULL)
        (void)snprintf(several, sizeof several, " of %d topic%s", p->topic_count,
                       p->topic_count == 1 ? "" : "s");
    (void)snprintf(there, sizeof there, "%d partition%s%s", count, count == 1 ? "" : "s", several);
    df_stage_foundf(
        p->st, "%s: %s, %d broker%s%s%s", p->label,
        count > 0 ? there : "is not there, a run makes it", p->broker_count,
        p->broker_count == 1 ? "" : "s", p->registry ? ", the schema registry answers" : "",
        p->group != NULL ? "" : "; whether it may be written shows with the first record");
}

static int look(df__kafka_look *p)
{
    int rc = df__kafka_look_begin(p);
    rc = rc == DF_OK ? visit_brokers(p) : rc;
    if (p->group) {
        rc = rc == DF_OK ? read_offsets(p) : rc;
        rc = rc == DF_OK ? read_ends(p) : rc;
    }
    if (rc == DF_OK)
        tell(p);
    df__kafka_expiry_tell(p->st, &p->o);
    return rc;
}

int df__kafka_probe(df__kafka_look *p)
{
    return df__kafka_look_end(p, look(p));
}
