/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ns16550.h: a PC's serial port: a 16550A over a byte stream of the host. */
#ifndef DOMUS_DEV_NS16550_H
#define DOMUS_DEV_NS16550_H

#include "machine/device.h"
#include "machine/irq.h"
#include "machine/loop.h"

struct chardev;

/*
 * irq and chardev are borrowed; chardev may be NULL: nothing plugged in. Becomes the chardev's client until destroyed.
 * NULL only when memory runs out.
 */
struct device *ns16550_create(struct loop *loop, struct irq_line *irq, struct chardev *chardev);

extern const struct io_ops ns16550_io; /* 8 ports */

#endif
