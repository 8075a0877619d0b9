/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clock.h: guest time in a chip's own ticks, and the pace of periodic interrupts.
 *
 * A periodic source keeps an ideal schedule. When the host was late, the ticks it missed are made up: a guest that
 * counts ticks loses no time. One or two come at twice the rate; the more are missing, the faster, up to sixteen times:
 * Linux, when it starts, wants five ticks in some 40 ms of its TSC, which does not stand still when the host does, and
 * panics without them. What is more than a second behind is forgotten.
 */
#ifndef DOMUS_DEV_CLOCK_H
#define DOMUS_DEV_CLOCK_H

#include "base/types.h"

#define CLOCK_NS_PER_S 1000000000ull
#define CLOCK_RATE_MAX 16u    /* times the usual one, when ticks are made up; */
#define CLOCK_STEP_MIN 10000u /* ns between two of them, or half the usual time: a guest cannot flood the host */

static inline uint64_t clock_ticks(uint64_t ns, uint64_t hz)
{
    return (uint64_t)((unsigned __int128)ns * hz / CLOCK_NS_PER_S);
}

/* The first nanosecond at which `ticks` have passed. */
static inline uint64_t clock_ns(uint64_t ticks, uint64_t hz)
{
    return (uint64_t)(((unsigned __int128)ticks * CLOCK_NS_PER_S + hz - 1) / hz);
}

/* When to fire for the tick that is due at due_ns; moves *due_ns forward where the backlog is hopeless. */
static inline uint64_t clock_pace(uint64_t *due_ns, uint64_t period_ns, uint64_t now_ns)
{
    uint64_t rate = 2, step;

    if (*due_ns + CLOCK_NS_PER_S < now_ns)
        *due_ns = now_ns - CLOCK_NS_PER_S;
    if (*due_ns < now_ns)
        rate += (now_ns - *due_ns) / period_ns;
    if (rate > CLOCK_RATE_MAX)
        rate = CLOCK_RATE_MAX;
    step = period_ns / rate;
    if (step < CLOCK_STEP_MIN)
        step = period_ns / 2 < CLOCK_STEP_MIN ? period_ns / 2 : CLOCK_STEP_MIN;
    return *due_ns > now_ns + step ? *due_ns : now_ns + step;
}

/* When to look again, for a tick that waits until the guest has taken the last one. */
static inline uint64_t clock_retry(uint64_t period_ns, uint64_t now_ns)
{
    return now_ns + period_ns / 2;
}

#endif
