/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ide_drive.c: see ide_drive.h.
 *
 * While a request is with the host the drive is busy; a reset that comes meanwhile stays busy until the request is
 * back, so there is never a second one, and never a completion for a command that is gone.
 */
#include "dev/ide_drive.h"

#include <errno.h>
#include <string.h>

void ide_drive_interrupt(struct ide_drive *d)
{
    d->s->intrq = true;
    d->host->interrupt(d);
}

static void drive_clear_interrupt(struct ide_drive *d)
{
    if (!d->s->intrq)
        return;
    d->s->intrq = false;
    d->host->interrupt(d);
}

void ide_drive_end(struct ide_drive *d, uint8_t status, uint8_t error)
{
    d->s->phase = IDE_IDLE;
    d->s->status = status;
    d->s->error = error;
    d->s->pos = d->s->end = d->s->len = 0;
    ide_drive_interrupt(d);
}

void ide_drive_abort(struct ide_drive *d)
{
    ide_drive_end(d, IDE_STATUS_DRDY | IDE_STATUS_DSC | IDE_STATUS_ERR, IDE_ERROR_ABRT);
}

void ide_drive_pio(struct ide_drive *d, enum ide_phase phase, uint32_t end, bool interrupt)
{
    d->s->phase = (uint8_t)phase;
    d->s->end = end;
    d->s->status = IDE_STATUS_DRDY | IDE_STATUS_DSC | IDE_STATUS_DRQ;
    if (interrupt)
        ide_drive_interrupt(d);
}

void ide_drive_await_dma(struct ide_drive *d)
{
    d->s->phase = IDE_DMA;
    d->s->status = IDE_STATUS_DRDY | IDE_STATUS_DSC | IDE_STATUS_DRQ;
    if (d->host->dma_running(d))
        d->ops->dma_start(d);
}

/* ---- requests to the host ---- */

static void drive_finish_reset(struct ide_drive *d);

static void drive_io_done(struct block_request *r, int error)
{
    struct ide_drive *d = r->opaque;

    d->inflight = false;
    if (!d->ops)
        return;
    if (d->s->phase == IDE_RESET)
        drive_finish_reset(d);
    else if (d->s->phase == IDE_IO)
        d->ops->io_done(d, error);
}

static void drive_send(struct ide_drive *d)
{
    struct ide_drive_state *s = d->s;
    enum block_op op = s->io_op;

    if (!d->block) { /* a state saved with a disc in the drive */
        d->ops->io_done(d, -ENOMEDIUM);
        return;
    }
    d->iov = (struct iovec){s->buffer, (size_t)s->io_count * IDE_SECTOR_BYTES};
    d->request = (struct block_request){
        .op = op,
        .sector = s->io_sector,
        .count = s->io_count,
        .iov = &d->iov,
        .iovcnt = op == BLOCK_READ || op == BLOCK_WRITE ? 1 : 0,
        .done = drive_io_done,
        .opaque = d,
    };
    d->inflight = true;
    block_submit(d->block, &d->request);
}

void ide_drive_submit(struct ide_drive *d, enum block_op op, uint64_t sector, uint32_t sectors)
{
    d->s->phase = IDE_IO;
    d->s->status = IDE_STATUS_BSY | IDE_STATUS_DRDY | IDE_STATUS_DSC;
    d->s->io_op = (uint8_t)op;
    d->s->io_sector = sector;
    d->s->io_count = sectors;
    drive_send(d);
}

/* ---- reset ---- */

static void drive_finish_reset(struct ide_drive *d)
{
    if (d->inflight || d->reset_held || !d->ops)
        return;
    d->s->phase = IDE_IDLE;
    d->s->error = 1; /* diagnostics passed */
    d->s->pos = d->s->end = d->s->len = 0;
    d->ops->signature(d);
}

static void drive_begin_reset(struct ide_drive *d, bool power_on)
{
    drive_clear_interrupt(d);
    d->s->phase = IDE_RESET;
    d->s->status = IDE_STATUS_BSY;
    d->ops->reset(d, power_on);
    drive_finish_reset(d);
}

void ide_drive_power_on(struct ide_drive *d)
{
    d->reset_held = false;
    d->s->device = IDE_DEVICE_ONES;
    if (d->ops)
        drive_begin_reset(d, true);
}

void ide_drive_hold_reset(struct ide_drive *d, bool held)
{
    if (!d->ops) { /* the other drive answers for this one: a disk's signature, and a status of 0 that belies it */
        d->s->nsector = d->s->lba_low = 1;
        d->s->lba_mid = d->s->lba_high = 0;
        return;
    }
    if (held == d->reset_held)
        return;
    d->reset_held = held;
    if (held)
        drive_begin_reset(d, false);
    else
        drive_finish_reset(d);
}

void ide_drive_device_reset(struct ide_drive *d)
{
    drive_begin_reset(d, false);
}

/* ---- registers ---- */

static void drive_command(struct ide_drive *d, uint8_t command)
{
    bool device_reset = command == 0x08 && d->s->kind == IDE_CD;

    if (!d->ops || d->s->phase == IDE_RESET)
        return;
    if (device_reset) {
        ide_drive_device_reset(d);
        return;
    }
    if (d->s->status & (IDE_STATUS_BSY | IDE_STATUS_DRQ))
        return;
    drive_clear_interrupt(d);
    d->s->error = 0;
    d->ops->command(d, command);
}

