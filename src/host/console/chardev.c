/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev.c: see chardev.h. The stream itself and the simple kinds: null, stdio, file, pipe, a host's terminal device.
 * Ptys are chardev_pty.c, sockets chardev_socket.c. Knows bytes and descriptors; not what a serial port is.
 */
#include "host/console/chardev.h"

#include "host/console/chardev_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

int chardev_fail(int rc, char **why, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    if (vasprintf(why, format, ap) < 0)
        *why = NULL;
    va_end(ap);
    return rc;
}

static size_t client_room(const struct chardev *c)
{
    if (!c->client.input)
        return 4096; /* nobody listens: read and forget, so that the writer does not hang */
    return c->client.room ? c->client.room(c->client.opaque) : 0;
}

static void update_events(struct chardev *c)
{
    uint32_t in = client_room(c) ? EPOLLIN : 0, out = c->count ? EPOLLOUT : 0;

    if (c->watch)
        loop_set_fd_events(c->watch, in | (c->in == c->out ? out : 0));
    if (c->out_watch)
        loop_set_fd_events(c->out_watch, out);
}

static void flush_output(struct chardev *c)
{
    while (c->count && c->connected) {
        size_t n = CHARDEV_BUFFER - c->first;
        ssize_t r;

        if (n > c->count)
            n = c->count;
        r = c->is_socket ? send(c->out, c->buffer + c->first, n, MSG_NOSIGNAL) : write(c->out, c->buffer + c->first, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (r < 0) { /* the other side is gone, or the disk is full: the guest must not hang for it */
            if (!c->lossy)
                c->count = 0;
            return;
        }
        c->first = (c->first + (size_t)r) % CHARDEV_BUFFER;
        c->count -= (size_t)r;
    }
}

static void tell_writable(struct chardev *c)
{
    if (!c->wanted || c->count == CHARDEV_BUFFER)
        return;
    c->wanted = false;
    if (c->client.writable)
        c->client.writable(c->client.opaque);
}

static void end_of_stream(struct chardev *c)
{
    if (c->hung_up) {
        c->hung_up(c);
        return;
    }
    loop_remove_fd(c->watch); /* no more input; output may still go somewhere */
    c->watch = NULL;
}

static void take_input(struct chardev *c, uint32_t events)
{
    uint8_t bytes[4096];
    size_t room = client_room(c);
    ssize_t r;

    if (!room) {
        if (events & (EPOLLHUP | EPOLLERR))
            end_of_stream(c);
        return;
    }
    r = read(c->in, bytes, room < sizeof bytes ? room : sizeof bytes);
    if (r < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (r <= 0)
        end_of_stream(c);
    else if (c->client.input)
        c->client.input(c->client.opaque, bytes, (size_t)r);
}

static void fd_ready(void *opaque, uint32_t events)
{
    struct chardev *c = opaque;

    if (events & EPOLLOUT)
        flush_output(c);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        take_input(c, events);
    tell_writable(c);
    update_events(c);
}

static void out_ready(void *opaque, uint32_t events)
{
    struct chardev *c = opaque;

    flush_output(c);
    if (events & EPOLLERR) { /* the reader is gone */
        loop_remove_fd(c->out_watch);
        c->out_watch = NULL;
        c->count = 0;
        c->discard = true;
    }
    tell_writable(c);
    update_events(c);
}

int chardev_connect(struct chardev *c)
{
    c->connected = true;
    if (c->in >= 0) {
        c->watch = loop_add_fd(c->loop, c->in, 0, fd_ready, c);
        /* a plain file cannot be waited for: as output it is always ready, as input (stdin </dev/null) it is left out
         */
        if (!c->watch && errno != EPERM)
            return -errno;
    }
    if (c->out >= 0 && c->out != c->in) {
        c->out_watch = loop_add_fd(c->loop, c->out, 0, out_ready, c);
        if (!c->out_watch && errno != EPERM)
            return -errno;
    }
    flush_output(c);
    update_events(c);
    return 0;
}

void chardev_disconnect(struct chardev *c)
{
    c->connected = false;
    loop_remove_fd(c->watch);
    loop_remove_fd(c->out_watch);
    c->watch = c->out_watch = NULL;
}

static void put_output(struct chardev *c, const uint8_t *bytes, size_t n)
{
    while (n) {
        size_t end = (c->first + c->count) % CHARDEV_BUFFER, chunk = CHARDEV_BUFFER - end;

        if (chunk > n)
            chunk = n;
        memcpy(c->buffer + end, bytes, chunk);
        c->count += chunk;
        bytes += chunk;
        n -= chunk;
    }
}

size_t chardev_write(struct chardev *c, const uint8_t *bytes, size_t n)
{
    size_t room = CHARDEV_BUFFER - c->count, taken = n;

    if (c->discard || !n)
        return n;
    if (n > room && c->lossy) { /* the newest bytes stay */
        if (n > CHARDEV_BUFFER) {
            bytes += n - CHARDEV_BUFFER;
            n = CHARDEV_BUFFER;
        }
        if (n > CHARDEV_BUFFER - c->count) {
            size_t lost = n - (CHARDEV_BUFFER - c->count);

            c->first = (c->first + lost) % CHARDEV_BUFFER;
            c->count -= lost;
        }
    } else if (n > room) {
        c->wanted = true;
        taken = n = room;
    }
    put_output(c, bytes, n);
    if (c->connected) {
        flush_output(c);
        update_events(c);
    }
    return taken;
}

void chardev_set_client(struct chardev *c, const struct chardev_client *client)
{
    c->client = client ? *client : (struct chardev_client){0};
    update_events(c);
}

void chardev_room_changed(struct chardev *c)
{
    update_events(c);
}

const char *chardev_tty(const struct chardev *c)
{
    return c->tty;
}

/* Our own open file of one of our standard descriptors, so that making it non-blocking does not change the shell's. */
static int reopen_standard(int fd, int flags)
{
    char path[32];
    int own;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    own = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static int open_stdio(struct chardev *c, char **why)
{
    c->in = reopen_standard(0, O_RDONLY);
    c->out = reopen_standard(1, O_WRONLY | O_APPEND);
    if (c->out < 0)
        return chardev_fail(-errno, why, "cannot use standard output: %s", strerror(errno));
    return chardev_connect(c);
}

static int open_file(struct chardev *c, const char *path, char **why)
{
    c->out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (c->out < 0)
        return chardev_fail(-errno, why, "cannot write %s: %s", path, strerror(errno));
    return chardev_connect(c);
}

/* PATH.in and PATH.out when they exist, else PATH for both directions. */
static int open_pipe(struct chardev *c, const char *path, char **why)
{
    char name[4096];
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

static int open_device(struct chardev *c, const char *path, char **why)
{
    struct termios t;

    c->in = c->out = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (c->in < 0)
        return chardev_fail(-errno, why, "cannot open %s: %s", path, strerror(errno));
    if (!tcgetattr(c->in, &t)) {
        cfmakeraw(&t);
        tcsetattr(c->in, TCSANOW, &t);
    }
    return chardev_connect(c);
}

static const char *after(const char *spec, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(spec, prefix, n) ? NULL : spec + n;
}

static int open_kind(struct chardev *c, const char *spec, char **why)
{
    const char *rest;

    if (!strcmp(spec, "null") || !strcmp(spec, "none")) {
        c->discard = true;
        return 0;
    }
    if (!strcmp(spec, "pty"))
        return chardev_open_pty(c, why);
    if (!strcmp(spec, "stdio"))
        return open_stdio(c, why);
    if ((rest = after(spec, "file:")))
        return open_file(c, rest, why);
    if ((rest = after(spec, "pipe:")))
        return open_pipe(c, rest, why);
    if ((rest = after(spec, "unix:")))
        return chardev_open_socket(c, true, rest, why);
    if ((rest = after(spec, "tcp:")))
        return chardev_open_socket(c, false, rest, why);
    if (spec[0] == '/')
        return open_device(c, spec, why);
    return chardev_fail(-ENOTSUP, why,
                        "\"%s\" is not a serial line that domus has: use pty, null, stdio, file:PATH, pipe:PATH, "
                        "/dev/NAME, unix:PATH[,server,nowait] or tcp:HOST:PORT[,server,nowait]",
                        spec);
}

int chardev_open(struct chardev **result, struct loop *loop, const char *spec, char **why)
{
    struct chardev *c = calloc(1, sizeof *c);
    int rc;

    *result = NULL;
    *why = NULL;
    if (!c || !(c->buffer = malloc(CHARDEV_BUFFER))) {
        free(c);
        return chardev_fail(-ENOMEM, why, "no memory");
    }
    c->loop = loop;
    c->in = c->out = c->inotify = c->listener = -1;
    rc = open_kind(c, spec, why);
    if (rc) {
        if (!*why)
            chardev_fail(rc, why, "cannot use \"%s\": %s", spec, strerror(-rc));
        chardev_close(c);
        return rc;
    }
    *result = c;
    return 0;
}

void chardev_close(struct chardev *c)
{
    if (!c)
        return;
    flush_output(c);
    chardev_disconnect(c);
    chardev_close_pty(c);
    chardev_close_socket(c);
    if (c->in >= 0)
        close(c->in);
    if (c->out >= 0 && c->out != c->in)
        close(c->out);
    free(c->tty);
    free(c->buffer);
    free(c);
}
