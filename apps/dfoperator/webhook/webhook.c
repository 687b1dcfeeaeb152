/* SPDX-License-Identifier: Apache-2.0
 * webhook.c: see webhook.h. */
#include "dfoperator/webhook/webhook.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/listen.h"
#include "common/process.h"
#include "dfoperator/webhook/admission.h"

enum { CONNECTIONS = 64, THREADS = 4, TIMEOUT_S = 10, HEADER_BYTES = 16384 };
enum { REQUEST_US = 10000000, HELD_MAX = 24 << 20 }; /* bytes of all bodies */

/* TLS 1.2 and 1.3, ciphers with forward secrecy. */
#define PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-AES-128-CBC:-AES-256-CBC"

/* A connection whose request is awaited. One that takes too long is closed when another comes. */
typedef struct guest {
    struct MHD_Connection *connection; /* NULL: free */
    int fd;
    int64_t since_us;
} guest;

struct op_webhook {
    struct MHD_Daemon *daemon;
    op_tls *tls;
    pthread_mutex_t lock; /* of guests */
    guest guests[CONNECTIONS];
    _Atomic size_t held;
    _Atomic uint64_t allowed, denied, refused;
    char address[APP_ADDRESS];
};

/* A request. One that is refused is read to its end all the same, or the client may not see why. */
typedef struct question {
    df__buf body;
    unsigned refusal; /* status; 0: none yet */
} question;

/* GnuTLS gives the callback nothing of ours. */
static _Atomic(op_webhook *) the_server;

/* Signature: gnutls_certificate_retrieve_function3. */
static int show_certificate(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                            gnutls_pcert_st **certs, unsigned int *count,
                            gnutls_ocsp_data_st **ocsp, unsigned int *ocsp_count,
                            gnutls_privkey_t *key, unsigned int *flags)
{
    op_webhook *hook = atomic_load(&the_server);
    (void)session;
    (void)info;
    *ocsp = NULL;
    *ocsp_count = 0;
    *flags = GNUTLS_CERT_RETR_DEINIT_ALL;
    return hook ? op_tls_take(hook->tls, certs, count, key) : -1;
}

/* ---- connections ----------------------------------------------------------------------------- */

static int fd_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

static void enter(op_webhook *hook, struct MHD_Connection *connection)
{
    int64_t now_us = app_clock_us();
    guest *free_one = NULL;
    for (guest *g = hook->guests; g < hook->guests + CONNECTIONS; g++)
        if (!g->connection)
            free_one = g;
        else if (now_us - g->since_us > REQUEST_US)
            shutdown(g->fd, SHUT_RDWR); /* the server sees its end and closes it */
    if (free_one)
        *free_one = (guest){connection, fd_of(connection), now_us};
}

/* Signature: MHD_NotifyConnectionCallback. */
static void notice(void *user, struct MHD_Connection *connection, void **state,
                   enum MHD_ConnectionNotificationCode what)
{
    op_webhook *hook = user;
    (void)state;
    pthread_mutex_lock(&hook->lock);
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        enter(hook, connection);
    for (guest *g = hook->guests; g < hook->guests + CONNECTIONS; g++)
        if (what == MHD_CONNECTION_NOTIFY_CLOSED && g->connection == connection)
            g->connection = NULL;
    pthread_mutex_unlock(&hook->lock);
}

/* A request has begun, or ended: its connection has the whole time again. */
static void renew(op_webhook *hook, const struct MHD_Connection *connection)
{
    pthread_mutex_lock(&hook->lock);
    for (guest *g = hook->guests; g < hook->guests + CONNECTIONS; g++)
        if (g->connection == connection)
            g->since_us = app_clock_us();
    pthread_mutex_unlock(&hook->lock);
}

/* Signature: MHD_RequestCompletedCallback. */
static void forget(void *user, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode how)
{
    op_webhook *hook = user;
    question *q = *state;
    (void)how;
    renew(hook, connection);
    if (!q)
        return;
    atomic_fetch_sub(&hook->held, q->body.len);
    df__buf_free(&q->body);
    free(q);
    *state = NULL;
}

/* ---- a request ------------------------------------------------------------------------------- */

static const char *text_of(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } rows[] = {
        {MHD_HTTP_BAD_REQUEST, "the body is no review\n"},
        {MHD_HTTP_NOT_FOUND, "not found\n"},
        {MHD_HTTP_METHOD_NOT_ALLOWED, "only POST\n"},
        {MHD_HTTP_CONTENT_TOO_LARGE, "the review is larger than 3 MiB\n"},
        {MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "expects application/json\n"},
        {MHD_HTTP_SERVICE_UNAVAILABLE, "too much at once: ask again\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].status == status)
            return rows[i].text;
    return "out of memory\n";
}

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *type,
                             df_bytes body)
{
    enum MHD_Result rc = MHD_NO;
    struct MHD_Response *r = MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.data,
                                                             MHD_RESPMEM_MUST_COPY);
    if (!r)
        return rc;
    MHD_add_response_header(r, "Content-Type", type);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(r, "Allow", "POST");
    rc = MHD_queue_response(connection, status, r);
    MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result refuse(op_webhook *hook, struct MHD_Connection *connection, unsigned status,
                              const char *text)
{
    atomic_fetch_add(&hook->refused, 1);
    return reply(connection, status, "text/plain; charset=utf-8", (df_bytes){text, strlen(text)});
}

