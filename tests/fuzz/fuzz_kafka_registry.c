/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the answer of a schema registry: texts that end where they say, numbers that are
 * numbers, references with a name and a version; or none of it. */
#include <string.h>

#include "connectors/kafka/types/registry_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    df__kafka_reply reply;
    int rc = df__kafka_reply_read((df_bytes){data, size}, &reply);
    must(rc == DF_OK || rc == DF_EDATA);
    if (rc == DF_OK) {
        must(reply.doc != NULL && reply.type != NULL && *reply.type != '\0');
        must(reply.schema == NULL || strlen(reply.schema) <= reply.schema_len);
        for (size_t i = 0; i < reply.reference_count; i++)
            must(*reply.references[i].subject != '\0' && reply.references[i].version >= 0);
    } else {
        must(reply.doc == NULL && reply.reference_count == 0);
    }
    df__kafka_reply_free(&reply);
    return 0;
}
