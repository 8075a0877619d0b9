/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hpet.c: the high-precision event timer (IA-PC HPET specification 1.0a), with Xen's capabilities.
 * Knows its registers, its lines and the two it replaces in legacy mode; not their numbers beyond the routing field.
 *
 * Deviation: a comparator set to a moment up to a second ago fires at once, not after a whole turn of the counter: a
 * guest that reads the counter, adds a little and is then held up would lose its tick for a minute.
 */
#include "dev/hpet.h"

#include "dev/clock.h"

#include <errno.h>
#include <stdlib.h>

#define CAPABILITIES  0x00F424008086A201ull /* 16 ns, vendor 8086, legacy, 64 bits, comparators 0..2, revision 1 */
#define REG_CAPS      0x00
#define REG_CONFIG    0x10
#define REG_STATUS    0x20
#define REG_COUNTER   0xF0
#define REG_TIMERS    0x100
#define TIMER_BYTES   0x20
#define CONFIG_ENABLE 1u
#define CONFIG_LEGACY 2u
#define TN_LEVEL      0x0002u
#define TN_ENABLE     0x0004u
#define TN_PERIODIC   0x0008u
#define TN_SETVAL     0x0040u
#define TN_32BIT      0x0100u
#define TN_WRITABLE   0x3F4Eull
#define TN_CAPS       0x00F0000000000030ull /* routes 20..23, periodic, 64 bits */
#define TN_ROUTE(c)   ((c) >> 9 & 0x1F)
#define MIN_PERIOD_NS 20000 /* a guest cannot make the host's timers run faster than this */
#define LATE_TICKS    HPET_HZ
#define FOREVER_TICKS (1ull << 56) /* three dozen years */

struct hpet_timer {
    uint64_t config;
    uint64_t compare;
    uint64_t period;
    uint64_t fsb;
    uint64_t due_ns; /* periodic: ideal time of the next tick */
    bool waiting;    /* one-shot: has not fired since it was set */
};

struct hpet_state {
    uint64_t config, status;
    uint64_t counter; /* at start_ns */
    uint64_t start_ns;
    struct hpet_timer timer[HPET_COMPARATORS];
    uint8_t replaced; /* levels of the PIT's and the RTC's lines */
};

struct hpet;
struct hpet_alarm {
    struct timer timer;
    struct hpet *hpet;
    unsigned n;
};

struct hpet {
    struct device dev;
    struct hpet_state s;
    struct loop *loop; /* borrowed, as the lines */
    struct irq_line *legacy[2];
    struct irq_line *gsi[HPET_GSIS];
    struct hpet_alarm alarm[HPET_COMPARATORS];
    bool (*waiting)(void *opaque); /* may be NULL */
    void *opaque;
};

static struct hpet *to_hpet(struct device *d)
{
    return (struct hpet *)d;
}

static bool is_running(const struct hpet *h)
{
    return h->s.config & CONFIG_ENABLE;
}

static uint64_t counter_now(const struct hpet *h)
{
    if (!is_running(h))
        return h->s.counter;
    return h->s.counter + clock_ticks(loop_now_ns(h->loop) - h->s.start_ns, HPET_HZ);
}

static struct irq_line *timer_line(const struct hpet *h, unsigned n)
{
    unsigned route = (unsigned)TN_ROUTE(h->s.timer[n].config);

    if (n < 2 && h->s.config & CONFIG_LEGACY)
        return h->legacy[n];
    if (route < HPET_FIRST_GSI || route >= HPET_FIRST_GSI + HPET_GSIS)
        return NULL;
    return h->gsi[route - HPET_FIRST_GSI];
}

static bool legacy_source(const struct hpet *h, unsigned n)
{
    return n < 2 && h->s.config & CONFIG_LEGACY;
}

/* Levels of all lines from the state: level-triggered comparators may share one. Edges are pulses beside this. */
static void hpet_drive(struct hpet *h)
{
    bool gsi[HPET_GSIS] = {false}, legacy[2] = {false};

    for (unsigned n = 0; n < HPET_COMPARATORS; n++) {
        const struct hpet_timer *t = &h->s.timer[n];
        unsigned route = (unsigned)TN_ROUTE(t->config);

        if (!(h->s.status >> n & 1) || !(t->config & TN_ENABLE) || !(t->config & TN_LEVEL))
            continue;
        if (legacy_source(h, n))
            legacy[n] = true;
        else if (route >= HPET_FIRST_GSI && route < HPET_FIRST_GSI + HPET_GSIS)
            gsi[route - HPET_FIRST_GSI] = true;
    }
    for (unsigned i = 0; i < HPET_GSIS; i++)
        irq_set(h->gsi[i], gsi[i]);
    for (unsigned i = 0; i < 2; i++)
        irq_set(h->legacy[i], h->s.config & CONFIG_LEGACY ? legacy[i] : h->s.replaced >> i & 1);
}

void hpet_set_waiting(struct device *d, bool (*waiting)(void *opaque), void *opaque)
{
    struct hpet *h = to_hpet(d);

    h->waiting = waiting;
    h->opaque = opaque;
}

