/* SPDX-License-Identifier: Apache-2.0
 * tree.h: Kubernetes objects as JSON trees: made from a pattern, read and changed by path. */
#ifndef DFOPERATOR_TREE_H
#define DFOPERATOR_TREE_H

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

#include "util/sha256.h"

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
/* Takes the value over and makes what lies between. NULL removes. 0, or -1: no memory, or the
 * value is NULL where there must be one. */
int op_put(json_object *object, const char *path, json_object *value);
json_object *op_copy(json_object *object); /* NULL: no memory */
/* SHA-256 of the text with sorted members: the same for all orders. -1: no memory. */
int op_hash(json_object *object, char ret[DF__SHA256_HEX]);

#endif
