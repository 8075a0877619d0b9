/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usb_hid.h: a tablet (absolute pointer), a mouse and a keyboard (Device Class Definition for HID 1.11).
 *
 * Each takes the display's keys or pointer once the guest asks for its reports; until then, and after a reset, they
 * go where they went before. The display and the loop are borrowed; display NULL: a device that nobody moves.
 */
#ifndef DOMUS_DEV_USB_USB_HID_H
#define DOMUS_DEV_USB_USB_HID_H

#include "dev/usb/usb.h"

struct display;
struct loop;

/* NULL only when memory runs out. */
struct usb_device *usb_tablet_create(struct loop *loop, struct display *display);
struct usb_device *usb_mouse_create(struct loop *loop, struct display *display);
struct usb_device *usb_keyboard_create(struct loop *loop, struct display *display);

#endif
