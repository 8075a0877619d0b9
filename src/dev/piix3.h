/* SPDX-License-Identifier: GPL-2.0-or-later */
/* piix3.h: the ISA bridge, 00:01.0, and its PIRQ router. */
#ifndef DOMUS_DEV_PIIX3_H
#define DOMUS_DEV_PIIX3_H

#include "dev/pci/pci.h"

#define PIIX3_ISA_IRQS 16

/*
 * isa_irq: 16 lines, borrowed: what PCI's share of each ISA interrupt carries; the board ors them with the ISA
 * devices'. Only those a PIRQ can be routed to are driven. NULL without memory.
 */
struct pci_device *piix3_create(struct irq_line *isa_irq);

/* A slot's INTx wire changed (pin 0..3): drives the ISA interrupt its link is routed to. The board calls this from the
 * PCI bus's set_intx, beside its own mapping to IOAPIC pins. */
void piix3_set_intx(struct pci_device *d, unsigned slot, unsigned pin, bool level);

/* The ISA interrupt of a slot's pin now, or -1: not routed. */
int piix3_route(struct pci_device *d, unsigned slot, unsigned pin);

#endif
