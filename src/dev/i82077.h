/* SPDX-License-Identifier: GPL-2.0-or-later */
/* i82077.h: a PC's floppy controller with its two drives. */
#ifndef DOMUS_DEV_I82077_H
#define DOMUS_DEV_I82077_H

#include "machine/device.h"
#include "machine/irq.h"
#include "machine/loop.h"

struct block;

#define I82077_DRIVES 2

/* irq6 and dma (an i8237, channel 2) are borrowed. NULL only when memory runs out. */
struct device *i82077_create(struct loop *loop, struct irq_line *irq6, struct device *dma);

extern const struct io_ops i82077_io;     /* 6 ports at 0x3F0 */
extern const struct io_ops i82077_dir_io; /* 1 port at 0x3F7 */

/* The kind of drive as CMOS 10h has it (1: 360K, 2: 1.2M, 3: 720K, 4: 1.44M, 5: 2.88M) that takes an image of that
 * many sectors; 0: no floppy has that size. */
unsigned i82077_drive_kind(uint64_t sectors);
/* Connects drive 0 or 1. -EEXIST: there is one already; -EINVAL: bad kind. */
int i82077_add_drive(struct device *d, unsigned drive, unsigned kind);
/* Changes the disk; NULL takes it out. Takes b over on success. -ENODEV: no drive, -EINVAL: not a disk for it. */
int i82077_insert(struct device *d, unsigned drive, struct block *b);

#endif
