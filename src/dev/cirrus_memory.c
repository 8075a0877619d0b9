/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cirrus_memory.c: the GD5446's ways to video RAM where they are more than memory: the banked window, the extended
 * write modes 4 and 5 (colour expansion), the blitter's registers at 0xB8000, and its data port, both ways.
 */
#include "dev/cirrus.h"

#include "base/bytes.h"

enum gr0b { /* graphics controller mode extensions */
            GRB_TWO_BANKS = 0x01,
            GRB_BY8 = 0x02,
            GRB_EXTENDED_WRITE = 0x04,
            GRB_BY16 = 0x10,
            GRB_BANK_16K = 0x20,
};

enum sr17 { SR17_MMIO = 0x04, SR17_MMIO_IN_FRAME_BUFFER = 0x40 };

#define MMIO_WINDOW       0x18000 /* 0xB8000, from the window's start */
#define MMIO_WINDOW_BYTES 0x100

static bool is_packed(const struct cirrus *c)
{
    return c->s.vga.seq[7] & 1;
}

static uint8_t write_mode(const struct cirrus *c)
{
    return c->s.vga.gr[5] & 7;
}

static bool has_extended_write(const struct cirrus *c)
{
    return (c->s.vga.gr[0x0b] & GRB_EXTENDED_WRITE) && (write_mode(c) == 4 || write_mode(c) == 5);
}

/* May guests reach the frame buffer's pages without our seeing each access? */
bool cirrus_linear_is_plain(const struct cirrus *c)
{
    const struct vga_regs *r = &c->s.vga;

    return !c->s.blt_lines_left && !(r->gr[0x0b] & GRB_BY8) && !has_extended_write(c) &&
           (r->seq[0x17] & (SR17_MMIO | SR17_MMIO_IN_FRAME_BUFFER)) != (SR17_MMIO | SR17_MMIO_IN_FRAME_BUFFER);
}

/* One CPU byte addresses 8 pixels, or 16 bytes' worth of them. */
static uint32_t scale_address(const struct cirrus *c, uint32_t addr)
{
    uint8_t mode = c->s.vga.gr[0x0b];

    if ((mode & (GRB_BY16 | GRB_EXTENDED_WRITE)) == (GRB_BY16 | GRB_EXTENDED_WRITE))
        return addr << 4;
    return mode & GRB_BY8 ? addr << 3 : addr;
}

/* Write modes 4 and 5: each bit becomes a pixel, foreground or (in 5) background. */
static void expand_write(struct cirrus *c, uint32_t addr, uint8_t value)
{
    const struct vga_regs *r = &c->s.vga;
    unsigned wide = r->gr[0x0b] & GRB_BY16 ? 2 : 1;

    for (unsigned i = 0; i < 8; i++) {
        bool set = value & 0x80 >> i;
        if (!set && write_mode(c) == 4)
            continue;
        for (unsigned byte = 0; byte < wide; byte++) {
            uint32_t at = (addr + i * wide + byte) & (c->vga.vram_bytes - 1);
            c->vga.vram[at] = r->gr[byte ? (set ? 0x11 : 0x10) : (set ? 1 : 0)];
            vga_mark_dirty(&c->vga, at);
        }
    }
}

static void store(struct cirrus *c, uint32_t addr, uint8_t value)
{
    addr = scale_address(c, addr) & (c->vga.vram_bytes - 1);
    if (has_extended_write(c)) {
        expand_write(c, addr, value);
    } else {
        c->vga.vram[addr] = value;
        vga_mark_dirty(&c->vga, addr);
    }
}

/* The window's 32 or 64 KiB banks. */
static uint32_t banked(const struct cirrus *c, uint32_t offset)
{
    const struct vga_regs *r = &c->s.vga;
    unsigned shift = r->gr[0x0b] & GRB_BANK_16K ? 14 : 12;

    if ((r->gr[0x0b] & GRB_TWO_BANKS) && (offset & 0x8000))
        return (offset & 0x7fff) + ((uint32_t)r->gr[0x0a] << shift);
    return offset + ((uint32_t)r->gr[9] << shift);
}

static bool is_mmio_window(const struct cirrus *c, uint32_t offset)
{
    return (c->s.vga.seq[0x17] & (SR17_MMIO | SR17_MMIO_IN_FRAME_BUFFER)) == SR17_MMIO &&
           offset - MMIO_WINDOW < MMIO_WINDOW_BYTES;
}

bool cirrus_window_read(struct vga *v, uint32_t offset, uint8_t *value)
{
    struct cirrus *c = to_cirrus(v);
    uint32_t addr;

    if (is_mmio_window(c, offset)) {
        *value = cirrus_blt_mmio_read(c, offset - MMIO_WINDOW);
        return true;
    }
    if (!vga_window_decode(v, offset, &addr))
        return false;
    if (cirrus_blt_has_result(c))
        *value = cirrus_blt_result(c);
    else if (is_packed(c))
        *value = v->vram[scale_address(c, banked(c, addr & 0xffff)) & (v->vram_bytes - 1)];
    else
        *value = vga_planar_read(v, banked(c, addr));
    return true;
}

bool cirrus_window_write(struct vga *v, uint32_t offset, uint8_t value)
{
    struct cirrus *c = to_cirrus(v);
    uint32_t addr;

    if (is_mmio_window(c, offset)) {
        cirrus_blt_mmio_write(c, offset - MMIO_WINDOW, value);
        return true;
    }
    if (!vga_window_decode(v, offset, &addr))
        return false;
    if (cirrus_blt_wants_data(c))
        cirrus_blt_data(c, value);
    else if (is_packed(c))
        store(c, banked(c, addr & 0xffff), value);
    else
        vga_planar_write(v, banked(c, addr), value);
    return true;
}

/* The blitter's registers in the last 256 bytes of the frame buffer. */
static bool is_mmio_linear(const struct cirrus *c, uint64_t offset)
{
    uint8_t both = SR17_MMIO | SR17_MMIO_IN_FRAME_BUFFER;

    return (c->s.vga.seq[0x17] & both) == both && offset < c->vga.vram_bytes && offset >= c->vga.vram_bytes - 0x100;
}

static uint64_t linear_read(struct device *d, uint64_t offset, unsigned size)
{
    struct cirrus *c = to_cirrus(to_vga(d));
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++, offset++) {
        uint8_t byte = 0xff;
        if (is_mmio_linear(c, offset))
            byte = cirrus_blt_mmio_read(c, (uint32_t)offset & 0xff);
        else if (cirrus_blt_has_result(c))
            byte = cirrus_blt_result(c);
        else if (offset < c->vga.vram_bytes)
            byte = c->vga.vram[scale_address(c, (uint32_t)offset) & (c->vga.vram_bytes - 1)];
        value |= (uint64_t)byte << (8 * i);
    }
    return value;
}

static void linear_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct cirrus *c = to_cirrus(to_vga(d));

    for (unsigned i = 0; i < size; i++, offset++, value >>= 8) {
        if (is_mmio_linear(c, offset))
            cirrus_blt_mmio_write(c, (uint32_t)offset & 0xff, (uint8_t)value);
        else if (cirrus_blt_wants_data(c))
            cirrus_blt_data(c, (uint8_t)value);
        else if (offset < c->vga.vram_bytes)
            store(c, (uint32_t)offset, (uint8_t)value);
    }
}

const struct io_ops cirrus_linear_io = {.read = linear_read, .write = linear_write};
