/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pci.h: PCI functions, bus 0, and configuration mechanism 1 (PCI Local Bus 3.0, ch. 6).
 *
 * A function embeds struct pci_device, fills ids and BARs, and leaves decoding to this file: BAR sizing, mapping into
 * the port and MMIO buses (or RAM pages into guest memory) as the command register and BARs say, the ROM BAR, INTx. All
 * calls need the machine lock.
 *
 * Where a guest maps a BAR over something: over RAM the BAR loses (each frame that was there stays); of two BARs with
 * host pages the first mapped shows; of two register windows the last mapped shows (bus.h). A BAR at address 0, or one
 * that reaches the end of its space, is not decoded: that is where sizing and unset BARs point.
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
    const struct io_ops *ops; /* a register window, and/or */
    void *host;               /* host pages (video RAM, ROM) that hide it; page aligned, borrowed, ... */
    uint64_t host_bytes;      /* ... this many from the BAR's start, 0 for all of size, ... */
    unsigned host_flags;      /* ... mapped with these enum memory_flags. Change at run time by pci_bar_set_host() */
    /* pci.c's: */
    uint64_t base; /* where it is mapped; valid when mapped */
    bool mapped;
    struct bus_window *window;
};

#define PCI_DEVFN(slot, function) ((unsigned)(slot) << 3 | (unsigned)(function))

/* Offsets in config space, and bits, of PCI 3.0 section 6.1. */
enum pci_config_offset {
    PCI_VENDOR = 0x00,
    PCI_DEVICE = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_REVISION = 0x08,
    PCI_CLASS = 0x09,
    PCI_CACHE_LINE = 0x0c,
    PCI_LATENCY = 0x0d,
    PCI_HEADER_TYPE = 0x0e,
    PCI_BAR0 = 0x10,
    PCI_SUBSYSTEM_VENDOR = 0x2c,
    PCI_SUBSYSTEM = 0x2e,
    PCI_ROM = 0x30,
    PCI_INTERRUPT_LINE = 0x3c,
    PCI_INTERRUPT_PIN = 0x3d,
};
#define PCI_COMMAND_IO        0x0001u
#define PCI_COMMAND_MEMORY    0x0002u
#define PCI_COMMAND_MASTER    0x0004u
#define PCI_COMMAND_SERR      0x0100u
#define PCI_COMMAND_INTX_OFF  0x0400u
#define PCI_STATUS_INTERRUPT  0x0008u
#define PCI_STATUS_FAST_B2B   0x0080u
#define PCI_STATUS_DEVSEL_MED 0x0200u
#define PCI_ROM_ENABLE        0x0001u

struct pci_bus;

struct pci_device_state {
    uint8_t config[256];
};

struct pci_device {
    struct device dev; /* first. state of the whole chip must begin with struct pci_device_state */
    struct pci_bus *bus;
    unsigned devfn;
    struct pci_bar bar[PCI_BARS];
    uint8_t writable[256];    /* mask of guest-writable config bits; pci_device_init sets the standard ones */
    uint8_t write1clear[256]; /* bits a guest clears by writing one */
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
/* The CF8/CFC pair: map 8 ports at 0xCF8 with these; a window of 0xCF9 goes over it. */
struct device *pci_bus_device(struct pci_bus *bus);
extern const struct io_ops pci_config_io;
/* The function there, or NULL. */
struct pci_device *pci_bus_find(struct pci_bus *bus, unsigned devfn);

/* The chip sets d->dev before, its BARs before or after, then pci_device_add(). config points at the state's config. */
void pci_device_init(struct pci_device *d, const struct pci_ids *ids);
int pci_device_add(struct pci_bus *bus, struct pci_device *d, unsigned devfn); /* 0 or -EEXIST */
void pci_device_remove(struct pci_device *d);
/* For a chip's reset (zeroes all writable config bits, drops INTx), loaded and check callbacks. After loaded the chip
 * drives its INTx again. */
void pci_device_reset(struct pci_device *d);
void pci_device_loaded(struct pci_device *d);
int pci_state_check(const void *state, const struct pci_ids *ids); /* 0, or -EINVAL: another chip's state */
void pci_set_intx(struct pci_device *d, bool level);
/* Shows other host pages, or with NULL the register window below. */
void pci_bar_set_host(struct pci_device *d, unsigned n, void *host, uint64_t host_bytes, unsigned host_flags);

static inline uint8_t *pci_config(struct pci_device *d)
{
    return ((struct pci_device_state *)d->dev.state)->config;
}

/* Bus mastering: reaches guest RAM only, and only while the command register's bus-master bit is set. 0 or -EFAULT. */
int pci_dma_read(struct pci_device *d, void *to, gpa_t from, uint64_t len);
int pci_dma_write(struct pci_device *d, gpa_t to, const void *from, uint64_t len);

#endif
