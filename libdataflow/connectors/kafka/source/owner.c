/* SPDX-License-Identifier: Apache-2.0
 * owner.c: with exactly-once the sink puts the source's offsets into its own transaction. For that
 * it needs what only a member of the group has: the token of a partition is the cluster's id, NUL,
 * the group's name, NUL, and the client's group metadata, which change with each generation.
 */
#include <stdlib.h>
#include <string.h>

#include "owner.h"

enum { CLUSTER_MS = 5000, TELL_MS = 1000 };

int df__kafka_owner_open(df__kafka_source *s)
{
    const df_bytes *group = &s->o.group;
    char *cluster = rd_kafka_clusterid(s->rk, CLUSTER_MS);
    if (!cluster)
        return df_stage_fail(s->st, DF_EIO, "connection_error", "cannot read the cluster's id");
    size_t len = strlen(cluster) + 1;
    s->owner.head = len + group->len + 1;
    s->owner.len = 0;
    free(s->owner.text);
    s->owner.text = malloc(s->owner.head);
    if (s->owner.text) {
        memcpy(s->owner.text, cluster, len);
        memcpy(s->owner.text + len, group->data, group->len);
        s->owner.text[s->owner.head - 1] = '\0';
    }
    rd_kafka_mem_free(s->rk, cluster);
    return s->owner.text != NULL ? DF_OK : df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory");
}

/* The metadata as bytes, the client's memory. NULL: none now. */
static void *metadata_of(df__kafka_source *s, size_t *ret_len)
{
    void *bytes = NULL;
    char *member = rd_kafka_memberid(s->rk);
    int is_member = member != NULL && member[0] != '\0';
    if (member)
        rd_kafka_mem_free(s->rk, member);
    if (!is_member) /* the coordinator takes offsets that name no member, also of a former one */
        return NULL;
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(s->rk);
    rd_kafka_error_t *error =
        group != NULL ? rd_kafka_consumer_group_metadata_write(group, &bytes, ret_len) : NULL;
    if (error)
        rd_kafka_error_destroy(error);
    if (group)
        rd_kafka_consumer_group_metadata_destroy(group);
    return bytes;
}

/* 1: the token is another one now. */
static int renew(df__kafka_source *s, const void *bytes, size_t len)
{
    size_t whole = s->owner.head + len;
    if (whole == s->owner.len && memcmp(s->owner.text + s->owner.head, bytes, len) == 0)
        return 0;
    char *owner = realloc(s->owner.text, whole);
    if (!owner)
        return 0;
    memcpy(owner + s->owner.head, bytes, len);
    s->owner.text = owner;
    s->owner.len = whole;
    return 1;
}

void df__kafka_owner_tell(df__kafka_source *s, int now)
{
    size_t len = 0;
    if (!s->owner.text || (!df__kafka_gate_open(&s->owner.gate, TELL_MS) && !now))
        return;
    void *bytes = metadata_of(s, &len);
    int changed = bytes != NULL && renew(s, bytes, len);
    if (bytes)
        rd_kafka_mem_free(s->rk, bytes);
    for (size_t i = 0; (changed || now) && s->owner.len > 0 && i < s->part_count; i++)
        if (s->parts[i]->state != DF__KAFKA_PART_OFF)
            (void)df_partition_owner(s->parts[i]->part, (df_bytes){s->owner.text, s->owner.len});
}
