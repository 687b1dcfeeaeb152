/* SPDX-License-Identifier: Apache-2.0
 * offsets.c: the positions of a parcel as the offsets that the sink commits for the source's group.
 */
#include <string.h>

#include "client/position.h"
#include "offsets.h"

static int read_owner(df_bytes text, df__kafka_owner *ret)
{
    const char *begin = text.data, *end = text.len > 0 ? begin + text.len : NULL;
    const char *cut = end != NULL ? memchr(begin, '\0', text.len) : NULL;
    const char *second = cut != NULL ? memchr(cut + 1, '\0', (size_t)(end - cut - 1)) : NULL;
    if (!second)
        return DF_ENOTFOUND;
    *ret = (df__kafka_owner){begin, cut + 1, second + 1, (size_t)(end - second - 1)};
    return DF_OK;
}

rd_kafka_topic_partition_list_t *df__kafka_offsets_of(const df_position *rows, size_t count,
                                                      df__kafka_owner *ret_owner)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    *ret_owner = (df__kafka_owner){NULL, NULL, NULL, 0};
    for (size_t i = 0; list != NULL && i < count; i++) {
        char topic[256];
        int32_t id, epoch;
        int64_t offset;
        const df_position *row = DF_ROW(df_position, rows, i);
        if (df__kafka_partition_read(row->name, topic, sizeof topic, &id) != DF_OK ||
            df__kafka_position_read(row->data, &offset, &epoch) != DF_OK) {
            rd_kafka_topic_partition_list_destroy(list);
            return NULL;
        }
        rd_kafka_topic_partition_t *to = rd_kafka_topic_partition_list_add(list, topic, id);
        to->offset = offset;
        df__kafka_set_epoch(to, epoch);
        if (!ret_owner->group)
            (void)read_owner(row->owner, ret_owner);
    }
    return list;
}
