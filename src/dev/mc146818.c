/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mc146818.c: the PC/AT real-time clock (Motorola MC146818A data sheet; century in CMOS byte 0x32).
 * The time is the host's UTC plus an offset; setting the clock changes the offset, as on Xen. Knows its line; not its
 * number, nor what the CMOS bytes mean.
 * Nothing ticks while no interrupt is enabled: flags follow from the time when register C is read.
 */
#include "dev/mc146818.h"

#include "dev/bytewise.h"
#include "dev/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { SECONDS, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM, WEEKDAY, DAY, MONTH, YEAR, A, B, C, D };

#define CENTURY   0x32
#define A_UIP     0x80
#define A_RATE    0x0F
#define A_DIVIDER 0x70
#define A_RUNNING 0x20 /* the divider setting for a 32 kHz crystal */
#define B_SET     0x80
#define B_PIE     0x40
#define B_AIE     0x20
#define B_UIE     0x10
#define B_BINARY  0x04
#define B_24H     0x02
#define C_IRQ     0x80
#define C_PF      0x40
#define C_AF      0x20
#define C_UF      0x10
#define D_VALID   0x80
#define PM        0x80
#define UIP_NS    244000 /* how long before an update the bit shows it */
#define S_NS      ((int64_t)CLOCK_NS_PER_S)
#define MAX_OWED  8192 /* periodic interrupts to make up: a second of the fastest rate */

struct mc146818_state {
    int64_t offset_s;
    int64_t seen_s;       /* the last second whose update the flags have seen */
    uint64_t due_ns;      /* guest time of the next periodic tick */
    uint64_t seen_period; /* the last period that PF has seen */
    uint32_t owed;        /* periodic interrupts that came while the last one was not yet read */
    uint8_t cmos[MC146818_BYTES];
    uint8_t index;
};

struct mc146818 {
    struct device dev;
    struct mc146818_state s;
    struct mc146818_config config;
    struct loop *loop;     /* borrowed */
    struct irq_line *irq8; /* borrowed */
    struct timer second, periodic;
};

static struct mc146818 *to_rtc(const struct device *d)
{
    return (struct mc146818 *)(uintptr_t)d;
}

static int64_t host_wall_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * S_NS + t.tv_nsec;
}

