/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_pci.c: config mechanism 1, BAR sizing, mapping and overlaps, INTx sharing, reset and load. */
#include "dev/pci/pci.h"

#include "base/bytes.h"

#include <stdlib.h>

#include "pci_machine.h"

#define VRAM 0x8000u

struct chip_state {
    struct pci_device_state pci;
};

struct chip {
    struct pci_device pci;
    struct chip_state s;
    uint64_t written;
};

static uint64_t chip_read(struct device *d, uint64_t offset, unsigned size)
{
    return (0x55aa5500 | offset) & bytes_ones(size);
}

static void chip_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    ((struct chip *)d)->written = value << 8 | offset;
}

static const struct io_ops chip_io = {chip_read, chip_write};
static const struct device_ops chip_ops = {.name = "chip", .version = 1, .state_size = sizeof(struct chip_state)};
static const struct pci_ids chip_ids = {0x1234, 0x5678, 0x030000, 7, 0x1af4, 0x1100, 1, false};

static void chip_init(struct chip *c)
{
    memset(c, 0, sizeof *c);
    c->pci.dev.ops = &chip_ops;
    c->pci.dev.state = &c->s;
    c->pci.bar[0] = (struct pci_bar){.kind = PCI_BAR_IO, .size = 0x20, .ops = &chip_io};
    c->pci.bar[1] = (struct pci_bar){.kind = PCI_BAR_MEM, .size = 0x1000, .ops = &chip_io};
    pci_device_init(&c->pci, &chip_ids);
}

static void test_config_access(void **state)
{
    struct machine *m = *state;
    struct chip c;

    chip_init(&c);
    assert_int_equal(pci_device_add(m->pci, &c.pci, PCI_DEVFN(3, 0)), 0);
    assert_int_equal(pci_device_add(m->pci, &c.pci, PCI_DEVFN(3, 0)), -17);
    assert_int_equal(config_read(m, 24, 0, 4), 0x56781234);
    assert_int_equal(config_read(m, 24, 1, 1), 0x12);
    assert_int_equal(config_read(m, 24, 2, 2), 0x5678);
    assert_int_equal(config_read(m, 24, 8, 4), 0x03000007);
    assert_int_equal(config_read(m, 24, 0x2c, 4), 0x11001af4);
    /* nobody there; another bus; the enable bit off; a latch of the wrong width */
    assert_int_equal(config_read(m, 32, 0, 4), 0xffffffff);
    bus_write(m->ports, 0xcf8, 4, 0x80011800);
    assert_int_equal(bus_read(m->ports, 0xcfc, 4), 0xffffffff);
    bus_write(m->ports, 0xcf8, 4, 0x00001800);
    assert_int_equal(bus_read(m->ports, 0xcfc, 2), 0xffff);
    bus_write(m->ports, 0xcf8, 4, 0x80001800);
    bus_write(m->ports, 0xcf8, 2, 0);
    bus_write(m->ports, 0xcfb, 1, 0);
    assert_int_equal(bus_read(m->ports, 0xcf8, 4), 0x80001800);
    assert_int_equal(bus_read(m->ports, 0xcf8, 1), 0xff);
    /* across the end and the middle of the pair: no harm */
    bus_read(m->ports, 0xcff, 4);
    bus_read(m->ports, 0xcfa, 4);
    bus_write(m->ports, 0xcfa, 4, 0xffffffff);
    /* read-only stays */
    config_write(m, 24, 0, 4, 0);
    config_write(m, 24, 0x3d, 1, 9);
    assert_int_equal(config_read(m, 24, 0, 4), 0x56781234);
    assert_int_equal(config_read(m, 24, 0x3d, 1), 1);
    config_write(m, 24, 0x3c, 1, 11);
    assert_int_equal(config_read(m, 24, 0x3c, 2), 0x010b);
}

static uint64_t reset_read(struct device *d, uint64_t offset, unsigned size)
{
    return 0x5a;
}

/* The reset control register sits inside the latch; the dword goes to the latch whole. */
static void test_reset_port_between(void **state)
{
    struct machine *m = *state;
    static const struct io_ops io = {reset_read, chip_write};
    struct chip port = {0};

    assert_non_null(bus_map(m->ports, 0xcf9, 1, &port.pci.dev, &io));
    assert_int_equal(bus_read(m->ports, 0xcf9, 1), 0x5a);
    bus_write(m->ports, 0xcf9, 1, 6);
    assert_int_equal(port.written, 0x600);
    bus_write(m->ports, 0xcf8, 4, 0x8000ff00);
    assert_int_equal(port.written, 0x600);
    assert_int_equal(bus_read(m->ports, 0xcf8, 4), 0x8000ff00);
}

