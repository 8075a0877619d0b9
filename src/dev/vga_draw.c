/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vga_draw.c: the display's source: brings the surface up to date with video RAM. Draws only lines whose video RAM was
 * written, and reports only the pixels that came out different.
 */
#include "dev/vga_core.h"

#include <string.h>

#define BLINK_NS 133333333u /* the cursor: 8 frames on, 8 off; characters half as fast */

struct area { /* changed pixels since the last report */
    int left, right, top, bottom;
};

static void area_report(struct vga *v, struct area *a)
{
    if (a->right > a->left)
        display_damage(v->display, (struct display_rect){a->left, a->top, a->right - a->left, a->bottom - a->top});
    a->right = a->left = 0;
}

static void area_add(struct vga *v, struct area *a, int y, int left, int right)
{
    /* one rectangle per run of lines; a gap of some lines is cheaper to send than another rectangle is to handle */
    if (a->right > a->left && y > a->bottom + 8)
        area_report(v, a);
    if (a->right <= a->left) {
        *a = (struct area){left, right, y, y + 1};
        return;
    }
    a->left = left < a->left ? left : a->left;
    a->right = right > a->right ? right : a->right;
    a->bottom = y + 1;
}

/* Was any page of [offset, offset+len), wrapped at limit, written? */
static bool vram_dirty(const struct vga *v, const struct vga_scan *s, uint64_t offset, uint32_t len)
{
    uint32_t first = (uint32_t)(offset & (s->limit - 1)), last_page = (s->limit - 1) >> PAGE_SHIFT_4K;
    uint32_t end_page = (first + len - 1) >> PAGE_SHIFT_4K;

    for (uint32_t i = first >> PAGE_SHIFT_4K; i <= end_page; i++) {
        uint32_t page = i & last_page;
        if (v->fetched[page >> 3] & 1u << (page & 7))
            return true;
    }
    return false;
}

static void dirty_take(struct vga *v)
{
    size_t pages = v->vram_bytes / PAGE_BYTES;

    if (v->memory)
        memory_dirty_fetch(v->memory, v->vram, pages, v->fetched);
    else
        memset(v->fetched, 0, pages / 8);
    for (size_t i = 0; i < pages / 8; i++)
        v->fetched[i] |= v->dirty[i];
    memset(v->dirty, 0, pages / 8);
}

void vga_redraw_lines(struct vga *v, int first, int count)
{
    for (int y = first < 0 ? 0 : first; y < first + count && y < VGA_HEIGHT_MAX; y++)
        v->line_dirty[y] = 1;
}

/* Where one line of a VGA kind comes from. */
struct vga_line_at {
    uint32_t counter; /* the address counter at the line's start */
    unsigned row;     /* the row scan counter */
    bool below;       /* under the split */
};

/* The CRTC's address counters at line y. */
static struct vga_line_at line_at(const struct vga_scan *s, int y)
{
    struct vga_line_at at = {.counter = s->start, .row = s->row_first, .below = y >= s->line_compare};
    unsigned rows = s->row_last + 1u;

    if (at.below) {
        at.counter = 0;
        at.row = 0;
        y -= s->line_compare;
    }
    unsigned lines = (unsigned)y >> s->double_lines;
    /* a first row beyond the last counts up to 31 and round */
    if (at.row > s->row_last) {
        unsigned head = 32 - at.row;
        if (lines < head) {
            at.row += lines;
            return at;
        }
        lines -= head;
        at.counter += s->pitch;
        at.row = 0;
    }
    at.counter += (at.row + lines) / rows * s->pitch;
    at.row = (at.row + lines) % rows;
    return at;
}

/* Colour numbers to pixels; reports which came out different. False: none. */
static bool line_store(const uint32_t *from, uint32_t *to, int width, int *left, int *right)
{
    int l = 0, r = width;

    while (l < r && from[l] == to[l])
        l++;
    if (l == r)
        return false;
    while (from[r - 1] == to[r - 1])
        r--;
    memcpy(to + l, from + l, (size_t)(r - l) * sizeof *to);
    *left = l;
    *right = r;
    return true;
}

static void colours_to_pixels(const struct vga *v, const struct vga_scan *s, unsigned skip, uint32_t *pixels)
{
    const uint8_t *c = v->line + skip;

    if (!s->double_dots) {
        for (int x = 0; x < s->width; x++)
            pixels[x] = v->palette[c[x]];
        return;
    }
    for (int x = 0; x < s->width; x++)
        pixels[x] = v->palette[c[x / 2]];
}

static bool line_needed(const struct vga *v, const struct vga_scan *s, int y, uint64_t offset, uint32_t len, bool all)
{
    return all || v->line_dirty[y] || vram_dirty(v, s, offset, len);
}

