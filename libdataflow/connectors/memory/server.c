/* SPDX-License-Identifier: Apache-2.0
 * server.c: the systems in memory and the table that finds them by name; see memory.h. */
#include <stdlib.h>
#include <string.h>

#include "connectors/memory/memory.h"

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static df__memory *table;

static void set_name(char *to, size_t cap, const char *name)
{
    size_t len = strnlen(name, cap - 1);
    memcpy(to, name, len);
    to[len] = '\0';
}

static df__memory *make(const char *name)
{
    df__memory *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    set_name(m->name, sizeof m->name, name);
    pthread_mutex_init(&m->lock, NULL);
    m->next = table;
    table = m;
    return m;
}

df__memory *df__memory_hold(const char *name)
{
    df__memory *m;
    pthread_mutex_lock(&table_lock);
    for (m = table; m && strncmp(m->name, name, sizeof m->name - 1) != 0; m = m->next)
        ;
    if (!m)
        m = make(name);
    if (m)
        m->refs++;
    pthread_mutex_unlock(&table_lock);
    return m;
}

static void free_rows(df__memory_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->at[i]);
    free(rows->at);
}

void df__memory_release(df__memory *m)
{
    df__memory **at = &table;
    if (!m)
        return;
    pthread_mutex_lock(&table_lock);
    if (--m->refs > 0)
        m = NULL;
    while (m && *at != m)
        at = &(*at)->next;
    if (m)
        *at = m->next;
    pthread_mutex_unlock(&table_lock);
    if (!m)
        return;
    free_rows(&m->in);
    free_rows(&m->out);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static void *put(char **at, const void *data, size_t len)
{
    void *copy = *at;
    if (len)
        memcpy(copy, data, len);
    *at += len;
    return copy;
}

/* A row in one piece of memory. NULL: no memory. */
static df__memory_row *copy_row(const df__memory_row *row)
{
    size_t size = sizeof *row + row->header_count * sizeof *row->headers;
    df__memory_row *copy;
    char *at;
    for (size_t i = 0; i < row->header_count; i++)
        size += strlen(row->headers[i].name) + 1 + row->headers[i].value.len;
    copy = malloc(size + row->payload.len + row->key.len);
    if (!copy)
        return NULL;
    *copy = *row;
    copy->headers = (df_header *)(void *)(copy + 1);
    at = (char *)(copy->headers + row->header_count);
    for (size_t i = 0; i < row->header_count; i++) {
        const df_header *h = &row->headers[i];
        copy->headers[i].name = put(&at, h->name, strlen(h->name) + 1);
        copy->headers[i].value.len = h->value.len;
        copy->headers[i].value.data = h->value.data ? put(&at, h->value.data, h->value.len) : NULL;
    }
    if (row->payload.data)
        copy->payload.data = put(&at, row->payload.data, row->payload.len);
    if (row->key.data)
        copy->key.data = put(&at, row->key.data, row->key.len);
    return copy;
}

int df__memory_add(df__memory_rows *rows, const df__memory_row *row)
{
    df__memory_row *copy;
    if (rows->count == rows->cap) {
        size_t cap = rows->cap ? rows->cap * 2 : 256;
        df__memory_row **grown = realloc(rows->at, cap * sizeof *grown);
        if (!grown)
            return DF_ENOMEM;
        rows->at = grown;
        rows->cap = cap;
    }
    copy = copy_row(row);
    if (!copy)
        return DF_ENOMEM;
    rows->at[rows->count++] = copy;
    return DF_OK;
}

int df__memory_feed(df__memory *m, const df_input *row)
{
    df_header none;
    df__memory_row copy = {.payload = row->payload,
                           .key = row->key,
                           .partition = row->partition,
                           .headers = &none,
                           .header_count = row->header_count,
                           .time_us = row->time_us,
                           .op = row->op};
    int rc = DF_ENOMEM;
    if (row->header_count) {
        copy.headers = malloc(row->header_count * sizeof *copy.headers);
        if (!copy.headers)
            return rc;
        memcpy(copy.headers, row->headers, row->header_count * sizeof *copy.headers);
    }
    pthread_mutex_lock(&m->lock);
    if (!m->ended)
        rc = df__memory_add(&m->in, &copy);
    pthread_mutex_unlock(&m->lock);
    if (row->header_count)
        free(copy.headers);
    return rc;
}

void df__memory_end(df__memory *m)
{
    pthread_mutex_lock(&m->lock);
    m->ended = 1;
    pthread_mutex_unlock(&m->lock);
}

size_t df__memory_count(df__memory *m)
{
    size_t n;
    pthread_mutex_lock(&m->lock);
    n = m->out.count;
    pthread_mutex_unlock(&m->lock);
    return n;
}

void df__memory_speak(df__memory *m, const df__memory_types *types)
{
    pthread_mutex_lock(&m->lock);
    m->types = *types;
    pthread_mutex_unlock(&m->lock);
}

void df__memory_fail(df__memory *m, const df__memory_fault *fault)
{
    pthread_mutex_lock(&m->lock);
    m->fault = *fault;
    pthread_mutex_unlock(&m->lock);
}

df__memory_position *df__memory_position_of(df__memory *m, const char *name)
{
    df__memory_position *p;
    for (size_t i = 0; i < m->position_count; i++)
        if (strncmp(m->position[i].name, name, sizeof m->position[i].name - 1) == 0)
            return &m->position[i];
    if (m->position_count == DF__MEMORY_PARTITIONS)
        return NULL;
    p = &m->position[m->position_count++];
    set_name(p->name, sizeof p->name, name);
    return p;
}

void df__memory_fence(df__memory *m, const char *partition)
{
    df__memory_position *p;
    pthread_mutex_lock(&m->lock);
    p = df__memory_position_of(m, partition);
    if (p)
        p->epoch++;
    pthread_mutex_unlock(&m->lock);
}
