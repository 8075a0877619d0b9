/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ata_disk.c: an ATA hard disk (ATA/ATAPI-6): PIO, multiple and DMA transfers, 28 and 48-bit and CHS addresses, flush.
 *
 * Data moves in chunks of up to 64 KiB between the image and the drive's buffer, whatever the size of the blocks that
 * the guest sees. Written data is safe once a flush, a FUA write, or with the write cache off any write, has completed.
 */
#include "dev/ata_identify.h"
#include "dev/ide_drive.h"

#include "base/bytes.h"

#include <string.h>

#define CHUNK_SECTORS    (IDE_BUFFER_BYTES / IDE_SECTOR_BYTES)
#define TRIM_RANGE_BYTES 8
#define READY            (IDE_STATUS_DRDY | IDE_STATUS_DSC)

enum ata_action {
    ATA_REPLY, /* one buffer to the host, then done */
    ATA_READ_PIO,
    ATA_WRITE_PIO,
    ATA_READ_DMA,
    ATA_WRITE_DMA,
    ATA_FLUSH,
    ATA_VERIFY,
    ATA_TRIM, /* buffer[pos, len) holds the ranges still to be done */
    ATA_ACTIONS,
};

/* ---- addresses ---- */

static uint64_t address_get(const struct ide_drive_state *s, bool ext)
{
    uint64_t low = (uint64_t)s->lba_low | (uint64_t)s->lba_mid << 8 | (uint64_t)s->lba_high << 16;
    uint64_t cylinder = (uint64_t)s->lba_mid | (uint64_t)s->lba_high << 8, head = s->device & 15;

    if (ext)
        return low | (uint64_t)s->old_lba_low << 24 | (uint64_t)s->old_lba_mid << 32 | (uint64_t)s->old_lba_high << 40;
    if (s->device & IDE_DEVICE_LBA)
        return low | head << 24;
    if (!s->lba_low || s->lba_low > s->ata.sectors_per_track || head >= s->ata.heads)
        return UINT64_MAX; /* no such sector on a track */
    return (cylinder * s->ata.heads + head) * s->ata.sectors_per_track + s->lba_low - 1;
}

/* The sector a command ended or failed at, in the form the command used. */
static void address_put(struct ide_drive_state *s, uint64_t lba)
{
    uint64_t track;

    if (s->device & IDE_DEVICE_LBA) {
        s->lba_low = (uint8_t)lba;
        s->lba_mid = (uint8_t)(lba >> 8);
        s->lba_high = (uint8_t)(lba >> 16);
        s->old_lba_low = (uint8_t)(lba >> 24);
        s->old_lba_mid = (uint8_t)(lba >> 32);
        s->old_lba_high = (uint8_t)(lba >> 40);
        return;
    }
    track = lba / s->ata.sectors_per_track;
    s->lba_low = (uint8_t)(lba % s->ata.sectors_per_track + 1);
    s->device = (uint8_t)((s->device & 0xf0) | (track % s->ata.heads & 15));
    s->lba_mid = (uint8_t)(track / s->ata.heads);
    s->lba_high = (uint8_t)(track / s->ata.heads >> 8);
}

/* ---- ends of commands ---- */

static bool action_uses_dma(uint8_t action)
{
    return action == ATA_READ_DMA || action == ATA_WRITE_DMA || action == ATA_TRIM;
}

static void disk_fail(struct ide_drive *d, uint64_t lba, uint8_t error)
{
    address_put(d->s, lba);
    if (action_uses_dma(d->s->ata.action))
        d->host->dma_stop(d, false);
    ide_drive_end(d, READY | IDE_STATUS_ERR, error);
}

static void disk_succeed(struct ide_drive *d)
{
    if (action_uses_dma(d->s->ata.action))
        d->host->dma_stop(d, true);
    ide_drive_end(d, READY, 0);
}

/* ---- transfers ---- */

static uint32_t disk_chunk(const struct ide_drive_state *s)
{
    return s->ata.left < CHUNK_SECTORS ? s->ata.left : CHUNK_SECTORS;
}

static uint32_t disk_block_end(const struct ide_drive_state *s)
{
    uint32_t end = s->pos + s->ata.block * IDE_SECTOR_BYTES;

    return end < s->len ? end : s->len;
}

