/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loop.h: the domain's event loop, its timers on guest time, and the machine lock.
 *
 * One thread runs loop_run(); callbacks run in it with the machine lock held. vCPU threads take the lock for device
 * accesses. Back ends' threads never call a device: they loop_post() a completion.
 *
 * Guest time is CLOCK_MONOTONIC less the time the domain was paused, in nanoseconds from the domain's start.
 */
#ifndef DOMUS_MACHINE_LOOP_H
#define DOMUS_MACHINE_LOOP_H

#include "base/list.h"
#include "base/types.h"

struct loop;

struct loop *loop_create(void); /* NULL with errno */
void loop_destroy(struct loop *l);
void loop_run(struct loop *l);  /* until loop_stop() */
void loop_stop(struct loop *l); /* any thread */

void loop_lock(struct loop *l); /* the machine lock; not recursive */
void loop_unlock(struct loop *l);

/* Guest time; any thread. Pausing stops it, and with it all timers. */
uint64_t loop_now_ns(struct loop *l);
void loop_pause_time(struct loop *l, bool paused);
/* Sets guest time (restore). */
void loop_set_now_ns(struct loop *l, uint64_t now_ns);

/* A one-shot timer on guest time, embedded by its owner. Needs the machine lock. */
struct timer {
    void (*fired)(void *opaque);
    void *opaque;
    struct loop *loop;
    uint64_t deadline_ns; /* valid while armed */
    unsigned slot;        /* heap position + 1; 0: not armed */
};
void timer_init(struct timer *t, struct loop *l, void (*fired)(void *opaque), void *opaque);
void timer_set(struct timer *t, uint64_t deadline_ns); /* re-arms; a deadline in the past fires at once */
void timer_cancel(struct timer *t);                    /* not armed is fine */
static inline bool timer_armed(const struct timer *t)
{
    return t->slot != 0;
}

/* File descriptors; events as epoll(7)'s. The fd stays the caller's. Needs the machine lock or a loop not yet running.
 */
struct loop_fd;
struct loop_fd *loop_add_fd(struct loop *l, int fd, uint32_t events, void (*ready)(void *opaque, uint32_t events),
                            void *opaque);
void loop_set_fd_events(struct loop_fd *f, uint32_t events);
void loop_remove_fd(struct loop_fd *f); /* safe inside its own callback; NULL is fine */

/* Any thread: run `run` in the loop with the lock held. The job is the caller's, preallocated, queued at most once. */
struct loop_job {
    struct list link;
    void (*run)(struct loop_job *job);
    bool queued; /* loop's */
};
void loop_post(struct loop *l, struct loop_job *job);
void loop_unpost(struct loop *l, struct loop_job *job); /* its owner goes away; not queued is fine. Lock held */

#endif
