/* SPDX-License-Identifier: Apache-2.0
 * expiry.c: when certificates end: the client's own, the CA's and those that brokers show. Of a
 * certificate (RFC 5280, in DER) only its dates are read; whether it is good is OpenSSL's to say.
 */
#include <stdio.h>
#include <string.h>

#include "expiry.h"
#include "util/buf.h"
#include "util/codec.h"
#include "util/rfc3339.h"

enum {
    TELL_MS = 60000,
    WARN_MS = 86400000,
    DAY_S = 86400,
    NEAR_S = 14 * DAY_S,
    NEAR_CA_S = 30 * DAY_S
};
enum { INTEGER = 0x02, UTC_TIME = 0x17, TIME = 0x18, SEQUENCE = 0x30, VERSION = 0xa0 };
enum { FILE_MAX = 1 << 20 };

/* ---- DER ---------------------------------------------------------------------------------------
 */

/* Takes the next element off `from`; 0: it is not of that kind, or not whole. */
static int take(df_bytes *from, int tag, df_bytes *ret)
{
    const unsigned char *at = from->data;
    size_t head = 2, len = 0;
    if (from->len < head || at[0] != tag)
        return 0;
    if (at[1] < 0x80) {
        len = at[1];
    } else {
        size_t more = at[1] & 0x7f;
        if (more == 0 || more > 3 || from->len < head + more)
            return 0;
        for (size_t i = 0; i < more; i++)
            len = len << 8 | at[head + i];
        head += more;
    }
    if (len > from->len - head)
        return 0;
    *ret = (df_bytes){at + head, len};
    *from = (df_bytes){at + head + len, from->len - head - len};
    return 1;
}

/* Two digits each; -1: they are none. */
static int pair(const char *digits)
{
    int tens = digits[0] - '0', ones = digits[1] - '0';
    return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1 : tens * 10 + ones;
}

/* "261130120000Z", or with a whole year. */
static int take_time(df_bytes *from, int64_t *ret)
{
    df_bytes text;
    int part[6], century = 19;
    int is_long = from->len > 0 && *(const unsigned char *)from->data == TIME;
    size_t head = is_long ? 2 : 0;
    if (!take(from, is_long ? TIME : UTC_TIME, &text) || text.len != head + 13)
        return 0;
    for (size_t i = 0; i < 6; i++)
        if ((part[i] = pair((const char *)text.data + head + i * 2)) < 0)
            return 0;
    if (is_long)
        century = pair(text.data);
    else if (part[0] < 50)
        century = 20;
    if (century < 0 || part[1] < 1 || part[1] > 12)
        return 0;
    df__civil c = {.year = century * 100 + part[0],
                   .month = part[1],
                   .day = part[2],
                   .hour = part[3],
                   .minute = part[4],
                   .second = part[5]};
    *ret = df__civil_sec(&c);
    return 1;
}

int df__kafka_expiry_der(df_bytes der, df__kafka_dates *ret)
{
    df_bytes whole, in, skipped, dates;
    df__kafka_dates found;
    if (!take(&der, SEQUENCE, &whole) || !take(&whole, SEQUENCE, &in))
        return DF_EDATA;
    (void)take(&in, VERSION, &skipped);
    if (!take(&in, INTEGER, &skipped) || !take(&in, SEQUENCE, &skipped) || /* number, algorithm */
        !take(&in, SEQUENCE, &skipped) || !take(&in, SEQUENCE, &dates) ||  /* issuer, validity */
        !take_time(&dates, &found.begin_s) || !take_time(&dates, &found.end_s))
        return DF_EDATA;
    *ret = found;
    return DF_OK;
}

/* ---- PEM ---------------------------------------------------------------------------------------
 */

/* 1: `a` is the one to look at, not `b`: what ends next, and only then what ended last. */
static int is_next(const df__kafka_dates *a, const df__kafka_dates *b, int64_t now_s)
{
    int ended = a->end_s < now_s;
    if (ended != (b->end_s < now_s))
        return !ended;
    return ended ? a->end_s > b->end_s : a->end_s < b->end_s;
}

int df__kafka_expiry_pem(df_bytes pem, int64_t now_s, df__kafka_dates *ret)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    const char *at = pem.data, *stop = at + pem.len;
    int rc = DF_EDATA;
    df__buf der;
    df__buf_init(&der, &df__heap_libc);
    while (at && (at = memmem(at, (size_t)(stop - at), begin, sizeof begin - 1))) {
        df__kafka_dates one;
        at += sizeof begin - 1;
        const char *until = memmem(at, (size_t)(stop - at), end, sizeof end - 1);
        df__buf_clear(&der);
        if (!until || df__base64_read(&der, at, (size_t)(until - at)) < 0 ||
            df__kafka_expiry_der((df_bytes){der.data, der.len}, &one) != DF_OK)
            break;
        if (rc != DF_OK || is_next(&one, ret, now_s))
            *ret = one;
        rc = DF_OK;
        at = until;
    }
    df__buf_free(&der);
    return rc;
}

