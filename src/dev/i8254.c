/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * i8254.c: the 8254 interval timer (Intel 8254 data sheet) and the parts of port 0x61 that belong to it.
 * Counters are not counted down: count and output follow from guest time since the last load. Knows channel 0's line;
 * not its number, nor who listens to the speaker.
 */
#include "dev/i8254.h"

#include "dev/bytewise.h"
#include "dev/clock.h"

#include <errno.h>
#include <stdlib.h>

#define MIN_TICK_NS  20000 /* a guest cannot make the host's timers run faster than this */
#define REFRESH_NS   15085 /* port 0x61 bit 4 toggles with each memory refresh */
#define RW_LATCH     0
#define RW_LSB       1
#define RW_MSB       2
#define RW_BOTH      3
#define STATUS_OUT   0x80
#define STATUS_NULL  0x40
#define PORT61_GATE2 0x01
#define PORT61_DATA  0x02
#define PORT61_CLOCK 0x10
#define PORT61_OUT2  0x20

struct channel {
    uint64_t start_ns; /* when counting (re)started */
    uint64_t due_ns;   /* ideal time of the next tick; channel 0 */
    uint32_t count;    /* 1..0x10000 */
    uint32_t held;     /* ticks counted when the gate stopped modes 0 and 4 */
    uint16_t latch;
    uint8_t mode; /* 0..5 */
    uint8_t rw;   /* RW_LSB, RW_MSB, RW_BOTH */
    uint8_t low;  /* first byte of a two-byte write */
    uint8_t status;
    uint8_t latched; /* bytes of the latch still to be read */
    bool bcd, gate, loaded, status_latched;
    bool triggered; /* modes 1 and 5: the gate has risen since the mode was set */
    bool write_high, read_high;
};

struct i8254_state {
    struct channel channel[3];
    uint8_t port61;
};

struct i8254 {
    struct device dev;
    struct i8254_state s;
    struct loop *loop;     /* borrowed */
    struct irq_line *irq0; /* borrowed */
    struct timer timer;
    bool (*waiting)(void *opaque); /* may be NULL */
    void *opaque;
    void (*speaker_changing)(void *opaque); /* may be NULL */
    void *speaker;
};

static struct i8254 *to_pit(struct device *d)
{
    return (struct i8254 *)d;
}

static bool channel_periodic(const struct channel *c)
{
    return c->mode == 2 || c->mode == 3;
}

/* Ticks since the count was loaded or the gate triggered it. */
static uint64_t channel_elapsed(const struct channel *c, uint64_t now)
{
    if (!c->loaded)
        return 0;
    switch (c->mode) {
    case 1:
    case 5: return c->triggered ? clock_ticks(now - c->start_ns, I8254_HZ) : 0;
    case 0:
    case 4: return c->gate ? c->held + clock_ticks(now - c->start_ns, I8254_HZ) : c->held;
    default: return c->gate ? clock_ticks(now - c->start_ns, I8254_HZ) : 0;
    }
}

static bool channel_out(const struct channel *c, uint64_t now)
{
    uint64_t t = channel_elapsed(c, now);

    switch (c->mode) {
    case 0: return c->loaded && t >= c->count;
    case 1: return !c->triggered || t >= c->count;
    case 2: return !c->loaded || !c->gate || t % c->count != c->count - 1;
    case 3: return !c->loaded || !c->gate || t % c->count < (c->count + 1) / 2;
    default: return t != c->count;
    }
}

static uint16_t to_bcd(uint32_t v)
{
    return (uint16_t)(v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8 | v / 1000 % 10 << 12);
}

static uint32_t from_bcd(uint16_t v)
{
    return (v & 15u) + 10 * (v >> 4 & 15u) + 100 * (v >> 8 & 15u) + 1000 * (uint32_t)(v >> 12);
}

static uint16_t channel_count(const struct channel *c, uint64_t now)
{
    uint64_t t = channel_elapsed(c, now);
    uint32_t modulus = c->bcd ? 10000 : 0x10000;
    uint32_t left;

    switch (c->mode) {
    case 2: left = c->count - (uint32_t)(t % c->count); break;
    case 3: left = c->count - (uint32_t)(2 * t % c->count); break;
    default: left = (uint32_t)((c->count + modulus - t % modulus) % modulus); break;
    }
    return c->bcd ? to_bcd(left % modulus) : (uint16_t)left;
}

static void pit_arm(struct i8254 *p, uint64_t deadline)
{
    timer_set(&p->timer, deadline);
}

/* Channel 0 was programmed or loaded: where its output goes from here. */
static void pit_start(struct i8254 *p, uint64_t now)
{
    struct channel *c = &p->s.channel[0];
    uint64_t t;

    timer_cancel(&p->timer);
    irq_set(p->irq0, channel_out(c, now));
    if (!c->loaded || !c->gate || c->mode == 1 || c->mode == 5)
        return; /* the gate of channel 0 is tied high: it never triggers */
    t = channel_elapsed(c, now);
    if (channel_periodic(c)) {
        c->due_ns = c->start_ns + clock_ns((t / c->count + 1) * c->count, I8254_HZ);
        pit_arm(p, c->due_ns);
    } else if (t < c->count) {
        c->due_ns = c->start_ns + clock_ns(c->count - c->held, I8254_HZ);
        pit_arm(p, c->due_ns);
    }
}

