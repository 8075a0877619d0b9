/* SPDX-License-Identifier: GPL-2.0-or-later */
/* i8042.h: the PC/AT keyboard controller with its mouse port, and port 0x92 (A20, fast reset). */
#ifndef DOMUS_DEV_I8042_H
#define DOMUS_DEV_I8042_H

#include "dev/ps2.h"
#include "machine/device.h"
#include "machine/irq.h"
#include "machine/lifecycle.h"
#include "machine/loop.h"

/* All borrowed; mouse may be NULL: nothing plugged in. Destroy the controller before what is plugged into it. */
struct i8042_config {
    struct irq_line *irq1, *irq12;
    struct ps2_device *keyboard, *mouse;
    struct lifecycle *life; /* whom to ask for a reboot when the reset line is pulsed */
};

struct device *i8042_create(struct loop *loop, const struct i8042_config *config); /* NULL only when memory runs out */

extern const struct io_ops i8042_data_io;    /* 1 port at 0x60 */
extern const struct io_ops i8042_command_io; /* 1 port at 0x64 */
extern const struct io_ops i8042_port92_io;  /* 1 port at 0x92 */

#endif
