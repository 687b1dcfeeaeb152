/* SPDX-License-Identifier: Apache-2.0
 * module.c: shared objects with connectors and transforms. They export one datum,
 * df_plugin_entry, so that the version is checked before any of their code runs. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/registry/elf.h"
#include "core/registry/env.h"
#include "util/buf.h"

#ifndef DF_MODULE_DIR
#define DF_MODULE_DIR "/usr/lib/libdataflow"
#endif
#ifdef DF_MODULE_DIR_BUILD
static const char built_path[] = DF_MODULE_DIR_BUILD ":" DF_MODULE_DIR;
#else
static const char built_path[] = DF_MODULE_DIR;
#endif

enum { PATH = 1024 };

/* Beside the library first, wherever it was moved to: a wheel, another prefix. Where it is part of
 * a program there is no such folder. */
static void default_path(char *ret, size_t len)
{
    Dl_info info;
    const char *slash =
        dladdr(built_path, &info) && info.dli_fname ? strrchr(info.dli_fname, '/') : NULL;
    int folder = slash ? (int)(slash - info.dli_fname) : 0;
    df__text_printf(ret, len, "%.*s/libdataflow", folder, slash ? info.dli_fname : "");
    if (!slash || !strcmp(ret, DF_MODULE_DIR) || strchr(ret, ':'))
        df__text_printf(ret, len, "%s", built_path);
    else
        df__text_printf(ret, len, "%.*s/libdataflow:%s", folder, info.dli_fname, built_path);
}

/* A package of another version came while the process ran, or a plug-in is older than its library's
 * API. */
static int refuse_version(df_env *env, const char *path, int version)
{
    return df__env_fail(
        env, DF_ENOTSUP, "%s was built for version %d.%d.%d and this process runs %d.%d.%d: %s",
        path, version / 10000, version / 100 % 100, version % 100, DF_VERSION / 10000,
        DF_VERSION / 100 % 100, DF_VERSION % 100,
        version > DF_VERSION ? "restart it with the newer library" : "build it for this version");
}

/* Versions with one ABI: the same first number, and before 1.0 the same second one too. */
static int has_our_abi(int version)
{
    int major = DF_VERSION / 10000;
    return version / 10000 == major && (major > 0 || version / 100 == DF_VERSION / 100);
}

/* What the file says of itself, before a constructor of it can run. */
static int check_file(df_env *env, const char *path)
{
    df_plugin seen;
    const size_t init_end = offsetof(df_plugin, init) + sizeof seen.init; /* all it must have */
    int rc = df__elf_datum(path, "df_plugin_entry", &seen, offsetof(df_plugin, init));
    if (rc == DF_ENOTFOUND)
        return df__env_fail(env, rc, "cannot open plug-in %s: %s", path, strerror(errno));
    if (rc == DF_EINVAL)
        return df__env_fail(env, DF_ENOTFOUND,
                            "cannot open plug-in %s: no shared object for this "
                            "machine",
                            path);
    if (rc != DF_OK || seen.size < init_end)
        return df__env_fail(env, DF_ENOTSUP, "%s exports no df_plugin_entry", path);
    if (!has_our_abi(seen.version) || seen.version > DF_VERSION)
        return refuse_version(env, path, seen.version);
    return DF_OK;
}

/* A plug-in takes our functions from what is open already: a shared library, or a program that
 * shows them. */
static int refuse_opening(df_env *env, const char *path, const char *why)
{
    int hidden = strstr(why, "undefined symbol: df_") != NULL;
    return df__env_fail(env, hidden ? DF_ENOTSUP : DF_ENOTFOUND, "cannot open plug-in %s: %s%s",
                        path, why,
                        hidden ? "; this program has libdataflow inside and does not show it: link "
                                 "it with --whole-archive and -rdynamic, or with the shared library"
                               : "");
}

int df_env_load_plugin(df_env *env, const char *path)
{
    const df_plugin *entry;
    char place[4096];
    void *object;
    int rc;
    if (!env || !path)
        return env ? df__env_fail(env, DF_EINVAL, "no plug-in to open") : DF_EINVAL;
    rc = check_file(env, path);
    if (rc != DF_OK)
        return rc;
    /* A bare name is a file here: the loader would look for it where libraries are installed. */
    df__text_printf(place, sizeof place, "%s%s", strchr(path, '/') ? "" : "./", path);
    object = dlopen(place, RTLD_NOW | RTLD_LOCAL);
    if (!object)
        return refuse_opening(env, path, dlerror());
    entry = dlsym(object, "df_plugin_entry");
    if (!entry || !entry->init) {
        dlclose(object);
        return df__env_fail(env, DF_ENOTSUP, "%s exports no df_plugin_entry", path);
    }
    env->error[0] = '\0'; /* what stands there later is of this one */
    rc = entry->init(env);
    if (rc < 0 && !env->error[0])
        df__env_fail(env, rc, "%s: init failed: %s", path, df_status_text(rc));
    return rc;
}

static int is_module(const char *name)
{
    size_t n = strlen(name);
    return n > 3 && name[0] != '.' && strcmp(name + n - 3, ".so") == 0;
}

static void open_one(df_env *env, const char *dir, const char *file, size_t name_len)
{
    char path[PATH], kind[128];
    if (name_len >= sizeof kind ||
        snprintf(path, sizeof path, "%s/%s", dir, file) >= (int)sizeof path)
        return;
    memcpy(kind, file, name_len);
    kind[name_len] = '\0';
    if (df__env_find(env, kind, 0))
        return;
    if (df_env_load_plugin(env, path) < 0) {
        df__text_printf(env->unopened, sizeof env->unopened, "%s", kind);
        df__text_printf(env->unopened_why, sizeof env->unopened_why, "%s", env->error);
        df__env_log(env, DF_LOG_WARN, env->error);
    }
}

const char *df__env_unopened(const df_env *env, const char *kind)
{
    return strcmp(env->unopened, kind) == 0 ? env->unopened_why : NULL;
}

static void open_folder(df_env *env, const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    if (!d)
        return;
    while ((e = readdir(d)))
        if (is_module(e->d_name))
            open_one(env, dir, e->d_name, strlen(e->d_name) - 3);
    closedir(d);
}

/* A kind names a file, so only plain words are looked for. */
static int is_plain(const char *kind)
{
    size_t n = strspn(kind, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return n && n < 100 && !kind[n];
}

void df__env_open_modules(df_env *env, const char *kind)
{
    char dir[PATH], path[PATH], file[128], found[2 * PATH];
    const char *at = env->module_path ? env->module_path : found;
    default_path(found, sizeof found);
    if (kind && !is_plain(kind))
        return;
    while (*at) {
        size_t n = strcspn(at, ":");
        if (n && n < sizeof dir) {
            memcpy(dir, at, n);
            dir[n] = '\0';
            snprintf(file, sizeof file, "%s.so", kind ? kind : "");
            if (!kind)
                open_folder(env, dir);
            else if (snprintf(path, sizeof path, "%s/%s", dir, file) < (int)sizeof path &&
                     access(path, R_OK) == 0)
                open_one(env, dir, file, strlen(kind));
        }
        at += n + (at[n] == ':');
    }
}
