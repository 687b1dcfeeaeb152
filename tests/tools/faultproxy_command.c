/* SPDX-License-Identifier: Apache-2.0
 * faultproxy_command.c: the commands of the control socket.
 */
#include "faultproxy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void pass(proxy_faults *f)
{
    memset(f->hold, 0, sizeof f->hold);
    memset(f->delay_ms, 0, sizeof f->delay_ms);
    f->refuse = 0;
    f->loss = 0;
    f->rate = f->forget_ms = 0;
    f->pattern_len = 0;
}

/* hex:6300000004, or the text itself */
static int read_pattern(proxy_faults *f, const char *text)
{
    f->pattern_len = 0;
    if (strncmp(text, "hex:", 4) != 0) {
        f->pattern_len = strnlen(text, PROXY_PATTERN);
        memcpy(f->pattern, text, f->pattern_len);
        return f->pattern_len > 0;
    }
    for (text += 4; text[0] != '\0' && text[1] != '\0'; text += 2) {
        char digits[3] = {text[0], text[1], '\0'}, *end;
        unsigned long byte = strtoul(digits, &end, 16);
        if (*end != '\0' || f->pattern_len == PROXY_PATTERN)
            return 0;
        f->pattern[f->pattern_len++] = (unsigned char)byte;
    }
    return f->pattern_len > 0;
}

/* cut-at before|after|answer PATTERN SKIP once|always */
static int cut_at(proxy_faults *f, char *words)
{
    static const char *const whens[] = {"before", "after", "answer"};
    char *when = strsep(&words, " "), *pattern = strsep(&words, " "), *skip = strsep(&words, " ");
    f->when = -1;
    for (int i = 0; i < 3; i++)
        if (when != NULL && strcmp(when, whens[i]) == 0)
            f->when = i;
    if (f->when < 0 || pattern == NULL || !read_pattern(f, pattern))
        return 0;
    f->skip = skip != NULL ? strtoll(skip, NULL, 10) : 0;
    f->every = words != NULL && strcmp(words, "always") == 0;
    f->seen = f->cuts = 0;
    return 1;
}

static void number(const char *text, int64_t *ret)
{
    *ret = text != NULL ? strtoll(text, NULL, 10) : 0;
}

static int set_fault(proxy_faults *f, const char *name, char *words)
{
    if (strcmp(name, "blackhole") == 0) {
        f->hold[PROXY_UP] = words == NULL || strcmp(words, "down") != 0;
        f->hold[PROXY_DOWN] = words == NULL || strcmp(words, "up") != 0;
    } else if (strcmp(name, "refuse") == 0) {
        f->refuse = 1;
    } else if (strcmp(name, "delay") == 0) {
        number(words, &f->delay_ms[PROXY_UP]);
        f->delay_ms[PROXY_DOWN] = f->delay_ms[PROXY_UP];
    } else if (strcmp(name, "loss") == 0) {
        f->loss = words != NULL ? strtod(words, NULL) : 1;
    } else if (strcmp(name, "rate") == 0) {
        number(words, &f->rate);
    } else if (strcmp(name, "forget") == 0) {
        number(words, &f->forget_ms);
    } else if (strcmp(name, "cut-at") == 0) {
        return cut_at(f, words);
    } else {
        return 0;
    }
    return 1;
}

void proxy_command(proxy_faults *f, char *line, char *reply, size_t cap, int *cut)
{
    char *words = line;
    const char *name = strsep(&words, " ");
    (void)snprintf(reply, cap, "ok\n");
    if (strcmp(name, "pass") == 0) {
        pass(f);
    } else if (strcmp(name, "cut") == 0) {
        *cut = 1;
    } else if (strcmp(name, "down") == 0) {
        *cut = f->refuse = 1;
    } else if (strcmp(name, "stat") == 0) {
        (void)snprintf(reply, cap,
                       "accepted %" PRIu64 " up %" PRIu64 " down %" PRIu64 " seen %" PRIu64
                       " forgotten %" PRIu64 " cuts %" PRIu64 "\n",
                       f->accepted, f->bytes[PROXY_UP], f->bytes[PROXY_DOWN], f->seen, f->forgotten,
                       f->cuts);
    } else if (!set_fault(f, name, words)) {
        (void)snprintf(reply, cap, "unknown command: %s\n", name);
    }
}
