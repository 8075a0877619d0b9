/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vga_text.c: one scan line of a text mode: characters from plane 0, attributes from plane 1, fonts from plane 2.
 */
#include "dev/vga_core.h"

#include <string.h>

#define FONT_BYTES_PER_GLYPH 32

/* Start of the two fonts in plane 2: A for attribute bit 3 set, B for clear (character map select register). */
static void fonts(const struct vga_regs *r, uint32_t *a, uint32_t *b)
{
    unsigned select = r->seq[3];
    unsigned map_b = (select & 3) | (select >> 2 & 4), map_a = (select >> 2 & 3) | (select >> 3 & 4);

    *b = (map_b & 3) * 0x4000 + (map_b >> 2) * 0x2000;
    *a = (map_a & 3) * 0x4000 + (map_a >> 2) * 0x2000;
}

/* The cursor's cell and scan lines; cell 0xffff.. when it is not to be seen in this phase. */
uint32_t vga_text_cursor(const struct vga *v, unsigned *first, unsigned *last)
{
    const struct vga_regs *r = v->r;

    *first = r->crtc[0xa] & 31;
    *last = r->crtc[0xb] & 31;
    if (r->crtc[0xa] & 0x20)
        return 0x3fffff;
    return (uint32_t)(r->crtc[0xe] << 8 | r->crtc[0xf]) + (r->crtc[0xb] >> 5 & 3);
}

/* Nine dots: the ninth repeats the eighth for the line-drawing characters when AR10 bit 2 says so. */
static unsigned glyph_dots(const struct vga *v, const struct vga_scan *s, uint8_t bits, uint8_t ch)
{
    if (s->dots == 8)
        return bits;
    bool repeat = (v->r->attr[0x10] & 4) && (ch & 0xe0) == 0xc0;
    return (unsigned)bits << 1 | (repeat ? bits & 1 : 0);
}

void vga_text_line(struct vga *v, const struct vga_scan *s, uint32_t counter, unsigned row)
{
    const struct vga_regs *r = v->r;
    uint32_t mask = s->limit - 1, font_a, font_b;
    unsigned first, last;
    uint32_t cursor = vga_text_cursor(v, &first, &last);
    bool cursor_on = !(v->blink_phase & 1) && row >= first && row <= last;
    bool blink_enabled = r->attr[0x10] & 8, blink_off = v->blink_phase & 2;
    bool mono = r->attr[0x10] & 2;
    uint8_t *out = v->line;

    fonts(r, &font_a, &font_b);
    for (unsigned i = 0; i <= s->column_count; i++) { /* one more, for panning */
        const uint8_t *cell = v->vram + ((uint64_t)(counter + i) * 4 & mask);
        uint8_t ch = cell[0], attr = cell[1];
        uint8_t fore = attr & 15, back = attr >> 4;
        uint32_t glyph = (attr & 8 ? font_a : font_b) + ch * FONT_BYTES_PER_GLYPH + row;
        uint8_t bits = v->vram[(glyph * 4 + 2) & mask];

        if (blink_enabled) {
            back &= 7;
            if (attr & 0x80) {
                v->blinking_shown = true;
                bits = blink_off ? 0 : bits;
            }
        }
        if (mono && (attr & 7) == 1 && row == (r->crtc[0x14] & 31u))
            bits = 0xff; /* underline */
        unsigned dots = glyph_dots(v, s, bits, ch);
        if (cursor_on && counter + i == cursor)
            dots = 0x1ff;
        for (unsigned bit = s->dots; bit--;)
            *out++ = dots >> bit & 1 ? fore : back;
    }
}
