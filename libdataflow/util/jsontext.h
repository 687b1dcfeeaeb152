/* SPDX-License-Identifier: Apache-2.0
 * jsontext.h: whether a JSON text was cut off. */
#ifndef DF_UTIL_JSONTEXT_H
#define DF_UTIL_JSONTEXT_H

#include <stddef.h>

/* 1: the text ends inside a string, an array or an object: more of it must follow. The text need
 * not be JSON otherwise. */
int df__json_is_open(const char *text, size_t len);

#endif
