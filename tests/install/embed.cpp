/* SPDX-License-Identifier: Apache-2.0
 * Both headers in C++17: types, an enum value, a call, a table of a transform.
 */
#include <dataflow.h>
#include <dataflow_ext.h>
#include <cstdio>

int main()
{
    df_env *env = df_env_new(nullptr);
    df_transform none{};
    none.size = sizeof none;
    std::printf("%s %s\n", df_version_string(), df_status_name(DF_OK));
    df_env_free(env);
    return df_version() == DF_VERSION ? 0 : 1;
}
