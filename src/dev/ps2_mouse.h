/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ps2_mouse.h: a PS/2 mouse with wheel (IntelliMouse) and five buttons (IntelliMouse Explorer), when asked to be one.
 */
#ifndef DOMUS_DEV_PS2_MOUSE_H
#define DOMUS_DEV_PS2_MOUSE_H

#include "dev/ps2.h"

struct display;

/* Takes motion from the display (borrowed; NULL: only from ps2_mouse_move). NULL only when memory runs out. */
struct ps2_device *ps2_mouse_create(struct display *display);
/* As pointer_relative in host/display/display.h. */
void ps2_mouse_move(struct ps2_device *p, int dx, int dy, int wheel, unsigned buttons);

#endif
