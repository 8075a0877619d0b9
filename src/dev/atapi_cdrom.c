/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * atapi_cdrom.c: an ATAPI CD/DVD-ROM drive (ATA/ATAPI-6, 9.11 and 9.12; MMC-3): the PACKET protocol by PIO and DMA,
 * sense data, the tray. What it answers is in atapi_replies.c.
 *
 * That one disc took another's place is told in two steps, "no medium" and then "medium may have changed", so that
 * guests that only look for one of them notice; the first step falls away for those that ask for events.
 */
#include "dev/atapi_cdrom.h"

#include "base/bytes.h"
#include "base/log.h"
#include "dev/ata_identify.h"
#include "dev/atapi_replies.h"

#include <errno.h>
#include <string.h>

#define CD_SECTOR_BYTES 2048u
#define HOST_SECTORS    (CD_SECTOR_BYTES / IDE_SECTOR_BYTES)
#define CHUNK           (IDE_BUFFER_BYTES / CD_SECTOR_BYTES)
#define RAW_CHUNK       (IDE_BUFFER_BYTES / ATAPI_RAW_BYTES)
#define READY           (IDE_STATUS_DRDY | IDE_STATUS_DSC)

/* The interrupt reason, in the sector count register. */
#define REASON_COMMAND 0x01
#define REASON_TO_HOST 0x02

enum atapi_action {
    ATAPI_NONE,
    ATAPI_IDENTIFY,
    ATAPI_RECEIVE, /* the packet's bytes */
    ATAPI_REPLY,   /* buffer[0, len) to the host */
    ATAPI_READ,    /* sectors to the host */
    ATAPI_ACTIONS,
};

enum media_event { EVENT_NONE, EVENT_EJECT_REQUEST, EVENT_NEW_MEDIUM, EVENT_REMOVAL };

struct sense {
    uint8_t key, asc, ascq;
};
static const struct sense no_medium = {2, 0x3a, 0x00};
static const struct sense tray_is_open = {2, 0x3a, 0x02};
static const struct sense medium_changed = {6, 0x28, 0x00};
static const struct sense read_error = {3, 0x11, 0x00};
static const struct sense bad_command = {5, 0x20, 0x00};
static const struct sense bad_address = {5, 0x21, 0x00};
static const struct sense bad_field = {5, 0x24, 0x00};
static const struct sense saving_unsupported = {5, 0x39, 0x00};
static const struct sense removal_prevented = {5, 0x53, 0x02};

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t be24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static uint32_t be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static void put_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static struct atapi_medium cd_medium(const struct ide_drive *d)
{
    uint64_t sectors = d->block ? block_sectors(d->block) / HOST_SECTORS : 0;

    return (struct atapi_medium){
        .sectors = (uint32_t)(sectors > 0x7fffffff ? 0x7fffffff : sectors),
        .tray_open = d->s->atapi.tray_open,
        .locked = d->s->atapi.locked,
        .toc = &d->toc,
    };
}

/* ---- ends of commands ---- */

static void cd_succeed(struct ide_drive *d)
{
    struct atapi_state *a = &d->s->atapi;

    a->sense_key = a->asc = a->ascq = 0;
    a->action = ATAPI_NONE;
    d->s->nsector = REASON_COMMAND | REASON_TO_HOST;
    if (a->dma)
        d->host->dma_stop(d, true);
    ide_drive_end(d, READY, 0);
}

static void cd_fail(struct ide_drive *d, struct sense sense)
{
    struct atapi_state *a = &d->s->atapi;

    a->sense_key = sense.key;
    a->asc = sense.asc;
    a->ascq = sense.ascq;
    a->action = ATAPI_NONE;
    d->s->nsector = REASON_COMMAND | REASON_TO_HOST;
    if (a->dma)
        d->host->dma_stop(d, true);
    ide_drive_end(d, READY | IDE_STATUS_ERR, (uint8_t)((unsigned)sense.key << 4 | IDE_ERROR_ABRT));
}

/* ---- data to the host ---- */

static uint32_t cd_chunk(const struct atapi_state *a)
{
    uint32_t most = a->raw ? RAW_CHUNK : CHUNK;

    return a->left < most ? a->left : most;
}

static void cd_read_chunk(struct ide_drive *d)
{
    const struct atapi_state *a = &d->s->atapi;

    d->s->pos = d->s->end = 0;
    d->s->len = a->raw ? cd_chunk(a) * ATAPI_RAW_BYTES : cd_chunk(a) * CD_SECTOR_BYTES;
    ide_drive_submit(d, BLOCK_READ, (uint64_t)a->lba * HOST_SECTORS, cd_chunk(a) * HOST_SECTORS);
}

