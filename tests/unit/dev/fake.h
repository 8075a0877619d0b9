/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake.h: what a chip needs around it in a unit test: a clock that the test turns, lines that count, and the pass that
 * saves a chip, loads it into a new one, and saves that again. fake_loop.c takes the place of machine/loop.c.
 */
#ifndef TESTS_UNIT_DEV_FAKE_H
#define TESTS_UNIT_DEV_FAKE_H

#include "machine/device.h"
#include "machine/irq.h"
#include "machine/loop.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The loop that fake_loop.c makes of any pointer; chips pass it on unread. */
extern struct loop *const fake_loop;
void fake_loop_reset(void);
void fake_advance(uint64_t ns); /* runs the timers on the way, each at its own time */
void fake_jump(uint64_t ns);    /* a host that was late: time moves first, then what is due fires once */
unsigned fake_timers_armed(void);
unsigned fake_timers_fired(void); /* since the start */
void fake_run_jobs(void);         /* what was posted; those that post themselves again wait for the next time */

struct fake_line {
    struct irq_line line;
    unsigned rises;
};
void fake_line_init(struct fake_line *l);

uint8_t in8(struct device *d, const struct io_ops *io, unsigned offset);
uint16_t in16(struct device *d, const struct io_ops *io, unsigned offset);
uint32_t in32(struct device *d, const struct io_ops *io, unsigned offset);
void out8(struct device *d, const struct io_ops *io, unsigned offset, unsigned value);
void out16(struct device *d, const struct io_ops *io, unsigned offset, unsigned value);
void out32(struct device *d, const struct io_ops *io, unsigned offset, uint32_t value);

/* Saves `from`, loads that into `to` (a new chip of the same kind), and saves `to`: the two must be the same. */
void assert_roundtrip(struct device *from, struct device *to);
/* Loading `state` must be refused. */
void assert_refused(struct device *d, const void *state);
/* Random accesses of all sizes: nothing to check but that the chip survives and stays loadable. */
void torture(struct device *d, const struct io_ops *io, unsigned window, unsigned rounds);

#endif
