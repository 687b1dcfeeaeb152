/* SPDX-License-Identifier: Apache-2.0
 * topic.c: what a topic may be called, and patterns for the names of topics.
 */
#include <stdio.h>
#include <string.h>

#include "topic.h"

const char *df__kafka_topic_fault(df_bytes topic)
{
    const char *at = topic.data;
    if (topic.len == 0)
        return "is empty";
    if (topic.len > 249)
        return "is longer than 249 bytes";
    for (size_t i = 0; i < topic.len; i++)
        if (!((at[i] >= 'a' && at[i] <= 'z') || (at[i] >= 'A' && at[i] <= 'Z') ||
              (at[i] >= '0' && at[i] <= '9') || at[i] == '.' || at[i] == '_' || at[i] == '-'))
            return "is not the name of a topic: letters, digits, dot, _ and - only";
    return NULL;
}

int df__kafka_pattern_compile(regex_t *re, df_bytes text, char *why, size_t cap)
{
    char whole[1024];
    if ((size_t)snprintf(whole, sizeof whole, "^(%s)$", (const char *)text.data) >= sizeof whole) {
        (void)snprintf(why, cap, "is longer than 1000 bytes");
        return DF_ESPEC;
    }
    int err = regcomp(re, whole, REG_EXTENDED | REG_NOSUB);
    if (err == 0)
        return DF_OK;
    (void)regerror(err, re, why, cap);
    return DF_ESPEC;
}

int df__kafka_pattern_check(df_stage *st, const char *option, df_bytes text)
{
    char why[200] = "is not a regular expression: ";
    size_t len = strlen(why);
    regex_t re;
    if (df__kafka_pattern_compile(&re, text, why + len, sizeof why - len) != DF_OK)
        return df_stage_problem(st, DF_ERROR, option, why);
    regfree(&re);
    return DF_OK;
}
