/* SPDX-License-Identifier: Apache-2.0
 * jsontext.h: where the brackets of a JSON text close, without reading what is in them. */
#ifndef DF_UTIL_JSONTEXT_H
#define DF_UTIL_JSONTEXT_H

#include <stddef.h>

/* 1: the text ends inside a string, an array or an object: more of it must follow. The text need
 * not be JSON otherwise. */
int df__json_is_open(const char *text, size_t len);
/* The length up to the end of the first object or array inside the outermost one; 0: none. */
size_t df__json_first_end(const char *text, size_t len);

#endif
