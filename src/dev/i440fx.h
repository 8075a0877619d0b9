/* SPDX-License-Identifier: GPL-2.0-or-later */
/* i440fx.h: the host bridge, 00:00.0. */
#ifndef DOMUS_DEV_I440FX_H
#define DOMUS_DEV_I440FX_H

#include "dev/pci/pci.h"

/* ram_bytes below 4 GiB: what the register at 57h tells firmware. NULL without memory. The board adds it to the bus. */
struct pci_device *i440fx_create(uint64_t ram_bytes);

#endif
