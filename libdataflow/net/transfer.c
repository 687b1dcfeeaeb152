/* SPDX-License-Identifier: Apache-2.0
 * transfer.c: one sending of a request: libcurl's options and callbacks. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/net.h"
#include "util/clock.h"

static int give_up(df__http_request *r, int rc)
{
    r->failed = rc;
    return rc;
}

/* ---- sending --------------------------------------------------------------------------------- */

/* Called before each sending, also when libcurl takes another connection because a kept one was
 * dead. What may be applied twice may be sent twice. */
static int on_send(void *user, char *to, char *from, int to_port, int from_port)
{
    df__http_request *r = user;
    (void)to, (void)from, (void)to_port, (void)from_port;
    r->active_us = df__monotonic_us();
    if (r->sendings++ && !r->call.repeatable)
        return CURL_PREREQFUNC_ABORT;
    r->reply.phase = r->sent_all ? DF__HTTP_WAITING : DF__HTTP_SENDING;
    return CURL_PREREQFUNC_OK;
}

static size_t on_read_block(df__http_request *r, char *buf, size_t room)
{
    size_t len = r->call.body.len - r->sent;
    len = len < room ? len : room;
    if (len)
        memcpy(buf, (const char *)r->call.body.data + r->sent, len);
    r->sent_all = r->sent + len == r->call.body.len;
    return len;
}

static size_t on_read(char *buf, size_t size, size_t count, void *user)
{
    df__http_request *r = user;
    size_t room = size * count, len = 0;
    r->active_us = df__monotonic_us();
    if (!r->call.send) {
        len = on_read_block(r, buf, room);
    } else if (!r->sent_all) {
        int rc = r->call.send(r->call.user, buf, room, &len);
        r->send_waits = rc == DF_AGAIN;
        r->sent_all = rc == DF_DONE;
        if (rc == DF_AGAIN)
            return CURL_READFUNC_PAUSE;
        if (rc < 0) {
            give_up(r, rc);
            return CURL_READFUNC_ABORT;
        }
    }
    r->sent += len;
    if (r->sent_all)
        r->reply.phase = DF__HTTP_WAITING;
    return len;
}

/* libcurl wants the body again: possible for a block of what may be sent again. */
static int on_seek(void *user, curl_off_t offset, int origin)
{
    df__http_request *r = user;
    if (origin != SEEK_SET || r->call.send || !r->call.repeatable ||
        offset > (curl_off_t)r->call.body.len)
        return r->sent == (size_t)offset ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
    r->sent = (size_t)offset;
    r->sent_all = 0;
    return CURL_SEEKFUNC_OK;
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* The end of a head: libcurl has read its status. 0: it is none. */
static int end_head(df__http_request *r)
{
    long status = 0;
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    r->reply.status = (int)status;
    r->head_ended = 1;
    if (status >= 200)
        r->reply.phase = DF__HTTP_RECEIVING;
    return status >= 100;
}

static size_t on_header(char *line, size_t size, size_t count, void *user)
{
    df__http_request *r = user;
    size_t len = size * count, end = len, begin, whole = r->head.len;
    const char *colon = memchr(line, ':', len);
    r->active_us = df__monotonic_us();
    if (len >= 5 && !memcmp(line, "HTTP/", 5)) {
        df__buf_clear(&r->head);
        r->head_ended = 0;
        return len;
    }
    if (*line == '\r' || *line == '\n') /* as libcurl tells it */
        return r->head_ended || end_head(r) ? len : 0;
    if (!colon || memchr(line, '\0', len))
        return len;
    begin = (size_t)(colon - line) + 1;
    while (end > begin && strchr(" \t\r\n", line[end - 1]))
        end--;
    while (begin < end && strchr(" \t", line[begin]))
        begin++;
    df__buf_add(&r->head, line, (size_t)(colon - line));
    df__buf_char(&r->head, '\0');
    df__buf_add(&r->head, line + begin, end - begin);
    df__buf_char(&r->head, '\0');
    if (!r->head.failed)
        return len;
    r->head.len = whole; /* a name without its value would be read past the end */
    give_up(r, DF_ETOOBIG);
    return 0;
}

int df__http_is_redirect(const df__http_request *r)
{
    int status = r->reply.status;
    return r->call.follow &&
           (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) &&
           (!strcmp(r->method, "GET") || !strcmp(r->method, "HEAD")) &&
           df__http_header_of(r, "location", 0);
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    df__http_request *r = user;
    size_t len = size * count;
    int rc = DF_OK;
    r->active_us = df__monotonic_us();
    if (r->call.max_reply >= 0 && (int64_t)len > r->call.max_reply - r->reply.received)
        rc = DF_ETOOBIG;
    else if (df__http_is_redirect(r))
        rc = DF_OK;
    else if (r->call.receive && r->reply.status / 100 == 2)
        rc = r->call.receive(r->call.user, r->reply.status, (df_bytes){data, len});
    else
        df__buf_add(&r->body, data, len);
    if (r->body.failed)
        rc = DF_ENOMEM;
    r->receive_waits = rc == DF_AGAIN;
    if (rc == DF_AGAIN)
        return CURL_WRITEFUNC_PAUSE;
    if (rc < 0) {
        give_up(r, rc);
        return 0;
    }
    r->reply.received += (int64_t)len;
    return len;
}

/* ---- options --------------------------------------------------------------------------------- */

typedef struct setting {
    CURLoption option;
    long value;
} setting;

static CURLcode set_numbers(CURL *easy, const setting *rows, size_t count)
{
    CURLcode code = CURLE_OK;
    for (size_t i = 0; i < count && code == CURLE_OK; i++)
        code = curl_easy_setopt(easy, rows[i].option, rows[i].value);
    return code;
}

static CURLcode set_place(const df__http_request *r)
{
    const df__http_config *c = &r->http->config;
    const setting rows[] = {
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_TCP_KEEPALIVE, 1},
        {CURLOPT_PIPEWAIT, 1},
        {CURLOPT_UPLOAD_BUFFERSIZE, 256 << 10},
        {CURLOPT_BUFFERSIZE, 128 << 10},
        {CURLOPT_HTTP_VERSION, c->http1 ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS},
        {CURLOPT_CONNECTTIMEOUT_MS, (long)((c->connect_us + 999) / 1000)},
        {CURLOPT_MAXAGE_CONN, (long)((c->keep_us + 999999) / 1000000)},
    };
    const struct {
        CURLoption option;
        const char *value;
    } texts[] = {
        {CURLOPT_URL, r->url},
        {CURLOPT_PROTOCOLS_STR, "http,https"},
        {CURLOPT_PROXY, c->proxy ? c->proxy : ""},
        {CURLOPT_NOPROXY, c->no_proxy ? c->no_proxy : ""},
        {CURLOPT_USERAGENT, c->user_agent},
        {CURLOPT_ACCEPT_ENCODING, r->call.compressed ? "gzip" : NULL},
    };
    CURLcode code = set_numbers(r->easy, rows, sizeof rows / sizeof *rows);
    for (size_t i = 0; i < sizeof texts / sizeof *texts && code == CURLE_OK; i++)
        code = curl_easy_setopt(r->easy, texts[i].option, texts[i].value);
    return code;
}

