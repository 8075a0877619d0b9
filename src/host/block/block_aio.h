/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block_aio.h: carries requests to a file descriptor, by io_uring or by a thread. Both complete through an eventfd in
 * the event loop, never inside submit.
 */
#ifndef DOMUS_HOST_BLOCK_BLOCK_AIO_H
#define DOMUS_HOST_BLOCK_BLOCK_AIO_H

#include "host/block/block.h"

struct block_target {
    int fd;           /* borrowed */
    uint64_t bytes;   /* of the file; reads from here on give zeros */
    uint64_t sectors; /* that requests may name; the last may be partly beyond bytes */
};

struct block_aio;

struct block_aio_ops {
    const char *name;
    int (*create)(struct block_aio **aio, const struct block_target *target, struct loop *loop); /* 0 or -errno */
    void (*submit)(struct block_aio *aio, struct block_request *r);
    void (*destroy)(struct block_aio *aio); /* completes what is outstanding first */
};
extern const struct block_aio_ops block_aio_uring;
extern const struct block_aio_ops block_aio_thread;

/* Shared by both. */
bool block_request_valid(const struct block_target *t, const struct block_request *r);
/* The request's result after the first `so_far` bytes of it were carried: does the rest, blocking. 0 or -errno. */
int block_request_finish(const struct block_target *t, const struct block_request *r, uint64_t so_far);

#endif
