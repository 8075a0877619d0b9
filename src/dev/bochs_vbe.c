/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bochs_vbe.c: the "standard VGA", PCI 1234:1111: a VGA with the Bochs display interface (DISPI: index at port 0x1CE,
 * 16-bit data at 0x1CF and 0x1D0) and a frame buffer BAR; BAR 2 holds the same registers as memory.
 *
 * BAR 2:  0x000 EDID   0x400 ports 0x3C0..0x3DF   0x500 DISPI registers, two bytes each   0x600 (nothing: no
 * byte-order switch)
 */
#include "dev/vga_core.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum dispi {
    DISPI_ID,
    DISPI_XRES,
    DISPI_YRES,
    DISPI_BPP,
    DISPI_ENABLE,
    DISPI_BANK,
    DISPI_VIRT_WIDTH,
    DISPI_VIRT_HEIGHT,
    DISPI_X_OFFSET,
    DISPI_Y_OFFSET,
    DISPI_MEMORY_64K,
    DISPI_COUNT,
};

enum dispi_enable {
    DISPI_ENABLED = 0x01,
    DISPI_GET_CAPS = 0x02,
    DISPI_8BIT_DAC = 0x20,
    DISPI_LFB = 0x40,
    DISPI_NO_CLEAR = 0x80,
};

#define DISPI_ID_FIRST   0xb0c0
#define DISPI_ID_LAST    0xb0c5
#define DISPI_XRES_MAX   2560
#define DISPI_YRES_MAX   1600
#define DISPI_BPP_MAX    32
#define MMIO_BYTES       4096
#define MMIO_PORTS       0x400
#define MMIO_DISPI       0x500
#define DEFAULT_VRAM_MIB 16

struct stdvga_state {
    struct pci_device_state pci; /* first */
    struct vga_regs vga;
    uint16_t index, regs[DISPI_COUNT];
};

struct stdvga {
    struct vga vga; /* first */
    struct stdvga_state s;
};

static struct stdvga *to_stdvga(struct vga *v)
{
    return (struct stdvga *)(void *)v;
}

static bool bpp_ok(unsigned bpp)
{
    return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32;
}

/* Bytes of video RAM (4 bpp: per plane, of a quarter of it) that `pixels` take in a row. */
static uint32_t row_bytes(unsigned bpp, uint32_t pixels)
{
    return bpp == 4 ? pixels / 8 : pixels * ((bpp + 7) / 8);
}

static uint32_t mode_memory(const struct stdvga *d)
{
    return d->s.regs[DISPI_BPP] == 4 ? d->vga.vram_bytes / 4 : d->vga.vram_bytes;
}

static bool dispi_on(const struct stdvga *d)
{
    return d->s.regs[DISPI_ENABLE] & DISPI_ENABLED;
}

/* The virtual width decides the virtual height, and both how far the origin may move. */
static void dispi_set_virtual(struct stdvga *d, uint16_t width)
{
    uint16_t *r = d->s.regs;
    uint32_t bytes, lines;

    width = width < r[DISPI_XRES] ? r[DISPI_XRES] : width;
    width &= (uint16_t)~7u;
    bytes = row_bytes(r[DISPI_BPP], width);
    lines = bytes ? mode_memory(d) / bytes : 0;
    if (lines < r[DISPI_YRES]) { /* too wide for the memory: as narrow as can be */
        width = r[DISPI_XRES];
        bytes = row_bytes(r[DISPI_BPP], width);
        lines = bytes ? mode_memory(d) / bytes : 0;
    }
    r[DISPI_VIRT_WIDTH] = width;
    r[DISPI_VIRT_HEIGHT] = (uint16_t)(lines > 0xffff ? 0xffff : lines);
}

/* What the mode set of the VGA BIOS would leave in the VGA's own registers: a linear window, or a planar one. */
static void dispi_set_vga(struct stdvga *d)
{
    struct vga_regs *r = &d->s.vga;

    r->gr[6] = 0x05;
    r->gr[5] &= 0x1f;
    r->crtc[0x11] &= 0x7f;
    r->seq[2] |= 0x0f;
    if (d->s.regs[DISPI_BPP] == 4) {
        r->seq[4] = (r->seq[4] & 0x07) | 4;
    } else {
        r->seq[4] |= 0x0e;
        r->gr[5] |= 0x40;
    }
}

