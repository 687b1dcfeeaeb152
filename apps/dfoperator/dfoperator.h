/* SPDX-License-Identifier: Apache-2.0
 * dfoperator.h: the commands of dfoperator. */
#ifndef DFOPERATOR_H
#define DFOPERATOR_H

#include "common/dispatch.h"

extern const app_program dfoperator_program;

int dfoperator_run(const app_args *args);

#endif
