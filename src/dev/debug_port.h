/* SPDX-License-Identifier: GPL-2.0-or-later */
/* debug_port.h: firmware's write-only text port: 0xE9 (Xen's, hvmloader), 0x402 (SeaBIOS before it has seen Xen). */
#ifndef DOMUS_DEV_DEBUG_PORT_H
#define DOMUS_DEV_DEBUG_PORT_H

#include "machine/device.h"

/* line: a whole line without its end, zero-terminated, printable. NULL only when memory runs out. */
struct device *debug_port_create(void (*line)(void *opaque, const char *text), void *opaque);

extern const struct io_ops debug_port_io; /* 1 port */

#endif
