/* SPDX-License-Identifier: GPL-2.0-or-later */
/* i8259.h: the pair of interrupt controllers of a PC/AT, with the edge/level control registers of the PIIX3. */
#ifndef DOMUS_DEV_I8259_H
#define DOMUS_DEV_I8259_H

#include "machine/device.h"
#include "machine/irq.h"

/* intr: the pair's output, borrowed. NULL only when memory runs out. */
struct device *i8259_create(struct irq_line *intr);

/* An irq_line's receiver: opaque is the device, n 0..15. Pin 2 is the cascade and takes nothing. */
void i8259_set_irq(void *opaque, unsigned n, bool level);
/* Is an edge of input n latched, unmasked, and not yet acknowledged? */
bool i8259_waiting(const struct device *d, unsigned n);
/* The processor's acknowledge cycle: the vector, a spurious one when nothing is pending. */
int i8259_ack(struct device *d);

extern const struct io_ops i8259_master_io; /* 2 ports at 0x20 */
extern const struct io_ops i8259_slave_io;  /* 2 ports at 0xA0 */
extern const struct io_ops i8259_elcr_io;   /* 2 ports at 0x4D0 */

#endif
