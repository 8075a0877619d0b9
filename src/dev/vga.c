/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vga.c: the VGA's registers: sequencer, CRTC, graphics and attribute controllers, DAC (IBM PS/2 Hardware Interface
 * Technical Reference, "Video subsystem"). What extended chips add is behind struct vga_variant.
 * Does not know what the registers do to memory (vga_memory.c) or to the picture (vga_scan.c, vga_draw.c).
 */
#include "dev/vga_core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    PORT_ATTR = 0x3c0,
    PORT_ATTR_READ = 0x3c1,
    PORT_MISC = 0x3c2,
    PORT_ENABLE = 0x3c3,
    PORT_SEQ_INDEX = 0x3c4,
    PORT_SEQ = 0x3c5,
    PORT_DAC_MASK = 0x3c6,
    PORT_DAC_READ = 0x3c7,
    PORT_DAC_WRITE = 0x3c8,
    PORT_DAC = 0x3c9,
    PORT_FEATURE_READ = 0x3ca,
    PORT_MISC_READ = 0x3cc,
    PORT_GR_INDEX = 0x3ce,
    PORT_GR = 0x3cf,
    PORT_CRTC_INDEX = 0x3d4,
    PORT_CRTC = 0x3d5,
    PORT_STATUS1 = 0x3da,
};

#define SEQ_COUNT  5
#define GR_COUNT   9
#define CRTC_COUNT 25
#define ATTR_COUNT 21

/* What each register can hold. */
static const uint8_t seq_mask[SEQ_COUNT] = {0x03, 0x3d, 0x0f, 0x3f, 0x0e};
static const uint8_t gr_mask[GR_COUNT] = {0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff};
static const uint8_t attr_mask[ATTR_COUNT] = {0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
                                              0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f};

static uint8_t attr_read(struct vga *v)
{
    unsigned i = v->r->attr_index & 31;
    return i < ATTR_COUNT ? v->r->attr[i] : 0;
}

static void attr_write(struct vga *v, uint8_t value)
{
    struct vga_regs *r = v->r;
    unsigned i = r->attr_index & 31;

    r->attr_data_next = !r->attr_data_next;
    if (r->attr_data_next) {
        r->attr_index = value & 0x3f;
    } else if (i < ATTR_COUNT) {
        /* while bit 5 is set the palette is being displayed and cannot be written */
        if (i < 16 && (r->attr_index & 0x20))
            return;
        r->attr[i] = value & attr_mask[i];
        v->palette_changed = true;
    }
}

static void crtc_write(struct vga *v, uint8_t value)
{
    struct vga_regs *r = v->r;
    unsigned i = r->crtc_index;

    if (i >= CRTC_COUNT)
        return;
    if ((r->crtc[0x11] & 0x80) && i <= 7) { /* timing is protected, but for line compare's bit 8 */
        if (i == 7)
            r->crtc[7] = (uint8_t)((r->crtc[7] & ~0x10) | (value & 0x10));
        return;
    }
    r->crtc[i] = value;
}

static uint8_t dac_read(struct vga *v)
{
    struct vga_regs *r = v->r;
    uint8_t value = r->dac[r->dac_index * 3 + r->dac_component];

    if (++r->dac_component == 3) {
        r->dac_component = 0;
        r->dac_index++;
    }
    return value;
}

static void dac_write(struct vga *v, uint8_t value)
{
    struct vga_regs *r = v->r;

    r->dac_shadow[r->dac_component] = r->dac_8bit ? value : value & 0x3f;
    if (++r->dac_component < 3)
        return;
    memcpy(&r->dac[r->dac_index * 3], r->dac_shadow, 3); /* a colour changes as a whole */
    r->dac_component = 0;
    r->dac_index++;
    v->palette_changed = true;
}

/* The CRTC and input status ports answer at 0x3Bx when the miscellaneous output register says monochrome. */
static uint16_t port_decode(const struct vga *v, uint16_t port)
{
    bool colour = v->r->misc & 1;

    if (port >= 0x3b0 && port <= 0x3bf)
        return colour || port == 0x3bf ? 0 : (uint16_t)(port + 0x20);
    if (port >= 0x3d0 && port <= 0x3df)
        return colour ? port : 0;
    return port;
}

static uint8_t vga_register_read(struct vga *v, uint16_t port)
{
    struct vga_regs *r = v->r;

    switch (port) {
    case PORT_ATTR: return r->attr_index;
    case PORT_ATTR_READ: return attr_read(v);
    case PORT_MISC: return 0x10; /* a monitor answers the sense comparator: colour */
    case PORT_ENABLE: return r->enable;
    case PORT_SEQ_INDEX: return r->seq_index;
    case PORT_SEQ: return r->seq_index < SEQ_COUNT ? r->seq[r->seq_index] : 0xff;
    case PORT_DAC_MASK: return r->dac_mask;
    case PORT_DAC_READ: return r->dac_reading ? 3 : 0;
    case PORT_DAC_WRITE: return r->dac_index;
    case PORT_DAC: return dac_read(v);
    case PORT_FEATURE_READ: return r->feature;
    case PORT_MISC_READ: return r->misc;
    case PORT_GR_INDEX: return r->gr_index;
    case PORT_GR: return r->gr_index < GR_COUNT ? r->gr[r->gr_index] : 0xff;
    case PORT_CRTC_INDEX: return r->crtc_index;
    case PORT_CRTC: return r->crtc_index < CRTC_COUNT ? r->crtc[r->crtc_index] : 0xff;
    case PORT_STATUS1: r->attr_data_next = 0; return vga_status1(v);
    }
    return 0xff;
}

