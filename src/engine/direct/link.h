/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link.h: one stub process from the monitor's side: starting it, mapping in it, and letting it run and stop. Knows no
 * guest; what a stop left in the frame is what the guest's user code says of itself.
 */
#ifndef DOMUS_ENGINE_DIRECT_LINK_H
#define DOMUS_ENGINE_DIRECT_LINK_H

#include "engine/direct/wire.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>
#include <ucontext.h>

struct direct_segments {
    uint64_t fs_base, gs_base;
    uint16_t ds, es; /* selectors: 0 or Linux's own */
    uint32_t flags;  /* NT and ID */
};

struct direct_link {
    struct direct_commands *commands;
    struct direct_shared *shared;
    uint8_t *copies;    /* DIRECT_COPIES pages; NULL: the host has no protection keys */
    int runner, mapper; /* sockets; the runner's only tells of its end */
    int stops;          /* where the kernel tells of stops (seccomp_unotify(2)) */
    uint64_t stop;      /* the one to be answered */
    pid_t pid;          /* of the mapper */
    pid_t runner_tid;
    struct direct_segments segments; /* in the runner */
    bool segments_known;
    int cpu; /* that both tasks are bound to */
};

/* 0, or -errno: the host cannot. The stub has stopped for the first time then. ram: the guest's memory. */
int direct_link_start(struct direct_link *l, int ram);
void direct_link_end(struct direct_link *l);
/* Carries out commands->op[0..count). False: the stub is of no more use, but stands, with its frame. */
bool direct_link_map(struct direct_link *l, unsigned count);
/* The frame of the stop, checked to lie where it may; NULL: the stub is of no more use. fpu: its XSAVE image. */
ucontext_t *direct_link_frame(struct direct_link *l, uint8_t **fpu);
/*
 * Goes on with what the frame has now, and these; returns at the next stop. False: it died, or does not heed kicks:
 * from when *wanted is not zero it has some tenths of a second of processor time to stop.
 */
bool direct_link_go(struct direct_link *l, const struct direct_segments *segments, const _Atomic uint32_t *wanted);

#endif
