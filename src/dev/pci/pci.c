/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pci.c: PCI functions of bus 0: configuration mechanism 1, BARs, INTx (PCI Local Bus 3.0, chapter 6).
 *
 * Knows config space and where BARs go; not what the functions do, nor how the board routes INTx. Decoding follows the
 * guest's writes at once: a BAR that moves is unmapped and mapped again.
 */
#include "dev/pci/pci.h"

#include "base/bytes.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>

#define FUNCTIONS      256
#define PORT_LIMIT     0x10000u
#define MEMORY_LIMIT   0x100000000u
#define ADDRESS_ENABLE 0x80000000u

struct pci_bus_state {
    uint32_t address; /* the CF8 latch */
};

struct pci_bus {
    struct device dev; /* first */
    struct pci_bus_state s;
    struct bus *ports, *mmio; /* borrowed, as the next one */
    struct memory *memory;
    void (*set_intx)(void *opaque, unsigned slot, unsigned pin, bool level);
    void *opaque;
    struct pci_device *function[FUNCTIONS]; /* borrowed */
    bool intx[FUNCTIONS / 8][4];            /* what each slot's wires carry */
};

static struct pci_bus *to_bus(struct device *d)
{
    return (struct pci_bus *)d;
}

/* ---- BARs ---- */

static unsigned bar_offset(unsigned n)
{
    return n == PCI_ROM_BAR ? PCI_ROM : PCI_BAR0 + 4 * n;
}

static uint64_t bar_host_pages(const struct pci_bar *bar)
{
    uint64_t bytes = bar->host_bytes && bar->host_bytes < bar->size ? bar->host_bytes : bar->size;

    return bar->host ? bytes >> PAGE_SHIFT_4K : 0;
}

/* Is the frame free (want_ours false), or one that shows our page (want_ours true)? */
static bool bar_frame_is(struct pci_bus *bus, const struct pci_bar *bar, uint64_t page, bool want_ours)
{
    struct memory_page at = memory_lookup(bus->memory, (bar->base >> PAGE_SHIFT_4K) + page);

    if (!(at.flags & MEMORY_PRESENT))
        return !want_ours;
    return want_ours && at.host == (uint8_t *)bar->host + page * PAGE_BYTES;
}

/* Maps or unmaps the host pages of a mapped BAR, in runs, leaving alone the frames that others hold. */
static void bar_host_show(struct pci_bus *bus, struct pci_bar *bar, bool show)
{
    uint64_t pages = bar_host_pages(bar), first = bar->base >> PAGE_SHIFT_4K, run;

    for (uint64_t page = 0; page < pages; page += run) {
        for (run = 0; page + run < pages && bar_frame_is(bus, bar, page + run, !show); run++)
            ;
        if (!run) {
            run = 1;
            continue;
        }
        if (!show)
            memory_unmap(bus->memory, first + page, run);
        else if (memory_map_host(bus->memory, first + page, (uint8_t *)bar->host + page * PAGE_BYTES, run,
                                 bar->host_flags))
            log_warning("PCI: no memory to map a BAR at 0x%llx", (unsigned long long)bar->base);
    }
}

/* After pages went, those of another BAR below may show. */
static void bus_show_hidden(struct pci_bus *bus)
{
    for (unsigned i = 0; i < FUNCTIONS; i++)
        for (unsigned n = 0; bus->function[i] && n < PCI_BARS; n++)
            if (bus->function[i]->bar[n].mapped && bus->function[i]->bar[n].host)
                bar_host_show(bus, &bus->function[i]->bar[n], true);
}

static void bar_unmap(struct pci_device *d, struct pci_bar *bar)
{
    struct pci_bus *bus = d->bus;

    if (!bar->mapped)
        return;
    bus_unmap(bar->kind == PCI_BAR_IO ? bus->ports : bus->mmio, bar->window);
    bar->window = NULL;
    bar_host_show(bus, bar, false);
    bar->mapped = false;
    if (bar->host)
        bus_show_hidden(bus);
}

