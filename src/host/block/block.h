/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block.h: a disk image or block device on the host, in 512-byte sectors. Knows files, not guests.
 *
 * Requests are asynchronous; `done` runs in the event loop's thread with the machine lock held. Buffers are iovecs of
 * host memory that stay valid until then. A request is preallocated by its owner (one per outstanding operation).
 */
#ifndef DOMUS_HOST_BLOCK_BLOCK_H
#define DOMUS_HOST_BLOCK_BLOCK_H

#include "base/types.h"

#include <sys/uio.h>

struct block;
struct loop;

#define BLOCK_SECTOR_BYTES 512u
#define BLOCK_IOV_MAX      1024u

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD };

struct block_request {
    enum block_op op;
    uint64_t sector;
    uint64_t count; /* sectors; the iovecs hold exactly that much. FLUSH: 0 */
    const struct iovec *iov;
    unsigned iovcnt;                                  /* at most BLOCK_IOV_MAX */
    void (*done)(struct block_request *r, int error); /* 0 or -errno */
    void *opaque;
    void *internal[4]; /* the back end's */
};

struct block_options {
    const char *path;
    const char *format; /* "raw" (NULL is raw) */
    bool readonly;
    bool removable; /* a CD: read-only open, no write lock needed */
    /* With removable, a medium in a drive of the host (cd_drive.h): in place of opening the path, drive_fd is
     * duplicated. It may hold anything, and ends at drive_bytes if the device ends before: audio does not count there.
     */
    bool drive;
    int drive_fd;
    uint64_t drive_bytes;
};

/*
 * Opens and locks (a second writer, or a writer beside a reader, is refused; CD images may be shared). 0, or -errno
 * with *why (malloc'd, the caller frees) saying what is wrong and what to do, without the config's file and line.
 */
int block_open(struct block **b, struct loop *loop, const struct block_options *o, char **why);
void block_close(struct block *b); /* waits for outstanding requests; NULL is fine */
void block_submit(struct block *b, struct block_request *r);
uint64_t block_sectors(const struct block *b);
bool block_readonly(const struct block *b);

/*
 * Where a disk's target is: as given, or else under /dev. 0 and *path, or -ENOENT and *why naming both; malloc'd.
 * block_open() does this itself.
 */
int block_find_path(const char *target, char **path, char **why);

#endif
