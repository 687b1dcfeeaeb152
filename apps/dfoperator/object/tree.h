/* SPDX-License-Identifier: Apache-2.0
 * tree.h: Kubernetes objects as JSON trees: made from a pattern, read and changed by path. */
#ifndef DFOPERATOR_TREE_H
#define DFOPERATOR_TREE_H

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

#include "util/rfc3339.h"
#include "util/sha256.h"

enum { OP_TIME = DF__RFC3339_MAX + 1 };

/* JSON with ' for quotes. %s: a text, with quotes and escapes; %n: an int64_t; %b: an int as true
 * or false; %o: an object, borrowed (NULL: null). NULL: no memory, or the pattern is no JSON. */
json_object *op_json(const char *pattern, ...);
/* "spec.template.metadata": borrowed, NULL: not there. A part that is a number is an index of a
 * list. Names with dots in them are read by op_label and op_annotation. */
json_object *op_get(json_object *object, const char *path);
const char *op_text(json_object *object, const char *path); /* "": not there */
int64_t op_int(json_object *object, const char *path, int64_t otherwise);
int op_is(json_object *object, const char *path); /* there, and true */
const char *op_label(json_object *object, const char *name);
const char *op_annotation(json_object *object, const char *name);
/* How many items a list has; 0 also: it is none. */
size_t op_count(json_object *list);
/* The first item of a list with this text at `member`, a path: borrowed, NULL: there is none. */
json_object *op_find(json_object *list, const char *member, const char *text);
/* The RFC 3339 time at a path, in seconds since 1970; `otherwise`: there is none. */
int64_t op_time(json_object *object, const char *path, int64_t otherwise);
/* Such a text, in UTC; "": the year is none of 1 to 9999. */
void op_time_write(int64_t sec, char ret[OP_TIME]);
json_object *op_time_new(int64_t sec); /* NULL also: no memory */
/* Takes the value over and makes what lies between. NULL removes. 0, or -1: no memory, or the
 * value is NULL where there must be one. */
int op_put(json_object *object, const char *path, json_object *value);
json_object *op_copy(json_object *object); /* NULL: no memory */
/* The JSON merge patch (RFC 7386) that makes `now` of `was`, both objects. NULL: no memory. */
json_object *op_patch(json_object *was, json_object *now);
/* SHA-256 of the text with sorted members: the same for all orders. -1: no memory. */
int op_hash(json_object *object, char ret[DF__SHA256_HEX]);

#endif
