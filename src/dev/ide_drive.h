/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ide_drive.h: what an ATA disk and an ATAPI CD-ROM have in common: the task file, the PIO buffer, one request to the
 * host at a time, resets and the interrupt (ATA/ATAPI-6, chapters 7 to 9). Knows no ports and no bus master: those are
 * the channel's, which lends its drives a struct ide_host.
 */
#ifndef DOMUS_DEV_IDE_DRIVE_H
#define DOMUS_DEV_IDE_DRIVE_H

#include "base/types.h"
#include "host/block/block.h"
#include "host/block/cd_toc.h"

#define IDE_BUFFER_BYTES 65536u
#define IDE_SECTOR_BYTES 512u

enum ide_kind { IDE_NONE, IDE_DISK, IDE_CD, IDE_KINDS };

enum ide_phase {
    IDE_IDLE,
    IDE_PIO_IN,  /* the host reads buffer[pos, end) by the data port */
    IDE_PIO_OUT, /* ... writes */
    IDE_IO,      /* a request is with the host (io_op, io_sector, io_count) */
    IDE_DMA,     /* data is ready or wanted, and the bus master stands still */
    IDE_RESET,   /* SRST is held, or a request of before still out */
    IDE_PHASES,
};

/* Registers by their offset in the command block; read / written. */
enum ide_register {
    IDE_DATA,
    IDE_ERROR_FEATURES,
    IDE_NSECTOR, /* ATAPI: interrupt reason */
    IDE_LBA_LOW,
    IDE_LBA_MID,
    IDE_LBA_HIGH,
    IDE_DEVICE,
    IDE_STATUS_COMMAND,
};

#define IDE_STATUS_ERR   0x01u
#define IDE_STATUS_DRQ   0x08u
#define IDE_STATUS_DSC   0x10u
#define IDE_STATUS_DF    0x20u
#define IDE_STATUS_DRDY  0x40u
#define IDE_STATUS_BSY   0x80u

#define IDE_ERROR_ABRT   0x04u
#define IDE_ERROR_IDNF   0x10u
#define IDE_ERROR_UNC    0x40u

#define IDE_DEVICE_LBA   0x40u
#define IDE_DEVICE_1     0x10u
#define IDE_DEVICE_ONES  0xa0u

#define IDE_CONTROL_NIEN 0x02u
#define IDE_CONTROL_SRST 0x04u
#define IDE_CONTROL_HOB  0x80u

/* A disk's command in progress. */
struct ata_state {
    uint64_t lba;                      /* of the buffer's first sector */
    uint32_t left;                     /* sectors from lba on */
    uint16_t block;                    /* sectors a DRQ block */
    uint8_t action;                    /* enum ata_action, ata_disk.c's */
    uint8_t flush_after;               /* the command ends with a flush */
    uint16_t heads, sectors_per_track; /* as INITIALIZE DEVICE PARAMETERS last said */
    uint8_t multiple;                  /* sectors a block of the MULTIPLE commands; 0: off */
    uint8_t write_cache, smart, transfer_mode;
    uint8_t padding[6];
};

/* A CD-ROM's. */
struct atapi_state {
    uint32_t lba;   /* of the buffer's first sector, of 2048 bytes */
    uint32_t left;  /* sectors from lba on */
    uint32_t limit; /* bytes a DRQ block */
    uint8_t raw;    /* 2352-byte sectors */
    uint8_t dma;
    uint8_t action; /* enum atapi_action, atapi_cdrom.c's */
    uint8_t sense_key, asc, ascq;
    uint8_t tray_open, locked;
    uint8_t changed; /* 2: say "no medium", then 1: say "medium may have changed", 0 */
    uint8_t event;   /* media event code to report */
    uint8_t transfer_mode;
    uint8_t padding[5];
};

/* All that reset, save and load touch. A request in flight when it is saved is sent again after load. */
struct ide_drive_state {
    uint8_t kind, phase;
    uint8_t error, features, nsector, lba_low, lba_mid, lba_high, device, status;
    uint8_t old_features, old_nsector, old_lba_low, old_lba_mid, old_lba_high; /* for 48-bit commands */
    uint8_t intrq;
    uint8_t io_op;
    uint8_t padding[7];
    uint64_t io_sector;
    uint32_t io_count;
    uint32_t pos, end, len; /* pos <= end <= len <= IDE_BUFFER_BYTES */
    struct ata_state ata;
    struct atapi_state atapi;
    uint8_t buffer[IDE_BUFFER_BYTES];
};

