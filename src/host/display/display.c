/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * display.c: the surface between a display chip and its viewers, and the way back for keys and pointer.
 * Knows pixels and rectangles; not which chip draws, nor how a viewer sends them on.
 */
#include "host/display/display.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VIEWERS_MAX  32
#define INPUTS_MAX   16
#define WIDTH_MAX    4096
#define HEIGHT_MAX   4096
#define POINTER_SPAN 32768 /* absolute coordinates: 0 up to this over the surface */
#define BLANK_WIDTH  640
#define BLANK_HEIGHT 400

struct display {
    uint32_t *pixels; /* owned; width * height */
    int width, height;
    struct display_source source; /* refresh NULL: none */
    struct display_viewer viewers[VIEWERS_MAX];
    bool viewer_used[VIEWERS_MAX];
    struct display_input inputs[INPUTS_MAX];
    unsigned input_order[INPUTS_MAX]; /* 0: free; else the higher, the later registered */
    unsigned input_count;
    int pointer_x, pointer_y; /* last seen, for relative motion; -1: never */
    unsigned pointer_buttons; /* with it */
};

static bool surface_alloc(struct display *d, int width, int height)
{
    uint32_t *pixels = calloc((size_t)width * (size_t)height, sizeof *pixels);
    if (!pixels)
        return false;
    free(d->pixels);
    d->pixels = pixels;
    d->width = width;
    d->height = height;
    return true;
}

struct display_rect display_rect_union(struct display_rect a, struct display_rect b)
{
    int right = a.x + a.width > b.x + b.width ? a.x + a.width : b.x + b.width;
    int bottom = a.y + a.height > b.y + b.height ? a.y + a.height : b.y + b.height;
    int x = a.x < b.x ? a.x : b.x, y = a.y < b.y ? a.y : b.y;

    return (struct display_rect){x, y, right - x, bottom - y};
}

struct display *display_create(void)
{
    struct display *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->pointer_x = d->pointer_y = -1;
    if (!surface_alloc(d, BLANK_WIDTH, BLANK_HEIGHT)) {
        free(d);
        return NULL;
    }
    display_set_source(d, NULL);
    return d;
}

void display_destroy(struct display *d)
{
    if (!d)
        return;
    free(d->pixels);
    free(d);
}

/* The letters of the one message we draw ourselves, five columns by seven rows, bit 4 leftmost. */
static const struct {
    char letter;
    uint8_t rows[7];
} letters[] = {
    {'N', {17, 25, 21, 19, 17, 17, 17}}, {'O', {14, 17, 17, 17, 17, 17, 14}}, {'D', {30, 17, 17, 17, 17, 17, 30}},
    {'I', {14, 4, 4, 4, 4, 4, 14}},      {'S', {15, 16, 16, 14, 1, 1, 30}},   {'P', {30, 17, 17, 30, 16, 16, 16}},
    {'L', {16, 16, 16, 16, 16, 16, 31}}, {'A', {14, 17, 17, 31, 17, 17, 17}}, {'Y', {17, 17, 10, 4, 4, 4, 4}},
    {'E', {31, 16, 16, 30, 16, 16, 31}}, {'V', {17, 17, 17, 17, 17, 10, 4}},  {'C', {14, 17, 16, 16, 16, 17, 14}},
};

static void draw_letter(struct display *d, char letter, int x0, int y0, int scale)
{
    for (size_t i = 0; i < ARRAY_SIZE(letters); i++) {
        if (letters[i].letter != letter)
            continue;
        for (int y = 0; y < 7 * scale; y++)
            for (int x = 0; x < 5 * scale; x++)
                if (letters[i].rows[y / scale] >> (4 - x / scale) & 1)
                    d->pixels[(y0 + y) * d->width + x0 + x] = 0xa0a0a0;
    }
}

static void draw_no_display(struct display *d)
{
    static const char text[] = "NO DISPLAY DEVICE";
    const int scale = 3, advance = 6 * scale;
    int x = (d->width - (int)(sizeof text - 1) * advance) / 2;

    for (const char *p = text; *p; p++, x += advance)
        draw_letter(d, *p, x, d->height / 2 - 4 * scale, scale);
}

void display_set_source(struct display *d, const struct display_source *s)
{
    d->source = s ? *s : (struct display_source){0};
    if (s) {
        display_refresh(d, true);
        return;
    }
    display_resize(d, BLANK_WIDTH, BLANK_HEIGHT);
    draw_no_display(d);
    display_damage(d, (struct display_rect){0, 0, d->width, d->height});
}

void display_resize(struct display *d, int width, int height)
{
    bool changed = width != d->width || height != d->height;

    if (width < 1 || height < 1 || width > WIDTH_MAX || height > HEIGHT_MAX)
        return;
    if (width == d->width && height == d->height)
        memset(d->pixels, 0, (size_t)width * (size_t)height * sizeof *d->pixels);
    else if (!surface_alloc(d, width, height))
        return; /* out of memory: the old surface goes on; the chip clips to what display_pixels() says */
    for (int i = 0; i < VIEWERS_MAX; i++)
        if (d->viewer_used[i] && d->viewers[i].resized)
            d->viewers[i].resized(d->viewers[i].opaque, d->width, d->height);
    /* The viewer's pointer has not moved, but the same place is another part of the surface now. */
    if (changed && d->pointer_x >= 0 && display_pointer_is_absolute(d))
        display_pointer(d, d->pointer_x, d->pointer_y, 0, d->pointer_buttons);
}

