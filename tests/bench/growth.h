/* SPDX-License-Identifier: Apache-2.0
 * growth.h: what the files of growth share. */
#ifndef TESTS_BENCH_GROWTH_H
#define TESTS_BENCH_GROWTH_H

/* CPU seconds of this process until now. */
double growth_cpu(void);
/* Slope of the straight line nearest to the points. */
double growth_slope(const double *x, const double *y, int count);
/* Rows for partitions, sinks and pipelines; 1: a goal is missed. */
int growth_flows(int quick);

#endif
