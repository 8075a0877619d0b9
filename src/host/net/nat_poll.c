/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat_poll.c: libslirp thinks in rounds of fill, poll, dispatch; the loop in descriptors and timers. What libslirp asks
 * for in a fill stays watched until the next; a descriptor that gets ready, its timeout, or a frame from the guest
 * starts a round, once however many come together.
 */
#include "host/net/nat_internal.h"

#include <stdlib.h>
#include <sys/epoll.h>

static uint32_t events_to_epoll(int events)
{
    return (events & SLIRP_POLL_IN ? EPOLLIN : 0u) | (events & SLIRP_POLL_OUT ? EPOLLOUT : 0u) |
           (events & SLIRP_POLL_PRI ? EPOLLPRI : 0u);
}

static int events_from_epoll(uint32_t events)
{
    return (events & EPOLLIN ? SLIRP_POLL_IN : 0) | (events & EPOLLOUT ? SLIRP_POLL_OUT : 0) |
           (events & EPOLLPRI ? SLIRP_POLL_PRI : 0) | (events & EPOLLERR ? SLIRP_POLL_ERR : 0) |
           (events & EPOLLHUP ? SLIRP_POLL_HUP : 0);
}

static void fd_ready(void *opaque, uint32_t events)
{
    struct nat_fd *f = opaque;

    f->ready |= events;
    nat_poll_soon(f->nat);
}

static void fd_drop(struct nat_fd *f)
{
    loop_remove_fd(f->watch);
    f->watch = NULL;
    f->fd = -1;
    f->ready = 0;
}

/* The place of a descriptor, or a free one, or -1: no memory. */
static int fd_place(struct nat *nat, int fd)
{
    int place = -1;

    for (size_t i = 0; i < nat->fds_count; i++) {
        if (nat->fds[i]->fd == fd)
            return (int)i;
        if (nat->fds[i]->fd < 0 && place < 0)
            place = (int)i;
    }
    if (place < 0) {
        struct nat_fd **more = realloc(nat->fds, (nat->fds_count + 1) * sizeof(struct nat_fd *));
        struct nat_fd *f = calloc(1, sizeof *f);

        if (more)
            nat->fds = more;
        if (!more || !f) {
            free(f);
            return -1;
        }
        f->nat = nat;
        f->fd = -1;
        place = (int)nat->fds_count;
        nat->fds[nat->fds_count++] = f;
    }
    return place;
}

static int add_poll(int fd, int events, void *opaque)
{
    struct nat *nat = opaque;
    int place = fd_place(nat, fd);
    uint32_t wanted = events_to_epoll(events);
    struct nat_fd *f;

    if (place < 0)
        return -1;
    f = nat->fds[place];
    if (f->fd < 0) {
        f->watch = loop_add_fd(nat->net.loop, fd, wanted, fd_ready, f);
        if (!f->watch)
            return -1;
        f->fd = fd;
    } else if (f->events != wanted) {
        loop_set_fd_events(f->watch, wanted);
    }
    f->events = wanted;
    f->wanted = true;
    return place;
}

static int get_events(int place, void *opaque)
{
    struct nat *nat = opaque;

    if (place < 0 || (size_t)place >= nat->fds_count)
        return 0;
    return events_from_epoll(nat->fds[place]->ready);
}

static void fill(struct nat *nat)
{
    uint32_t timeout_ms = UINT32_MAX;

    for (size_t i = 0; i < nat->fds_count; i++)
        nat->fds[i]->wanted = false;
    slirp_pollfds_fill(nat->slirp, &timeout_ms, add_poll, nat);
    for (size_t i = 0; i < nat->fds_count; i++)
        if (nat->fds[i]->fd >= 0 && !nat->fds[i]->wanted)
            fd_drop(nat->fds[i]);
    if (timeout_ms == UINT32_MAX)
        timer_cancel(&nat->wake);
    else
        timer_set(&nat->wake, loop_now_ns(nat->net.loop) + ((uint64_t)timeout_ms + 1) * 1000000);
}

static void service_run(struct loop_job *job)
{
    struct nat *nat = container_of(job, struct nat, service);

    /* While the guest's queue is full, data waits in the host's sockets: libslirp has no other way to hold it. */
    if (!net_has_room(&nat->net)) {
        for (size_t i = 0; i < nat->fds_count; i++)
            if (nat->fds[i]->fd >= 0)
                fd_drop(nat->fds[i]);
        nat->net.refused = true;
        return;
    }
    slirp_pollfds_poll(nat->slirp, 0, get_events, nat);
    for (size_t i = 0; i < nat->fds_count; i++)
        nat->fds[i]->ready = 0;
    fill(nat);
}

static void wake_fired(void *opaque)
{
    nat_poll_soon(opaque);
}

void nat_poll_soon(struct nat *nat)
{
    loop_post(nat->net.loop, &nat->service);
}

void nat_poll_forget(struct nat *nat, int fd)
{
    for (size_t i = 0; i < nat->fds_count; i++)
        if (nat->fds[i]->fd == fd)
            fd_drop(nat->fds[i]);
}

void nat_poll_init(struct nat *nat)
{
    nat->service.run = service_run;
    timer_init(&nat->wake, nat->net.loop, wake_fired, nat);
}

void nat_poll_fini(struct nat *nat)
{
    timer_cancel(&nat->wake);
    loop_unpost(nat->net.loop, &nat->service);
    for (size_t i = 0; i < nat->fds_count; i++) {
        loop_remove_fd(nat->fds[i]->watch);
        free(nat->fds[i]);
    }
    free(nat->fds);
}