static void disk_begin_chunk(struct ide_drive *d)
{
    d->s->pos = 0;
    d->s->len = d->s->end = disk_chunk(d->s) * IDE_SECTOR_BYTES;
}

static void disk_read_chunk(struct ide_drive *d)
{
    disk_begin_chunk(d);
    ide_drive_submit(d, BLOCK_READ, d->s->ata.lba, disk_chunk(d->s));
}

static void disk_await_chunk(struct ide_drive *d, bool interrupt)
{
    disk_begin_chunk(d);
    ide_drive_pio(d, IDE_PIO_OUT, disk_block_end(d->s), interrupt);
}

/* The buffer's sectors went where they belong; true: there are more. */
static bool disk_advance(struct ide_drive *d)
{
    struct ide_drive_state *s = d->s;
    uint32_t sectors = s->len / IDE_SECTOR_BYTES;

    s->ata.lba += sectors;
    s->ata.left -= sectors;
    address_put(s, s->ata.lba - 1);
    s->nsector = (uint8_t)s->ata.left;
    return s->ata.left != 0;
}

static void disk_end_write(struct ide_drive *d)
{
    if (d->s->ata.flush_after) {
        d->s->ata.flush_after = false;
        ide_drive_submit(d, BLOCK_FLUSH, 0, 0);
    } else {
        disk_succeed(d);
    }
}

/* The PRD table ended before the command did: the bus master stops, and no interrupt comes (SFF-8038i). */
static void disk_short_table(struct ide_drive *d)
{
    d->host->dma_stop(d, true);
    d->s->phase = IDE_IDLE;
    d->s->status = READY;
}

static bool disk_carry(struct ide_drive *d, bool to_memory)
{
    int64_t n = d->host->dma_carry(d, d->s->buffer, d->s->len, to_memory);

    if (n < 0)
        disk_fail(d, d->s->ata.lba, IDE_ERROR_ABRT);
    else if (n < d->s->len)
        disk_short_table(d);
    return n == d->s->len;
}

/* The next range of a TRIM: 48 bits of address, 16 of length; empty ones fill up the block. */
static void disk_trim_next(struct ide_drive *d)
{
    struct ide_drive_state *s = d->s;

    for (s->pos = s->end; s->end + TRIM_RANGE_BYTES <= s->len; s->pos = s->end) {
        uint64_t range = load_le64(s->buffer + s->pos), lba = range & ((1ull << 48) - 1), count = range >> 48;

        s->end += TRIM_RANGE_BYTES;
        if (!count)
            continue;
        if (!range_inside(lba, count, block_sectors(d->block)))
            disk_fail(d, lba, IDE_ERROR_IDNF);
        else
            ide_drive_submit(d, BLOCK_DISCARD, lba, (uint32_t)count);
        return;
    }
    disk_succeed(d);
}

static void disk_dma_start(struct ide_drive *d)
{
    if (d->s->ata.action == ATA_TRIM) {
        disk_begin_chunk(d);
        if (disk_carry(d, false)) {
            d->s->end = 0;
            disk_trim_next(d);
        }
        return;
    }
    if (d->s->ata.action == ATA_READ_DMA) {
        disk_read_chunk(d);
        return;
    }
    disk_begin_chunk(d);
    if (disk_carry(d, false))
        ide_drive_submit(d, BLOCK_WRITE, d->s->ata.lba, disk_chunk(d->s));
}

static void disk_pio_done(struct ide_drive *d)
{
    struct ide_drive_state *s = d->s;

    if (s->ata.action == ATA_REPLY) {
        s->phase = IDE_IDLE;
        s->status = READY;
    } else if (s->pos < s->len) {
        ide_drive_pio(d, s->phase, disk_block_end(s), true);
    } else if (s->ata.action == ATA_WRITE_PIO) {
        ide_drive_submit(d, BLOCK_WRITE, s->ata.lba, s->len / IDE_SECTOR_BYTES);
    } else if (disk_advance(d)) {
        disk_read_chunk(d);
    } else {
        s->phase = IDE_IDLE;
        s->status = READY;
    }
}

