/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cirrus_cursor.c: the GD5446's hardware cursor: 32x32 or 64x64, two bit planes in the last 16 KiB of video RAM,
 * drawn over the picture.
 */
#include "dev/cirrus.h"

#define PATTERNS_BYTES 0x4000

enum sr12 { SR12_CURSOR_ON = 1, SR12_CURSOR_64 = 4 };

struct cursor {
    int x, y, size;
    const uint8_t *rows; /* the first plane's first row */
    unsigned row_bytes;  /* from row to row */
    unsigned plane1;     /* from a row of plane 0 to that of plane 1 */
    uint32_t colours[2];
};

static uint32_t colour(const struct cirrus *c, unsigned index)
{
    const uint8_t *p = &c->s.cursor_dac[index * 3];
    return (uint32_t)((p[0] << 2 | p[0] >> 4) << 16 | (p[1] << 2 | p[1] >> 4) << 8 | (p[2] << 2 | p[2] >> 4));
}

static bool cursor_now(const struct cirrus *c, struct cursor *cur)
{
    const struct vga_regs *r = &c->s.vga;
    const uint8_t *patterns = c->vga.vram + c->vga.vram_bytes - PATTERNS_BYTES;

    if (!(r->seq[0x12] & SR12_CURSOR_ON) || !(r->seq[7] & 1))
        return false;
    cur->x = c->s.cursor_x;
    cur->y = c->s.cursor_y;
    if (r->seq[0x12] & SR12_CURSOR_64) {
        cur->size = 64;
        cur->rows = patterns + (r->seq[0x13] & 0x3c) * 256;
        cur->row_bytes = 16;
        cur->plane1 = 8;
    } else {
        cur->size = 32;
        cur->rows = patterns + (r->seq[0x13] & 0x3f) * 256;
        cur->row_bytes = 4;
        cur->plane1 = 128;
    }
    cur->colours[0] = colour(c, 0);
    cur->colours[1] = colour(c, 15);
    return true;
}

void cirrus_cursor_line(struct vga *v, int y, uint32_t *pixels, int width)
{
    struct cursor cur;

    if (!cursor_now(to_cirrus(v), &cur) || y < cur.y || y >= cur.y + cur.size)
        return;
    const uint8_t *row = cur.rows + (unsigned)(y - cur.y) * cur.row_bytes;
    for (int i = 0; i < cur.size && cur.x + i < width; i++) {
        unsigned bit = 7 - (i & 7);
        bool plane0 = row[i / 8] >> bit & 1, plane1 = row[cur.plane1 + (unsigned)i / 8] >> bit & 1;
        if (plane1)
            pixels[cur.x + i] = cur.colours[plane0];
        else if (plane0)
            pixels[cur.x + i] ^= 0xffffff;
    }
}

/* FNV-1a over everything that shows. */
static uint32_t cursor_sum(const struct cursor *cur)
{
    uint32_t sum = 2166136261u, head[4] = {(uint32_t)cur->x, (uint32_t)cur->y, cur->colours[0], cur->colours[1]};
    const uint8_t *p = (const uint8_t *)head;

    for (size_t i = 0; i < sizeof head; i++)
        sum = (sum ^ p[i]) * 16777619u;
    for (int i = 0; i < cur->size * cur->size / 4; i++) /* two bits a pixel; both layouts are contiguous */
        sum = (sum ^ cur->rows[i]) * 16777619u;
    return sum | 1;
}

void cirrus_cursor_update(struct vga *v)
{
    struct cirrus *c = to_cirrus(v);
    struct cursor cur;
    bool on = cursor_now(c, &cur);
    uint32_t sum = on ? cursor_sum(&cur) : 0;

    if (sum == c->cursor_sum)
        return;
    vga_redraw_lines(v, c->cursor_top, c->cursor_lines);
    c->cursor_top = on ? cur.y : 0;
    c->cursor_lines = on ? cur.size : 0;
    vga_redraw_lines(v, c->cursor_top, c->cursor_lines);
    c->cursor_sum = sum;
}
