/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net.h: one end of an Ethernet cable: a virtual NIC holds it, the host's network (NAT or a tap in a bridge) is at the
 * other. Knows frames without their CRC, not guests.
 *
 * Every call needs the machine lock; callbacks run in the loop's thread with it held, never inside net_send(). Frames
 * for the guest wait in a queue that is allocated at open, while ready() says no; beyond it they are lost, as on a
 * wire.
 */
#ifndef DOMUS_HOST_NET_NET_H
#define DOMUS_HOST_NET_NET_H

#include "base/types.h"

struct loop;
struct net;

#define NET_FRAME_MAX 9216u

struct net_client {
    bool (*ready)(void *opaque); /* takes a frame now, if only to drop it */
    void (*receive)(void *opaque, const uint8_t *frame, size_t len);
    void (*writable)(void *opaque); /* net_can_send() turned true again */
    void (*link_changed)(void *opaque, bool up);
    void *opaque;
};

/* What a NIC may send: `bytes` in each interval, as Xen's vif rate=. 0 bytes: no limit. */
struct net_rate {
    uint64_t bytes, interval_us;
};

struct net_nat_options {
    unsigned network;    /* 10.0.(2 + network).0/24: one number for each NIC of a domain; at most 200 */
    const char *forward; /* "tcp:127.0.0.1:2222-22;udp:5353-53"; NULL: none. See net_nat_open() */
    const char *host_name;
    unsigned mtu; /* 0: 1500 */
};

struct net_tap_options {
    const char *name;   /* the interface's */
    const char *bridge; /* NULL: none */
    unsigned mtu;       /* 0: as it is */
    const char *script; /* NULL: the bridge is joined by ourselves */
    /* The script's environment: "NAME=value", ended by NULL; INTERFACE, bridge and mtu are added. */
    const char *const *environment;
};

/*
 * NAT by libslirp: DHCP and DNS at 10.0.N.2 and .3, the guest at .15, IPv6 at fec0:0:0:N::/64. A forward is
 * tcp|udp:[HOSTADDR:]HOSTPORT-[GUESTADDR:]GUESTPORT; HOSTADDR is 127.0.0.1 unless given. 0, or -errno with *why (one
 * line, malloc'd).
 */
int net_nat_open(struct net **n, struct loop *loop, const struct net_nat_options *o, char **why);
int net_tap_open(struct net **n, struct loop *loop, const struct net_tap_options *o, char **why);
void net_close(struct net *n); /* NULL is fine */

void net_set_client(struct net *n, const struct net_client *client); /* copied; NULL: none */
void net_set_rate(struct net *n, struct net_rate rate);
/* The NIC asks before it takes a frame from its ring; after false, writable() comes. */
bool net_can_send(struct net *n);
void net_send(struct net *n, const uint8_t *frame, size_t len); /* lost when the link is down or it is too long */
void net_ready_changed(struct net *n);                          /* ready() may say something else now */
/* The cable. Frames that wait are lost when it is pulled. */
void net_set_link(struct net *n, bool up);
bool net_link(const struct net *n);

#endif
