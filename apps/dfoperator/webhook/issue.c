/* SPDX-License-Identifier: Apache-2.0
 * issue.c: see issue.h. */
#include "dfoperator/webhook/issue.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>
#include <time.h>

enum { HOUR = 3600, DAY = 24 * HOUR, SERIAL = 16 };

static const char ca_name[] = "CN=dfoperator webhook authority",
                  cert_name[] = "CN=dfoperator webhook";

/* A key with its certificate. */
typedef struct identity {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t cert;
} identity;

static void free_identity(identity *i)
{
    if (i->cert)
        gnutls_x509_crt_deinit(i->cert);
    if (i->key)
        gnutls_x509_privkey_deinit(i->key);
}

static int set_serial(gnutls_x509_crt_t cert)
{
    unsigned char serial[SERIAL];
    if (gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial))
        return -1;
    serial[0] = (unsigned char)((serial[0] & 0x3f) | 0x40); /* positive, and of full length */
    return gnutls_x509_crt_set_serial(cert, serial, sizeof serial);
}

/* A new key, and a certificate of it that is not signed yet. */
static int begin(identity *i, int64_t now_s, const char *name)
{
    return gnutls_x509_privkey_init(&i->key) || gnutls_x509_crt_init(&i->cert) ||
                   gnutls_x509_privkey_generate(
                       i->key, GNUTLS_PK_EC,
                       (unsigned)GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) ||
                   gnutls_x509_crt_set_version(i->cert, 3) || set_serial(i->cert) ||
                   gnutls_x509_crt_set_dn(i->cert, name, NULL) ||
                   gnutls_x509_crt_set_key(i->cert, i->key) ||
                   gnutls_x509_crt_set_activation_time(i->cert, (time_t)(now_s - HOUR)) ||
                   gnutls_x509_crt_set_expiration_time(
                       i->cert, (time_t)(now_s + (int64_t)OP_ISSUE_DAYS * DAY))
               ? -1
               : 0;
}

static int sign(identity *i, const identity *by)
{
    unsigned char id[64];
    size_t len = sizeof id;
    if (gnutls_x509_crt_get_key_id(by->cert, 0, id, &len) ||
        gnutls_x509_crt_set_authority_key_id(i->cert, id, len))
        return -1;
    return gnutls_x509_crt_sign2(i->cert, by->cert, by->key, GNUTLS_DIG_SHA256, 0);
}

static int finish_authority(identity *ca)
{
    return gnutls_x509_crt_set_basic_constraints(ca->cert, 1, 0) ||
                   gnutls_x509_crt_set_key_usage(ca->cert, GNUTLS_KEY_KEY_CERT_SIGN) || sign(ca, ca)
               ? -1
               : 0;
}

static int finish_server(identity *server, const identity *ca, const char *const *names)
{
    for (; *names; names++)
        if (gnutls_x509_crt_set_subject_alt_name(server->cert, GNUTLS_SAN_DNSNAME, *names,
                                                 (unsigned)strlen(*names), GNUTLS_FSAN_APPEND))
            return -1;
    return gnutls_x509_crt_set_basic_constraints(server->cert, 0, -1) ||
                   gnutls_x509_crt_set_key_usage(server->cert, GNUTLS_KEY_DIGITAL_SIGNATURE) ||
                   gnutls_x509_crt_set_key_purpose_oid(server->cert, GNUTLS_KP_TLS_WWW_SERVER, 0) ||
                   sign(server, ca)
               ? -1
               : 0;
}

static int take(df__buf *out, int rc, gnutls_datum_t *pem)
{
    if (rc < 0)
        return -1;
    df__buf_add(out, pem->data, pem->size);
    explicit_bzero(pem->data, pem->size);
    gnutls_free(pem->data);
    return out->failed ? -1 : 0;
}

static int export(const identity *ca, const identity *server, op_issued *ret)
{
    gnutls_datum_t pem = {0};
    int rc = gnutls_x509_crt_export2(ca->cert, GNUTLS_X509_FMT_PEM, &pem);
    if (take(&ret->ca, rc, &pem) < 0)
        return -1;
    rc = gnutls_x509_crt_export2(server->cert, GNUTLS_X509_FMT_PEM, &pem);
    if (take(&ret->cert, rc, &pem) < 0)
        return -1;
    rc = gnutls_x509_privkey_export2_pkcs8(server->key, GNUTLS_X509_FMT_PEM, NULL,
                                           GNUTLS_PKCS_PLAIN, &pem);
    return take(&ret->key, rc, &pem);
}

int op_issue(int64_t now_s, const char *const *names, op_issued *ret)
{
    identity ca = {0}, server = {0};
    int rc;
    df__buf_init(&ret->ca, &df__heap_libc);
    df__buf_init(&ret->cert, &df__heap_libc);
    df__buf_init(&ret->key, &df__heap_libc);
    rc = begin(&ca, now_s, ca_name) || finish_authority(&ca) || begin(&server, now_s, cert_name) ||
         finish_server(&server, &ca, names) || export(&ca, &server, ret);
    free_identity(&ca);
    free_identity(&server);
    return rc ? -1 : 0;
}

void op_issued_free(op_issued *i)
{
    df__buf_free(&i->ca);
    df__buf_free(&i->cert);
    df__buf_wipe(&i->key);
}

int op_issue_is_due(df_bytes cert, int64_t now_s, const char *const *names)
{
    const gnutls_datum_t pem = {(unsigned char *)(uintptr_t)cert.data, (unsigned)cert.len};
    gnutls_x509_crt_t read;
    int due = 1;
    if (gnutls_x509_crt_init(&read))
        return 1;
    if (gnutls_x509_crt_import(read, &pem, GNUTLS_X509_FMT_PEM) == 0) {
        due = gnutls_x509_crt_get_expiration_time(read) < now_s + (int64_t)OP_RENEW_DAYS * DAY ||
              gnutls_x509_crt_get_activation_time(read) > now_s;
        for (; *names && !due; names++)
            due = !gnutls_x509_crt_check_hostname(read, *names);
    }
    gnutls_x509_crt_deinit(read);
    return due;
}
