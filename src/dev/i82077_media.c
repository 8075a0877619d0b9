/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * i82077_media.c: the drives and disks of the floppy controller: formats, the change line, and one sector at a time
 * from and to the image.
 */
#include "dev/i82077_internal.h"

#include <errno.h>
#include <string.h>

enum { RATE_500, RATE_300, RATE_250, RATE_1000 };

/* Deviation: disks of 40 tracks read at 250 and at 300 kbit/s, as if the spindle turned as the BIOS thinks. */
static const struct floppy_format {
    uint8_t kind, heads, tracks, sectors, rates; /* rates: a bit per data rate */
} formats[] = {
    {1, 1, 40, 8, 1 << RATE_250 | 1 << RATE_300}, /* 160K */
    {1, 1, 40, 9, 1 << RATE_250 | 1 << RATE_300}, /* 180K */
    {1, 2, 40, 8, 1 << RATE_250 | 1 << RATE_300}, /* 320K */
    {1, 2, 40, 9, 1 << RATE_250 | 1 << RATE_300}, /* 360K */
    {3, 2, 80, 9, 1 << RATE_250},                 /* 720K */
    {2, 2, 80, 15, 1 << RATE_500},                /* 1.2M */
    {4, 2, 80, 18, 1 << RATE_500},                /* 1.44M */
    {4, 2, 82, 20, 1 << RATE_500},                /* 1.6M */
    {4, 2, 80, 21, 1 << RATE_500},                /* 1.68M */
    {5, 2, 80, 36, 1 << RATE_1000},               /* 2.88M */
};

static const struct floppy_format *find_format(uint64_t sectors)
{
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++)
        if (sectors == (uint64_t)formats[i].heads * formats[i].tracks * formats[i].sectors)
            return &formats[i];
    return NULL;
}

/* 3.5" drives read what is less dense; 5.25" ones too. */
static bool drive_takes(unsigned kind, unsigned format_kind)
{
    bool small = kind >= 3, format_small = format_kind >= 3;

    return small == format_small && format_kind <= kind;
}

unsigned i82077_drive_kind(uint64_t sectors)
{
    const struct floppy_format *f = find_format(sectors);

    return f ? f->kind : 0;
}

int i82077_add_drive(struct device *d, unsigned drive, unsigned kind)
{
    struct i82077 *f = (struct i82077 *)d;

    if (drive >= I82077_DRIVES || kind < 1 || kind > 5)
        return -EINVAL;
    if (f->drive[drive].kind)
        return -EEXIST;
    f->drive[drive].kind = kind;
    return 0;
}

int i82077_insert(struct device *d, unsigned drive, struct block *b)
{
    struct i82077 *f = (struct i82077 *)d;
    const struct floppy_format *format = b ? find_format(block_sectors(b)) : NULL;
    struct block *old;

    if (!i82077_connected(f, drive))
        return -ENODEV;
    if (b && (!format || !drive_takes(f->drive[drive].kind, format->kind)))
        return -EINVAL;
    old = f->drive[drive].block;
    f->drive[drive].block = b;
    f->drive[drive].format = format;
    f->s.changed |= (uint8_t)(1u << drive);
    block_close(old);
    return 0;
}

bool i82077_connected(const struct i82077 *f, unsigned drive)
{
    return drive < I82077_DRIVES && f->drive[drive].kind;
}

bool i82077_protected(const struct i82077 *f, unsigned drive)
{
    return i82077_connected(f, drive) && f->drive[drive].block && block_readonly(f->drive[drive].block);
}

bool i82077_changed(const struct i82077 *f, unsigned drive)
{
    return i82077_connected(f, drive) && f->s.changed >> drive & 1;
}

bool i82077_readable(const struct i82077 *f, unsigned drive)
{
    return i82077_connected(f, drive) && f->drive[drive].block && f->drive[drive].format->rates >> f->s.rate & 1;
}

bool i82077_reaches(const struct i82077 *f, unsigned cylinder, unsigned head, unsigned sector)
{
    unsigned drive = f->s.command[1] & 3;
    const struct floppy_format *format;

    if (!i82077_connected(f, drive) || !f->drive[drive].block)
        return false;
    format = f->drive[drive].format;
    return cylinder == f->s.pcn[drive] && cylinder < format->tracks && head < format->heads && sector >= 1 &&
           sector <= format->sectors;
}

void i82077_step_to(struct i82077 *f, unsigned drive, unsigned cylinder)
{
    f->s.pcn[drive & 3] = (uint8_t)cylinder;
    if (i82077_connected(f, drive) && f->drive[drive].block)
        f->s.changed &= (uint8_t) ~(1u << drive); /* steps clear the change line once there is a disk */
}

static void send(struct i82077 *f)
{
    struct i82077_state *s = &f->s;
    const struct floppy_drive *drive = &f->drive[s->command[1] & 1];

    /* looked at again: a saved state, or a disk changed meanwhile, may say anything */
    if (!i82077_reaches(f, s->cylinder, s->head, s->sector)) {
        i82077_io_done(f, s->op, -EIO);
        return;
    }
    f->request.op = s->op == OP_READ ? BLOCK_READ : BLOCK_WRITE;
    f->request.sector =
        ((uint64_t)s->cylinder * drive->format->heads + s->head) * drive->format->sectors + s->sector - 1u;
    memcpy(f->buffer, s->data, SECTOR_BYTES);
    f->outstanding = true;
    f->forgotten = false;
    block_submit(drive->block, &f->request);
}

static void request_done(struct block_request *r, int error)
{
    struct i82077 *f = r->opaque;
    struct i82077_state *s = &f->s;
    bool forgotten = f->forgotten;

    f->outstanding = f->forgotten = false;
    if (forgotten) {
        if (s->op != OP_NONE)
            send(f); /* a later command has waited */
        return;
    }
    if (s->op == OP_READ && !error)
        memcpy(s->data, f->buffer, SECTOR_BYTES);
    i82077_io_done(f, s->op, error);
}

void i82077_submit(struct i82077 *f, unsigned op)
{
    f->s.op = (uint8_t)op;
    f->s.phase = PHASE_BUSY;
    if (!f->outstanding)
        send(f);
}

void i82077_forget(struct i82077 *f)
{
    f->forgotten = f->outstanding;
}

void i82077_eject_all(struct i82077 *f)
{
    for (unsigned i = 0; i < I82077_DRIVES; i++)
        block_close(f->drive[i].block);
}

void i82077_media_init(struct i82077 *f)
{
    f->iov = (struct iovec){f->buffer, SECTOR_BYTES};
    f->request = (struct block_request){.count = 1, .iov = &f->iov, .iovcnt = 1, .done = request_done, .opaque = f};
}