static void dispi_enable(struct stdvga *d, uint16_t value)
{
    uint16_t *r = d->s.regs;
    bool turn_on = (value & DISPI_ENABLED) && !dispi_on(d);

    if (turn_on) {
        uint32_t need = row_bytes(r[DISPI_BPP], r[DISPI_XRES]) * (uint32_t)r[DISPI_YRES];
        if (need == 0 || need > mode_memory(d)) { /* does not fit: stays off */
            value &= (uint16_t)~DISPI_ENABLED;
            turn_on = false;
        }
    }
    if (turn_on) {
        dispi_set_virtual(d, r[DISPI_XRES]);
        r[DISPI_X_OFFSET] = r[DISPI_Y_OFFSET] = r[DISPI_BANK] = 0;
        dispi_set_vga(d);
        if (!(value & DISPI_NO_CLEAR)) {
            uint32_t bytes = row_bytes(r[DISPI_BPP], r[DISPI_XRES]) * (uint32_t)r[DISPI_YRES];
            memset(d->vga.vram, 0, r[DISPI_BPP] == 4 ? bytes * 4 : bytes);
            d->vga.redraw = true;
        }
    }
    if (d->s.vga.dac_8bit != !!(value & DISPI_8BIT_DAC)) {
        d->s.vga.dac_8bit = !!(value & DISPI_8BIT_DAC);
        d->vga.palette_changed = true;
    }
    r[DISPI_ENABLE] = value & (DISPI_ENABLED | DISPI_GET_CAPS | DISPI_8BIT_DAC | DISPI_LFB | DISPI_NO_CLEAR);
}

static uint16_t dispi_read(struct stdvga *d, unsigned index)
{
    if (d->s.regs[DISPI_ENABLE] & DISPI_GET_CAPS) {
        switch (index) {
        case DISPI_XRES: return DISPI_XRES_MAX;
        case DISPI_YRES: return DISPI_YRES_MAX;
        case DISPI_BPP: return DISPI_BPP_MAX;
        }
    }
    if (index == DISPI_MEMORY_64K)
        return (uint16_t)(d->vga.vram_bytes >> 16);
    return index < DISPI_COUNT ? d->s.regs[index] : 0;
}

static void dispi_write(struct stdvga *d, unsigned index, uint16_t value)
{
    uint16_t *r = d->s.regs;

    switch (index) {
    case DISPI_ID:
        if (value >= DISPI_ID_FIRST && value <= DISPI_ID_LAST)
            r[DISPI_ID] = value;
        break;
    case DISPI_XRES:
        if (!dispi_on(d) && value <= DISPI_XRES_MAX)
            r[DISPI_XRES] = value & (uint16_t)~7u;
        break;
    case DISPI_YRES:
        if (!dispi_on(d) && value <= DISPI_YRES_MAX)
            r[DISPI_YRES] = value;
        break;
    case DISPI_BPP:
        if (!dispi_on(d) && bpp_ok(value ? value : 8))
            r[DISPI_BPP] = value ? value : 8;
        break;
    case DISPI_ENABLE: dispi_enable(d, value); break;
    case DISPI_BANK:
        if ((uint32_t)value << 16 < mode_memory(d))
            r[DISPI_BANK] = value;
        break;
    case DISPI_VIRT_WIDTH:
        if (dispi_on(d))
            dispi_set_virtual(d, value);
        break;
    case DISPI_X_OFFSET: r[DISPI_X_OFFSET] = value; break;
    case DISPI_Y_OFFSET:
        if (value + r[DISPI_YRES] <= r[DISPI_VIRT_HEIGHT] || !dispi_on(d))
            r[DISPI_Y_OFFSET] = value;
        break;
    }
}

