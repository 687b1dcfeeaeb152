/* SPDX-License-Identifier: Apache-2.0
 * offsets.c: what the group has committed, and setting it while the group has no members. A logical
 * offset is never committed: -1 would mean the end of then.
 */
#include <stdio.h>
#include <string.h>

#include "client/look.h"
#include "client/position.h"
#include "offsets.h"
#include "source.h"

enum { ASK_MS = 2000, SET_MS = 10000 };

typedef rd_kafka_topic_partition_list_t list_of_partitions;

static df__kafka_look look_of(const df__kafka_source *s, df_stage *st)
{
    return (df__kafka_look){.o = s->o.common,
                            .st = st,
                            .topics = s->o.topics,
                            .pattern = s->o.pattern,
                            .group = s->o.group.data};
}

/* ---- looking --------------------------------------------------------------------------------- */

/* After an error: DF_OK: ask again. */
static int try_again(df__kafka_look *l, rd_kafka_resp_err_t err, const char *what)
{
    int rc = df__kafka_look_error(l, err);
    rc = rc == DF_OK ? df__kafka_look_pause(l) : rc;
    if (rc == DF_ECANCELED)
        df__kafka_fail(&l->failure, DF_ETIMEOUT, "timeout", "%s: cannot read %s: %s", l->label,
                       what, rd_kafka_err2str(err));
    return rc;
}

static int ask_bounds(df__kafka_look *l, const rd_kafka_topic_partition_t *of, df_offset *row)
{
    rd_kafka_resp_err_t err;
    int rc = DF_OK;
    do {
        err = rd_kafka_query_watermark_offsets(l->rk, of->topic, of->partition, &row->first,
                                               &row->end, ASK_MS);
        rc = err ? try_again(l, err, "the ends of its partitions") : DF_OK;
    } while (err && rc == DF_OK);
    return rc;
}

/* The first offset of that time or later; the client's logical end when there is none. */
static int ask_time(df__kafka_look *l, int64_t time_us, list_of_partitions *times)
{
    rd_kafka_resp_err_t err;
    int rc = DF_OK;
    do {
        for (int i = 0; i < times->cnt; i++)
            times->elems[i].offset = (time_us + 999) / 1000;
        err = rd_kafka_offsets_for_times(l->rk, times, ASK_MS);
        for (int i = 0; !err && i < times->cnt; i++)
            err = times->elems[i].err;
        rc = err ? try_again(l, err, "the offsets of a time") : DF_OK;
    } while (err && rc == DF_OK);
    return rc;
}

static int tell(df__kafka_look *l, const list_of_partitions *held, const list_of_partitions *times,
                df_offset_fn each, void *user)
{
    for (int i = 0; i < held->cnt; i++) {
        char name[300];
        df_offset row = {.size = sizeof row, .partition = name, .stored = -1, .at_time = -1};
        int rc = ask_bounds(l, &held->elems[i], &row);
        if (rc != DF_OK)
            return rc;
        (void)snprintf(name, sizeof name, "%s/%d", held->elems[i].topic,
                       (int)held->elems[i].partition);
        if (held->elems[i].offset >= 0)
            row.stored = held->elems[i].offset;
        if (times)
            row.at_time = times->elems[i].offset >= 0 ? times->elems[i].offset : row.end;
        each(user, &row);
    }
    return DF_OK;
}

int df__kafka_offsets(void *self, df_stage *st, int64_t time_us, df_offset_fn each, void *user)
{
    const df__kafka_source *s = self;
    df__kafka_look l = look_of(s, st);
    list_of_partitions *held = NULL, *times = NULL;
    int rc = df__kafka_look_begin(&l);
    if (rc == DF_OK) {
        held = df__kafka_look_partitions(&l, RD_KAFKA_OFFSET_INVALID);
        times = time_us >= 0 ? df__kafka_look_partitions(&l, 0) : NULL;
        if (!held || (time_us >= 0 && !times))
            rc = df_stage_fail(st, DF_ENOMEM, NULL, "no memory");
    }
    rc = rc == DF_OK ? df__kafka_look_committed(&l, held) : rc;
    rc = rc == DF_OK && times != NULL ? ask_time(&l, time_us, times) : rc;
    rc = rc == DF_OK ? tell(&l, held, times, each, user) : rc;
    if (held)
        rd_kafka_topic_partition_list_destroy(held);
    if (times)
        rd_kafka_topic_partition_list_destroy(times);
    return df__kafka_look_end(&l, rc);
}

/* ---- setting --------------------------------------------------------------------------------- */

static void fail_in_use(df__kafka_look *l, const char *who)
{
    df__kafka_fail(&l->failure, DF_ESTATE, "invalid_config",
                   "group %s is in use%s: stop every flow that reads with it; one that died leaves "
                   "the group when its session ends",
                   l->group, who);
}

