/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ioapic.h: the 82093AA I/O APIC with Xen's 48 pins. */
#ifndef DOMUS_DEV_IOAPIC_H
#define DOMUS_DEV_IOAPIC_H

#include "dev/apic_bus.h"
#include "machine/device.h"

#define IOAPIC_PINS 48

/* bus: borrowed, told about this IOAPIC. NULL only when memory runs out. */
struct device *ioapic_create(struct apic_bus *bus);

/* An irq_line's receiver: opaque is the device, n the pin. Pin 2 is ISA IRQ 0 (the board's to wire). */
void ioapic_set_irq(void *opaque, unsigned n, bool level);
/* Is pin n open, edge-triggered, and its last interrupt not yet taken by a processor? */
bool ioapic_waiting(const struct device *d, unsigned n);
/* The end-of-interrupt message of a local APIC. */
void ioapic_eoi(struct device *d, uint8_t vector);
/* Pin n's redirection entry, for whoever routes around the APIC (Xen's PIRQs) and for diagnostics. */
uint64_t ioapic_entry(const struct device *d, unsigned n);

extern const struct io_ops ioapic_io; /* 4 KiB at 0xFEC00000 */

#endif
