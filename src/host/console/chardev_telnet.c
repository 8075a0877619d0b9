/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chardev_telnet.c: TELNET (telnet.h) between a serial port and its socket. */
#include "host/console/chardev_internal.h"
#include "host/console/telnet.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#define TAKEN_MOST 512u

struct telnet_stream {
    struct telnet telnet;
    bool server;
};

static struct telnet *telnet_of(const struct chardev *c)
{
    return &((struct telnet_stream *)c->state)->telnet;
}

static void telnet_connected(struct chardev *c)
{
    struct telnet_stream *s = c->state;
    int one = 1;

    telnet_start(&s->telnet, s->server);
    /* The byte of an urgent "data mark" belongs to the command before it, and must not fall out of the stream. */
    setsockopt(c->in, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one);
}

static bool telnet_left_over(const struct chardev *c)
{
    return telnet_of(c)->count;
}

static size_t telnet_stream_room(const struct chardev *c)
{
    size_t room = telnet_room(telnet_of(c));

    return room < TAKEN_MOST ? room : TAKEN_MOST;
}

static ssize_t telnet_send(struct chardev *c, const uint8_t *bytes, size_t n)
{
    struct telnet *t = telnet_of(c);
    size_t taken = telnet_encode(t, bytes, n);
    ssize_t r = chardev_put(c, t->wire, t->count);

    if (r > 0)
        telnet_sent(t, (size_t)r);
    return r < 0 && !taken ? r : (ssize_t)taken; /* what was taken is sent some time: an error shows again then */
}

static void telnet_take(struct chardev *c, const uint8_t *bytes, size_t n)
{
    uint8_t data[TAKEN_MOST];

    assert(n <= sizeof data);
    while (n) {
        struct telnet_input in = telnet_decode(telnet_of(c), bytes, n, data);

        if (in.data && c->client.input)
            c->client.input(c->client.opaque, data, in.data);
        if (in.was_break && c->client.line_break)
            c->client.line_break(c->client.opaque);
        bytes += in.used;
        n -= in.used;
    }
}

static void telnet_line_break(struct chardev *c, bool on)
{
    if (on && c->connected)
        telnet_send_break(telnet_of(c));
}

static void telnet_close(struct chardev *c)
{
    free(c->state);
}

int chardev_use_telnet(struct chardev *c, bool server)
{
    static const struct chardev_ops ops = {
        .send = telnet_send,
        .left_over = telnet_left_over,
        .room = telnet_stream_room,
        .take = telnet_take,
        .connected = telnet_connected,
        .line_break = telnet_line_break,
        .close = telnet_close,
    };
    struct telnet_stream *s = calloc(1, sizeof *s);

    if (!s)
        return -ENOMEM;
    s->server = server;
    c->ops = &ops;
    c->state = s;
    return 0;
}
