/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev_pty.c: a pseudo-terminal behind a serial port. While nobody has its slave open, output gathers in the buffer,
 * the newest 64 KiB of it, for whoever opens it next.
 *
 * A master whose slave is closed reports a hang-up for as long as that lasts, so it is watched only while the slave is
 * open; inotify says when somebody opens it.
 */
#include "host/console/chardev_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>

#define POLL_NS 250000000ull

static bool slave_is_open(const struct chardev *c)
{
    struct pollfd p = {.fd = c->in};

    return poll(&p, 1, 0) == 0 || !(p.revents & POLLHUP);
}

static void look(struct chardev *c)
{
    if (!c->connected && slave_is_open(c))
        chardev_connect(c);
    if (!c->connected && c->inotify < 0)
        timer_set(&c->poll, loop_now_ns(c->loop) + POLL_NS);
}

static void pty_hung_up(struct chardev *c)
{
    chardev_disconnect(c);
    look(c);
}

static void slave_event(void *opaque, uint32_t events)
{
    struct chardev *c = opaque;
    char bytes[4096];

    while (read(c->inotify, bytes, sizeof bytes) > 0)
        ; /* which event does not matter: look() asks the kernel */
    look(c);
}

static void poll_fired(void *opaque)
{
    look(opaque);
}

static int watch_slave(struct chardev *c)
{
    timer_init(&c->poll, c->loop, poll_fired, c);
    c->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (c->inotify >= 0 && inotify_add_watch(c->inotify, c->tty, IN_OPEN) >= 0) {
        c->inotify_watch = loop_add_fd(c->loop, c->inotify, EPOLLIN, slave_event, c);
        return c->inotify_watch ? 0 : -errno;
    }
    if (c->inotify >= 0)
        close(c->inotify);
    c->inotify = -1; /* out of watches, or no such thing here */
    return 0;
}

int chardev_open_pty(struct chardev *c, char **why)
{
    struct termios t;
    char name[64];
    int slave, rc;

    c->in = c->out = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (c->in < 0 || grantpt(c->in) || unlockpt(c->in) || ptsname_r(c->in, name, sizeof name))
        return chardev_fail(-errno, why, "cannot make a pseudo-terminal: %s", strerror(errno));
    c->tty = strdup(name);
    if (!c->tty)
        return -ENOMEM;
    /* Opened once and closed: from here on "nobody has it open" shows as a hang-up. Raw, as a serial line is. */
    slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return chardev_fail(-errno, why, "cannot open %s: %s", name, strerror(errno));
    if (!tcgetattr(slave, &t)) {
        cfmakeraw(&t);
        tcsetattr(slave, TCSANOW, &t);
    }
    close(slave);
    c->lossy = true;
    c->hung_up = pty_hung_up;
    rc = watch_slave(c);
    look(c);
    return rc;
}

void chardev_close_pty(struct chardev *c)
{
    if (!c->tty)
        return;
    timer_cancel(&c->poll);
    loop_remove_fd(c->inotify_watch);
    if (c->inotify >= 0)
        close(c->inotify);
}
