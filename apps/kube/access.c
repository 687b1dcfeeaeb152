/* SPDX-License-Identifier: Apache-2.0
 * access.c: see access.h. */
#include "kube/access.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "util/codec.h"

enum { MAX_FILES = 32 };

#define POD_FOLDER "/var/run/secrets/kubernetes.io/serviceaccount"

typedef struct files {
    yyjson_doc *docs[MAX_FILES];
    char *paths[MAX_FILES];
    size_t count;
    char *err;
} files;

static int fail(char *err, int rc, const char *what, const char *why)
{
    snprintf(err, KUBE_TEXT, "%s: %s", what, why);
    return rc;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int read_file(const char *path, df__buf *to)
{
    FILE *f = fopen(path, "re");
    size_t n;
    if (!f)
        return errno == ENOENT ? DF_ENOTFOUND : DF_EIO;
    do {
        char *room = df__buf_reserve(to, 65536);
        n = room ? fread(room, 1, 65536, f) : 0;
        to->len += n;
    } while (n);
    n = (size_t)ferror(f);
    fclose(f);
    return n ? DF_EIO : df__buf_cstr(to) ? DF_OK : DF_ENOMEM;
}

static int add_file(files *fs, const char *path)
{
    char why[KUBE_TEXT / 2] = "";
    df__buf text;
    int rc;
    if (fs->count == MAX_FILES)
        return fail(fs->err, DF_EINVAL, path, "more than 32 kubeconfig files");
    df__buf_init(&text, &df__heap_libc);
    rc = read_file(path, &text);
    if (rc == DF_EIO)
        fail(fs->err, rc, path, strerror(errno));
    if (rc == DF_OK) {
        fs->docs[fs->count] = app_yaml_read(text.data, text.len, why, sizeof why);
        fs->paths[fs->count] = strdup(path);
        rc = fs->docs[fs->count] && fs->paths[fs->count] ? DF_OK : DF_EINVAL;
        fs->count++;
        if (rc != DF_OK)
            fail(fs->err, rc, path, why[0] ? why : "no memory");
    }
    df__buf_wipe(&text);
    return rc;
}

/* A file of the list that is not there is left out, as kubectl does. */
static int read_list(files *fs, const char *list)
{
    char *copy = strdup(list), *save = NULL;
    int rc = copy ? DF_OK : DF_ENOMEM;
    for (char *p = copy ? strtok_r(copy, ":", &save) : NULL; p && rc == DF_OK;
         p = strtok_r(NULL, ":", &save)) {
        rc = add_file(fs, p);
        rc = rc == DF_ENOTFOUND ? DF_OK : rc;
    }
    free(copy);
    if (rc == DF_OK && !fs->count)
        rc = fail(fs->err, DF_ENOTFOUND, list, "there is no such kubeconfig file");
    return rc;
}

static int read_files(files *fs, const char *list)
{
    char path[1024];
    const char *home = getenv("HOME");
    if (!list || !*list)
        list = getenv("KUBECONFIG");
    if (list && *list)
        return read_list(fs, list);
    if (!home)
        return fail(fs->err, DF_ENOTFOUND, "kubeconfig", "HOME is not set; name a file");
    snprintf(path, sizeof path, "%s/.kube/config", home);
    return read_list(fs, path);
}

static void free_files(files *fs)
{
    for (size_t i = 0; i < fs->count; i++) {
        yyjson_doc_free(fs->docs[i]);
        free(fs->paths[i]);
    }
}

/* ---- finding --------------------------------------------------------------------------------- */

/* {list: [{name: x, <inner>: {…}}]}: the first file that has the name; *ret_file is its place. */
static yyjson_val *find(const files *fs, const char *list, const char *inner, const char *name,
                        size_t *ret_file)
{
    for (size_t i = 0; i < fs->count; i++) {
        yyjson_val *rows = yyjson_obj_get(yyjson_doc_get_root(fs->docs[i]), list), *row;
        size_t at, max;
        yyjson_arr_foreach (rows, at, max, row) {
            if (strcmp(app_json_text(row, "name"), name) != 0)
                continue;
            *ret_file = i;
            return yyjson_obj_get(row, inner);
        }
    }
    return NULL;
}

static const char *current(const files *fs)
{
    for (size_t i = 0; i < fs->count; i++) {
        const char *name = app_json_text(yyjson_doc_get_root(fs->docs[i]), "current-context");
        if (*name)
            return name;
    }
    return "";
}

/* ---- taking ---------------------------------------------------------------------------------- */

static int take(yyjson_val *from, const char *name, char **to)
{
    const char *text = app_json_text(from, name);
    if (!*text)
        return DF_OK;
    *to = strdup(text);
    return *to ? DF_OK : DF_ENOMEM;
}

/* A path counts from the folder of its kubeconfig file. */
static int take_path(const files *fs, size_t file, yyjson_val *from, const char *name, char **to)
{
    const char *text = app_json_text(from, name), *slash = strrchr(fs->paths[file], '/');
    if (!*text)
        return DF_OK;
    if (*text == '/' || !slash)
        return take(from, name, to);
    return asprintf(to, "%.*s/%s", (int)(slash - fs->paths[file]), fs->paths[file], text) < 0
               ? DF_ENOMEM
               : DF_OK;
}

static int take_data(const files *fs, yyjson_val *from, const char *name, df_bytes *to)
{
    const char *text = app_json_text(from, name);
    df__buf data;
    if (!*text)
        return DF_OK;
    df__buf_init(&data, &df__heap_libc);
    if (df__base64_read(&data, text, strlen(text)) || !data.len) {
        df__buf_free(&data);
        return fail(fs->err, DF_EINVAL, name, "is no base64 text");
    }
    *to = (df_bytes){data.data, data.len};
    return data.failed ? DF_ENOMEM : DF_OK;
}

static int take_cluster(const files *fs, const char *name, kube_access *a)
{
    size_t file = 0;
    yyjson_val *c = find(fs, "clusters", "cluster", name, &file);
    int rc;
    if (!c)
        return fail(fs->err, DF_EINVAL, name, "the kubeconfig has no such cluster");
    if (*app_json_text(c, "tls-server-name"))
        return fail(fs->err, DF_ENOTSUP, name,
                    "tls-server-name is not supported; name the server as its certificate does");
    a->insecure = app_json_true(c, "insecure-skip-tls-verify");
    rc = take(c, "server", &a->server);
    rc = rc ? rc : take(c, "proxy-url", &a->proxy);
    rc = rc ? rc : take_path(fs, file, c, "certificate-authority", &a->ca_file);
    rc = rc ? rc : take_data(fs, c, "certificate-authority-data", &a->ca);
    if (rc == DF_OK && !a->server)
        return fail(fs->err, DF_EINVAL, name, "the cluster has no server");
    for (size_t len = a->server ? strlen(a->server) : 0; len && a->server[len - 1] == '/'; len--)
        a->server[len - 1] = '\0';
    return rc;
}

static int take_user(const files *fs, const char *name, kube_access *a)
{
    size_t file = 0;
    yyjson_val *u = find(fs, "users", "user", name, &file);
    int rc;
    if (!u)
        return fail(fs->err, DF_EINVAL, name, "the kubeconfig has no such user");
    if (yyjson_obj_get(u, "exec") || yyjson_obj_get(u, "auth-provider"))
        return fail(
            fs->err, DF_ENOTSUP, name,
            "this user logs in by a program (exec or auth-provider), which is not supported; "
            "use a token or a client certificate, such as those of a ServiceAccount");
    if (yyjson_obj_get(u, "as"))
        return fail(fs->err, DF_ENOTSUP, name, "impersonation (as) is not supported");
    rc = take(u, "token", &a->token);
    rc = rc ? rc : take_path(fs, file, u, "tokenFile", &a->token_file);
    rc = rc ? rc : take(u, "username", &a->user);
    rc = rc ? rc : take(u, "password", &a->password);
    rc = rc ? rc : take_path(fs, file, u, "client-certificate", &a->cert_file);
    rc = rc ? rc : take_path(fs, file, u, "client-key", &a->key_file);
    rc = rc ? rc : take_data(fs, u, "client-certificate-data", &a->cert);
    return rc ? rc : take_data(fs, u, "client-key-data", &a->key);
}

static int take_context(const files *fs, const char *name, kube_access *a)
{
    size_t file = 0;
    yyjson_val *c;
    int rc;
    if (!*name)
        return fail(fs->err, DF_EINVAL, fs->paths[0],
                    "no context is chosen: set current-context, or name one");
    c = find(fs, "contexts", "context", name, &file);
    if (!c)
        return fail(fs->err, DF_EINVAL, name, "the kubeconfig has no such context");
    a->context = strdup(name);
    rc = a->context ? take(c, "namespace", &a->namespace_) : DF_ENOMEM;
    rc = rc ? rc : take_cluster(fs, app_json_text(c, "cluster"), a);
    return rc ? rc : take_user(fs, app_json_text(c, "user"), a);
}

static int complete(kube_access *a, int rc, char *err)
{
    if (rc == DF_OK && !a->namespace_ && !(a->namespace_ = strdup("default")))
        rc = DF_ENOMEM;
    if (rc == DF_ENOMEM)
        snprintf(err, KUBE_TEXT, "no memory");
    if (rc != DF_OK)
        kube_access_free(a);
    return rc;
}

int kube_access_from_files(const char *list, const char *context, kube_access *ret, char *err)
{
    files fs = {.err = err};
    int rc;
    memset(ret, 0, sizeof *ret);
    rc = read_files(&fs, list);
    if (rc == DF_OK)
        rc = take_context(&fs, context && *context ? context : current(&fs), ret);
    free_files(&fs);
    return complete(ret, rc, err);
}

/* From the environment and the folder of a pod. DF_ENOTFOUND: this is no pod. */
static int access_in_pod(kube_access *ret, char *err)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
    df__buf space;
    int rc = DF_OK;
    memset(ret, 0, sizeof *ret);
    if (!host || !*host || !port || !*port || access(POD_FOLDER "/token", R_OK))
        return fail(err, DF_ENOTFOUND, "this is no pod",
                    "no service account and no address of an API server");
    df__buf_init(&space, &df__heap_libc);
    if (read_file(POD_FOLDER "/namespace", &space) == DF_OK && space.len)
        ret->namespace_ = strdup(space.data);
    df__buf_free(&space);
    ret->ca_file = strdup(POD_FOLDER "/ca.crt");
    ret->token_file = strdup(POD_FOLDER "/token");
    if (asprintf(&ret->server, strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host,
                 port) < 0)
        ret->server = NULL;
    if (!ret->server || !ret->ca_file || !ret->token_file)
        rc = DF_ENOMEM;
    return complete(ret, rc, err);
}

int kube_access_find(const char *list, const char *context, kube_access *ret, char *err)
{
    if (list || context || getenv("KUBECONFIG") || access_in_pod(ret, err) == DF_ENOTFOUND)
        return kube_access_from_files(list, context, ret, err);
    return ret->server ? DF_OK : DF_ENOMEM;
}

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void kube_access_free(kube_access *a)
{
    if (a->key.data)
        explicit_bzero((void *)(uintptr_t)a->key.data, a->key.len);
    free((void *)(uintptr_t)a->ca.data);
    free((void *)(uintptr_t)a->cert.data);
    free((void *)(uintptr_t)a->key.data);
    wipe(a->token);
    wipe(a->password);
    free(a->user);
    free(a->server);
    free(a->namespace_);
    free(a->context);
    free(a->ca_file);
    free(a->cert_file);
    free(a->key_file);
    free(a->token_file);
    free(a->proxy);
    memset(a, 0, sizeof *a);
}
