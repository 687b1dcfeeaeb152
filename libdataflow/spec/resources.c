/* SPDX-License-Identifier: Apache-2.0
 * resources.c: requests and limits of a pod: quantities of Kubernetes that are not negative, and no
 * more asked for than may be used. */
#include <string.h>

#include "core/graph/option_types.h"
#include "spec/inner.h"
#include "util/quantity.h"

/* Problems are added for what is none. */
static int read_quantity(df__graph *g, const df__doc *n, const char *field, __int128 *ret)
{
    char shown[DF__SHOWN];
    if (df__quantity_read(n->text.data, ret)) {
        df__problem_addf(g->problems, DF_ERROR, n, field,
                         "expects a quantity such as 500m or 128Mi, got %s",
                         df__doc_shown(n, shown));
        return DF_ESPEC;
    }
    if (*(const char *)n->text.data != '-')
        return DF_OK;
    df__problem_add(g->problems, DF_ERROR, n, field, "must not be negative");
    return DF_ESPEC;
}

static int check_limit(df__graph *g, const df__doc *n, const char *field, __int128 asked,
                       const df__doc *limit)
{
    char shown[DF__SHOWN], most[DF__SHOWN];
    __int128 allowed;
    if (!limit || limit->kind != DF__DOC_SCALAR || df__quantity_read(limit->text.data, &allowed) ||
        asked <= allowed)
        return DF_OK;
    df__problem_addf(g->problems, DF_ERROR, n, field, "must not be above its limit %s, got %s",
                     df__doc_shown(limit, most), df__doc_shown(n, shown));
    return DF_ESPEC;
}

/* limits: NULL for the limits themselves. */
static int check_map(df__graph *g, const df__doc *map, const char *field, const df__doc *limits)
{
    char path[DF__FIELD];
    int rc = DF_OK;
    for (const df__doc *n = map && map->kind == DF__DOC_MAP ? map->first : NULL; n; n = n->next) {
        __int128 asked;
        int read;
        if (n->kind != DF__DOC_SCALAR)
            continue;
        df__field_child(path, field, n->name.data);
        read = read_quantity(g, n, path, &asked);
        if (read == DF_OK && limits)
            read = check_limit(g, n, path, asked, df__doc_member(limits, n->name.data));
        rc = df__worse(rc, read);
    }
    return rc;
}

int df__resources_check(df__graph *g, const df__doc *node, const char *field)
{
    const df__doc *limits = df__doc_member(node, "limits");
    char path[DF__FIELD];
    int rc;
    df__field_child(path, field, "requests");
    rc = check_map(g, df__doc_member(node, "requests"), path, limits);
    df__field_child(path, field, "limits");
    return df__worse(rc, check_map(g, limits, path, NULL));
}
