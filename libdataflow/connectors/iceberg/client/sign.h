/* SPDX-License-Identifier: Apache-2.0
 * sign.h: signatures of AWS, version 4, for one request to S3. Pure: texts in, texts out.
 * Source: "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API Reference. libcurl's
 * own signing is not used: the one of Debian 12 signs several requests wrongly. */
#ifndef DF_ICEBERG_SIGN_H
#define DF_ICEBERG_SIGN_H

#include "util/buf.h"
#include "util/sha256.h"

enum { ICE_STAMP = 17, ICE_DIGEST = 32 };

typedef struct df__ice_signing {
    const char *method, *host;                 /* host: as the header has it */
    const char *path;                          /* encoded, as it is sent; begins with a slash */
    const char *query;                         /* "a=b&c=", sorted and encoded; "": none */
    const char *payload;                       /* its SHA-256 in hexadecimal, or UNSIGNED-PAYLOAD */
    const char *region, *key, *secret, *token; /* token NULL: none */
    char stamp[ICE_STAMP];                     /* "20260131T235959Z" */
} df__ice_signing;

/* "20260131T235959Z" of µs since 1970. */
void df__ice_stamp(int64_t now_us, char ret[ICE_STAMP]);
/* Appends the value of the header Authorization. The signed headers are host, x-amz-content-sha256,
 * x-amz-date and, with a token, x-amz-security-token. Without memory `out` has failed. */
void df__ice_sign(const df__ice_signing *s, df__buf *out);
/* Appends a key of an object for a URL: all but unreserved characters and slashes as %XX. */
void df__ice_encode_key(df__buf *out, const char *key, size_t len);
/* HMAC with SHA-256 (RFC 2104). DF_ENOMEM. */
int df__ice_hmac(const df__heap *heap, df_bytes key, df_bytes text, unsigned char ret[ICE_DIGEST]);

#endif
