/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net_backend.h: what a back end (NAT, tap) is to net.c. */
#ifndef DOMUS_HOST_NET_NET_BACKEND_H
#define DOMUS_HOST_NET_NET_BACKEND_H

#include "host/net/net.h"
#include "machine/loop.h"

struct net_backend_ops {
    void (*send)(struct net *n, const uint8_t *frame, size_t len);
    void (*room)(struct net *n); /* the guest's queue has room again, after net_deliver() refused; may be NULL */
    void (*close)(struct net *n);
};

#define NET_QUEUE 256u

struct net_slot {
    uint32_t len;
    uint8_t frame[NET_FRAME_MAX];
};

struct net {
    const struct net_backend_ops *ops;
    struct loop *loop; /* borrowed */
    struct net_client client;
    bool link, refused;
    struct net_slot *queue; /* NET_QUEUE of them */
    unsigned head, count;
    struct loop_job deliver;
    struct net_rate rate;
    uint64_t credit, replenished_ns;
    bool sender_waits;
    struct timer replenish;
};

int net_init(struct net *n, struct loop *loop, const struct net_backend_ops *ops); /* 0 or -ENOMEM */
void net_fini(struct net *n);
/* A frame for the guest: queued. False: no room, and room() will be called; the frame is not taken. */
bool net_deliver(struct net *n, const uint8_t *frame, size_t len);
bool net_has_room(const struct net *n);

#endif