static void disk_io_done(struct ide_drive *d, int error)
{
    struct ide_drive_state *s = d->s;
    bool reading = s->io_op == BLOCK_READ;

    if (error) {
        disk_fail(d, s->ata.lba, reading ? IDE_ERROR_UNC : IDE_ERROR_ABRT);
        return;
    }
    if (s->io_op == BLOCK_FLUSH) {
        disk_succeed(d);
        return;
    }
    switch (s->ata.action) {
    case ATA_READ_PIO: ide_drive_pio(d, IDE_PIO_IN, disk_block_end(s), true); break;
    case ATA_WRITE_PIO:
        if (disk_advance(d))
            disk_await_chunk(d, true);
        else
            disk_end_write(d);
        break;
    case ATA_READ_DMA:
        if (!d->host->dma_running(d))
            ide_drive_await_dma(d); /* stopped meanwhile: read again when it starts */
        else if (disk_carry(d, true)) {
            if (disk_advance(d))
                disk_read_chunk(d);
            else
                disk_succeed(d);
        }
        break;
    case ATA_WRITE_DMA:
        if (disk_advance(d))
            ide_drive_await_dma(d);
        else
            disk_end_write(d);
        break;
    case ATA_VERIFY:
        if (disk_advance(d))
            disk_read_chunk(d);
        else
            disk_succeed(d);
        break;
    case ATA_TRIM: disk_trim_next(d); break;
    default: ide_drive_abort(d); break;
    }
}

static void disk_reply(struct ide_drive *d)
{
    d->s->ata.action = ATA_REPLY;
    d->s->pos = 0;
    d->s->len = IDE_SECTOR_BYTES;
    ide_drive_pio(d, IDE_PIO_IN, IDE_SECTOR_BYTES, true);
}

static void disk_transfer(struct ide_drive *d, enum ata_action action, bool ext, unsigned block, bool fua)
{
    struct ide_drive_state *s = d->s;
    uint64_t lba = address_get(s, ext);
    uint32_t count = s->nsector;
    bool writing = action == ATA_WRITE_PIO || action == ATA_WRITE_DMA;

    if (ext)
        count |= (uint32_t)s->old_nsector << 8;
    if (!count)
        count = ext ? 65536 : 256;
    s->ata.action = (uint8_t)action;
    if (!block || (writing && block_readonly(d->block))) {
        ide_drive_abort(d);
        return;
    }
    if (!range_inside(lba, count, block_sectors(d->block))) {
        ide_drive_end(d, READY | IDE_STATUS_ERR, IDE_ERROR_IDNF);
        return;
    }
    s->ata.lba = lba;
    s->ata.left = count;
    s->ata.block = (uint16_t)block;
    s->ata.flush_after = writing && (fua || !s->ata.write_cache);
    if (action == ATA_READ_PIO || action == ATA_VERIFY)
        disk_read_chunk(d);
    else if (action == ATA_WRITE_PIO)
        disk_await_chunk(d, false);
    else
        ide_drive_await_dma(d);
}

/* ---- other commands ---- */

static void disk_set_features(struct ide_drive *d)
{
    struct ata_state *a = &d->s->ata;

    switch (d->s->features) {
    case 0x02: a->write_cache = true; break;
    case 0x82:
        a->write_cache = false;
        a->action = ATA_FLUSH; /* what was cached goes out now */
        ide_drive_submit(d, BLOCK_FLUSH, 0, 0);
        return;
    case 0x03:
        if (!ata_transfer_mode_valid(d->s->nsector)) {
            ide_drive_abort(d);
            return;
        }
        a->transfer_mode = d->s->nsector;
        break;
    case 0x05: /* power management, acoustics, look-ahead, defaults over reset: taken, no effect */
    case 0x42:
    case 0x55:
    case 0x66:
    case 0x67:
    case 0x69:
    case 0x85:
    case 0x9a:
    case 0xaa:
    case 0xc2:
    case 0xcc: break;
    default: ide_drive_abort(d); return;
    }
    ide_drive_end(d, READY, 0);
}

static void disk_set_multiple(struct ide_drive *d)
{
    uint8_t n = d->s->nsector;

    if (n > ATA_MAX_MULTIPLE || (n & (n - 1))) {
        ide_drive_abort(d);
        return;
    }
    d->s->ata.multiple = n;
    ide_drive_end(d, READY, 0);
}

