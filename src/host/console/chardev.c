/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev.c: see chardev.h. The stream itself. Files, pipes and devices are chardev_files.c and chardev_device.c, ptys
 * chardev_pty.c, sockets chardev_socket.c, chardev_telnet.c and chardev_udp.c. Knows bytes and descriptors; not what a
 * serial port is.
 */
#include "host/console/chardev.h"

#include "host/console/chardev_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
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

static size_t input_room(const struct chardev *c)
{
    size_t room = client_room(c), most = c->ops->room ? c->ops->room(c) : room;

    return room < most ? room : most;
}

static bool has_output(const struct chardev *c)
{
    return c->count || (c->ops->left_over && c->ops->left_over(c));
}

static void update_events(struct chardev *c)
{
    uint32_t in = input_room(c) ? EPOLLIN : 0, out = has_output(c) && !c->held ? EPOLLOUT : 0;

    if (in && c->ops->room_changed)
        c->ops->room_changed(c);
    if (c->watch)
        loop_set_fd_events(c->watch, in | (c->in == c->out ? out : 0));
    if (c->out_watch)
        loop_set_fd_events(c->out_watch, out);
}

ssize_t chardev_put(struct chardev *c, const uint8_t *bytes, size_t n)
{
    return c->is_socket ? send(c->out, bytes, n, MSG_NOSIGNAL) : write(c->out, bytes, n);
}

static void flush_output(struct chardev *c)
{
    while (c->connected && has_output(c)) {
        size_t n = CHARDEV_BUFFER - c->first;
        ssize_t r;

        if (n > c->count)
            n = c->count;
        r = c->ops->send ? c->ops->send(c, c->buffer + c->first, n) : chardev_put(c, c->buffer + c->first, n);
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
    size_t room = input_room(c);
    ssize_t r;

    if (!room) {
        if (events & (EPOLLHUP | EPOLLERR))
            end_of_stream(c);
        return;
    }
    room = room < sizeof bytes ? room : sizeof bytes;
    r = c->ops->receive ? c->ops->receive(c, bytes, room) : read(c->in, bytes, room);
    if (r < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (r <= 0)
        end_of_stream(c);
    else if (c->ops->take)
        c->ops->take(c, bytes, (size_t)r);
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

void chardev_pump(struct chardev *c)
{
    fd_ready(c, EPOLLIN | EPOLLOUT);
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
    if (c->ops->connected)
        c->ops->connected(c);
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
    if (c->ops->output)
        c->ops->output(c);
    if (c->connected) {
        if (!c->held)
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

void chardev_set_break(struct chardev *c, bool on)
{
    if (!c->ops->line_break)
        return;
    c->ops->line_break(c, on);
    if (c->connected) {
        flush_output(c);
        update_events(c);
    }
}

void chardev_set_line(struct chardev *c, const struct chardev_line *line)
{
    if (c->ops->set_line)
        c->ops->set_line(c, line);
}

static int open_kind(struct chardev *c, const struct chardev_spec *s, char **why)
{
    switch (s->kind) {
    case CHARDEV_NULL: c->discard = true; return 0;
    case CHARDEV_PTY: return chardev_open_pty(c, why);
    case CHARDEV_STDIO: return chardev_open_stdio(c, why);
    case CHARDEV_FILE: return chardev_open_file(c, s->path, why);
    case CHARDEV_PIPE: return chardev_open_pipe(c, s->path, why);
    case CHARDEV_DEVICE: return chardev_open_device(c, s->path, why);
    case CHARDEV_UNIX:
    case CHARDEV_TCP: return chardev_open_socket(c, s, why);
    case CHARDEV_UDP: return chardev_open_udp(c, s, why);
    }
    return -EINVAL;
}

int chardev_open(struct chardev **result, struct loop *loop, const char *spec, char **why)
{
    static const struct chardev_ops plain = {0};
    struct chardev_spec parsed;
    struct chardev *c;
    int rc = chardev_spec_parse(&parsed, spec, why);

    *result = NULL;
    if (rc)
        return rc;
    c = calloc(1, sizeof *c);
    if (!c || !(c->buffer = malloc(CHARDEV_BUFFER))) {
        free(c);
        return chardev_fail(-ENOMEM, why, "no memory");
    }
    c->loop = loop;
    c->ops = &plain;
    c->in = c->out = c->inotify = c->listener = -1;
    rc = open_kind(c, &parsed, why);
    if (rc) {
        if (!*why)
            chardev_fail(rc, why, "cannot be opened: %s", strerror(-rc));
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
    if (c->ops->close)
        c->ops->close(c);
    if (c->in >= 0)
        close(c->in);
    if (c->out >= 0 && c->out != c->in)
        close(c->out);
    free(c->tty);
    free(c->buffer);
    free(c);
}