void hpet_set_legacy_irq(void *opaque, unsigned n, bool level)
{
    struct hpet *h = opaque;

    if (n > 1)
        return;
    h->s.replaced = (uint8_t)(level ? h->s.replaced | 1u << n : h->s.replaced & ~(1u << n));
    if (!(h->s.config & CONFIG_LEGACY))
        irq_set(h->legacy[n], level);
}

static uint64_t ticks_until(const struct hpet *h, const struct hpet_timer *t)
{
    uint64_t now = counter_now(h), distance = t->compare - now;

    if (t->config & TN_32BIT)
        distance = (uint32_t)distance;
    /* behind by a little: late, not a turn ahead */
    if (t->config & TN_32BIT ? (uint32_t)-distance < LATE_TICKS : -distance < LATE_TICKS)
        return 0;
    return distance > FOREVER_TICKS ? FOREVER_TICKS : distance;
}

static void timer_rearm(struct hpet *h, unsigned n)
{
    struct hpet_timer *t = &h->s.timer[n];

    timer_cancel(&h->alarm[n].timer);
    if (!is_running(h) || !(t->config & TN_ENABLE) || (!(t->config & TN_PERIODIC) && !t->waiting))
        return;
    if (t->config & TN_PERIODIC && !t->period)
        return;
    t->due_ns = loop_now_ns(h->loop) + clock_ns(ticks_until(h, t), HPET_HZ);
    timer_set(&h->alarm[n].timer, t->due_ns);
}

static void rearm_all(struct hpet *h)
{
    for (unsigned n = 0; n < HPET_COMPARATORS; n++)
        timer_rearm(h, n);
}

/* For a second at most: who has not taken it by then never will. */
static bool tick_waits(const struct hpet *h, unsigned n, uint64_t now)
{
    const struct hpet_timer *t = &h->s.timer[n];

    return n == 0 && legacy_source(h, n) && !(t->config & TN_LEVEL) && t->due_ns + CLOCK_NS_PER_S > now && h->waiting &&
           h->waiting(h->opaque);
}

static void alarm_fired(void *opaque)
{
    struct hpet_alarm *a = opaque;
    struct hpet *h = a->hpet;
    struct hpet_timer *t = &h->s.timer[a->n];
    uint64_t now = loop_now_ns(h->loop), period;

    if (t->config & TN_PERIODIC) {
        period = clock_ns(t->period, HPET_HZ);
        if (period < MIN_PERIOD_NS)
            period = MIN_PERIOD_NS;
        if (tick_waits(h, a->n, now)) {
            timer_set(&a->timer, clock_retry(period, now));
            return;
        }
        t->compare += t->period;
        if (t->config & TN_32BIT)
            t->compare = (uint32_t)t->compare;
        t->due_ns += period;
        timer_set(&a->timer, t->due_ns > now ? t->due_ns : clock_pace(&t->due_ns, period, now));
    } else
        t->waiting = false;
    if (t->config & TN_LEVEL) {
        h->s.status |= 1u << a->n;
        hpet_drive(h);
    } else
        irq_pulse(timer_line(h, a->n));
}

static void write_config(struct hpet *h, uint64_t value)
{
    uint64_t old = h->s.config;

    value &= CONFIG_ENABLE | CONFIG_LEGACY;
    if (old & CONFIG_ENABLE && !(value & CONFIG_ENABLE))
        h->s.counter = counter_now(h);
    h->s.config = value;
    if (!(old & CONFIG_ENABLE) && value & CONFIG_ENABLE)
        h->s.start_ns = loop_now_ns(h->loop);
    if ((old ^ value) & CONFIG_ENABLE)
        rearm_all(h);
    hpet_drive(h);
}

static void write_counter(struct hpet *h, uint64_t value)
{
    h->s.counter = value;
    h->s.start_ns = loop_now_ns(h->loop);
    rearm_all(h);
}

static void write_timer_config(struct hpet *h, unsigned n, uint64_t value)
{
    struct hpet_timer *t = &h->s.timer[n];
    uint64_t old = t->config;

    t->config = TN_CAPS | (value & TN_WRITABLE);
    if (t->config & TN_32BIT) {
        t->compare = (uint32_t)t->compare;
        t->period = (uint32_t)t->period;
    }
    if ((old ^ t->config) & (TN_ENABLE | TN_PERIODIC | TN_32BIT))
        timer_rearm(h, n);
    hpet_drive(h);
}

static void write_compare(struct hpet *h, unsigned n, uint64_t value)
{
    struct hpet_timer *t = &h->s.timer[n];

    if (t->config & TN_32BIT)
        value = (uint32_t)value;
    if (!(t->config & TN_PERIODIC) || t->config & TN_SETVAL)
        t->compare = value;
    if (t->config & TN_PERIODIC)
        t->period = value;
    t->config &= ~(uint64_t)TN_SETVAL;
    t->waiting = true;
    timer_rearm(h, n);
}

