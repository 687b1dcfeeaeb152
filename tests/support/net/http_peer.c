/* SPDX-License-Identifier: Apache-2.0
 * http_peer.c: see http_peer.h. */
#include "support/net/http_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void must(int held, const char *what)
{
    if (held)
        return;
    fprintf(stderr, "http_peer: %s failed\n", what);
    abort();
}

/* ---- bytes ------------------------------------------------------------------------------------
 */

/* 1: the descriptor may be read; 0: the peer is stopped. */
static int readable(const http_peer *p, void *session, int fd)
{
    struct pollfd both[] = {{fd, POLLIN, 0}, {p->stop[0], POLLIN, 0}};
    if (session && SSL_pending(session) > 0)
        return 1;
    while (poll(both, 2, -1) < 0)
        ;
    return !both[1].revents;
}

static ssize_t take(peer_conn *c, char *buf, size_t room)
{
    if (!readable(c->peer, c->session, c->fd))
        return 0;
    return c->session ? SSL_read(c->session, buf, (int)room) : read(c->fd, buf, room);
}

void peer_write(peer_conn *c, const void *data, size_t len)
{
    const char *at = data;
    while (len) {
        ssize_t n =
            c->session ? SSL_write(c->session, at, (int)len) : send(c->fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        at += n;
        len -= (size_t)n;
    }
}

void peer_say(peer_conn *c, const char *text)
{
    peer_write(c, text, strlen(text));
}

void peer_reply(peer_conn *c, int status, const char *headers, const char *body)
{
    char head[1024];
    snprintf(head, sizeof head, "HTTP/1.1 %d Some\r\nContent-Length: %zu\r\n%s\r\n", status,
             strlen(body), headers);
    peer_say(c, head);
    peer_say(c, body);
}

void peer_linger(peer_conn *c)
{
    char waste[65536];
    while (take(c, waste, sizeof waste) > 0)
        ;
}

void peer_sit(peer_conn *c)
{
    struct pollfd both[] = {{c->fd, POLLRDHUP, 0}, {c->peer->stop[0], POLLIN, 0}};
    while (poll(both, 2, -1) < 0)
        ;
}

char *peer_client_name(peer_conn *c)
{
    X509 *cert = c->session ? SSL_get1_peer_certificate(c->session) : NULL;
    char name[128] = "";
    if (!cert)
        return NULL;
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof name);
    X509_free(cert);
    return strdup(name);
}

int peer_path_is(const peer_request *request, const char *path)
{
    const char *at = strchr(request->head, ' ');
    return at && !strncmp(at + 1, path, strlen(path)) && strchr(" ?", at[1 + strlen(path)]);
}

/* ---- requests ---------------------------------------------------------------------------------
 */

typedef struct taken {
    char *data;
    size_t len, cap;
} taken;

static int more(peer_conn *c, taken *t)
{
    ssize_t n;
    if (t->cap - t->len < 65537) {
        t->cap = t->cap * 2 + 131072;
        t->data = realloc(t->data, t->cap);
        must(t->data != NULL, "realloc");
    }
    n = take(c, t->data + t->len, 65536);
    if (n <= 0)
        return 0;
    t->len += (size_t)n;
    t->data[t->len] = '\0';
    return 1;
}

/* Joins the chunks after `at`; 0: the connection ended inside them. */
static int join_chunks(peer_conn *c, taken *t, size_t at, size_t *body_len)
{
    size_t out = at, in = at;
    for (;;) {
        char *line_end;
        size_t size, begin;
        while (!(line_end = memmem(t->data + in, t->len - in, "\r\n", 2)))
            if (!more(c, t))
                return 0;
        size = strtoul(t->data + in, NULL, 16);
        begin = (size_t)(line_end - t->data) + 2;
        while (t->len < begin + size + 2)
            if (!more(c, t))
                return 0;
        memmove(t->data + out, t->data + begin, size);
        out += size;
        in = begin + size + 2;
        if (!size)
            break;
    }
    *body_len = out - at;
    t->data[out] = '\0';
    return 1;
}

static int take_request(peer_conn *c, taken *t, peer_request *request)
{
    char *end, *field;
    size_t head;
    t->len = 0;
    do {
        if (!more(c, t))
            return 0;
        if (t->data[0] == 0x16) { /* TLS; what servers say to it */
            peer_say(c, "HTTP/1.1 400 Bad Request\r\n\r\n");
            return 0;
        }
        end = strstr(t->data, "\r\n\r\n");
    } while (!end);
    head = (size_t)(end - t->data) + 4;
    *request = (peer_request){0};
    if (!c->peer->only_heads && (field = strcasestr(t->data, "transfer-encoding: chunked")) &&
        field < end) {
        if (!join_chunks(c, t, head, &request->body_len))
            return 0;
    } else if (!c->peer->only_heads && (field = strcasestr(t->data, "content-length:")) &&
               field < end) {
        request->body_len = strtoul(field + 15, NULL, 10);
        while (t->len < head + request->body_len)
            if (!more(c, t))
                return 0;
    }
    t->data[head - 1] = '\0';
    request->head = t->data;
    request->body = t->data + head;
    return 1;
}

static int shake_hands(peer_conn *c)
{
    if (!c->peer->tls)
        return 1;
    c->session = SSL_new(c->peer->tls);
    SSL_set_fd(c->session, c->fd);
    return SSL_accept(c->session) == 1;
}