static void bar_map(struct pci_device *d, struct pci_bar *bar, uint64_t base)
{
    struct pci_bus *bus = d->bus;

    bar->base = base;
    bar->mapped = true;
    if (bar->ops) {
        bar->window = bus_map(bar->kind == PCI_BAR_IO ? bus->ports : bus->mmio, base, bar->size, &d->dev, bar->ops);
        if (!bar->window)
            log_warning("PCI: no memory to map a BAR at 0x%llx", (unsigned long long)base);
    }
    if (bar->kind != PCI_BAR_IO)
        bar_host_show(bus, bar, true);
}

/* Where the config space puts the BAR; false: it is not decoded. */
static bool bar_decoded(struct pci_device *d, unsigned n, uint64_t *base)
{
    const struct pci_bar *bar = &d->bar[n];
    uint16_t command = load_le16(pci_config(d) + PCI_COMMAND);
    uint32_t value = load_le32(pci_config(d) + bar_offset(n));
    bool io = bar->kind == PCI_BAR_IO;
    uint64_t limit = io ? PORT_LIMIT : MEMORY_LIMIT;

    if (bar->kind == PCI_BAR_NONE || !bar->size || !(command & (io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)))
        return false;
    if (n == PCI_ROM_BAR && !(value & PCI_ROM_ENABLE))
        return false;
    *base = value & ~(bar->size - 1);
    return *base && *base < limit && bar->size < limit - *base;
}

static void device_update_bars(struct pci_device *d)
{
    for (unsigned n = 0; d->bus && n < PCI_BARS; n++) {
        struct pci_bar *bar = &d->bar[n];
        uint64_t base = 0;
        bool decoded = bar_decoded(d, n, &base);

        if (bar->mapped && (!decoded || base != bar->base))
            bar_unmap(d, bar);
        if (!bar->mapped && decoded)
            bar_map(d, bar, base);
    }
}

void pci_bar_set_host(struct pci_device *d, unsigned n, void *host, uint64_t host_bytes, unsigned host_flags)
{
    struct pci_bar *bar = &d->bar[n];
    bool shown = bar->mapped && d->bus;

    if (bar->host == host && bar->host_bytes == host_bytes && bar->host_flags == host_flags)
        return;
    if (shown)
        bar_host_show(d->bus, bar, false);
    bar->host = host;
    bar->host_bytes = host_bytes;
    bar->host_flags = host_flags;
    if (shown)
        bus_show_hidden(d->bus);
}

/* The BARs' fixed type bits and writable address bits. */
static void device_set_bar_masks(struct pci_device *d)
{
    uint8_t *config = pci_config(d);

    for (unsigned n = 0; n < PCI_BARS; n++) {
        const struct pci_bar *bar = &d->bar[n];
        unsigned offset = bar_offset(n);
        uint32_t mask = bar->kind == PCI_BAR_NONE || !bar->size ? 0 : ~(uint32_t)(bar->size - 1);
        uint32_t type = 0;

        if (n == PCI_ROM_BAR && mask)
            mask |= PCI_ROM_ENABLE;
        else if (bar->kind == PCI_BAR_IO)
            type = 1;
        else if (bar->kind == PCI_BAR_MEM_PREFETCH)
            type = 8;
        store_le32(d->writable + offset, mask);
        store_le32(config + offset, (load_le32(config + offset) & mask) | type);
    }
}

/* ---- INTx: functions of one slot share its four wires ---- */

static bool device_asserts(const struct pci_device *d, unsigned pin)
{
    const uint8_t *config = ((const struct pci_device_state *)d->dev.state)->config;

    return d->intx_level && config[PCI_INTERRUPT_PIN] == pin + 1 &&
           !(load_le16(config + PCI_COMMAND) & PCI_COMMAND_INTX_OFF);
}

static void device_update_intx(struct pci_device *d)
{
    uint8_t *config = pci_config(d);
    unsigned pin = config[PCI_INTERRUPT_PIN] - 1u, slot = d->devfn >> 3;
    bool level = false;

    config[PCI_STATUS] =
        (uint8_t)((config[PCI_STATUS] & ~PCI_STATUS_INTERRUPT) | (d->intx_level ? PCI_STATUS_INTERRUPT : 0));
    if (pin > 3 || !d->bus)
        return;
    for (unsigned f = 0; f < 8; f++) {
        struct pci_device *other = d->bus->function[slot << 3 | f];

        level = level || (other && device_asserts(other, pin));
    }
    if (d->bus->intx[slot][pin] == level)
        return;
    d->bus->intx[slot][pin] = level;
    if (d->bus->set_intx)
        d->bus->set_intx(d->bus->opaque, slot, pin, level);
}

