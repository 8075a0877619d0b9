/* SPDX-License-Identifier: GPL-2.0-or-later */
/* e1000.h: the Intel 82540EM Gigabit Ethernet controller (model=e1000): BAR 0 in memory, BAR 1 a pair of ports. */
#ifndef DOMUS_DEV_E1000_H
#define DOMUS_DEV_E1000_H

#include "dev/pci/pci.h"

struct loop;
struct net;

/* The chip owns `net` from here on (NULL: a NIC without a cable), and `rom`: the boot ROM's pages, from
 * aligned_alloc(), rom_bytes (a power of two) of them, or NULL. NULL without memory: both stay the caller's. */
struct pci_device *e1000_create(struct loop *loop, struct net *net, const uint8_t mac[6], void *rom,
                                uint64_t rom_bytes);

#endif
