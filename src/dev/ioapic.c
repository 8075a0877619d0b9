/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ioapic.c: the I/O APIC (Intel 82093AA data sheet), with 48 pins as Xen's. Lines mean "asserted": the polarity bits
 * are kept and not looked at. Knows pins and entries; not who drives them, nor which processors exist.
 */
#include "dev/ioapic.h"

#include <errno.h>
#include <stdlib.h>

#define IOREGSEL        0x00
#define IOWIN           0x10
#define REG_ID          0
#define REG_VERSION     1
#define REG_ARBITRATION 2
#define REG_ENTRIES     0x10
#define VERSION         0x11u

#define ENTRY_LOGICAL   0x00000800ull
#define ENTRY_REMOTE    0x00004000ull
#define ENTRY_LEVEL     0x00008000ull
#define ENTRY_MASKED    0x00010000ull
#define ENTRY_WRITABLE  0xFF0000000001AFFFull
#define ENTRY_MODE(e)   ((enum apic_mode)((e) >> 8 & 7))

struct ioapic_state {
    uint64_t entry[IOAPIC_PINS];
    uint64_t lines; /* levels of the pins */
    uint8_t id, select;
};

struct ioapic {
    struct device dev;
    struct ioapic_state s;
    struct apic_bus *bus; /* borrowed */
};

static struct ioapic *to_ioapic(const struct device *d)
{
    return (struct ioapic *)(uintptr_t)d;
}

static void pin_deliver(struct ioapic *io, unsigned n)
{
    uint64_t e = io->s.entry[n];
    struct apic_message m = {
        .dest = (uint32_t)(e >> 56),
        .logical = e & ENTRY_LOGICAL,
        .level = e & ENTRY_LEVEL,
        .vector = (uint8_t)e,
        .mode = ENTRY_MODE(e),
    };

    if (m.mode == APIC_EXTINT)
        return; /* told to the bus as a route */
    if (m.mode != APIC_FIXED && m.mode != APIC_LOWEST)
        m.level = false;
    /* set first: the receiver may end the interrupt before this returns */
    if (m.level)
        io->s.entry[n] |= ENTRY_REMOTE;
    if (!apic_bus_deliver(io->bus, &m))
        io->s.entry[n] &= ~ENTRY_REMOTE;
}

/* A level-triggered pin that is high, open and not in service. */
static void pin_service(struct ioapic *io, unsigned n)
{
    uint64_t e = io->s.entry[n];

    if (io->s.lines >> n & 1 && e & ENTRY_LEVEL && !(e & (ENTRY_MASKED | ENTRY_REMOTE)))
        pin_deliver(io, n);
}

void ioapic_set_irq(void *opaque, unsigned n, bool level)
{
    struct ioapic *io = opaque;
    bool old;

    if (n >= IOAPIC_PINS)
        return;
    old = io->s.lines >> n & 1;
    io->s.lines = level ? io->s.lines | 1ull << n : io->s.lines & ~(1ull << n);
    if (!level)
        return;
    if (io->s.entry[n] & ENTRY_LEVEL)
        pin_service(io, n);
    else if (!old && !(io->s.entry[n] & ENTRY_MASKED))
        pin_deliver(io, n);
}

void ioapic_eoi(struct device *d, uint8_t vector)
{
    struct ioapic *io = to_ioapic(d);

    for (unsigned n = 0; n < IOAPIC_PINS; n++) {
        uint64_t e = io->s.entry[n];

        if ((uint8_t)e != vector || !(e & ENTRY_REMOTE))
            continue;
        io->s.entry[n] &= ~ENTRY_REMOTE;
        pin_service(io, n);
    }
}

bool ioapic_waiting(const struct device *d, unsigned n)
{
    uint64_t e = ioapic_entry(d, n);

    if (e & (ENTRY_MASKED | ENTRY_LEVEL) || (ENTRY_MODE(e) != APIC_FIXED && ENTRY_MODE(e) != APIC_LOWEST))
        return false;
    return apic_bus_waiting(to_ioapic(d)->bus, (uint8_t)(e >> 56), e & ENTRY_LOGICAL, (uint8_t)e);
}

uint64_t ioapic_entry(const struct device *d, unsigned n)
{
    return n < IOAPIC_PINS ? to_ioapic(d)->s.entry[n] : ENTRY_MASKED;
}