static void test_bars(void **state)
{
    struct machine *m = *state;
    struct chip c;

    chip_init(&c);
    pci_device_add(m->pci, &c.pci, 24);
    config_write(m, 24, 0x10, 4, 0xffffffff);
    config_write(m, 24, 0x14, 4, 0xffffffff);
    config_write(m, 24, 0x18, 4, 0xffffffff);
    assert_int_equal(config_read(m, 24, 0x10, 4), 0xffffffe1);
    assert_int_equal(config_read(m, 24, 0x14, 4), 0xfffff000);
    assert_int_equal(config_read(m, 24, 0x18, 4), 0);

    config_write(m, 24, 0x10, 4, 0xc100);
    config_write(m, 24, 0x14, 4, 0xf0000000);
    assert_false(bus_claimed(m->ports, 0xc100));
    config_write(m, 24, 0x04, 2, PCI_COMMAND_IO);
    assert_true(bus_claimed(m->ports, 0xc11f));
    assert_false(bus_claimed(m->mmio, 0xf0000000));
    config_write(m, 24, 0x04, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
    assert_int_equal(bus_read(m->mmio, 0xf0000010, 4), 0x55aa5510);
    bus_write(m->ports, 0xc104, 1, 0x77);
    assert_int_equal(c.written, 0x7704);
    /* moves at once, by bytes too; unmapped at 0 and at the end of the space */
    config_write(m, 24, 0x11, 1, 0xc2);
    assert_false(bus_claimed(m->ports, 0xc100));
    assert_true(bus_claimed(m->ports, 0xc200));
    config_write(m, 24, 0x10, 4, 0xffffffff);
    config_write(m, 24, 0x14, 4, 0xffffffff);
    assert_false(bus_claimed(m->ports, 0xffe0));
    assert_false(bus_claimed(m->mmio, 0xfffff000));
    config_write(m, 24, 0x14, 4, 0);
    assert_false(bus_claimed(m->mmio, 0));
    config_write(m, 24, 0x14, 4, 0xf0000000);
    assert_true(bus_claimed(m->mmio, 0xf0000000));
    pci_device_reset(&c.pci);
    assert_false(bus_claimed(m->mmio, 0xf0000000));
    assert_int_equal(config_read(m, 24, 0x10, 4), 1);
    assert_int_equal(config_read(m, 24, 0x04, 2), 0);
}

static void test_host_pages(void **state)
{
    struct machine *m = *state;
    uint8_t *vram = aligned_alloc(PAGE_BYTES, VRAM), *rom = aligned_alloc(PAGE_BYTES, VRAM);
    struct chip a, b;

    memset(vram, 0xa1, VRAM);
    memset(rom, 0xb2, VRAM);
    chip_init(&a);
    chip_init(&b);
    a.pci.bar[1] = (struct pci_bar){
        .kind = PCI_BAR_MEM_PREFETCH, .size = 2 * VRAM, .ops = &chip_io, .host = vram, .host_bytes = VRAM};
    b.pci.bar[PCI_ROM_BAR] =
        (struct pci_bar){.kind = PCI_BAR_MEM, .size = VRAM, .host = rom, .host_flags = MEMORY_READONLY};
    pci_device_add(m->pci, &a.pci, 24);
    pci_device_add(m->pci, &b.pci, 32);
    config_write(m, 24, 0x14, 4, 0xf0000000);
    config_write(m, 24, 0x04, 2, PCI_COMMAND_MEMORY);
    assert_int_equal(config_read(m, 24, 0x14, 4), 0xf0000008);
    assert_ptr_equal(memory_lookup(m->memory, 0xf0001).host, vram + 0x1000);
    assert_null(memory_lookup(m->memory, 0xf0008).host);
    assert_int_equal(bus_read(m->mmio, 0xf0008000, 2), 0xd500);

    /* The ROM: needs its own enable bit; over the video RAM it stays behind until that goes. */
    config_write(m, 32, 0x30, 4, 0xf0004000);
    config_write(m, 32, 0x04, 2, PCI_COMMAND_MEMORY);
    assert_null(memory_lookup(m->memory, 0xf000b).host);
    config_write(m, 32, 0x30, 4, 0xf0000001);
    assert_ptr_equal(memory_lookup(m->memory, 0xf0000).host, vram);
    config_write(m, 24, 0x14, 4, 0xe0000000);
    assert_ptr_equal(memory_lookup(m->memory, 0xf0000).host, rom);
    assert_int_equal(memory_lookup(m->memory, 0xf0000).flags & MEMORY_READONLY, MEMORY_READONLY);
    config_write(m, 32, 0x04, 2, 0);
    assert_null(memory_lookup(m->memory, 0xf0000).host);

    /* Pages that a guest puts into the BAR afterwards (add_to_physmap) survive its going. */
    assert_int_equal(memory_map_ram(m->memory, 0xe0002, 0x5000, 1), 0);
    config_write(m, 24, 0x04, 2, 0);
    assert_ptr_equal(memory_lookup(m->memory, 0xe0002).host, memory_ram(m->memory) + 0x5000);
    assert_null(memory_lookup(m->memory, 0xe0001).host);

    /* Hidden and shown at run time. */
    config_write(m, 24, 0x14, 4, 0xd0000000);
    config_write(m, 24, 0x04, 2, PCI_COMMAND_MEMORY);
    pci_bar_set_host(&a.pci, 1, NULL, 0, 0);
    assert_null(memory_lookup(m->memory, 0xd0000).host);
    assert_int_equal(bus_read(m->mmio, 0xd0000004, 1), 0x04);
    pci_bar_set_host(&a.pci, 1, vram, VRAM, 0);
    assert_ptr_equal(memory_lookup(m->memory, 0xd0000).host, vram);
    pci_device_remove(&a.pci);
    assert_null(memory_lookup(m->memory, 0xd0000).host);
    assert_false(bus_claimed(m->mmio, 0xd0000000));
    pci_device_remove(&b.pci);
    free(vram);
    free(rom);
}

/* A guest that puts a BAR over its RAM keeps its RAM. */
static void test_bar_over_ram(void **state)
{
    struct machine *m = *state;
    uint8_t *vram = aligned_alloc(PAGE_BYTES, VRAM);
    struct chip a;

    chip_init(&a);
    a.pci.bar[1] = (struct pci_bar){.kind = PCI_BAR_MEM, .size = VRAM, .host = vram};
    pci_device_add(m->pci, &a.pci, 24);
    config_write(m, 24, 0x14, 4, 0x8000);
    config_write(m, 24, 0x04, 2, PCI_COMMAND_MEMORY);
    for (unsigned gfn = 0; gfn < 32; gfn++)
        assert_ptr_equal(memory_lookup(m->memory, gfn).host, memory_ram(m->memory) + gfn * PAGE_BYTES);
    config_write(m, 24, 0x04, 2, 0);
    for (unsigned gfn = 0; gfn < 32; gfn++)
        assert_ptr_equal(memory_lookup(m->memory, gfn).host, memory_ram(m->memory) + gfn * PAGE_BYTES);
    pci_device_remove(&a.pci);
    free(vram);
}

static void test_intx(void **state)
{
    struct machine *m = *state;
    struct chip a, b;

    chip_init(&a);
    chip_init(&b);
    pci_device_add(m->pci, &a.pci, PCI_DEVFN(3, 0));
    pci_device_add(m->pci, &b.pci, PCI_DEVFN(3, 5));
    pci_set_intx(&a.pci, true);
    assert_int_equal(m->intx_slot, 3);
    assert_int_equal(m->intx_pin, 0);
    assert_true(m->intx_level);
    pci_set_intx(&b.pci, true);
    pci_set_intx(&a.pci, false);
    assert_int_equal(m->intx_changes, 1);
    assert_true(m->intx_level);
    assert_int_equal(config_read(m, PCI_DEVFN(3, 5), PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, PCI_STATUS_INTERRUPT);
    config_write(m, PCI_DEVFN(3, 5), PCI_COMMAND, 2, PCI_COMMAND_INTX_OFF);
    assert_false(m->intx_level);
    config_write(m, PCI_DEVFN(3, 5), PCI_COMMAND, 2, 0);
    assert_true(m->intx_level);
    pci_device_remove(&b.pci);
    assert_false(m->intx_level);
}

static void test_dma_and_load(void **state)
{
    struct machine *m = *state;
    struct chip a, b;
    uint32_t word = 0x12345678;

    chip_init(&a);
    pci_device_add(m->pci, &a.pci, 24);
    assert_int_equal(pci_dma_write(&a.pci, 0x1000, &word, 4), -14);
    config_write(m, 24, 0x14, 4, 0xf0000000);
    config_write(m, 24, 0x04, 2, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
    assert_int_equal(pci_dma_write(&a.pci, 0x1000, &word, 4), 0);
    word = 0;
    assert_int_equal(pci_dma_read(&a.pci, &word, 0x1000, 4), 0);
    assert_int_equal(word, 0x12345678);
    assert_int_equal(pci_dma_read(&a.pci, &word, RAM_BYTES - 2, 4), -14);
    assert_int_equal(pci_dma_read(&a.pci, &word, ~0ull - 1, 4), -14);

    /* The same state in a new machine maps the same. */
    struct chip_state saved = a.s;
    pci_device_remove(&a.pci);
    assert_false(bus_claimed(m->mmio, 0xf0000000));
    assert_int_equal(pci_state_check(&saved, &chip_ids), 0);
    chip_init(&b);
    pci_device_add(m->pci, &b.pci, 24);
    b.s = saved;
    pci_device_loaded(&b.pci);
    assert_true(bus_claimed(m->mmio, 0xf0000000));
    assert_memory_equal(&b.s, &saved, sizeof saved);
    saved.pci.config[0] ^= 1;
    assert_int_not_equal(pci_state_check(&saved, &chip_ids), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_config_access, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reset_port_between, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bars, setup, teardown),
        cmocka_unit_test_setup_teardown(test_host_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bar_over_ram, setup, teardown),
        cmocka_unit_test_setup_teardown(test_intx, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dma_and_load, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
