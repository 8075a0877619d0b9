/* SPDX-License-Identifier: GPL-2.0-or-later */
/* i82077_internal.h: what the floppy controller's registers (i82077.c) and its drives (i82077_media.c) share. */
#ifndef DOMUS_DEV_I82077_INTERNAL_H
#define DOMUS_DEV_I82077_INTERNAL_H

#include "dev/i82077.h"
#include "host/block/block.h"

#define SECTOR_BYTES BLOCK_SECTOR_BYTES

enum { PHASE_IDLE, PHASE_BUSY, PHASE_READ, PHASE_WRITE, PHASE_RESULT };
enum { OP_NONE, OP_READ, OP_WRITE };
enum {
    CMD_READ_TRACK = 0x02,
    CMD_SPECIFY = 0x03,
    CMD_SENSE_DRIVE = 0x04,
    CMD_WRITE = 0x05,
    CMD_READ = 0x06,
    CMD_RECALIBRATE = 0x07,
    CMD_SENSE_INTERRUPT = 0x08,
    CMD_WRITE_DELETED = 0x09,
    CMD_READ_ID = 0x0A,
    CMD_READ_DELETED = 0x0C,
    CMD_FORMAT = 0x0D,
    CMD_DUMPREG = 0x0E,
    CMD_SEEK = 0x0F,
    CMD_VERSION = 0x10,
    CMD_PERPENDICULAR = 0x12,
    CMD_CONFIGURE = 0x13,
    CMD_LOCK = 0x14,
    CMD_VERIFY = 0x16,
};

#define ST0_ABNORMAL  0x40
#define ST0_INVALID   0x80
#define ST0_SEEK      0x20
#define ST0_NO_TRACK0 0x10
#define ST1_EN        0x80
#define ST1_DE        0x20
#define ST1_OR        0x10
#define ST1_ND        0x04
#define ST1_NW        0x02
#define ST1_MA        0x01
#define ST2_CM        0x40
#define ST2_WC        0x10

struct i82077_state {
    uint64_t seek_due; /* guest time; while seeking */
    uint16_t at;       /* bytes of data[] that the processor has moved */
    uint8_t dor, tdr, rate, config, precomp, perpendicular, specify[2];
    uint8_t phase, op; /* op: what the drive has been asked for; only in PHASE_BUSY, and always there */
    uint8_t command[9], length, got;
    uint8_t result[10], results, result_at;
    uint8_t pcn[4], target[4], seek_st0[4];
    uint8_t seeking, sought; /* a bit per drive: on the way; arrived and not yet sensed */
    uint8_t resets;          /* reset interrupts not yet sensed */
    uint8_t changed;         /* a bit per drive: the change line */
    uint8_t cylinder, head, sector, eot, left;
    bool irq, lock, tc;
    uint8_t data[SECTOR_BYTES];
};

struct floppy_drive {
    unsigned kind;       /* as in CMOS; 0: not connected */
    struct block *block; /* owned; NULL: no disk */
    const struct floppy_format *format;
};

struct i82077 {
    struct device dev;
    struct i82077_state s;
    struct loop *loop; /* borrowed, as the next two */
    struct irq_line *irq6;
    struct device *dma;
    struct timer timer; /* seeks */
    struct floppy_drive drive[I82077_DRIVES];

    /* The one request; a reset cannot call it back, only forget it. */
    struct block_request request;
    struct iovec iov;
    uint8_t buffer[SECTOR_BYTES];
    bool outstanding, forgotten;
};

/* i82077_media.c */
void i82077_media_init(struct i82077 *f);
bool i82077_connected(const struct i82077 *f, unsigned drive);
bool i82077_protected(const struct i82077 *f, unsigned drive);
bool i82077_changed(const struct i82077 *f, unsigned drive);
/* Is there a disk whose data can be read at the data rate that is set? */
bool i82077_readable(const struct i82077 *f, unsigned drive);
/* Is that sector under the heads of the drive of the command? */
bool i82077_reaches(const struct i82077 *f, unsigned cylinder, unsigned head, unsigned sector);
void i82077_step_to(struct i82077 *f, unsigned drive, unsigned cylinder);
/* Reads into or writes from data[]; i82077_io_done() follows, later. */
void i82077_submit(struct i82077 *f, unsigned op);
void i82077_forget(struct i82077 *f);
void i82077_eject_all(struct i82077 *f);

/* i82077.c */
void i82077_io_done(struct i82077 *f, unsigned op, int error);
void i82077_set_irq(struct i82077 *f, bool on);

#endif
