/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vga_scan.c: reads the registers as the display hardware does: what mode is this, how large, from where in video RAM,
 * in which colours, and where the beam is now. Draws nothing.
 */
#include "dev/vga_core.h"

#include "machine/loop.h"

#include <string.h>

/* Less is no screen that a monitor would show. */
#define WIDTH_MIN  64
#define HEIGHT_MIN 16

#define FRAME_NS   16683000u /* 59.94 Hz, as all VGA text and graphics modes but the 70 Hz ones */

uint64_t vga_now_ns(struct vga *v)
{
    return v->loop ? loop_now_ns(v->loop) : 0;
}

static int crtc_total_lines(const struct vga_regs *r)
{
    return (r->crtc[6] | (r->crtc[7] & 1) << 8 | (r->crtc[7] & 0x20) << 4) + 2;
}

static int crtc_shown_lines(const struct vga_regs *r)
{
    return (r->crtc[0x12] | (r->crtc[7] & 2) << 7 | (r->crtc[7] & 0x40) << 3) + 1;
}

static int crtc_line_compare(const struct vga_regs *r)
{
    return r->crtc[0x18] | (r->crtc[7] & 0x10) << 4 | (r->crtc[9] & 0x40) << 3;
}

/*
 * Input status 1: bit 3 vertical retrace, bit 0 no picture now. Deviation: the retrace pulse lasts a twentieth of the
 * frame, about ten times the real one, so that a guest whose processor is taken away between two polls still meets it.
 */
uint8_t vga_status1(struct vga *v)
{
    const struct vga_regs *r = v->r;
    uint64_t at;

    if (v->loop)
        at = vga_now_ns(v) % FRAME_NS;
    else /* no clock: a quarter of the frame passes with each look */
        at = v->retrace_reads++ % 4 * (FRAME_NS / 4) + FRAME_NS / 5;
    uint32_t total = (uint32_t)crtc_total_lines(r), shown = (uint32_t)crtc_shown_lines(r);
    if (total < 100 || shown >= total) {
        total = 525;
        shown = 480;
    }
    uint64_t scaled = at * total; /* lines since the top, times FRAME_NS */
    uint32_t line = (uint32_t)(scaled / FRAME_NS), column = (uint32_t)(scaled % FRAME_NS / (FRAME_NS / 100));
    uint8_t status = 0;

    if (at >= FRAME_NS - FRAME_NS / 20)
        status |= 8 | 1;
    if (line >= shown || column >= 80)
        status |= 1;
    return status;
}

static uint32_t dac_colour(const struct vga_regs *r, unsigned index)
{
    const uint8_t *c = &r->dac[3 * (index & r->dac_mask)];

    if (r->dac_8bit)
        return (uint32_t)(c[0] << 16 | c[1] << 8 | c[2]);
    /* 6 to 8 bits so that full stays full */
    return (uint32_t)((c[0] << 2 | c[0] >> 4) << 16 | (c[1] << 2 | c[1] >> 4) << 8 | (c[2] << 2 | c[2] >> 4));
}

/* Fills v->palette: for the 256-colour kinds straight from the DAC, for 16 colours through the attribute palette. */
void vga_palette_now(struct vga *v)
{
    const struct vga_regs *r = v->r;
    bool sixteen = v->shown.kind <= VGA_SCAN_CGA;

    for (unsigned i = 0; i < 256; i++) {
        unsigned index = i;
        if (sixteen) {
            index = r->attr[i & 15 & r->attr[0x12]];
            if (r->attr[0x10] & 0x80)
                index = (index & 15) | (unsigned)(r->attr[0x14] & 3) << 4;
            index |= (unsigned)(r->attr[0x14] & 0x0c) << 4;
        }
        v->palette[i] = dac_colour(r, index);
    }
    v->palette_changed = false;
}

static void scan_text_or_graphics(const struct vga_regs *r, struct vga_scan *s)
{
    if (!(r->gr[6] & 1)) {
        s->kind = VGA_SCAN_TEXT;
        s->dots = r->seq[1] & 1 ? 8 : 9;
        return;
    }
    s->dots = 8;
    s->kind = r->gr[5] & 0x40 ? VGA_SCAN_256 : r->gr[5] & 0x20 ? VGA_SCAN_CGA : VGA_SCAN_PLANAR;
}

static uint8_t scan_pan(const struct vga_regs *r, enum vga_kind kind, unsigned dots)
{
    unsigned pan = r->attr[0x13] & 15;

    if (kind == VGA_SCAN_256)
        return (uint8_t)(pan & 6); /* in dots: a pixel is two */
    if (dots == 9)
        return (uint8_t)(pan >= 8 ? 0 : pan + 1);
    return (uint8_t)(pan & 7);
}

static void scan_vga(struct vga *v, struct vga_scan *s)
{
    const struct vga_regs *r = v->r;

    scan_text_or_graphics(r, s);
    s->double_dots = r->seq[1] & 8;
    s->column_count = (uint16_t)(r->crtc[1] + 1);
    s->width = s->column_count * s->dots * (s->double_dots ? 2 : 1);
    s->height = crtc_shown_lines(r) * (r->crtc[0x17] & 4 ? 2 : 1);
    s->start = (uint32_t)(r->crtc[0xc] << 8 | r->crtc[0xd]) + (r->crtc[8] >> 5 & 3);
    s->pitch = r->crtc[0x13] * 2u;
    s->limit = v->vram_bytes < 0x40000 ? v->vram_bytes : 0x40000; /* 4 planes of 64 KiB */
    s->line_compare = crtc_line_compare(r) + 1;
    s->row_first = r->crtc[8] & 31;
    s->row_last = r->crtc[9] & 31;
    s->double_lines = r->crtc[9] & 0x80;
    s->pan = scan_pan(r, s->kind, s->dots);
    s->pan_below = r->attr[0x10] & 0x20 ? 0 : s->pan;
    s->dword_mode = r->crtc[0x14] & 0x40;
    s->word_mode = !(r->crtc[0x17] & 0x40);
    s->row_bank13 = !(r->crtc[0x17] & 1);
    s->row_bank14 = !(r->crtc[0x17] & 2);
}

void vga_scan_now(struct vga *v, struct vga_scan *s)
{
    const struct vga_regs *r = v->r;

    memset(s, 0, sizeof *s);
    scan_vga(v, s);
    if (v->variant->scan)
        v->variant->scan(v, s);
    /* Deviation: "screen off" does not count in the extended modes: SeaBIOS's Cirrus BIOS sets them with it on. */
    if (!(r->attr_index & 0x20) || (s->kind < VGA_SCAN_8 && (r->seq[1] & 0x20)))
        s->kind = VGA_SCAN_BLANK;
    if (s->width < WIDTH_MIN || s->height < HEIGHT_MIN || s->width > VGA_WIDTH_MAX || s->height > VGA_HEIGHT_MAX) {
        /* registers after reset, or in between two modes */
        s->kind = VGA_SCAN_BLANK;
        s->width = 640;
        s->height = 400;
    }
    if (s->line_compare > s->height)
        s->line_compare = s->height;
}
