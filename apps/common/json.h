/* SPDX-License-Identifier: Apache-2.0
 * json.h: trees that keep numbers as written (yyjson), from JSON or YAML text, and what the
 * programs do with them. */
#ifndef APP_JSON_H
#define APP_JSON_H

#include <yyjson.h>

#include "util/buf.h"

/* Reads JSON, numbers kept as text. NULL with one line in `err`. */
yyjson_doc *app_json_read(const char *text, size_t len, char *err, size_t err_len);
/* Reads one YAML document (JSON is YAML too, but give that to app_json_read). Aliases, tags and
 * duplicate keys are refused. NULL with "line 3, column 5: why" in `err`. */
yyjson_doc *app_yaml_read(const char *text, size_t len, char *err, size_t err_len);

/* Members of an object; "" or 0 when missing or of another type. */
const char *app_json_text(yyjson_val *object, const char *name);
/* Whole part of a number. */
long long app_json_number(yyjson_val *object, const char *name);
int app_json_true(yyjson_val *object, const char *name);
/* Text of a scalar (string, number as written, true, null); NULL for others. */
const char *app_json_scalar(yyjson_val *value, char *buf, size_t len);
/* Compact JSON. */
void app_json_write(df__buf *out, yyjson_val *value);
/* Indented JSON, one member a line. */
void app_json_pretty(df__buf *out, yyjson_val *value, int indent);
/* Equal as JSON: order of members does not matter, numbers compare as written. `partial`: members
 * of objects that only `actual` has do not matter. */
int app_json_matches(yyjson_val *expected, yyjson_val *actual, int partial);

#endif
