/* SPDX-License-Identifier: Apache-2.0
 * transforms.c: the list of the built-in transforms. */
#include "dataflow_ext.h"

extern const df_transform df_transform_timestamp, df_transform_flatten, df_transform_filter,
    df_transform_mask, df_transform_router, df_transform_select, df_transform_remove,
    df_transform_snake_case, df_transform_camel_case, df_transform_debezium_unwrap,
    df_transform_replace_field, df_transform_headers_to_payload, df_transform_struct_flatten,
    df_transform_extract_field, df_transform_hoist_field, df_transform_cast, df_transform_timezone,
    df_transform_insert_field;
extern const df_transform *const df__builtin_transforms[];

const df_transform *const df__builtin_transforms[] = {
    &df_transform_timestamp,
    &df_transform_flatten,
    &df_transform_filter,
    &df_transform_mask,
    &df_transform_router,
    &df_transform_select,
    &df_transform_remove,
    &df_transform_snake_case,
    &df_transform_camel_case,
    &df_transform_debezium_unwrap,
    &df_transform_replace_field,
    &df_transform_headers_to_payload,
    &df_transform_struct_flatten,
    &df_transform_extract_field,
    &df_transform_hoist_field,
    &df_transform_cast,
    &df_transform_timezone,
    &df_transform_insert_field,
    NULL,
};
