/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cirrus_blt.c: the GD5446's BitBLT engine: copies, 8x8 patterns, colour expansion, solid fills, sixteen raster
 * operations, transparency; source in video RAM or written by the CPU, destination in video RAM or read by the CPU
 * (CL-GD5446 Technical Reference Manual, "BitBLT engine"). A blit within video RAM is done at once, line by line, each
 * line's source gathered first.
 */
#include "dev/cirrus.h"

#include "base/bytes.h"

#include <string.h>

enum gr30 {
    MODE_BACKWARDS = 0x01,
    MODE_TO_SYSTEM = 0x02,
    MODE_FROM_SYSTEM = 0x04,
    MODE_TRANSPARENT = 0x08,
    MODE_PATTERN = 0x40,
    MODE_EXPAND = 0x80,
};

enum gr31 { CONTROL_BUSY = 0x01, CONTROL_START = 0x02, CONTROL_RESET = 0x04, CONTROL_PROGRESS = 0x08 };
enum gr33 { EXT_DWORDS = 0x01, EXT_INVERT = 0x02, EXT_SOLID = 0x04 };

struct blt {
    uint8_t mode, ext, rop;
    unsigned depth;         /* bytes a pixel */
    uint32_t width, height; /* bytes, lines */
    uint32_t dst, src, dst_pitch, src_pitch;
    uint32_t fore, back, key;
    unsigned skip;       /* bytes left alone at each line's left */
    unsigned source_bit; /* the first pixel's bit within an expanded line */
};

static uint32_t gr_word(const struct cirrus *c, unsigned low)
{
    return (uint32_t)(c->s.vga.gr[low] | c->s.vga.gr[low + 1] << 8);
}

static uint32_t gr_address(const struct cirrus *c, unsigned low)
{
    return gr_word(c, low) | (uint32_t)c->s.vga.gr[low + 2] << 16;
}

/* Colours lie in GR0/1, 10/11, 12/13, 14/15: background even, foreground odd. */
static uint32_t gr_colour(const struct cirrus *c, unsigned odd)
{
    const uint8_t *g = c->s.vga.gr;
    return g[odd] | (uint32_t)g[0x10 + odd] << 8 | (uint32_t)g[0x12 + odd] << 16 | (uint32_t)g[0x14 + odd] << 24;
}

static struct blt blt_from_registers(const struct cirrus *c)
{
    const uint8_t *g = c->s.vga.gr;
    struct blt b = {
        .mode = g[0x30],
        .ext = g[0x33],
        .rop = g[0x32],
        .depth = (g[0x30] >> 4 & 3) + 1u,
        .width = (gr_word(c, 0x20) & 0x1fff) + 1,
        .height = (gr_word(c, 0x22) & 0x7ff) + 1,
        .dst_pitch = gr_word(c, 0x24) & 0x1fff,
        .src_pitch = gr_word(c, 0x26) & 0x1fff,
        .dst = gr_address(c, 0x28),
        .src = gr_address(c, 0x2c),
        .back = gr_colour(c, 0),
        .fore = gr_colour(c, 1),
        .key = gr_word(c, 0x34),
    };

    if (b.depth == 1) /* the key holds the 8-bit colour twice; its low byte is enough */
        b.key &= 0xff;
    if (b.mode & (MODE_EXPAND | MODE_PATTERN)) {
        if (b.depth == 3) {
            b.skip = g[0x2f] & 0x1f;
            b.source_bit = b.skip / 3;
        } else {
            b.source_bit = g[0x2f] & 7;
            b.skip = b.source_bit * b.depth;
        }
    }
    return b;
}

static uint8_t vram_get(const struct cirrus *c, uint32_t addr)
{
    return c->vga.vram[addr & (c->vga.vram_bytes - 1)];
}

#define ROP_LOOP(expression)            \
    for (uint32_t i = 0; i < n; i++) {  \
        uint8_t s = from[i], d = to[i]; \
        (void)s;                        \
        (void)d;                        \
        to[i] = (uint8_t)(expression);  \
    }                                   \
    break