void pci_set_intx(struct pci_device *d, bool level)
{
    if (d->intx_level == level)
        return;
    d->intx_level = level;
    device_update_intx(d);
}

/* ---- config space ---- */

static uint64_t device_config_read(struct pci_device *d, unsigned offset, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)pci_config(d)[offset + i] << (8 * i);
    return value;
}

static bool ranges_meet(unsigned a, unsigned a_len, unsigned b, unsigned b_len)
{
    return a < b + b_len && b < a + a_len;
}

static void device_config_write(struct pci_device *d, unsigned offset, unsigned size, uint64_t value)
{
    uint8_t *config = pci_config(d);

    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(value >> (8 * i)), mask = d->writable[offset + i];

        config[offset + i] =
            (uint8_t)(((config[offset + i] & ~mask) | (byte & mask)) & ~(byte & d->write1clear[offset + i]));
    }
    if (ranges_meet(offset, size, PCI_COMMAND, 2) || ranges_meet(offset, size, PCI_BAR0, 24) ||
        ranges_meet(offset, size, PCI_ROM, 4))
        device_update_bars(d);
    if (ranges_meet(offset, size, PCI_COMMAND, 2))
        device_update_intx(d);
    if (d->config_written)
        d->config_written(d, offset, size);
}

/* The function and offset that the latch and a data port name; NULL: nobody answers. */
static struct pci_device *bus_addressed(struct pci_bus *bus, uint64_t port, unsigned *offset)
{
    uint32_t address = bus->s.address;

    if (!(address & ADDRESS_ENABLE) || (address >> 16 & 0xff) != 0)
        return NULL;
    *offset = (address & 0xfc) + ((unsigned)port & 3);
    return bus->function[address >> 8 & 0xff];
}

static uint64_t config_port_read(struct device *dev, uint64_t port, unsigned size)
{
    struct pci_bus *bus = to_bus(dev);
    struct pci_device *d;
    unsigned offset;

    if (port == 0 && size == 4)
        return bus->s.address;
    if (port < 4 || port + size > 8)
        return bytes_ones(size);
    d = bus_addressed(bus, port, &offset);
    return d ? device_config_read(d, offset, size) : bytes_ones(size);
}

static void config_port_write(struct device *dev, uint64_t port, unsigned size, uint64_t value)
{
    struct pci_bus *bus = to_bus(dev);
    struct pci_device *d;
    unsigned offset;

    if (port == 0 && size == 4) {
        bus->s.address = (uint32_t)value & (ADDRESS_ENABLE | 0xfffffc);
    } else if (port >= 4 && port + size <= 8) {
        d = bus_addressed(bus, port, &offset);
        if (d)
            device_config_write(d, offset, size, value);
    }
}

const struct io_ops pci_config_io = {.read = config_port_read, .write = config_port_write};

/* ---- functions ---- */

void pci_device_init(struct pci_device *d, const struct pci_ids *ids)
{
    uint8_t *config = pci_config(d);

    memset(config, 0, 256);
    memset(d->writable, 0, sizeof d->writable);
    memset(d->write1clear, 0, sizeof d->write1clear);
    store_le16(config + PCI_VENDOR, ids->vendor);
    store_le16(config + PCI_DEVICE, ids->device);
    store_le32(config + PCI_REVISION, ids->class_code << 8 | ids->revision);
    config[PCI_HEADER_TYPE] = ids->multifunction ? 0x80 : 0;
    store_le16(config + PCI_SUBSYSTEM_VENDOR, ids->subsystem_vendor);
    store_le16(config + PCI_SUBSYSTEM, ids->subsystem);
    config[PCI_INTERRUPT_PIN] = ids->interrupt_pin;
    store_le16(d->writable + PCI_COMMAND,
               PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_SERR | PCI_COMMAND_INTX_OFF);
    d->writable[PCI_CACHE_LINE] = 0xff;
    d->writable[PCI_INTERRUPT_LINE] = 0xff;
    device_set_bar_masks(d);
}

