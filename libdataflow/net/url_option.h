/* SPDX-License-Identifier: Apache-2.0
 * url_option.h: an option that is the URL of a server. */
#ifndef DF_NET_URL_OPTION_H
#define DF_NET_URL_OPTION_H

#include "dataflow_ext.h"

/* Not set, or not known yet, is fine. A problem and DF_ESPEC: it is no http(s) URL, or has a user,
 * who would show wherever the URL does. */
int df__url_option_check(df_stage *st, const char *option, df_bytes url);

#endif
