/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reset_port.h: the PIIX3's reset control register (map 1 port at 0xCF9, over the PCI configuration ports). */
#ifndef DOMUS_DEV_RESET_PORT_H
#define DOMUS_DEV_RESET_PORT_H

#include "machine/device.h"
#include "machine/lifecycle.h"

struct device *reset_port_create(struct lifecycle *life); /* borrowed. NULL only when memory runs out */

extern const struct io_ops reset_port_io;

#endif