/* The 64-bit register at offset (a multiple of 8). */
static uint64_t read_register(struct hpet *h, unsigned offset)
{
    unsigned n = (offset - REG_TIMERS) / TIMER_BYTES;

    switch (offset) {
    case REG_CAPS: return CAPABILITIES;
    case REG_CONFIG: return h->s.config;
    case REG_STATUS: return h->s.status;
    case REG_COUNTER: return counter_now(h);
    }
    if (offset < REG_TIMERS || n >= HPET_COMPARATORS)
        return 0;
    switch (offset % TIMER_BYTES) {
    case 0x00: return h->s.timer[n].config;
    case 0x08: return h->s.timer[n].compare;
    case 0x10: return h->s.timer[n].fsb;
    default: return 0;
    }
}

static void write_register(struct hpet *h, unsigned offset, uint64_t value)
{
    unsigned n = (offset - REG_TIMERS) / TIMER_BYTES;

    switch (offset) {
    case REG_CONFIG: write_config(h, value); return;
    case REG_COUNTER: write_counter(h, value); return;
    }
    if (offset < REG_TIMERS || n >= HPET_COMPARATORS)
        return;
    switch (offset % TIMER_BYTES) {
    case 0x00: write_timer_config(h, n, value); break;
    case 0x08: write_compare(h, n, value); break;
    case 0x10: h->s.timer[n].fsb = value; break;
    }
}

static uint64_t hpet_read(struct device *d, uint64_t offset, unsigned size)
{
    return read_register(to_hpet(d), (unsigned)offset & ~7u) >> (8 * (offset & 7));
}

static void hpet_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct hpet *h = to_hpet(d);
    unsigned shift = 8 * (offset & 7), reg = (unsigned)offset & ~7u;
    uint64_t mask = (size >= 8 ? ~0ull : (1ull << (8 * size)) - 1) << shift;

    value = value << shift & mask;
    if (reg == REG_STATUS) { /* write 1 to clear: the other bytes must not be merged */
        h->s.status &= ~value;
        hpet_drive(h);
        return;
    }
    /* the upper half of a timer's configuration is read-only: a write there must not act again */
    if (reg >= REG_TIMERS && reg % TIMER_BYTES == 0 && shift >= 32)
        return;
    write_register(h, reg, (read_register(h, reg) & ~mask) | value);
}

const struct io_ops hpet_io = {.read = hpet_read, .write = hpet_write};

static void hpet_reset(struct device *d)
{
    struct hpet *h = to_hpet(d);

    h->s = (struct hpet_state){.replaced = h->s.replaced};
    for (unsigned n = 0; n < HPET_COMPARATORS; n++)
        h->s.timer[n] = (struct hpet_timer){.config = TN_CAPS, .compare = ~0ull};
    rearm_all(h);
    hpet_drive(h);
}

static int hpet_check(const void *state)
{
    const struct hpet_state *s = state;

    if (s->config & ~(uint64_t)(CONFIG_ENABLE | CONFIG_LEGACY) || s->status >> HPET_COMPARATORS || s->replaced > 3)
        return -EINVAL;
    for (unsigned n = 0; n < HPET_COMPARATORS; n++)
        if ((s->timer[n].config & ~TN_WRITABLE) != TN_CAPS)
            return -EINVAL;
    return 0;
}

static void hpet_loaded(struct device *d)
{
    struct hpet *h = to_hpet(d);

    for (unsigned n = 0; n < HPET_COMPARATORS; n++) {
        uint64_t due = h->s.timer[n].due_ns;

        timer_rearm(h, n);
        if (timer_armed(&h->alarm[n].timer)) { /* to the nanosecond, and with what is owed */
            h->s.timer[n].due_ns = due;
            timer_set(&h->alarm[n].timer, due);
        }
    }
    hpet_drive(h);
}

static void hpet_destroy(struct device *d)
{
    for (unsigned n = 0; n < HPET_COMPARATORS; n++)
        timer_cancel(&to_hpet(d)->alarm[n].timer);
    free(to_hpet(d));
}

static const struct device_ops hpet_ops = {
    .name = "hpet",
    .version = 1,
    .state_size = sizeof(struct hpet_state),
    .reset = hpet_reset,
    .check = hpet_check,
    .loaded = hpet_loaded,
    .destroy = hpet_destroy,
};

struct device *hpet_create(struct loop *loop, struct irq_line *const legacy[2], struct irq_line *const gsi[HPET_GSIS])
{
    struct hpet *h = calloc(1, sizeof *h);

    if (!h)
        return NULL;
    h->dev = (struct device){.ops = &hpet_ops, .state = &h->s};
    h->loop = loop;
    for (unsigned i = 0; i < 2; i++)
        h->legacy[i] = legacy[i];
    for (unsigned i = 0; i < HPET_GSIS; i++)
        h->gsi[i] = gsi[i];
    for (unsigned n = 0; n < HPET_COMPARATORS; n++) {
        h->alarm[n].hpet = h;
        h->alarm[n].n = n;
        timer_init(&h->alarm[n].timer, loop, alarm_fired, &h->alarm[n]);
    }
    hpet_reset(&h->dev);
    return &h->dev;
}
