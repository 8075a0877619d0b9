/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ata_identify.c: IDENTIFY DEVICE and IDENTIFY PACKET DEVICE (ATA/ATAPI-6, 8.15 and 8.16), and SMART's two sectors.
 * The geometry is 16 heads of 63 sectors at any size, as firmware and systems without LBA expect.
 */
#include "dev/ata_identify.h"

#include "base/bytes.h"
#include "dev/ide_drive.h"

#define MAX_CYLINDERS 16383u

static void put_word(uint8_t *to, unsigned word, unsigned value)
{
    store_le16(to + 2 * word, (uint16_t)value);
}

/* Modes of one family: which exist, and which is chosen. */
static unsigned mode_word(unsigned supported, uint8_t mode, uint8_t family)
{
    return supported | ((mode & 0xf8) == family ? 0x100u << (mode & 7) : 0);
}

bool ata_transfer_mode_valid(uint8_t mode)
{
    switch (mode >> 3) {
    case 0: return mode < 2;        /* PIO default */
    case 1: return (mode & 7) <= 4; /* PIO with flow control */
    case 2:                         /* single-word DMA */
    case 4: return (mode & 7) <= 2; /* multi-word DMA */
    case 8: return (mode & 7) <= 5; /* Ultra DMA */
    default: return false;
    }
}

static void put_modes(uint8_t *to, uint8_t mode)
{
    put_word(to, 62, mode_word(0x07, mode, 0x10));
    put_word(to, 63, mode_word(0x07, mode, 0x20));
    put_word(to, 64, 0x03);
    for (unsigned word = 65; word <= 68; word++)
        put_word(to, word, 120); /* cycle times in ns */
    put_word(to, 88, mode_word(0x3f, mode, 0x40));
}

void ata_identify_disk(uint8_t *to, const struct ata_identity *id)
{
    uint64_t per_cylinder = ATA_HEADS * ATA_SECTORS_PER_TRACK, cylinders = id->sectors / per_cylinder;
    uint64_t current = id->sectors / ((uint64_t)id->heads * id->sectors_per_track), current_sectors;
    uint32_t lba28 = (uint32_t)(id->sectors < ATA_LBA28_SECTORS ? id->sectors : ATA_LBA28_SECTORS - 1);

    cylinders = cylinders > MAX_CYLINDERS ? MAX_CYLINDERS : cylinders < 2 ? 2 : cylinders;
    current = current > MAX_CYLINDERS ? MAX_CYLINDERS : current;
    current_sectors = current * id->heads * id->sectors_per_track;
    memset(to, 0, IDE_SECTOR_BYTES);
    put_word(to, 0, 0x0040); /* fixed drive */
    put_word(to, 1, (unsigned)cylinders);
    put_word(to, 3, ATA_HEADS);
    put_word(to, 4, IDE_SECTOR_BYTES * ATA_SECTORS_PER_TRACK);
    put_word(to, 5, IDE_SECTOR_BYTES);
    put_word(to, 6, ATA_SECTORS_PER_TRACK);
    ide_put_string(to + 2 * 10, id->serial, 20);
    put_word(to, 20, 3); /* buffer type and size */
    put_word(to, 21, 512);
    put_word(to, 22, 4);
    ide_put_string(to + 2 * 23, "1.0", 8);
    ide_put_string(to + 2 * 27, "DOMUS HARDDISK", 40);
    put_word(to, 47, 0x8000 | ATA_MAX_MULTIPLE);
    put_word(to, 48, 1);      /* 32-bit data port */
    put_word(to, 49, 0x0b00); /* IORDY, LBA, DMA */
    put_word(to, 51, 0x0200);
    put_word(to, 52, 0x0200);
    put_word(to, 53, 7); /* words 54-58, 64-70 and 88 are valid */
    put_word(to, 54, (unsigned)current);
    put_word(to, 55, id->heads);
    put_word(to, 56, id->sectors_per_track);
    store_le32(to + 2 * 57, (uint32_t)current_sectors);
    put_word(to, 59, id->multiple ? 0x100u | id->multiple : 0);
    store_le32(to + 2 * 60, lba28);
    put_modes(to, id->transfer_mode);
    put_word(to, 80, 0x00f0); /* ATA/ATAPI-4 to 7 */
    put_word(to, 81, 0x0016);
    put_word(to, 82, 0x4021); /* NOP, write cache, SMART */
    put_word(to, 83, 0x7400); /* flush, flush ext, 48-bit */
    put_word(to, 84, 0x4040); /* FUA writes */
    put_word(to, 85, 0x4000u | (id->write_cache ? 0x20u : 0) | (id->smart ? 1u : 0));
    put_word(to, 86, 0x3400);
    put_word(to, 87, 0x4040);
    put_word(to, 93, 0x6001);
    store_le64(to + 2 * 100, id->sectors);
    put_word(to, 105, ATA_MAX_TRIM_BLOCKS);
    put_word(to, 169, 1); /* TRIM */
}

void ata_identify_cdrom(uint8_t *to, const char *serial, uint8_t transfer_mode)
{
    memset(to, 0, IDE_SECTOR_BYTES);
    put_word(to, 0, 0x85c0); /* removable CD-ROM, DRQ within 50 us, 12-byte packets */
    ide_put_string(to + 2 * 10, serial, 20);
    put_word(to, 20, 3);
    put_word(to, 21, 512);
    put_word(to, 22, 4);
    ide_put_string(to + 2 * 23, "1.0", 8);
    ide_put_string(to + 2 * 27, "DOMUS DVD-ROM", 40);
    put_word(to, 48, 1);
    put_word(to, 49, 0x0b00);
    put_word(to, 53, 7);
    put_modes(to, transfer_mode);
    put_word(to, 71, 30); /* ns to release the bus, to clear busy after SERVICE */
    put_word(to, 72, 30);
    put_word(to, 80, 0x001e); /* up to ATA/ATAPI-4 */
    put_word(to, 82, 0x4214); /* NOP, DEVICE RESET, PACKET, removable */
    put_word(to, 83, 0x4000);
    put_word(to, 84, 0x4000);
    put_word(to, 85, 0x4214);
    put_word(to, 87, 0x4000);
    put_word(to, 93, 0x6001);
}

void ata_smart_data(uint8_t *to, bool thresholds)
{
    /* id, flags (le16), value, worst: reallocated sectors, power-on hours */
    static const uint8_t ids[2] = {0x05, 0x09};
    uint8_t sum = 0;

    memset(to, 0, IDE_SECTOR_BYTES);
    store_le16(to, 1);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *entry = to + 2 + 12 * i;

        entry[0] = ids[i];
        if (thresholds) {
            entry[1] = i ? 0 : 36;
        } else {
            store_le16(entry + 1, 3);
            entry[3] = entry[4] = 100;
        }
    }
    if (!thresholds)
        store_le16(to + 368, 3); /* SMART capability: saves by itself */
    for (unsigned i = 0; i < IDE_SECTOR_BYTES - 1; i++)
        sum = (uint8_t)(sum + to[i]);
    to[IDE_SECTOR_BYTES - 1] = (uint8_t)-sum;
}
