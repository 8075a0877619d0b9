/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ps2_keyboard.h: an enhanced (101/102-key) keyboard, with scan code sets 1, 2 and 3. */
#ifndef DOMUS_DEV_PS2_KEYBOARD_H
#define DOMUS_DEV_PS2_KEYBOARD_H

#include "dev/ps2.h"

struct display;

/* Takes keys from the display (borrowed; NULL: only from ps2_keyboard_key). NULL only when memory runs out. */
struct ps2_device *ps2_keyboard_create(struct display *display);
/* Codes as in host/display/display.h. */
void ps2_keyboard_key(struct ps2_device *p, uint16_t scancode, bool down);
/* Bit 0 scroll lock, 1 num lock, 2 caps lock. */
unsigned ps2_keyboard_leds(const struct ps2_device *p);

/* The 8042's translation of a set 2 byte to set 1 (any byte; 0xF0 and prefixes are the controller's business). */
uint8_t ps2_translate(uint8_t set2);

#endif
