/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pc_irq.c: the board's interrupt wiring, as Xen's HVM guests see it: ISA interrupts go to the PICs and to the IOAPIC
 * pin of the same number (0 to pin 2); PCI INTx goes to GSI 16 + ((slot*4 + slot/8 + pin) & 31) and, through the PIIX3,
 * to an ISA interrupt as well; the PICs' output reaches the LAPICs as ExtINT.
 */
#include "board/pc_internal.h"

#include "dev/apic_bus.h"
#include "dev/i8259.h"
#include "dev/ioapic.h"
#include "dev/lapic.h"
#include "dev/piix3.h"

#include <errno.h>

static void isa_changed(void *opaque, unsigned n, bool level)
{
    struct pc *pc = opaque;

    level = pc->isa[n].level || pc->isa_pci[n].level;
    i8259_set_irq(pc->pic, n, level);
    if (n != 2)
        ioapic_set_irq(pc->ioapic, n == 0 ? 2 : n, level);
}

/* Several wires meet at one GSI: it is asserted while any is. */
void pc_gsi_set(struct pc *pc, unsigned gsi, bool level)
{
    if (gsi >= PC_GSIS)
        return;
    if (level)
        pc->gsi_asserted[gsi]++;
    else if (pc->gsi_asserted[gsi])
        pc->gsi_asserted[gsi]--;
    ioapic_set_irq(pc->ioapic, gsi, pc->gsi_asserted[gsi] != 0);
}

void pc_intx_set(void *opaque, unsigned slot, unsigned pin, bool level)
{
    struct pc *pc = opaque;

    pc_gsi_set(pc, (((slot << 2) + (slot >> 3) + pin) & 31) + 16, level);
    if (pc->piix3)
        piix3_set_intx(pc->piix3, slot, pin, level);
}

/* The LAPIC's wires into its vCPU. */
static void lapic_set_intr(void *opaque, bool level)
{
    struct pc_cpu *c = opaque;

    c->lapic_intr = level;
    pc_cpu_update_interrupt(c->pc, c->index);
}

static void lapic_nmi(void *opaque)
{
    struct pc_cpu *c = opaque;

    vcpu_nmi(c->pc->vcpus, c->index);
}

static void lapic_init(void *opaque)
{
    struct pc_cpu *c = opaque;

    vcpu_init(c->pc->vcpus, c->index);
}

static void lapic_sipi(void *opaque, uint8_t vector)
{
    struct pc_cpu *c = opaque;

    vcpu_sipi(c->pc->vcpus, c->index, vector);
}

int pc_irq_create(struct pc *pc)
{
    int rc;

    for (unsigned n = 0; n < PC_ISA_IRQS; n++) {
        pc->isa[n] = (struct irq_line){isa_changed, pc, n, false};
        pc->isa_pci[n] = (struct irq_line){isa_changed, pc, n, false};
    }
    pc->apic_bus = apic_bus_create();
    if (!pc->apic_bus)
        return -ENOMEM;
    pc->intr = (struct irq_line){apic_bus_set_extint, pc->apic_bus, 0, false};
    pc->pic = i8259_create(&pc->intr);
    rc = pc_add(pc, pc->pic);
    if (rc)
        return rc;
    apic_bus_set_pic(pc->apic_bus, pc->pic, i8259_ack);
    pc->ioapic = ioapic_create(pc->apic_bus);
    rc = pc_add(pc, pc->ioapic);
    if (rc)
        return rc;
    apic_bus_set_ioapic(pc->apic_bus, pc->ioapic);
    for (unsigned i = 0; i < pc->cpus; i++) {
        struct lapic_cpu wires = {
            .set_intr = lapic_set_intr,
            .nmi = lapic_nmi,
            .init = lapic_init,
            .sipi = lapic_sipi,
            .opaque = &pc->cpu[i],
        };
        pc->cpu[i] = (struct pc_cpu){.pc = pc, .index = i};
        pc->cpu[i].lapic = lapic_create(pc->apic_bus, pc->s.loop, i, &wires);
        rc = pc_add(pc, pc->cpu[i].lapic);
        if (rc)
            return rc;
    }
    if (pc_map_ports(pc, 0x20, 2, pc->pic, &i8259_master_io) || pc_map_ports(pc, 0xa0, 2, pc->pic, &i8259_slave_io) ||
        pc_map_ports(pc, 0x4d0, 2, pc->pic, &i8259_elcr_io) ||
        pc_map_mmio(pc, PC_IOAPIC_BASE, PAGE_BYTES, pc->ioapic, &ioapic_io))
        return -ENOMEM;
    return 0;
}