static void disk_set_geometry(struct ide_drive *d)
{
    if (!d->s->nsector) {
        ide_drive_abort(d);
        return;
    }
    d->s->ata.sectors_per_track = d->s->nsector;
    d->s->ata.heads = (uint16_t)((d->s->device & 15) + 1);
    ide_drive_end(d, READY, 0);
}

static void disk_native_max(struct ide_drive *d, bool ext)
{
    uint64_t last = block_sectors(d->block) - 1;

    if (!ext && last > ATA_LBA28_SECTORS - 1)
        last = ATA_LBA28_SECTORS - 1;
    d->s->device |= IDE_DEVICE_LBA;
    address_put(d->s, last);
    if (!ext)
        d->s->device = (uint8_t)((d->s->device & 0xf0) | (last >> 24 & 15));
    ide_drive_end(d, READY, 0);
}

static void disk_smart(struct ide_drive *d)
{
    struct ide_drive_state *s = d->s;
    uint8_t sub = s->features;

    if (s->lba_mid != 0x4f || s->lba_high != 0xc2 || (!s->ata.smart && sub != 0xd8)) {
        ide_drive_abort(d);
        return;
    }
    switch (sub) {
    case 0xd0:
    case 0xd1:
        ata_smart_data(s->buffer, sub == 0xd1);
        disk_reply(d);
        return;
    case 0xd8: s->ata.smart = true; break;
    case 0xd9: s->ata.smart = false; break;
    case 0xd2: /* autosave */
    case 0xda: /* status: 4F C2 left in place means healthy */ break;
    default: ide_drive_abort(d); return;
    }
    ide_drive_end(d, READY, 0);
}

static void disk_trim(struct ide_drive *d)
{
    struct ide_drive_state *s = d->s;
    uint32_t blocks = s->nsector | (uint32_t)s->old_nsector << 8;

    if (s->features != 1 || !blocks || blocks > ATA_MAX_TRIM_BLOCKS || block_readonly(d->block)) {
        ide_drive_abort(d);
        return;
    }
    s->ata.action = ATA_TRIM;
    s->ata.lba = 0;
    s->ata.left = blocks;
    s->ata.block = 1;
    s->ata.flush_after = false;
    ide_drive_await_dma(d);
}

static void disk_identify(struct ide_drive *d)
{
    struct ata_identity id = {
        .sectors = block_sectors(d->block),
        .serial = d->serial,
        .heads = d->s->ata.heads,
        .sectors_per_track = d->s->ata.sectors_per_track,
        .multiple = d->s->ata.multiple,
        .transfer_mode = d->s->ata.transfer_mode,
        .write_cache = d->s->ata.write_cache,
        .smart = d->s->ata.smart,
    };

    ata_identify_disk(d->s->buffer, &id);
    disk_reply(d);
}

static bool disk_transfer_command(struct ide_drive *d, uint8_t command)
{
    unsigned multiple = d->s->ata.multiple;

    switch (command) {
    case 0x20:
    case 0x21: disk_transfer(d, ATA_READ_PIO, false, 1, false); return true;
    case 0x24: disk_transfer(d, ATA_READ_PIO, true, 1, false); return true;
    case 0x29: disk_transfer(d, ATA_READ_PIO, true, multiple, false); return true;
    case 0xc4: disk_transfer(d, ATA_READ_PIO, false, multiple, false); return true;
    case 0x30:
    case 0x31: disk_transfer(d, ATA_WRITE_PIO, false, 1, false); return true;
    case 0x34: disk_transfer(d, ATA_WRITE_PIO, true, 1, false); return true;
    case 0x39: disk_transfer(d, ATA_WRITE_PIO, true, multiple, false); return true;
    case 0x3c: disk_transfer(d, ATA_WRITE_PIO, false, 1, true); return true; /* write verify */
    case 0xc5: disk_transfer(d, ATA_WRITE_PIO, false, multiple, false); return true;
    case 0xce: disk_transfer(d, ATA_WRITE_PIO, true, multiple, true); return true;
    case 0x25: disk_transfer(d, ATA_READ_DMA, true, 1, false); return true;
    case 0xc8:
    case 0xc9: disk_transfer(d, ATA_READ_DMA, false, 1, false); return true;
    case 0x35: disk_transfer(d, ATA_WRITE_DMA, true, 1, false); return true;
    case 0x3d: disk_transfer(d, ATA_WRITE_DMA, true, 1, true); return true;
    case 0xca:
    case 0xcb: disk_transfer(d, ATA_WRITE_DMA, false, 1, false); return true;
    case 0x40:
    case 0x41: disk_transfer(d, ATA_VERIFY, false, 1, false); return true;
    case 0x42: disk_transfer(d, ATA_VERIFY, true, 1, false); return true;
    default: return false;
    }
}

