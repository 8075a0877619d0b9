/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apic_bus.h: what local APICs, the IOAPIC and message-signalled interrupts talk over, and the PIC's way to a
 * processor. All calls need the machine lock.
 */
#ifndef DOMUS_DEV_APIC_BUS_H
#define DOMUS_DEV_APIC_BUS_H

#include "machine/device.h"

struct apic_bus;

enum apic_mode {
    APIC_FIXED = 0,
    APIC_LOWEST = 1,
    APIC_SMI = 2,
    APIC_NMI = 4,
    APIC_INIT = 5,
    APIC_SIPI = 6,
    APIC_EXTINT = 7,
};

struct apic_message {
    uint32_t dest;
    bool logical;
    bool wide; /* dest is a 32-bit x2APIC one; else 8 bits */
    bool level;
    uint8_t vector;
    enum apic_mode mode;
};

struct apic_bus *apic_bus_create(void); /* NULL only when memory runs out */
void apic_bus_destroy(struct apic_bus *bus);

/* The PIC's output: the receiver of its line (opaque is the bus), and how its vector is fetched. */
void apic_bus_set_pic(struct apic_bus *bus, struct device *pic, int (*ack)(struct device *pic));
void apic_bus_set_extint(void *opaque, unsigned n, bool level);

/* Did any local APIC take it? */
bool apic_bus_deliver(struct apic_bus *bus, const struct apic_message *m);
/* Has a local APIC that this names (an 8-bit destination) the vector in its request register? */
bool apic_bus_waiting(const struct apic_bus *bus, uint8_t dest, bool logical, uint8_t vector);
/* A write of `data` to a message address 0xFEExxxxx. */
void apic_msi(struct apic_bus *bus, uint64_t address, uint32_t data);

/* For lapic.c and ioapic.c. */
int apic_bus_add_lapic(struct apic_bus *bus, struct device *lapic); /* 0 or -ENOSPC */
void apic_bus_remove_lapic(struct apic_bus *bus, struct device *lapic);
void apic_bus_set_ioapic(struct apic_bus *bus, struct device *ioapic); /* NULL: none */
void apic_bus_eoi(struct apic_bus *bus, uint8_t vector);
/* ICR shorthands: every local APIC but `except` (NULL: all). */
void apic_bus_broadcast(struct apic_bus *bus, const struct apic_message *m, const struct device *except);
/* IOAPIC pin 0 passes the PIC's output on to local APIC `dest`, or to none. */
void apic_bus_route_extint(struct apic_bus *bus, bool on, uint8_t dest);
bool apic_bus_extint(const struct apic_bus *bus);          /* does the PIC request? */
bool apic_bus_extint_accepted(const struct apic_bus *bus); /* does any processor listen to it? */
bool apic_bus_extint_routed_to(const struct apic_bus *bus, uint32_t id);
int apic_bus_extint_ack(struct apic_bus *bus);

#endif
