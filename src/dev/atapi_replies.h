/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * atapi_replies.h: the data a CD-ROM answers packet commands with. Pure: bytes out of facts. Each returns the reply's
 * length, at most ATAPI_REPLY_MAX, or -1: invalid field in the packet.
 */
#ifndef DOMUS_DEV_ATAPI_REPLIES_H
#define DOMUS_DEV_ATAPI_REPLIES_H

#include "base/types.h"
#include "host/block/cd_toc.h"

#define ATAPI_REPLY_MAX  4096
#define ATAPI_PACKET     12
#define ATAPI_CD_SECTORS (80u * 60 * 75) /* more than that is a DVD */
#define ATAPI_RAW_BYTES  2352u

struct atapi_medium {
    uint32_t sectors; /* of 2048 bytes; 0: none */
    bool tray_open, locked;
    const struct cd_toc *toc; /* NULL: one data track */
};

int atapi_reply_inquiry(uint8_t *to, const uint8_t *packet);
int atapi_reply_mode_sense(uint8_t *to, const uint8_t *packet, const struct atapi_medium *m);
int atapi_reply_toc(uint8_t *to, const uint8_t *packet, const struct atapi_medium *m);
int atapi_reply_configuration(uint8_t *to, const uint8_t *packet, const struct atapi_medium *m);
int atapi_reply_event(uint8_t *to, const uint8_t *packet, const struct atapi_medium *m, uint8_t event);
int atapi_reply_disc_information(uint8_t *to, const uint8_t *packet, const struct atapi_medium *m);
int atapi_reply_dvd_structure(uint8_t *to, const uint8_t *packet, const struct atapi_medium *m);
int atapi_reply_mechanism(uint8_t *to);

/* Makes the 2352 bytes of a mode 1 sector, without its error correction, around the 2048 at raw+16. */
void atapi_frame_raw_sector(uint8_t *raw, uint32_t lba);

#endif
