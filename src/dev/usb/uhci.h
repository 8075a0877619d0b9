/* SPDX-License-Identifier: GPL-2.0-or-later */
/* uhci.h: the PIIX3's USB function (Universal Host Controller Interface 1.1): BAR 4 in ports, two root ports. */
#ifndef DOMUS_DEV_USB_UHCI_H
#define DOMUS_DEV_USB_UHCI_H

#include "dev/pci/pci.h"
#include "dev/usb/usb.h"

#define UHCI_PORTS 2u

struct loop;

struct pci_device *uhci_create(struct loop *loop); /* NULL without memory */
/* Plugs `device` (borrowed, for good) into the root port, 0 or 1; before the guest runs. */
void uhci_plug(struct pci_device *d, unsigned port, struct usb_device *device);

#endif
