/* SPDX-License-Identifier: Apache-2.0
 * options.c: every option of source and sink. What is not supported yet is known and refused.
 */
#include "client/security.h"
#include "kafka.h"
#include "sink/create.h"
#include "source/options.h"

static const char *const formats[] = {"json", "avro", "text", "bytes", NULL};
static const char *const unions[] = {"plain", "wrapped", NULL};
static const char *const strategies[] = {"topic", "record", "topicRecord", NULL};
static const char *const starts[] = {"earliest", "latest", "timestamp", "offsets", NULL};
static const char *const out_of_range[] = {"earliest", "latest", "stop", NULL};
static const char *const all_acks[] = {"all", "local", "none", NULL};
static const char *const compressions[] = {"snappy", "none", "gzip", "lz4", "zstd", NULL};

#define COMMON(member) offsetof(df__kafka_common, member)
#define COMMON_ROWS(topic_flags, topic_doc)                                                        \
    {.name = "brokers",                                                                            \
     .type = DF_OPT_TEXT,                                                                          \
     .of = DF_OPT_TEXT,                                                                            \
     .flags = DF_OPT_REQUIRED | DF_OPT_REF,                                                        \
     .offset = COMMON(brokers),                                                                    \
     .doc = "Brokers to ask first: host:port, comma between, or a list."},                         \
        {.name = "topic",                                                                          \
         .type = DF_OPT_TEXT,                                                                      \
         .flags = DF_OPT_REF | (topic_flags),                                                      \
         .min = 1,                                                                                 \
         .max = 249,                                                                               \
         .offset = COMMON(topic),                                                                  \
         .doc = topic_doc},                                                                        \
        {.name = "securityProtocol",                                                               \
         .type = DF_OPT_TEXT,                                                                      \
         .offset = COMMON(security),                                                               \
         .doc = "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL; without it tls and sasl say it."},    \
        {.name = "tls",                                                                            \
         .type = DF_OPT_BLOCK,                                                                     \
         .offset = COMMON(tls),                                                                    \
         .block = &df__tls_block_options,                                                          \
         .doc = "TLS to the brokers."},                                                            \
        {.name = "sasl",                                                                           \
         .type = DF_OPT_BLOCK,                                                                     \
         .offset = COMMON(sasl),                                                                   \
         .block = &df__kafka_sasl_table,                                                           \
         .doc = "User and password for the brokers."},                                             \
    {                                                                                              \
        .name = "properties", .type = DF_OPT_MAP, .offset = COMMON(properties),                    \
        .doc = "Further librdkafka properties, by their own names, of those that docs/options.md " \
               "lists."                                                                            \
    }

#define FORMAT_ROWS(at, format_doc)                                                                \
    {.name = "format",                                                                             \
     .type = DF_OPT_ENUM,                                                                          \
     .choices = formats,                                                                           \
     .def = "json",                                                                                \
     .offset = (at) + offsetof(df__kafka_format, kind),                                            \
     .doc = format_doc},                                                                           \
        {.name = "avroSchema",                                                                     \
         .type = DF_OPT_TEXT,                                                                      \
         .flags = DF_OPT_REF,                                                                      \
         .offset = (at) + offsetof(df__kafka_format, schema),                                      \
         .doc = "Avro schema, as JSON."},                                                          \
        {.name = "avroSchemaFile",                                                                 \
         .type = DF_OPT_TEXT,                                                                      \
         .offset = (at) + offsetof(df__kafka_format, schema_file),                                 \
         .doc = "File with the Avro schema."},                                                     \
    {                                                                                              \
        .name = "schemaRegistry", .type = DF_OPT_BLOCK,                                            \
        .offset = (at) + offsetof(df__kafka_format, registry), .block = &df__kafka_registry_table, \
        .doc = "Schema registry that has the schemas."                                             \
    }