static void stdvga_scan(struct vga *v, struct vga_scan *s)
{
    struct stdvga *d = to_stdvga(v);
    const uint16_t *r = d->s.regs;

    if (!dispi_on(d))
        return;
    memset(s, 0, sizeof *s);
    s->line_double = 1;
    s->width = r[DISPI_XRES];
    s->height = r[DISPI_YRES];
    s->line_compare = s->height;
    if (r[DISPI_BPP] == 4) {
        s->kind = VGA_SCAN_PLANAR;
        s->dots = 8;
        s->column_count = (uint16_t)(s->width / 8);
        s->pitch = r[DISPI_VIRT_WIDTH] / 8u;
        s->start = r[DISPI_X_OFFSET] / 8u + r[DISPI_Y_OFFSET] * s->pitch;
        s->pan = s->pan_below = r[DISPI_X_OFFSET] & 7;
        s->limit = v->vram_bytes;
        return;
    }
    switch (r[DISPI_BPP]) {
    case 8: s->kind = VGA_SCAN_8; break;
    case 15: s->kind = VGA_SCAN_15; break;
    case 16: s->kind = VGA_SCAN_16; break;
    case 24: s->kind = VGA_SCAN_24; break;
    default: s->kind = VGA_SCAN_32; break;
    }
    s->pitch = row_bytes(r[DISPI_BPP], r[DISPI_VIRT_WIDTH]);
    s->start = row_bytes(r[DISPI_BPP], r[DISPI_X_OFFSET]) + r[DISPI_Y_OFFSET] * s->pitch;
    s->limit = v->vram_bytes;
}

/* With the interface enabled the 64 KiB window is one bank of the frame buffer. */
static bool stdvga_banked(struct stdvga *d, uint32_t offset, uint32_t *addr)
{
    if (!dispi_on(d) || !vga_window_decode(&d->vga, offset, addr))
        return false;
    *addr = (*addr & 0xffff) + ((uint32_t)d->s.regs[DISPI_BANK] << 16);
    return true;
}

static bool stdvga_window_read(struct vga *v, uint32_t offset, uint8_t *value)
{
    uint32_t addr;
    if (!stdvga_banked(to_stdvga(v), offset, &addr))
        return false;
    *value = vga_planar_read(v, addr);
    return true;
}

static bool stdvga_window_write(struct vga *v, uint32_t offset, uint8_t value)
{
    uint32_t addr;
    if (!stdvga_banked(to_stdvga(v), offset, &addr))
        return false;
    vga_planar_write(v, addr, value);
    return true;
}

static const struct vga_variant stdvga_variant = {
    .scan = stdvga_scan, .window_read = stdvga_window_read, .window_write = stdvga_window_write};

/* Index at offset 0; data at 1 (as 16 bits over 0x1CF and 0x1D0) or, for those who align it, at 2. */
static uint64_t dispi_port_read(struct device *dev, uint64_t offset, unsigned size)
{
    struct stdvga *d = to_stdvga(to_vga(dev));
    uint16_t value = offset == 0 ? d->s.index : dispi_read(d, d->s.index);
    return value & bytes_ones(size > 2 ? 2 : size);
}

static void dispi_port_write(struct device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct stdvga *d = to_stdvga(to_vga(dev));
    if (offset == 0)
        d->s.index = (uint16_t)value;
    else
        dispi_write(d, d->s.index, (uint16_t)value);
}

const struct io_ops bochs_vbe_port_io = {.read = dispi_port_read, .write = dispi_port_write};

static uint64_t mmio_read(struct device *dev, uint64_t offset, unsigned size)
{
    struct stdvga *d = to_stdvga(to_vga(dev));

    if (offset >= MMIO_DISPI && offset < MMIO_DISPI + 2 * DISPI_COUNT)
        return dispi_read(d, (unsigned)(offset - MMIO_DISPI) / 2) & bytes_ones(size > 2 ? 2 : size);
    if (offset < MMIO_PORTS || offset + size > MMIO_PORTS + 0x20)
        return offset < MMIO_PORTS ? 0 : bytes_ones(size);
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)vga_port_read(&d->vga, (uint16_t)(0x3c0 + offset - MMIO_PORTS + i)) << (8 * i);
    return value;
}

