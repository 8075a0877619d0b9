/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * launch.c: see launch.h. The order goes through a socket that is the supervisor's standard input; its report comes
 * back on the same socket (src/domain/supervisor.h).
 */
#include "xl/launch.h"

#include "control/jsonline.h"
#include "xl/xl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef DOMUS_LIBEXECDIR
#error "the build says where domus-domain is installed"
#endif

char *launch_program(void)
{
    const char *given = getenv("DOMUS_DOMAIN");
    char self[4096], *slash, *path = NULL;
    ssize_t n;

    if (given && given[0])
        return strdup(given);
    n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    slash = strrchr(self, '/');
    if (slash) {
        *slash = '\0';
        if (asprintf(&path, "%s/domus-domain", self) < 0)
            return NULL;
        if (access(path, X_OK) == 0)
            return path;
        free(path);
    }
    return strdup(DOMUS_LIBEXECDIR "/domus-domain");
}

static pid_t launch_fork(const char *program, int socket_fd, bool foreground)
{
    pid_t pid = fork();
    int null;

    if (pid != 0)
        return pid;
    /* Whoever reads our output shall see its end when xl ends, not when the domain ends. */
    null = open("/dev/null", O_RDWR);
    dup2(socket_fd, 0);
    if (!foreground && null >= 0)
        dup2(null, 1);
    if (null > 2)
        close(null);
    execl(program, "domus-domain", (char *)NULL);
    fprintf(stderr, "xl: %s cannot be run: %s\n", program, strerror(errno));
    _exit(127);
}

/* The next report line; NULL: the supervisor is gone. */
static json_t *launch_hear(struct jsonline *line)
{
    json_t *message = NULL;
    int rc;

    while ((rc = jsonline_next(line, &message)) == 0) {
        rc = jsonline_wait(line, -1);
        if (rc == 0)
            rc = jsonline_fill(line);
        if (rc != 0)
            break;
    }
    return rc > 0 ? message : NULL;
}

static int launch_report(struct jsonline *line, const char *name, json_t **told)
{
    json_t *message, *started;
    const char *text;
    int code;

    while ((message = launch_hear(line))) {
        text = xl_string(message, "notice");
        if (text)
            fprintf(stderr, "%s\n", text);
        started = json_object_get(message, "started");
        if (started) {
            *told = json_incref(started);
            json_decref(message);
            return 0;
        }
        text = xl_string(message, "failed");
        if (text) {
            code = (int)xl_int(message, "code", CONTROL_FAIL);
            if (code == CONTROL_INVAL)
                xl_error("%s", text); /* about the name itself */
            else
                xl_error("Domain %s: %s", name, text);
            json_decref(message);
            return code < 0 ? code : CONTROL_FAIL;
        }
        json_decref(message);
    }
    xl_error("Domain %s: its process died before it could say why", name);
    return CONTROL_FAIL;
}

int launch_domain(const json_t *config, const struct launch_options *options, json_t **told, pid_t *pid)
{
    const char *name = xl_string(json_object_get(config, "c_info"), "name");
    json_t *order = json_pack("{s:O, s:b, s:b, s:b}", "config", (json_t *)config, "paused", (int)options->paused,
                              "foreground", (int)options->foreground, "unattended", (int)options->unattended);
    char *program = launch_program();
    struct jsonline *line = NULL;
    int fds[2] = {-1, -1}, rc = CONTROL_FAIL;

    *pid = -1;
    if (order && json_dumpb(order, NULL, 0, JSON_COMPACT) >= JSONLINE_MAX_BYTES) {
        xl_error("Domain %s: its configuration is more than %u MiB: too large for a domain", name,
                 JSONLINE_MAX_BYTES >> 20);
        goto out;
    }
    if (!order || !program || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
        xl_error("Domain %s: %s", name, strerror(errno));
        goto out;
    }
    fflush(NULL);
    *pid = launch_fork(program, fds[1], options->foreground);
    close(fds[1]);
    if (*pid < 0) {
        xl_error("Domain %s: %s", name, strerror(errno));
        close(fds[0]);
        goto out;
    }
    line = jsonline_create(fds[0]);
    if (!line || jsonline_send(line, order) != 0)
        goto out;
    while (jsonline_pending(line) && jsonline_wait(line, -1) == 0)
        ;
    rc = launch_report(line, name, told);
out:
    jsonline_destroy(line);
    if (rc != 0 && *pid > 0)
        waitpid(*pid, NULL, 0); /* it cleans up */
    json_decref(order);
    free(program);
    return rc;
}

static volatile sig_atomic_t launch_pid;

static void launch_pass_on(int signal)
{
    kill((pid_t)launch_pid, signal);
}

int launch_wait(pid_t pid)
{
    struct sigaction pass = {.sa_handler = launch_pass_on}, ignore = {.sa_handler = SIG_IGN};
    int status = 0;

    launch_pid = pid;
    sigaction(SIGTERM, &pass, NULL);
    sigaction(SIGHUP, &pass, NULL);
    sigaction(SIGINT, &ignore, NULL); /* the terminal sends it to the supervisor too */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
