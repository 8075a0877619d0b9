/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vga_pixels.c: one scan line of a graphics mode: the VGA's shift registers, and the linear modes of the SVGA chips.
 */
#include "dev/vga_core.h"

#include "base/bytes.h"

/* Rows of some CGA-like modes are interleaved in banks: the row counter's low bits stand in for address bits 13, 14. */
static uint32_t row_banked(const struct vga_scan *s, uint32_t counter, unsigned row)
{
    unsigned shift = s->dword_mode ? 2 : s->word_mode ? 1 : 0; /* the counter is shifted left by this on a real VGA */

    if (s->row_bank13)
        counter = (counter & ~(1u << (13 - shift))) | (row & 1) << (13 - shift);
    if (s->row_bank14)
        counter = (counter & ~(1u << (14 - shift))) | (row >> 1 & 1) << (14 - shift);
    return counter;
}

static void planar_dots(uint32_t word, uint8_t *out)
{
    for (unsigned bit = 8; bit--;)
        *out++ = (uint8_t)((word >> bit & 1) | (word >> (bit + 7) & 2) | (word >> (bit + 14) & 4) |
                           (word >> (bit + 21) & 8));
}

static void cga_dots(uint32_t word, uint8_t *out)
{
    for (unsigned half = 0; half < 2; half++) {
        unsigned low = word >> (8 * half) & 0xff, high = word >> (8 * half + 16) & 0xff;
        for (unsigned i = 4; i--;)
            *out++ = (uint8_t)((low >> (2 * i) & 3) | (high >> (2 * i) & 3) << 2);
    }
}

static void wide_dots(uint32_t word, uint8_t *out)
{
    for (unsigned i = 0; i < 4; i++, out += 2)
        out[0] = out[1] = (uint8_t)(word >> (8 * i));
}

void vga_planar_line(struct vga *v, const struct vga_scan *s, uint32_t counter, unsigned row)
{
    uint8_t *out = v->line;

    for (unsigned i = 0; i <= s->column_count; i++, out += 8) { /* one more, for panning */
        uint32_t at = row_banked(s, counter + i, row);
        uint32_t word = load_le32(v->vram + ((uint64_t)at * 4 & (s->limit - 1)));
        if (s->kind == VGA_SCAN_PLANAR)
            planar_dots(word, out);
        else if (s->kind == VGA_SCAN_CGA)
            cga_dots(word, out);
        else
            wide_dots(word, out);
    }
}

static uint32_t pixel_15(uint16_t p)
{
    uint32_t r = p >> 10 & 31, g = p >> 5 & 31, b = p & 31;
    return (r << 3 | r >> 2) << 16 | (g << 3 | g >> 2) << 8 | (b << 3 | b >> 2);
}

static uint32_t pixel_16(uint16_t p)
{
    uint32_t r = p >> 11 & 31, g = p >> 5 & 63, b = p & 31;
    return (r << 3 | r >> 2) << 16 | (g << 2 | g >> 4) << 8 | (b << 3 | b >> 2);
}

static uint32_t pixel_at(const struct vga *v, enum vga_kind kind, const uint8_t *p)
{
    switch (kind) {
    case VGA_SCAN_8: return v->palette[p[0]];
    case VGA_SCAN_15: return pixel_15(load_le16(p));
    case VGA_SCAN_16: return pixel_16(load_le16(p));
    case VGA_SCAN_24: return (uint32_t)(p[2] << 16 | p[1] << 8 | p[0]);
    default: return load_le32(p) & 0xffffff;
    }
}

/* A line that runs over the end of video RAM goes on at its start; a pixel that would straddle it is read bytewise. */
static void linear_line_wrapped(struct vga *v, const struct vga_scan *s, uint32_t offset, unsigned step,
                                uint32_t *pixels)
{
    for (int x = 0; x < s->width; x++, offset += step) {
        uint8_t p[4];
        for (unsigned i = 0; i < 4; i++)
            p[i] = v->vram[(offset + i) & (s->limit - 1)];
        pixels[x] = pixel_at(v, s->kind, p);
    }
}

void vga_linear_line(struct vga *v, const struct vga_scan *s, uint32_t offset, uint32_t *pixels)
{
    static const uint8_t steps[] = {
        [VGA_SCAN_8] = 1, [VGA_SCAN_15] = 2, [VGA_SCAN_16] = 2, [VGA_SCAN_24] = 3, [VGA_SCAN_32] = 4};
    unsigned step = steps[s->kind];
    const uint8_t *p = v->vram + offset;

    if (offset + (uint64_t)s->width * step + 4 > s->limit) {
        linear_line_wrapped(v, s, offset, step, pixels);
        return;
    }
    /* one loop per kind, so that each becomes a tight one */
    switch (s->kind) {
    case VGA_SCAN_8:
        for (int x = 0; x < s->width; x++)
            pixels[x] = v->palette[p[x]];
        break;
    case VGA_SCAN_15:
        for (int x = 0; x < s->width; x++)
            pixels[x] = pixel_15(load_le16(p + 2 * x));
        break;
    case VGA_SCAN_16:
        for (int x = 0; x < s->width; x++)
            pixels[x] = pixel_16(load_le16(p + 2 * x));
        break;
    case VGA_SCAN_24:
        for (int x = 0; x < s->width; x++)
            pixels[x] = pixel_at(v, VGA_SCAN_24, p + 3 * x);
        break;
    default:
        for (int x = 0; x < s->width; x++)
            pixels[x] = load_le32(p + 4 * x) & 0xffffff;
        break;
    }
}
