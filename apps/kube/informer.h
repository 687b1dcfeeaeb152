/* SPDX-License-Identifier: Apache-2.0
 * informer.h: a copy of the objects of one kind, kept up to date: a list, then a watch, again and
 * again. Level-triggered: `changed` names a key, and whoever hears it looks at what is there now.
 *
 * - The first list comes as a stream of events where the server offers that (`sendInitialEvents`),
 *   else in pages of 500: memory does not hold a second copy of everything.
 * - What comes is never older than what is there: an object's resourceVersion grows with each write
 *   (a number since Kubernetes 1.35, KEP-5504, and before).
 * - Bookmarks move the version on; 410, as a status or as an event, means a new list. Objects that
 * a new list lacks are told as changed; one with another uid was deleted and made again.
 * - A watch ends after 100 to 200 s and goes on from the last version: one whose connection died
 *   without a word is given up 10 s later, and what was missed is read. What ends at once without
 *   an event, and what fails, waits: 0.8 s doubling to 30 s, a random part of it; 429 waits as long
 *   as the server says.
 *
 * Sources: Kubernetes API Concepts ("Efficient detection of changes", "Streaming lists"). */
#ifndef APP_KUBE_INFORMER_H
#define APP_KUBE_INFORMER_H

#include "kube/client.h"
#include "kube/objects.h"

typedef struct kube_informer kube_informer;

typedef struct kube_watched {
    const char *path;     /* "/apis/apps/v1/deployments", or below a namespace */
    const char *selector; /* "labelSelector=a%3Db", escaped; NULL: all */
    /* Takes out of an object what need not be kept; may be NULL. metadata.managedFields goes
     * always. */
    void (*trim)(json_object *object);
    /* After the copy changed. `object` is NULL when it is gone. */
    void (*changed)(void *user, const char *key, const kube_object *object);
    /* Before an object that is gone leaves the copy. NULL: no interest. */
    void (*leaving)(void *user, const kube_object *last);
    /* The first list is whole: what is not there does not exist. NULL: no interest. */
    void (*synced)(void *user);
    /* A failure that waits; the text of the reply. NULL: no interest. */
    void (*trouble)(void *user, const char *text);
    void *user;
} kube_watched;

/* Starts at the loop's next step. NULL: no memory. Texts are copied. */
kube_informer *kube_informer_new(kube_client *c, const kube_watched *what);
void kube_informer_free(kube_informer *i);
/* Takes in what the server answered to a write of our own, so that nobody acts on an older copy; a
 * watch or a list that is behind does not undo it. An answer that comes after the watch has told of
 * the object's end is dropped. Tells `changed`. DF_OK; DF_EDATA: it is no object. */
int kube_informer_learn(kube_informer *i, json_object *object);
const kube_objects *kube_informer_objects(const kube_informer *i);
/* For /metrics and tests. */
typedef struct kube_informer_stats {
    uint64_t lists, watches, events, failures;
    int64_t heard_us; /* by the loop's clock: the last event, bookmark or regular end of a watch; 0:
                         none yet */
} kube_informer_stats;
kube_informer_stats kube_informer_stats_of(const kube_informer *i);

#endif