/* Offers the next DRQ block of the buffer. */
static void cd_offer(struct ide_drive *d)
{
    struct ide_drive_state *s = d->s;
    uint32_t n = s->len - s->pos;

    if (n > s->atapi.limit)
        n = s->atapi.limit;
    s->nsector = REASON_TO_HOST;
    s->lba_mid = (uint8_t)n;
    s->lba_high = (uint8_t)(n >> 8);
    ide_drive_pio(d, IDE_PIO_IN, s->pos + n, true);
}

/* The buffer went to the host. */
static void cd_next(struct ide_drive *d)
{
    struct atapi_state *a = &d->s->atapi;
    uint32_t sectors = cd_chunk(a);

    if (a->action == ATAPI_READ && a->left > sectors) {
        a->lba += sectors;
        a->left -= sectors;
        if (a->dma && !d->host->dma_running(d))
            ide_drive_await_dma(d);
        else
            cd_read_chunk(d);
        return;
    }
    cd_succeed(d);
}

static void cd_carry(struct ide_drive *d)
{
    int64_t n = d->host->dma_carry(d, d->s->buffer, d->s->len, true);

    if (n < 0) {
        cd_fail(d, read_error);
    } else if (n < d->s->len) { /* the PRD table is short: no interrupt comes (SFF-8038i) */
        d->host->dma_stop(d, true);
        d->s->atapi.action = ATAPI_NONE;
        d->s->phase = IDE_IDLE;
        d->s->status = READY;
    } else {
        cd_next(d);
    }
}

static void cd_dma_start(struct ide_drive *d)
{
    if (d->s->atapi.action == ATAPI_READ)
        cd_read_chunk(d);
    else
        cd_carry(d);
}

/* Spreads sectors of 2048 bytes to 2352, from the last, in place. */
static void cd_frame_chunk(struct ide_drive *d)
{
    for (uint32_t i = cd_chunk(&d->s->atapi); i-- > 0;) {
        uint8_t *raw = d->s->buffer + i * ATAPI_RAW_BYTES;

        memmove(raw + 16, d->s->buffer + i * CD_SECTOR_BYTES, CD_SECTOR_BYTES);
        atapi_frame_raw_sector(raw, d->s->atapi.lba + i);
    }
}

static void cd_io_done(struct ide_drive *d, int error)
{
    if (error || !d->block || d->s->atapi.action != ATAPI_READ) {
        cd_fail(d, error && d->block ? read_error : no_medium);
        return;
    }
    if (d->s->atapi.dma && !d->host->dma_running(d)) {
        ide_drive_await_dma(d); /* stopped meanwhile: read again when it starts */
        return;
    }
    if (d->s->atapi.raw)
        cd_frame_chunk(d);
    if (d->s->atapi.dma)
        cd_carry(d);
    else
        cd_offer(d);
}

/* len bytes of reply are in the buffer; the host takes at most `most`. */
static void cd_reply(struct ide_drive *d, int len, uint32_t most)
{
    struct ide_drive_state *s = d->s;

    if (len < 0) {
        cd_fail(d, bad_field);
        return;
    }
    s->atapi.action = ATAPI_REPLY;
    s->pos = 0;
    s->len = s->end = (uint32_t)len < most ? (uint32_t)len : most;
    if (!s->len)
        cd_succeed(d);
    else if (s->atapi.dma)
        ide_drive_await_dma(d);
    else
        cd_offer(d);
}

static void cd_read(struct ide_drive *d, uint32_t lba, uint32_t count, bool raw)
{
    struct atapi_state *a = &d->s->atapi;

    if (!range_inside(lba, count, cd_medium(d).sectors)) {
        cd_fail(d, bad_address);
        return;
    }
    if (!count) {
        cd_succeed(d);
        return;
    }
    a->action = ATAPI_READ;
    a->lba = lba;
    a->left = count;
    a->raw = raw;
    if (a->dma)
        ide_drive_await_dma(d);
    else
        cd_read_chunk(d);
}

/* ---- packets ---- */

