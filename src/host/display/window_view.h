/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window_view.h: where the guest's picture is in a window of another size, and which keys are which: what the window's
 * program needs and what needs no window. Pure; any thread.
 */
#ifndef DOMUS_HOST_DISPLAY_WINDOW_VIEW_H
#define DOMUS_HOST_DISPLAY_WINDOW_VIEW_H

#include "host/display/display.h"

/* The largest place for a picture of width by height in a window, all in pixels: in the middle, the aspect kept. */
struct display_rect window_fit(int width, int height, int window_width, int window_height);

/* The pixel of the picture under a place in the window; places beside the picture are taken to its edge. */
void window_point(struct display_rect place, int width, int height, int *x, int *y);

/* The key of a PC keyboard, as display_key() takes it, for an SDL_Scancode; 0: no such key. */
uint16_t window_scancode(unsigned sdl_scancode);

#endif
