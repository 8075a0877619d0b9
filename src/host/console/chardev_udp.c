/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev_udp.c: a serial port's bytes in UDP datagrams, to one address and from it. What the guest writes within a
 * millisecond goes as one datagram. Datagrams get lost, and nobody tells.
 */
#include "host/console/chardev_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GATHER_NS      1000000u
#define DATAGRAM_BYTES 1400u  /* sent: fits an Ethernet frame */
#define INPUT_BYTES    65536u /* received: the largest there is */

struct udp_stream {
    struct timer gather, deliver;
    size_t first, count; /* of input that the guest had no room for */
    uint8_t input[INPUT_BYTES];
};

static void udp_gathered(void *opaque)
{
    struct chardev *c = opaque;

    c->held = false;
    chardev_pump(c);
}

static void udp_deliver(void *opaque)
{
    chardev_pump(opaque);
}

static void udp_output(struct chardev *c)
{
    struct udp_stream *s = c->state;

    c->held = c->count < DATAGRAM_BYTES;
    if (!c->held)
        timer_cancel(&s->gather);
    else if (!timer_armed(&s->gather))
        timer_set(&s->gather, loop_now_ns(c->loop) + GATHER_NS);
}

static ssize_t udp_send(struct chardev *c, const uint8_t *bytes, size_t n)
{
    size_t most = n < DATAGRAM_BYTES ? n : DATAGRAM_BYTES;
    ssize_t r = send(c->out, bytes, most, 0);

    /* Nobody there, no route: lost, as any datagram may be. */
    return r < 0 && errno != EAGAIN && errno != EINTR ? (ssize_t)most : r;
}

static ssize_t udp_receive(struct chardev *c, uint8_t *bytes, size_t n)
{
    struct udp_stream *s = c->state;

    if (!s->count) {
        ssize_t r = recv(c->in, s->input, sizeof s->input, 0);

        if (r <= 0) { /* an empty datagram is no end, and "nobody listens there" may change */
            errno = EAGAIN;
            return -1;
        }
        s->first = 0;
        s->count = (size_t)r;
    }
    n = n < s->count ? n : s->count;
    memcpy(bytes, s->input + s->first, n);
    s->first += n;
    s->count -= n;
    return (ssize_t)n;
}

/* The rest of a datagram comes without an event of the socket. */
static void udp_room_changed(struct chardev *c)
{
    struct udp_stream *s = c->state;

    if (s->count && !timer_armed(&s->deliver))
        timer_set(&s->deliver, 0);
}

/* An error waits at the socket while the guest takes nothing. */
static void udp_hung_up(struct chardev *c)
{
    int error;
    socklen_t n = sizeof error;

    (void)getsockopt(c->in, SOL_SOCKET, SO_ERROR, &error, &n);
}

static void udp_close(struct chardev *c)
{
    struct udp_stream *s = c->state;

    timer_cancel(&s->gather);
    timer_cancel(&s->deliver);
    free(s);
}

/* -ENOENT: there is no such address in this family. */
static int find(const struct chardev_address *a, int family, bool to_bind, struct addrinfo **list, char **why)
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_DGRAM, .ai_flags = to_bind ? AI_PASSIVE : 0};
    const char *service = a->service[0] ? a->service : "0";
    int rc = getaddrinfo(a->host[0] ? a->host : NULL, service, &hints, list);

    return rc ? chardev_fail(-ENOENT, why, "cannot find %s:%s: %s", a->host, service, gai_strerror(rc)) : 0;
}

static int bind_and_connect(struct chardev *c, const struct chardev_spec *s, const struct addrinfo *from,
                            const struct addrinfo *to, char **why)
{
    c->in = c->out = socket(to->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->in < 0)
        return -errno;
    if (bind(c->in, from->ai_addr, from->ai_addrlen))
        return chardev_fail(-errno, why, "cannot receive at %s:%s: %s", s->from.host, s->from.service, strerror(errno));
    if (connect(c->in, to->ai_addr, to->ai_addrlen))
        return chardev_fail(-errno, why, "cannot send to %s:%s: %s", s->to.host, s->to.service, strerror(errno));
    return 0;
}

static int make_socket(struct chardev *c, const struct chardev_spec *s, int family, char **why)
{
    struct addrinfo *to, *from;
    int rc = find(&s->to, family, false, &to, why);

    if (rc)
        return rc;
    rc = find(&s->from, family, true, &from, why);
    if (!rc) {
        rc = bind_and_connect(c, s, from, to, why);
        freeaddrinfo(from);
    }
    freeaddrinfo(to);
    return rc;
}

int chardev_open_udp(struct chardev *c, const struct chardev_spec *spec, char **why)
{
    static const struct chardev_ops ops = {
        .send = udp_send,
        .receive = udp_receive,
        .output = udp_output,
        .room_changed = udp_room_changed,
        .close = udp_close,
    };
    struct udp_stream *s = calloc(1, sizeof *s);
    int rc;

    if (!s)
        return -ENOMEM;
    timer_init(&s->gather, c->loop, udp_gathered, c);
    timer_init(&s->deliver, c->loop, udp_deliver, c);
    c->state = s;
    c->ops = &ops;
    c->lossy = c->is_socket = true;
    c->hung_up = udp_hung_up;
    /* Nothing tells whether anybody hears us at one of a name's addresses: IPv4, where it has one. */
    rc = make_socket(c, spec, AF_INET, why);
    if (rc == -ENOENT) {
        free(*why);
        *why = NULL;
        rc = make_socket(c, spec, AF_INET6, why);
    }
    return rc ? rc : chardev_connect(c);
}
