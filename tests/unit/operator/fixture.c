/* SPDX-License-Identifier: Apache-2.0
 * fixture.c: the env of a test program. */
#include "unit/operator/fixture.h"

df_env *fixture_env;
static support_host host;

int fixture_open(void **state)
{
    (void)state;
    fixture_env = support_env(&host);
    return fixture_env ? 0 : -1;
}

int fixture_close(void **state)
{
    (void)state;
    support_env_free(fixture_env, &host);
    return 0;
}
