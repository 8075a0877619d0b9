/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net.c: see net.h. The guest's queue, the link, and the rate: credit that is filled up once in an interval and never
 * saved beyond one interval's worth; a frame longer than that may go when the credit is whole.
 */
#include "host/net/net.h"

#include "host/net/net_backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void deliver_run(struct loop_job *job)
{
    struct net *n = container_of(job, struct net, deliver);

    while (n->count && n->client.receive && n->client.ready(n->client.opaque)) {
        struct net_slot *slot = &n->queue[n->head];

        n->head = (n->head + 1) % NET_QUEUE;
        n->count--;
        n->client.receive(n->client.opaque, slot->frame, slot->len);
    }
    if (n->refused && n->count < NET_QUEUE / 2) {
        n->refused = false;
        if (n->ops->room)
            n->ops->room(n);
    }
}

static void replenish(struct net *n)
{
    uint64_t now = loop_now_ns(n->loop), interval = n->rate.interval_us * 1000;

    if (now - n->replenished_ns < interval)
        return;
    n->replenished_ns = now;
    n->credit = n->rate.bytes;
}

static void replenish_fired(void *opaque)
{
    struct net *n = opaque;

    replenish(n);
    if (n->sender_waits && n->client.writable) {
        n->sender_waits = false;
        n->client.writable(n->client.opaque);
    }
}

int net_init(struct net *n, struct loop *loop, const struct net_backend_ops *ops)
{
    n->ops = ops;
    n->loop = loop;
    n->link = true;
    n->deliver.run = deliver_run;
    timer_init(&n->replenish, loop, replenish_fired, n);
    n->queue = calloc(NET_QUEUE, sizeof *n->queue);
    return n->queue ? 0 : -ENOMEM;
}

void net_fini(struct net *n)
{
    timer_cancel(&n->replenish);
    loop_unpost(n->loop, &n->deliver);
    free(n->queue);
}

void net_close(struct net *n)
{
    if (n)
        n->ops->close(n);
}

void net_set_client(struct net *n, const struct net_client *client)
{
    n->client = client ? *client : (struct net_client){0};
    net_ready_changed(n);
}

void net_set_rate(struct net *n, struct net_rate rate)
{
    n->rate = rate;
    n->credit = rate.bytes;
    n->replenished_ns = loop_now_ns(n->loop);
}

bool net_can_send(struct net *n)
{
    if (!n->rate.bytes || !n->rate.interval_us)
        return true;
    replenish(n);
    if (n->credit)
        return true;
    n->sender_waits = true;
    timer_set(&n->replenish, n->replenished_ns + n->rate.interval_us * 1000);
    return false;
}

void net_send(struct net *n, const uint8_t *frame, size_t len)
{
    if (n->rate.bytes)
        n->credit -= len < n->credit ? len : n->credit;
    if (n->link && len && len <= NET_FRAME_MAX)
        n->ops->send(n, frame, len);
}

void net_ready_changed(struct net *n)
{
    if (n->count || n->refused)
        loop_post(n->loop, &n->deliver);
}

bool net_has_room(const struct net *n)
{
    return n->count < NET_QUEUE;
}

bool net_deliver(struct net *n, const uint8_t *frame, size_t len)
{
    struct net_slot *slot = &n->queue[(n->head + n->count) % NET_QUEUE];

    if (!n->link || !len || len > NET_FRAME_MAX)
        return true;
    if (!net_has_room(n)) {
        n->refused = true;
        return false;
    }
    memcpy(slot->frame, frame, len);
    slot->len = (uint32_t)len;
    n->count++;
    loop_post(n->loop, &n->deliver);
    return true;
}

void net_set_link(struct net *n, bool up)
{
    if (n->link == up)
        return;
    n->link = up;
    n->count = 0;
    net_ready_changed(n);
    if (n->client.link_changed)
        n->client.link_changed(n->client.opaque, up);
}

bool net_link(const struct net *n)
{
    return n->link;
}
