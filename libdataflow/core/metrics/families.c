/* SPDX-License-Identifier: Apache-2.0
 * families.c: the tables of families in the order of the text. */
#include "core/metrics/family.h"

const df__family *df__family_at(size_t index)
{
    static const df__family *const tables[] = {df__families_pipeline, df__families_connector,
                                               df__families_transformer, df__families_task,
                                               df__families_state};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const df__family *f = tables[i]; f->name; f++)
            if (index-- == 0)
                return f;
    return NULL;
}