/* One line of a VGA kind into pixels; false: nothing can have changed. */
static bool draw_vga_line(struct vga *v, const struct vga_scan *s, int y, bool all, uint32_t *pixels)
{
    struct vga_line_at at = line_at(s, y);

    if (!line_needed(v, s, y, (uint64_t)at.counter * 4, s->column_count * 4u + 4,
                     all || s->row_bank13 || s->row_bank14))
        return false;
    if (s->kind == VGA_SCAN_TEXT)
        vga_text_line(v, s, at.counter, at.row);
    else
        vga_planar_line(v, s, at.counter, at.row);
    colours_to_pixels(v, s, at.below ? s->pan_below : s->pan, pixels);
    return true;
}

static uint32_t linear_line_bytes(const struct vga_scan *s)
{
    static const uint8_t bits[] = {
        [VGA_SCAN_8] = 8, [VGA_SCAN_15] = 16, [VGA_SCAN_16] = 16, [VGA_SCAN_24] = 24, [VGA_SCAN_32] = 32};
    return (uint32_t)s->width * bits[s->kind] / 8;
}

static bool draw_linear_line(struct vga *v, const struct vga_scan *s, int y, bool all, uint32_t *pixels)
{
    uint64_t offset = y >= s->line_compare ? (uint64_t)(y - s->line_compare) / s->line_double * s->pitch
                                           : s->start + (uint64_t)y / s->line_double * s->pitch;

    if (!line_needed(v, s, y, offset, linear_line_bytes(s), all))
        return false;
    vga_linear_line(v, s, (uint32_t)(offset & (s->limit - 1)), pixels);
    return true;
}

static void draw_lines(struct vga *v, bool all)
{
    const struct vga_scan *s = &v->shown;
    uint32_t pixels[VGA_WIDTH_MAX];
    struct area area = {0};
    int width, height, stride, left, right;
    uint32_t *surface = display_pixels(v->display, &width, &height, &stride);

    if (width != s->width || height != s->height)
        return; /* no memory for a new surface */
    for (int y = 0; y < height; y++) {
        bool drawn =
            s->kind >= VGA_SCAN_8 ? draw_linear_line(v, s, y, all, pixels) : draw_vga_line(v, s, y, all, pixels);
        if (!drawn)
            continue;
        if (v->variant->overlay_line)
            v->variant->overlay_line(v, y, pixels, width);
        if (line_store(pixels, surface + (size_t)y * (size_t)stride, width, &left, &right))
            area_add(v, &area, y, left, right);
    }
    area_report(v, &area);
    memset(v->line_dirty, 0, sizeof v->line_dirty);
}

/* The cursor and blinking characters change by time, not by writes: force their lines. */
static void blink(struct vga *v)
{
    struct vga_scan *s = &v->shown;
    unsigned first, last, phase = (unsigned)(vga_now_ns(v) / BLINK_NS);
    uint32_t cursor = vga_text_cursor(v, &first, &last) << 10 | first << 5 | last;

    phase = (phase & 1) | (phase & 2);
    if (cursor == v->cursor_shown && phase == v->blink_phase)
        return;
    uint32_t cells[2] = {v->cursor_shown >> 10, cursor >> 10};
    bool characters = ((phase ^ v->blink_phase) & 2) && v->blinking_shown;
    v->cursor_shown = cursor;
    v->blink_phase = phase;
    for (int y = 0; y < s->height; y++) {
        uint32_t counter = line_at(s, y).counter;
        if (characters || cells[0] - counter < s->column_count || cells[1] - counter < s->column_count)
            v->line_dirty[y] = 1;
    }
}

static void draw_blank(struct vga *v)
{
    int width, height, stride;
    uint32_t *surface = display_pixels(v->display, &width, &height, &stride);

    memset(surface, 0, (size_t)stride * (size_t)height * sizeof *surface);
    display_damage(v->display, (struct display_rect){0, 0, width, height});
}

void vga_refresh(void *opaque, bool everything)
{
    struct vga *v = opaque;
    struct vga_scan now;
    int width, height, stride;

    vga_scan_now(v, &now);
    bool changed = memcmp(&now, &v->shown, sizeof now) != 0;
    bool all = everything || changed || v->redraw;
    v->redraw = false;
    v->shown = now;
    display_pixels(v->display, &width, &height, &stride);
    if (width != now.width || height != now.height) {
        display_resize(v->display, now.width, now.height);
        all = true;
    }
    dirty_take(v);
    if (now.kind == VGA_SCAN_BLANK) {
        if (all)
            draw_blank(v);
        return;
    }
    if (changed || v->palette_changed) {
        if (now.kind <= VGA_SCAN_8)
            all = true;
        vga_palette_now(v);
    }
    if (all)
        v->blinking_shown = false;
    if (now.kind == VGA_SCAN_TEXT)
        blink(v);
    if (v->variant->overlay_update)
        v->variant->overlay_update(v);
    draw_lines(v, all);
    if (everything)
        display_damage(v->display, (struct display_rect){0, 0, now.width, now.height});
}
