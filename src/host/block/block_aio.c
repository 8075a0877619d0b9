/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block_aio.c: one request by blocking system calls: the thread's whole work, and io_uring's for the rest of a short
 * transfer.
 */
#include "host/block/block_aio.h"

#include "base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

bool block_request_valid(const struct block_target *t, const struct block_request *r)
{
    if (r->op == BLOCK_FLUSH)
        return true;
    if (!range_inside(r->sector, r->count, t->sectors))
        return false;
    return r->op == BLOCK_DISCARD || r->iovcnt <= BLOCK_IOV_MAX;
}

/* Reads or writes one piece; a read beyond the file's end gives zeros where sectors reach beyond it. */
static int transfer_piece(const struct block_target *t, enum block_op op, uint8_t *bytes, uint64_t len, uint64_t offset)
{
    while (len) {
        ssize_t n =
            op == BLOCK_READ ? pread(t->fd, bytes, len, (off_t)offset) : pwrite(t->fd, bytes, len, (off_t)offset);

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return -errno;
        if (n == 0) {
            if (op != BLOCK_READ || offset < t->bytes)
                return -EIO; /* the file shrank */
            memset(bytes, 0, len);
            return 0;
        }
        bytes += n;
        offset += (uint64_t)n;
        len -= (uint64_t)n;
    }
    return 0;
}

static int request_transfer(const struct block_target *t, const struct block_request *r, uint64_t so_far)
{
    uint64_t offset = r->sector * BLOCK_SECTOR_BYTES + so_far;

    for (unsigned i = 0; i < r->iovcnt; i++) {
        const struct iovec *v = &r->iov[i];
        int rc;

        if (so_far >= v->iov_len) {
            so_far -= v->iov_len;
            continue;
        }
        rc = transfer_piece(t, r->op, (uint8_t *)v->iov_base + so_far, v->iov_len - so_far, offset);
        if (rc)
            return rc;
        offset += v->iov_len - so_far;
        so_far = 0;
    }
    return 0;
}

int block_request_finish(const struct block_target *t, const struct block_request *r, uint64_t so_far)
{
    if (!block_request_valid(t, r))
        return -EIO;
    switch (r->op) {
    case BLOCK_READ:
    case BLOCK_WRITE: return request_transfer(t, r, so_far);
    case BLOCK_FLUSH: return fdatasync(t->fd) ? -errno : 0;
    case BLOCK_DISCARD:
        if (!fallocate(t->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(r->sector * BLOCK_SECTOR_BYTES),
                       (off_t)(r->count * BLOCK_SECTOR_BYTES)) ||
            errno == EOPNOTSUPP)
            return 0; /* a hint: a file system without holes just keeps the bytes */
        return -errno;
    }
    return -EINVAL;
}
