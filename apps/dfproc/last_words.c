/* SPDX-License-Identifier: Apache-2.0
 * last_words.c: why a pod's run ended, for the file that the kubelet shows as the container's
 * message. Without it the kubelet takes the end of the log, which a long line does not fit in. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dfproc/run.h"

/* The kubelet takes 4096 bytes. */
enum { MOST = 4000 };

/* The result of the run; of one that did not begin, the last thing that was wrong. In one line: who
 * shows it takes the last one. */
static size_t read_reason(dfproc_job *job, char ret[MOST + 1])
{
    static const char lost[] = "the Lease is lost: another pod may read now";
    if (dfproc_cluster_lost(job))
        df__text_set(ret, MOST + 1, lost, sizeof lost - 1);
    else if (job->result[0])
        df__text_set(ret, MOST + 1, job->result, strlen(job->result));
    else
        app_console_failure(&job->flow.console, ret, MOST + 1);
    for (char *at = ret; (at = strpbrk(at, "\r\n")) != NULL;)
        *at = ' ';
    return strlen(ret);
}

void dfproc_last_words(dfproc_job *job, const char *path)
{
    char line[MOST + 1];
    size_t len = read_reason(job, line);
    int fd = open(path ? path : "/dev/termination-log",
                  O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (path ? O_CREAT : 0), 0644);
    struct stat st;
    if (fd < 0)
        return;
    /* What cannot be written is in the log all the same. */
    if (len && !fstat(fd, &st) && S_ISREG(st.st_mode) && !ftruncate(fd, 0) &&
        write(fd, line, len) < 0)
        app_console_log(&job->flow.console, DF_LOG_WARN, "the termination log cannot be written");
    close(fd);
}
