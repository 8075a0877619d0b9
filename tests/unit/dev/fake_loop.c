/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake_loop.c: see fake.h. */
#include "fake.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TIMERS 64
#define MAX_JOBS   16

struct loop {
    uint64_t now;
    struct timer *armed[MAX_TIMERS];
    unsigned fired;
    struct loop_job *posted[MAX_JOBS];
};

static struct loop the_loop;
struct loop *const fake_loop = &the_loop;

void fake_loop_reset(void)
{
    the_loop = (struct loop){.now = 1000000000};
}

uint64_t loop_now_ns(struct loop *l)
{
    return l->now;
}

void timer_init(struct timer *t, struct loop *l, void (*fired)(void *opaque), void *opaque)
{
    *t = (struct timer){.fired = fired, .opaque = opaque, .loop = l};
}

void timer_cancel(struct timer *t)
{
    if (t->slot)
        t->loop->armed[t->slot - 1] = NULL;
    t->slot = 0;
}

void timer_set(struct timer *t, uint64_t deadline_ns)
{
    unsigned i = 0;

    timer_cancel(t);
    while (the_loop.armed[i])
        assert_true(++i < MAX_TIMERS);
    the_loop.armed[i] = t;
    t->slot = i + 1;
    t->deadline_ns = deadline_ns;
}

void loop_unpost(struct loop *l, struct loop_job *job)
{
    for (unsigned i = 0; i < MAX_JOBS; i++)
        if (l->posted[i] == job)
            l->posted[i] = NULL;
    job->queued = false;
}

void loop_post(struct loop *l, struct loop_job *job)
{
    unsigned i = 0;

    if (job->queued)
        return;
    while (l->posted[i])
        assert_true(++i < MAX_JOBS);
    l->posted[i] = job;
    job->queued = true;
}

void fake_run_jobs(void)
{
    for (unsigned i = 0; i < MAX_JOBS; i++) {
        struct loop_job *job = the_loop.posted[i];

        if (job) {
            loop_unpost(&the_loop, job);
            job->run(job);
        }
    }
}

/* What the back ends of disks refer to; a test's disks are in memory. */
struct loop_fd *loop_add_fd(struct loop *l, int fd, uint32_t events, void (*ready)(void *opaque, uint32_t events),
                            void *opaque)
{
    abort();
}
void loop_remove_fd(struct loop_fd *f)
{
    abort();
}
void loop_lock(struct loop *l)
{
}
void loop_unlock(struct loop *l)
{
}

static struct timer *earliest(uint64_t until)
{
    struct timer *best = NULL;

    for (unsigned i = 0; i < MAX_TIMERS; i++) {
        struct timer *t = the_loop.armed[i];

        if (t && t->deadline_ns <= until && (!best || t->deadline_ns < best->deadline_ns))
            best = t;
    }
    return best;
}

void fake_advance(uint64_t ns)
{
    uint64_t until = the_loop.now + ns;
    struct timer *t;

    while ((t = earliest(until))) {
        if (t->deadline_ns > the_loop.now)
            the_loop.now = t->deadline_ns;
        timer_cancel(t);
        the_loop.fired++;
        t->fired(t->opaque);
    }
    the_loop.now = until;
}

void fake_jump(uint64_t ns)
{
    the_loop.now += ns;
    fake_advance(0);
}

unsigned fake_timers_armed(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < MAX_TIMERS; i++)
        n += the_loop.armed[i] != NULL;
    return n;
}

unsigned fake_timers_fired(void)
{
    return the_loop.fired;
}

static void line_changed(void *opaque, unsigned n, bool level)
{
    struct fake_line *l = opaque;

    l->rises += level;
}

void fake_line_init(struct fake_line *l)
{
    *l = (struct fake_line){.line = {.changed = line_changed, .opaque = l}};
}

uint8_t in8(struct device *d, const struct io_ops *io, unsigned offset)
{
    return (uint8_t)io->read(d, offset, 1);
}
uint16_t in16(struct device *d, const struct io_ops *io, unsigned offset)
{
    return (uint16_t)io->read(d, offset, 2);
}
uint32_t in32(struct device *d, const struct io_ops *io, unsigned offset)
{
    return (uint32_t)io->read(d, offset, 4);
}
void out8(struct device *d, const struct io_ops *io, unsigned offset, unsigned value)
{
    io->write(d, offset, 1, (uint8_t)value);
}
void out16(struct device *d, const struct io_ops *io, unsigned offset, unsigned value)
{
    io->write(d, offset, 2, (uint16_t)value);
}
void out32(struct device *d, const struct io_ops *io, unsigned offset, uint32_t value)
{
    io->write(d, offset, 4, value);
}

static void *saved(struct device *d)
{
    void *copy = malloc(d->ops->state_size);

    assert_non_null(copy);
    if (d->ops->saving)
        d->ops->saving(d);
    memcpy(copy, d->state, d->ops->state_size);
    return copy;
}

void assert_roundtrip(struct device *from, struct device *to)
{
    void *before = saved(from), *after;

    assert_ptr_equal(from->ops, to->ops);
    if (to->ops->check)
        assert_int_equal(to->ops->check(before), 0);
    memcpy(to->state, before, to->ops->state_size);
    if (to->ops->loaded)
        to->ops->loaded(to);
    after = saved(to);
    assert_memory_equal(before, after, to->ops->state_size);
    free(before);
    free(after);
}

void assert_refused(struct device *d, const void *state)
{
    assert_non_null(d->ops->check);
    assert_true(d->ops->check(state) < 0);
}

void torture(struct device *d, const struct io_ops *io, unsigned window, unsigned rounds)
{
    uint32_t seed = 12345;

    for (unsigned i = 0; i < rounds; i++) {
        unsigned size, offset;
        uint64_t value;

        seed = seed * 1664525 + 1013904223;
        size = 1u << (seed >> 30);
        offset = (seed >> 8) % window;
        value = (uint64_t)seed << 32 | (seed * 2654435761u);
        while (offset + size > window)
            size /= 2;
        if (seed >> 20 & 1)
            io->write(d, offset, size, value);
        else
            io->read(d, offset, size);
        if (seed >> 5 & 1)
            fake_advance(seed >> 12 & 0xFFFF);
    }
    if (d->ops->check)
        assert_int_equal(d->ops->check(d->state), 0);
}