static bool is_stopped(const struct mc146818 *r)
{
    return r->s.cmos[B] & B_SET || (r->s.cmos[A] & A_DIVIDER) != A_RUNNING;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t guest_second(const struct mc146818 *r)
{
    return floor_div(r->config.wall_ns(), S_NS) + r->s.offset_s;
}

static uint8_t encode(const struct mc146818 *r, int v)
{
    return (uint8_t)(r->s.cmos[B] & B_BINARY ? v : v / 10 % 10 << 4 | v % 10);
}

static int decode(const struct mc146818 *r, uint8_t v)
{
    return r->s.cmos[B] & B_BINARY ? v : (v >> 4) * 10 + (v & 15);
}

static int decode_hour(const struct mc146818 *r, uint8_t v)
{
    if (r->s.cmos[B] & B_24H)
        return decode(r, v);
    return decode(r, v & (uint8_t)~PM) % 12 + (v & PM ? 12 : 0);
}

/* Writes the ten time registers for that second, unless the guest holds them. */
static void show_time(struct mc146818 *r, int64_t second)
{
    uint8_t *cmos = r->s.cmos;
    time_t t = (time_t)second;
    struct tm tm;

    if (is_stopped(r) || !gmtime_r(&t, &tm))
        return;
    cmos[SECONDS] = encode(r, tm.tm_sec);
    cmos[MINUTES] = encode(r, tm.tm_min);
    if (cmos[B] & B_24H)
        cmos[HOURS] = encode(r, tm.tm_hour);
    else
        cmos[HOURS] = (uint8_t)(encode(r, (tm.tm_hour + 11) % 12 + 1) | (tm.tm_hour >= 12 ? PM : 0));
    cmos[WEEKDAY] = encode(r, tm.tm_wday + 1);
    cmos[DAY] = encode(r, tm.tm_mday);
    cmos[MONTH] = encode(r, tm.tm_mon + 1);
    cmos[YEAR] = encode(r, tm.tm_year % 100);
    cmos[CENTURY] = encode(r, (tm.tm_year + 1900) / 100);
}

/* The guest let go of the registers it wrote: the clock continues from there. */
static void take_time(struct mc146818 *r)
{
    const uint8_t *cmos = r->s.cmos;
    struct tm tm = {
        .tm_sec = decode(r, cmos[SECONDS]),
        .tm_min = decode(r, cmos[MINUTES]),
        .tm_hour = decode_hour(r, cmos[HOURS]),
        .tm_mday = decode(r, cmos[DAY]),
        .tm_mon = decode(r, cmos[MONTH]) - 1,
        .tm_year = decode(r, cmos[CENTURY]) * 100 + decode(r, cmos[YEAR]) - 1900,
    };
    int64_t offset = (int64_t)timegm(&tm) - floor_div(r->config.wall_ns(), S_NS);

    if (offset == r->s.offset_s)
        return;
    r->s.offset_s = offset;
    r->s.seen_s = guest_second(r);
    if (r->config.offset_changed)
        r->config.offset_changed(r->config.opaque, offset);
}

static void rtc_drive(struct mc146818 *r)
{
    uint8_t *cmos = r->s.cmos;

    if (cmos[C] & cmos[B] & (C_PF | C_AF | C_UF))
        cmos[C] |= C_IRQ;
    else
        cmos[C] &= (uint8_t)~C_IRQ;
    irq_set(r->irq8, cmos[C] & C_IRQ);
}

static bool alarm_field(uint8_t alarm, uint8_t now)
{
    return alarm >= 0xC0 || alarm == now; /* two top bits: any */
}

static bool alarm_matches(const struct mc146818 *r)
{
    const uint8_t *cmos = r->s.cmos;

    return alarm_field(cmos[SECONDS_ALARM], cmos[SECONDS]) && alarm_field(cmos[MINUTES_ALARM], cmos[MINUTES]) &&
           alarm_field(cmos[HOURS_ALARM], cmos[HOURS]);
}

/* Brings time registers and the update and alarm flags to now. */
static void rtc_advance(struct mc146818 *r)
{
    int64_t now = guest_second(r);

    if (is_stopped(r) || now == r->s.seen_s)
        return;
    r->s.cmos[C] |= C_UF;
    /* Seconds that nobody looked at: an alarm among them counts when it is near enough to have been waited for. */
    for (int64_t t = now - r->s.seen_s > 60 || now < r->s.seen_s ? now : r->s.seen_s + 1; t <= now; t++) {
        show_time(r, t);
        if (alarm_matches(r))
            r->s.cmos[C] |= C_AF;
    }
    r->s.seen_s = now;
}

static uint64_t period_ns(const struct mc146818 *r)
{
    unsigned rate = r->s.cmos[A] & A_RATE;

    if (!rate || (r->s.cmos[A] & A_DIVIDER) != A_RUNNING)
        return 0;
    if (rate < 3)
        rate += 7;
    return clock_ns(1ull << (rate - 1), 32768);
}

/* PF for a guest that polls it without its interrupt. */
static void rtc_advance_periodic(struct mc146818 *r)
{
    uint64_t period = period_ns(r), now;

    if (!period || r->s.cmos[B] & B_PIE)
        return;
    now = loop_now_ns(r->loop) / period;
    if (now != r->s.seen_period)
        r->s.cmos[C] |= C_PF;
    r->s.seen_period = now;
}

static void arm_second(struct mc146818 *r)
{
    int64_t wall;

    if (is_stopped(r) || !(r->s.cmos[B] & (B_UIE | B_AIE))) {
        timer_cancel(&r->second);
        return;
    }
    wall = r->config.wall_ns();
    timer_set(&r->second, loop_now_ns(r->loop) + (uint64_t)((floor_div(wall, S_NS) + 1) * S_NS - wall));
}

static void second_fired(void *opaque)
{
    struct mc146818 *r = opaque;

    rtc_advance(r);
    rtc_drive(r);
    arm_second(r);
}

static void arm_periodic(struct mc146818 *r)
{
    uint64_t period = period_ns(r);

    r->s.owed = 0;
    if (!period || !(r->s.cmos[B] & B_PIE)) {
        timer_cancel(&r->periodic);
        return;
    }
    r->s.due_ns = loop_now_ns(r->loop) + period;
    timer_set(&r->periodic, r->s.due_ns);
}

static void periodic_fired(void *opaque)
{
    struct mc146818 *r = opaque;
    uint64_t now = loop_now_ns(r->loop), period = period_ns(r), missed;

    missed = now > r->s.due_ns ? (now - r->s.due_ns) / period : 0;
    if (r->s.cmos[C] & C_PF) /* the last one is unread */
        missed++;
    r->s.owed = missed + r->s.owed > MAX_OWED ? MAX_OWED : r->s.owed + (uint32_t)missed;
    while (r->s.due_ns <= now && now - r->s.due_ns < CLOCK_NS_PER_S)
        r->s.due_ns += period;
    if (r->s.due_ns <= now)
        r->s.due_ns = now + period;
    r->s.cmos[C] |= C_PF;
    rtc_drive(r);
    timer_set(&r->periodic, r->s.due_ns);
}

static uint8_t read_c(struct mc146818 *r)
{
    uint8_t value;

    rtc_advance(r);
    rtc_advance_periodic(r);
    rtc_drive(r);
    value = r->s.cmos[C];
    r->s.cmos[C] = 0;
    rtc_drive(r);
    if (r->s.owed && timer_armed(&r->periodic)) { /* make one up, half a period from now */
        uint64_t soon = loop_now_ns(r->loop) + period_ns(r) / 2;

        if (soon < r->s.due_ns) {
            r->s.owed--;
            r->s.due_ns -= period_ns(r);
            timer_set(&r->periodic, soon);
        }
    }
    return value;
}

static bool update_in_progress(const struct mc146818 *r)
{
    int64_t wall = r->config.wall_ns();

    return !is_stopped(r) && wall - floor_div(wall, S_NS) * S_NS >= S_NS - UIP_NS;
}

static uint8_t read_data(struct mc146818 *r)
{
    unsigned i = r->s.index;

    if (i == C)
        return read_c(r);
    if (i == A)
        return (uint8_t)((r->s.cmos[A] & ~A_UIP) | (update_in_progress(r) ? A_UIP : 0));
    if (i <= YEAR || i == CENTURY)
        rtc_advance(r);
    return r->s.cmos[i];
}

static void write_a(struct mc146818 *r, uint8_t value)
{
    bool was_stopped = is_stopped(r);

    rtc_advance(r);
    r->s.cmos[A] = value & (uint8_t)~A_UIP;
    if (was_stopped && !is_stopped(r))
        take_time(r);
    arm_periodic(r);
    arm_second(r);
}

static void write_b(struct mc146818 *r, uint8_t value)
{
    uint8_t old = r->s.cmos[B];
    bool was_stopped = is_stopped(r);

    rtc_advance(r);
    r->s.cmos[B] = value & B_SET ? value & (uint8_t)~B_UIE : value;
    if (was_stopped && !is_stopped(r))
        take_time(r);
    /* Another number format: the chip leaves the bytes alone, the next update writes the new one. */
    if ((old ^ value) & (B_BINARY | B_24H))
        show_time(r, guest_second(r));
    if ((old ^ value) & B_PIE)
        arm_periodic(r);
    arm_second(r);
    rtc_drive(r);
}

static void write_data(struct mc146818 *r, uint8_t value)
{
    unsigned i = r->s.index;

    switch (i) {
    case A: write_a(r, value); break;
    case B: write_b(r, value); break;
    case C:
    case D: break;
    case SECONDS_ALARM:
    case MINUTES_ALARM:
    case HOURS_ALARM: r->s.cmos[i] = value; break;
    default:
        if (i <= YEAR || i == CENTURY)
            rtc_advance(r);
        r->s.cmos[i] = value;
        if ((i <= YEAR || i == CENTURY) && !is_stopped(r))
            take_time(r); /* set on the run */
    }
}

static uint8_t rtc_read_reg(struct device *d, unsigned reg)
{
    return reg ? read_data(to_rtc(d)) : 0xFF; /* the index is write-only */
}

static void rtc_write_reg(struct device *d, unsigned reg, uint8_t value)
{
    if (reg)
        write_data(to_rtc(d), value);
    else
        to_rtc(d)->s.index = value & (MC146818_BYTES - 1); /* bit 7 masks NMIs, of which there are none */
}

static uint64_t rtc_read(struct device *d, uint64_t offset, unsigned size)
{
    return bytewise_read(d, offset, size, rtc_read_reg);
}

static void rtc_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    bytewise_write(d, offset, size, value, rtc_write_reg);
}

