/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block_raw.c: raw images and block devices: sector n is at byte 512n.
 *
 * A disk whose size is not a multiple of 512 ends at its last whole sector; a CD's last 2048 bytes are filled up with
 * zeros, since every sector of an ISO may hold a file's end.
 */
#include "host/block/block_raw.h"

#include "base/log.h"
#include "host/block/block_aio.h"
#include "host/block/block_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CD_SECTORS 4

struct raw {
    struct block_image image;
    const struct block_aio_ops *ops;
    struct block_aio *aio;
};

static uint64_t raw_sectors(const struct block_image *image, bool removable)
{
    uint64_t sectors = image->bytes / BLOCK_SECTOR_BYTES, rest = image->bytes % BLOCK_SECTOR_BYTES;

    if (removable)
        return (image->bytes + CD_SECTORS * BLOCK_SECTOR_BYTES - 1) / (CD_SECTORS * BLOCK_SECTOR_BYTES) * CD_SECTORS;
    if (rest)
        log_warning("%s: its size is not a multiple of 512; the guest does not see the last %llu bytes", image->path,
                    (unsigned long long)rest);
    return sectors;
}

static int raw_start_io(struct raw *raw, const struct block_target *target, struct loop *loop)
{
    int rc;

    raw->ops = &block_aio_uring;
    rc = raw->ops->create(&raw->aio, target, loop);
    if (rc != -ENOSYS && rc != -EPERM && rc != -ENOMEM && rc != -EINVAL)
        return rc;
    log_info("%s: io_uring is refused here (%s); a thread does the input and output", raw->image.path, strerror(-rc));
    raw->ops = &block_aio_thread;
    return raw->ops->create(&raw->aio, target, loop);
}

static int raw_open(struct block_image *image, struct loop *loop, const struct block_options *o, void **state,
                    uint64_t *sectors, char **why)
{
    struct raw *raw = calloc(1, sizeof *raw);
    struct block_target target = {.fd = image->fd, .bytes = image->bytes};
    int rc;

    if (!raw)
        return block_fail(why, -ENOMEM, "%s: out of memory", image->path);
    raw->image = *image;
    target.sectors = raw_sectors(image, o->removable);
    rc = raw_start_io(raw, &target, loop);
    if (rc) {
        free(raw);
        return block_fail(why, rc, "%s: cannot start input and output: %s", image->path, strerror(-rc));
    }
    *state = raw;
    *sectors = target.sectors;
    return 0;
}

static void raw_submit(void *state, struct block_request *r)
{
    struct raw *raw = state;

    raw->ops->submit(raw->aio, r);
}

static void raw_close(void *state)
{
    struct raw *raw = state;

    raw->ops->destroy(raw->aio);
    block_image_close(&raw->image);
    free(raw);
}

const struct block_format_ops block_format_raw = {
    .name = "raw",
    .open = raw_open,
    .submit = raw_submit,
    .close = raw_close,
};
