/* SPDX-License-Identifier: Apache-2.0
 * quantity.h: amounts of Kubernetes resources ("500m", "1.5Gi", "2e3"), exact to 10^-9. */
#ifndef DF_UTIL_QUANTITY_H
#define DF_UTIL_QUANTITY_H

#include <stdint.h>

/* In units of 10^-9, rounded away from zero, held at ±(2^63 - 1) whole units: what the API server
 * makes of it (apimachinery, resource.Quantity). -1: `text` is no quantity. */
int df__quantity_read(const char *text, __int128 *ret);

#endif
