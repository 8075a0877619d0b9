/* SPDX-License-Identifier: GPL-2.0-or-later */
/* i8254.h: the interval timer of a PC (channel 0 the system tick, 1 refresh, 2 the speaker) and port 0x61. */
#ifndef DOMUS_DEV_I8254_H
#define DOMUS_DEV_I8254_H

#include "machine/device.h"
#include "machine/irq.h"
#include "machine/loop.h"

#define I8254_HZ 1193182u

/* irq0: channel 0's output, borrowed. NULL only when memory runs out. */
struct device *i8254_create(struct loop *loop, struct irq_line *irq0);

/*
 * Asked before a periodic tick: does the last one still wait for the processor? Then this one would be lost, and is
 * made up later instead. Not set: no.
 */
void i8254_set_waiting(struct device *d, bool (*waiting)(void *opaque), void *opaque);

extern const struct io_ops i8254_io;        /* 4 ports at 0x40 */
extern const struct io_ops i8254_port61_io; /* 1 port at 0x61 */

/* What the speaker plays now, in Hz; 0: silence. And the count of I8254_HZ that makes it. */
unsigned i8254_speaker_hz(struct device *d);
unsigned i8254_speaker_count(struct device *d);
/* Called before and after each access that may change what the speaker plays. */
void i8254_set_speaker(struct device *d, void (*changing)(void *opaque), void *opaque);

#endif