static void disk_command(struct ide_drive *d, uint8_t command)
{
    struct ide_drive_state *s = d->s;

    if (disk_transfer_command(d, command))
        return;
    s->ata.action = ATA_REPLY;
    switch (command) {
    case 0xec: disk_identify(d); return;
    case 0x06: disk_trim(d); return;
    case 0xe7:
    case 0xea:
        s->ata.action = ATA_FLUSH;
        ide_drive_submit(d, BLOCK_FLUSH, 0, 0);
        return;
    case 0xef: disk_set_features(d); return;
    case 0xc6: disk_set_multiple(d); return;
    case 0x91: disk_set_geometry(d); return;
    case 0xf8: disk_native_max(d, false); return;
    case 0x27: disk_native_max(d, true); return;
    case 0xb0: disk_smart(d); return;
    case 0x90: /* diagnostics */
        ata_disk_ops.signature(d);
        ide_drive_end(d, READY, 1);
        return;
    case 0x98:
    case 0xe5:
        s->nsector = 0xff; /* active */
        ide_drive_end(d, READY, 0);
        return;
    case 0x10 ... 0x1f: /* recalibrate, seek */
    case 0x70 ... 0x7f:
    case 0x94 ... 0x97: /* standby, idle, sleep */
    case 0x99:
    case 0xe0 ... 0xe3:
    case 0xe6: ide_drive_end(d, READY, 0); return;
    default: ide_drive_abort(d); return;
    }
}

static void disk_reset(struct ide_drive *d, bool power_on)
{
    struct ata_state *a = &d->s->ata;

    a->action = ATA_REPLY;
    a->left = 0;
    a->flush_after = false;
    if (!power_on)
        return;
    a->heads = ATA_HEADS;
    a->sectors_per_track = ATA_SECTORS_PER_TRACK;
    a->multiple = ATA_MAX_MULTIPLE;
    a->write_cache = true;
    a->smart = true;
    a->transfer_mode = ATA_MODE_DEFAULT;
}

static void disk_signature(struct ide_drive *d)
{
    d->s->nsector = d->s->lba_low = 1;
    d->s->lba_mid = d->s->lba_high = 0;
    d->s->status = READY;
}

/* Does the phase move sectors of the buffer, which disk_advance() will count? */
static bool disk_moves_chunk(const struct ide_drive_state *s)
{
    if (s->ata.action == ATA_REPLY || s->ata.action == ATA_FLUSH)
        return false;
    return s->phase == IDE_PIO_IN || s->phase == IDE_PIO_OUT || (s->phase == IDE_IO && s->io_op != BLOCK_FLUSH);
}

static bool disk_check(const struct ide_drive_state *s)
{
    const struct ata_state *a = &s->ata;

    if (a->action >= ATA_ACTIONS || !a->heads || !a->sectors_per_track || a->multiple > ATA_MAX_MULTIPLE ||
        a->block > ATA_MAX_MULTIPLE || a->left > 65536 || a->lba >= 1ull << 48)
        return false;
    return !disk_moves_chunk(s) ||
           (a->block && s->len && s->len % IDE_SECTOR_BYTES == 0 && s->len / IDE_SECTOR_BYTES <= a->left);
}

const struct ide_drive_ops ata_disk_ops = {
    .command = disk_command,
    .reset = disk_reset,
    .signature = disk_signature,
    .pio_done = disk_pio_done,
    .dma_start = disk_dma_start,
    .io_done = disk_io_done,
    .check = disk_check,
};
