/* SPDX-License-Identifier: GPL-2.0-or-later */
/* i8237.h: a PC/AT's two DMA controllers and their page registers; and the side of the chips that transfer. */
#ifndef DOMUS_DEV_I8237_H
#define DOMUS_DEV_I8237_H

#include "machine/device.h"

struct memory;

/* memory is borrowed. NULL only when memory runs out. */
struct device *i8237_create(struct memory *memory);

extern const struct io_ops i8237_low_io;  /* 16 ports at 0x00: channels 0..3, bytes */
extern const struct io_ops i8237_high_io; /* 32 ports at 0xC0: channels 4..7, words */
extern const struct io_ops i8237_page_io; /* 16 ports at 0x80 */

/*
 * For a chip on channel 0..3 (bytes) or 5..7 (words; n is still in bytes, and even). The bytes moved: fewer than n when
 * the channel is masked, programmed for the other direction, or its count ran out, which *end tells (terminal count).
 * A channel that initializes itself goes on from its start and reports *end too.
 */
size_t i8237_to_memory(struct device *d, unsigned channel, const void *from, size_t n, bool *end);
size_t i8237_from_memory(struct device *d, unsigned channel, void *to, size_t n, bool *end);
/* DREQ: what the status register shows. */
void i8237_set_request(struct device *d, unsigned channel, bool on);
/* Called before a guest reads or writes a channel: who transfers by the clock shall be up to date. */
void i8237_set_looking(struct device *d, void (*looking)(void *opaque), void *opaque);
/* Would a transfer move anything now? */
bool i8237_ready(const struct device *d, unsigned channel);

#endif