/* A body goes through on_read, also one that is there as a block: libcurl then cannot send it a
 * second time without our knowledge. */
static CURLcode set_method(const df__http_request *r)
{
    const char *m = r->method;
    int64_t len = r->call.send ? r->call.send_len : (int64_t)r->call.body.len;
    int body = r->call.send || r->call.body.len || !strcmp(m, "POST") || !strcmp(m, "PUT") ||
               !strcmp(m, "PATCH");
    CURLcode code = CURLE_OK;
    if (!strcmp(m, "HEAD"))
        return curl_easy_setopt(r->easy, CURLOPT_NOBODY, 1L);
    if (body) {
        code = curl_easy_setopt(r->easy, CURLOPT_UPLOAD, 1L);
        if (code == CURLE_OK)
            code = curl_easy_setopt(r->easy, CURLOPT_INFILESIZE_LARGE,
                                    (curl_off_t)(len < 0 ? -1 : len));
    }
    if (code == CURLE_OK && (body || strcmp(m, "GET") != 0))
        code = curl_easy_setopt(r->easy, CURLOPT_CUSTOMREQUEST, m);
    return code;
}

/* Pointers to functions and to data have types of their own in curl_easy_setopt. */
static CURLcode set_callbacks(df__http_request *r)
{
    CURL *e = r->easy;
    CURLcode code = curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_send);
    code = code ? code : curl_easy_setopt(e, CURLOPT_PREREQDATA, r);
    code = code ? code : curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
    code = code ? code : curl_easy_setopt(e, CURLOPT_READDATA, r);
    code = code ? code : curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
    code = code ? code : curl_easy_setopt(e, CURLOPT_SEEKDATA, r);
    code = code ? code : curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    code = code ? code : curl_easy_setopt(e, CURLOPT_HEADERDATA, r);
    code = code ? code : curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    code = code ? code : curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
    code = code ? code : curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->curl_text);
    code = code ? code : curl_easy_setopt(e, CURLOPT_PRIVATE, r);
    return code;
}

static void forget_reply(df__http_request *r)
{
    df__buf_clear(&r->head);
    df__buf_clear(&r->body);
    r->reply.received = 0;
    r->reply.status = 0;
    r->reply.phase = DF__HTTP_CONNECTING;
    r->sendings = 0;
    r->head_ended = 0;
    r->sent = 0;
    r->sent_all = !r->call.send && !r->call.body.len;
    r->curl_text[0] = '\0';
}

int df__http_transfer_new(df__http_request *r)
{
    struct curl_slist *headers = r->other_origin ? r->plain : r->headers;
    CURLcode code;
    curl_easy_cleanup(r->easy);
    r->easy = curl_easy_init();
    if (!r->easy)
        return DF_ENOMEM;
    forget_reply(r);
    code = set_place(r);
    code = code ? code : set_method(r);
    code = code ? code : set_callbacks(r);
    code = code ? code : curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, headers);
    code = code ? code : df__http_tls_use(r->http, r->easy);
    if (code == CURLE_OK)
        return DF_OK;
    df__text_printf(r->http->text, sizeof r->http->text, "libcurl: %s", curl_easy_strerror(code));
    return code == CURLE_OUT_OF_MEMORY ? DF_ENOMEM : DF_ENOTSUP;
}
