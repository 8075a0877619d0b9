/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus.h: the port and MMIO address spaces: which window of which chip answers an address.
 *
 * One struct serves both (ports: 64 Ki of them; MMIO: guest-physical addresses that memory.h does not map).
 * Overlaps: the window mapped last wins, and the one below shows again when it goes. All calls need the machine lock.
 * An access that straddles windows or meets no window is split into bytes; bytes with no window read as ones.
 */
#ifndef DOMUS_MACHINE_BUS_H
#define DOMUS_MACHINE_BUS_H

#include "machine/device.h"

struct bus;
struct bus_window;

struct bus *bus_create(const char *name, uint64_t limit);
void bus_destroy(struct bus *bus);

/* NULL only when memory runs out. `device` and `ops` are borrowed. */
struct bus_window *bus_map(struct bus *bus, uint64_t base, uint64_t len, struct device *device,
                           const struct io_ops *ops);
void bus_unmap(struct bus *bus, struct bus_window *window); /* NULL is fine */
void bus_move(struct bus *bus, struct bus_window *window, uint64_t base);

uint64_t bus_read(struct bus *bus, uint64_t address, unsigned size);
void bus_write(struct bus *bus, uint64_t address, unsigned size, uint64_t value);
/* Is there a window at this address? For diagnostics. */
bool bus_claimed(struct bus *bus, uint64_t address);

#endif
