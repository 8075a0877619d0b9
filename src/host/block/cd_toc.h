/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cd_toc.h: the table of contents of a disc in a drive: plain facts, no owner, any thread. */
#ifndef DOMUS_HOST_BLOCK_CD_TOC_H
#define DOMUS_HOST_BLOCK_CD_TOC_H

#include "base/types.h"

#define CD_TRACKS_MAX 99u

struct cd_track {
    uint8_t number;      /* 1 to 99 */
    uint8_t adr_control; /* as Q has it: ADR in the upper half; of CONTROL, 4 is "data" */
    uint32_t lba;        /* of 2048-byte sectors, where it begins */
};

struct cd_toc {
    unsigned count;   /* of track[], ascending; 0: the drive did not tell */
    uint8_t sessions; /* 1, or 2 for more than one: Linux tells where the last begins, not how many there are */
    uint8_t last_session_track; /* its first */
    uint8_t leadout_control;
    uint32_t leadout; /* sector: the disc's end */
    struct cd_track track[CD_TRACKS_MAX];
};

#endif