static void pit_fired(void *opaque)
{
    struct i8254 *p = opaque;
    struct channel *c = &p->s.channel[0];
    uint64_t now = loop_now_ns(p->loop), period = clock_ns(c->count, I8254_HZ);

    if (period < MIN_TICK_NS)
        period = MIN_TICK_NS;
    /* for a second at most: who has not taken it by then never will, and others may share the line */
    if (channel_periodic(c) && c->due_ns + CLOCK_NS_PER_S > now && p->waiting && p->waiting(p->opaque)) {
        pit_arm(p, clock_retry(period, now));
        return;
    }
    /* the rising edge is what counts; the low part of modes 2 to 4 is over before anyone could look */
    irq_set(p->irq0, false);
    irq_set(p->irq0, true);
    if (!channel_periodic(c))
        return;
    c->due_ns += period;
    pit_arm(p, c->due_ns > now ? c->due_ns : clock_pace(&c->due_ns, period, now));
}

static void channel_load(struct i8254 *p, unsigned n, uint16_t value)
{
    struct channel *c = &p->s.channel[n];
    uint64_t now = loop_now_ns(p->loop);
    uint32_t count = c->bcd ? from_bcd(value) : value;

    c->count = count ? count : c->bcd ? 10000 : 0x10000;
    c->loaded = true;
    c->held = 0;
    if (c->mode != 1 && c->mode != 5) /* those start when the gate rises */
        c->start_ns = now;
    if (n == 0)
        pit_start(p, now);
}

static void channel_write(struct i8254 *p, unsigned n, uint8_t value)
{
    struct channel *c = &p->s.channel[n];

    switch (c->rw) {
    case RW_LSB: channel_load(p, n, value); break;
    case RW_MSB: channel_load(p, n, (uint16_t)(value << 8)); break;
    default:
        if (c->write_high)
            channel_load(p, n, (uint16_t)(c->low | value << 8));
        else {
            c->low = value;
            if (c->mode == 0) { /* the first byte stops the count */
                c->loaded = false;
                if (n == 0)
                    pit_start(p, loop_now_ns(p->loop));
            }
        }
        c->write_high = !c->write_high;
    }
}

static uint8_t channel_read(struct i8254 *p, unsigned n)
{
    struct channel *c = &p->s.channel[n];
    uint16_t value;
    bool high;

    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    if (c->latched) {
        high = c->rw == RW_MSB || (c->rw == RW_BOTH && c->latched == 1);
        c->latched--;
        return (uint8_t)(high ? c->latch >> 8 : c->latch);
    }
    value = channel_count(c, loop_now_ns(p->loop));
    high = c->rw == RW_MSB || (c->rw == RW_BOTH && c->read_high);
    if (c->rw == RW_BOTH)
        c->read_high = !c->read_high;
    return (uint8_t)(high ? value >> 8 : value);
}

static void channel_latch_count(struct channel *c, uint64_t now)
{
    if (c->latched) /* the first latch stands until it is read */
        return;
    c->latch = channel_count(c, now);
    c->latched = c->rw == RW_BOTH ? 2 : 1;
}

static void channel_latch_status(struct channel *c, uint64_t now)
{
    if (c->status_latched)
        return;
    c->status = (uint8_t)((channel_out(c, now) ? STATUS_OUT : 0) | (c->loaded ? 0 : STATUS_NULL) | c->rw << 4 |
                          c->mode << 1 | c->bcd);
    c->status_latched = true;
}

static void channel_control(struct i8254 *p, unsigned n, uint8_t value)
{
    struct channel *c = &p->s.channel[n];

    c->rw = value >> 4 & 3;
    c->mode = value >> 1 & 7;
    if (c->mode > 5)
        c->mode -= 4;
    c->bcd = value & 1;
    c->loaded = c->triggered = false;
    c->write_high = c->read_high = c->status_latched = false;
    c->latched = 0;
    c->held = 0;
    if (n == 0)
        pit_start(p, loop_now_ns(p->loop));
}

static void pit_control(struct i8254 *p, uint8_t value)
{
    unsigned n = value >> 6;
    uint64_t now = loop_now_ns(p->loop);

    if (n == 3) { /* read-back */
        for (unsigned i = 0; i < 3; i++) {
            if (!(value >> (i + 1) & 1))
                continue;
            if (!(value & 0x20))
                channel_latch_count(&p->s.channel[i], now);
            if (!(value & 0x10))
                channel_latch_status(&p->s.channel[i], now);
        }
    } else if ((value >> 4 & 3) == RW_LATCH)
        channel_latch_count(&p->s.channel[n], now);
    else
        channel_control(p, n, value);
}

