/* SPDX-License-Identifier: Apache-2.0
 * progress.c: progress line, conservation equation and summary, see progress.h. */
#include "progress.h"

#include <stdio.h>
#include <string.h>

const char *app_text_count(char *buf, size_t len, uint64_t n)
{
    char digits[24];
    size_t count = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    size_t at = 0;
    for (size_t i = 0; i < count && at + 2 < len; i++) {
        if (i > 0 && (count - i) % 3 == 0)
            buf[at++] = ',';
        buf[at++] = digits[i];
    }
    buf[at] = 0;
    return buf;
}

const char *app_text_bytes(char *buf, size_t len, uint64_t n)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    double value = (double)n;
    while (value >= 1000 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    snprintf(buf, len, value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return buf;
}

const char *app_text_seconds(char *buf, size_t len, double s)
{
    long long whole = s < 0 ? 0 : s > 1e15 ? (long long)1e15 : (long long)(s + 0.5);
    if (whole >= 3600)
        snprintf(buf, len, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(buf, len, "%lld:%02lld", whole / 60, whole % 60);
    return buf;
}

void app_progress_start(app_progress *p, int64_t now_us, uint64_t limit, int bounded)
{
    memset(p, 0, sizeof *p);
    p->started_us = p->at_us = now_us;
    p->limit = limit;
    p->bounded = bounded;
}

void app_progress_sample(app_progress *p, int64_t now_us, const df_stats *stats)
{
    double dt = (double)(now_us - p->at_us) / 1e6, now, weight;
    if (dt < 0.05 || stats->received < p->received)
        return;
    now = (double)(stats->received - p->received) / dt;
    /* The first samples count fully, later ones fade over about three seconds. */
    weight = (double)(now_us - p->started_us) < 1.5e6 ? 1.0 : dt / (dt + 2.0);
    p->rate += (now - p->rate) * weight;
    p->at_us = now_us;
    p->received = stats->received;
    if (p->lag != stats->lag_records) {
        p->lag = stats->lag_records;
        p->lag_received = stats->received;
    }
}

/* A source tells its lag once a second; what has come since then is not missing any more. */
static int64_t lag_now(const app_progress *p, const df_stats *stats)
{
    int64_t read;
    if (stats->lag_records <= 0 || p->lag != stats->lag_records ||
        stats->received < p->lag_received)
        return stats->lag_records;
    read = (int64_t)(stats->received - p->lag_received);
    return read < p->lag ? p->lag - read : 0;
}

/* Seconds until the known end; -1: unknown. */
static double app_progress_eta(const app_progress *p, const df_stats *stats)
{
    double left = -1;
    int64_t lag = lag_now(p, stats);
    if (p->limit)
        left = stats->received < p->limit ? (double)(p->limit - stats->received) : 0;
    if (p->bounded && lag >= 0 && (left < 0 || (double)lag < left))
        left = (double)lag;
    if (left < 0 || (left > 0 && p->rate < 0.5))
        return -1;
    return left > 0 ? left / p->rate : 0;
}

static void add_count(df__buf *out, const char *format, uint64_t n)
{
    char text[32];
    df__buf_printf(out, format, app_text_count(text, sizeof text, n));
}

void app_progress_line(df__buf *out, const app_progress *p, const df_stats *stats, int width)
{
    char text[32];
    double eta = app_progress_eta(p, stats);
    size_t begin = out->len;
    app_usage usage;
    app_process_usage(&usage);
    add_count(out, "%s in", stats->received);
    add_count(out, "  %s/s", (uint64_t)(p->rate + 0.5));
    add_count(out, "  %s out", stats->sent);
    if (stats->left_out)
        add_count(out, "  %s left out", stats->left_out);
    if (stats->filtered)
        add_count(out, "  %s filtered", stats->filtered);
    add_count(out, stats->errored + stats->skipped == 1 ? "  %s error" : "  %s errors",
              stats->errored + stats->skipped);
    if (stats->lag_records >= 0)
        add_count(out, "  lag %s", (uint64_t)lag_now(p, stats));
    if (eta >= 0)
        df__buf_printf(out, "  ETA %s", app_text_seconds(text, sizeof text, eta));
    df__buf_printf(out, "  %s", app_text_bytes(text, sizeof text, usage.rss));
    if (p->stopping || !stats->connected)
        df__buf_str(out, p->stopping ? "  stopping" : "  connecting");
    if (width > 1 && out->len - begin > (size_t)width - 1)
        out->len = begin + (size_t)width - 1; /* all of it is ASCII */
}

typedef struct count_row {
    const char *name, *words;
    size_t offset;
} count_row;
#define COUNT(member, words)                                                                       \
    {                                                                                              \
#member, words, offsetof(df_stats, member)                                                 \
    }
static const count_row counts[] = {
    COUNT(received, "received"),
    COUNT(expanded, " + expanded"),
    COUNT(sent, " = sent"),
    COUNT(left_out, " + left out"),
    COUNT(filtered, " + filtered"),
    COUNT(errored, " + errored"),
    COUNT(skipped, " + skipped"),
    COUNT(abandoned, " + abandoned"),
    COUNT(in_flight, " + in flight"),
    COUNT(retries, NULL),
    COUNT(bytes_in, NULL),
    COUNT(bytes_out, NULL),
    COUNT(uncommitted, NULL),
};

static uint64_t count_of(const df_stats *stats, const count_row *row)
{
    uint64_t n;
    memcpy(&n, (const char *)stats + row->offset, sizeof n);
    return n;
}

void app_progress_equation(df__buf *out, const df_stats *stats)
{
    char text[32];
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        if (counts[i].words)
            df__buf_printf(out, "%s %s", counts[i].words,
                           app_text_count(text, sizeof text, count_of(stats, &counts[i])));
}

void app_stats_members(df__buf *out, const df_stats *stats)
{
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        df__buf_printf(out, "%s\"%s\":%llu", i ? "," : "", counts[i].name,
                       (unsigned long long)count_of(stats, &counts[i]));
    df__buf_printf(out, ",\"lag_records\":%lld", (long long)stats->lag_records);
}

static double per_second(const app_summary *s)
{
    return s->seconds > 0 ? (double)s->stats->received / s->seconds : 0;
}

void app_summary_text(df__buf *out, const app_summary *s)
{
    char text[32];
    df__buf_str(out, "  ");
    app_progress_equation(out, s->stats);
    df__buf_printf(out, "\n  %.2f s", s->seconds);
    add_count(out, ", %s records/s", (uint64_t)(per_second(s) + 0.5));
    df__buf_printf(out, ", CPU %.2f s", s->usage->cpu_s);
    if (s->stats->received >= 100000)
        df__buf_printf(out, " (%.2f s per million)",
                       s->usage->cpu_s * 1e6 / (double)s->stats->received);
    df__buf_printf(out, ", peak memory %s", app_text_bytes(text, sizeof text, s->usage->peak_rss));
    if (s->stats->retries)
        add_count(out, s->stats->retries == 1 ? ", %s retry" : ", %s retries", s->stats->retries);
}

void app_summary_members(df__buf *out, const app_summary *s)
{
    df__buf_str(out, "\"result\":");
    df__buf_json(out, s->result, strlen(s->result));
    df__buf_char(out, ',');
    app_stats_members(out, s->stats);
    df__buf_printf(out, ",\"seconds\":%.3f,\"records_per_second\":%.1f,\"cpu_seconds\":%.3f",
                   s->seconds, per_second(s), s->usage->cpu_s);
    df__buf_printf(out, ",\"peak_rss_bytes\":%llu", (unsigned long long)s->usage->peak_rss);
}
