/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vga_memory.c: the CPU's window at 0xA0000: chain-4, odd/even, the four write and two read modes (IBM PS/2 Hardware
 * Interface Technical Reference, "Graphics controller"). The layout of video RAM is vga_core.h's.
 */
#include "dev/vga_core.h"

#include "base/bytes.h"

/* Bits 0..3 spread to whole bytes: plane masks. */
static uint32_t plane_mask(unsigned planes)
{
    static const uint32_t masks[16] = {
        0x00000000, 0x000000ff, 0x0000ff00, 0x0000ffff, 0x00ff0000, 0x00ff00ff, 0x00ffff00, 0x00ffffff,
        0xff000000, 0xff0000ff, 0xff00ff00, 0xff00ffff, 0xffff0000, 0xffff00ff, 0xffffff00, 0xffffffff,
    };
    return masks[planes & 15];
}

static uint32_t all_planes(uint8_t value)
{
    return value * 0x01010101u;
}

void vga_mark_dirty_range(struct vga *v, uint32_t addr, uint32_t len)
{
    for (uint32_t page = addr >> PAGE_SHIFT_4K; len && page <= (addr + len - 1) >> PAGE_SHIFT_4K; page++)
        vga_mark_dirty(v, page << PAGE_SHIFT_4K);
}

/* Does the window answer this byte, and as which address within its aperture? */
bool vga_window_decode(const struct vga *v, uint32_t offset, uint32_t *addr)
{
    static const struct {
        uint32_t first, bytes;
    } map[4] = {{0, 0x20000}, {0, 0x10000}, {0x10000, 0x8000}, {0x18000, 0x8000}};
    unsigned select = v->r->gr[6] >> 2 & 3;

    if (!(v->r->misc & 2) || offset - map[select].first >= map[select].bytes)
        return false;
    *addr = offset - map[select].first;
    return true;
}

/* Mode 1: a bit is set where the pixel's planes all equal the colour, as far as "don't care" looks. */
static uint8_t color_compare(const struct vga_regs *r, uint32_t latch)
{
    uint32_t differ = (latch ^ plane_mask(r->gr[2])) & plane_mask(r->gr[7]);

    differ |= differ >> 16;
    return (uint8_t) ~(differ | differ >> 8);
}

uint8_t vga_planar_read(struct vga *v, uint32_t addr)
{
    struct vga_regs *r = v->r;
    uint32_t mask = v->vram_bytes - 1;
    unsigned plane = r->gr[4] & 3;

    if (r->seq[4] & 8) { /* chain-4 */
        r->latch = load_le32(v->vram + (addr & mask & ~3u));
        return v->vram[addr & mask];
    }
    if (r->gr[5] & 0x10) { /* odd/even */
        plane = (plane & 2) | (addr & 1);
        addr >>= 1;
    }
    r->latch = load_le32(v->vram + (addr << 2 & mask));
    return r->gr[5] & 8 ? color_compare(r, r->latch) : (uint8_t)(r->latch >> (8 * plane));
}

/* Set/reset, rotate, function, bit mask: what one CPU byte becomes on all four planes. */
static uint32_t write_data(const struct vga_regs *r, uint8_t value)
{
    unsigned rotate = r->gr[3] & 7;
    uint8_t rotated = (uint8_t)(value >> rotate | value << (8 - rotate));
    uint32_t bits = all_planes(r->gr[8]), data;

    switch (r->gr[5] & 3) {
    case 0: {
        uint32_t set = plane_mask(r->gr[1]);
        data = (all_planes(rotated) & ~set) | (plane_mask(r->gr[0]) & set);
        break;
    }
    case 1: return r->latch;
    case 2: data = plane_mask(value); break;
    default:
        data = plane_mask(r->gr[0]);
        bits &= all_planes(rotated);
        break;
    }
    switch (r->gr[3] >> 3 & 3) {
    case 1: data &= r->latch; break;
    case 2: data |= r->latch; break;
    case 3: data ^= r->latch; break;
    }
    return (data & bits) | (r->latch & ~bits);
}

void vga_planar_write(struct vga *v, uint32_t addr, uint8_t value)
{
    struct vga_regs *r = v->r;
    uint32_t mask = v->vram_bytes - 1;
    unsigned planes = r->seq[2];

    if (r->seq[4] & 8) { /* chain-4 */
        if (planes & 1u << (addr & 3)) {
            v->vram[addr & mask] = value;
            vga_mark_dirty(v, addr & mask);
        }
        return;
    }
    if (!(r->seq[4] & 4)) { /* odd/even: even addresses go to planes 0 and 2, odd ones to 1 and 3 */
        planes &= addr & 1 ? 0xa : 5;
        addr >>= 1;
    }
    addr = addr << 2 & mask;
    uint32_t keep = ~plane_mask(planes);
    store_le32(v->vram + addr, (load_le32(v->vram + addr) & keep) | (write_data(r, value) & ~keep));
    vga_mark_dirty(v, addr);
    if ((planes & 4) && v->shown.kind == VGA_SCAN_TEXT)
        v->redraw = true; /* perhaps a font */
}

uint8_t vga_window_read_byte(struct vga *v, uint32_t offset)
{
    uint32_t addr;
    uint8_t value;

    if (v->variant->window_read && v->variant->window_read(v, offset, &value))
        return value;
    return vga_window_decode(v, offset, &addr) ? vga_planar_read(v, addr) : 0xff;
}

void vga_window_write_byte(struct vga *v, uint32_t offset, uint8_t value)
{
    uint32_t addr;

    if (v->variant->window_write && v->variant->window_write(v, offset, value))
        return;
    if (vga_window_decode(v, offset, &addr))
        vga_planar_write(v, addr, value);
}

static uint64_t window_io_read(struct device *d, uint64_t offset, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)vga_window_read_byte(to_vga(d), (uint32_t)offset + i) << (8 * i);
    return value;
}

static void window_io_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++)
        vga_window_write_byte(to_vga(d), (uint32_t)offset + i, (uint8_t)(value >> (8 * i)));
}

const struct io_ops vga_window_io = {.read = window_io_read, .write = window_io_write};
