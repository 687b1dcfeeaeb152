/* SPDX-License-Identifier: Apache-2.0
 * access.h: how a cluster is reached: from kubeconfig files, as kubectl reads them, or from inside
 * a pod. Files are named, not read: the client reads certificates and tokens when it needs them,
 * and again when they change.
 *
 * Sources: kubernetes.io "Organizing Cluster Access Using kubeconfig Files" (the first file that
 * sets a name or the current context wins; relative paths count from their file) and "Accessing the
 * Kubernetes API from a Pod". */
#ifndef APP_KUBE_ACCESS_H
#define APP_KUBE_ACCESS_H

#include "net/http.h"

typedef struct kube_access {
    char *server;     /* URL without a slash at its end */
    char *namespace_; /* of the context or the pod; "default" when there is none */
    char *context;    /* its name; NULL inside a pod */
    char *ca_file, *cert_file, *key_file, *token_file, *proxy;
    df_bytes ca, cert, key; /* PEM from -data fields; win over the files, as in kubectl */
    char *token;            /* wins over the file when both are there, as in kubectl */
    char *user, *password;  /* basic auth of a proxy in front of the API server */
    int insecure;
} kube_access;

enum { KUBE_TEXT = 512 };

/* Reads the files of a list with colons (NULL: $KUBECONFIG, else ~/.kube/config) and takes a
 * context (NULL: the current one). DF_OK; DF_ENOTFOUND: no file of the list is there; DF_EINVAL,
 * DF_ENOTSUP (a plug-in is asked for), DF_EIO, DF_ENOMEM. With the text in `err`. */
int kube_access_from_files(const char *files, const char *context, kube_access *ret, char *err);
/* Files when they are named or when this is no pod; else the environment and the folder of the pod.
 */
int kube_access_find(const char *files, const char *context, kube_access *ret, char *err);
/* Wipes and frees; a zeroed one is fine. */
void kube_access_free(kube_access *a);

#endif