const struct io_ops mc146818_io = {.read = rtc_read, .write = rtc_write};

int64_t mc146818_offset_s(const struct device *d)
{
    return to_rtc(d)->s.offset_s;
}

void mc146818_set_cmos(struct device *d, unsigned index, uint8_t value)
{
    if (index > D && index < MC146818_BYTES && index != CENTURY)
        to_rtc(d)->s.cmos[index] = value;
}

uint8_t mc146818_cmos(const struct device *d, unsigned index)
{
    return index < MC146818_BYTES ? to_rtc(d)->s.cmos[index] : 0xFF;
}

static void rtc_reset(struct device *d)
{
    struct mc146818 *r = to_rtc(d);

    /* the battery keeps time and memory */
    r->s.cmos[B] &= (uint8_t) ~(B_PIE | B_AIE | B_UIE);
    r->s.cmos[C] = 0;
    r->s.index = 0;
    arm_periodic(r);
    arm_second(r);
    rtc_drive(r);
}

static int rtc_check(const void *state)
{
    const struct mc146818_state *s = state;
    int64_t century = 100ll * 366 * 86400;

    if (s->index >= MC146818_BYTES || s->cmos[A] & A_UIP || s->cmos[D] != D_VALID || s->owed > MAX_OWED)
        return -EINVAL;
    return s->offset_s > 300 * century || s->offset_s < -300 * century ? -EINVAL : 0;
}