static void cd_request_sense(struct ide_drive *d, const uint8_t *packet)
{
    struct atapi_state *a = &d->s->atapi;
    uint8_t *to = d->s->buffer;

    memset(to, 0, 18);
    if (!a->sense_key && a->changed == 1) {
        a->sense_key = medium_changed.key;
        a->asc = medium_changed.asc;
        a->changed = 0;
    }
    to[0] = 0x70;
    to[2] = a->sense_key;
    to[7] = 10;
    to[12] = a->asc;
    to[13] = a->ascq;
    a->sense_key = a->asc = a->ascq = 0;
    cd_reply(d, 18, packet[4]);
}

static void cd_set_locked(struct ide_drive *d, bool locked)
{
    bool was = d->s->atapi.locked;

    d->s->atapi.locked = locked;
    if (d->tray && was != locked)
        d->tray->lock(d->tray_opaque, locked);
}

static void cd_let_go(struct ide_drive *d)
{
    struct block *old = d->block;

    d->block = NULL; /* a read in flight ends with "no medium", and so does one that waits for the guest */
    d->toc.count = 0;
    block_close(old);
    if (d->s->atapi.action == ATAPI_READ && (d->s->phase == IDE_PIO_IN || d->s->phase == IDE_DMA))
        cd_fail(d, no_medium);
}

static void cd_move_tray(struct ide_drive *d, bool out)
{
    if (!d->tray)
        return;
    cd_let_go(d);
    d->tray->move(d->tray_opaque, out);
}

static void cd_start_stop(struct ide_drive *d, const uint8_t *packet)
{
    struct atapi_state *a = &d->s->atapi;
    bool load = packet[4] & 1, eject = packet[4] & 2;

    if (eject && !load && a->locked) {
        cd_fail(d, removal_prevented);
        return;
    }
    if (eject && a->tray_open == load) {
        cd_move_tray(d, !load);
        a->tray_open = !load;
        a->event = load ? (d->block ? EVENT_NEW_MEDIUM : EVENT_NONE) : EVENT_REMOVAL;
        if (load && d->block)
            a->changed = 1;
        log_info("CD-ROM: the guest %s the tray", load ? "closed" : "opened");
    }
    cd_succeed(d);
}

static void cd_read_cd(struct ide_drive *d, const uint8_t *packet)
{
    uint32_t lba = be32(packet + 2), count = be24(packet + 6);

    switch (packet[9] & 0xf8) {
    case 0x00: cd_read(d, lba, 0, false); break;
    case 0x10: cd_read(d, lba, count, false); break;
    case 0xf8: cd_read(d, lba, count, true); break;
    default: cd_fail(d, bad_field); break;
    }
}

static void cd_capacity(struct ide_drive *d)
{
    put_be32(d->s->buffer, cd_medium(d).sectors - 1);
    put_be32(d->s->buffer + 4, CD_SECTOR_BYTES);
    cd_reply(d, 8, 8);
}

static void cd_event_status(struct ide_drive *d, const uint8_t *packet)
{
    struct atapi_medium m = cd_medium(d);
    int n = atapi_reply_event(d->s->buffer, packet, &m, d->s->atapi.event);

    if (n == 8 && d->s->atapi.event == EVENT_NEW_MEDIUM && d->s->atapi.changed)
        d->s->atapi.changed = 1; /* it knows: a drive that is not ready would only fail its first read */
    if (n == 8)
        d->s->atapi.event = EVENT_NONE;
    cd_reply(d, n, be16(packet + 7));
}

static void cd_mode_sense(struct ide_drive *d, const uint8_t *packet)
{
    struct atapi_medium m = cd_medium(d);

    if (packet[2] >> 6 == 3)
        cd_fail(d, saving_unsupported);
    else
        cd_reply(d, atapi_reply_mode_sense(d->s->buffer, packet, &m), be16(packet + 7));
}

/* Commands that need no medium and are allowed whatever happened to it; false: not one of these. */
static bool cd_command_any_time(struct ide_drive *d, const uint8_t *packet)
{
    struct atapi_medium m = cd_medium(d);

    switch (packet[0]) {
    case 0x03: cd_request_sense(d, packet); return true;
    case 0x12: cd_reply(d, atapi_reply_inquiry(d->s->buffer, packet), packet[4]); return true;
    case 0x46: cd_reply(d, atapi_reply_configuration(d->s->buffer, packet, &m), be16(packet + 7)); return true;
    case 0x4a: cd_event_status(d, packet); return true;
    default: return false;
    }
}

