/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_pci.c: config accesses of any kind to the board's functions and one with video memory: whatever the guest
 * maps where, its RAM is where it was.
 */
#include "dev/i440fx.h"
#include "dev/piix3.h"
#include "dev/piix4_pm_pci.h"
#include "dev/xen_platform.h"

#include "base/bytes.h"

#include <stdlib.h>

#include "fuzz_input.h"

#define RAM_BYTES  (1u << 20)
#define VRAM_BYTES (1u << 16)

struct vga_state {
    struct pci_device_state pci;
};

struct vga {
    struct pci_device pci;
    struct vga_state s;
};

static uint64_t zeros_read(struct device *d, uint64_t offset, unsigned size)
{
    return 0;
}

static void ignore_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
}

static const struct io_ops io = {zeros_read, ignore_write};
static const struct device_ops vga_ops = {.name = "vga", .version = 1, .state_size = sizeof(struct vga_state)};
static const struct pci_ids vga_ids = {0x1013, 0x00b8, 0x030000, 0, 0x1af4, 0x1100, 1, false};

static void intx(void *opaque, unsigned slot, unsigned pin, bool level)
{
    piix3_set_intx(opaque, slot, pin, level);
}

static void check_ram(struct memory *m)
{
    for (unsigned gfn = 0; gfn < RAM_BYTES / PAGE_BYTES; gfn++)
        if (memory_lookup(m, gfn).host != memory_ram(m) + gfn * PAGE_BYTES)
            abort();
}

static void step(struct fuzz_input *in, struct bus *ports, struct bus *mmio, struct vga *vga, void *vram)
{
    static const uint8_t devfns[] = {0, 8, 11, 16, 24, 24, 16, 40};
    uint8_t what = fuzz_byte(in), devfn = devfns[what & 7];
    unsigned size = 1u << (what >> 3) % 3, offset = fuzz_byte(in);
    uint32_t value = fuzz_u32(in);

    if (what & 0x20)
        offset = (what & 0x40 ? 0x04 : 0x10) + offset % 36; /* the command register and BARs, mostly */
    if (what & 0x80)
        value = fuzz_byte(in) % 3 ? value & 0xf000 : ~0u << fuzz_byte(in) % 32;
    switch (fuzz_byte(in) % 8) {
    case 0: bus_write(ports, 0xcf8 + offset % 8, size, value); break;
    case 1: bus_read(ports, 0xcf8 + offset % 8, size); break;
    case 2: pci_set_intx(&vga->pci, value & 1); break;
    case 3: pci_bar_set_host(&vga->pci, 0, value & 1 ? vram : NULL, value & 2 ? VRAM_BYTES / 2 : 0, 0); break;
    case 4:
        bus_read(mmio, value, size);
        bus_write(ports, value & 0xffff, size, value >> 16);
        break;
    default:
        bus_write(ports, 0xcf8, 4, 0x80000000u | (uint32_t)devfn << 8 | (offset & 0xfc));
        bus_write(ports, 0xcfc + (offset & 3), size, value);
        bus_read(ports, 0xcfc + (offset & 3), size);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct bus *ports = bus_create("ports", 0x10000), *mmio = bus_create("mmio", 1ull << 40);
    struct memory *memory = memory_create(RAM_BYTES);
    struct irq_line isa[PIIX3_ISA_IRQS] = {{0}};
    struct pci_device *piix3 = piix3_create(isa);
    struct pci_bus *bus = pci_bus_create(ports, mmio, memory, intx, piix3);
    struct pci_device *fixed[] = {i440fx_create(RAM_BYTES), piix3, piix4_pm_pci_create(),
                                  xen_platform_create(NULL, NULL)};
    static const uint8_t devfns[] = {0, 8, 11, 16};
    struct vga vga = {0};
    uint8_t *vram = aligned_alloc(PAGE_BYTES, VRAM_BYTES);

    memory_map_ram(memory, 0, 0, RAM_BYTES / PAGE_BYTES);
    bus_map(ports, 0xcf8, 8, pci_bus_device(bus), &pci_config_io);
    for (unsigned i = 0; i < ARRAY_SIZE(fixed); i++)
        pci_device_add(bus, fixed[i], devfns[i]);
    vga.pci.dev.ops = &vga_ops;
    vga.pci.dev.state = &vga.s;
    vga.pci.bar[0] = (struct pci_bar){
        .kind = PCI_BAR_MEM_PREFETCH, .size = 2 * VRAM_BYTES, .ops = &io, .host = vram, .host_bytes = VRAM_BYTES};
    vga.pci.bar[1] = (struct pci_bar){.kind = PCI_BAR_IO, .size = 16, .ops = &io};
    vga.pci.bar[PCI_ROM_BAR] = (struct pci_bar){.kind = PCI_BAR_MEM, .size = VRAM_BYTES, .host = vram};
    pci_device_init(&vga.pci, &vga_ids);
    pci_device_add(bus, &vga.pci, 24);
    while (in.left)
        step(&in, ports, mmio, &vga, vram);
    check_ram(memory);
    pci_device_reset(&vga.pci);
    for (unsigned i = 0; i < ARRAY_SIZE(fixed); i++) {
        if (fixed[i]->dev.ops->check(fixed[i]->dev.state))
            abort();
        fixed[i]->dev.ops->reset(&fixed[i]->dev);
    }
    pci_device_remove(&vga.pci);
    check_ram(memory);
    if (memory_lookup(memory, 0xf0000).host)
        abort();
    for (unsigned i = ARRAY_SIZE(fixed); i-- > 0;)
        if (fixed[i] != piix3)
            fixed[i]->dev.ops->destroy(&fixed[i]->dev);
    piix3->dev.ops->destroy(&piix3->dev);
    pci_bus_destroy(bus);
    memory_destroy(memory);
    bus_destroy(mmio);
    bus_destroy(ports);
    free(vram);
    return 0;
}
