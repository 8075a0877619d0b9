/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chardev_files.c: a serial port's bytes to a file, through named pipes, or on our own standard descriptors. */
#include "host/console/chardev_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Our own open file of one of our standard descriptors, so that making it non-blocking does not change the shell's. */
static int reopen_standard(int fd, int flags)
{
    char path[32];
    int own;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    own = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

int chardev_open_stdio(struct chardev *c, char **why)
{
    c->in = reopen_standard(0, O_RDONLY);
    c->out = reopen_standard(1, O_WRONLY | O_APPEND);
    if (c->out < 0)
        return chardev_fail(-errno, why, "cannot use standard output: %s", strerror(errno));
    return chardev_connect(c);
}

int chardev_open_file(struct chardev *c, const char *path, char **why)
{
    c->out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (c->out < 0)
        return chardev_fail(-errno, why, "cannot write %s: %s", path, strerror(errno));
    return chardev_connect(c);
}

/* PATH.in and PATH.out when they exist, else PATH for both directions. */
int chardev_open_pipe(struct chardev *c, const char *path, char **why)
{
    char name[CHARDEV_PATH_MAX + 8];
    /* both ends open here: the guest's side never sees a missing reader or writer */
    const int flags = O_RDWR | O_NONBLOCK | O_CLOEXEC;

    snprintf(name, sizeof name, "%s.in", path);
    c->in = open(name, flags);
    if (c->in >= 0) {
        snprintf(name, sizeof name, "%s.out", path);
        c->out = open(name, flags);
        if (c->out < 0)
            return chardev_fail(-errno, why, "cannot open %s: %s", name, strerror(errno));
        return chardev_connect(c);
    }
    c->in = c->out = open(path, flags);
    if (c->in < 0)
        return chardev_fail(-errno, why, "cannot open %s.in or %s: %s (make them with mkfifo)", path, path,
                            strerror(errno));
    return chardev_connect(c);
}
