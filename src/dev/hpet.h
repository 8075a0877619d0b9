/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hpet.h: the high-precision event timer as Xen's: id 8086A201, three comparators, 62.5 MHz, 64 bits. */
#ifndef DOMUS_DEV_HPET_H
#define DOMUS_DEV_HPET_H

#include "machine/device.h"
#include "machine/irq.h"
#include "machine/loop.h"

#define HPET_HZ          62500000u
#define HPET_COMPARATORS 3
#define HPET_FIRST_GSI   20
#define HPET_GSIS        4

/* All borrowed. legacy: ISA interrupts 0 and 8; gsi: IOAPIC pins 20..23. NULL only when memory runs out. */
struct device *hpet_create(struct loop *loop, struct irq_line *const legacy[2], struct irq_line *const gsi[HPET_GSIS]);

/*
 * Receiver of the PIT's (n = 0) and the RTC's (n = 1) line: passed on to legacy[n], except while the HPET replaces
 * them.
 */
void hpet_set_legacy_irq(void *opaque, unsigned n, bool level);

/*
 * Asked before each tick of comparator 0 in the PIT's place: true while the guest has not taken the last one. Then the
 * tick comes later, so that none is lost. Without it, ticks come whether they are taken or not.
 */
void hpet_set_waiting(struct device *d, bool (*waiting)(void *opaque), void *opaque);

extern const struct io_ops hpet_io; /* 1 KiB at 0xFED00000 */

#endif