static void rtc_loaded(struct device *d)
{
    struct mc146818 *r = to_rtc(d);
    uint32_t owed = r->s.owed;
    uint64_t due = r->s.due_ns;

    arm_periodic(r);
    if (timer_armed(&r->periodic)) {
        r->s.owed = owed;
        r->s.due_ns = due;
        timer_set(&r->periodic, due);
    }
    arm_second(r);
    rtc_drive(r);
}

static void rtc_destroy(struct device *d)
{
    timer_cancel(&to_rtc(d)->second);
    timer_cancel(&to_rtc(d)->periodic);
    free(to_rtc(d));
}

static const struct device_ops rtc_ops = {
    .name = "mc146818",
    .version = 1,
    .state_size = sizeof(struct mc146818_state),
    .reset = rtc_reset,
    .check = rtc_check,
    .loaded = rtc_loaded,
    .destroy = rtc_destroy,
};

struct device *mc146818_create(struct loop *loop, struct irq_line *irq8, const struct mc146818_config *config)
{
    struct mc146818 *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->dev = (struct device){.ops = &rtc_ops, .state = &r->s};
    r->loop = loop;
    r->irq8 = irq8;
    if (config)
        r->config = *config;
    if (!r->config.wall_ns)
        r->config.wall_ns = host_wall_ns;
    timer_init(&r->second, loop, second_fired, r);
    timer_init(&r->periodic, loop, periodic_fired, r);
    r->s.offset_s = r->config.offset_s;
    r->s.cmos[A] = A_RUNNING | 6;
    r->s.cmos[B] = B_24H;
    r->s.cmos[D] = D_VALID;
    r->s.seen_s = guest_second(r);
    show_time(r, r->s.seen_s);
    rtc_reset(&r->dev);
    return &r->dev;
}
