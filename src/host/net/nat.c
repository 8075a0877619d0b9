/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat.c: the NAT back end: libslirp's stack as the only neighbour on the cable. Needs no privileges. Time for it is
 * guest time, so that its timeouts stand still with the domain.
 */
#include "host/net/nat_internal.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static ssize_t on_send_packet(const void *frame, size_t len, void *opaque)
{
    struct nat *nat = opaque;

    (void)net_deliver(&nat->net, frame, len); /* without room it is lost, and TCP sends again */
    return (ssize_t)len;
}

static void on_guest_error(const char *text, void *opaque)
{
    log_guest("NAT: %s", text);
}

static int64_t on_clock(void *opaque)
{
    return (int64_t)loop_now_ns(((struct nat *)opaque)->net.loop);
}

static void *on_timer_new(SlirpTimerCb fired, void *fired_opaque, void *opaque)
{
    struct timer *t = calloc(1, sizeof *t);

    if (t)
        timer_init(t, ((struct nat *)opaque)->net.loop, fired, fired_opaque);
    return t;
}

static void on_timer_free(void *t, void *opaque)
{
    if (t)
        timer_cancel(t);
    free(t);
}

static void on_timer_mod(void *t, int64_t expire_ms, void *opaque)
{
    if (t)
        timer_set(t, (uint64_t)expire_ms * 1000000);
}

static void on_register_fd(int fd, void *opaque)
{
}

static void on_unregister_fd(int fd, void *opaque)
{
    nat_poll_forget(opaque, fd);
}

static void on_notify(void *opaque)
{
    nat_poll_soon(opaque);
}

static const SlirpCb callbacks = {
    .send_packet = on_send_packet,
    .guest_error = on_guest_error,
    .clock_get_ns = on_clock,
    .timer_new = on_timer_new,
    .timer_free = on_timer_free,
    .timer_mod = on_timer_mod,
    .register_poll_fd = on_register_fd,
    .unregister_poll_fd = on_unregister_fd,
    .notify = on_notify,
};

static void nat_send(struct net *n, const uint8_t *frame, size_t len)
{
    struct nat *nat = (struct nat *)n;

    slirp_input(nat->slirp, frame, (int)len);
    nat_poll_soon(nat);
}

static void nat_room(struct net *n)
{
    nat_poll_soon((struct nat *)n);
}

static void nat_close(struct net *n)
{
    struct nat *nat = (struct nat *)n;

    if (nat->slirp)
        slirp_cleanup(nat->slirp);
    nat_poll_fini(nat);
    net_fini(&nat->net);
    free(nat);
}

static const struct net_backend_ops nat_ops = {.send = nat_send, .room = nat_room, .close = nat_close};

static Slirp *stack_create(struct nat *nat, const struct net_nat_options *o)
{
    const uint32_t base = 0x0a000200u + (o->network << 8);
    SlirpConfig c = {
        .version = 1,
        .in_enabled = true,
        .vnetwork = {htonl(base)},
        .vnetmask = {htonl(0xffffff00u)},
        .vhost = {htonl(base + 2)},
        .vnameserver = {htonl(base + 3)},
        .vdhcp_start = {htonl(base + 15)},
        .in6_enabled = true,
        .vprefix_len = 64,
        .vhostname = o->host_name,
        .if_mtu = o->mtu,
    };
    uint8_t *prefix = c.vprefix_addr6.s6_addr;

    prefix[0] = 0xfe;
    prefix[1] = 0xc0;
    prefix[7] = (uint8_t)o->network;
    c.vhost6 = c.vnameserver6 = c.vprefix_addr6;
    c.vhost6.s6_addr[15] = 2;
    c.vnameserver6.s6_addr[15] = 3;
    return slirp_new(&c, &callbacks, nat);
}

int net_nat_open(struct net **out, struct loop *loop, const struct net_nat_options *o, char **why)
{
    struct nat *nat = calloc(1, sizeof *nat);
    int rc = nat ? net_init(&nat->net, loop, &nat_ops) : -ENOMEM;

    *out = NULL;
    *why = NULL;
    if (rc) {
        free(nat);
        return rc;
    }
    nat->network = o->network;
    nat_poll_init(nat);
    nat->slirp = o->network <= 200 ? stack_create(nat, o) : NULL;
    rc = nat->slirp ? nat_forward_all(nat, o->forward, why) : -ENOMEM;
    if (rc) {
        nat_close(&nat->net);
        return rc;
    }
    nat_poll_soon(nat);
    *out = &nat->net;
    return 0;
}
