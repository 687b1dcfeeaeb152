/* SPDX-License-Identifier: Apache-2.0
 * route.h: with tableFrom, which record of a parcel goes where. */
#ifndef DF_PG_ROUTE_H
#define DF_PG_ROUTE_H

struct df__pg_sink;
struct df__pg_work;

/* Finds the table of each record of a parcel that is started, refuses those without one, and plans
 * the segments. */
int df__pg_route(struct df__pg_sink *s, struct df__pg_work *w);

#endif