/* GR32: what source and destination become. Codes that are none do nothing. */
static void rop_apply(uint8_t rop, uint8_t *to, const uint8_t *from, uint32_t n)
{
    switch (rop) {
    case 0x00: memset(to, 0, n); break;
    case 0x05: ROP_LOOP(s & d);
    case 0x09: ROP_LOOP(s & ~d);
    case 0x0b: ROP_LOOP(~d);
    case 0x0d: memcpy(to, from, n); break;
    case 0x0e: memset(to, 0xff, n); break;
    case 0x50: ROP_LOOP(~s & d);
    case 0x59: ROP_LOOP(s ^ d);
    case 0x6d: ROP_LOOP(s | d);
    case 0x90: ROP_LOOP(~s & ~d);
    case 0x95: ROP_LOOP(~(s ^ d));
    case 0xad: ROP_LOOP(s | ~d);
    case 0xd0: ROP_LOOP(~s);
    case 0xd6: ROP_LOOP(~s | d);
    case 0xda: ROP_LOOP(~s | ~d);
    default: break; /* 0x06 is "destination" */
    }
}

/* One line of source, as it meets the destination; drawn[i] 0: the byte stays. */
struct line {
    uint8_t source[CIRRUS_BLT_LINE_MAX + 8], result[CIRRUS_BLT_LINE_MAX + 8], drawn[CIRRUS_BLT_LINE_MAX + 8];
};

static void put_pixel(uint8_t *to, uint32_t colour, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        to[i] = (uint8_t)(colour >> (8 * i));
}

/* bits: where the line's bits start, modulo `wrap` bytes (a pattern's row is one byte). Whole pixels only. */
static void line_expand(const struct cirrus *c, const struct blt *b, struct line *l, const uint8_t *bits, uint32_t addr,
                        unsigned wrap)
{
    uint8_t invert = b->ext & EXT_INVERT ? 0xff : 0;
    bool transparent = b->mode & MODE_TRANSPARENT;

    for (uint32_t x = b->skip, n = b->source_bit; x < b->width; x += b->depth, n++) {
        uint32_t byte = wrap ? n / 8 % wrap : n / 8;
        uint8_t value = bits ? bits[byte] : vram_get(c, addr + byte);
        bool set = (value ^ invert) & 0x80 >> (n & 7);
        /* transparent and inverted: the zeros are drawn, in the background colour */
        uint32_t colour = transparent ? (invert ? b->back : b->fore) : (value & 0x80 >> (n & 7)) ? b->fore : b->back;
        put_pixel(&l->source[x], colour, b->depth);
        memset(&l->drawn[x], !transparent || set, b->depth);
    }
}

/* Transparency without expansion: pixels that come out as the key colour stay. 8 and 16 bits only, as the chip. */
static void line_apply_key(const struct blt *b, struct line *l)
{
    if (!(b->mode & MODE_TRANSPARENT) || (b->mode & MODE_EXPAND) || b->depth > 2)
        return;
    for (uint32_t x = 0; x + b->depth <= b->width; x += b->depth) {
        uint32_t value = l->result[x] | (b->depth == 2 ? (uint32_t)l->result[x + 1] << 8 : 0);
        if (value == b->key)
            memset(&l->drawn[x], 0, b->depth);
    }
}

/* first: the leftmost byte in video RAM. */
static void line_finish(struct cirrus *c, const struct blt *b, struct line *l, uint32_t first)
{
    uint32_t mask = c->vga.vram_bytes - 1;

    for (uint32_t x = 0; x < b->width; x++)
        l->result[x] = c->vga.vram[(first + x) & mask];
    rop_apply(b->rop, l->result, l->source, b->width);
    line_apply_key(b, l);
    for (uint32_t x = b->skip; x < b->width; x++)
        if (l->drawn[x])
            c->vga.vram[(first + x) & mask] = l->result[x];
    if (((first + b->width - 1) & mask) >= (first & mask))
        vga_mark_dirty_range(&c->vga, first & mask, b->width);
    else {
        vga_mark_dirty_range(&c->vga, first & mask, mask + 1 - (first & mask));
        vga_mark_dirty_range(&c->vga, 0, (first + b->width) & mask);
    }
}

static void line_reset(const struct blt *b, struct line *l)
{
    memset(l->drawn, 1, b->width);
    memset(l->drawn, 0, b->skip < b->width ? b->skip : b->width);
}

