/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake_block.h: a disk in memory whose requests complete when the test says so, or fail from the nth on. */
#ifndef DOMUS_TESTS_FAKE_BLOCK_H
#define DOMUS_TESTS_FAKE_BLOCK_H

#include "host/block/block_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fake_disk {
    uint8_t *bytes;
    uint64_t sectors;
    struct block_request *waiting; /* a FIFO by internal[0] */
    unsigned requests, flushes, writes;
    unsigned fail_at; /* the request with this number, from 1, fails; 0: none */
    bool dirty;       /* written since the last flush */
    bool closed;
    bool strict; /* requests for what is not there end the test */
};

static inline void fake_submit(void *state, struct block_request *r)
{
    struct fake_disk *f = state;
    struct block_request **p = &f->waiting;

    while (*p)
        p = (struct block_request **)&(*p)->internal[0];
    *p = r;
    r->internal[0] = NULL;
}

static inline int fake_execute(struct fake_disk *f, struct block_request *r)
{
    uint8_t *at = f->bytes + r->sector * 512;

    if (++f->requests == f->fail_at)
        return -EIO;
    if (r->op == BLOCK_FLUSH) {
        f->flushes++;
        f->dirty = false;
        return 0;
    }
    if (r->sector > f->sectors || r->count > f->sectors - r->sector || !r->count)
        return f->strict ? abort(), 0 : -EIO; /* a drive asked for what is not there */
    if (r->op == BLOCK_DISCARD)
        memset(at, 0, r->count * 512);
    for (unsigned i = 0; i < r->iovcnt; i++) {
        if (r->op == BLOCK_READ)
            memcpy(r->iov[i].iov_base, at, r->iov[i].iov_len);
        else
            memcpy(at, r->iov[i].iov_base, r->iov[i].iov_len);
        at += r->iov[i].iov_len;
    }
    if (r->op == BLOCK_WRITE) {
        f->writes++;
        f->dirty = true;
    }
    return 0;
}

/* Completes one request; false: none waits. */
static inline bool fake_step(struct fake_disk *f)
{
    struct block_request *r = f->waiting;

    if (!r)
        return false;
    f->waiting = r->internal[0];
    r->done(r, fake_execute(f, r));
    return true;
}

static inline void fake_pump(struct fake_disk *f)
{
    while (fake_step(f))
        ;
}

static inline void fake_close(void *state)
{
    struct fake_disk *f = state;

    fake_pump(f);
    f->closed = true;
}

static const struct block_format_ops fake_format = {.name = "fake", .submit = fake_submit, .close = fake_close};

static inline struct block *fake_open(struct fake_disk *f, uint64_t sectors, bool readonly)
{
    free(f->bytes);
    memset(f, 0, sizeof *f);
    f->sectors = sectors;
    f->strict = true;
    f->bytes = malloc(sectors * 512);
    for (uint64_t i = 0; f->bytes && i < sectors * 512; i++)
        f->bytes[i] = (uint8_t)(i / 512 * 7 + i);
    return f->bytes ? block_create(&fake_format, f, sectors, readonly) : NULL;
}

#endif