void ide_drive_write(struct ide_drive *d, enum ide_register reg, uint8_t value)
{
    struct ide_drive_state *s = d->s;

    if (reg == IDE_STATUS_COMMAND) {
        drive_command(d, value);
        return;
    }
    if (s->status & (IDE_STATUS_BSY | IDE_STATUS_DRQ))
        return; /* the drive owns the task file */
    switch (reg) {
    case IDE_ERROR_FEATURES:
        s->old_features = s->features;
        s->features = value;
        break;
    case IDE_NSECTOR:
        s->old_nsector = s->nsector;
        s->nsector = value;
        break;
    case IDE_LBA_LOW:
        s->old_lba_low = s->lba_low;
        s->lba_low = value;
        break;
    case IDE_LBA_MID:
        s->old_lba_mid = s->lba_mid;
        s->lba_mid = value;
        break;
    case IDE_LBA_HIGH:
        s->old_lba_high = s->lba_high;
        s->lba_high = value;
        break;
    case IDE_DEVICE: s->device = value | IDE_DEVICE_ONES; break;
    default: break;
    }
}

uint8_t ide_drive_read(struct ide_drive *d, enum ide_register reg, bool hob)
{
    struct ide_drive_state *s = d->s;

    switch (reg) {
    case IDE_ERROR_FEATURES: return hob ? s->old_features : s->error;
    case IDE_NSECTOR: return hob ? s->old_nsector : s->nsector;
    case IDE_LBA_LOW: return hob ? s->old_lba_low : s->lba_low;
    case IDE_LBA_MID: return hob ? s->old_lba_mid : s->lba_mid;
    case IDE_LBA_HIGH: return hob ? s->old_lba_high : s->lba_high;
    case IDE_DEVICE: return s->device;
    case IDE_STATUS_COMMAND: drive_clear_interrupt(d); return s->status;
    default: return 0xff;
    }
}

/* How much of an access the DRQ block still holds; moves on. */
static uint32_t drive_take(struct ide_drive_state *s, unsigned size, uint32_t *at)
{
    uint32_t n = s->end - s->pos < size ? s->end - s->pos : size;

    *at = s->pos;
    s->pos += n;
    return n;
}

uint32_t ide_drive_read_data(struct ide_drive *d, unsigned size)
{
    uint32_t value = 0, at, n;

    if (!d->ops || d->s->phase != IDE_PIO_IN || size > sizeof value)
        return 0;
    n = drive_take(d->s, size, &at);
    memcpy(&value, d->s->buffer + at, n);
    if (d->s->pos == d->s->end)
        d->ops->pio_done(d);
    return value;
}

void ide_drive_write_data(struct ide_drive *d, unsigned size, uint32_t value)
{
    uint32_t at, n;

    if (!d->ops || d->s->phase != IDE_PIO_OUT || size > sizeof value)
        return;
    n = drive_take(d->s, size, &at);
    memcpy(d->s->buffer + at, &value, n);
    if (d->s->pos == d->s->end)
        d->ops->pio_done(d);
}

void ide_put_string(uint8_t *to, const char *text, unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        to[i ^ 1] = (uint8_t)(*text ? *text++ : ' ');
}

/* ---- life ---- */

bool ide_drive_state_check(const struct ide_drive_state *s)
{
    bool moves = s->io_op == BLOCK_READ || s->io_op == BLOCK_WRITE;
    bool ok = s->kind < IDE_KINDS && s->phase < IDE_PHASES && s->pos <= s->end && s->end <= s->len &&
              s->len <= IDE_BUFFER_BYTES && s->io_op <= BLOCK_DISCARD &&
              (!moves || s->io_count <= IDE_BUFFER_BYTES / IDE_SECTOR_BYTES);

    if (!ok || (s->kind == IDE_NONE && s->phase != IDE_IDLE))
        return false;
    if ((s->phase == IDE_PIO_IN || s->phase == IDE_PIO_OUT) && s->pos == s->end)
        return false;
    return s->kind == IDE_NONE || (s->kind == IDE_DISK ? ata_disk_ops.check(s) : atapi_cdrom_ops.check(s));
}

void ide_drive_loaded(struct ide_drive *d)
{
    enum ide_kind kind = d->ops == NULL ? IDE_NONE : d->ops == &ata_disk_ops ? IDE_DISK : IDE_CD;

    if (d->s->kind != kind) { /* saved with another set of drives */
        memset(d->s, 0, sizeof *d->s);
        d->s->kind = (uint8_t)kind;
        ide_drive_power_on(d);
    } else if (d->s->phase == IDE_IO) {
        drive_send(d);
    } else if (d->s->phase == IDE_RESET) {
        drive_finish_reset(d);
    }
}

void ide_drive_detach(struct ide_drive *d)
{
    d->ops = NULL; /* what still comes back is for nobody */
    block_close(d->block);
    d->block = NULL;
    if (d->s)
        memset(d->s, 0, sizeof *d->s);
}
