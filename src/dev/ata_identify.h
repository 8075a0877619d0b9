/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ata_identify.h: the 512-byte blocks in which drives describe themselves. Pure: bytes out of facts. */
#ifndef DOMUS_DEV_ATA_IDENTIFY_H
#define DOMUS_DEV_ATA_IDENTIFY_H

#include "base/types.h"

#define ATA_HEADS             16
#define ATA_SECTORS_PER_TRACK 63
#define ATA_MAX_MULTIPLE      16
#define ATA_LBA28_SECTORS     0x10000000ull
#define ATA_MAX_TRIM_BLOCKS   8    /* of 64 ranges each, in one TRIM */
#define ATA_MODE_DEFAULT      0x45 /* Ultra DMA 5 */

struct ata_identity {
    uint64_t sectors;
    const char *serial;
    uint16_t heads, sectors_per_track; /* current translation */
    uint8_t multiple, transfer_mode;
    bool write_cache, smart;
};

void ata_identify_disk(uint8_t *to, const struct ata_identity *id);
void ata_identify_cdrom(uint8_t *to, const char *serial, uint8_t transfer_mode);
void ata_smart_data(uint8_t *to, bool thresholds);
/* SET FEATURES 03: a transfer mode we offer? */
bool ata_transfer_mode_valid(uint8_t mode);

#endif