int pci_device_add(struct pci_bus *bus, struct pci_device *d, unsigned devfn)
{
    if (devfn >= FUNCTIONS || bus->function[devfn])
        return -EEXIST;
    d->bus = bus;
    d->devfn = devfn;
    bus->function[devfn] = d;
    device_set_bar_masks(d);
    device_update_bars(d);
    device_update_intx(d);
    return 0;
}

void pci_device_remove(struct pci_device *d)
{
    if (!d->bus)
        return;
    pci_set_intx(d, false);
    for (unsigned n = 0; n < PCI_BARS; n++)
        bar_unmap(d, &d->bar[n]);
    d->bus->function[d->devfn] = NULL;
    d->bus = NULL;
}

void pci_device_reset(struct pci_device *d)
{
    uint8_t *config = pci_config(d);

    for (unsigned i = 0; i < 256; i++)
        config[i] = (uint8_t)(config[i] & ~(d->writable[i] | d->write1clear[i]));
    device_update_bars(d);
    d->intx_level = false;
    device_update_intx(d);
}

void pci_device_loaded(struct pci_device *d)
{
    device_set_bar_masks(d);
    device_update_bars(d);
    d->intx_level = false;
    device_update_intx(d);
}

int pci_state_check(const void *state, const struct pci_ids *ids)
{
    const uint8_t *config = ((const struct pci_device_state *)state)->config;
    bool same = load_le16(config + PCI_VENDOR) == ids->vendor && load_le16(config + PCI_DEVICE) == ids->device &&
                load_le32(config + PCI_REVISION) == (ids->class_code << 8 | ids->revision) &&
                config[PCI_HEADER_TYPE] == (ids->multifunction ? 0x80 : 0) &&
                load_le16(config + PCI_SUBSYSTEM_VENDOR) == ids->subsystem_vendor &&
                load_le16(config + PCI_SUBSYSTEM) == ids->subsystem && config[PCI_INTERRUPT_PIN] == ids->interrupt_pin;

    return same ? 0 : -EINVAL;
}

static bool device_masters(struct pci_device *d)
{
    return d->bus && (load_le16(pci_config(d) + PCI_COMMAND) & PCI_COMMAND_MASTER);
}

int pci_dma_read(struct pci_device *d, void *to, gpa_t from, uint64_t len)
{
    return device_masters(d) ? mem_copy_in(d->bus->memory, to, from, len) : -EFAULT;
}

int pci_dma_write(struct pci_device *d, gpa_t to, const void *from, uint64_t len)
{
    return device_masters(d) ? mem_copy_out(d->bus->memory, to, from, len) : -EFAULT;
}

/* ---- the bus ---- */

static void pci_bus_reset(struct device *d)
{
    to_bus(d)->s.address = 0;
}

static void pci_bus_free(struct device *d)
{
    pci_bus_destroy(to_bus(d));
}

static const struct device_ops pci_bus_ops = {
    .name = "pci",
    .version = 1,
    .state_size = sizeof(struct pci_bus_state),
    .reset = pci_bus_reset,
    .destroy = pci_bus_free,
};

struct pci_bus *pci_bus_create(struct bus *ports, struct bus *mmio, struct memory *memory,
                               void (*set_intx)(void *opaque, unsigned slot, unsigned pin, bool level), void *opaque)
{
    struct pci_bus *bus = calloc(1, sizeof *bus);

    if (!bus)
        return NULL;
    bus->dev.ops = &pci_bus_ops;
    bus->dev.state = &bus->s;
    bus->ports = ports;
    bus->mmio = mmio;
    bus->memory = memory;
    bus->set_intx = set_intx;
    bus->opaque = opaque;
    return bus;
}

void pci_bus_destroy(struct pci_bus *bus)
{
    if (!bus)
        return;
    for (unsigned i = 0; i < FUNCTIONS; i++)
        if (bus->function[i])
            pci_device_remove(bus->function[i]);
    free(bus);
}

struct device *pci_bus_device(struct pci_bus *bus)
{
    return &bus->dev;
}

struct pci_device *pci_bus_find(struct pci_bus *bus, unsigned devfn)
{
    return devfn < FUNCTIONS ? bus->function[devfn] : NULL;
}
