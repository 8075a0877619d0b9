/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bytewise.h: what an 8-bit chip does with a wider access: one access per byte, lowest address first. */
#ifndef DOMUS_DEV_BYTEWISE_H
#define DOMUS_DEV_BYTEWISE_H

#include "machine/device.h"

static inline uint64_t bytewise_read(struct device *d, uint64_t offset, unsigned size,
                                     uint8_t (*read)(struct device *d, unsigned reg))
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)read(d, (unsigned)offset + i) << (8 * i);
    return value;
}

static inline void bytewise_write(struct device *d, uint64_t offset, unsigned size, uint64_t value,
                                  void (*write)(struct device *d, unsigned reg, uint8_t value))
{
    for (unsigned i = 0; i < size; i++)
        write(d, (unsigned)offset + i, (uint8_t)(value >> (8 * i)));
}

#endif
