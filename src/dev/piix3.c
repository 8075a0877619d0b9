/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * piix3.c: the 82371SB PCI-to-ISA bridge's config registers, and its PIRQ router (Intel 290550, section 2.2).
 *
 * Slot s, pin p reaches link (s + p) & 3; registers 60h-63h name each link's ISA interrupt. Knows neither the PIC, nor
 * the IOAPIC pins that INTx also reaches, nor the reset control port.
 */
#include "dev/piix3.h"

#include "base/bytes.h"

#include <stdlib.h>

#define PIRQ_ROUTE    0x60
#define PIRQ_OFF      0x80u
#define PIRQ_POSSIBLE 0xdef8u /* 3-7, 9-12, 14, 15 */
#define LINKS         4
#define SLOTS         32

struct piix3_state {
    struct pci_device_state pci;
};

struct piix3 {
    struct pci_device pci; /* first */
    struct piix3_state s;
    struct irq_line *isa_irq; /* 16, borrowed */
    uint8_t wires[SLOTS];     /* the slots' four INTx wires now; not saved: the devices drive them again */
    unsigned asserted[LINKS]; /* how many of the wires on each link are up */
};

static const struct pci_ids piix3_ids = {
    .vendor = 0x8086,
    .device = 0x7000,
    .class_code = 0x060100,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
    .multifunction = true,
};

static struct piix3 *to_piix3(struct device *d)
{
    return (struct piix3 *)d;
}

static int link_irq(const struct piix3 *p, unsigned link)
{
    uint8_t route = p->s.pci.config[PIRQ_ROUTE + link];

    return (route & PIRQ_OFF) || !(PIRQ_POSSIBLE >> (route & 15) & 1) ? -1 : route & 15;
}

/* Falls come first, so that a link moved to another interrupt never counts twice. */
static void piix3_update(struct piix3 *p)
{
    uint32_t up = 0;

    for (unsigned link = 0; link < LINKS; link++)
        if (p->asserted[link] && link_irq(p, link) >= 0)
            up |= 1u << link_irq(p, link);
    for (unsigned irq = 0; irq < PIIX3_ISA_IRQS; irq++)
        if (!(up >> irq & 1))
            irq_set(&p->isa_irq[irq], false);
    for (unsigned irq = 0; irq < PIIX3_ISA_IRQS; irq++)
        if (up >> irq & 1)
            irq_set(&p->isa_irq[irq], true);
}

void piix3_set_intx(struct pci_device *d, unsigned slot, unsigned pin, bool level)
{
    struct piix3 *p = to_piix3(&d->dev);
    unsigned link = (slot + pin) & (LINKS - 1);
    uint8_t bit = (uint8_t)(1u << (pin & 3));

    slot &= SLOTS - 1;
    if (!(p->wires[slot] & bit) == !level)
        return;
    p->wires[slot] ^= bit;
    p->asserted[link] += level ? 1u : -1u;
    piix3_update(p);
}

int piix3_route(struct pci_device *d, unsigned slot, unsigned pin)
{
    return link_irq(to_piix3(&d->dev), (slot + pin) & (LINKS - 1));
}

static void piix3_config_written(struct pci_device *d, unsigned offset, unsigned size)
{
    if (offset < PIRQ_ROUTE + LINKS && offset + size > PIRQ_ROUTE)
        piix3_update(to_piix3(&d->dev));
}

static void piix3_reset(struct device *d)
{
    struct piix3 *p = to_piix3(d);
    uint8_t *config = p->s.pci.config;

    pci_device_reset(&p->pci);
    store_le16(config + PCI_STATUS, PCI_STATUS_DEVSEL_MED);
    config[0x4c] = 0x4d; /* ISA recovery */
    config[0x4e] = 0x03; /* chip selects: keyboard and RTC */
    memset(config + PIRQ_ROUTE, PIRQ_OFF, LINKS);
    config[0x69] = 0x02;                /* top of memory */
    config[0x70] = 0x80;                /* motherboard interrupt: off */
    config[0x76] = config[0x77] = 0x0c; /* motherboard DMA: off */
    config[0x78] = 0x02;                /* programmable chip select */
    config[0xa0] = 0x08;                /* SMI: clock frozen */
    config[0xa8] = 0x0f;                /* fast-off timer */
    piix3_update(p);
}

static int piix3_check(const void *state)
{
    return pci_state_check(state, &piix3_ids);
}

static void piix3_loaded(struct device *d)
{
    pci_device_loaded(&to_piix3(d)->pci);
    piix3_update(to_piix3(d));
}

static void piix3_destroy(struct device *d)
{
    pci_device_remove(&to_piix3(d)->pci);
    free(d);
}

static const struct device_ops piix3_ops = {
    .name = "piix3",
    .version = 1,
    .state_size = sizeof(struct piix3_state),
    .reset = piix3_reset,
    .check = piix3_check,
    .loaded = piix3_loaded,
    .destroy = piix3_destroy,
};

struct pci_device *piix3_create(struct irq_line *isa_irq)
{
    struct piix3 *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->pci.dev.ops = &piix3_ops;
    p->pci.dev.state = &p->s;
    p->pci.config_written = piix3_config_written;
    p->isa_irq = isa_irq;
    pci_device_init(&p->pci, &piix3_ids);
    memset(p->pci.writable + 0x4c, 0xff, 4);
    memset(p->pci.writable + PIRQ_ROUTE, 0x8f, LINKS);
    memset(p->pci.writable + 0x69, 0xff, 3);
    memset(p->pci.writable + 0x70, 0xff, 0x83 - 0x70);
    memset(p->pci.writable + 0xa0, 0xff, 16);
    piix3_reset(&p->pci.dev);
    return &p->pci;
}
