/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat_internal.h: what nat.c and its parts share. Nobody else includes it. */
#ifndef DOMUS_HOST_NET_NAT_INTERNAL_H
#define DOMUS_HOST_NET_NAT_INTERNAL_H

#include "host/net/net_backend.h"

#include <libslirp.h>

struct nat;

/* A socket of libslirp's in our loop. Its place in the table is the index libslirp knows it by until the next fill. */
struct nat_fd {
    int fd; /* -1: a free place */
    bool wanted;
    uint32_t events, ready; /* epoll's */
    struct loop_fd *watch;
    struct nat *nat;
};

struct nat {
    struct net net; /* first */
    Slirp *slirp;
    unsigned network;
    struct nat_fd **fds;
    size_t fds_count;
    struct loop_job service;
    struct timer wake;
};

/* nat_poll.c: libslirp's poll cycle on the loop. */
void nat_poll_init(struct nat *nat);
void nat_poll_fini(struct nat *nat);
void nat_poll_soon(struct nat *nat);           /* libslirp's state changed */
void nat_poll_forget(struct nat *nat, int fd); /* it is about to be closed */

/* nat_forward.c: port forwards. 0, or -errno with *why. */
int nat_forward_all(struct nat *nat, const char *list, char **why);

#endif