void display_damage(struct display *d, struct display_rect r)
{
    int right = r.x + r.width, bottom = r.y + r.height;

    r.x = r.x < 0 ? 0 : r.x;
    r.y = r.y < 0 ? 0 : r.y;
    r.width = (right > d->width ? d->width : right) - r.x;
    r.height = (bottom > d->height ? d->height : bottom) - r.y;
    if (r.width <= 0 || r.height <= 0)
        return;
    for (int i = 0; i < VIEWERS_MAX; i++)
        if (d->viewer_used[i] && d->viewers[i].damaged)
            d->viewers[i].damaged(d->viewers[i].opaque, r);
}

uint32_t *display_pixels(struct display *d, int *width, int *height, int *stride_pixels)
{
    *width = d->width;
    *height = d->height;
    *stride_pixels = d->width;
    return d->pixels;
}

int display_add_viewer(struct display *d, const struct display_viewer *v)
{
    for (int i = 0; i < VIEWERS_MAX; i++) {
        if (d->viewer_used[i])
            continue;
        d->viewers[i] = *v;
        d->viewer_used[i] = true;
        return i;
    }
    return -ENOSPC;
}

void display_remove_viewer(struct display *d, int handle)
{
    if (handle >= 0 && handle < VIEWERS_MAX)
        d->viewer_used[handle] = false;
}

void display_refresh(struct display *d, bool everything)
{
    if (d->source.refresh)
        d->source.refresh(d->source.opaque, everything);
}

int display_add_input(struct display *d, const struct display_input *in)
{
    for (int i = 0; i < INPUTS_MAX; i++) {
        if (d->input_order[i])
            continue;
        d->inputs[i] = *in;
        d->input_order[i] = ++d->input_count;
        return i;
    }
    return -ENOSPC;
}

void display_remove_input(struct display *d, int handle)
{
    if (handle >= 0 && handle < INPUTS_MAX)
        d->input_order[handle] = 0;
}

enum input_kind { INPUT_KEY, INPUT_RELATIVE, INPUT_ABSOLUTE };

static bool input_takes(const struct display_input *in, enum input_kind kind)
{
    switch (kind) {
    case INPUT_KEY: return in->key;
    case INPUT_RELATIVE: return in->pointer_relative;
    case INPUT_ABSOLUTE: return in->pointer_absolute;
    }
    return false;
}

/* The one registered last among those that take this kind, or NULL. */
static const struct display_input *input_for(const struct display *d, enum input_kind kind)
{
    const struct display_input *found = NULL;
    unsigned order = 0;

    for (int i = 0; i < INPUTS_MAX; i++) {
        if (d->input_order[i] <= order || !input_takes(&d->inputs[i], kind))
            continue;
        order = d->input_order[i];
        found = &d->inputs[i];
    }
    return found;
}

void display_key(struct display *d, uint16_t scancode, bool down)
{
    const struct display_input *in = input_for(d, INPUT_KEY);
    if (in)
        in->key(in->opaque, scancode, down);
}

bool display_pointer_is_absolute(const struct display *d)
{
    return input_for(d, INPUT_ABSOLUTE) != NULL;
}

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

/* The middle of the pixel: guests divide by the last coordinate or by their number, and cut or round; all of them get
 * the same pixel back from there. */
static int pointer_scale(int v, int size)
{
    return (int)((2 * (int64_t)v + 1) * (POINTER_SPAN / 2) / size);
}

void display_pointer(struct display *d, int x, int y, int wheel, unsigned buttons)
{
    const struct display_input *absolute = input_for(d, INPUT_ABSOLUTE);
    const struct display_input *relative = input_for(d, INPUT_RELATIVE);

    x = clamp(x, 0, d->width - 1);
    y = clamp(y, 0, d->height - 1);
    int dx = d->pointer_x < 0 ? 0 : x - d->pointer_x;
    int dy = d->pointer_y < 0 ? 0 : y - d->pointer_y;
    d->pointer_x = x;
    d->pointer_y = y;
    d->pointer_buttons = buttons;
    if (absolute)
        absolute->pointer_absolute(absolute->opaque, pointer_scale(x, d->width), pointer_scale(y, d->height), wheel,
                                   buttons);
    else if (relative)
        relative->pointer_relative(relative->opaque, dx, dy, wheel, buttons);
}

void display_pointer_move(struct display *d, int dx, int dy, int wheel, unsigned buttons)
{
    const struct display_input *relative = input_for(d, INPUT_RELATIVE);

    if (relative && !display_pointer_is_absolute(d)) {
        relative->pointer_relative(relative->opaque, dx, dy, wheel, buttons);
        return;
    }
    if (d->pointer_x < 0) {
        d->pointer_x = d->width / 2;
        d->pointer_y = d->height / 2;
    }
    display_pointer(d, d->pointer_x + dx, d->pointer_y + dy, wheel, buttons);
}
