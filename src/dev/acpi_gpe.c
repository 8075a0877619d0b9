/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * acpi_gpe.c: general-purpose events and the hot-plug registers behind them (ACPI 6.5, 4.8.4.1; Xen's DSDT: _E01 reads
 * the PCI bitmaps, _E02 the CPU bitmap). Knows bitmaps and the SCI condition; not PCI, nor vCPUs.
 */
#include "dev/acpi_gpe.h"

#include "base/log.h"
#include "dev/bytewise.h"

#include <errno.h>
#include <stdlib.h>

#define EVENT_PCI     (1u << 1)
#define EVENT_CPU     (1u << 2)
#define PCI_UP        0x00
#define PCI_DOWN      0x04
#define PCI_EJECT     0x08
#define PCI_REMOVABLE 0x0C

struct acpi_gpe_state {
    uint16_t status, enable;
    uint32_t up, down, removable;
    uint8_t cpus[ACPI_GPE_CPUS / 8];
};

struct acpi_gpe {
    struct device dev;
    struct acpi_gpe_state s;
    struct acpi_gpe_config config;
};

static struct acpi_gpe *to_gpe(struct device *d)
{
    return (struct acpi_gpe *)d;
}

static void gpe_update(struct device *d)
{
    irq_set(to_gpe(d)->config.sci, to_gpe(d)->s.status & to_gpe(d)->s.enable);
}

static void gpe_raise(struct device *d, unsigned event)
{
    to_gpe(d)->s.status |= (uint16_t)event;
    gpe_update(d);
}

static uint8_t gpe_read_reg(struct device *d, unsigned reg)
{
    const struct acpi_gpe_state *s = &to_gpe(d)->s;

    return (uint8_t)((reg < 2 ? s->status : s->enable) >> (8 * (reg & 1)));
}

static void gpe_write_reg(struct device *d, unsigned reg, uint8_t value)
{
    struct acpi_gpe_state *s = &to_gpe(d)->s;
    unsigned shift = 8 * (reg & 1);

    if (reg < 2)
        s->status &= (uint16_t) ~(value << shift); /* write 1 to clear */
    else
        s->enable = (uint16_t)((s->enable & ~(0xFF << shift)) | value << shift);
    gpe_update(d);
}

static uint64_t gpe_read(struct device *d, uint64_t offset, unsigned size)
{
    return bytewise_read(d, offset, size, gpe_read_reg);
}

static void gpe_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    bytewise_write(d, offset, size, value, gpe_write_reg);
}

static uint8_t pci_read_reg(struct device *d, unsigned reg)
{
    const struct acpi_gpe_state *s = &to_gpe(d)->s;
    unsigned shift = 8 * (reg & 3);

    switch (reg & ~3u) {
    case PCI_UP: return (uint8_t)(s->up >> shift);
    case PCI_DOWN: return (uint8_t)(s->down >> shift);
    case PCI_REMOVABLE: return (uint8_t)(s->removable >> shift);
    default: return 0;
    }
}

static void pci_write_reg(struct device *d, unsigned reg, uint8_t value)
{
    struct acpi_gpe *g = to_gpe(d);

    if ((reg & ~3u) != PCI_EJECT)
        return;
    for (unsigned bit = 0; bit < 8; bit++) {
        unsigned slot = 8 * (reg & 3) + bit;

        if (!(value >> bit & 1) || !(g->s.removable >> slot & 1))
            continue;
        g->s.up &= ~(1u << slot);
        g->s.down &= ~(1u << slot);
        if (g->config.eject)
            g->config.eject(g->config.opaque, slot);
    }
}

static uint64_t pci_read(struct device *d, uint64_t offset, unsigned size)
{
    return bytewise_read(d, offset, size, pci_read_reg);
}

static void pci_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    bytewise_write(d, offset, size, value, pci_write_reg);
}

static uint8_t cpu_read_reg(struct device *d, unsigned reg)
{
    return reg < sizeof to_gpe(d)->s.cpus ? to_gpe(d)->s.cpus[reg] : 0;
}

static uint64_t cpu_read(struct device *d, uint64_t offset, unsigned size)
{
    return bytewise_read(d, offset, size, cpu_read_reg);
}

static void cpu_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    /* read-only: the toolstack decides */
}

static uint64_t debug_read(struct device *d, uint64_t offset, unsigned size)
{
    return ~0ull;
}

static void debug_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    log_guest("AML debug: %#llx", (unsigned long long)value);
}

const struct io_ops acpi_gpe_io = {.read = gpe_read, .write = gpe_write};
const struct io_ops acpi_pci_hotplug_io = {.read = pci_read, .write = pci_write};
const struct io_ops acpi_cpu_hotplug_io = {.read = cpu_read, .write = cpu_write};
const struct io_ops acpi_aml_debug_io = {.read = debug_read, .write = debug_write};

/* The AML reads the bitmaps once per slot, so reading cannot clear them: the next event after the guest has taken the
 * last one does. */
static void pci_forget_seen(struct acpi_gpe *g)
{
    if (!(g->s.status & EVENT_PCI))
        g->s.up = 0;
}

void acpi_gpe_pci_plug(struct device *d, unsigned slot)
{
    pci_forget_seen(to_gpe(d));
    to_gpe(d)->s.up |= 1u << (slot & 31);
    to_gpe(d)->s.down &= ~(1u << (slot & 31));
    gpe_raise(d, EVENT_PCI);
}

void acpi_gpe_pci_unplug(struct device *d, unsigned slot)
{
    pci_forget_seen(to_gpe(d));
    to_gpe(d)->s.down |= 1u << (slot & 31);
    gpe_raise(d, EVENT_PCI);
}

void acpi_gpe_set_removable(struct device *d, uint32_t slots)
{
    to_gpe(d)->s.removable = slots;
}

void acpi_gpe_set_cpu(struct device *d, unsigned vcpu, bool online, bool notify)
{
    uint8_t *byte, bit = (uint8_t)(1u << (vcpu & 7));

    if (vcpu >= ACPI_GPE_CPUS)
        return;
    byte = &to_gpe(d)->s.cpus[vcpu / 8];
    *byte = online ? *byte | bit : *byte & (uint8_t)~bit;
    if (notify)
        gpe_raise(d, EVENT_CPU);
}

static void gpe_reset(struct device *d)
{
    struct acpi_gpe_state *s = &to_gpe(d)->s;

    s->status = s->enable = 0; /* what is plugged stays plugged */
    s->up = s->down = 0;
    gpe_update(d);
}

static void gpe_destroy(struct device *d)
{
    free(to_gpe(d));
}

static const struct device_ops gpe_ops = {
    .name = "acpi-gpe",
    .version = 1,
    .state_size = sizeof(struct acpi_gpe_state), /* any value is one the chip can be in: no check */
    .reset = gpe_reset,
    .loaded = gpe_update,
    .destroy = gpe_destroy,
};

struct device *acpi_gpe_create(const struct acpi_gpe_config *config)
{
    struct acpi_gpe *g = calloc(1, sizeof *g);

    if (!g)
        return NULL;
    g->dev = (struct device){.ops = &gpe_ops, .state = &g->s};
    g->config = *config;
    return &g->dev;
}
