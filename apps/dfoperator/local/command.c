/* SPDX-License-Identifier: Apache-2.0
 * command.c: see command.h. */
#include "dfoperator/local/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dfoperator/object/tree.h"
#include "util/buf.h"

/* ---- once ------------------------------------------------------------------------------------ */

/* That of the same installation, or of the same build. */
static void find_program(char *ret, size_t cap, const char *named)
{
    char own[256];
    ssize_t len = readlink("/proc/self/exe", own, sizeof own - 1);
    char *slash;
    if (named) {
        snprintf(ret, cap, "%s", named);
        return;
    }
    own[len > 0 ? len : 0] = '\0';
    slash = strrchr(own, '/');
    snprintf(ret, cap, "%.*s/dfproc", slash ? (int)(slash - own) : 0, own);
    if (access(ret, X_OK) < 0)
        snprintf(ret, cap, "dfproc");
}

/* The first file of the list that names a context decides: so one that says nothing else. */
static int name_context(op_command_base *base, const char *context, const char *files, char *err)
{
    df__buf text;
    int rc;
    df__buf_init(&text, &df__heap_libc);
    df__buf_str(&text, "{\"apiVersion\":\"v1\",\"kind\":\"Config\",\"current-context\":");
    df__buf_json(&text, context, strlen(context));
    df__buf_str(&text, "}\n");
    rc = text.failed ? -1
                     : op_place_write(base->place, "context.yaml", (df_bytes){text.data, text.len});
    df__buf_free(&text);
    if (rc)
        df__text_printf(err, 300, "a file for the context: %s", strerror(errno));
    snprintf(base->kubeconfig, sizeof base->kubeconfig, "%s/context.yaml:%s", base->place->path,
             files);
    return rc;
}

int op_command_find(op_command_base *ret, const op_place *place, const op_command_named *named,
                    char *err)
{
    const char *list = named->kubeconfig ? named->kubeconfig : getenv("KUBECONFIG"),
               *home = getenv("HOME");
    char own[400] = "";
    *ret = (op_command_base){.place = place};
    find_program(ret->dfproc, sizeof ret->dfproc, named->dfproc);
    if (home && !(list && *list))
        snprintf(own, sizeof own, "%.300s/.kube/config", home);
    if (!(list && *list))
        list = access(own, R_OK) == 0 ? own : "";
    if (named->context)
        return name_context(ret, named->context, list, err);
    if (snprintf(ret->kubeconfig, sizeof ret->kubeconfig, "%s", list) < (int)sizeof ret->kubeconfig)
        return 0;
    df__text_printf(err, 300, "the list of kubeconfig files is too long");
    return -1;
}

/* ---- for a process --------------------------------------------------------------------------- */

static void add(char **list, size_t *count, char *text, int *failed)
{
    if (text)
        list[(*count)++] = text;
    else
        *failed = 1;
}

static char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *text_of(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    int len;
    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    return len < 0 ? NULL : text;
}

/* Of another command than a run: its own arguments alone, with our places. */
static int make_other(const op_command_base *base, json_object *args, const op_command_of *of,
                      op_command *ret)
{
    static const char pod[] = "/etc/dataflow/";
    size_t given = op_count(args), count = 0;
    int failed = 0;
    ret->argv = calloc(given + 2, sizeof *ret->argv);
    if (!ret->argv)
        return -1;
    add(ret->argv, &count, text_of("%s", base->dfproc), &failed);
    for (size_t i = 0; i < given; i++) {
        const char *arg = json_object_get_string(json_object_array_get_idx(args, i)),
                   *place = strstr(arg, pod);
        add(ret->argv, &count,
            place ? text_of("%.*s%s/%s/%s", (int)(place - arg), arg, base->place->path, of->folder,
                            place + sizeof pod - 1)
                  : text_of("%s", arg),
            &failed);
    }
    return failed ? -1 : 0;
}

static int is_run(json_object *args)
{
    return !op_count(args) || json_object_get_string(json_object_array_get_idx(args, 0))[0] == '-';
}

static int make_args(const op_command_base *base, json_object *args, const op_command_of *of,
                     op_command *ret)
{
    static const char spec[] = "--spec-path=";
    size_t given = op_count(args), count = 0;
    const char *folder = base->place->path;
    int failed = 0;
    ret->argv = calloc(given + 8, sizeof *ret->argv);
    if (!ret->argv)
        return -1;
    add(ret->argv, &count, text_of("%s", base->dfproc), &failed);
    add(ret->argv, &count, text_of("%s%s/%s/spec.json", spec, folder, of->folder), &failed);
    for (size_t i = 0; i < given; i++) {
        const char *arg = json_object_get_string(json_object_array_get_idx(args, i));
        if (strncmp(arg, spec, sizeof spec - 1) != 0)
            add(ret->argv, &count, text_of("%s", arg), &failed);
    }
    add(ret->argv, &count, text_of("--secrets-dir=%s/%s/secrets", folder, of->folder), &failed);
    add(ret->argv, &count, text_of("--metrics-port=127.0.0.1:%d", of->port), &failed);
    add(ret->argv, &count, text_of("--log-format=%s", base->json ? "json" : "text"), &failed);
    if (base->kubeconfig[0])
        add(ret->argv, &count, text_of("--kubeconfig=%s", base->kubeconfig), &failed);
    return failed ? -1 : 0;
}

/* One of the first `count` has the name of `entry`, "NAME=VALUE". */
static int is_set(char **list, size_t count, const char *entry)
{
    size_t len = strcspn(entry, "=") + 1;
    for (size_t i = 0; i < count; i++)
        if (!strncmp(list[i], entry, len))
            return 1;
    return 0;
}

static int make_env(json_object *given, const op_command_of *of, op_command *ret)
{
    size_t inherited = 0, count = 0, own;
    int failed = 0;
    while (environ[inherited])
        inherited++;
    ret->env = calloc(inherited + op_count(given) + 2, sizeof *ret->env);
    if (!ret->env)
        return -1;
    add(ret->env, &count, text_of("POD_NAME=%s", of->pod), &failed);
    for (size_t i = 0; i < op_count(given); i++) {
        json_object *one = json_object_array_get_idx(given, i);
        if (op_get(one, "value"))
            add(ret->env, &count, text_of("%s=%s", op_text(one, "name"), op_text(one, "value")),
                &failed);
    }
    own = count;
    for (size_t i = 0; i < inherited; i++)
        if (!is_set(ret->env, own, environ[i]))
            add(ret->env, &count, text_of("%s", environ[i]), &failed);
    return failed ? -1 : 0;
}

int op_command_make(const op_command_base *base, json_object *template, const op_command_of *of,
                    op_command *ret)
{
    json_object *container = op_get(template, "spec.containers.0");
    json_object *args = op_get(container, "args");
    *ret = (op_command){0};
    return (is_run(args) ? make_args : make_other)(base, args, of, ret) ||
                   make_env(op_get(container, "env"), of, ret)
               ? -1
               : 0;
}

static void free_list(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

void op_command_free(op_command *command)
{
    free_list(command->argv);
    free_list(command->env);
}
