/* SPDX-License-Identifier: Apache-2.0
 * process.c: see process.h. The process is waited for on the loop's thread, which alone sends
 * signals: so its id is never somebody else's. */
#include "dfoperator/local/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/buf.h"

struct op_process {
    op_process_config config;
    pid_t pid;
    int from; /* its standard error */
    pthread_t reader;
    kube_post post;
    char last[OP_PROCESS_LINE];
};

static void on_ended(kube_post *post)
{
    op_process *p = post->user;
    int status = 0, code;
    pthread_join(p->reader, NULL);
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    p->config.ended(p->config.user, code, p->last);
    free(p);
}

static void *read_lines(void *user)
{
    op_process *p = user;
    FILE *in = fdopen(p->from, "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    siginfo_t info;
    while (in && (len = getline(&line, &cap, in)) > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if (!*line)
            continue;
        df__text_set(p->last, sizeof p->last, line, strlen(line));
        p->config.line(p->config.user, line);
    }
    free(line);
    if (in)
        fclose(in);
    while (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        continue;
    kube_loop_post(p->config.loop, &p->post);
    return NULL;
}

/* In the child, between fork and exec: nothing that takes a lock. A session of its own: Ctrl-C on
 * the terminal is the operator's. */
static void become(const op_process_config *config, int to, pid_t parent)
{
    static const char text[] = "this program cannot be started\n";
    sigset_t none;
    int nothing = open("/dev/null", O_RDONLY);
    sigemptyset(&none);
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == parent && nothing >= 0 && dup2(nothing, 0) == 0 && dup2(to, 2) == 2) {
        sigprocmask(SIG_SETMASK, &none, NULL);
        execvpe(config->argv[0], config->argv, config->env);
    }
    if (write(2, text, sizeof text - 1) < 0)
        _exit(126);
    _exit(127);
}

op_process *op_process_start(const op_process_config *config)
{
    op_process *p = calloc(1, sizeof *p);
    int ends[2] = {-1, -1}, why;
    pid_t parent = getpid();
    if (!p || pipe2(ends, O_CLOEXEC) < 0)
        goto failed;
    *p = (op_process){.config = *config, .from = ends[0]};
    p->post = (kube_post){.run = on_ended, .user = p};
    p->pid = fork();
    if (p->pid == 0)
        become(config, ends[1], parent);
    if (p->pid < 0)
        goto failed;
    close(ends[1]);
    if (pthread_create(&p->reader, NULL, read_lines, p) == 0)
        return p;
    kill(p->pid, SIGKILL);
    waitpid(p->pid, NULL, 0);
    close(ends[0]);
    free(p);
    errno = EAGAIN;
    return NULL;
failed:
    why = errno;
    if (ends[0] >= 0) {
        close(ends[0]);
        close(ends[1]);
    }
    free(p);
    errno = why;
    return NULL;
}

long op_process_id(const op_process *p)
{
    return (long)p->pid;
}

void op_process_signal(const op_process *p, int number)
{
    kill(p->pid, number);
}