void df__kafka_expiry_file(const char *path, int64_t now_s, df__kafka_dates *ret)
{
    FILE *f = fopen(path, "re");
    df__buf text;
    df__buf_init(&text, &df__heap_libc);
    for (size_t n = 1; f && n > 0 && text.len < FILE_MAX;) {
        char *at = df__buf_reserve(&text, 4096);
        n = at ? fread(at, 1, 4096, f) : 0;
        text.len += n;
    }
    if (f)
        (void)fclose(f);
    (void)df__kafka_expiry_pem((df_bytes){text.data, text.len}, now_s, ret);
    df__buf_free(&text);
}

/* ---- what is told ------------------------------------------------------------------------------
 */

int df__kafka_expiry_is_near(const df__kafka_dates *d, int is_ca, int64_t now_s)
{
    int64_t fifth = (d->end_s - d->begin_s) / 5, most = is_ca ? NEAR_CA_S : NEAR_S;
    return d->end_s - now_s < (fifth < most ? fifth : most);
}

void df__kafka_expiry_begin(df__kafka_common *o, const df__kafka_own *own)
{
    o->own = *own;
    memset(o->shown, 0, sizeof o->shown);
    o->expiry_gate = (df__kafka_gate){0};
}

/* Without the number, which the first connection to a broker does not know. */
static uint64_t hash_of(const char *broker)
{
    const char *end = strrchr(broker, '/');
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *broker && broker != end; broker++)
        hash = (hash ^ (unsigned char)*broker) * UINT64_C(1099511628211);
    return hash ? hash : 1;
}

/* NULL: there are too many brokers. */
static df__kafka_shown *shown_by(df__kafka_common *o, uint64_t who)
{
    for (size_t i = 0; i < DF__KAFKA_SHOWN; i++) {
        uint64_t known = 0;
        if (__atomic_compare_exchange_n(&o->shown[i].who, &known, who, 0, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE) ||
            known == who)
            return &o->shown[i];
    }
    return NULL;
}

void df__kafka_expiry_note(df__kafka_common *o, const char *broker, df_bytes der)
{
    df__kafka_dates d;
    df__kafka_shown *shown = NULL;
    if (df__kafka_expiry_der(der, &d) == DF_OK)
        shown = shown_by(o, hash_of(broker ? broker : ""));
    if (!shown)
        return;
    __atomic_store_n(&shown->dates.begin_s, d.begin_s, __ATOMIC_RELEASE);
    __atomic_store_n(&shown->dates.end_s, d.end_s, __ATOMIC_RELEASE);
}

df__kafka_dates df__kafka_expiry_soonest(const df__kafka_common *o)
{
    df__kafka_dates soonest = {0, 0};
    for (size_t i = 0; i < DF__KAFKA_SHOWN; i++) {
        const df__kafka_dates *at = &o->shown[i].dates;
        df__kafka_dates d = {.end_s = __atomic_load_n(&at->end_s, __ATOMIC_ACQUIRE)};
        d.begin_s = __atomic_load_n(&at->begin_s, __ATOMIC_ACQUIRE);
        if (d.end_s != 0 && (soonest.end_s == 0 || d.end_s < soonest.end_s))
            soonest = d;
    }
    return soonest;
}

static void warn(df_stage *st, const df__kafka_dates *d, const char *whose)
{
    df__civil c;
    int64_t left = d->end_s - df_stage_now(st) / 1000000;
    df__civil_from_sec(d->end_s, &c);
    df_stage_logf(
        st, DF_LOG_WARN,
        "the certificate of the %s %s %04d-%02d-%02dT%02d:%02d:%02dZ (%lld days): renew it", whose,
        left < 0 ? "has ended at" : "ends at", (int)c.year, c.month, c.day, c.hour, c.minute,
        c.second, (long long)(left / DAY_S));
}

void df__kafka_expiry_tell(df_stage *st, df__kafka_common *o)
{
    const struct {
        const char *label, *whose;
        df__kafka_dates dates;
        df__kafka_gate *gate;
        int is_ca;
    } rows[] = {
        {"client", "client", o->own.client, &o->client_gate, 0},
        {"ca", "CA", o->own.ca, &o->ca_gate, 1},
        {"broker", "broker", df__kafka_expiry_soonest(o), &o->broker_gate, 0},
    };
    if (!o->tls || !df__kafka_gate_open(&o->expiry_gate, TELL_MS))
        return;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].dates.end_s == 0)
            continue;
        df_stage_metric_of(st, DF__KAFKA_METRIC_EXPIRES, rows[i].label,
                           (double)rows[i].dates.end_s);
        if (df__kafka_expiry_is_near(&rows[i].dates, rows[i].is_ca, df_stage_now(st) / 1000000) &&
            df__kafka_gate_open(rows[i].gate, WARN_MS))
            warn(st, &rows[i].dates, rows[i].whose);
    }
}
