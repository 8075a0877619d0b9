/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pci.h: PCI functions, bus 0, and configuration mechanism 1 (PCI Local Bus 3.0, ch. 6).
 *
 * A function embeds struct pci_device, fills ids and BARs, and leaves decoding to this file: BAR sizing, mapping into
 * the port and MMIO buses (or RAM pages into guest memory) as the command register and BARs say, the ROM BAR, INTx. All
 * calls need the machine lock.
 */
#ifndef DOMUS_DEV_PCI_PCI_H
#define DOMUS_DEV_PCI_PCI_H

#include "machine/bus.h"
#include "machine/device.h"
#include "machine/irq.h"
#include "machine/memory.h"

#define PCI_BARS    7 /* 0..5 and the expansion ROM */
#define PCI_ROM_BAR 6

enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_IO, PCI_BAR_MEM, PCI_BAR_MEM_PREFETCH };

struct pci_bar {
    enum pci_bar_kind kind;
    uint64_t size;            /* a power of two; 0: none */
    const struct io_ops *ops; /* a register window, and / or ... */
    void *host;               /* ... host pages (video RAM, ROM), page aligned, borrowed, at the BAR's start, ... */
    uint64_t host_bytes;      /* ... so many of them (0: size); what is behind them, ops answers (or nobody) ... */
    unsigned host_flags;      /* ... mapped with these enum memory_flags */
    /* pci.c's: */
    uint64_t base; /* where it is mapped; valid when mapped */
    bool mapped;
    struct bus_window *window;
};

struct pci_bus;

struct pci_device_state {
    uint8_t config[256];
};

struct pci_device {
    struct device dev; /* first. state of the whole chip must begin with struct pci_device_state */
    struct pci_bus *bus;
    unsigned devfn;
    struct pci_bar bar[PCI_BARS];
    uint8_t writable[256]; /* mask of guest-writable config bits; pci_device_init sets the standard ones */
    uint8_t write1clear[256];
    /* after a config write took effect; may be NULL */
    void (*config_written)(struct pci_device *d, unsigned offset, unsigned size);
    bool intx_level;
};

struct pci_ids {
    uint16_t vendor, device;
    uint32_t class_code; /* 24 bits: base, sub, interface */
    uint8_t revision;
    uint16_t subsystem_vendor, subsystem;
    uint8_t interrupt_pin; /* 0: none, 1..4 */
    bool multifunction;
};

/* set_intx(opaque, slot, pin 0..3, level): the board routes it. */
struct pci_bus *pci_bus_create(struct bus *ports, struct bus *mmio, struct memory *memory,
                               void (*set_intx)(void *opaque, unsigned slot, unsigned pin, bool level), void *opaque);
void pci_bus_destroy(struct pci_bus *bus);
/* The CF8/CFC pair: map 8 ports at 0xCF8 with these. */
struct device *pci_bus_device(struct pci_bus *bus);
extern const struct io_ops pci_config_io;

/* The chip sets d->dev before, its BARs before or after, then pci_device_add(). config points at the state's config. */
void pci_device_init(struct pci_device *d, const struct pci_ids *ids);
int pci_device_add(struct pci_bus *bus, struct pci_device *d, unsigned devfn); /* 0 or -EEXIST */
void pci_device_remove(struct pci_device *d);
/* For a chip's reset and loaded callbacks. */
void pci_device_reset(struct pci_device *d);
void pci_device_loaded(struct pci_device *d);
void pci_set_intx(struct pci_device *d, bool level);

static inline uint8_t *pci_config(struct pci_device *d)
{
    return ((struct pci_device_state *)d->dev.state)->config;
}

/* Bus mastering: reaches guest RAM only, and only while the command register's bus-master bit is set. 0 or -EFAULT. */
int pci_dma_read(struct pci_device *d, void *to, gpa_t from, uint64_t len);
int pci_dma_write(struct pci_device *d, gpa_t to, const void *from, uint64_t len);

#endif