/* Row `row` of the 8x8 pattern (`pattern` from the CPU, or in video RAM at the blit's source). */
static void line_pattern(const struct cirrus *c, const struct blt *b, struct line *l, const uint8_t *pattern,
                         unsigned row)
{
    unsigned stride = 8 * (b->depth == 3 ? 4 : b->depth);
    uint32_t base = b->src & ~7u;

    row &= 7;
    if (b->mode & MODE_EXPAND) {
        line_expand(c, b, l, pattern ? pattern + row : NULL, base + row, 1);
        return;
    }
    base = b->src & ~(8 * stride - 1);
    for (uint32_t x = 0; x < b->width; x++) {
        uint32_t at = row * stride + x % (8 * b->depth);
        l->source[x] = pattern ? pattern[at] : vram_get(c, base + at);
    }
}

static void line_solid(const struct blt *b, struct line *l)
{
    for (uint32_t x = 0; x < b->width; x += b->depth)
        put_pixel(&l->source[x], b->fore, b->depth);
}

static bool is_solid(const struct blt *b)
{
    return (b->mode & MODE_EXPAND) && (b->mode & MODE_PATTERN) && (b->ext & EXT_SOLID);
}

/* Everything in video RAM. */
static void blt_screen(struct cirrus *c, const struct blt *b)
{
    bool back = (b->mode & MODE_BACKWARDS) && !(b->mode & (MODE_EXPAND | MODE_PATTERN));
    uint32_t dst = b->dst, src = b->src, left = back ? b->width - 1 : 0;
    uint32_t dst_step = back ? 0 - b->dst_pitch : b->dst_pitch, src_step = back ? 0 - b->src_pitch : b->src_pitch;
    struct line l;

    for (uint32_t y = 0; y < b->height; y++, dst += dst_step) {
        line_reset(b, &l);
        if (is_solid(b)) {
            line_solid(b, &l);
        } else if (b->mode & MODE_PATTERN) {
            line_pattern(c, b, &l, NULL, (b->src & 7) + y);
        } else if (b->mode & MODE_EXPAND) {
            uint32_t pixels = (b->width + b->depth - 1) / b->depth;
            line_expand(c, b, &l, NULL, src, 0);
            src += b->ext & EXT_DWORDS ? (pixels + 31) / 32 * 4 : (pixels + 7) / 8; /* packed: pitch is not used */
        } else {
            for (uint32_t x = 0; x < b->width; x++)
                l.source[x] = vram_get(c, src - left + x);
            src += src_step;
        }
        line_finish(c, b, &l, dst - left);
    }
}

static void blt_done(struct cirrus *c)
{
    c->s.blt_lines_left = 0;
    c->s.blt_fill = 0;
    c->s.blt_reads = 0;
    c->s.vga.gr[0x31] &= (uint8_t) ~(CONTROL_BUSY | CONTROL_START | CONTROL_PROGRESS);
    cirrus_update_linear(c);
}

/* How many bytes the CPU writes or reads for each line, or writes for the whole pattern. */
static uint32_t system_line_bytes(const struct blt *b)
{
    uint32_t pixels = (b->width + b->depth - 1) / b->depth;

    if (b->mode & MODE_PATTERN)
        return b->mode & MODE_EXPAND ? 8 : 64 * (b->depth == 3 ? 4 : b->depth);
    if (b->mode & MODE_EXPAND)
        return b->ext & EXT_DWORDS ? (pixels + 31) / 32 * 4 : (pixels + 7) / 8;
    return (b->width + 3) & ~3u;
}

/* The next line that the CPU will read; what fills its last four bytes up is nothing. */
static void result_line(struct cirrus *c, const struct blt *b)
{
    memset(c->s.blt_data, 0, c->s.blt_line_bytes);
    for (uint32_t x = 0; x < b->width; x++)
        c->s.blt_data[x] = vram_get(c, c->s.blt_next + x);
    c->s.blt_next += b->src_pitch;
    c->s.blt_fill = 0;
}

/* From here on the CPU writes the source or reads the destination. */
static void blt_wait(struct cirrus *c, const struct blt *b)
{
    c->s.blt_line_bytes = system_line_bytes(b);
    c->s.blt_lines_left = b->height;
    c->s.blt_fill = 0;
    c->s.blt_reads = b->mode & MODE_TO_SYSTEM ? 1 : 0;
    c->s.blt_next = c->s.blt_reads ? b->src : b->dst;
    if (c->s.blt_reads)
        result_line(c, b);
    c->s.vga.gr[0x31] |= CONTROL_BUSY | CONTROL_PROGRESS;
    cirrus_update_linear(c);
}

