/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtl8139.h: the Realtek RTL8139C+ Fast Ethernet controller, xl's default NIC: BAR 0 in ports, BAR 1 in memory. */
#ifndef DOMUS_DEV_RTL8139_H
#define DOMUS_DEV_RTL8139_H

#include "dev/pci/pci.h"

struct loop;
struct net;

/* The chip owns `net` from here on (NULL: a NIC without a cable), and `rom`: the boot ROM's pages, from
 * aligned_alloc(), rom_bytes (a power of two) of them, or NULL. NULL without memory: both stay the caller's. */
struct pci_device *rtl8139_create(struct loop *loop, struct net *net, const uint8_t mac[6], void *rom,
                                  uint64_t rom_bytes);

#endif
