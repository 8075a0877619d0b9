/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xen_platform.h: the Xen platform device, 00:02.0: unplug protocol and the guest's log port. */
#ifndef DOMUS_DEV_XEN_PLATFORM_H
#define DOMUS_DEV_XEN_PLATFORM_H

#include "dev/pci/pci.h"

/* What a guest asks to unplug; bits of the word written to port 0x10. */
enum xen_unplug { XEN_UNPLUG_DISKS = 1, XEN_UNPLUG_NICS = 2, XEN_UNPLUG_AUX_DISKS = 4, XEN_UNPLUG_NVME = 8 };

/*
 * unplug: takes emulated devices away; NULL while there is no PV back end: then the magic is not answered, so that the
 * guest's PV drivers leave its emulated disks and NICs alone. NULL without memory.
 */
struct pci_device *xen_platform_create(void (*unplug)(void *opaque, unsigned mask), void *opaque);

/* The fixed ports: map 16 at 0x10 with these, device &d->dev. */
#define XEN_PLATFORM_FIXED_BASE 0x10
#define XEN_PLATFORM_FIXED_LEN  16
extern const struct io_ops xen_platform_fixed_io;

#endif
