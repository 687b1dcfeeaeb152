/* SPDX-License-Identifier: Apache-2.0
 * sign.c: see sign.h. */
#include "client/sign.h"

#include <stdio.h>
#include <string.h>

#include "util/rfc3339.h"

enum { BLOCK = 64 };

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static void digest(const void *data, size_t len, unsigned char ret[ICE_DIGEST])
{
    char hex[DF__SHA256_HEX];
    df__sha256_hex(data, len, hex);
    for (size_t i = 0; i < ICE_DIGEST; i++)
        ret[i] = (unsigned char)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
}

int df__ice_hmac(const df__heap *heap, df_bytes key, df_bytes text, unsigned char ret[ICE_DIGEST])
{
    unsigned char block[BLOCK] = {0}, pad[BLOCK], outer[BLOCK + ICE_DIGEST];
    df__buf inner;
    if (key.len > BLOCK)
        digest(key.data, key.len, block);
    else
        memcpy(block, key.data, key.len);
    for (size_t i = 0; i < BLOCK; i++) {
        pad[i] = block[i] ^ 0x36;
        outer[i] = block[i] ^ 0x5c;
    }
    df__buf_init(&inner, heap);
    df__buf_add(&inner, pad, BLOCK);
    df__buf_add(&inner, text.data, text.len);
    int failed = inner.failed;
    if (!failed) {
        digest(inner.data, inner.len, outer + BLOCK);
        digest(outer, sizeof outer, ret);
    }
    df__buf_wipe(&inner);
    explicit_bzero(block, sizeof block);
    explicit_bzero(pad, sizeof pad);
    explicit_bzero(outer, sizeof outer);
    return failed ? DF_ENOMEM : DF_OK;
}

void df__ice_stamp(int64_t now_us, char ret[ICE_STAMP])
{
    df__civil c;
    df__civil_from_sec(now_us / 1000000, &c);
    snprintf(ret, ICE_STAMP, "%04u%02u%02uT%02u%02u%02uZ", (unsigned)c.year % 10000,
             (unsigned)c.month % 100, (unsigned)c.day % 100, (unsigned)c.hour % 100,
             (unsigned)c.minute % 100, (unsigned)c.second % 100);
}

void df__ice_encode_key(df__buf *out, const char *key, size_t len)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-._~/";
    for (size_t i = 0; i < len; i++)
        if (key[i] && strchr(plain, key[i]))
            df__buf_char(out, key[i]);
        else
            df__buf_printf(out, "%%%02X", (unsigned char)key[i]);
}

static const char names[] = "host;x-amz-content-sha256;x-amz-date";

/* What is signed of the request, as its digest. */
static int canonical(const df__ice_signing *s, const df__heap *heap, char ret[DF__SHA256_HEX])
{
    df__buf b;
    df__buf_init(&b, heap);
    df__buf_printf(&b, "%s\n%s\n%s\nhost:%s\nx-amz-content-sha256:%s\nx-amz-date:%s\n", s->method,
                   s->path, s->query, s->host, s->payload, s->stamp);
    if (s->token)
        df__buf_printf(&b, "x-amz-security-token:%s\n", s->token);
    df__buf_printf(&b, "\n%s%s\n%s", names, s->token ? ";x-amz-security-token" : "", s->payload);
    int failed = b.failed;
    if (!failed)
        df__sha256_hex(b.data, b.len, ret);
    df__buf_wipe(&b);
    return failed ? DF_ENOMEM : DF_OK;
}

/* The key of this day, region and service. */
static int derive(const df__ice_signing *s, const df__heap *heap, unsigned char key[ICE_DIGEST])
{
    const df_bytes steps[] = {
        {s->stamp, 8}, {s->region, strlen(s->region)}, {"s3", 2}, {"aws4_request", 12}};
    df__buf first;
    df__buf_init(&first, heap);
    df__buf_printf(&first, "AWS4%s", s->secret);
    df_bytes with = {first.data, first.len};
    int rc = first.failed ? DF_ENOMEM : DF_OK;
    for (size_t i = 0; i < 4 && rc == DF_OK; i++) {
        rc = df__ice_hmac(heap, with, steps[i], key);
        with = (df_bytes){key, ICE_DIGEST};
    }
    df__buf_wipe(&first);
    return rc;
}

void df__ice_sign(const df__ice_signing *s, df__buf *out)
{
    char hash[DF__SHA256_HEX];
    unsigned char key[ICE_DIGEST], signature[ICE_DIGEST];
    df__buf text;
    df__buf_init(&text, out->heap);
    int rc = canonical(s, out->heap, hash);
    df__buf_printf(&text, "AWS4-HMAC-SHA256\n%s\n%.8s/%s/s3/aws4_request\n%s", s->stamp, s->stamp,
                   s->region, rc == DF_OK ? hash : "");
    rc = rc == DF_OK && text.failed ? DF_ENOMEM : rc;
    rc = rc == DF_OK ? derive(s, out->heap, key) : rc;
    if (rc == DF_OK)
        rc = df__ice_hmac(out->heap, (df_bytes){key, ICE_DIGEST}, (df_bytes){text.data, text.len},
                          signature);
    df__buf_printf(out,
                   "AWS4-HMAC-SHA256 Credential=%s/%.8s/%s/s3/aws4_request,SignedHeaders=%s%s,"
                   "Signature=",
                   s->key, s->stamp, s->region, names, s->token ? ";x-amz-security-token" : "");
    for (size_t i = 0; rc == DF_OK && i < ICE_DIGEST; i++)
        df__buf_printf(out, "%02x", signature[i]);
    df__buf_free(&text);
    out->failed |= rc != DF_OK;
    explicit_bzero(key, sizeof key);
}
