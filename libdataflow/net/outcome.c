/* SPDX-License-Identifier: Apache-2.0
 * outcome.c: what the end of a transfer means for who called, and in words. */
#include <string.h>
#include <strings.h>

#include "net/net.h"
#include "util/clock.h"

static const int64_t day_us = (int64_t)24 * 3600 * 1000000;

/* `fate`: 0: by how far the request came. */
static const struct {
    CURLcode code;
    int fate;
    const char *text; /* NULL: libcurl's, which names host and port */
} outcomes[] = {
    {CURLE_URL_MALFORMAT, DF_EINVAL, "this is no URL"},
    {CURLE_UNSUPPORTED_PROTOCOL, DF_EINVAL, "only http and https can be used"},
    {CURLE_OUT_OF_MEMORY, DF_ENOMEM, "no memory"},
    {CURLE_PEER_FAILED_VERIFICATION, DF_EAUTH, NULL},
    {CURLE_SSL_CERTPROBLEM, DF_EAUTH,
     "the client certificate and its key cannot be used, or are not a pair"},
    {CURLE_SSL_CACERT_BADFILE, DF_EAUTH, NULL},
    {CURLE_SSL_CIPHER, DF_EAUTH, NULL},
    {CURLE_SSL_ISSUER_ERROR, DF_EAUTH, NULL},
    {CURLE_PARTIAL_FILE, 0, "the connection ended inside the reply"},
    {CURLE_GOT_NOTHING, 0, "the connection ended without a reply"},
    {CURLE_WEIRD_SERVER_REPLY, 0, "the reply is not HTTP"},
    {CURLE_WRITE_ERROR, 0, "the reply is not HTTP"}, /* of its head; see on_header */
    {CURLE_BAD_CONTENT_ENCODING, 0, "the reply's compression is damaged"},
    {CURLE_SEND_FAIL_REWIND, 0, "the connection ended while the request was sent"},
};

/* A request of which no byte left, or which may be applied twice, just failed. */
static int by_progress(const df__http_request *r)
{
    return r->sendings && !r->call.repeatable ? DF_EUNKNOWN : DF_EIO;
}

static void timed_out(df__http_request *r)
{
    static const char *const phases[] = {[DF__HTTP_CONNECTING] = "no connection",
                                         [DF__HTTP_SENDING] = "the request was not taken",
                                         [DF__HTTP_WAITING] = "no reply",
                                         [DF__HTTP_RECEIVING] = "the reply did not go on"};
    double seconds = (double)(df__monotonic_us() - r->begun_us) / 1e6;
    int rc = by_progress(r);
    r->reply.rc = rc == DF_EIO ? DF_ETIMEOUT : rc;
    df__http_say(r, "%s in time (given up after %.1f s)", phases[r->reply.phase], seconds);
}

static void stopped_by_us(df__http_request *r)
{
    r->reply.rc = r->failed;
    if (r->failed == DF_ETOOBIG)
        df__http_say(r, "the reply is larger than %lld bytes",
                     (long long)(r->head.failed ? (int64_t)r->head.limit : r->call.max_reply));
    else
        df__http_say(r, "%s", r->failed == DF_ECANCELED ? "cancelled" : "given up");
}

/* A server that wants a certificate says so after the handshake, when the request is on its way. */
static int is_alert(const df__http_request *r, CURLcode code)
{
    return (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
            code == CURLE_SSL_CONNECT_ERROR) &&
           !r->reply.status && strstr(r->curl_text, "alert ");
}

static void failed(df__http_request *r, CURLcode code)
{
    const char *text = r->curl_text[0] ? r->curl_text : curl_easy_strerror(code);
    char places[DF_NET_TEXT];
    if (code == CURLE_UNSUPPORTED_PROTOCOL && r->sendings) /* libcurl takes it for HTTP/0.9 */
        code = CURLE_WEIRD_SERVER_REPLY;
    r->reply.rc = is_alert(r, code) ? DF_EAUTH : by_progress(r);
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        if (outcomes[i].code != code)
            continue;
        r->reply.rc = outcomes[i].fate ? outcomes[i].fate : r->reply.rc;
        text = outcomes[i].text ? outcomes[i].text : text;
        break;
    }
    if (code == CURLE_SSL_CACERT_BADFILE && !r->http->pem[DF__PEM_CA].path &&
        !r->http->pem[DF__PEM_CA].given.data)
        text = df__http_tls_no_bundle(places, sizeof places);
    df__http_say(r, "%s", text);
}

static void note_reply(df__http_request *r)
{
    curl_off_t seconds = 0;
    const char *encoding = df__http_header_of(r, "transfer-encoding", 0);
    long version = 0;
    curl_easy_getinfo(r->easy, CURLINFO_HTTP_VERSION, &version);
    r->reply.unframed = r->reply.status != 204 && r->reply.status != 304 &&
                        strcmp(r->method, "HEAD") != 0 && version < CURL_HTTP_VERSION_2_0 &&
                        !df__http_header_of(r, "content-length", 0) &&
                        !(encoding && !strcasecmp(encoding, "chunked"));
    if (df__http_header_of(r, "retry-after", 0) &&
        curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds >= 0)
        r->reply.retry_after_us = seconds < 86400 ? (int64_t)seconds * 1000000 : day_us;
    r->reply.body = (df_bytes){df__buf_cstr(&r->body), r->body.len};
    if (!r->reply.body.data)
        r->reply = (df__http_reply){.rc = DF_ENOMEM, .body = {"", 0}, .text = "no memory"};
}

/* The next sending of a redirected request. DF_OK: under way. */
static int go_on(df__http_request *r)
{
    int rc = df__http_redirect(r, df__http_header_of(r, "location", 0));
    if (rc != DF_OK)
        return rc;
    rc = df__http_transfer_new(r);
    return rc == DF_OK ? df__http_run(r) : rc;
}

void df__http_outcome(df__http_request *r, CURLcode code)
{
    if (code == CURLE_OK && !r->head_ended) /* libcurl takes an end inside the head for the whole */
        code = CURLE_PARTIAL_FILE;
    if (code == CURLE_OK && r->failed == DF_OK && df__http_is_redirect(r)) {
        r->reply.rc = go_on(r);
        if (r->reply.rc == DF_OK)
            return;
    } else if (r->failed != DF_OK) {
        stopped_by_us(r);
    } else if (code == CURLE_OK) {
        r->reply.rc = DF_OK;
        r->reply.text = "";
    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        timed_out(r);
    } else if (code == CURLE_ABORTED_BY_CALLBACK) {
        r->reply.rc = DF_EUNKNOWN;
        df__http_say(r, "the connection ended while the request was sent");
    } else {
        failed(r, code);
    }
    note_reply(r);
    r->done = 1;
}

int64_t df__http_deadline(const df__http_request *r)
{
    int64_t at = r->call.total_us < 0 ? -1 : r->begun_us + r->call.total_us;
    int64_t limit = r->reply.phase == DF__HTTP_WAITING ? r->call.first_us : r->call.idle_us;
    if (r->reply.phase == DF__HTTP_CONNECTING || r->send_waits || r->receive_waits || limit < 0)
        return at;
    limit += r->active_us;
    return at < 0 || limit < at ? limit : at;
}
