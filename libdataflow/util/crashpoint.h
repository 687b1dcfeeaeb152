/* SPDX-License-Identifier: Apache-2.0
 * crashpoint.h: named places where a test build can be made to die as by SIGKILL. In other builds
 * they are nothing. DF_CRASH_AT=name:count in the environment: at the count-th passage of the
 * point with that name (in one shared object).
 */
#ifndef DF_UTIL_CRASHPOINT_H
#define DF_UTIL_CRASHPOINT_H

#ifdef DF_CRASHPOINTS
/* Ends the process when it is the point, and the passage, that was asked for. */
void df__crash_here(const char *name);
#define DF_CRASHPOINT(name) df__crash_here(name)
#else
#define DF_CRASHPOINT(name) ((void)0)
#endif

#endif
