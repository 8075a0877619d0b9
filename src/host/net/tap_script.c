/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap_script.c: see tap_script.h. */
#include "host/net/tap_script.h"

#include "base/log.h"
#include "host/net/net.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000 /* libxl's */
#define STEP_MS     5

extern char **environ;

static char *name_value(const char *name, const char *value)
{
    char *text;

    return asprintf(&text, "%s=%s", name, value) < 0 ? NULL : text;
}

int tap_script_init(struct tap_script *s, const struct net_tap_options *o)
{
    char *own[3] = {name_value("INTERFACE", o->name), o->bridge ? name_value("bridge", o->bridge) : NULL, NULL};
    size_t n = 0, all = 0;
    char mtu[16];

    (void)snprintf(mtu, sizeof mtu, "%u", o->mtu);
    if (o->mtu)
        own[2] = name_value("mtu", mtu);
    for (char **e = environ; *e; e++)
        all++;
    for (const char *const *e = o->environment; e && *e; e++)
        all++;
    s->path = strdup(o->script);
    s->environment = calloc(all + ARRAY_SIZE(own) + 1, sizeof *s->environment);
    for (char **e = environ; s->environment && *e; e++)
        s->environment[n++] = strdup(*e);
    for (const char *const *e = o->environment; s->environment && e && *e; e++)
        s->environment[n++] = strdup(*e);
    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        if (own[i] && s->environment)
            s->environment[n++] = own[i];
        else
            free(own[i]);
    }
    if (s->path && s->environment)
        return 0;
    tap_script_fini(s);
    return -ENOMEM;
}

void tap_script_fini(struct tap_script *s)
{
    for (size_t i = 0; s->environment && s->environment[i]; i++)
        free(s->environment[i]);
    free(s->environment);
    free(s->path);
    *s = (struct tap_script){0};
}

static int refuse(char **why, const char *path, const char *what, const char *text)
{
    if (!why)
        log_warning("%s %s: %s", path, what, text);
    else if (!*why && asprintf(why, "script=%s: %s: %s", path, what, text) < 0)
        *why = NULL;
    return -EIO;
}

/* Its wait status; -1: it hung, and was ended. */
static int wait_for(pid_t child)
{
    const struct timespec step = {0, STEP_MS * 1000000};
    int status;

    for (int waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
        pid_t r = waitpid(child, &status, WNOHANG);

        if (r == child)
            return status;
        if (r < 0 && errno != EINTR)
            return -1;
        nanosleep(&step, NULL);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return -1;
}

int tap_script_run(const struct tap_script *s, const char *what, char **why)
{
    char add_or_remove[16], *argv[] = {s->path, add_or_remove, (char[]){"type_if=tap"}, NULL}, text[64];
    pid_t child;
    int r;

    if (!s->path)
        return 0;
    (void)snprintf(add_or_remove, sizeof add_or_remove, "%s", what);
    r = posix_spawn(&child, s->path, NULL, NULL, argv, s->environment);
    if (r)
        return refuse(why, s->path, what, strerror(r));
    r = wait_for(child);
    if (r < 0)
        return refuse(why, s->path, what, "it did not end within 10 seconds");
    if (WIFEXITED(r) && WEXITSTATUS(r) == 0)
        return 0;
    (void)snprintf(text, sizeof text, WIFEXITED(r) ? "exit status %d" : "signal %d",
                   WIFEXITED(r) ? WEXITSTATUS(r) : WTERMSIG(r));
    return refuse(why, s->path, what, text);
}
