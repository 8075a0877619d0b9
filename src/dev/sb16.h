/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sb16.h: a Sound Blaster 16: DSP 4.05, mixer CT1745, OPL3, and an MPU-401 with nothing plugged in. */
#ifndef DOMUS_DEV_SB16_H
#define DOMUS_DEV_SB16_H

#include "machine/device.h"
#include "machine/irq.h"
#include "machine/loop.h"

struct audio;

struct sb16_config {
    struct irq_line *irq[4]; /* borrowed: ISA 2 (9), 5, 7 and 10, of which the mixer chooses */
    struct device *dma;      /* borrowed: an i8237 */
    struct audio *audio;     /* borrowed */
};

/* NULL only when memory runs out. */
struct device *sb16_create(struct loop *loop, const struct sb16_config *c);

extern const struct io_ops sb16_io;     /* 16 ports at 0x220 */
extern const struct io_ops sb16_fm_io;  /* 4 ports at 0x388 */
extern const struct io_ops sb16_mpu_io; /* 2 ports at 0x330 */

#endif
