/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * device.h: what every chip is to the machine: a name, one plain struct of guest-visible state, and what to do on
 * reset.
 *
 * A chip embeds `struct device` first. `state` points at the plain struct that reset, save and load touch; the generic
 * code copies it (machine/save.h). All callbacks run under the machine lock. A chip never maps itself: the board calls
 * bus_map() with the chip's io_ops.
 */
#ifndef DOMUS_MACHINE_DEVICE_H
#define DOMUS_MACHINE_DEVICE_H

#include "base/types.h"

struct device;

struct device_ops {
    const char *name;  /* as in the save record */
    unsigned version;  /* of the state struct */
    size_t state_size; /* 0: nothing to save */
    void (*reset)(struct device *d);
    int (*check)(const void *state);   /* before load: could a real chip be in this state? 0 or -EINVAL; may be NULL */
    void (*saving)(struct device *d);  /* bring state up to date before it is copied (timers); may be NULL */
    void (*loaded)(struct device *d);  /* state was replaced: drive lines, arm timers; may be NULL */
    void (*destroy)(struct device *d); /* frees the chip and what it owns */
};

struct device {
    const struct device_ops *ops;
    void *state; /* ops->state_size bytes inside the chip */
};

/* A register window. offset is from the window's base; size is 1, 2, 4 or 8 and the access lies inside the window. */
struct io_ops {
    uint64_t (*read)(struct device *d, uint64_t offset, unsigned size);
    void (*write)(struct device *d, uint64_t offset, unsigned size, uint64_t value);
};

#endif
