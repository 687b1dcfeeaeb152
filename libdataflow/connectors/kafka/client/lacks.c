/* SPDX-License-Identifier: Apache-2.0
 * lacks.c: what the client that is installed cannot do for this manifest, told once at the start:
 * docs/kafka.md has the same table. What the connector does by itself instead is not told.
 */
#include <string.h>

#include "lacks.h"
#include "security.h"

typedef struct lack {
    int before; /* the version that has it */
    const char *since, *text;
    int (*concerns)(const df__kafka_use *use);
} lack;

static int reads(const df__kafka_use *use)
{
    return use->reads;
}

static int moves_single_partitions(const df__kafka_use *use)
{
    return use->cooperative;
}

static int has_tokens(const df__kafka_use *use)
{
    const char *mechanism = df__kafka_mechanism(use->o);
    return mechanism != NULL && strcmp(mechanism, "OAUTHBEARER") == 0;
}

static int has_scram(const df__kafka_use *use)
{
    const char *mechanism = df__kafka_mechanism(use->o);
    return mechanism != NULL && strncmp(mechanism, "SCRAM", 5) == 0;
}

static const lack rows[] = {
    {0x020100ff, "2.1.0",
     "leader epochs: a log that was cut after an unclean election of a leader is not noticed",
     reads},
    {0x020200ff, "2.2.0",
     "authenticating again on a connection: one that the broker ends for it "
     "(connections.max.reauth.ms) is made anew",
     has_tokens},
    {0x020300ff, "2.3.0",
     "the end of a cooperative member without an assignment: its client stays in memory until the "
     "process ends",
     moves_single_partitions},
    {0x020601ff, "2.6.1", "SCRAM with brokers of Kafka 4: they refuse every user", has_scram},
};

void df__kafka_tell_lacks(df_stage *st, const df__kafka_use *use)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rd_kafka_version() < rows[i].before && rows[i].concerns(use))
            df_stage_logf(st, DF_LOG_INFO, "librdkafka %s lacks %s (has it from %s on)",
                          rd_kafka_version_str(), rows[i].text, rows[i].since);
}
