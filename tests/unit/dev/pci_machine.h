/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pci_machine.h: for tests of PCI functions: 4 MiB of RAM, the two buses, a PCI bus, and config access by ports. */
#ifndef DOMUS_TESTS_PCI_MACHINE_H
#define DOMUS_TESTS_PCI_MACHINE_H

#include "dev/pci/pci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define RAM_BYTES (4u << 20)

struct machine {
    struct bus *ports, *mmio;
    struct memory *memory;
    struct pci_bus *pci;
    unsigned intx_slot, intx_pin, intx_changes;
    bool intx_level;
};

static inline void set_intx(void *opaque, unsigned slot, unsigned pin, bool level)
{
    struct machine *m = opaque;

    m->intx_slot = slot;
    m->intx_pin = pin;
    m->intx_level = level;
    m->intx_changes++;
}

static inline void config_select(struct machine *m, unsigned devfn, unsigned offset)
{
    bus_write(m->ports, 0xcf8, 4, 0x80000000u | devfn << 8 | (offset & 0xfc));
}

static inline uint32_t config_read(struct machine *m, unsigned devfn, unsigned offset, unsigned size)
{
    config_select(m, devfn, offset);
    return (uint32_t)bus_read(m->ports, 0xcfc + (offset & 3), size);
}

static inline void config_write(struct machine *m, unsigned devfn, unsigned offset, unsigned size, uint32_t value)
{
    config_select(m, devfn, offset);
    bus_write(m->ports, 0xcfc + (offset & 3), size, value);
}

static inline int setup(void **state)
{
    struct machine *m = calloc(1, sizeof *m);

    m->ports = bus_create("ports", 0x10000);
    m->mmio = bus_create("mmio", 1ull << 40);
    m->memory = memory_create(RAM_BYTES);
    m->pci = pci_bus_create(m->ports, m->mmio, m->memory, set_intx, m);
    assert_int_equal(memory_map_ram(m->memory, 0, 0, RAM_BYTES / PAGE_BYTES), 0);
    assert_non_null(bus_map(m->ports, 0xcf8, 8, pci_bus_device(m->pci), &pci_config_io));
    *state = m;
    return 0;
}

static inline int teardown(void **state)
{
    struct machine *m = *state;

    pci_bus_destroy(m->pci);
    memory_destroy(m->memory);
    bus_destroy(m->mmio);
    bus_destroy(m->ports);
    free(m);
    return 0;
}

#endif