#define SOURCE(member) offsetof(df__kafka_source_options, member)
static const df_option source_rows[] = {
    COMMON_ROWS(DF_OPT_IDENTITY, "Topic to read; or topics, or topicPattern."),
    {.name = "topics",
     .type = DF_OPT_LIST,
     .of = DF_OPT_TEXT,
     .offset = SOURCE(topics),
     .doc = "Topics to read, in place of topic."},
    {.name = "topicPattern",
     .type = DF_OPT_TEXT,
     .offset = SOURCE(pattern),
     .doc = "Read all topics whose whole name matches this regular expression (POSIX extended), "
            "also those that come later; in place of topic."},
    {.name = "consumerGroup",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REF,
     .def = "dataflow-operator",
     .offset = SOURCE(group),
     .doc = "Consumer group; it holds the committed offsets."},
    {.name = "instanceId",
     .type = DF_OPT_TEXT,
     .offset = SOURCE(instance),
     .doc = "Static member name, unique in the group: a restart within the session keeps its "
            "partitions."},
    {.name = "startFrom",
     .type = DF_OPT_ENUM,
     .choices = starts,
     .def = "earliest",
     .offset = SOURCE(start_from),
     .doc = "Where to begin when the group has no offset: of what is there then. Partitions and "
            "topics that come later begin at their start."},
    {.name = "startTime",
     .type = DF_OPT_TEXT,
     .offset = SOURCE(start_time),
     .doc = "With startFrom: timestamp: begin at the first record that is not older, or at the "
            "end; with a zone: 2026-01-31T12:00:00Z."},
    {.name = "startOffsets",
     .type = DF_OPT_MAP,
     .offset = SOURCE(start_offsets),
     .doc = "With startFrom: offsets: partition: offset, or topic/partition: offset. Others begin "
            "at their start."},
    {.name = "onOffsetOutOfRange",
     .type = DF_OPT_ENUM,
     .choices = out_of_range,
     .def = "stop",
     .offset = SOURCE(out_of_range),
     .doc = "When the broker no longer has the offset to read: stop that partition, or go on at "
            "the earliest or latest offset, which skips records."},
    {.name = "markFile",
     .type = DF_OPT_TEXT,
     .offset = SOURCE(mark_file),
     .doc = "File that keeps of which partitions the group had an offset, so that a group whose "
            "offsets the brokers forgot is not taken for one that never ran: then "
            "onOffsetOutOfRange decides, not startFrom."},
    {.name = "cooperative",
     .type = DF_OPT_BOOL,
     .def = "false",
     .offset = SOURCE(cooperative),
     .doc = "Move single partitions instead of all of them when members come and go; all members "
            "of the group must agree."},
    FORMAT_ROWS(SOURCE(format),
                "What values are: json hands them on as they are; avro decodes them; text takes "
                "each for a string, bytes for bytes."),
    {.name = "avroUnions",
     .type = DF_OPT_ENUM,
     .choices = unions,
     .def = "plain",
     .offset = SOURCE(format.wrap),
     .doc = "The value of a union: plain is the value itself, wrapped names its branch as Avro's "
            "JSON does: {\"string\": \"a\"}."},
    {.name = "consumerMaxWait",
     .type = DF_OPT_DURATION,
     .min = 1000,
     .max = 300000000,
     .offset = SOURCE(max_wait),
     .doc = "How long a broker may wait for fetchMinBytes (500ms)."},
    {.name = "fetchMinBytes",
     .type = DF_OPT_SIZE,
     .min = 0,
     .max = 100000000,
     .offset = SOURCE(min_bytes),
     .doc = "Bytes a broker collects before it answers (1)."},
    {.name = "fetchMaxBytes",
     .type = DF_OPT_SIZE,
     .min = 1,
     .max = 2147483135,
     .offset = SOURCE(max_bytes),
     .doc = "Bytes of one answer, compressed (a thirty-second of the memory share: 512KiB at 64 "
            "MiB)."},
    {.name = "maxPartitionFetchBytes",
     .type = DF_OPT_SIZE,
     .min = 1,
     .max = 1000000000,
     .offset = SOURCE(partition_max_bytes),
     .doc = "Bytes of one partition in one answer (half of fetchMaxBytes, 1MiB at most)."},
    {.name = "netReadTimeout",
     .type = DF_OPT_DURATION,
     .min = 10000,
     .max = 300000000,
     .offset = SOURCE(read_timeout),
     .doc = "How long a request may take (60s); more than consumerMaxWait."},
    {.name = "netWriteTimeout",
     .type = DF_OPT_DURATION,
     .min = 10000,
     .max = 300000000,
     .offset = SOURCE(write_timeout),
     .doc = "As netReadTimeout; the larger of the two counts."},
};
const df_options df__kafka_source_table = DF_OPTIONS(source_rows, df__kafka_source_options);

