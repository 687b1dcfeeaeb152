/* SPDX-License-Identifier: Apache-2.0
 * 05-plug-in.c: a transform in a shared object of its own, with an option. 05-load-plug-in.c loads
 * it; so does every program that calls df_env_load_plugin.
 *
 *     cc -shared -fPIC -o 05-plug-in.so 05-plug-in.c $(pkg-config --cflags --libs libdataflow)
 */
#include <dataflow_ext.h>

struct stamp {
    df_path *field; /* filled from the options before open */
};

static const df_option rows[] = {
    {.name = "field",
     .type = DF_OPT_PATH,
     .offset = offsetof(struct stamp, field),
     .def = "$.seen_at",
     .doc = "Where the time goes."},
};
static const df_options options = DF_OPTIONS(rows, struct stamp);

static int stamp_apply(void *self, df_stage *st, df_batch *batch)
{
    const struct stamp *s = self;
    df_value now = {.type = DF_V_INT};
    now.u.i = df_stage_now(st) / 1000000;
    for (size_t i = 0; i < df_batch_count(batch); i++) {
        df_record *r = df_batch_at(batch, i);
        int rc = df_record_live(r) ? df_record_set(r, s->field, &now) : DF_OK;
        if (rc == DF_EDATA)
            rc = df_record_reject(r, rc, "invalid_data", "not a JSON object");
        if (rc < 0 && rc != DF_EDATA)
            return rc;
    }
    return DF_OK;
}

static const df_transform stamp = {
    .size = sizeof stamp,
    .name = "stamp",
    .doc = "Writes the time of day in seconds.",
    .self_size = sizeof(struct stamp),
    .options = &options,
    .apply = stamp_apply,
};

static int init(df_env *env)
{
    return df_transform_register(env, &stamp);
}

DF_API extern const df_plugin df_plugin_entry;
const df_plugin df_plugin_entry = {sizeof(df_plugin), DF_VERSION, init};
