/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usb_hub.h: a hub with eight ports, self-powered (USB 1.1, chapter 11). */
#ifndef DOMUS_DEV_USB_USB_HUB_H
#define DOMUS_DEV_USB_USB_HUB_H

#include "dev/usb/usb.h"

#define USB_HUB_PORTS 8u

struct usb_device *usb_hub_create(void); /* NULL without memory */
/* Plugs `d` (borrowed, for good) into the port, 0 up to USB_HUB_PORTS - 1; before the guest runs. */
void usb_hub_plug(struct usb_device *hub, unsigned port, struct usb_device *d);

#endif
