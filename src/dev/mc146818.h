/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mc146818.h: the real-time clock and its 128 bytes of battery-backed memory (CMOS). */
#ifndef DOMUS_DEV_MC146818_H
#define DOMUS_DEV_MC146818_H

#include "machine/device.h"
#include "machine/irq.h"
#include "machine/loop.h"

#define MC146818_BYTES 128

struct mc146818_config {
    int64_t offset_s;         /* the guest's clock less UTC (xl.cfg: rtc_timeoffset; localtime adds the zone's) */
    int64_t (*wall_ns)(void); /* UTC in ns; NULL: the host's clock */
    /* the guest set the clock: offset_s from now on; may be NULL */
    void (*offset_changed)(void *opaque, int64_t offset_s);
    void *opaque;
};

/* irq8 is borrowed, config (may be NULL) is copied. NULL only when memory runs out. */
struct device *mc146818_create(struct loop *loop, struct irq_line *irq8, const struct mc146818_config *config);
int64_t mc146818_offset_s(const struct device *d);

/* CMOS bytes from 14 up, for the board: memory sizes, boot order, floppy types. Others are ignored. */
void mc146818_set_cmos(struct device *d, unsigned index, uint8_t value);
uint8_t mc146818_cmos(const struct device *d, unsigned index);

extern const struct io_ops mc146818_io; /* 2 ports at 0x70 */

#endif
