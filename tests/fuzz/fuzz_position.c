/* SPDX-License-Identifier: Apache-2.0
 * A stored position of kafka: what is read is written the same and read the same. */
#include <string.h>

#include "connectors/kafka/client/position.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    df_bytes text = {data, size};
    char written[128];
    int64_t offset = 0, offset_again = 0;
    int32_t epoch = 0, epoch_again = 0;
    int rc = df__kafka_position_read(text, &offset, &epoch);
    if (rc != DF_OK)
        return 0;
    must(offset >= 0);
    text.data = written;
    text.len = df__kafka_position_write(written, sizeof written, offset, epoch);
    must(text.len < sizeof written);
    must(df__kafka_position_read(text, &offset_again, &epoch_again) == DF_OK);
    must(offset == offset_again && epoch == epoch_again);
    return 0;
}
