/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * display.h: between a display chip (produces pixels, takes keys and pointer) and its viewers (VNC, window,
 * screenshot).
 *
 * The surface is 32-bit xRGB (0x00RRGGBB), row by row. The chip redraws into it on display_refresh(), called by
 * viewers' timer, and reports the rectangles that changed. All calls in the loop's thread with the machine lock held.
 */
#ifndef DOMUS_HOST_DISPLAY_DISPLAY_H
#define DOMUS_HOST_DISPLAY_DISPLAY_H

#include "base/types.h"

struct display;
struct loop;

struct display_rect {
    int x, y, width, height; /* pixels */
};
/* The smallest that holds both. */
struct display_rect display_rect_union(struct display_rect a, struct display_rect b);

/* The chip's side: bring the surface up to date. Calls display_resize() and display_damage(). */
struct display_source {
    void (*refresh)(void *opaque, bool everything);
    void *opaque;
};

/* Input goes to whoever registered; several may (PS/2, USB): the last keyboard / pointer registered gets it. */
struct display_input {
    /* PC/AT set-1 make codes, 0xE0xx for the extended ones, 0xE11D for Pause; down or up. NULL: not taken. */
    void (*key)(void *opaque, uint16_t scancode, bool down);
    /* Relative: dx, dy in pixels (down positive). buttons: 1 left, 2 middle, 4 right. wheel: +1 up, -1 down. */
    void (*pointer_relative)(void *opaque, int dx, int dy, int wheel, unsigned buttons);
    /* Absolute: 0..32767 over the surface, the middle of the pixel. Comes again, too, when the surface's size changed.
     */
    void (*pointer_absolute)(void *opaque, int x, int y, int wheel, unsigned buttons);
    void *opaque;
};

/* A viewer's side. */
struct display_viewer {
    void (*resized)(void *opaque, int width, int height);
    void (*damaged)(void *opaque, struct display_rect r);
    void *opaque;
};

struct display *display_create(void);
void display_destroy(struct display *d);

void display_set_source(struct display *d, const struct display_source *s); /* copied; NULL: none (a text says so) */
void display_resize(struct display *d, int width, int height);              /* new surface, black */
void display_damage(struct display *d, struct display_rect r);
uint32_t *display_pixels(struct display *d, int *width, int *height, int *stride_pixels);

int display_add_viewer(struct display *d, const struct display_viewer *v); /* handle >= 0 or -errno */
void display_remove_viewer(struct display *d, int handle);
void display_refresh(struct display *d, bool everything);

int display_add_input(struct display *d, const struct display_input *in); /* handle >= 0 or -errno */
void display_remove_input(struct display *d, int handle);
void display_key(struct display *d, uint16_t scancode, bool down);
/* Pointer at surface pixel x, y: sent absolute when anyone takes that, else as relative motion. */
void display_pointer(struct display *d, int x, int y, int wheel, unsigned buttons);
/* The pointer went dx, dy pixels: sent as that, or where only places are taken, as the place it comes to. */
void display_pointer_move(struct display *d, int dx, int dy, int wheel, unsigned buttons);
bool display_pointer_is_absolute(const struct display *d);

/* Writes the surface as PNG; 0 or -errno. */
int display_screenshot(struct display *d, const char *path);

#endif
