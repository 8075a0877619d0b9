/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apic_bus.c: picks the local APICs that a message is for (Intel SDM vol. 3, 11.6 and 11.11).
 * Knows who is on the bus; not what they do with a message, nor any register. Has no state to save: its members tell it
 * the PIC's level and route again when they are loaded.
 */
#include "dev/apic_bus.h"

#include "dev/ioapic.h"
#include "dev/lapic.h"

#include <errno.h>
#include <stdlib.h>

#define MAX_LAPICS       128
#define MSI_DEST_SHIFT   12
#define MSI_LOGICAL      0x4u
#define MSI_DATA_LEVEL   0x8000u
#define MSI_ADDRESS_BASE 0xFEE00000u

struct apic_bus {
    struct device *lapic[MAX_LAPICS]; /* borrowed */
    unsigned count;
    unsigned turn;               /* where the search for the lowest priority begins, so that equals take turns */
    struct device *ioapic, *pic; /* borrowed */
    int (*pic_ack)(struct device *pic);
    bool extint;       /* the PIC's output */
    bool extint_route; /* IOAPIC pin 0 is in ExtINT mode and unmasked, to ... */
    uint8_t extint_dest;
};

struct apic_bus *apic_bus_create(void)
{
    return calloc(1, sizeof(struct apic_bus));
}

void apic_bus_destroy(struct apic_bus *bus)
{
    free(bus);
}

int apic_bus_add_lapic(struct apic_bus *bus, struct device *lapic)
{
    if (bus->count == MAX_LAPICS)
        return -ENOSPC;
    bus->lapic[bus->count++] = lapic;
    return 0;
}

void apic_bus_remove_lapic(struct apic_bus *bus, struct device *lapic)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < bus->count; i++)
        if (bus->lapic[i] != lapic)
            bus->lapic[kept++] = bus->lapic[i];
    bus->count = kept;
}

void apic_bus_set_ioapic(struct apic_bus *bus, struct device *ioapic)
{
    bus->ioapic = ioapic;
}

void apic_bus_eoi(struct apic_bus *bus, uint8_t vector)
{
    if (bus->ioapic)
        ioapic_eoi(bus->ioapic, vector);
}

static bool deliver_lowest(struct apic_bus *bus, const struct apic_message *m)
{
    struct device *best = NULL;
    unsigned best_priority = 0;

    bus->turn++;
    for (unsigned i = 0; i < bus->count; i++) {
        struct device *l = bus->lapic[(bus->turn + i) % bus->count];

        if (!lapic_accepts_fixed(l) || !lapic_matches(l, m->dest, m->logical, m->wide))
            continue;
        if (!best || lapic_priority(l) < best_priority) {
            best = l;
            best_priority = lapic_priority(l);
        }
    }
    return best && lapic_receive(best, APIC_FIXED, m->vector, m->level);
}

bool apic_bus_deliver(struct apic_bus *bus, const struct apic_message *m)
{
    bool taken = false;

    if (m->mode == APIC_LOWEST)
        return deliver_lowest(bus, m);
    for (unsigned i = 0; i < bus->count; i++)
        if (lapic_matches(bus->lapic[i], m->dest, m->logical, m->wide))
            taken |= lapic_receive(bus->lapic[i], m->mode, m->vector, m->level);
    return taken;
}

bool apic_bus_waiting(const struct apic_bus *bus, uint8_t dest, bool logical, uint8_t vector)
{
    for (unsigned i = 0; i < bus->count; i++)
        if (lapic_matches(bus->lapic[i], dest, logical, false) && lapic_waiting(bus->lapic[i], vector))
            return true;
    return false;
}

void apic_bus_broadcast(struct apic_bus *bus, const struct apic_message *m, const struct device *except)
{
    for (unsigned i = 0; i < bus->count; i++)
        if (bus->lapic[i] != except)
            lapic_receive(bus->lapic[i], m->mode == APIC_LOWEST ? APIC_FIXED : m->mode, m->vector, m->level);
}

void apic_msi(struct apic_bus *bus, uint64_t address, uint32_t data)
{
    struct apic_message m = {
        .dest = (uint32_t)(address >> MSI_DEST_SHIFT) & 0xFF,
        .logical = address & MSI_LOGICAL,
        .level = data & MSI_DATA_LEVEL,
        .vector = (uint8_t)data,
        .mode = (enum apic_mode)(data >> 8 & 7),
    };

    if ((address & ~0xFFFFFull) != MSI_ADDRESS_BASE)
        return; /* not a message at all: the guest wrote nonsense into the capability */
    apic_bus_deliver(bus, &m);
}

void apic_bus_set_pic(struct apic_bus *bus, struct device *pic, int (*ack)(struct device *pic))
{
    bus->pic = pic;
    bus->pic_ack = ack;
}

static void extint_changed(struct apic_bus *bus)
{
    for (unsigned i = 0; i < bus->count; i++)
        lapic_extint_changed(bus->lapic[i]);
}

void apic_bus_set_extint(void *opaque, unsigned n, bool level)
{
    struct apic_bus *bus = opaque;

    bus->extint = level;
    extint_changed(bus);
}

void apic_bus_route_extint(struct apic_bus *bus, bool on, uint8_t dest)
{
    if (bus->extint_route == on && bus->extint_dest == dest)
        return;
    bus->extint_route = on;
    bus->extint_dest = dest;
    extint_changed(bus);
}

bool apic_bus_extint(const struct apic_bus *bus)
{
    return bus->extint && bus->pic_ack;
}

bool apic_bus_extint_accepted(const struct apic_bus *bus)
{
    for (unsigned i = 0; i < bus->count; i++)
        if (lapic_accepts_extint(bus->lapic[i]))
            return true;
    return false;
}

bool apic_bus_extint_routed_to(const struct apic_bus *bus, uint32_t id)
{
    return bus->extint_route && bus->extint_dest == id;
}

int apic_bus_extint_ack(struct apic_bus *bus)
{
    return bus->pic_ack(bus->pic);
}