static void vga_register_write(struct vga *v, uint16_t port, uint8_t value)
{
    struct vga_regs *r = v->r;

    switch (port) {
    case PORT_ATTR: attr_write(v, value); break;
    case PORT_MISC: r->misc = value & 0xef; break;
    case PORT_ENABLE: r->enable = value & 1; break;
    case PORT_SEQ_INDEX: r->seq_index = value; break;
    case PORT_SEQ:
        if (r->seq_index < SEQ_COUNT)
            r->seq[r->seq_index] = value & seq_mask[r->seq_index];
        break;
    case PORT_DAC_MASK:
        r->dac_mask = value;
        v->palette_changed = true;
        break;
    case PORT_DAC_READ:
    case PORT_DAC_WRITE:
        r->dac_reading = port == PORT_DAC_READ;
        r->dac_index = value;
        r->dac_component = 0;
        break;
    case PORT_DAC: dac_write(v, value); break;
    case PORT_GR_INDEX: r->gr_index = value; break;
    case PORT_GR:
        if (r->gr_index < GR_COUNT)
            r->gr[r->gr_index] = value & gr_mask[r->gr_index];
        break;
    case PORT_CRTC_INDEX: r->crtc_index = value; break;
    case PORT_CRTC: crtc_write(v, value); break;
    case PORT_STATUS1: r->feature = value & 3; break;
    }
}

uint8_t vga_port_read(struct vga *v, uint16_t port)
{
    uint8_t value;

    port = port_decode(v, port);
    if (port && v->variant->reg_read && v->variant->reg_read(v, port, &value))
        return value;
    return vga_register_read(v, port);
}

void vga_port_write(struct vga *v, uint16_t port, uint8_t value)
{
    port = port_decode(v, port);
    if (port && v->variant->reg_write && v->variant->reg_write(v, port, value))
        return;
    vga_register_write(v, port, value);
}

/* Wider accesses are byte accesses to consecutive ports: the usual way to write index and data at once. */
static uint64_t port_io_read(struct device *d, uint64_t offset, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)vga_port_read(to_vga(d), (uint16_t)(VGA_PORTS_BASE + offset + i)) << (8 * i);
    return value;
}

static void port_io_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++)
        vga_port_write(to_vga(d), (uint16_t)(VGA_PORTS_BASE + offset + i), (uint8_t)(value >> (8 * i)));
}

const struct io_ops vga_port_io = {.read = port_io_read, .write = port_io_write};

void vga_reset(struct vga *v)
{
    struct vga_regs *r = v->r;

    memset(r, 0, sizeof *r);
    r->misc = 0x63; /* colour, RAM on: a text screen is what firmware expects to find or to set */
    r->seq[0] = 3;
    r->seq[2] = 3;
    r->seq[4] = 2;
    r->gr[5] = 0x10;
    r->gr[6] = 0x0e;
    r->gr[8] = 0xff;
    r->dac_mask = 0xff;
    r->enable = 1;
    v->redraw = v->palette_changed = true;
}

void vga_loaded(struct vga *v)
{
    v->redraw = v->palette_changed = true;
}

/* Indexes used without a check elsewhere. */
int vga_check(const struct vga_regs *r)
{
    return r->dac_component > 2 || r->attr_index > 0x3f || r->attr_data_next > 1 ? -EINVAL : 0;
}

static void *pages_alloc(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static size_t power_of_two(size_t n)
{
    size_t p = PAGE_BYTES;
    while (p < n)
        p <<= 1;
    return p;
}

static bool vga_take_rom(struct vga *v, const struct vga_config *c)
{
    if (!c->rom || !c->rom_bytes)
        return true;
    v->rom_bytes = power_of_two(c->rom_bytes);
    v->rom = pages_alloc(v->rom_bytes);
    if (!v->rom)
        return false;
    memcpy(v->rom, c->rom, c->rom_bytes);
    v->pci.bar[PCI_ROM_BAR] =
        (struct pci_bar){.kind = PCI_BAR_MEM, .size = v->rom_bytes, .host = v->rom, .host_flags = MEMORY_READONLY};
    return true;
}

int vga_init(struct vga *v, const struct vga_config *c, uint32_t vram_bytes, char **why)
{
    size_t bitmap_bytes = vram_bytes / PAGE_BYTES / 8;

    v->memory = c->memory;
    v->loop = c->loop;
    v->display = c->display;
    v->vram_bytes = vram_bytes;
    v->vram = pages_alloc(vram_bytes);
    v->dirty = calloc(1, bitmap_bytes);
    v->fetched = calloc(1, bitmap_bytes);
    v->line = calloc(1, VGA_WIDTH_MAX * 2 + 64);
    if (!v->vram || !v->dirty || !v->fetched || !v->line || !vga_take_rom(v, c)) {
        if (asprintf(why, "out of memory for %u MiB of video RAM", vram_bytes >> 20) < 0)
            *why = NULL;
        return -ENOMEM;
    }
    v->redraw = v->palette_changed = true;
    if (v->display)
        display_set_source(v->display, &(struct display_source){.refresh = vga_refresh, .opaque = v});
    return 0;
}

void vga_fini(struct vga *v)
{
    if (v->display && v->vram)
        display_set_source(v->display, NULL);
    if (v->vram)
        munmap(v->vram, v->vram_bytes);
    if (v->rom)
        munmap(v->rom, v->rom_bytes);
    free(v->dirty);
    free(v->fetched);
    free(v->line);
}

void *vga_vram(struct pci_device *d, size_t *bytes)
{
    struct vga *v = to_vga(&d->dev);
    *bytes = v->vram_bytes;
    return v->vram;
}

int vga_create(struct pci_device **d, const struct vga_config *c, char **why)
{
    *d = NULL;
    *why = NULL;
    return c->model == VGA_MODEL_STD ? bochs_vbe_create(d, c, why) : cirrus_create(d, c, why);
}