static void blt_start(struct cirrus *c)
{
    struct blt b = blt_from_registers(c);

    if (b.mode & MODE_TO_SYSTEM) {
        /* copies only: there is no destination to combine with, and the manual allows nothing else */
        if (b.mode & (MODE_FROM_SYSTEM | MODE_PATTERN | MODE_EXPAND))
            blt_done(c);
        else
            blt_wait(c, &b);
    } else if ((b.mode & MODE_FROM_SYSTEM) && !is_solid(&b)) {
        blt_wait(c, &b);
    } else {
        blt_screen(c, &b);
        blt_done(c);
    }
}

void cirrus_blt_control(struct cirrus *c, uint8_t old, uint8_t value)
{
    if ((old & CONTROL_RESET) && !(value & CONTROL_RESET))
        blt_done(c);
    else if (!(old & CONTROL_START) && (value & CONTROL_START))
        blt_start(c);
}

/* The pattern is complete: the rest needs no CPU. */
static void system_pattern(struct cirrus *c, const struct blt *b)
{
    struct line l;
    uint32_t dst = b->dst;

    for (uint32_t y = 0; y < b->height; y++, dst += b->dst_pitch) {
        line_reset(b, &l);
        line_pattern(c, b, &l, c->s.blt_data, (b->src & 7) + y);
        line_finish(c, b, &l, dst);
    }
    blt_done(c);
}

static void system_line(struct cirrus *c, const struct blt *b)
{
    struct line l;

    line_reset(b, &l);
    if (b->mode & MODE_EXPAND)
        line_expand(c, b, &l, c->s.blt_data, 0, 0);
    else
        memcpy(l.source, c->s.blt_data, b->width);
    line_finish(c, b, &l, c->s.blt_next);
    c->s.blt_next += b->dst_pitch;
    c->s.blt_fill = 0;
    if (--c->s.blt_lines_left == 0)
        blt_done(c);
}

void cirrus_blt_data(struct cirrus *c, uint8_t value)
{
    if (!cirrus_blt_wants_data(c))
        return;
    c->s.blt_data[c->s.blt_fill++] = value;
    if (c->s.blt_fill < c->s.blt_line_bytes)
        return;
    struct blt b = blt_from_registers(c);
    if (system_line_bytes(&b) != c->s.blt_line_bytes) /* the guest changed the registers meanwhile */
        blt_done(c);
    else if (b.mode & MODE_PATTERN)
        system_pattern(c, &b);
    else
        system_line(c, &b);
}

uint8_t cirrus_blt_result(struct cirrus *c)
{
    if (!cirrus_blt_has_result(c))
        return 0xff;
    uint8_t value = c->s.blt_data[c->s.blt_fill++];
    if (c->s.blt_fill < c->s.blt_line_bytes)
        return value;
    struct blt b = blt_from_registers(c);
    if (--c->s.blt_lines_left == 0 || system_line_bytes(&b) != c->s.blt_line_bytes)
        blt_done(c);
    else
        result_line(c, &b);
    return value;
}

/* The memory-mapped registers: which graphics register lies where. 0: none. */
static const uint8_t mmio_gr[0x44] = {
    [0x01] = 0x10, [0x02] = 0x12, [0x03] = 0x14, [0x04] = 0x01, [0x05] = 0x11, [0x06] = 0x13,
    [0x07] = 0x15, [0x08] = 0x20, [0x09] = 0x21, [0x0a] = 0x22, [0x0b] = 0x23, [0x0c] = 0x24,
    [0x0d] = 0x25, [0x0e] = 0x26, [0x0f] = 0x27, [0x10] = 0x28, [0x11] = 0x29, [0x12] = 0x2a,
    [0x14] = 0x2c, [0x15] = 0x2d, [0x16] = 0x2e, [0x17] = 0x2f, [0x18] = 0x30, [0x1a] = 0x32,
    [0x1b] = 0x33, [0x1c] = 0x34, [0x1d] = 0x35, [0x20] = 0x38, [0x21] = 0x39, [0x40] = 0x31,
};

uint8_t cirrus_blt_mmio_read(struct cirrus *c, uint32_t offset)
{
    if (offset >= sizeof mmio_gr || (offset && !mmio_gr[offset]))
        return 0xff;
    return cirrus_gr_read(c, mmio_gr[offset]);
}

void cirrus_blt_mmio_write(struct cirrus *c, uint32_t offset, uint8_t value)
{
    if (offset < sizeof mmio_gr && (!offset || mmio_gr[offset]))
        cirrus_gr_write(c, mmio_gr[offset], value);
}
