/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block_format.h: what an image format is to block.c. A new format is a file with one of these and a row in block.c.
 * Tests make blocks of their own with block_create().
 */
#ifndef DOMUS_HOST_BLOCK_BLOCK_FORMAT_H
#define DOMUS_HOST_BLOCK_BLOCK_FORMAT_H

#include "host/block/block.h"

struct block_image;

struct block_format_ops {
    const char *name;
    /* The image is opened, locked and checked for other formats' magic; takes it over on success, sets *state and
     * *sectors. 0 or -errno with *why. */
    int (*open)(struct block_image *image, struct loop *loop, const struct block_options *o, void **state,
                uint64_t *sectors, char **why);
    void (*submit)(void *state, struct block_request *r); /* `done` never runs inside */
    void (*close)(void *state);                           /* after outstanding requests are done */
};

/* NULL without memory; then state stays the caller's. */
struct block *block_create(const struct block_format_ops *ops, void *state, uint64_t sectors, bool readonly);

#endif