/* When it cannot be asked, the commit itself is refused. */
static int look_for_members(df__kafka_look *l)
{
    const struct rd_kafka_group_list *groups = NULL;
    rd_kafka_resp_err_t err = rd_kafka_list_groups(l->rk, l->group, &groups, ASK_MS);
    int members = 0;
    char who[64];
    for (int i = 0; !err && i < groups->group_cnt; i++)
        members += groups->groups[i].member_cnt;
    if (groups)
        rd_kafka_group_list_destroy(groups);
    (void)snprintf(who, sizeof who, " by %d member%s", members, members == 1 ? "" : "s");
    if (members > 0)
        fail_in_use(l, who);
    return l->failure.status;
}

/* A partition by its name; NULL: there is none. */
static const rd_kafka_topic_partition_t *named(const df__kafka_look *l, const char *name)
{
    char topic[256];
    int32_t id;
    if (df__kafka_partition_read(name, topic, sizeof topic, &id) != DF_OK)
        return NULL;
    return rd_kafka_topic_partition_list_find(l->partitions, topic, id);
}

/* The epoch of the leader of now: should an unclean election cut off what was reset to, the group's
 * offset is seen to be past the end of that epoch. */
static int add_epoch(df__kafka_look *l, rd_kafka_topic_partition_t *row)
{
    list_of_partitions *end = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err;
    int rc = DF_OK;
    if (!end)
        return df_stage_fail(l->st, DF_ENOMEM, NULL, "no memory");
    rd_kafka_topic_partition_list_add(end, row->topic, row->partition);
    do {
        end->elems[0].offset = RD_KAFKA_OFFSET_END;
        err = rd_kafka_offsets_for_times(l->rk, end, ASK_MS);
        err = err ? err : end->elems[0].err;
        rc = err ? try_again(l, err, "the ends of its partitions") : DF_OK;
    } while (err && rc == DF_OK);
    if (rc == DF_OK)
        df__kafka_set_epoch(row, df__kafka_epoch_of(&end->elems[0]));
    rd_kafka_topic_partition_list_destroy(end);
    return rc;
}

static int add_row(df__kafka_look *l, list_of_partitions *list, const df_offset *row)
{
    const rd_kafka_topic_partition_t *of = named(l, row->partition);
    df_offset now = {.size = sizeof now};
    if (!of)
        return df_stage_failf(l->st, DF_EINVAL, "invalid_config", "there is no partition %s",
                              row->partition);
    int rc = ask_bounds(l, of, &now);
    if (rc == DF_OK && (row->stored < now.first || row->stored > now.end))
        return df_stage_failf(l->st, DF_EINVAL, "invalid_config",
                              "%s has the offsets %lld to %lld, not %lld", row->partition,
                              (long long)now.first, (long long)now.end, (long long)row->stored);
    if (rc != DF_OK)
        return rc;
    rd_kafka_topic_partition_t *to =
        rd_kafka_topic_partition_list_add(list, of->topic, of->partition);
    to->offset = row->stored;
    return rd_kafka_version() >= 0x020100ff ? add_epoch(l, to) : DF_OK;
}

/* Who is no member may commit only while the group has none. */
static int is_in_use(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
           err == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS ||
           err == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION;
}

/* Some partitions alone may have failed. */
static rd_kafka_resp_err_t outcome(rd_kafka_event_t *event)
{
    const list_of_partitions *rows = rd_kafka_event_topic_partition_list(event);
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    for (int i = 0; !err && rows && i < rows->cnt; i++)
        err = rows->elems[i].err;
    return err;
}

static int commit(df__kafka_look *l, const list_of_partitions *list)
{
    rd_kafka_queue_t *reply = rd_kafka_queue_new(l->rk);
    if (!reply)
        return df_stage_fail(l->st, DF_ENOMEM, NULL, "no memory");
    rd_kafka_resp_err_t err = rd_kafka_commit_queue(l->rk, list, reply, NULL, NULL);
    rd_kafka_event_t *event = err ? NULL : rd_kafka_queue_poll(reply, SET_MS);
    if (event)
        err = outcome(event);
    else if (!err)
        err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(reply);
    if (is_in_use(err))
        fail_in_use(l, "");
    else if (err && df__kafka_look_error(l, err) == DF_OK)
        df__kafka_fail(&l->failure, DF_EIO, "timeout", "group %s: offsets could not be stored: %s",
                       l->group, rd_kafka_err2str(err));
    return l->failure.status;
}

int df__kafka_set_offsets(void *self, df_stage *st, const df_offset *rows, size_t count)
{
    const df__kafka_source *s = self;
    df__kafka_look l = look_of(s, st);
    list_of_partitions *list = rd_kafka_topic_partition_list_new((int)count);
    int rc =
        list != NULL ? df__kafka_look_begin(&l) : df_stage_fail(st, DF_ENOMEM, NULL, "no memory");
    rc = rc == DF_OK ? look_for_members(&l) : rc;
    for (size_t i = 0; i < count && rc == DF_OK; i++)
        rc = add_row(&l, list, DF_ROW(df_offset, rows, i));
    if (rc == DF_OK && list->cnt > 0)
        rc = commit(&l, list);
    if (list)
        rd_kafka_topic_partition_list_destroy(list);
    return df__kafka_look_end(&l, rc);
}