static void mmio_write(struct device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct stdvga *d = to_stdvga(to_vga(dev));

    if (offset >= MMIO_DISPI && offset < MMIO_DISPI + 2 * DISPI_COUNT) {
        dispi_write(d, (unsigned)(offset - MMIO_DISPI) / 2, (uint16_t)value);
        return;
    }
    if (offset < MMIO_PORTS || offset + size > MMIO_PORTS + 0x20)
        return;
    for (unsigned i = 0; i < size; i++)
        vga_port_write(&d->vga, (uint16_t)(0x3c0 + offset - MMIO_PORTS + i), (uint8_t)(value >> (8 * i)));
}

static const struct io_ops mmio_io = {.read = mmio_read, .write = mmio_write};

static void stdvga_reset(struct device *dev)
{
    struct stdvga *d = to_stdvga(to_vga(dev));

    vga_reset(&d->vga);
    d->s.index = 0;
    memset(d->s.regs, 0, sizeof d->s.regs);
    d->s.regs[DISPI_ID] = DISPI_ID_LAST;
    d->s.regs[DISPI_BPP] = 8;
    if (d->vga.pci.bus)
        pci_device_reset(&d->vga.pci);
}

static const struct pci_ids stdvga_ids = {
    .vendor = 0x1234,
    .device = 0x1111,
    .class_code = 0x030000,
    .revision = 2,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
};

static int stdvga_check(const void *state)
{
    const struct stdvga_state *s = state;
    const uint16_t *r = s->regs;

    if (r[DISPI_XRES] > DISPI_XRES_MAX || r[DISPI_YRES] > DISPI_YRES_MAX || !bpp_ok(r[DISPI_BPP]) ||
        r[DISPI_VIRT_WIDTH] < ((r[DISPI_ENABLE] & DISPI_ENABLED) ? r[DISPI_XRES] : 0))
        return -EINVAL;
    return vga_check(&s->vga) ? -EINVAL : pci_state_check(state, &stdvga_ids);
}

static void stdvga_loaded(struct device *dev)
{
    struct vga *v = to_vga(dev);
    vga_loaded(v);
    if (v->pci.bus)
        pci_device_loaded(&v->pci);
}

static void stdvga_destroy(struct device *dev)
{
    struct vga *v = to_vga(dev);
    pci_device_remove(&v->pci);
    vga_fini(v);
    free(to_stdvga(v));
}

static const struct device_ops stdvga_ops = {
    .name = "stdvga",
    .version = 1,
    .state_size = sizeof(struct stdvga_state),
    .reset = stdvga_reset,
    .check = stdvga_check,
    .loaded = stdvga_loaded,
    .destroy = stdvga_destroy,
};

int bochs_vbe_create(struct pci_device **out, const struct vga_config *c, char **why)
{
    unsigned mib = c->videoram_mib ? c->videoram_mib : DEFAULT_VRAM_MIB;
    unsigned rounded = 1;

    while (rounded < mib && rounded < 256)
        rounded <<= 1;
    struct stdvga *d = calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    d->vga.pci.dev = (struct device){.ops = &stdvga_ops, .state = &d->s};
    d->vga.r = &d->s.vga;
    d->vga.variant = &stdvga_variant;
    pci_device_init(&d->vga.pci, &stdvga_ids);
    int rc = vga_init(&d->vga, c, rounded << 20, why);
    if (rc) {
        stdvga_destroy(&d->vga.pci.dev);
        return rc;
    }
    d->vga.pci.bar[0] = (struct pci_bar){
        .kind = PCI_BAR_MEM_PREFETCH, .size = d->vga.vram_bytes, .host = d->vga.vram, .host_flags = MEMORY_LOGGED};
    d->vga.pci.bar[2] = (struct pci_bar){.kind = PCI_BAR_MEM, .size = MMIO_BYTES, .ops = &mmio_io};
    stdvga_reset(&d->vga.pci.dev);
    *out = &d->vga.pci;
    return 0;
}
