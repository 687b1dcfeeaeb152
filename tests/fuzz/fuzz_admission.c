/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as an AdmissionReview, and as the spec of one: the answer is a review that allows or
 * denies with a reason, or a line that says why there is none. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "dfoperator/webhook/admission.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static void ask(const void *text, size_t len)
{
    df__buf reply;
    char err[200];
    int allowed = 0, rc;
    df__buf_init(&reply, &df__heap_libc);
    rc = op_admit((df_bytes){text, len}, &reply, &allowed);
    must(rc == DF_OK || rc == DF_EINVAL);
    must(reply.len > 0);
    if (rc == DF_OK) {
        yyjson_doc *doc = app_json_read(reply.data, reply.len, err, sizeof err);
        yyjson_val *response = yyjson_obj_get(yyjson_doc_get_root(doc), "response");
        must(response && app_json_true(response, "allowed") == allowed);
        must(allowed || *app_json_text(yyjson_obj_get(response, "status"), "message"));
        yyjson_doc_free(doc);
    }
    df__buf_free(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    df__buf review;
    ask(data, size);
    df__buf_init(&review, &df__heap_libc);
    df__buf_str(&review, "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\","
                         "\"request\":{\"uid\":\"u\",\"kind\":{\"kind\":\"DataFlowCron\"},"
                         "\"operation\":\"UPDATE\",\"object\":{\"spec\":");
    df__buf_add(&review, data, size);
    df__buf_str(&review, "}}}");
    ask(review.data, review.len);
    df__buf_free(&review);
    return 0;
}
