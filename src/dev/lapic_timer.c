/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lapic_timer.c: the local APIC's timer: one-shot, periodic, TSC-deadline (Intel SDM vol. 3, 11.5.4).
 * The count follows from guest time since it was loaded; nothing ticks while nobody waits.
 */
#include "dev/lapic_internal.h"

#include "dev/clock.h"

#define MIN_PERIOD_NS 20000 /* a guest cannot make the host's timers run faster than this */
#define NS_PER_COUNT  (CLOCK_NS_PER_S / LAPIC_TIMER_HZ)

static bool timer_is_deadline(const struct lapic *l)
{
    return l->s.lvt[LVT_TIMER] & LVT_TIMER_DEADLINE;
}

static bool timer_is_periodic(const struct lapic *l)
{
    return (l->s.lvt[LVT_TIMER] & (LVT_TIMER_DEADLINE | LVT_TIMER_PERIODIC)) == LVT_TIMER_PERIODIC;
}

/* Nanoseconds of one count. The divide register holds log2(divisor) - 1 in bits 3, 1, 0; 7 means 1. */
static uint64_t timer_count_ns(const struct lapic *l)
{
    unsigned code = (l->s.timer_divide & 3) | (l->s.timer_divide >> 1 & 4);

    return NS_PER_COUNT << ((code + 1) & 7);
}

static uint64_t timer_span_ns(const struct lapic *l)
{
    return l->s.timer_initial * timer_count_ns(l);
}

void lapic_timer_stop(struct lapic *l)
{
    timer_cancel(&l->timer);
}

static void timer_start(struct lapic *l)
{
    timer_cancel(&l->timer);
    if (timer_is_deadline(l) || !l->s.timer_initial)
        return;
    l->s.timer_start_ns = loop_now_ns(l->loop);
    l->s.timer_due_ns = l->s.timer_start_ns + timer_span_ns(l);
    timer_set(&l->timer, l->s.timer_due_ns);
}

static void timer_arm_deadline(struct lapic *l)
{
    uint64_t now, tsc;

    timer_cancel(&l->timer);
    if (!timer_is_deadline(l) || !l->s.deadline || !l->cpu.tsc || !l->cpu.tsc_hz)
        return;
    now = loop_now_ns(l->loop);
    tsc = l->cpu.tsc(l->cpu.opaque);
    if (l->s.deadline > tsc) {
        uint64_t wait = clock_ns(l->s.deadline - tsc, l->cpu.tsc_hz);

        now = wait > UINT64_MAX / 2 - now ? UINT64_MAX / 2 : now + wait;
    }
    timer_set(&l->timer, now);
}

static bool tick_waits(const struct lapic *l)
{
    uint32_t lvt = l->s.lvt[LVT_TIMER];

    return !(lvt & LVT_MASKED) && lapic_waiting(&l->dev, (uint8_t)lvt);
}

void lapic_timer_fired(void *opaque)
{
    struct lapic *l = opaque;
    uint64_t now, period;

    if (timer_is_deadline(l)) {
        if (l->s.deadline > l->cpu.tsc(l->cpu.opaque)) { /* the two clocks differ by a rounding */
            timer_arm_deadline(l);
            return;
        }
        l->s.deadline = 0;
    } else if (timer_is_periodic(l)) {
        now = loop_now_ns(l->loop);
        period = timer_span_ns(l);
        if (period < MIN_PERIOD_NS)
            period = MIN_PERIOD_NS;
        if (tick_waits(l)) { /* would be lost: the guest is late, so this tick is made up after it */
            timer_set(&l->timer, clock_retry(period, now));
            return;
        }
        l->s.timer_due_ns += period;
        timer_set(&l->timer, l->s.timer_due_ns > now ? l->s.timer_due_ns : clock_pace(&l->s.timer_due_ns, period, now));
    }
    lapic_lvt_fire(l, LVT_TIMER);
}

uint32_t lapic_timer_current(const struct lapic *l)
{
    uint64_t counted;

    if (timer_is_deadline(l) || !l->s.timer_initial)
        return 0;
    counted = (loop_now_ns(l->loop) - l->s.timer_start_ns) / timer_count_ns(l);
    if (timer_is_periodic(l))
        counted %= l->s.timer_initial;
    return counted >= l->s.timer_initial ? 0 : l->s.timer_initial - (uint32_t)counted;
}

uint64_t lapic_timer_deadline(const struct lapic *l)
{
    return timer_is_deadline(l) ? l->s.deadline : 0;
}

void lapic_timer_write_lvt(struct lapic *l, uint32_t value)
{
    uint32_t changed = (l->s.lvt[LVT_TIMER] ^ value) & (LVT_TIMER_PERIODIC | LVT_TIMER_DEADLINE);

    if (!l->cpu.tsc)
        value &= ~LVT_TIMER_DEADLINE;
    l->s.lvt[LVT_TIMER] = value;
    if (!changed)
        return;
    if (changed & LVT_TIMER_DEADLINE) { /* entering or leaving deadline mode disarms */
        l->s.timer_initial = 0;
        l->s.deadline = 0;
        timer_cancel(&l->timer);
    } else if (timer_is_periodic(l)) { /* made periodic on the way, perhaps after a one-shot ran out */
        timer_start(l);
    }
}

void lapic_timer_write_initial(struct lapic *l, uint32_t value)
{
    if (timer_is_deadline(l))
        return;
    l->s.timer_initial = value;
    timer_start(l);
}

void lapic_timer_write_divide(struct lapic *l, uint32_t value)
{
    if (l->s.timer_divide == value)
        return;
    l->s.timer_divide = value;
    if (timer_armed(&l->timer))
        timer_start(l);
}

void lapic_timer_write_deadline(struct lapic *l, uint64_t value)
{
    if (!timer_is_deadline(l))
        return; /* ignored outside deadline mode */
    l->s.deadline = value;
    timer_arm_deadline(l);
}

void lapic_timer_rearm(struct lapic *l)
{
    timer_cancel(&l->timer);
    if (timer_is_deadline(l))
        timer_arm_deadline(l);
    else if (l->s.timer_initial && (timer_is_periodic(l) || lapic_timer_current(l)))
        timer_set(&l->timer, l->s.timer_due_ns);
}
