/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * firmware.h: finds the files that Debian's packages bring: hvmloader, SeaBIOS, OVMF, VGA BIOSes, network boot ROMs.
 */
#ifndef DOMUS_BOARD_FIRMWARE_H
#define DOMUS_BOARD_FIRMWARE_H

#include "base/types.h"

enum firmware_kind {
    FIRMWARE_HVMLOADER,
    FIRMWARE_XEN_SHIM,
    FIRMWARE_SEABIOS,
    FIRMWARE_OVMF,
    FIRMWARE_VGA_CIRRUS,
    FIRMWARE_VGA_STD,
    FIRMWARE_PXE_RTL8139,
    FIRMWARE_PXE_E1000,
};

/* The file's path to free(), or NULL: a log line has said what was looked for and which package brings it. */
char *firmware_find(enum firmware_kind kind);

/* A whole file; free(*bytes). 0, or -errno after a log line. Refuses files over `limit` bytes (-EFBIG). */
int firmware_read(const char *path, size_t limit, uint8_t **bytes, size_t *len);

#endif
