/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block_image.h: an image file or device, found, opened, measured and locked. */
#ifndef DOMUS_HOST_BLOCK_BLOCK_IMAGE_H
#define DOMUS_HOST_BLOCK_BLOCK_IMAGE_H

#include "host/block/block.h"

struct block_image {
    char *path; /* owned, for messages */
    int fd;     /* owned */
    uint64_t bytes;
    bool device; /* a block device, not a file */
};

/* 0, or -errno with *why, malloc'd. */
int block_image_open(struct block_image *image, const struct block_options *o, char **why);
void block_image_close(struct block_image *image);

/* Sets *why by a format; for the callers' error paths. Returns error. */
int block_fail(char **why, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
