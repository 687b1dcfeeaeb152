/* SPDX-License-Identifier: Apache-2.0
 * position.c: the text of a position: {"offset":17,"leaderEpoch":3}. The offset is that of the
 * next message to read.
 */
#include <inttypes.h>
#include <string.h>

#include "position.h"
#include "util/buf.h"

static char *put(char *to, const char *text)
{
    size_t len = strlen(text);
    memcpy(to, text, len);
    return to + len;
}

static char *put_number(char *to, int64_t n)
{
    if (n < 0)
        *to++ = '-';
    return to + df__digits(to, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

size_t df__kafka_position_write(char *buf, size_t cap, int64_t offset, int32_t epoch)
{
    if (cap < DF__KAFKA_POSITION)
        return 0;
    char *to = put_number(put(buf, "{\"offset\":"), offset);
    if (epoch >= 0)
        to = put_number(put(to, ",\"leaderEpoch\":"), epoch);
    *to++ = '}';
    return (size_t)(to - buf);
}

typedef struct scan {
    const char *at, *end;
    int bad;
} scan;

static void skip_space(scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

static int take_char(scan *s, char c)
{
    skip_space(s);
    if (s->at >= s->end || *s->at != c)
        return 0;
    s->at++;
    return 1;
}

static int64_t take_number(scan *s)
{
    int64_t value = 0;
    skip_space(s);
    if (s->at >= s->end || *s->at < '0' || *s->at > '9')
        s->bad = 1;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
        int digit = *s->at - '0';
        if (value > (INT64_MAX - digit) / 10) {
            s->bad = 1;
            return 0;
        }
        value = value * 10 + digit;
    }
    return value;
}

static df_bytes take_name(scan *s)
{
    df_bytes name = {NULL, 0};
    if (!take_char(s, '"')) {
        s->bad = 1;
        return name;
    }
    name.data = s->at;
    while (s->at < s->end && *s->at != '"')
        s->at++;
    name.len = (size_t)(s->at - (const char *)name.data);
    if (!take_char(s, '"') || !take_char(s, ':'))
        s->bad = 1;
    return name;
}

static int is_name(df_bytes name, const char *word)
{
    return name.len == strlen(word) && memcmp(name.data, word, name.len) == 0;
}

int df__kafka_partition_read(const char *name, char *topic, size_t cap, int32_t *ret_id)
{
    const char *cut = strrchr(name, '/');
    size_t len = cut != NULL ? (size_t)(cut - name) : 0;
    int64_t id = 0;
    if (len == 0 || len >= cap || cut[1] == '\0')
        return DF_EDATA;
    for (const char *at = cut + 1; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || id > INT32_MAX / 10)
            return DF_EDATA;
        id = id * 10 + (*at - '0');
    }
    memcpy(topic, name, len);
    topic[len] = '\0';
    *ret_id = (int32_t)id;
    return id <= INT32_MAX ? DF_OK : DF_EDATA;
}

void df__kafka_set_epoch(rd_kafka_topic_partition_t *row, int32_t epoch)
{
#if RD_KAFKA_VERSION >= 0x020100ff
    rd_kafka_topic_partition_set_leader_epoch(row, epoch);
#else
    (void)row;
    (void)epoch;
#endif
}

int32_t df__kafka_epoch_of(const rd_kafka_topic_partition_t *row)
{
#if RD_KAFKA_VERSION >= 0x020100ff
    return rd_kafka_topic_partition_get_leader_epoch(row);
#else
    (void)row;
    return -1;
#endif
}

int df__kafka_position_read(df_bytes text, int64_t *ret_offset, int32_t *ret_epoch)
{
    scan s = {text.data, (const char *)text.data + text.len, 0};
    int64_t offset = -1, epoch = -1;
    if (!text.data || !take_char(&s, '{'))
        return DF_EDATA;
    do {
        df_bytes name = take_name(&s);
        if (s.bad)
            break;
        int64_t value = take_number(&s);
        if (is_name(name, "offset"))
            offset = value;
        else if (is_name(name, "leaderEpoch") && value <= INT32_MAX)
            epoch = value;
        else
            s.bad = 1;
    } while (!s.bad && take_char(&s, ','));
    if (s.bad || !take_char(&s, '}') || offset < 0)
        return DF_EDATA;
    skip_space(&s);
    if (s.at != s.end)
        return DF_EDATA;
    *ret_offset = offset;
    *ret_epoch = (int32_t)epoch;
    return DF_OK;
}