struct ide_drive;

struct ide_drive_ops {
    void (*command)(struct ide_drive *d, uint8_t command);
    void (*reset)(struct ide_drive *d, bool power_on); /* what the task file's reset does not */
    void (*signature)(struct ide_drive *d);            /* into the task file */
    void (*pio_done)(struct ide_drive *d);             /* a DRQ block was read or written whole */
    void (*dma_start)(struct ide_drive *d);            /* in IDE_DMA: the bus master runs */
    void (*io_done)(struct ide_drive *d, int error);   /* in IDE_IO */
    bool (*check)(const struct ide_drive_state *s);    /* before load */
};

/* What a channel does for its drives. */
struct ide_host {
    void (*interrupt)(struct ide_drive *d); /* s->intrq changed */
    bool (*dma_running)(struct ide_drive *d);
    /* Carries up to len bytes: fewer when the PRD table ends, or -EFAULT. */
    int64_t (*dma_carry)(struct ide_drive *d, uint8_t *bytes, uint32_t len, bool to_memory);
    void (*dma_stop)(struct ide_drive *d, bool ok); /* the command is over, or the table was short */
};

/* The real drive behind a CD-ROM drive; what comes of it is told by atapi_cdrom_set_medium(). */
struct ide_tray {
    void (*lock)(void *opaque, bool locked);
    void (*move)(void *opaque, bool out); /* the medium has been let go of */
};

struct ide_drive {
    const struct ide_drive_ops *ops; /* NULL: no drive here */
    const struct ide_host *host;
    void *channel;               /* the host's own */
    struct ide_drive_state *s;   /* borrowed from the chip's state */
    struct block *block;         /* owned; a CD drive may be empty */
    struct cd_toc toc;           /* of a CD; count 0: one data track */
    const struct ide_tray *tray; /* borrowed; NULL: an image's drive */
    void *tray_opaque;
    struct block_request request;
    struct iovec iov;
    bool inflight;
    bool reset_held;
    char serial[21];
};

static inline bool ide_drive_present(const struct ide_drive *d)
{
    return d->ops != NULL;
}

/* For the channel. */
void ide_drive_write(struct ide_drive *d, enum ide_register reg, uint8_t value); /* not the data port */
uint8_t ide_drive_read(struct ide_drive *d, enum ide_register reg, bool hob);
uint32_t ide_drive_read_data(struct ide_drive *d, unsigned size);
void ide_drive_write_data(struct ide_drive *d, unsigned size, uint32_t value);
void ide_drive_power_on(struct ide_drive *d);
void ide_drive_hold_reset(struct ide_drive *d, bool held); /* SRST */
void ide_drive_loaded(struct ide_drive *d);
void ide_drive_detach(struct ide_drive *d); /* waits for what is in flight, closes the block */
bool ide_drive_state_check(const struct ide_drive_state *s);

/* For the kinds. */
void ide_drive_interrupt(struct ide_drive *d);
void ide_drive_end(struct ide_drive *d, uint8_t status, uint8_t error); /* of a command: idle, interrupt */
void ide_drive_abort(struct ide_drive *d);                              /* ERR and ABRT */
void ide_drive_pio(struct ide_drive *d, enum ide_phase phase, uint32_t end, bool interrupt);
void ide_drive_submit(struct ide_drive *d, enum block_op op, uint64_t sector, uint32_t sectors);
void ide_drive_await_dma(struct ide_drive *d);
void ide_drive_device_reset(struct ide_drive *d); /* the DEVICE RESET command */
/* An IDENTIFY string: blank-padded, bytes swapped in each word. */
void ide_put_string(uint8_t *to, const char *text, unsigned len);

extern const struct ide_drive_ops ata_disk_ops;
extern const struct ide_drive_ops atapi_cdrom_ops;

#endif