static int is_json(const char *type)
{
    static const char want[] = "application/json";
    const size_t len = sizeof want - 1;
    return type && !strncasecmp(type, want, len) && (!type[len] || strchr("; \t", type[len]));
}

/* What is wrong with a request before its body; 0: nothing. */
static unsigned check_head(struct MHD_Connection *connection, const char *url, const char *method)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    if (strcmp(url, OP_WEBHOOK_FLOW) != 0 && strcmp(url, OP_WEBHOOK_CRON) != 0)
        return MHD_HTTP_NOT_FOUND;
    if (strcmp(method, "POST") != 0)
        return MHD_HTTP_METHOD_NOT_ALLOWED;
    if (!is_json(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type")))
        return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
    if (length && strtoull(length, NULL, 10) > OP_REVIEW_MAX)
        return MHD_HTTP_CONTENT_TOO_LARGE;
    return 0;
}

static void take(op_webhook *hook, question *q, const char *part, size_t len)
{
    size_t before = q->body.len;
    if (q->refusal)
        return;
    if (before + len > OP_REVIEW_MAX)
        q->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
    else if (atomic_load(&hook->held) + len > HELD_MAX)
        q->refusal = MHD_HTTP_SERVICE_UNAVAILABLE;
    else
        df__buf_add(&q->body, part, len);
    atomic_fetch_add(&hook->held, q->body.len - before);
}

static enum MHD_Result judge(op_webhook *hook, struct MHD_Connection *connection, const question *q)
{
    const df_bytes body = {q->body.data ? q->body.data : "", q->body.len};
    enum MHD_Result rc;
    df__buf text;
    int allowed = 0, status;
    df__buf_init(&text, &df__heap_libc);
    status = q->body.failed ? DF_ENOMEM : op_admit(body, &text, &allowed);
    if (status == DF_OK) {
        atomic_fetch_add(allowed ? &hook->allowed : &hook->denied, 1);
        rc = reply(connection, MHD_HTTP_OK, "application/json", (df_bytes){text.data, text.len});
    } else if (status == DF_EINVAL && df__buf_cstr(&text)) {
        rc = refuse(hook, connection, MHD_HTTP_BAD_REQUEST, text.data);
    } else {
        rc = refuse(hook, connection, MHD_HTTP_INTERNAL_SERVER_ERROR, text_of(500));
    }
    df__buf_free(&text);
    return rc;
}

/* Signature: MHD_AccessHandlerCallback. */
static enum MHD_Result answer(void *user, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **state)
{
    op_webhook *hook = user;
    question *q = *state;
    (void)version;
    if (!q) {
        *state = q = calloc(1, sizeof *q);
        if (!q)
            return MHD_NO;
        df__buf_init(&q->body, &df__heap_libc);
        q->refusal = check_head(connection, url, method);
        renew(hook, connection);
        return MHD_YES;
    }
    if (*upload_len > 0) {
        take(hook, q, upload, *upload_len);
        *upload_len = 0;
        return MHD_YES;
    }
    if (q->refusal)
        return refuse(hook, connection, q->refusal, text_of(q->refusal));
    return judge(hook, connection, q);
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Signature: MHD_LogCallback. It speaks of what clients do wrong; they are told themselves. */
static void say_nothing(void *user, const char *format, va_list args)
{
    (void)user;
    (void)format;
    (void)args;
}

static struct MHD_Daemon *start_daemon(op_webhook *hook, int fd)
{
    return MHD_start_daemon(
        MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS | MHD_USE_ERROR_LOG, 0, NULL,
        NULL, answer, hook, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_LISTEN_SOCKET,
        fd, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS, MHD_OPTION_NOTIFY_CONNECTION, notice, hook,
        MHD_OPTION_NOTIFY_COMPLETED, forget, hook, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES,
        MHD_OPTION_HTTPS_PRIORITIES, PRIORITIES, MHD_OPTION_HTTPS_CERT_CALLBACK2, show_certificate,
        MHD_OPTION_END);
}

int op_webhook_start(const char *address, op_tls *tls, op_webhook **ret, char *err, size_t err_len)
{
    op_webhook *hook, *none = NULL;
    int fd = app_listen(address, err, err_len);
    if (fd < 0)
        return fd;
    hook = calloc(1, sizeof *hook);
    if (!hook || !atomic_compare_exchange_strong(&the_server, &none, hook)) {
        free(hook);
        hook = NULL;
        goto failed;
    }
    hook->tls = tls;
    pthread_mutex_init(&hook->lock, NULL);
    app_listen_name(fd, hook->address, sizeof hook->address);
    hook->daemon = start_daemon(hook, fd);
    if (!hook->daemon)
        goto failed;
    *ret = hook;
    return 0;
failed:
    snprintf(err, err_len, "cannot start the HTTPS server on %s", address);
    if (hook)
        atomic_store(&the_server, NULL);
    close(fd);
    free(hook);
    return -1;
}

const char *op_webhook_address(const op_webhook *hook)
{
    return hook->address;
}

op_webhook_stats op_webhook_stats_of(op_webhook *hook)
{
    return (op_webhook_stats){atomic_load(&hook->allowed), atomic_load(&hook->denied),
                              atomic_load(&hook->refused)};
}

void op_webhook_stop(op_webhook *hook)
{
    if (!hook)
        return;
    MHD_stop_daemon(hook->daemon); /* closes the socket */
    atomic_store(&the_server, NULL);
    pthread_mutex_destroy(&hook->lock);
    free(hook);
}
