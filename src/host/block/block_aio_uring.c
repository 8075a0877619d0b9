/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block_aio_uring.c: requests through a ring of io_uring(7), one ring a block. Submitted under the machine lock, reaped
 * in the event loop when the ring's eventfd says so.
 */
#include "host/block/block_aio.h"

#include "machine/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RING_ENTRIES 64

struct block_aio {
    struct block_target target;
    struct io_uring ring;
    int event_fd;
    struct loop_fd *watch;
    unsigned inflight;                  /* at most RING_ENTRIES */
    struct block_request *first, *last; /* waiting for a slot; linked by internal[0] */
};

static void ring_prepare(struct block_aio *aio, struct io_uring_sqe *sqe, struct block_request *r)
{
    uint64_t offset = r->sector * BLOCK_SECTOR_BYTES;

    if (!block_request_valid(&aio->target, r))
        io_uring_prep_nop(sqe); /* finish() says what is wrong */
    else if (r->op == BLOCK_READ)
        io_uring_prep_readv(sqe, aio->target.fd, r->iov, r->iovcnt, offset);
    else if (r->op == BLOCK_WRITE)
        io_uring_prep_writev(sqe, aio->target.fd, r->iov, r->iovcnt, offset);
    else if (r->op == BLOCK_FLUSH)
        io_uring_prep_fsync(sqe, aio->target.fd, IORING_FSYNC_DATASYNC);
    else
        io_uring_prep_fallocate(sqe, aio->target.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                                (off_t)(r->count * BLOCK_SECTOR_BYTES));
    io_uring_sqe_set_data(sqe, r);
}

static void ring_pump(struct block_aio *aio)
{
    bool any = false;

    while (aio->first && aio->inflight < RING_ENTRIES) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&aio->ring);
        struct block_request *r = aio->first;

        if (!sqe)
            break;
        aio->first = r->internal[0];
        ring_prepare(aio, sqe, r);
        aio->inflight++;
        any = true;
    }
    if (any)
        while (io_uring_submit(&aio->ring) == -EINTR)
            ;
}

static void uring_submit(struct block_aio *aio, struct block_request *r)
{
    r->internal[0] = NULL;
    if (aio->first)
        aio->last->internal[0] = r;
    else
        aio->first = r;
    aio->last = r;
    ring_pump(aio);
}

static int ring_result(struct block_aio *aio, const struct block_request *r, int result)
{
    bool moves = r->op == BLOCK_READ || r->op == BLOCK_WRITE;

    if (result == -EINTR || result == -EAGAIN || result == -EOPNOTSUPP || result == -EINVAL)
        return block_request_finish(&aio->target, r, 0); /* this kernel's ring cannot: do it here */
    if (result < 0)
        return result;
    if (!block_request_valid(&aio->target, r))
        return -EIO;
    if (moves && (uint64_t)result < r->count * BLOCK_SECTOR_BYTES)
        return block_request_finish(&aio->target, r, (uint64_t)result);
    return 0;
}

/* Completions may submit again, which the loop sees. */
static void ring_reap(struct block_aio *aio)
{
    struct io_uring_cqe *cqe;

    while (!io_uring_peek_cqe(&aio->ring, &cqe)) {
        struct block_request *r = io_uring_cqe_get_data(cqe);
        int error = ring_result(aio, r, cqe->res);

        io_uring_cqe_seen(&aio->ring, cqe);
        aio->inflight--;
        r->done(r, error);
    }
    ring_pump(aio);
}

static void ring_ready(void *opaque, uint32_t events)
{
    struct block_aio *aio = opaque;
    uint64_t count;

    if (read(aio->event_fd, &count, sizeof count) == sizeof count)
        ring_reap(aio);
}

static void uring_destroy(struct block_aio *aio)
{
    struct io_uring_cqe *cqe;

    while (aio->inflight) {
        if (!io_uring_wait_cqe(&aio->ring, &cqe))
            ring_reap(aio);
    }
    loop_remove_fd(aio->watch);
    close(aio->event_fd);
    io_uring_queue_exit(&aio->ring);
    free(aio);
}

static int uring_create(struct block_aio **out, const struct block_target *target, struct loop *loop)
{
    struct block_aio *aio = calloc(1, sizeof *aio);
    int rc;

    if (!aio)
        return -ENOMEM;
    aio->target = *target;
    rc = io_uring_queue_init(RING_ENTRIES, &aio->ring, 0);
    if (rc)
        goto no_ring;
    aio->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (aio->event_fd < 0) {
        rc = -errno;
        goto no_fd;
    }
    rc = io_uring_register_eventfd(&aio->ring, aio->event_fd);
    if (rc)
        goto no_watch;
    rc = -ENOMEM;
    aio->watch = loop_add_fd(loop, aio->event_fd, EPOLLIN, ring_ready, aio);
    if (!aio->watch)
        goto no_watch;
    *out = aio;
    return 0;

no_watch:
    close(aio->event_fd);
no_fd:
    io_uring_queue_exit(&aio->ring);
no_ring:
    free(aio);
    return rc;
}

const struct block_aio_ops block_aio_uring = {
    .name = "io_uring",
    .create = uring_create,
    .submit = uring_submit,
    .destroy = uring_destroy,
};