static void extint_update(struct ioapic *io)
{
    uint64_t e = io->s.entry[0];

    apic_bus_route_extint(io->bus, ENTRY_MODE(e) == APIC_EXTINT && !(e & ENTRY_MASKED), (uint8_t)(e >> 56));
}

static void entry_write(struct ioapic *io, unsigned n, bool high, uint32_t value)
{
    uint64_t e = io->s.entry[n];

    if (high)
        e = (e & UINT32_MAX) | (uint64_t)value << 32;
    else
        e = (e & ~(uint64_t)UINT32_MAX) | value;
    e = (e & ENTRY_WRITABLE) | (io->s.entry[n] & ENTRY_REMOTE);
    if (!(e & ENTRY_LEVEL)) /* guests make an entry edge-triggered for a moment in order to clear this */
        e &= ~ENTRY_REMOTE;
    io->s.entry[n] = e;
    if (n == 0)
        extint_update(io);
    pin_service(io, n);
}

static uint32_t window_read(struct ioapic *io)
{
    unsigned reg = io->s.select, n = (reg - REG_ENTRIES) / 2;

    switch (reg) {
    case REG_ID:
    case REG_ARBITRATION: return (uint32_t)io->s.id << 24;
    case REG_VERSION: return VERSION | (IOAPIC_PINS - 1) << 16;
    }
    if (reg < REG_ENTRIES || n >= IOAPIC_PINS)
        return 0;
    return (uint32_t)(io->s.entry[n] >> (reg & 1 ? 32 : 0));
}

static void window_write(struct ioapic *io, uint32_t value)
{
    unsigned reg = io->s.select, n = (reg - REG_ENTRIES) / 2;

    if (reg == REG_ID)
        io->s.id = value >> 24 & 0x0F;
    else if (reg >= REG_ENTRIES && n < IOAPIC_PINS)
        entry_write(io, n, reg & 1, value);
}

static uint64_t ioapic_read(struct device *d, uint64_t offset, unsigned size)
{
    struct ioapic *io = to_ioapic(d);
    uint32_t value = 0;

    switch (offset & 0xFC) {
    case IOREGSEL: value = io->s.select; break;
    case IOWIN: value = window_read(io); break;
    }
    return value >> (8 * (offset & 3));
}

static void ioapic_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct ioapic *io = to_ioapic(d);

    switch (offset & 0xFF) {
    case IOREGSEL: io->s.select = (uint8_t)value; break;
    case IOWIN: window_write(io, (uint32_t)value); break;
    }
}

const struct io_ops ioapic_io = {.read = ioapic_read, .write = ioapic_write};

static void ioapic_reset(struct device *d)
{
    struct ioapic *io = to_ioapic(d);
    uint64_t lines = io->s.lines;

    io->s = (struct ioapic_state){.lines = lines};
    for (unsigned n = 0; n < IOAPIC_PINS; n++)
        io->s.entry[n] = ENTRY_MASKED;
    extint_update(io);
}

static int ioapic_check(const void *state)
{
    const struct ioapic_state *s = state;

    for (unsigned n = 0; n < IOAPIC_PINS; n++)
        if (s->entry[n] & ~(ENTRY_WRITABLE | ENTRY_REMOTE))
            return -EINVAL;
    return s->lines >> IOAPIC_PINS || s->id > 0x0F ? -EINVAL : 0;
}

static void ioapic_loaded(struct device *d)
{
    extint_update(to_ioapic(d));
}

static void ioapic_destroy(struct device *d)
{
    apic_bus_set_ioapic(to_ioapic(d)->bus, NULL);
    free(to_ioapic(d));
}

static const struct device_ops ioapic_ops = {
    .name = "ioapic",
    .version = 1,
    .state_size = sizeof(struct ioapic_state),
    .reset = ioapic_reset,
    .check = ioapic_check,
    .loaded = ioapic_loaded,
    .destroy = ioapic_destroy,
};

struct device *ioapic_create(struct apic_bus *bus)
{
    struct ioapic *io = calloc(1, sizeof *io);

    if (!io)
        return NULL;
    io->dev = (struct device){.ops = &ioapic_ops, .state = &io->s};
    io->bus = bus;
    ioapic_reset(&io->dev);
    apic_bus_set_ioapic(bus, &io->dev);
    return &io->dev;
}