#define SINK(member) offsetof(df__kafka_sink_options, member)
static const df_option sink_rows[] = {
    COMMON_ROWS(DF_OPT_REQUIRED, "Topic to write; with topicFrom: of records that name none."),
    FORMAT_ROWS(SINK(format),
                "What values are written as: json as they are; avro by a schema; text: strings "
                "without quotes, others as JSON; bytes: bytes, or strings in base64."),
    {.name = "subjectStrategy",
     .type = DF_OPT_ENUM,
     .choices = strategies,
     .def = "topic",
     .offset = SINK(subject_from),
     .doc = "Subject in the registry: topic is TOPIC-value, record the full name of avroSchema's "
            "record, topicRecord TOPIC-NAME."},
    {.name = "schemaVersion",
     .type = DF_OPT_INT,
     .min = 1,
     .max = INT32_MAX,
     .offset = SINK(schema_version),
     .doc = "Version of the subject to write by, when avroSchema is not given (the newest, looked "
            "at again every five minutes)."},
    {.name = "autoRegister",
     .type = DF_OPT_BOOL,
     .def = "false",
     .offset = SINK(auto_register),
     .doc = "Register avroSchema under the subject; without it the schema must be there."},
    {.name = "async",
     .type = DF_OPT_BOOL,
     .def = "true",
     .offset = SINK(async),
     .doc = "Kept for old manifests: records count as written only when the brokers confirmed "
            "them, in both cases."},
    {.name = "idempotent",
     .type = DF_OPT_BOOL,
     .def = "true",
     .offset = SINK(idempotent),
     .doc = "Kept for old manifests: the producer is always idempotent."},
    {.name = "requiredAcks",
     .type = DF_OPT_ENUM,
     .choices = all_acks,
     .def = "all",
     .offset = SINK(acks),
     .doc = "all; anything less would lose records and is refused."},
    {.name = "compression",
     .type = DF_OPT_ENUM,
     .choices = compressions,
     .def = "snappy",
     .offset = SINK(compression),
     .doc = "Compression of what is sent."},
    {.name = "maxOpenRequests",
     .type = DF_OPT_INT,
     .min = 1,
     .max = 5,
     .offset = SINK(open_requests),
     .doc = "Requests under way to one broker (5); order is kept up to 5."},
    {.name = "flushMessages",
     .type = DF_OPT_INT,
     .min = 1,
     .max = 1000000,
     .offset = SINK(flush_messages),
     .doc = "Messages of one request and partition (10000)."},
    {.name = "flushBytes",
     .type = DF_OPT_SIZE,
     .min = 1,
     .max = 2147483647,
     .offset = SINK(flush_bytes),
     .doc = "Bytes of one request and partition (1000000)."},
    {.name = "flushFrequency",
     .type = DF_OPT_DURATION,
     .min = 0,
     .max = 900000000,
     .offset = SINK(flush_frequency),
     .doc = "How long to collect before sending (5ms)."},
    {.name = "transactionalId",
     .type = DF_OPT_TEXT,
     .offset = SINK(transactional_id),
     .doc =
         "With exactlyOnce: the name of this writer at the brokers (made of flow, stage and host "
         "name). Who begins with the same name shuts the former one out."},
    {.name = "transactionTimeout",
     .type = DF_OPT_DURATION,
     .def = "30s",
     .min = 1000000,
     .max = 900000000,
     .offset = SINK(transaction_timeout),
     .doc = "With exactlyOnce: after that the brokers abort a transaction; so long a writer that "
            "was killed and does not come back can hold up readers of the topic."},
    {.name = "errorTopic",
     .type = DF_OPT_TEXT,
     .offset = SINK(error_topic),
     .doc = "With exactlyOnce: a topic of the same cluster for refused records, in the transaction "
            "of the others and so once, too; in place of an error sink (errors). It has to exist."},
    {.name = "topicFrom",
     .type = DF_OPT_TEXT,
     .offset = SINK(topic_from),
     .doc = "Where the name of a record's topic comes from: a path ($.tenant) or metadata.NAME; "
            "missing or null: topic. Needs topicAllow."},
    {.name = "topicAllow",
     .type = DF_OPT_TEXT,
     .offset = SINK(topic_allow),
     .doc = "Which topics topicFrom may name: a regular expression (POSIX extended) for the whole "
            "name. Records that name another one are refused."},
    {.name = "topicCreate",
     .type = DF_OPT_BLOCK,
     .offset = SINK(create),
     .block = &df__kafka_create_table,
     .doc = "Create topics that are missing; one that exists is left as it is, and differences "
            "are told."},
    {.name = "key",
     .type = DF_OPT_TEXT,
     .offset = SINK(key),
     .doc = "Where the key comes from instead of the record's own: a path ($.user.id) or "
            "metadata.NAME. Text as it is, a number as written, an object or array as JSON; "
            "missing or null: no key. A record without payload keeps its key. none: no record has "
            "a key."},
    {.name = "tombstones",
     .type = DF_OPT_BOOL,
     .def = "false",
     .offset = SINK(tombstones),
     .doc = "Write deletes (metadata operation is delete) without a value, so that a compacted "
            "topic forgets the key."},
    {.name = "headers",
     .type = DF_OPT_MAP,
     .offset = SINK(headers),
     .doc = "Headers to add, name to value, in place of those of the same name: a path that "
            "begins with $, metadata.NAME, or a text; a missing or null value adds none."},
};
const df_options df__kafka_sink_table = DF_OPTIONS(sink_rows, df__kafka_sink_options);