static void *serve_connection(void *arg)
{
    peer_conn *c = arg;
    taken t = {0};
    peer_request request;
    int on = shake_hands(c);
    if (!on) { /* a close now could overtake what TLS says */
        shutdown(c->fd, SHUT_WR);
        peer_sit(c);
    }
    while (on && take_request(c, &t, &request)) {
        c->peer->requests++;
        on = c->peer->answer(c, &request);
    }
    free(t.data);
    if (c->session)
        SSL_free(c->session);
    close(c->fd);
    return NULL;
}

static void *serve(void *arg)
{
    http_peer *p = arg;
    int count = 0;
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal); /* OpenSSL writes without MSG_NOSIGNAL */
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);
    while (readable(p, NULL, p->listener)) {
        peer_conn *c = &p->conns[count];
        int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* bodies go at once */
        must(count < PEER_CONNS, "room for one more connection");
        *c = (peer_conn){.peer = p, .fd = fd, .number = ++count};
        p->connections = count;
        must(!pthread_create(&c->thread, NULL, serve_connection, c), "pthread_create");
    }
    while (count)
        pthread_join(p->conns[--count].thread, NULL);
    return NULL;
}

/* ---- life -------------------------------------------------------------------------------------
 */

void peer_start(http_peer *p, peer_answer *answer)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    p->answer = answer;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(p->listener >= 0 && !bind(p->listener, (struct sockaddr *)&address, len) &&
             !listen(p->listener, 64) &&
             !getsockname(p->listener, (struct sockaddr *)&address, &len) && !pipe(p->stop),
         "listen");
    snprintf(p->url, sizeof p->url, "%s:%d", p->tls ? "https://localhost" : "http://127.0.0.1",
             ntohs(address.sin_port));
    must(!pthread_create(&p->thread, NULL, serve, p), "pthread_create");
}

void peer_start_tls(http_peer *p, peer_answer *answer, const char *cert, const char *key,
                    const char *client_ca)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    p->tls = ctx;
    must(ctx && SSL_CTX_use_certificate_chain_file(ctx, cert) == 1 &&
             SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1,
         "the certificate");
    if (client_ca) {
        must(SSL_CTX_load_verify_locations(ctx, client_ca, NULL) == 1, "the client authority");
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    peer_start(p, answer);
}

void peer_stop(http_peer *p)
{
    must(write(p->stop[1], "", 1) == 1, "write");
    pthread_join(p->thread, NULL);
    close(p->listener);
    close(p->stop[0]);
    close(p->stop[1]);
    SSL_CTX_free(p->tls);
    p->tls = NULL;
}

/* ---- certificates -----------------------------------------------------------------------------
 */

static FILE *open_in(const char *folder, const char *file, const char *end)
{
    char path[512];
    FILE *f;
    snprintf(path, sizeof path, "%s/%s%s", folder, file, end);
    f = fopen(path, "w");
    must(f != NULL, path);
    return f;
}

static void save(const char *folder, const char *file, X509 *cert, EVP_PKEY *key)
{
    FILE *f = open_in(folder, file, ".pem");
    must(PEM_write_X509(f, cert) == 1, "PEM_write_X509");
    fclose(f);
    f = open_in(folder, file, ".key");
    must(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1, "PEM_write_PrivateKey");
    fclose(f);
}

static void load(const char *folder, const char *file, X509 **cert, EVP_PKEY **key)
{
    char path[512];
    FILE *f;
    snprintf(path, sizeof path, "%s/%s.pem", folder, file);
    f = fopen(path, "r");
    must(f && (*cert = PEM_read_X509(f, NULL, NULL, NULL)), path);
    fclose(f);
    snprintf(path, sizeof path, "%s/%s.key", folder, file);
    f = fopen(path, "r");
    must(f && (*key = PEM_read_PrivateKey(f, NULL, NULL, NULL)), path);
    fclose(f);
}

static void extend(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    must(e && X509_add_ext(cert, e, -1), value);
    X509_EXTENSION_free(e);
}

static X509 *new_cert(const char *name, EVP_PKEY *key, int days)
{
    static long serial;
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -86400L * 10);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * days);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_pubkey(cert, key);
    return cert;
}

void peer_make_ca(const char *folder, const char *file)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = new_cert(file, key, 10);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    extend(cert, NID_basic_constraints, "critical,CA:TRUE");
    extend(cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    must(X509_sign(cert, key, EVP_sha256()) > 0, "X509_sign");
    save(folder, file, cert, key);
    X509_free(cert);
    EVP_PKEY_free(key);
}

void peer_make_cert(const char *folder, const char *ca, const char *file, const char *host,
                    int days)
{
    EVP_PKEY *key = EVP_EC_gen("P-256"), *ca_key;
    X509 *cert = new_cert(file, key, days), *ca_cert;
    char name[256];
    load(folder, ca, &ca_cert, &ca_key);
    X509_set_issuer_name(cert, X509_get_subject_name(ca_cert));
    snprintf(name, sizeof name, "DNS:%s", host);
    extend(cert, NID_subject_alt_name, name);
    must(X509_sign(cert, ca_key, EVP_sha256()) > 0, "X509_sign");
    save(folder, file, cert, key);
    X509_free(cert);
    X509_free(ca_cert);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
}