/* Commands that need no medium, but tell first that it changed. */
static bool cd_command_without_medium(struct ide_drive *d, const uint8_t *packet)
{
    switch (packet[0]) {
    case 0x1b: cd_start_stop(d, packet); return true;
    case 0x1e:
        cd_set_locked(d, packet[4] & 1);
        cd_succeed(d);
        return true;
    case 0x5a: cd_mode_sense(d, packet); return true;
    case 0xbb: cd_succeed(d); return true; /* speed */
    case 0xbd: cd_reply(d, atapi_reply_mechanism(d->s->buffer), be16(packet + 8)); return true;
    default: return false;
    }
}

static bool cd_command_with_medium(struct ide_drive *d, const uint8_t *packet)
{
    struct atapi_medium m = cd_medium(d);
    uint8_t *to = d->s->buffer;

    switch (packet[0]) {
    case 0x00: cd_succeed(d); return true;
    case 0x25: cd_capacity(d); return true;
    case 0x28: cd_read(d, be32(packet + 2), be16(packet + 7), false); return true;
    case 0x2b: /* seek */
        if (be32(packet + 2) < m.sectors)
            cd_succeed(d);
        else
            cd_fail(d, bad_address);
        return true;
    case 0x43: cd_reply(d, atapi_reply_toc(to, packet, &m), be16(packet + 7)); return true;
    case 0x51: cd_reply(d, atapi_reply_disc_information(to, packet, &m), be16(packet + 7)); return true;
    case 0xa8: cd_read(d, be32(packet + 2), be32(packet + 6), false); return true;
    case 0xad: cd_reply(d, atapi_reply_dvd_structure(to, packet, &m), be16(packet + 8)); return true;
    case 0xbe: cd_read_cd(d, packet); return true;
    default: return false;
    }
}

static bool cd_needs_medium(uint8_t opcode)
{
    static const uint8_t all[] = {0x00, 0x25, 0x28, 0x2b, 0x43, 0x51, 0xa8, 0xad, 0xbe};

    return memchr(all, opcode, sizeof all) != NULL;
}

static void cd_packet(struct ide_drive *d)
{
    struct atapi_state *a = &d->s->atapi;
    uint8_t packet[ATAPI_PACKET];

    memcpy(packet, d->s->buffer, sizeof packet);
    if (cd_command_any_time(d, packet))
        return;
    if (a->changed && (cd_needs_medium(packet[0]) || (a->changed == 1 && packet[0] != 0x1b && packet[0] != 0x1e))) {
        a->changed--;
        cd_fail(d, a->changed ? no_medium : medium_changed);
    } else if (cd_command_without_medium(d, packet)) {
        return;
    } else if (cd_needs_medium(packet[0]) && a->tray_open) {
        cd_fail(d, tray_is_open);
    } else if (cd_needs_medium(packet[0]) && !cd_medium(d).sectors) {
        cd_fail(d, no_medium);
    } else if (!cd_command_with_medium(d, packet)) {
        cd_fail(d, bad_command);
    }
}

static void cd_pio_done(struct ide_drive *d)
{
    struct ide_drive_state *s = d->s;

    switch (s->atapi.action) {
    case ATAPI_RECEIVE:
        s->status = IDE_STATUS_BSY | READY;
        cd_packet(d);
        break;
    case ATAPI_REPLY:
    case ATAPI_READ:
        if (s->pos < s->len)
            cd_offer(d);
        else
            cd_next(d);
        break;
    default:
        s->phase = IDE_IDLE;
        s->status = READY;
        break;
    }
}

/* ---- ATA commands ---- */

static void cd_begin_packet(struct ide_drive *d)
{
    struct ide_drive_state *s = d->s;
    uint32_t limit = s->lba_mid | (uint32_t)s->lba_high << 8;

    /* 0 is nonsense some drivers send; an odd limit only fits a last block. */
    if (!limit || limit == 0xffff)
        limit = 0xfffe;
    s->atapi.limit = limit > 1 ? limit & ~1u : 2;
    s->atapi.dma = s->features & 1;
    s->atapi.action = ATAPI_RECEIVE;
    s->nsector = REASON_COMMAND;
    s->pos = 0;
    s->len = ATAPI_PACKET;
    ide_drive_pio(d, IDE_PIO_OUT, ATAPI_PACKET, false);
}

static void cd_set_features(struct ide_drive *d)
{
    switch (d->s->features) {
    case 0x03:
        if (!ata_transfer_mode_valid(d->s->nsector)) {
            ide_drive_abort(d);
            return;
        }
        d->s->atapi.transfer_mode = d->s->nsector;
        break;
    case 0x31: /* media status notification off, defaults kept or not over a reset: taken, no effect */
    case 0x66:
    case 0xcc: break;
    default: ide_drive_abort(d); return;
    }
    ide_drive_end(d, READY, 0);
}

