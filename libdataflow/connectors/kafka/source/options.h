/* SPDX-License-Identifier: Apache-2.0
 * options.h: the options of a source; options.c above has the table. */
#ifndef DF_CONNECTORS_KAFKA_SOURCE_OPTIONS_H
#define DF_CONNECTORS_KAFKA_SOURCE_OPTIONS_H

#include "types/format.h"

/* startFrom */
enum df__kafka_start_from {
    DF__KAFKA_START_EARLIEST,
    DF__KAFKA_START_LATEST,
    DF__KAFKA_START_TIMESTAMP,
    DF__KAFKA_START_OFFSETS
};
/* onOffsetOutOfRange */
enum df__kafka_out_of_range {
    DF__KAFKA_RANGE_EARLIEST,
    DF__KAFKA_RANGE_LATEST,
    DF__KAFKA_RANGE_STOP
};

typedef struct df__kafka_source_options {
    df__kafka_common common;
    df_bytes group, instance;
    int start_from, out_of_range; /* an enum each, but the table of options fills in an int */
    int cooperative;
    df__kafka_format format;
    df_list topics, start_offsets;
    df_bytes pattern, start_time, mark_file;
    int64_t max_wait, min_bytes, max_bytes, partition_max_bytes, read_timeout, write_timeout;
} df__kafka_source_options;

#endif
