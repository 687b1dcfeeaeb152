/* SPDX-License-Identifier: Apache-2.0
 * documents.h: a file of several YAML documents, as people keep them for kubectl: what each one
 * is, and the values of its Secrets. */
#ifndef APP_DOCUMENTS_H
#define APP_DOCUMENTS_H

#include "util/buf.h"

typedef struct app_document {
    size_t begin, end; /* bytes of the file; with the line of "---" */
    int line;          /* of its first byte, from 1 */
    /* Texts of the document; "": missing, or it cannot be read */
    char kind[64], name[254], space[64];
    int is_flow; /* a DataFlow or DataFlowCron, no object of Kubernetes at all, or not readable */
} app_document;

typedef struct app_documents {
    app_document *rows; /* without empty ones */
    size_t count, cap;
} app_documents;

/* 0, or -1: out of memory. */
int app_documents_read(app_documents *d, const char *text, size_t len);
void app_documents_free(app_documents *d);
/* Adds the value of a key of the Secret `d` of that text. NULL, or why there is none. */
const char *app_document_secret(const char *text, const app_document *d, const char *key,
                                df__buf *out);

#endif