static void cd_command(struct ide_drive *d, uint8_t command)
{
    d->s->atapi.dma = false;
    switch (command) {
    case 0xa0: cd_begin_packet(d); return;
    case 0xa1:
        ata_identify_cdrom(d->s->buffer, d->serial, d->s->atapi.transfer_mode);
        d->s->atapi.action = ATAPI_IDENTIFY;
        d->s->pos = 0;
        d->s->len = IDE_SECTOR_BYTES;
        ide_drive_pio(d, IDE_PIO_IN, IDE_SECTOR_BYTES, true);
        return;
    case 0xef: cd_set_features(d); return;
    case 0x90:
        atapi_cdrom_ops.signature(d);
        ide_drive_end(d, 0, 1);
        return;
    case 0xe5:
        d->s->nsector = 0xff;
        ide_drive_end(d, READY, 0);
        return;
    case 0xe0 ... 0xe3: /* standby, idle, sleep */
    case 0xe6: ide_drive_end(d, READY, 0); return;
    case 0x20: /* read sectors, identify: aborted, with the signature that tells a packet device */
    case 0xec:
        atapi_cdrom_ops.signature(d);
        ide_drive_abort(d);
        return;
    default: ide_drive_abort(d); return;
    }
}

static void cd_reset(struct ide_drive *d, bool power_on)
{
    struct atapi_state *a = &d->s->atapi;

    a->action = ATAPI_NONE;
    a->dma = false;
    a->left = 0;
    cd_set_locked(d, false);
    a->sense_key = a->asc = a->ascq = 0;
    if (!power_on)
        return;
    a->tray_open = false;
    a->changed = 0;
    a->event = EVENT_NONE;
    a->transfer_mode = ATA_MODE_DEFAULT;
}

static void cd_signature(struct ide_drive *d)
{
    d->s->nsector = d->s->lba_low = 1;
    d->s->lba_mid = 0x14;
    d->s->lba_high = 0xeb;
    d->s->status = 0; /* not ready until it gets a command that says otherwise */
}

static bool cd_check(const struct ide_drive_state *s)
{
    const struct atapi_state *a = &s->atapi;
    bool receiving = s->phase == IDE_PIO_OUT;

    return a->action < ATAPI_ACTIONS && a->changed <= 2 && a->limit <= 0xfffe &&
           (!receiving || (a->action == ATAPI_RECEIVE && s->len == ATAPI_PACKET)) &&
           (a->action != ATAPI_READ || (a->left && a->limit));
}

const struct ide_drive_ops atapi_cdrom_ops = {
    .command = cd_command,
    .reset = cd_reset,
    .signature = cd_signature,
    .pio_done = cd_pio_done,
    .dma_start = cd_dma_start,
    .io_done = cd_io_done,
    .check = cd_check,
};

/* ---- the tray, from outside ---- */

/* The medium that was there is another one, or gone. */
static void cd_take(struct ide_drive *d, struct block *b)
{
    struct atapi_state *a = &d->s->atapi;
    bool had_one = d->block;

    cd_let_go(d);
    d->block = b;
    a->changed = !b ? 0 : had_one ? 2 : 1;
    a->event = b ? EVENT_NEW_MEDIUM : EVENT_REMOVAL;
}

void atapi_cdrom_change(struct ide_drive *d, struct block *b)
{
    cd_take(d, b);
    d->s->atapi.tray_open = false;
    cd_set_locked(d, false);
}

void atapi_cdrom_set_medium(struct ide_drive *d, struct block *b, const struct cd_toc *toc, bool tray_open)
{
    if (b || d->block || d->s->atapi.tray_open != tray_open)
        cd_take(d, b);
    if (b && toc)
        d->toc = *toc;
    d->s->atapi.tray_open = tray_open;
}

void atapi_cdrom_set_tray(struct ide_drive *d, const struct ide_tray *tray, void *opaque)
{
    d->tray = tray;
    d->tray_opaque = opaque;
    if (tray && d->s->atapi.locked)
        tray->lock(opaque, true);
}

bool atapi_cdrom_locked(const struct ide_drive *d)
{
    return d->s->atapi.locked;
}

void atapi_cdrom_ask_eject(struct ide_drive *d)
{
    d->s->atapi.event = EVENT_EJECT_REQUEST;
}