static void channel_set_gate(struct channel *c, bool gate, uint64_t now)
{
    if (gate == c->gate)
        return;
    if (!gate && (c->mode == 0 || c->mode == 4)) {
        uint64_t t = channel_elapsed(c, now);

        c->held = t > UINT32_MAX ? UINT32_MAX : (uint32_t)t;
    }
    c->gate = gate;
    if (!gate)
        return;
    c->start_ns = now;
    if (c->loaded && (c->mode == 1 || c->mode == 5))
        c->triggered = true;
}

static uint8_t pit_read_reg(struct device *d, unsigned reg)
{
    return reg == 3 ? 0xFF : channel_read(to_pit(d), reg);
}

static void speaker_changing(struct i8254 *p)
{
    if (p->speaker_changing)
        p->speaker_changing(p->speaker);
}

static void pit_write_reg(struct device *d, unsigned reg, uint8_t value)
{
    struct i8254 *p = to_pit(d);
    bool speaker = reg == 2 || (reg == 3 && value >> 6 == 2);

    if (speaker)
        speaker_changing(p);
    if (reg == 3)
        pit_control(p, value);
    else
        channel_write(p, reg, value);
    if (speaker)
        speaker_changing(p);
}

static uint64_t pit_read(struct device *d, uint64_t offset, unsigned size)
{
    return bytewise_read(d, offset, size, pit_read_reg);
}

static void pit_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    bytewise_write(d, offset, size, value, pit_write_reg);
}

static uint64_t port61_read(struct device *d, uint64_t offset, unsigned size)
{
    struct i8254 *p = to_pit(d);
    uint64_t now = loop_now_ns(p->loop);

    return (p->s.port61 & 0x0Fu) | (now / REFRESH_NS & 1 ? PORT61_CLOCK : 0) |
           (channel_out(&p->s.channel[2], now) ? PORT61_OUT2 : 0);
}

static void port61_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct i8254 *p = to_pit(d);

    speaker_changing(p);
    p->s.port61 = value & 0x0F;
    channel_set_gate(&p->s.channel[2], value & PORT61_GATE2, loop_now_ns(p->loop));
    speaker_changing(p);
}

void i8254_set_waiting(struct device *d, bool (*waiting)(void *opaque), void *opaque)
{
    to_pit(d)->waiting = waiting;
    to_pit(d)->opaque = opaque;
}

void i8254_set_speaker(struct device *d, void (*changing)(void *opaque), void *opaque)
{
    to_pit(d)->speaker_changing = changing;
    to_pit(d)->speaker = opaque;
}

unsigned i8254_speaker_hz(struct device *d)
{
    unsigned count = i8254_speaker_count(d);

    return count ? I8254_HZ / count : 0;
}

unsigned i8254_speaker_count(struct device *d)
{
    const struct i8254_state *s = &to_pit(d)->s;
    const struct channel *c = &s->channel[2];

    if ((s->port61 & (PORT61_GATE2 | PORT61_DATA)) != (PORT61_GATE2 | PORT61_DATA) || !c->loaded || c->mode != 3)
        return 0;
    return c->count;
}

const struct io_ops i8254_io = {.read = pit_read, .write = pit_write};
const struct io_ops i8254_port61_io = {.read = port61_read, .write = port61_write};

static void pit_reset(struct device *d)
{
    struct i8254 *p = to_pit(d);

    p->s = (struct i8254_state){0};
    for (unsigned i = 0; i < 3; i++)
        p->s.channel[i] = (struct channel){.mode = 3, .rw = RW_BOTH, .count = 0x10000, .gate = i != 2};
    pit_start(p, loop_now_ns(p->loop));
}

static int pit_check(const void *state)
{
    const struct i8254_state *s = state;

    for (unsigned i = 0; i < 3; i++) {
        const struct channel *c = &s->channel[i];

        if (c->mode > 5 || c->rw < RW_LSB || c->rw > RW_BOTH || c->count < 1 || c->count > 0x10000 || c->latched > 2)
            return -EINVAL;
    }
    return 0;
}

static void pit_loaded(struct device *d)
{
    struct i8254 *p = to_pit(d);
    struct channel *c = &p->s.channel[0];
    uint64_t due = c->due_ns;

    pit_start(p, loop_now_ns(p->loop));
    if (timer_armed(&p->timer) && channel_periodic(c) && due < c->due_ns) { /* ticks still owed */
        c->due_ns = due;
        pit_arm(p, due);
    }
}

static void pit_destroy(struct device *d)
{
    timer_cancel(&to_pit(d)->timer);
    free(to_pit(d));
}

static const struct device_ops pit_ops = {
    .name = "i8254",
    .version = 1,
    .state_size = sizeof(struct i8254_state),
    .reset = pit_reset,
    .check = pit_check,
    .loaded = pit_loaded,
    .destroy = pit_destroy,
};

struct device *i8254_create(struct loop *loop, struct irq_line *irq0)
{
    struct i8254 *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->dev = (struct device){.ops = &pit_ops, .state = &p->s};
    p->loop = loop;
    p->irq0 = irq0;
    timer_init(&p->timer, loop, pit_fired, p);
    pit_reset(&p->dev);
    return &p->dev;
}
