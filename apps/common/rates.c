/* SPDX-License-Identifier: Apache-2.0
 * rates.c: rates of stages, see rates.h. */
#include "rates.h"

#include <string.h>

enum { LEAST_US = 1000000 }; /* looks that follow each other faster share a base */

void app_rates_start(app_rates *r, int64_t now_us)
{
    memset(r, 0, sizeof *r);
    r->base.at_us = r->last.at_us = now_us;
}

static void take(app_rates *r, int64_t now_us, yyjson_val *stages)
{
    size_t at, count;
    yyjson_val *stage;
    if (now_us - r->last.at_us < LEAST_US)
        return;
    r->base = r->last;
    r->last.at_us = now_us;
    yyjson_arr_foreach (stages, at, count, stage) {
        if (at == APP_RATES_STAGES)
            break;
        r->last.in[at] = (double)app_json_number(stage, "in");
        r->last.out[at] = (double)app_json_number(stage, "out");
    }
}

static double rate(double now, double before, double seconds)
{
    return seconds > 0 && now > before ? (now - before) / seconds : 0;
}

static void add_stage(const app_rates *r, size_t at, yyjson_val *stage, df__buf *out)
{
    app_json_write(out, stage);
    if (at >= APP_RATES_STAGES || !yyjson_is_obj(stage) || !out->len)
        return;
    out->len--;
    df__buf_printf(out, "%s\"in_per_second\":%.1f,\"out_per_second\":%.1f}",
                   yyjson_obj_size(stage) ? "," : "",
                   rate((double)app_json_number(stage, "in"), r->base.in[at], r->seconds),
                   rate((double)app_json_number(stage, "out"), r->base.out[at], r->seconds));
}

void app_rates_status(app_rates *r, int64_t now_us, yyjson_val *status, const char *members,
                      df__buf *out)
{
    size_t i, count, at, stage_count;
    yyjson_val *name, *value, *stage;
    const char *comma = "{";
    take(r, now_us, yyjson_obj_get(status, "stages"));
    r->seconds = (double)(now_us - r->base.at_us) / 1e6;
    yyjson_obj_foreach (status, i, count, name, value) {
        df__buf_str(out, comma);
        app_json_write(out, name);
        df__buf_char(out, ':');
        comma = ",";
        if (!yyjson_equals_str(name, "stages")) {
            app_json_write(out, value);
            continue;
        }
        df__buf_char(out, '[');
        yyjson_arr_foreach (value, at, stage_count, stage) {
            if (at)
                df__buf_char(out, ',');
            add_stage(r, at, stage, out);
        }
        df__buf_char(out, ']');
    }
    df__buf_printf(out, "%s\"rate_seconds\":%.1f%s}", comma, r->seconds, members);
}
